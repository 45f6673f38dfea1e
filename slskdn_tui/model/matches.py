"""What an album of the library was found to be: `AlbumMatch`. Core: frozen values and their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.library import Identified
from slskdn_tui.model.text import SafeText

MatchClass = Literal["exact", "other_edition", "probable", "ambiguous", "none"]
CLASS_WORDS: dict[MatchClass, str] = {
    "exact": "identified",
    "other_edition": "the same recordings, but another edition",
    "probable": "probably",
    "ambiguous": "cannot be told apart",
    "none": "not identified",
}


def class_words(counts: Mapping[MatchClass, int]) -> str:
    """`12 identified, 3 probably`: what there is of each class."""
    return ", ".join(f"{counts[kind]} {words}" for kind, words in CLASS_WORDS.items() if counts.get(kind))


@dataclass(frozen=True, slots=True)
class FileMatch:
    """One file on a track of the release. `sure`: it is this very recording, so far as ids, sound, length and place can say. `off` seconds, None unknown."""

    path: str
    position: int
    recording: str
    sure: bool
    off: float | None = None


@dataclass(frozen=True, slots=True)
class AlbumMatch:
    """What lies in `folder` (and its disc folders). `files` are those with a place on `release`; `by` is what told; `words` why it is no more than that.

    Only `exact`, and the sure files of `other_edition` whose ids or sound tell, are written down as what files are; the rest is shown and asked about.
    """

    folder: str
    kind: MatchClass
    release: str = ""
    title: SafeText = SafeText("")  # noqa: RUF009  immutable
    files: tuple[FileMatch, ...] = ()
    by: Identified = ""
    words: SafeText = SafeText("")  # noqa: RUF009
    discogs: str = ""
