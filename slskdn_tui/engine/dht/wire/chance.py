"""Chance, passed in. Core."""

from __future__ import annotations

from typing import Protocol


class Rng(Protocol):
    """`random.Random(seed)` in tests, `random.SystemRandom()` in earnest."""

    def randbytes(self, n: int) -> bytes: ...
    def random(self) -> float: ...
    def randrange(self, stop: int, /) -> int: ...
