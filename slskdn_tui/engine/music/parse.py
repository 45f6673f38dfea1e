"""Turns what musicbrainzngs parsed into our values. Core.

The dictionaries come from a server, so nothing in them is trusted: a wrong type or a missing id is a ValueError, text becomes `SafeText`,
lists are capped. Left out of a tracklist: pregap, data and video tracks, whole video discs beside audio ones, and MusicBrainz'
special-purpose titles such as [silence]: no music can be missing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.music import Release, ReleaseHit, Track
from slskdn_tui.model.text import SafeText

MOST_TRACKS = 2000
MOST_HITS = 1000
_VIDEO_FORMATS = frozenset(
    {"DVD", "DVD-Video", "Blu-ray", "Blu-ray-R", "HD-DVD", "VHS", "VCD", "SVCD", "LaserDisc", "Betamax", "UMD", "CDV", "HQVCD"}
)
_DISCOGS = re.compile(r"https?://(?:www\.)?discogs\.com/(?:[a-z]{2}/)?(?:[^/?#]+/)?release/(\d{1,12})(?:[-/?#]|$)")
_SPECIAL = frozenset({"[silence]", "[data track]", "[data]"})


def _map(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is missing or malformed")
    return value


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id(value: Any, what: str) -> str:
    if not isinstance(value, str) or not is_mbid(value):
        raise ValueError(f"{what} has no valid id")
    return value


def _number(value: Any) -> int | None:
    """A small non-negative decimal, or None."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9 else None


def _credit_ids(row: Mapping[str, Any]) -> str:
    for part in _rows(row.get("artist-credit")):
        artist = part.get("artist")
        if isinstance(artist, Mapping) and is_mbid(_text(artist.get("id"))):
            return _text(artist.get("id"))
    return ""


def labels(row: Mapping[str, Any]) -> Iterator[tuple[str, SafeText]]:
    """(MBID, name) of a release's labels in MusicBrainz' order; "" for one without an MBID."""
    for info in _rows(row.get("label-info-list")):
        label = info.get("label")
        if isinstance(label, Mapping) and _text(label.get("name")):
            mbid = _text(label.get("id"))
            yield mbid if is_mbid(mbid) else "", SafeText(_text(label.get("name")))


def _label(row: Mapping[str, Any]) -> SafeText:
    return SafeText(", ".join(dict.fromkeys(name for _, name in labels(row))))


def _audio_media(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    media = _rows(row.get("medium-list"))
    audio = [medium for medium in media if _text(medium.get("format")) not in _VIDEO_FORMATS]
    return audio or media


def _audio_tracks(medium: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for row in _rows(medium.get("track-list")):
        recording = _map(row.get("recording"), "recording")
        title = _text(row.get("title")) or _text(recording.get("title"))
        if _text(recording.get("video")) != "true" and title.lower() not in _SPECIAL:
            yield row


def release(answer: Mapping[str, Any]) -> Release:
    """The `Release` of a look-up's answer. ValueError when it is none."""
    row = _map(answer.get("release"), "release")
    artist = SafeText(_text(row.get("artist-credit-phrase")))
    tracks: list[Track] = []
    media = _audio_media(row)
    discs = 0
    for place, medium in enumerate(media, start=1):
        rows = list(_audio_tracks(medium))
        if not rows:
            continue
        discs += 1
        disc = _number(medium.get("position")) or place
        for index, track in enumerate(rows, start=1):
            if len(tracks) >= MOST_TRACKS:
                raise ValueError(f"more than {MOST_TRACKS} tracks")
            recording = _map(track.get("recording"), "recording")
            tracks.append(
                Track(
                    position=len(tracks) + 1,
                    disc=disc,
                    number=_number(track.get("number")) or _number(track.get("position")) or index,
                    recording_mbid=_id(recording.get("id"), "recording"),
                    title=SafeText(_text(track.get("title")) or _text(recording.get("title"))),
                    artist=SafeText(_text(track.get("artist-credit-phrase"))) or artist,
                    length_ms=_number(track.get("length")) or _number(recording.get("length")),
                )
            )
    group = row.get("release-group")
    return Release(
        mbid=_id(row.get("id"), "release"),
        group_mbid=_text(group.get("id")) if isinstance(group, Mapping) else "",
        title=SafeText(_text(row.get("title"))),
        artist=artist,
        artist_mbid=_credit_ids(row),
        date=_date(row),
        country=_text(row.get("country"))[:2],
        status=str(SafeText(_text(row.get("status")), 32)),
        label=_label(row),
        formats=tuple(str(SafeText(_text(medium.get("format")), 32)) for medium in media if _text(medium.get("format"))),
        disc_count=max(1, discs),
        tracks=tuple(tracks),
        disambiguation=SafeText(_text(row.get("disambiguation"))),
        discogs=_discogs(row),
        barcode="".join(char for char in _text(row.get("barcode"))[:32] if char.isascii() and char.isdigit()),
    )


def _discogs(row: Mapping[str, Any]) -> str:
    """The number in the first link to a Discogs release (a master is none); "" without one."""
    for link in _rows(row.get("url-relation-list")):
        found = _DISCOGS.match(_text(link.get("target")))
        if _text(link.get("type")) == "discogs" and found:
            return found[1]
    return ""


def _date(row: Mapping[str, Any]) -> str:
    date = _text(row.get("date"))
    return date if len(date) <= 10 and all(char in "0123456789-?" for char in date) else ""


def _format(row: Mapping[str, Any]) -> str:
    """`CD`, `2xCD`, `CD + DVD`."""
    counts: dict[str, int] = {}
    for medium in _rows(row.get("medium-list")):
        name = _text(medium.get("format")) or "?"
        counts[name] = counts.get(name, 0) + 1
    return str(SafeText(" + ".join(f"{count}x{name}" if count > 1 else name for name, count in counts.items()), 64))


def _track_count(row: Mapping[str, Any]) -> int:
    counts = [medium.get("track-count") for medium in _audio_media(row)]
    return sum(count for count in counts if isinstance(count, int))


def hit(row: Mapping[str, Any], score: int = 100) -> ReleaseHit:
    """One row of a browse or search answer; `ext:score` wins over `score`. ValueError without an id."""
    return ReleaseHit(
        mbid=_id(row.get("id"), "release"),
        title=SafeText(_text(row.get("title"))),
        artist=SafeText(_text(row.get("artist-credit-phrase"))),
        date=_date(row),
        country=_text(row.get("country"))[:2],
        format=_format(row),
        track_count=_track_count(row),
        score=_number(row.get("ext:score")) or score,
        status=str(SafeText(_text(row.get("status")), 32)),
        label=_label(row),
        script=_script(row),
        labels=tuple(labels(row)),
    )


def _script(row: Mapping[str, Any]) -> str:
    said = row.get("text-representation")
    code = _text(said.get("script")) if isinstance(said, Mapping) else ""
    return code if len(code) == 4 and code.isascii() and code.isalpha() else ""


def hits(answer: Mapping[str, Any]) -> tuple[ReleaseHit, ...]:
    """All rows of a browse or search answer. ValueError when it has no list."""
    if not isinstance(answer.get("release-list"), list):
        raise ValueError("the list of releases is missing")
    return tuple(hit(row) for row in _rows(answer["release-list"])[:MOST_HITS])
