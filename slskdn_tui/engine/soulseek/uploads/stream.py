"""Shell: one shared file as it goes out: is it still what was told, in which pieces, and at whose pace."""

from __future__ import annotations

import asyncio
import os
from collections import deque

from slskdn_tui.engine.peers.bandwidth import Limiter
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.text import SafeText

CHUNK = 256 * 1024
LEAST_CHUNK = 1024
KEEP_SPEEDS = 100
LEAST_TOLD = 64 * 1024
"""Of fewer bytes only the distance would be told."""
MOST_SPEED = 2**32 - 1
BURSTS_S = 8
"""A capped upload goes out in pieces of an eighth of a second."""


class FileChanged(Exception):
    """A shared file is gone, or has another size than was told."""


class Declined(Exception):
    """The downloader does not want the file any more; its own words."""


class OwnSpeed:
    """How fast we send, as the network is told: bytes a second of the last uploads that ended whole.

    What a resumed upload began with was not sent by it: stock counts it in, and a file that somebody nearly had already became gigabytes a second,
    more than the field of a search answer holds."""

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=KEEP_SPEEDS)

    def note(self, sent: int, seconds: float) -> int:
        """`sent` bytes took so long; what to tell of it, 0 for nothing."""
        if sent < LEAST_TOLD or seconds <= 0:
            return 0
        self._last.append(min(MOST_SPEED, int(sent / seconds)))
        return self._last[-1]

    @property
    def average(self) -> float:
        return sum(self._last) / len(self._last) if self._last else 0.0


class FairLimiter(Limiter):
    """Who asked first is served first: whoever happened to look just after the others would starve."""

    def __init__(self, clock: Clock, bytes_s: int | None = None) -> None:
        super().__init__(clock, bytes_s)
        self._turn = asyncio.Lock()

    async def take(self, amount: int) -> None:
        async with self._turn:
            await super().take(amount)


def chunk(left: int, *rates: float | None) -> int:
    """How much goes out at once under some caps in bytes a second."""
    least = min((rate for rate in rates if rate), default=None)
    return min(left, CHUNK if least is None else max(LEAST_CHUNK, min(CHUNK, int(least / BURSTS_S))))


def check_file(path: str, size: int) -> None:
    """Raises FileChanged when there is no file of that size. Blocking."""
    try:
        found = os.stat(path).st_size
    except OSError as error:
        raise FileChanged(f"{error.strerror}: {SafeText(path)}") from error
    if found != size:
        raise FileChanged(f"{SafeText(path)} has {found} bytes, {size} when it was indexed")
