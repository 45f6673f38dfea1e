"""FLAC's head: STREAMINFO, where the metadata ends, an ID3 tag in front. Core.

Field layout is RFC 9639: `fLaC`, then metadata blocks (u1 last, u7 type, u24 length), the first a STREAMINFO of 34 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.model.codec import codec_profile

STREAMINFO_BYTES = 34
_HEADER = 4
_ID3 = 10
MOST_ID3 = 64 * 1024 * 1024
MOST_METADATA = 128 * 1024 * 1024


class NeedMore(ValueError):
    """The head is not complete: `offset` is the first byte that must be there as well."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"more bytes are needed, up to {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The 34 bytes `raw`, read: `rate` Hz, `bits` a sample, `samples` a channel (0: not said), `md5` of the decoded audio (zeros: not said)."""

    raw: bytes
    min_block: int
    max_block: int
    min_frame: int
    max_frame: int
    rate: int
    channels: int
    bits: int
    samples: int
    md5: bytes

    @property
    def duration_ms(self) -> int | None:
        return round(self.samples * 1000 / self.rate) if self.samples else None

    @property
    def has_md5(self) -> bool:
        return any(self.md5)

    @property
    def profile(self) -> str:
        """`FLAC-16bit-44100Hz-2ch`."""
        return codec_profile("FLAC", bits=self.bits, rate=self.rate, channels=self.channels)


@dataclass(frozen=True, slots=True)
class FlacHead:
    """`start` where `fLaC` stands (after an ID3 tag), `metadata_end` where audio frames begin, None when the given bytes end before it is known.

    `next_block` is the offset of the next block header to read in that case.
    """

    start: int
    streaminfo: StreamInfo
    metadata_end: int | None
    next_block: int


def parse_streaminfo(raw: bytes) -> StreamInfo:
    """ValueError unless these are 34 bytes that a decoder would accept."""
    if len(raw) != STREAMINFO_BYTES:
        raise ValueError(f"STREAMINFO has {len(raw)} bytes, not {STREAMINFO_BYTES}")
    packed = int.from_bytes(raw[10:18], "big")
    info = StreamInfo(
        raw=bytes(raw),
        min_block=int.from_bytes(raw[0:2], "big"),
        max_block=int.from_bytes(raw[2:4], "big"),
        min_frame=int.from_bytes(raw[4:7], "big"),
        max_frame=int.from_bytes(raw[7:10], "big"),
        rate=packed >> 44,
        channels=(packed >> 41 & 0x7) + 1,
        bits=(packed >> 36 & 0x1F) + 1,
        samples=packed & 0xF_FFFF_FFFF,
        md5=bytes(raw[18:34]),
    )
    if not info.rate or info.bits < 4 or info.min_block < 16 or info.max_block < info.min_block:
        raise ValueError("STREAMINFO holds values no FLAC file has")
    return info


def id3_length(data: bytes) -> int:
    """Bytes of an ID3v2 tag at the front, footer included; 0 without one. NeedMore for under 10 bytes of it."""
    if data[:3] != b"ID3"[: len(data[:3])] or not data:
        return 0
    if len(data) < _ID3:
        raise NeedMore(_ID3)
    if any(byte & 0x80 for byte in data[6:10]):
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte
    return _ID3 + size + (_ID3 if data[5] & 0x10 else 0)


def parse_head(data: bytes | bytearray | memoryview) -> FlacHead:
    """Read the front of a file. NeedMore when STREAMINFO is not whole yet; ValueError when it is no FLAC."""
    view = bytes(data[:_ID3])
    start = id3_length(view)
    if start > MOST_ID3:
        raise ValueError("the ID3 tag in front is larger than any real one")
    need = start + _HEADER + _HEADER + STREAMINFO_BYTES
    magic = bytes(data[start : start + 4])
    if magic != b"fLaC"[: len(magic)]:
        raise ValueError("not a FLAC file")
    if len(data) < need:
        raise NeedMore(need)
    kind, length, last = _block(data, start + 4)
    if kind != 0 or length != STREAMINFO_BYTES:
        raise ValueError("the first metadata block is not STREAMINFO")
    info = parse_streaminfo(bytes(data[start + 8 : start + 8 + STREAMINFO_BYTES]))
    offset = need
    while not last:
        if len(data) < offset + _HEADER:
            return FlacHead(start, info, None, offset)
        kind, length, last = _block(data, offset)
        if kind == 127 or offset > MOST_METADATA:
            raise ValueError("malformed metadata block")
        offset += _HEADER + length
    return FlacHead(start, info, offset, offset)


def _block(data: bytes | bytearray | memoryview, offset: int) -> tuple[int, int, bool]:
    """(type, length, last) of the block header at `offset`."""
    first = data[offset]
    return first & 0x7F, int.from_bytes(bytes(data[offset + 1 : offset + 4]), "big"), bool(first & 0x80)
