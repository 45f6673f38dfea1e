"""Which of the files that Soulseek found are which tracks of a release. Core.

A folder's files are assigned to the release's tracks at once, one file a track (`pairs.py`, `assign.py`), then the folder is judged as an edition
(`verdict.py`) and ranked (`ranking.py`): so an album comes from one source where one has it all, and never from a folder of another edition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from slskdn_tui.engine.music.assign import assign
from slskdn_tui.engine.music.folders import AudioFile, Folder, folders
from slskdn_tui.engine.music.pairs import LEAST_PAIR, Fit, Want, fit, wants
from slskdn_tui.engine.music.ranking import Opinion, codec_penalty, joined, score, why
from slskdn_tui.engine.music.titles import normal, words_alike
from slskdn_tui.engine.music.verdict import Kind, Pairing, Verdict, judge, judge_alone
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

_AGREEMENT = 0.1
_KNOWN, _UNKNOWN = 0.8, 0.5
_SURE = 0.05
"""What a certain pair is worth over one that only looks better."""
_ORDER: dict[Kind, int] = {"whole": 0, "part": 1, "larger": 2, "other": 3}
_COPY_S = 2


@dataclass(frozen=True, slots=True)
class AlbumCandidate:
    """A source of the release: a user's folder, or a mix of several (`username` and `folder` are then those of the largest part).

    `files` pairs track positions with files, in order; each file names its user. `fit` is what the folder is: `whole` (every track, this edition),
    `part` (this edition, but tracks are lacking), `larger` (all tracks and more), `other`. `complete`: it is whole, or a mix that has every track.
    `certain` are positions whose file is surely that recording; `known` counts the tracks that lie there in any codec; `sources` says which positions
    come from whom; `note` why it is not whole. `score` 0-1; `why` says it all in a line of at most 80 columns.
    """

    username: str
    folder: str
    files: tuple[tuple[int, FoundFile], ...]
    score: float
    complete: bool
    why: SafeText
    lossy_tracks: int
    fit: Kind = "whole"
    note: str = ""
    certain: tuple[int, ...] = ()
    known: int = 0
    sources: tuple[tuple[str, tuple[int, ...]], ...] = ()


def album_candidates(
    release: Release,
    replies: Sequence[SearchReply],
    constraints: Constraints,
    history: Opinion = lambda username: 0.5,
    reputation: Opinion = lambda username: 1.0,
    *,
    alone: bool = False,
    variants: Sequence[VariantChoice] = (),
) -> tuple[AlbumCandidate, ...]:
    """Every folder that has at least one track, best first: whole ones, then parts, larger editions and others, each by score.

    `history` and `reputation` give 0-1 for a user name. The same user may answer several queries; a path counts once. `alone`: the release
    stands for one recording, which may lie in any folder. `variants`: what is known of files of these recordings, by their size.
    """
    artist, album = normal(release.artist), normal(release.title)
    prefixes = tuple(dict.fromkeys(text for text in (f"{artist} {album}", artist, album) if text))
    wishes = wants(release)
    found = []
    for folder in folders(replies, prefixes):
        name = folder.reply.username
        candidate = _candidate(release, wishes, folder, constraints, history(name), reputation(name), alone)
        if candidate is not None:
            found.append(candidate)
    if constraints.prefer_canonical_variants:
        found = _by_variants(_by_agreement(found), release, variants)
    found.sort(
        key=lambda candidate: (_ORDER[candidate.fit], not candidate.complete, -candidate.score, candidate.username, candidate.folder)
    )
    return tuple(found)


def lay(release: Release, folder: Folder) -> tuple[tuple[tuple[Track, Pairing], ...], Verdict]:
    """How the files of a folder lie on a release, whatever their codecs, and what the folder is to it."""
    wishes = wants(release)
    recordings = frozenset(track.recording_mbid for track in release.tracks)
    fits = [[fit(want, file, release.disc_count, recordings) for file in folder.files] for want in wishes]
    pairs = _match(fits, folder.files, None)
    verdict = judge(release, wishes, folder, pairs, _spare(release, fits, folder, pairs)) if pairs else Verdict("other", "no file fits")
    return tuple((wishes[pair.want].track, pair) for pair in pairs), verdict


def _candidate(
    release: Release, wishes: Sequence[Want], folder: Folder, constraints: Constraints, history: float, reputation: float, alone: bool
) -> AlbumCandidate | None:
    recordings = frozenset(track.recording_mbid for track in release.tracks)
    fits = [[fit(want, file, release.disc_count, recordings, alone) for file in folder.files] for want in wishes]
    chosen = _match(fits, folder.files, constraints)
    if not chosen:
        return None
    # The edition is told by all that lies there, whatever its codec.
    everything = [*chosen, *_match(fits, folder.files, None, chosen)]
    if alone:
        verdict = judge_alone(release, folder, chosen[0])
    else:
        verdict = judge(release, wishes, folder, everything, _spare(release, fits, folder, everything))
    files = [pair.file for pair in chosen]
    likeness = sum(pair.fit.score for pair in chosen) / len(chosen)
    coverage = len(chosen) / len(wishes)
    named = words_alike(set(normal(f"{release.artist} {release.title}").split()), normal(folder.path))
    kind, note = verdict.kind, verdict.note
    if kind in ("whole", "part") and coverage < 1:
        kind = "part"
        note = note or f"{len(everything) - len(chosen)} tracks in other codecs"
        verdict = Verdict(kind, note, verdict.certain)
    return AlbumCandidate(
        username=folder.reply.username,
        folder=folder.path,
        files=tuple((wishes[pair.want].track.position, pair.file.found) for pair in chosen),
        score=round(min(1.0, score(folder.reply, files, likeness * coverage, named, constraints, history, reputation)), 4),
        complete=kind == "whole",
        why=why(folder.reply, files, len(wishes), likeness, verdict, history, reputation),
        lossy_tracks=sum(not file.lossless for file in files),
        fit=kind,
        note=note,
        certain=tuple(wishes[pair.want].track.position for pair in chosen if pair.want in verdict.certain),
        known=len(everything),
        sources=((folder.reply.username, tuple(wishes[pair.want].track.position for pair in chosen)),),
    )


def _match(
    fits: Sequence[Sequence[Fit]], files: Sequence[AudioFile], constraints: Constraints | None, taken: Sequence[Pairing] = ()
) -> list[Pairing]:
    """The best assignment, in track order, with at most the allowed lossy files; without constraints, of what `taken` leaves."""
    allowed = constraints.max_lossy_tracks_per_album if constraints is not None else len(fits)
    gone_rows, gone_files = {pair.want for pair in taken}, {id(pair.file) for pair in taken}
    rows = [row for row in range(len(fits)) if row not in gone_rows]
    columns = [
        column
        for column, file in enumerate(files)
        if id(file) not in gone_files and (allowed > 0 or file.lossless) and any(fits[row][column].score >= LEAST_PAIR for row in rows)
    ]
    if not rows or not columns:
        return []
    worse = [codec_penalty(files[column].codec, constraints) if constraints is not None else 0.0 for column in columns]
    # One idle column a wish lets it stay without a file, at the cost of a pair just below the least.
    idle = 1 - LEAST_PAIR + 0.3
    cost = [
        [
            1 - fits[row][column].score + penalty - (_SURE if fits[row][column].sure else 0.0)
            if fits[row][column].score >= LEAST_PAIR
            else 2.0
            for column, penalty in zip(columns, worse, strict=True)
        ]
        + [idle] * len(rows)
        for row in rows
    ]
    pairs = [
        Pairing(rows[at], files[columns[column]], fits[rows[at]][columns[column]])
        for at, column in enumerate(_cheapest(cost, len(columns)))
        if column < len(columns) and fits[rows[at]][columns[column]].score >= LEAST_PAIR
    ]
    lossy = sorted((pair for pair in pairs if not pair.file.lossless), key=lambda pair: -pair.fit.score)
    dropped = {pair.want for pair in lossy[allowed:]}
    return [pair for pair in pairs if pair.want not in dropped]


def _cheapest(cost: Sequence[Sequence[float]], real: int) -> list[int]:
    """The best assignment; where every row's own best column is free of others (the usual folder), it is that, without more work."""
    best = [min(range(len(line)), key=line.__getitem__) for line in cost]
    taken = [column for column in best if column < real]
    return best if len(set(taken)) == len(taken) else assign(cost)


def _spare(release: Release, fits: Sequence[Sequence[Fit]], folder: Folder, pairs: Sequence[Pairing]) -> list[AudioFile]:
    """Audio left over that is neither a copy of an assigned file nor plainly of another album that lies in the same folder."""
    taken = {id(pair.file): pair for pair in pairs}
    by_want = {pair.want: pair.file for pair in pairs}
    spare = []
    for column, file in enumerate(folder.files):
        if id(file) in taken:
            continue
        likely = max(range(len(fits)), key=lambda row: fits[row][column].score)
        twin = by_want.get(likely) if fits[likely][column].score >= LEAST_PAIR else None
        if (twin is None or not _copy(file, twin)) and not _left_out(release, file):
            spare.append(file)
    album = normal(release.title)
    if spare and album and all(_says(pair.file, album, normal(release.tracks[pair.want].title)) for pair in pairs):
        spare = [file for file in spare if _says(file, album)]
    return spare


def _left_out(release: Release, file: AudioFile) -> bool:
    """Whether a file is a track that was left out of the wish: silence, data and video tracks, hidden ones before the first, or by the user's edit."""
    number, disc = file.reading.number, file.disc if file.disc is not None else file.reading.disc
    numbers = {track.number for track in release.tracks if disc is None or disc == track.disc or release.disc_count == 1}
    return (
        number is not None and number not in numbers and number < max(numbers, default=0) and (disc is not None or release.disc_count == 1)
    )


def _says(file: AudioFile, album: str, title: str = "") -> bool:
    """Whether a file's name holds the album's, beside its own title."""
    name = f" {normal(file.found.name)} "
    return f" {album} " in (name.replace(f" {title} ", " ", 1) if title else name)


def _copy(file: AudioFile, twin: AudioFile) -> bool:
    """The same track once more: in another codec, or as long or as large, on the same disc."""
    if file.disc != twin.disc:
        return False
    if file.codec != twin.codec or file.found.size == twin.found.size:
        return True
    return bool(file.found.seconds and twin.found.seconds and abs(file.found.seconds - twin.found.seconds) <= _COPY_S)


def _by_agreement(found: Sequence[AlbumCandidate]) -> list[AlbumCandidate]:
    """The variant most users share is the likeliest to be canonical, and has the most holders to fail over to: the same size counts as agreement."""
    users: dict[tuple[int, int], set[str]] = {}
    for candidate in found:
        for position, file in candidate.files:
            users.setdefault((position, file.size), set()).add(candidate.username)
    most: dict[int, int] = {}
    for (position, _), names in users.items():
        most[position] = max(most.get(position, 0), len(names))
    out = []
    for candidate in found:
        shares = [len(users[position, file.size]) / most[position] for position, file in candidate.files]
        with_others = sum(len(users[position, file.size]) > 1 for position, file in candidate.files)
        words = joined([candidate.why, f"{with_others} the same elsewhere"]) if with_others else candidate.why
        value = round(candidate.score * (1 - _AGREEMENT) + _AGREEMENT * sum(shares) / len(shares), 4)
        out.append(replace(candidate, score=value, why=words))
    return out


def _by_variants(found: Sequence[AlbumCandidate], release: Release, variants: Sequence[VariantChoice]) -> list[AlbumCandidate]:
    """What is known of a file of that size (its score here or in the mesh) outweighs how fast its user is; what is unknown stands in the middle."""
    recordings = {track.position: track.recording_mbid for track in release.tracks}
    known = {(each.recording, each.length): each for each in sorted(variants, key=lambda each: (each.canonical, each.peers))}
    if not known:
        return list(found)
    out = []
    for candidate in found:
        told = [known.get((recordings[position], file.size)) for position, file in candidate.files]
        quality = sum(each.score if each else _UNKNOWN for each in told) / len(told)
        badges = [each.badge for each in told if each and each.badge]
        scores = [each.score for each in told if each]
        words = ""
        if badges:
            words = badges[0] if len(told) == 1 else f"{len(badges)} of {len(told)} canonical"
        elif scores:
            words = f"known score {sum(scores) / len(scores):.2f}"
        value = round((candidate.score + _KNOWN * quality) / (1 + _KNOWN), 4)
        out.append(replace(candidate, score=value, why=joined([candidate.why, words]) if words else candidate.why))
    return out


def holders(track: Track, candidates: Sequence[AlbumCandidate], *, like: FoundFile | None = None) -> tuple[FoundFile, ...]:
    """Files for one track in the candidates' order; with `like`, those of the same name and size (most likely the same bytes) come first."""
    files = [file for candidate in candidates for position, file in candidate.files if position == track.position]
    if like is None:
        return tuple(files)
    name = like.name.casefold()
    return tuple(sorted(files, key=lambda file: (file.size != like.size or file.name.casefold() != name, file.size != like.size)))
