"""Core: who is left alone for how long after a failed attempt. Times are monotonic seconds, passed in."""

from __future__ import annotations

from dataclasses import dataclass

BACKOFF_S = (60.0, 120.0, 300.0, 900.0, 1800.0)


@dataclass(slots=True)
class _Hold:
    attempts: int
    until: float
    reason: str


class HoldOff:
    """Back-off a key (a user). The n-th failure in a row holds for the n-th of `steps`, the last one from then on."""

    def __init__(self, steps: tuple[float, ...] = BACKOFF_S) -> None:
        self._steps = steps
        self._holds: dict[str, _Hold] = {}

    def failed(self, key: str, now: float, reason: str = "") -> float:
        """Count a failure; the seconds this key is now left alone."""
        hold = self._holds.get(key)
        attempts = hold.attempts + 1 if hold else 1
        wait = self._steps[min(attempts, len(self._steps)) - 1]
        self._holds[key] = _Hold(attempts, now + wait, reason)
        return wait

    def succeeded(self, key: str) -> None:
        self._holds.pop(key, None)

    def remaining(self, key: str, now: float) -> float:
        """Seconds this key is still to be left alone; 0 when it may be tried."""
        hold = self._holds.get(key)
        return max(0.0, hold.until - now) if hold else 0.0

    def reason(self, key: str) -> str:
        hold = self._holds.get(key)
        return hold.reason if hold else ""

    def attempts(self, key: str) -> int:
        hold = self._holds.get(key)
        return hold.attempts if hold else 0

    def clear(self) -> None:
        """Everybody may be tried again: what kept us apart was on our side."""
        self._holds.clear()

    def prune(self, now: float) -> None:
        """Forget those whose hold ended longer ago than the longest step: they start afresh."""
        for key in [key for key, hold in self._holds.items() if hold.until + self._steps[-1] < now]:
            del self._holds[key]
