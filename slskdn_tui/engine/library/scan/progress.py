"""How far a stage has come and how long it will still take. Core."""

from __future__ import annotations

from dataclasses import dataclass

SETTLE_S = 2.0
"""No ETA before: the first files say little."""


@dataclass(slots=True)
class Progress:
    """`done` of `total`, since the moment `started` (monotonic seconds)."""

    started: float
    total: int
    done: int = 0

    def eta(self, now: float) -> float | None:
        """Seconds left at the rate so far, None while that says little."""
        spent = now - self.started
        if self.done <= 0 or spent < SETTLE_S:
            return None
        return max(0, self.total - self.done) * spent / self.done
