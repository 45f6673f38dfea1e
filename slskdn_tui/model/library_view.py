"""What the Library screen shows: how the scan stands, what is wrong by kind, and the worst of it. Core: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.text import SafeText

_EMPTY = SafeText("")
TRASH, DISMISSED, UNSURE = "trash", "dismissed", "unsure"
"""Subjects beside the kinds of issues."""


@dataclass(frozen=True, slots=True)
class ScanLine:
    """How the scan stands: `done` of `total` files of a stage, `eta` seconds left (None: not known); `words` say all of it; `next_at` ISO UTC or ""."""

    state: str = "idle"
    done: int = 0
    total: int = 0
    eta: float | None = None
    words: SafeText = _EMPTY
    next_at: str = ""
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind of issue (or `unsure`, `trash`, `dismissed`): how many, and the worst of them. `score` 0-1 of that file."""

    key: str
    version: int
    title: SafeText
    count: int
    worst: SafeText = _EMPTY
    score: float | None = None
    severity: str = ""


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """An issue, a file in the trash, or an album to confirm. `name` is what commands call it: an issue's key, a trash entry, a folder.

    `fix` says how it would be mended: get, replace, retag, trash, none, restore; of an album confirm (`release` is what it may be) or name (nothing
    is known). `doing` says which job is at it. The file's measures are None or "" where they are not known.
    """

    key: str
    version: int
    name: str
    path: SafeText
    words: SafeText
    severity: str = ""
    evidence: tuple[SafeText, ...] = ()
    fix: str = "none"
    fix_words: SafeText = _EMPTY
    doing: SafeText = _EMPTY
    codec: SafeText = _EMPTY
    dynamic_range: float | None = None
    cutoff_hz: int | None = None
    score: float | None = None
    facts: tuple[tuple[str, SafeText], ...] = ()
    canonical: SafeText = _EMPTY
    """`canonical 0.94, 80 peers agree` when its variant is the canonical one."""
    release: str = ""


@dataclass(frozen=True, slots=True)
class LibraryView:
    """`ViewKey.subject`: a kind, `unsure`, `trash` or `dismissed`: its rows; or an absolute path: that file's row, whatever is wrong with it.

    `total` counts rows before the window. `checked_at` is ISO UTC, "" before the first check; `missing` files are gone from disk.
    """

    version: int
    kinds: tuple[KindRow, ...] = ()
    rows: tuple[LibraryRow, ...] = ()
    total: int = 0
    scan: ScanLine = ScanLine()
    files: int = 0
    missing: int = 0
    checked_at: str = ""
    checking: bool = False
    kind: Literal["library"] = "library"
