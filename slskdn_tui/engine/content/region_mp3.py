"""Where the audio frames of an MP3 start: behind padding and the Xing, Info or VBRI frame, which taggers and remuxers rewrite. Core."""

from __future__ import annotations

from collections.abc import Callable

from slskdn_tui.engine.content.region_tags import NoRegion, at

MOST_PADDING = 1024 * 1024
"""Zero bytes between a tag and the first frame."""
_BLOCK = 4096
_KBPS1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def frame_length(header: bytes) -> int:
    """Bytes of the MPEG layer III frame with this header of four bytes; 0 when it is none (free format is none)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer, kbps, rate = header[1] >> 3 & 3, header[1] >> 1 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer != 1 or kbps in (0, 15) or rate == 3:
        return 0
    first = version == 3
    return (144 if first else 72) * (_KBPS1 if first else _KBPS2)[kbps - 1] * 1000 // _RATES[version][rate] + (header[2] >> 1 & 1)


def audio_start(read: Callable[[int, int], bytes], size: int, offset: int) -> int:
    """The first frame of audio at or behind `offset`. NeedMore; NoRegion when there is none. Two frames in a row must agree: two bytes are no proof."""
    offset = _behind_zeros(read, size, offset)
    header = at(read, size, offset, 4)
    length = frame_length(header)
    if not length:
        raise NoRegion("no audio format that is known here")
    following = at(read, size, offset + length, 4)
    if not frame_length(following) or (header[1] ^ following[1]) & 0xFE or (header[2] ^ following[2]) & 0x0C:
        raise NoRegion("no MPEG frame follows the first")
    return offset + length if _is_info(header, at(read, size, offset, min(length, 48))) else offset


def _behind_zeros(read: Callable[[int, int], bytes], size: int, offset: int) -> int:
    stop = offset + MOST_PADDING
    while offset < min(size, stop):
        if at(read, size, offset, 1) != b"\0":
            return offset
        block = read(offset, _BLOCK)
        offset += len(block) - len(block.lstrip(b"\0"))
    return offset


def _is_info(header: bytes, frame: bytes) -> bool:
    """Whether the frame describes the file instead of holding audio."""
    mono, first = header[3] >> 6 == 3, header[1] >> 3 & 3 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    words = (frame[4 + side : 8 + side], frame[6 + side : 10 + side])  # behind a CRC as well
    return any(word in (b"Xing", b"Info") for word in words) or frame[36:40] == b"VBRI"
