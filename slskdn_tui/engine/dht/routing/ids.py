"""Node ids bound to addresses (BEP 42): who wants many ids near a key needs many addresses. Core."""

from __future__ import annotations

from functools import lru_cache

from slskdn_tui.engine.dht.wire.addresses import is_public, pack_host
from slskdn_tui.engine.dht.wire.chance import Rng

_MASK4, _MASK6 = 0x030F3FFF, 0x0103070F1F3F7FFF


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        rows.append(byte)
    return tuple(rows)


_CRC = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@lru_cache(maxsize=32768)
def _prefix(host: str, r: int) -> int:
    """The first 21 bits that `host` must have with this r (0-7)."""
    packed = pack_host(host)
    if len(packed) == 16:
        masked = (int.from_bytes(packed[:8], "big") & _MASK6) | (r << 61)
        return crc32c(masked.to_bytes(8, "big")) >> 11
    masked = (int.from_bytes(packed, "big") & _MASK4) | (r << 29)
    return crc32c(masked.to_bytes(4, "big")) >> 11


def make_id(host: str, rng: Rng) -> bytes:
    """A 20-byte id that is right for `host`."""
    last = rng.randrange(256)
    body = bytearray(rng.randbytes(20))
    head = (_prefix(host, last & 7) << 3) | (body[2] & 7)
    body[:3] = head.to_bytes(3, "big")
    body[19] = last
    return bytes(body)


def is_valid(node_id: bytes, host: str) -> bool:
    """Whether the id is right for the address; private addresses are exempt."""
    if not is_public(host):
        return True
    return int.from_bytes(node_id[:3], "big") >> 3 == _prefix(host, node_id[19] & 7)
