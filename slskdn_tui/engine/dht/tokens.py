"""Write tokens: proof that an announcer receives at the address it announces from. Core."""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from slskdn_tui.engine.dht.addresses import pack_host

TOKEN = 8


class Rng(Protocol):
    """Chance, passed in: `random.Random(seed)` in tests, `random.SystemRandom()` in earnest."""

    def randbytes(self, n: int) -> bytes: ...
    def random(self) -> float: ...
    def randrange(self, stop: int, /) -> int: ...


class Tokens:
    """8-byte keyed hashes over IP and key (not the port: NATs move it). Two secrets, so a token lives one to two periods."""

    def __init__(self, rng: Rng, now: float, period: float = 300.0) -> None:
        self._rng = rng
        self._period = period
        self._turned = now
        self._current = rng.randbytes(32)
        self._previous = rng.randbytes(32)

    def make(self, host: str, key: bytes, now: float) -> bytes:
        self._turn(now)
        return self._hash(self._current, host, key)

    def valid(self, token: bytes, host: str, key: bytes, now: float) -> bool:
        """In constant time for each secret."""
        self._turn(now)
        current = hmac.compare_digest(token, self._hash(self._current, host, key))
        return hmac.compare_digest(token, self._hash(self._previous, host, key)) or current

    def _turn(self, now: float) -> None:
        missed = int((now - self._turned) // self._period)
        if missed < 1:
            return
        # After two whole periods even the newer secret is too old to be honoured.
        self._previous = self._current if missed == 1 else self._rng.randbytes(32)
        self._current = self._rng.randbytes(32)
        self._turned += missed * self._period

    @staticmethod
    def _hash(secret: bytes, host: str, key: bytes) -> bytes:
        return hashlib.blake2b(pack_host(host) + key, digest_size=TOKEN, key=secret).digest()
