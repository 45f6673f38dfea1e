"""A few fields by our own names in the tags of any common container, all else left as it is. Shell over mutagen; the caller opens the file.

Fields: `FIELDS`. A value is a tuple of texts, as many as the file has; an empty tuple means that the field is not there. Track and disc numbers may
carry a total (`3/11`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import mutagen
from mutagen import id3
from mutagen.id3 import Encoding, ID3NoHeaderError

FIELDS: tuple[str, ...] = (
    "title", "artist", "album", "albumartist", "tracknumber", "discnumber", "date", "musicbrainz_trackid", "musicbrainz_albumid",
)  # fmt: skip
Values = tuple[str, ...]
_ID3 = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "albumartist": "TPE2",
    "tracknumber": "TRCK",
    "discnumber": "TPOS",
    "musicbrainz_trackid": "UFID:http://musicbrainz.org",
    "musicbrainz_albumid": "TXXX:MusicBrainz Album Id",
}
_MP4 = {
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "albumartist": "aART",
    "tracknumber": "trkn",
    "discnumber": "disk",
    "date": "\xa9day",
    "musicbrainz_trackid": "----:com.apple.iTunes:MusicBrainz Track Id",
    "musicbrainz_albumid": "----:com.apple.iTunes:MusicBrainz Album Id",
}
_APE = {name: name for name in FIELDS} | {"albumartist": "Album Artist", "tracknumber": "Track", "discnumber": "Disc", "date": "Year"}
_V1 = 128
_FRAMES: Mapping[str, Any] = id3.Frames  # mutagen says nothing of its types
_ID3_TAG: Any = id3.ID3


class Unwritable(ValueError):
    """These tags cannot be changed without changing more than was asked for."""


@dataclass
class TagFile:
    """The tags of one open file. `names` are our fields by the container's keys."""

    audio: Any
    names: Mapping[str, str]
    kind: str

    @property
    def tags(self) -> Any:
        return self.audio if self.kind == "id3" else self.audio.tags

    def get(self, field: str) -> Values:
        """UnicodeError never; what is no text is left out."""
        key = self.names[field]
        if self.tags is None or key not in self.tags:
            return ()
        value = self.tags[key]
        match self.kind:
            case "id3":
                return (value.data.decode("ascii", "replace"),) if key.startswith("UFID:") else tuple(str(text) for text in value.text)
            case "mp4" if key in ("trkn", "disk"):
                return tuple(f"{number}/{total}" if total else str(number) for number, total in value)
            case "mp4":
                return tuple(bytes(one).decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in value)
            case "ape":
                return tuple(str(value).split("\0"))
        return tuple(str(one) for one in value)

    def put(self, field: str, values: Values) -> None:
        key = self.names[field]
        if not values:
            if self.tags is not None and key in self.tags:
                del self.tags[key]
            return
        if self.tags is None:
            self.audio.add_tags()
        match self.kind:
            case "id3" if key.startswith("UFID:"):
                self.tags.setall(key, [_FRAMES["UFID"](owner=key[5:], data=values[0].encode("ascii"))])
            case "id3":
                encoding = self._encoding(key, values)
                if key.startswith("TXXX:"):
                    self.tags.setall(key, [_FRAMES["TXXX"](encoding=encoding, desc=key[5:], text=list(values))])
                else:
                    self.tags.setall(key, [_FRAMES[key](encoding=encoding, text=list(values))])
            case "mp4" if key in ("trkn", "disk"):
                self.tags[key] = [_pair(value) for value in values]
            case "mp4" if key.startswith("----"):
                self.tags[key] = [value.encode("utf-8") for value in values]
            case "ape":
                self.tags[key] = "\0".join(values)
            case "vorbis":  # in its place, and spelled as it was
                entries = self.tags[:]
                places = [at for at, (name, _) in enumerate(entries) if name.casefold() == key]
                name = entries[places[0]][0] if places else key.upper()
                rest = [entry for entry in entries if entry[0].casefold() != key]
                at = places[0] if places else len(rest)
                self.tags[:] = [*rest[:at], *((name, value) for value in values), *rest[at:]]
            case _:
                self.tags[key] = list(values)

    def _encoding(self, key: str, values: Values) -> Any:
        """That of the frame there is, where it can hold the text; ID3v2.3 knows no UTF-8."""
        old = self.tags.get(key)
        latin = all(ord(char) < 256 for value in values for char in value)
        if old is not None and (latin or old.encoding != Encoding.LATIN1):
            return old.encoding
        return Encoding.UTF8 if self.audio.version[:2] >= (2, 4) else Encoding.UTF16

    def others(self) -> dict[str, str]:
        """Everything that is none of our fields, to be compared: the container's key to its value in words."""
        if self.tags is None:
            return {}
        ours = {key.casefold() for key in self.names.values()}
        if self.kind == "id3":
            found = {key: repr(frame) for key, frame in self.tags.items() if key.casefold() not in ours}
            return found | {f"unknown {at}": repr(bytes(frame)) for at, frame in enumerate(self.tags.unknown_frames)}
        pictures = {f"picture {at}": repr(picture.data) for at, picture in enumerate(getattr(self.audio, "pictures", ()))}
        return {str(key): repr(self.tags[key]) for key in self.tags.keys() if str(key).casefold() not in ours} | pictures  # noqa: SIM118

    def save(self, file: BinaryIO) -> None:
        """Into the file it was opened from. An ID3v1 tag stays as it is: it is read by nobody where there is another."""
        file.seek(0)
        if self.kind != "id3":
            self.audio.save(file)
            return
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - _V1))
        last = file.read(_V1)
        file.seek(0)
        self.audio.save(file, v1=1, v2_version=self.audio.version[1])
        if last[:3] == b"TAG":
            file.seek(-_V1, 2)
            file.write(last)


def _pair(text: str) -> tuple[int, int]:
    number, _, total = text.partition("/")
    return int(number), int(total) if total.strip().isdigit() else 0


def open_tags(file: BinaryIO, name: str) -> TagFile:
    """The tags of an open file. Unwritable, or whatever mutagen raises on a damaged file."""
    file.seek(0)
    kind = type(mutagen.File(file, easy=False)).__name__ if name else ""
    file.seek(0)
    match kind:
        case "MP3":
            try:
                tags = _ID3_TAG(file, translate=False)
            except ID3NoHeaderError:
                tags = _ID3_TAG()
            if tags.version[:2] not in ((2, 3), (2, 4)):
                raise Unwritable("its ID3 tag is of version 2.2, which cannot be written without changing all of it")
            return TagFile(tags, _ID3 | {"date": "TDRC" if tags.version[1] >= 4 else "TYER"}, "id3")
        case "FLAC" | "OggVorbis" | "OggOpus" | "OggFLAC":
            return TagFile(mutagen.File(file, easy=False), {name: name for name in FIELDS}, "vorbis")
        case "MP4":
            return TagFile(mutagen.File(file, easy=False), _MP4, "mp4")
        case "WavPack" | "MonkeysAudio" | "Musepack":
            return TagFile(mutagen.File(file, easy=False), _APE, "ape")
    raise Unwritable(f"tags of this kind of file ({kind if kind != 'NoneType' else 'not known'}) are not written")
