"""The release graph: what an artist or label put out, whom it leads to, and labels as the mesh knows them. Core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.text import SafeText

Section = Literal["core", "extended", "related", "other"]
SECTIONS: tuple[Section, ...] = ("core", "extended", "related", "other")
"""In the order they are shown; `core` and `extended` are what a discography job fetches."""
EntityKind = Literal["artist", "label", "release", "producer"]
"""A `producer` is an artist, seen by what he or she produced."""
_EMPTY = SafeText("")


@dataclass(frozen=True, slots=True)
class Link:
    """Where the graph leads from here: an artist or label, and how (`member of band`, `same label`, `also by this producer`)."""

    relation: SafeText
    kind: Literal["artist", "label", "producer"]
    mbid: str
    name: SafeText


@dataclass(frozen=True, slots=True)
class Entity:
    """An artist, label or release by its current MBID, and where it leads."""

    kind: EntityKind
    mbid: str
    name: SafeText
    links: tuple[Link, ...] = ()
    group_mbid: str = ""
    """of a release"""


@dataclass(frozen=True, slots=True)
class GraphRelease:
    """An edition with its group. `primary`, `secondary` are MusicBrainz' type names, "" and () when not said; `first` the group's first date; `labels` are (MBID, name)."""

    hit: ReleaseHit
    group_mbid: str
    group_title: SafeText
    primary: str = ""
    secondary: tuple[str, ...] = ()
    first: str = ""
    labels: tuple[tuple[str, SafeText], ...] = ()
    artists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A release group: `key` its MBID, `release` the edition that would be fetched and `why` that one; `owned` how much of it is here, 0-1; `doing` which job gets it."""

    key: str
    version: int
    section: Section
    title: SafeText
    artist: SafeText
    date: str
    type: SafeText
    release: str
    format: SafeText
    tracks: int
    label: SafeText
    editions: int
    owned: float
    why: SafeText
    chosen: bool = False
    doing: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class DiscographyView:
    """What an artist, label or release leads to (`ViewKey.subject`: `artist/MBID`, `label/MBID`, `release/MBID`, `producer/MBID`), filtered by `ViewKey.filter`.

    State `asking` while MusicBrainz is asked: `read` of `of` releases came so far. `counts` are groups by section before the window;
    `bootlegs` counts groups left out because nothing but bootlegs and pseudo-releases is in them. `capped`: there are more than are read.
    Of one that `failed` because several have the name, `links` are those who have it.
    """

    version: int
    subject: str = ""
    name: SafeText = _EMPTY
    state: Literal["asking", "done", "failed"] = "asking"
    read: int = 0
    of: int = 0
    rows: tuple[GroupRow, ...] = ()
    total: int = 0
    counts: tuple[tuple[Section, int], ...] = ()
    bootlegs: int = 0
    links: tuple[Link, ...] = ()
    capped: bool = False
    error: SafeText = _EMPTY
    hint: SafeText = _EMPTY
    code: str = ""
    kind: Literal["discography"] = "discography"


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label the mesh has releases of, and by how many peers the one seen most is had."""

    key: str
    version: int
    label: SafeText
    releases: int
    peers: int


@dataclass(frozen=True, slots=True)
class LabelsView:
    """Labels whose name begins with `ViewKey.subject`; sorted by `ViewKey.sort`: `peers` (the default, most first) or `name`."""

    version: int
    rows: tuple[LabelRow, ...] = ()
    kind: Literal["labels"] = "labels"


@dataclass(frozen=True, slots=True)
class CrateRow:
    """A label's release as the mesh has it. `peers` are known nodes, `strangers` all others; title and year are empty until MusicBrainz was asked of it."""

    key: str
    version: int
    release: str
    title: SafeText
    artist: SafeText
    year: int | None
    peers: int
    strangers: int
    score: float | None
    codecs: tuple[str, ...]
    owned: float
    doing: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class LabelView:
    """The releases of the label named `ViewKey.subject`, those seen by most peers first, filtered by `ViewKey.filter` (`score>=0.8 codec:FLAC year:1990-1999`).

    State `asking` while MusicBrainz is asked what releases are called and when they came out; `error` says why it has no answer.
    """

    version: int
    label: SafeText = _EMPTY
    state: Literal["asking", "done"] = "done"
    rows: tuple[CrateRow, ...] = ()
    total: int = 0
    error: SafeText = _EMPTY
    kind: Literal["label"] = "label"
