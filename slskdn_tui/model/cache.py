"""The view of the warm cache. Core. Sizes are bytes, dates ISO UTC ("" for never)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.text import SafeText

_EMPTY = SafeText("")


@dataclass(frozen=True, slots=True)
class CacheRow:
    """A recording that is held, being fetched, or pinned and not here yet. `peers` voices have or want it; `hits` peers were sent something of it.

    One that is `checking` is not offered yet. `note` says how its copy stands to what the mesh tells, or how its job does.
    """

    key: str
    version: int
    recording: str
    title: SafeText
    artist: SafeText = _EMPTY
    state: Literal["held", "sending", "checking", "fetching", "wanted"] = "held"
    pinned: bool = False
    size: int = 0
    peers: int = 0
    hits: int = 0
    bytes_served: int = 0
    added_at: str = ""
    used_at: str = ""
    note: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class CacheView:
    """How the cache stands: `on`, in `words`; `bytes` of at most `most`; `hits` and what follows of the last `days` UTC days, today included.

    `ViewKey.filter`: words that a row's artist, title, state or MBID must hold. The most recently used rows come first.
    """

    version: int
    on: bool = False
    words: SafeText = _EMPTY
    folder: SafeText = _EMPTY
    bytes: int = 0
    most: int = 0
    threshold: int = 0
    eviction: Literal["popularity", "lru"] = "popularity"
    keep_days: float = 90.0
    days: int = 7
    hits: int = 0
    bytes_served: int = 0
    fetched: int = 0
    bytes_fetched: int = 0
    evicted: int = 0
    held: int = 0
    pinned: int = 0
    rows: tuple[CacheRow, ...] = ()
    total: int = 0
    kind: Literal["cache"] = "cache"
