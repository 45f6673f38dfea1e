"""Reads the tags and technical facts of an audio file with mutagen. Shell over one file; call it in a thread.

Files are strangers' files: reads are capped, every value is bounded and typed, and whatever mutagen raises becomes a ValueError.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import mutagen
from mutagen import MutagenError
from mutagen.flac import FLAC
from mutagen.mp4 import MP4

from slskdn_tui.engine.audio import flac
from slskdn_tui.model.codec import codec_of, codec_profile
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.text import SafeText

MOST_READ = 64 * 1024 * 1024
"""Bytes mutagen may read of one file: pictures are large, audio is not its business."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of itself; "" and None for what it does not say. MBIDs are valid and lower case. `streaminfo` is 34 bytes in hex for FLAC."""

    recording: str = ""
    release: str = ""
    title: SafeText = SafeText("")  # noqa: RUF009  immutable
    artist: SafeText = SafeText("")  # noqa: RUF009
    album: SafeText = SafeText("")  # noqa: RUF009
    track: int | None = None
    disc: int | None = None
    codec: str = ""
    codec_profile: str = ""
    duration_ms: int | None = None
    streaminfo: str = ""


class _Capped:
    """A file that stops giving after `MOST_READ` bytes."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._left = MOST_READ
        self.name = name  # an MP3 without a tag is known by its extension only

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left + 1 if size is None or size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise OSError("the tags are larger than any real ones")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def read_tags(fd: int, name: str) -> Tags:
    """Tags of the open file `fd` (not closed; its position moves); `name` decides the codec when the file does not. ValueError when it is no audio."""
    os.lseek(fd, 0, os.SEEK_SET)
    with os.fdopen(fd, "rb", closefd=False) as file:
        head = file.read(64 * 1024)
        file.seek(0)
        try:
            audio = mutagen.File(_Capped(file, name), easy=False)
        except (MutagenError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, OverflowError) as error:
            # mutagen's parsers let such errors through on damaged files
            raise ValueError(f"tags cannot be read: {error}") from error
    if audio is None:
        raise ValueError("not an audio file that is known here")
    return _tags(audio, name, head)


def _tags(audio: Any, name: str, head: bytes) -> Tags:
    values = _values(audio)
    info = audio.info
    codec = codec_of(name)
    streaminfo = ""
    if isinstance(audio, FLAC):
        codec = "FLAC"
        try:
            front = flac.parse_head(head[flac.id3_length(head) :]).streaminfo
            streaminfo, profile = front.raw.hex(), front.profile
        except ValueError:
            profile = codec_profile(
                "FLAC", bits=_int(info, "bits_per_sample"), rate=_int(info, "sample_rate"), channels=_int(info, "channels")
            )
    else:
        if isinstance(audio, MP4) and str(getattr(info, "codec", "")).lower() == "alac":
            codec = "ALAC"
        kbps = _int(info, "bitrate")
        profile = codec_profile(
            codec, rate=_int(info, "sample_rate"), channels=_int(info, "channels"), kbps=round(kbps / 1000) if kbps else None
        )
    length = getattr(info, "length", None)
    return Tags(
        recording=_mbid(values.get("recording", "")),
        release=_mbid(values.get("release", "")),
        title=SafeText(values.get("title", "")),
        artist=SafeText(values.get("artist", "")),
        album=SafeText(values.get("album", "")),
        track=_count(values.get("track", "")),
        disc=_count(values.get("disc", "")),
        codec=codec,
        codec_profile=profile,
        duration_ms=round(length * 1000) if isinstance(length, int | float) and 0 < length < 1e6 else None,
        streaminfo=streaminfo,
    )


def _int(info: Any, name: str) -> int | None:
    value = getattr(info, name, None)
    return value if isinstance(value, int) and 0 < value < 1 << 31 else None


def _mbid(text: str) -> str:
    text = text.strip().lower()
    return text if is_mbid(text) else ""


def _count(text: str) -> int | None:
    """The number of `3`, `03/11`."""
    text = text.split("/")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None


_VORBIS = {
    "recording": "musicbrainz_trackid",
    "release": "musicbrainz_albumid",
    "title": "title",
    "artist": "artist",
    "album": "album",
    "track": "tracknumber",
    "disc": "discnumber",
}
_ID3 = {
    "recording": "UFID:http://musicbrainz.org",
    "release": "TXXX:MusicBrainz Album Id",
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "track": "TRCK",
    "disc": "TPOS",
}
_MP4 = {
    "recording": "----:com.apple.iTunes:MusicBrainz Track Id",
    "release": "----:com.apple.iTunes:MusicBrainz Album Id",
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "track": "trkn",
    "disc": "disk",
}
_APE = {**_VORBIS, "track": "Track", "disc": "Disc"}


def _values(audio: Any) -> dict[str, str]:
    """Our names to text, whatever the container calls them."""
    tags = audio.tags
    if tags is None:
        return {}
    kind = type(tags).__name__
    names = _ID3 if "ID3" in kind else _MP4 if kind == "MP4Tags" else _APE if kind == "APEv2" else _VORBIS
    out = {}
    for ours, theirs in names.items():
        try:
            value = tags[theirs]
        except (KeyError, ValueError):
            continue
        out[ours] = _text(value)
    return out


def _text(value: Any) -> str:
    """The first text of a tag value of any kind mutagen has."""
    data = getattr(value, "data", None)
    if isinstance(data, bytes):  # ID3 UFID
        value = data
    text = getattr(value, "text", None)
    if isinstance(text, list):  # ID3 text frames
        value = text
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
        if isinstance(value, tuple):  # MP4 (number, total)
            value = value[0] if value else ""
    if isinstance(value, bytes):
        return bytes(value)[:1000].decode("utf-8", "replace")
    return str(value)[:1000]
