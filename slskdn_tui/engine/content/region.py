"""Where a file's audio region lies: FLAC, MP3 and M4A without the tags around the audio. Core over a `pread`-like reader.

FLAC: from after the last metadata block; MP3: from after ID3v2, its padding and the Xing/Info/VBRI frame; both end before ID3v1, APE and Lyrics3.
M4A: the payload of the one `mdat`. `front` needs the first bytes only, so it also reads a file that is still coming. Vectors: docs/protocol/content.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from slskdn_tui.engine.content.region_mp3 import audio_start
from slskdn_tui.engine.content.region_tags import MOST_TAG, NeedMore, NoRegion, at, skip_leading, tail_start

Read = Callable[[int, int], bytes]
"""(offset, length) -> the bytes there, fewer where what is there ends."""
MOST_BLOCKS = 1024
MOST_BOXES = 256
__all__ = ["Front", "NeedMore", "NoRegion", "Region", "find", "front"]


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes [start, start + length) of the file."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Front:
    """What the first bytes say: where the region starts, its `length` where they say that (M4A), FLAC's 34 bytes of STREAMINFO in hex or ""."""

    format: str
    start: int
    length: int | None = None
    streaminfo: str = ""


def front(read: Read, size: int) -> Front:
    """Of a file of `size` bytes. NeedMore (with an offset) when `read` gives too little yet; NoRegion when no format is recognised."""
    start = skip_leading(read, size)
    magic = at(read, size, start, 12)
    if magic[:4] == b"fLaC":
        return _flac(read, size, start)
    if start == 0 and magic[4:8] == b"ftyp":
        return _mp4(read, size)
    return Front("mp3", audio_start(read, size, start))


def find(read: Read, size: int) -> Region:
    """The region of a whole file; NoRegion when it has none, and NeedMore (which is one) when it is cut short."""
    found = front(read, size)
    if found.length is not None:
        if any(kind == b"mdat" and start > found.start and length for kind, start, length in _boxes(read, size)):
            raise NoRegion("the audio is in several parts")
        return Region(found.start, found.length)
    stop = tail_start(read, size, found.start)
    if stop <= found.start:
        raise NoRegion("there is no audio between the tags")
    return Region(found.start, stop - found.start)


def _flac(read: Read, size: int, start: int) -> Front:
    offset, streaminfo = start + 4, ""
    for number in range(MOST_BLOCKS):
        header = at(read, size, offset, 4)
        if len(header) < 4:
            break
        kind, length = header[0] & 0x7F, int.from_bytes(header[1:], "big")
        if (number == 0) != (kind == 0) or kind == 127 or (number == 0 and length != 34):
            break
        if number == 0:
            streaminfo = at(read, size, offset + 4, length).hex()
        offset += 4 + length
        if offset >= size or offset > MOST_TAG:
            break
        if header[0] & 0x80:
            return Front("flac", offset, None, streaminfo)
    raise NoRegion("malformed FLAC metadata")


def _mp4(read: Read, size: int) -> Front:
    for kind, start, length in _boxes(read, size):
        if kind == b"mdat" and length:
            return Front("mp4", start, length)
    raise NoRegion("an MP4 file without audio data")


def _boxes(read: Read, size: int) -> list[tuple[bytes, int, int]]:
    """(type, start of the payload, its length) of the boxes at the top: up to the first filled `mdat` where what is there ends behind it."""
    found: list[tuple[bytes, int, int]] = []
    offset = 0
    while offset < size:
        if len(found) >= MOST_BOXES:
            raise NoRegion("too many MP4 boxes")
        try:
            header = at(read, size, offset, 8)
            wide = header[:4] == b"\0\0\0\1"
            if wide:
                header = at(read, size, offset, 16)
        except NeedMore:
            if any(kind == b"mdat" and length for kind, _, length in found):
                return found
            raise
        head = 16 if wide else 8
        if len(header) < head:
            break  # a few bytes behind the last box are nobody's
        length = int.from_bytes(header[8:16] if wide else header[:4], "big") or size - offset
        if length < head or offset + length > size:
            raise NoRegion("malformed MP4 boxes")
        found.append((header[4:8], offset + head, length - head))
        offset += length
    return found
