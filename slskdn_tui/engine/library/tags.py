"""Reads the tags and technical facts of an audio file with mutagen. Shell over one file; call it in a thread.

Files are strangers' files: reads are capped, every value is bounded and typed, and whatever mutagen raises becomes a ValueError.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import mutagen
from mutagen import MutagenError
from mutagen._vorbis import VComment
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4

from slskdn_tui.engine.audio import flac
from slskdn_tui.engine.audio.signature import signature
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.codec import codec_of, codec_profile, is_lossless
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.library import FileTags
from slskdn_tui.model.text import SafeText

MOST_READ = 64 * 1024 * 1024
"""Bytes mutagen may read of one file: pictures are large, audio is not its business."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file `said` of itself, what its headers say of the audio, and for FLAC the 34 bytes of `streaminfo` in hex."""

    said: FileTags = field(default_factory=FileTags)
    facts: AudioFacts = field(default_factory=AudioFacts)
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
        try:
            audio = _parsed(file, name)
        except ValueError:
            really = _extension(head)
            if not really or name.lower().endswith(really):
                raise
            audio = _parsed(file, really)  # it has another format's name
    return _tags(audio, name, head)


_LIKELY: dict[str, list[type[Any]]] = {"flac": [FLAC], "mp3": [MP3], "m4a": [MP4]}


def _parsed(file: BinaryIO, name: str) -> Any:
    """mutagen's object of a file called so; ValueError when it is none."""
    file.seek(0)
    try:
        # Asked of all its formats mutagen takes a third longer; whatever this one cannot read is looked at again by content.
        audio = mutagen.File(_Capped(file, name), _LIKELY.get(name[-5:].lower().rpartition(".")[2]), easy=False)
    except (MutagenError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, OverflowError) as error:
        # mutagen's parsers let such errors through on damaged files
        raise ValueError(f"tags cannot be read: {error}") from error
    if audio is None:
        raise ValueError("not an audio file that is known here")
    return audio


def _extension(head: bytes) -> str:
    """What a file that begins so should be called, "" when its beginning says nothing."""
    front = flac.id3_length(head) if len(head) >= 10 else 0
    if head[front : front + 4] == b"fLaC":
        return ".flac"
    if head[4:8] == b"ftyp":
        return ".m4a"
    if front or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 == 0xE2):
        return ".mp3"
    return {b"OggS": ".ogg", b"RIFF": ".wav", b"FORM": ".aiff"}.get(head[:4], "")


_CODECS = {
    "OggVorbis": "Vorbis",
    "OggOpus": "Opus",
    "OggFLAC": "FLAC",
    "MP4": "AAC",
    "AAC": "AAC",
    "WavPack": "WavPack",
    "MonkeysAudio": "APE",
    "TrueAudio": "TTA",
    "WAVE": "WAV",
    "AIFF": "AIFF",
    "ASF": "WMA",
    "Musepack": "Musepack",
    "DSF": "DSD",
    "DSDIFF": "DSD",
}
"""mutagen's class to our codec: what a file is, whatever it is called."""


def _codec(audio: Any, name: str) -> str:
    kind, info = type(audio).__name__, audio.info
    if kind == "MP3":
        return "MP2" if getattr(info, "layer", 3) == 2 else "MP3"
    if kind == "MP4" and str(getattr(info, "codec", "")).lower() == "alac":
        return "ALAC"
    return _CODECS.get(kind) or codec_of(name)


def _tags(audio: Any, name: str, head: bytes) -> Tags:
    info, streaminfo, md5, profile = audio.info, "", "", ""
    codec = "FLAC" if isinstance(audio, FLAC) else _codec(audio, name)
    lossless = is_lossless(codec)
    rate, channels, bps = _int(info, "sample_rate"), _int(info, "channels"), _int(info, "bitrate")
    bits = _int(info, "bits_per_sample") if lossless else None
    kbps = round(bps / 1000) if bps else None
    if isinstance(audio, FLAC):
        try:
            front = flac.parse_head(head[flac.id3_length(head) :]).streaminfo
            streaminfo, profile, md5 = front.raw.hex(), front.profile, front.md5.hex() if front.has_md5 else ""
        except ValueError:
            pass  # mutagen read it all the same
    length = getattr(info, "length", None)
    facts = AudioFacts(
        codec=codec,
        codec_profile=profile or codec_profile(codec, bits=bits, rate=rate, channels=channels, kbps=None if lossless else kbps),
        sample_rate=rate,
        bits=bits,
        channels=channels,
        duration_ms=round(length * 1000) if isinstance(length, int | float) and 0 < length < 1e6 else None,
        bitrate=kbps,
        lossless=lossless,
        encoder_signature=SafeText(signature(audio)),
        audio_md5=md5,
    )
    return Tags(_said(_values(audio)), facts, streaminfo)


def _said(values: dict[str, str]) -> FileTags:
    texts = {name: SafeText(values.get(name, "")) for name in ("title", "artist", "album", "album_artist", "date", "label")}
    ids = {
        name: _mbid(values.get(name, "")) for name in ("recording", "release", "release_group", "release_track", "artist_id", "acoustid")
    }
    counts = {name: _count(values.get(name, "")) for name in ("track", "disc")}
    totals = {f"{name}_total": _total(values, name) for name in ("track", "disc")}
    everything: dict[str, Any] = {**texts, **ids, **counts, **totals}
    return FileTags(**everything)


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


def _total(values: dict[str, str], name: str) -> int | None:
    """The 11 of `03/11`, else what the tag for totals says."""
    return _count(values.get(name, "").partition("/")[2]) or _count(values.get(f"{name}_total", ""))


_VORBIS = {
    "recording": ("musicbrainz_trackid",),
    "release": ("musicbrainz_albumid",),
    "release_group": ("musicbrainz_releasegroupid",),
    "release_track": ("musicbrainz_releasetrackid",),
    "artist_id": ("musicbrainz_artistid",),
    "acoustid": ("acoustid_id",),
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "album_artist": ("albumartist", "album artist"),
    "date": ("date", "year"),
    "label": ("label", "organization", "publisher"),
    "track": ("tracknumber", "track"),
    "track_total": ("tracktotal", "totaltracks"),
    "disc": ("discnumber", "disc"),
    "disc_total": ("disctotal", "totaldiscs"),
}
"""For Vorbis comments, and for APE, where no case counts."""
_ID3 = {
    "recording": ("UFID:http://musicbrainz.org",),
    "release": ("TXXX:MusicBrainz Album Id",),
    "release_group": ("TXXX:MusicBrainz Release Group Id",),
    "release_track": ("TXXX:MusicBrainz Release Track Id",),
    "artist_id": ("TXXX:MusicBrainz Artist Id",),
    "acoustid": ("TXXX:Acoustid Id",),
    "title": ("TIT2",),
    "artist": ("TPE1",),
    "album": ("TALB",),
    "album_artist": ("TPE2",),
    "date": ("TDRC", "TYER"),
    "label": ("TPUB",),
    "track": ("TRCK",),
    "disc": ("TPOS",),
}
_OWN = "----:com.apple.iTunes:"
_MP4 = {
    "recording": (_OWN + "MusicBrainz Track Id",),
    "release": (_OWN + "MusicBrainz Album Id",),
    "release_group": (_OWN + "MusicBrainz Release Group Id",),
    "release_track": (_OWN + "MusicBrainz Release Track Id",),
    "artist_id": (_OWN + "MusicBrainz Artist Id",),
    "acoustid": (_OWN + "Acoustid Id",),
    "title": ("\xa9nam",),
    "artist": ("\xa9ART",),
    "album": ("\xa9alb",),
    "album_artist": ("aART",),
    "date": ("\xa9day",),
    "label": (_OWN + "LABEL",),
    "track": ("trkn",),
    "disc": ("disk",),
}
_ASF = {
    "recording": ("MusicBrainz/Track Id",),
    "release": ("MusicBrainz/Album Id",),
    "release_group": ("MusicBrainz/Release Group Id",),
    "release_track": ("MusicBrainz/Release Track Id",),
    "artist_id": ("MusicBrainz/Artist Id",),
    "acoustid": ("Acoustid/Id",),
    "title": ("Title",),
    "artist": ("Author",),
    "album": ("WM/AlbumTitle",),
    "album_artist": ("WM/AlbumArtist",),
    "date": ("WM/Year",),
    "label": ("WM/Publisher",),
    "track": ("WM/TrackNumber",),
    "disc": ("WM/PartOfSet",),
}


def _values(audio: Any) -> dict[str, str]:
    """Our names to text, whatever the container calls them."""
    tags = audio.tags
    if tags is None:
        return {}
    kind = type(tags).__name__
    if isinstance(tags, VComment):  # a list of pairs, which each look-up would walk
        first: dict[str, Any] = {}
        for key, value in tags:
            first.setdefault(key.lower(), value)
        tags = first
    names = _ID3 if "ID3" in kind else {"MP4Tags": _MP4, "ASFTags": _ASF}.get(kind, _VORBIS)
    out = {}
    for ours, theirs in names.items():
        for name in theirs:
            try:
                out[ours] = _text(tags[name])
            except (KeyError, ValueError):
                continue
            break
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
            value = "/".join(str(number or "") for number in value[:2])
    if isinstance(value, bytes):
        return bytes(value)[:1000].decode("utf-8", "replace")
    return str(value)[:1000]
