"""From whom a job may take its tracks: a whole folder, the certain part of one, or a mix where the user allows it. Core.

An album arrives whole and in the right edition, so:

1. Where users have the whole album, tracks come from the best of them; when he fails, from the next whole folder. Of other folders only files of the
   same name and size are used (the same bytes, as far as can be known).
2. Where nobody has it whole and mixing is not allowed, the best part is fetched if it is certainly this edition: everything in that folder belongs to
   the release and at least half of the release lies there. The rest is waited for: from that folder, or from one that is whole.
3. With `constraints.allow_mixed_sources`, each missing track comes from the folder that is certain to have that recording, from as few users as
   possible, and it is told which came from whom.
4. A larger or another edition is never taken for the album; a mix may take recordings from it whose length agrees.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from slskdn_tui.engine.music.matching import AlbumCandidate
from slskdn_tui.engine.music.verdict import positions
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.codec import codec_of, is_lossless
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText

Begun = Collection[tuple[str, str]]
"""(user name, raw path) of the files a job has fetched already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`candidates` may be used, best first; `words` says what was decided, `short` what is lacking (empty when nothing is), `hint` what would help."""

    kind: Literal["whole", "mix", "part", "none"]
    candidates: tuple[AlbumCandidate, ...]
    words: SafeText
    short: SafeText = SafeText("")  # noqa: RUF009  immutable
    hint: SafeText = SafeText("")  # noqa: RUF009


def plan(
    wanted: Sequence[int], found: Sequence[AlbumCandidate], constraints: Constraints, begun: Begun = (), done: Collection[int] = ()
) -> Plan:
    """`wanted` are all positions of the release, `done` those that are here already; `found` is what `album_candidates` gave."""
    whole = [candidate for candidate in found if candidate.complete]
    started = [candidate for candidate in found if any((file.username, file.path) in begun for _, file in candidate.files)]
    if whole:
        kept = [candidate for candidate in started if candidate.fit == "part"]
        best = whole[0]
        return Plan("whole", _with_same_files([*whole, *kept], found), SafeText(f"{best.username}: {best.why}"))
    missing = [position for position in wanted if position not in done]
    parts = [candidate for candidate in found if candidate.fit == "part" and 2 * candidate.known >= len(wanted)]
    parts.sort(key=lambda candidate: (candidate not in started, -len(candidate.files)))
    left = constraints.max_lossy_tracks_per_album - sum(not is_lossless(codec_of(path)) for _, path in begun)
    mixed = mix(missing, [*(each for each in parts if each in started), *found], left)
    if constraints.allow_mixed_sources and mixed is not None:
        return _mixed_plan(missing, mixed, found)
    if begun:
        parts = [candidate for candidate in parts if candidate in started]
    if not parts:
        return Plan("none", (), _nearest(found, len(wanted)), _nobody(found, len(wanted)), _hint(missing, mixed))
    part = parts[0]
    short = SafeText(f"no user has the whole album; {len(part.files)} of {len(wanted)} at {part.username}")
    here = {position for position, _ in part.files}
    lacking = [position for position in missing if position not in here]
    words = SafeText(f"no user has the whole album; {part.username}: {part.why}")
    return Plan("part", _with_same_files([part], found), words, short, _hint(lacking, mixed))


def mix(wanted: Sequence[int], found: Sequence[AlbumCandidate], lossy_allowed: int) -> AlbumCandidate | None:
    """The wanted tracks from as few users as possible, certain recordings only; None when nobody has any."""
    files: dict[int, FoundFile] = {}
    lossy = 0
    pool = [(candidate, {position: file for position, file in candidate.files if position in candidate.certain}) for candidate in found]
    while left := [position for position in wanted if position not in files]:
        gains = [sum(position in have for position in left) for _, have in pool]
        most = max(gains, default=0)
        if not most:
            break
        at = gains.index(most)
        _, have = pool.pop(at)
        for position in left:
            if position not in have:
                continue
            if not is_lossless(codec_of(have[position].name)):
                if lossy >= lossy_allowed:
                    continue
                lossy += 1
            files[position] = have[position]
    if not files:
        return None
    by_user: dict[str, list[int]] = {}
    for position in sorted(files):
        by_user.setdefault(files[position].username, []).append(position)
    sources = tuple(sorted(((name, tuple(tracks)) for name, tracks in by_user.items()), key=lambda pair: -len(pair[1])))
    largest = next(candidate for candidate in found if candidate.username == sources[0][0])
    return AlbumCandidate(
        username=largest.username,
        folder=largest.folder,
        files=tuple(sorted(files.items(), key=lambda pair: pair[0])),
        score=largest.score,
        complete=len(files) == len(wanted),
        why=told(sources),
        lossy_tracks=lossy,
        fit="part",
        note="a mix",
        certain=tuple(sorted(files)),
        sources=sources,
    )


def told(sources: Sequence[tuple[str, Sequence[int]]]) -> SafeText:
    """`1-9, 11 from bob; 10 from carol`."""
    return SafeText("; ".join(f"{positions(tracks, 8)} from {name}" for name, tracks in sources))


def _mixed_plan(missing: Sequence[int], mixed: AlbumCandidate, found: Sequence[AlbumCandidate]) -> Plan:
    nobody = [position for position in missing if position not in dict(mixed.files)]
    words = f"no user has the whole album; mixed: {mixed.why}"
    short = f"no user has the whole album; nobody has {positions(nobody)}" if nobody else ""
    certain = [
        replace(each, files=tuple((position, file) for position, file in each.files if position in each.certain))
        for each in found
        if each.certain
    ]
    return Plan("mix", (mixed, *certain), SafeText(f"{words}; nobody has {positions(nobody)}" if nobody else words), SafeText(short))


def _with_same_files(usable: Sequence[AlbumCandidate], found: Sequence[AlbumCandidate]) -> tuple[AlbumCandidate, ...]:
    """The usable candidates, and of all others the files that are the same as theirs: holders to go on with at the same offset."""
    same = {(position, file.size, file.name.casefold()) for candidate in usable for position, file in candidate.files}
    out = list(usable)
    for candidate in found:
        if candidate not in usable:
            files = tuple((position, file) for position, file in candidate.files if (position, file.size, file.name.casefold()) in same)
            if files:
                out.append(replace(candidate, files=files, complete=False))
    return tuple(out)


def _hint(lacking: Sequence[int], mixed: AlbumCandidate | None) -> SafeText:
    """What `--mix` would bring of the tracks that are lacking."""
    have = {position: file.username for position, file in mixed.files if position in lacking} if mixed is not None else {}
    if not have:
        return SafeText("")
    by_user: dict[str, list[int]] = {}
    for position, name in have.items():
        by_user.setdefault(name, []).append(position)
    what = "the missing one" if len(have) == len(lacking) == 1 else ""
    who = "; ".join(f"{what or positions(tracks)} from {name}" for name, tracks in by_user.items())
    return SafeText(f"`--mix` would take {who}")


def _nearest(found: Sequence[AlbumCandidate], wanted: int) -> SafeText:
    if not found:
        return SafeText("nobody has a track of it")
    near = max(found, key=lambda candidate: (len(candidate.files), candidate.score))
    note = f", {near.note}" if near.note else ""
    return SafeText(f"nearest: {near.username}, {len(near.files)} of {wanted} tracks{note}")


def _nobody(found: Sequence[AlbumCandidate], wanted: int) -> SafeText:
    if not found:
        return SafeText("")
    return SafeText(f"no user has this edition; {_nearest(found, wanted)}")
