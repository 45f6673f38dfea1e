"""How long to wait for an answer before asking another node. Core."""

from __future__ import annotations

from collections import deque


class Rto:
    """How long to wait for an answer before asking another: clamp(max(p10 + 100 ms, p90)) of the last 64 round trips."""

    def __init__(self, start: float = 1.0, least: float = 0.25, most: float = 2.0) -> None:
        self._least, self._most = least, most
        self._samples: deque[float] = deque(maxlen=64)
        self.value = start

    def add(self, seconds: float) -> None:
        self._samples.append(seconds)
        if len(self._samples) < 8:
            return
        ordered = sorted(self._samples)
        p10, p90 = ordered[len(ordered) // 10], ordered[len(ordered) * 9 // 10]
        self.value = min(self._most, max(self._least, p10 + 0.1, p90))
