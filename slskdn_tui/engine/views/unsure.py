"""Albums of which it is not sure what they are, as rows of the library that the user confirms. Shell over the store."""

from __future__ import annotations

import os

from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.library_view import UNSURE, KindRow, LibraryRow
from slskdn_tui.model.matches import CLASS_WORDS, AlbumMatch, MatchClass
from slskdn_tui.model.text import LONGEST, SafeText

KINDS: tuple[MatchClass, ...] = ("probable", "ambiguous", "other_edition")
MOST = 1000
_ASKS = SafeText("f asks whether it is that release; then its files are of it, and what they lack or are tagged wrong is told")
_NAMES = SafeText("f asks for the release: paste its MusicBrainz URL or id")


async def unsure_kind(store: Store) -> KindRow | None:
    """None when there are none."""
    counts = await store.matches.counts()
    count = sum(counts.get(kind, 0) for kind in KINDS)
    if not count:
        return None
    (first,) = await store.matches.all(KINDS, 1)
    return KindRow(UNSURE, 0, SafeText("albums to confirm"), count, SafeText(first.match.folder, LONGEST))


async def unsure_rows(store: Store, words: list[str], start: int, count: int) -> tuple[tuple[LibraryRow, ...], int]:
    """Those whose folder or title has all the words, from `start`; and how many there are."""
    found = [each.match for each in await store.matches.all(KINDS, MOST)]
    fits = [each for each in found if all(word in f"{each.folder} {each.title} {each.words}".casefold() for word in words)]
    return tuple(_row(each) for each in fits[start : start + count]), len(fits)


def _row(match: AlbumMatch) -> LibraryRow:
    about = CLASS_WORDS[match.kind] + (f" {match.title}" if match.kind == "probable" else f": {match.title}" if match.title else "")
    seen = [SafeText(f"{os.path.basename(each.path)}: track {each.position}{_off(each.off)}", 1000) for each in match.files]
    return LibraryRow(
        f"{UNSURE} {SafeText(match.folder, LONGEST)}",
        0,
        match.folder,
        SafeText(match.folder, LONGEST),
        SafeText(f"{about}: {match.words}" if match.words else about),
        "low",
        tuple(seen),
        "confirm" if match.release else "name",
        _ASKS if match.release else _NAMES,
        facts=(("release", SafeText(match.release)),) if match.release else (),
        release=match.release,
    )


def _off(seconds: float | None) -> str:
    return "" if seconds is None else f", its length is {seconds:.1f} s off"
