"""Core: how long to wait after some bytes so that a stream keeps to a rate. Time is passed in."""

from __future__ import annotations

LEAST_READ = 1024
MOST_READ = 256 * 1024


class Pace:
    """A read cap in bytes a second; None for none. At most a quarter of a second's worth is read at once."""

    def __init__(self, rate: int | None = None) -> None:
        self.rate = rate
        self._ahead_until = 0.0

    def set_rate(self, rate: int | None) -> None:
        """A new cap takes effect at the next read; what was owed under the old one is forgiven."""
        if rate is not None and rate <= 0:
            raise ValueError("a rate is at least 1 byte a second, or None")
        self.rate = rate
        self._ahead_until = 0.0

    def size(self, wanted: int) -> int:
        """How much may be read now, of what is wanted."""
        if self.rate is None:
            return min(wanted, MOST_READ)
        return min(wanted, max(LEAST_READ, min(MOST_READ, self.rate // 4)))

    def wait_after(self, count: int, now: float) -> float:
        """Seconds to wait after `count` bytes have come."""
        if self.rate is None:
            return 0.0
        self._ahead_until = max(self._ahead_until, now) + count / self.rate
        return self._ahead_until - now
