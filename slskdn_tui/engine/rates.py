"""Bytes a second by plane and direction over the last five seconds, for the status line. Shell over the clock only."""

from __future__ import annotations

from collections import deque

from slskdn_tui.engine.runtime.clock import Clock

WINDOW = 5
_GRAIN = 0.5


class Rates:
    """`add` on every piece of data (cheap), `rate` when a screen asks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grains: dict[tuple[str, str], deque[list[float]]] = {}

    def add(self, plane: str, direction: str, count: int) -> None:
        now = self._clock.now()
        grains = self._grains.setdefault((plane, direction), deque())
        if grains and now - grains[-1][0] < _GRAIN:
            grains[-1][1] += count
        else:
            grains.append([now, count])
        while grains and now - grains[0][0] > WINDOW:
            grains.popleft()

    def rate(self, direction: str, plane: str = "") -> float:
        """Bytes a second; of both planes when none is named."""
        since = self._clock.now() - WINDOW
        total = sum(
            count
            for (each, way), grains in self._grains.items()
            if way == direction and plane in ("", each)
            for when, count in grains
            if when >= since
        )
        return total / WINDOW
