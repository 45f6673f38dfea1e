"""Tags that stand around audio frames, in front (ID3v2, APEv2) and behind (ID3v1, APEv2, Lyrics3, an appended ID3v2). Core over a `pread`-like reader."""

from __future__ import annotations

from collections.abc import Callable

MOST_TAG = 128 * 1024 * 1024
"""Bytes in front of audio that are believed: larger tags are no real ones."""
MOST_TAIL = 16 * 1024 * 1024
"""The same behind it."""
_MOST_TAGS = 16
_LYRICS1 = 5100 + 11 + 9
_ID3V1, _ENHANCED = 128, 227
_APE = 32


class NoRegion(ValueError):
    """The file has no audio region that is known here."""


class NeedMore(NoRegion):
    """The given bytes end too early: those before `offset` must be there as well."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"more bytes are needed, up to {offset}")
        self.offset = offset


def at(read: Callable[[int, int], bytes], size: int, offset: int, length: int) -> bytes:
    """Bytes [offset, offset + length) as far as the file of `size` bytes goes. NeedMore when `read` gives fewer than that."""
    wanted = max(0, min(length, size - offset))
    data = read(offset, wanted) if wanted else b""
    if len(data) < wanted:
        raise NeedMore(offset + wanted)
    return data


def _syncsafe(data: bytes) -> int | None:
    """Four bytes of seven bits each; None when one has its eighth set."""
    value = 0
    for byte in data:
        value = value << 7 | byte
    return None if len(data) != 4 or any(byte & 0x80 for byte in data) else value


def skip_leading(read: Callable[[int, int], bytes], size: int) -> int:
    """Bytes of ID3v2 and APEv2 tags in front. NeedMore; NoRegion when they have no end."""
    offset = 0
    for _ in range(_MOST_TAGS):
        head = at(read, size, offset, _APE)
        length = _syncsafe(head[6:10]) if head[:3] == b"ID3" else None
        if length is not None:
            offset += 10 + length + (10 if head[5] & 0x10 else 0)
        elif head[:8] == b"APETAGEX":
            offset += _APE + int.from_bytes(head[12:16], "little")
        else:
            return offset
        if offset >= size or offset > MOST_TAG:
            break
    raise NoRegion("the tags in front have no end")


def tail_start(read: Callable[[int, int], bytes], size: int, floor: int) -> int:
    """Where the tags at the end begin (`size` without any); never before `floor`."""
    stop = size
    for _ in range(_MOST_TAGS):
        length = _last_tag(read, size, stop, floor)
        if not length or stop - length < max(floor, size - MOST_TAIL):
            break
        stop -= length
    return stop


def _last_tag(read: Callable[[int, int], bytes], size: int, stop: int, floor: int) -> int:
    """Bytes of the tag that ends at `stop`, 0 when none does."""

    def back(length: int) -> bytes:
        return at(read, size, stop - length, length) if stop - length >= floor else b""

    if back(_ID3V1)[:3] == b"TAG":
        return _ID3V1 + (_ENHANCED if back(_ID3V1 + _ENHANCED)[:4] == b"TAG+" else 0)
    footer = back(_APE)
    if footer[:8] == b"APETAGEX":
        length, flags = int.from_bytes(footer[12:16], "little"), int.from_bytes(footer[20:24], "little")
        return length + (_APE if flags & 0x8000_0000 else 0) if length >= _APE and not flags & 0x2000_0000 else 0
    end = back(15)
    if end[6:] == b"LYRICS200" and end[:6].isdigit():
        length = int(end[:6]) + 15
        return length if length <= MOST_TAIL and back(length)[:11] == b"LYRICSBEGIN" else 0
    if end[6:] == b"LYRICSEND":
        lyrics = back(min(_LYRICS1, stop - floor))
        found = lyrics.rfind(b"LYRICSBEGIN")
        return len(lyrics) - found if found >= 0 else 0
    end = back(10)
    if end[:3] == b"3DI" and (inner := _syncsafe(end[6:])) is not None:
        return inner + 20
    return 0
