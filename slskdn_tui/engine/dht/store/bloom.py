"""BEP 33's bloom filters: how many addresses share a key, without naming them. Core."""

from __future__ import annotations

import hashlib
import math

from slskdn_tui.engine.dht.wire.addresses import pack_host

BYTES = 256
_BITS = BYTES * 8


class Bloom:
    """2,048 bits, two a host."""

    def __init__(self, data: bytes = bytes(BYTES)) -> None:
        """ValueError unless `data` has 256 bytes."""
        if len(data) != BYTES:
            raise ValueError("a scrape filter has 256 bytes")
        self._bits = bytearray(data)

    def add(self, host: str) -> None:
        digest = hashlib.sha1(pack_host(host), usedforsecurity=False).digest()
        for low, high in ((digest[0], digest[1]), (digest[2], digest[3])):
            index = (low | high << 8) % _BITS
            self._bits[index >> 3] |= 1 << (index & 7)

    def merge(self, other: Bloom) -> None:
        self._bits = bytearray(a | b for a, b in zip(self._bits, other._bits, strict=True))

    @property
    def data(self) -> bytes:
        return bytes(self._bits)

    @property
    def count(self) -> float:
        """About how many different hosts were added."""
        zeros = max(1, min(_BITS - 1, _BITS - sum(byte.bit_count() for byte in self._bits)))
        empty = not any(self._bits)
        return 0.0 if empty else math.log(zeros / _BITS) / (2 * math.log(1 - 1 / _BITS))
