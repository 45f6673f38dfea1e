"""Write tokens: proof that an announcer receives at the address it announces from. Core."""

from __future__ import annotations

import hashlib
import hmac

from slskdn_tui.engine.dht.wire.addresses import pack_host
from slskdn_tui.engine.dht.wire.chance import Rng

TOKEN = 8


class Tokens:
    """8-byte keyed hashes over IP and key (not the port: NATs move it). Two secrets, so a token lives one to two periods."""

    def __init__(self, rng: Rng, now: float, period: float = 300.0) -> None:
        self._rng = rng
        self._period = period
        self._turned = now
        self._current = self._secret()
        self._previous = self._secret()

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
        self._previous = self._current if missed == 1 else self._secret()
        self._current = self._secret()
        self._turned += missed * self._period

    def _secret(self) -> hashlib.blake2b:
        """A hash that was keyed once: a copy of it is cheaper than keying anew."""
        return hashlib.blake2b(digest_size=TOKEN, key=self._rng.randbytes(32))

    @staticmethod
    def _hash(secret: hashlib.blake2b, host: str, key: bytes) -> bytes:
        keyed = secret.copy()
        keyed.update(pack_host(host) + key)
        return keyed.digest()
