"""Facts of a few real releases, for the lab's MusicBrainz stub and album, and for tests. Shells the reading of packaged TOML files.

Only MusicBrainz core data (CC0): identifiers, titles, credits, lengths, dates, labels; no tags, ratings or annotations.
Durations are milliseconds, None when MusicBrainz has none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal

DEMO = "for_beginner_piano"
"""The demo's album: Plone, For Beginner Piano, ten tracks, three editions."""
DEMO_RELEASE = "4f5a6b97-a09b-4893-80d1-eae1f3bfa221"
NAMES = ("for_beginner_piano", "the_love_bug", "surrender", "love_and_honesty", "soup")


@dataclass(frozen=True, slots=True)
class Credit:
    """One artist of a credit, with the text that joins it to the next."""

    mbid: str
    name: str
    sort_name: str
    join: str = ""


@dataclass(frozen=True, slots=True)
class TrackFact:
    """A track; `title` as on this release, `recording_title` as the recording is called ("" when the same). `artist` () means the release's.

    `recording_artist` is the recording's own credit where it differs from the track's.
    """

    position: int
    number: str
    title: str
    length: int | None
    mbid: str
    recording: str
    recording_title: str = ""
    artist: tuple[Credit, ...] = ()
    recording_artist: tuple[Credit, ...] = ()
    pregap: bool = False
    video: bool = False
    data: bool = False


@dataclass(frozen=True, slots=True)
class MediumFact:
    mbid: str
    position: int
    format: str
    tracks: tuple[TrackFact, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class LabelFact:
    mbid: str
    name: str
    catalog: str = ""


@dataclass(frozen=True, slots=True)
class GroupFact:
    mbid: str
    title: str
    type: str
    artist: tuple[Credit, ...]
    secondary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseFact:
    """One edition with all its discs, and the group it belongs to."""

    mbid: str
    title: str
    group: GroupFact
    artist: tuple[Credit, ...]
    media: tuple[MediumFact, ...]
    status: str = ""
    date: str = ""
    country: str = ""
    barcode: str = ""
    disambiguation: str = ""
    labels: tuple[LabelFact, ...] = ()
    script: str = ""
    discogs: str = ""

    @property
    def artist_name(self) -> str:
        return credit_phrase(self.artist)

    def track_artist(self, track: TrackFact) -> tuple[Credit, ...]:
        return track.artist or self.artist


@dataclass(frozen=True, slots=True)
class RelationFact:
    """`source` (an artist, label or release) is related to an artist or label."""

    source: str
    type: str
    kind: Literal["artist", "label"]
    mbid: str
    name: str


def credit_phrase(names: Sequence[Credit]) -> str:
    """The credit as printed: names and joins in order."""
    return "".join(credit.name + credit.join for credit in names)


def load(name: str) -> tuple[ReleaseFact, ...]:
    """The editions in `NAME.toml`. KeyError or tomllib.TOMLDecodeError when the file is damaged."""
    return parse(tomllib.loads((files(__name__) / f"{name}.toml").read_text("utf-8")))


def load_all() -> tuple[ReleaseFact, ...]:
    return tuple(release for name in NAMES for release in load(name))


def demo_release(mbid: str = DEMO_RELEASE) -> ReleaseFact:
    """The edition the demo plays with."""
    return next(release for release in load(DEMO) if release.mbid == mbid)


def parse(table: Mapping[str, Any]) -> tuple[ReleaseFact, ...]:
    group = GroupFact(table["group"]["mbid"], table["group"]["title"], table["group"]["type"], _credits(table["group"]["artist"]))
    return tuple(_release(row, group) for row in table["release"])


def _credits(rows: Sequence[Mapping[str, str]]) -> tuple[Credit, ...]:
    return tuple(Credit(**row) for row in rows)


def _release(row: Mapping[str, Any], group: GroupFact) -> ReleaseFact:
    fields = dict(row)
    media = tuple(_medium(medium) for medium in fields.pop("media"))
    labels = tuple(LabelFact(**label) for label in fields.pop("labels", ()))
    artist = _credits(fields.pop("artist")) if "artist" in fields else group.artist
    return ReleaseFact(group=group, artist=artist, media=media, labels=labels, **fields)


def _medium(row: Mapping[str, Any]) -> MediumFact:
    fields = dict(row)
    tracks = tuple(_track(track) for track in fields.pop("tracks"))
    return MediumFact(tracks=tracks, **fields)


def _track(row: Mapping[str, Any]) -> TrackFact:
    fields = dict(row)
    artist, own = _credits(fields.pop("artist", ())), _credits(fields.pop("recording_artist", ()))
    return TrackFact(**{**fields, "artist": artist, "recording_artist": own, "length": fields["length"] or None})


def shortened(release: ReleaseFact, seconds: float) -> ReleaseFact:
    """The release with every length scaled so that the mean track lasts `seconds`, to 10 ms (441 frames at 44.1 kHz).

    The lab's synthesised album is this long, and the lab's MusicBrainz says so too: matching by length then means something.
    """
    known = [track.length for medium in release.media for track in medium.tracks if track.length and not track.pregap]
    if not known or seconds <= 0:
        return release
    scale = seconds * 1000 * len(known) / sum(known)

    def short(track: TrackFact) -> TrackFact:
        return replace(track, length=max(10, round(track.length * scale / 10) * 10) if track.length else None)

    return replace(release, media=tuple(replace(medium, tracks=tuple(map(short, medium.tracks))) for medium in release.media))
