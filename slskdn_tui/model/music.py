"""What MusicBrainz says of music, as frozen values. Core."""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.model.text import SafeText


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a release. `position` counts over all discs from 1; `disc` and `number` are as printed."""

    position: int
    disc: int
    number: int
    recording_mbid: str
    title: SafeText
    artist: SafeText
    length_ms: int | None
    optional: bool = False
    """An extra (artwork, a log, a .nfo): fetched last, and its failure never fails the job."""

    def named(self, discs: int = 1) -> SafeText:
        """`2-01 Title`, the disc where there are several; the title alone of what has no number: an extra, a user's file."""
        disc = f"{self.disc}-" if discs > 1 else ""
        return SafeText(f"{disc}{self.number:02} {self.title}") if self.number else self.title


@dataclass(frozen=True, slots=True)
class Release:
    """One edition. `date` is as MusicBrainz has it (YYYY, YYYY-MM or YYYY-MM-DD); empty strings stand for unknown."""

    mbid: str
    group_mbid: str
    title: SafeText
    artist: SafeText
    artist_mbid: str
    date: str
    country: str
    status: str
    label: SafeText
    formats: tuple[str, ...]
    disc_count: int
    tracks: tuple[Track, ...]
    disambiguation: SafeText = SafeText("")  # noqa: RUF009  immutable
    discogs: str = ""
    """the number of this release at Discogs, where MusicBrainz links to it"""
    barcode: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseHit:
    """A line of a MusicBrainz text search or of a release group's editions. `script` is an ISO 15924 code such as Latn, "" when not said; `labels` are (MBID, name)."""

    mbid: str
    title: SafeText
    artist: SafeText
    date: str
    country: str
    format: str
    track_count: int
    score: int
    status: str = ""
    label: SafeText = SafeText("")  # noqa: RUF009
    script: str = ""
    labels: tuple[tuple[str, SafeText], ...] = ()
