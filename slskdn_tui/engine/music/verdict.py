"""What a user's folder is to a release: the whole album, a part of it, a larger edition, or something else. Core.

An album is one edition. So a folder is *whole* only when every track has its file, each file is surely that recording, no other audio is left
over, the tracks stand in the release's order, and no word of its name (`live`, `mono`, `instrumental`) or id says another edition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from slskdn_tui.engine.music.folders import AudioFile, Folder
from slskdn_tui.engine.music.pairs import Fit, Want
from slskdn_tui.engine.music.titles import SAME_LENGTH, normal, versions, words_alike
from slskdn_tui.model.music import Release

Kind = Literal["whole", "part", "larger", "other"]
MANY = 5
"""So many lengths in a row that agree are no chance: they outweigh a `live` in the folder's name."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """A track (index into the wishes) with its file."""

    want: int
    file: AudioFile
    fit: Fit


@dataclass(frozen=True, slots=True)
class Verdict:
    """`note` says why it is not whole, in a few words; `certain` are the wishes whose file is surely that recording, whatever the folder is."""

    kind: Kind
    note: str = ""
    certain: frozenset[int] = frozenset()


def judge(release: Release, wishes: Sequence[Want], folder: Folder, pairs: Sequence[Pairing], spare: Sequence[AudioFile]) -> Verdict:
    """`pairs` is the assignment over all codecs, `spare` the audio files left over that are no copies of assigned ones."""
    if said := _another_id(release, folder) or _another_version(release, folder, pairs):
        return Verdict("other", said)
    certain = frozenset(pair.want for pair in pairs if pair.fit.sure)
    measured = frozenset(pair.want for pair in pairs if pair.fit.sure and pair.fit.off is not None)
    if unsure := [pair for pair in pairs if not pair.fit.sure]:
        return Verdict("other", _doubt(wishes, unsure), measured)
    if len(measured) * 2 < len(pairs) and not _named(release, folder):
        return Verdict("other", "neither lengths nor names say it is this album")
    # Gaps in the positions: some of its tracks are wanted (an edited manifest), and the others' files may lie there.
    if len(spare) > max((track.position for track in release.tracks), default=0) - len(release.tracks):
        return Verdict("larger" if len(pairs) == len(wishes) else "other", f"another edition: {len(spare)} files more", measured)
    if not _in_order(wishes, pairs):
        return Verdict("other", "another edition: another order", measured)
    if len(pairs) < len(wishes):
        return Verdict("part", _lacking(wishes, {pair.want for pair in pairs}), certain)
    return Verdict("whole", "", certain)


def judge_alone(release: Release, folder: Folder, pair: Pairing) -> Verdict:
    """For a recording wanted alone: the folder may be any release it is on."""
    said = _another_version(release, folder, [pair])
    if said or not pair.fit.sure:
        return Verdict("other", said or "not certain")
    if pair.fit.off is None and not _named(release, folder, artist_only=True):
        return Verdict("other", "neither its length nor its artist is known")
    return Verdict("whole", "", frozenset({pair.want}))


def _another_id(release: Release, folder: Folder) -> str:
    known = {release.mbid, release.group_mbid, release.artist_mbid, *(track.recording_mbid for track in release.tracks)}
    strange = folder.mbids - known
    return "another edition by its MusicBrainz id" if strange and release.mbid not in folder.mbids else ""


def _another_version(release: Release, folder: Folder, pairs: Sequence[Pairing]) -> str:
    """What the folder's name says and the release does not, or the other way about for versions that no length tells apart."""
    meant = versions(normal(f"{release.title} {release.disambiguation}"))
    common = _in_most([versions(normal(track.title)) for track in release.tracks])
    expected = meant | common | versions(normal(release.artist))
    said = versions(folder.name)
    odd = said - expected
    agreeing = sum(pair.fit.sure and pair.fit.off is not None for pair in pairs)
    if agreeing >= MANY and agreeing == len(pairs):
        odd &= SAME_LENGTH
    if odd:
        return f"another edition: it says {', '.join(sorted(odd))}"
    titles = _in_most([frozenset().union(*map(versions, pair.file.reading.titles)) for pair in pairs])
    lacking = (meant & SAME_LENGTH) - said - titles
    return f"another edition: it does not say {', '.join(sorted(lacking))}" if lacking else ""


def _in_most(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    words = frozenset().union(*sets)
    return frozenset(word for word in words if 2 * sum(word in each for each in sets) > len(sets))


def _named(release: Release, folder: Folder, artist_only: bool = False) -> bool:
    """Whether the path, or most file names, name the artist or the album."""
    text = " ".join([normal(folder.path), *(title for file in folder.files[:3] for title in file.reading.titles)])
    names = [normal(release.artist)] if artist_only else [normal(release.artist), normal(release.title)]
    return any(words_alike(name.split(), text) > 0.5 for name in names)


def _in_order(wishes: Sequence[Want], pairs: Sequence[Pairing]) -> bool:
    """Whether the files' own numbers run as the release does. True where they don't say, or not clearly."""
    keys: dict[tuple[int, str, int], int] = {}
    for pair in pairs:
        reading = pair.file.reading
        if reading.number is not None:
            disc = pair.file.disc if pair.file.disc is not None else reading.disc or 0
            keys[disc, reading.side, reading.number] = wishes[pair.want].track.position
    if len(keys) < 0.8 * len(pairs):
        return True
    order = [keys[key] for key in sorted(keys)]
    return order == sorted(order)


def _doubt(wishes: Sequence[Want], unsure: Sequence[Pairing]) -> str:
    worst = max(unsure, key=lambda pair: pair.fit.off or 0.0)
    position = wishes[worst.want].track.position
    if worst.fit.off is not None and worst.fit.off > 1:
        return f"another edition: track {position} is {worst.fit.off:.0f} s off"
    return f"{len(unsure)} tracks are not certain"


def _lacking(wishes: Sequence[Want], have: set[int]) -> str:
    missing = [want.track.position for index, want in enumerate(wishes) if index not in have]
    return f"lacks {positions(missing)}"


def positions(numbers: Sequence[int], most: int = 4) -> str:
    """`4`, `4, 7-9`, `1, 3, 5, 7 ...`: runs joined, at most `most` of them."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(words[:most]) + (" ..." if len(words) > most else "")
