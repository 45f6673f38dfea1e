"""The last frame of a FLAC: is it there, whole, and does it end at the last sample the header promises? Core.

RFC 9639: a frame begins with a header of its own (sync, CRC-8) that says which samples it holds, and ends with a CRC-16 over all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slskdn_tui.engine.audio.ends.damage import WINDOW, Damage, Ends, Unjudged
from slskdn_tui.engine.audio.flac import NeedMore, StreamInfo, parse_head
from slskdn_tui.engine.content.region_tags import skip_leading, tail_start

_HEAD = 512
_MOST_BLOCKS = 200
_MOST_HEADER = 16
_OWN_ZEROS = 8
_RATES = {1: 88_200, 2: 176_400, 3: 192_000, 4: 8000, 5: 16_000, 6: 22_050, 7: 24_000, 8: 32_000, 9: 44_100, 10: 48_000, 11: 96_000}
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask, out = 1 << bits - 1, (1 << bits) - 1, []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        out.append(value)
    return tuple(out)


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)


def crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def crc16(data: bytes) -> int:
    """0 over a frame with its CRC."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFF00) ^ _CRC16[value >> 8 ^ byte]
    return value


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame header at `offset` of the data given: it holds samples [first, first + count). `first` is None where its number says nothing."""

    offset: int
    first: int | None
    count: int


def frames(data: bytes, info: StreamInfo, *, backwards: bool = False) -> Iterator[Frame]:
    """Frame headers in `data` that agree with STREAMINFO and have the right CRC-8."""
    at = len(data) if backwards else -1
    while True:
        at = data.rfind(b"\xff", 0, at) if backwards else data.find(b"\xff", at + 1)
        if at < 0:
            return
        if at + 1 < len(data) and data[at + 1] & 0xFE == 0xF8 and (found := _header(data, at, info)):
            yield found


def _header(data: bytes, at: int, info: StreamInfo) -> Frame | None:
    head = data[at : at + _MOST_HEADER]
    if len(head) < 6:
        return None
    sizes, rate, channels, bits = head[2] >> 4, head[2] & 15, head[3] >> 4, head[3] >> 1 & 7
    if sizes == 0 or rate == 15 or channels > 10 or bits == 3 or head[3] & 1:
        return None
    if (channels + 1 if channels < 8 else 2) != info.channels or _BITS.get(bits, info.bits) != info.bits:
        return None
    if _RATES.get(rate, info.rate) != info.rate:
        return None
    number, end = _number(head)
    extra = {6: 1, 7: 2}.get(sizes, 0)
    if number is None or len(head) <= end + extra + {12: 1, 13: 2, 14: 2}.get(rate, 0):
        return None
    if extra:
        count = int.from_bytes(head[end : end + extra], "big") + 1
    else:
        count = 192 if sizes == 1 else 576 << sizes - 2 if sizes < 6 else 256 << sizes - 8
    end += extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if crc8(head[:end]) != head[end]:
        return None
    if head[1] & 1:
        return Frame(at, number, count)
    # Files of old encoders have blocks of several lengths and number them as if they had one.
    return Frame(at, number * info.min_block if info.min_block == info.max_block else None, count)


def _number(head: bytes) -> tuple[int | None, int]:
    """The frame's or sample's number (coded like UTF-8, up to 36 bits), and where it ends; None when it is malformed."""
    first = head[4]
    if first < 0x80:
        return first, 5
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(head) < 4 + length:
        return None, 5
    value = first & (0x7F >> length)
    for byte in head[5 : 4 + length]:
        if byte & 0xC0 != 0x80:
            return None, 5
        value = value << 6 | byte & 0x3F
    return value, 4 + length


def look(ends: Ends) -> Damage | None:
    """None when its end is as its header says. Unjudged when frames are larger than the window; ValueError of the header's parser is told as damage."""
    start = skip_leading(ends, ends.size)
    head = ends.at(start, _HEAD)
    try:
        front = parse_head(head)
    except NeedMore:
        return Damage("truncated", "header", f"the file ends after {ends.size} bytes", "a whole header")
    except ValueError as error:
        return Damage("damaged", "header", str(error))
    info, at = front.streaminfo, front.metadata_end
    if at is None:
        at = _metadata_end(ends, start, front.next_block)
    else:
        at += start
    if at is None or at >= ends.size:
        return Damage("truncated", "end", f"{ends.size} bytes, all of them tags", "audio behind them")
    if not any(frame.offset == 0 for frame in frames(ends.at(at, _MOST_HEADER), info)):
        return Damage("damaged", "first frame", "no frame header where the audio begins")
    return _tail(ends, info, at)


def _metadata_end(ends: Ends, start: int, offset: int) -> int | None:
    """Where audio begins, block header by block header; None when that is behind the end of the file."""
    at = start + offset
    for _ in range(_MOST_BLOCKS):
        head = ends.at(at, 4)
        if len(head) < 4:
            return None
        at += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            return at
    raise Unjudged("more metadata blocks than any real file has")


def _tail(ends: Ends, info: StreamInfo, floor: int) -> Damage | None:
    stop = tail_start(ends, ends.size, floor)
    begin = max(floor, stop - WINDOW)
    data = ends.at(begin, stop - begin)
    whole = data.rstrip(b"\0")
    promised = f"sample {info.samples}" if info.samples else "a whole last frame"
    nearest: Frame | None = None
    for frame in frames(data, info, backwards=True):
        nearest = nearest or frame
        if _ends_whole(data[frame.offset :], len(whole) - frame.offset):
            end = None if frame.first is None else frame.first + frame.count
            if not info.samples or end is None or end == info.samples:
                return None
            return Damage("truncated", "last frame", f"it ends at sample {end}", promised)
        if len(data) - frame.offset > 4 * _largest(info):
            break
    if nearest is None:
        if begin > floor and _largest(info) > len(data):
            raise Unjudged("its frames are larger than what is read of its end")
        zeros = len(data) - len(whole)
        return Damage(
            "truncated", "end", f"no frame in the last {len(data)} bytes" + (f", {zeros} of them zero" if zeros else ""), promised
        )
    end = None if nearest.first is None else nearest.first + nearest.count
    if end is None or (info.samples and end >= info.samples):
        return Damage("damaged", "last frame", "it is cut short or damaged", f"a frame up to {promised} with the right checksum")
    return Damage("truncated", "last frame", f"it is not whole, and goes up to sample {end}", promised)


def _ends_whole(frame: bytes, length: int) -> bool:
    """Whether the frame's CRC-16 is right. Zeros behind `length` are padding, but a frame may end in some of its own."""
    value = crc16(frame[: max(0, length)])
    for _ in range(min(_OWN_ZEROS, len(frame) - length)):
        if value == 0:
            return True
        value = (value << 8 & 0xFF00) ^ _CRC16[value >> 8]
    return value == 0


def _largest(info: StreamInfo) -> int:
    """Bytes a frame may have."""
    return info.max_frame or info.max_block * info.channels * (info.bits + 1) // 8 + 64
