"""How far a peer is trusted: the roadmap's formula over its last 200 requests, healing with a weekly half-life. Core; local, never sent.

reputation = 1.0 - (0.3 timeout_rate + 0.5 corruption_rate + 0.2 failure_rate). Timeouts and failures are taken over requests (a timeout or a
corrupt chunk is also a failure), corruption over chunks received; with other denominators the formula could not fall to the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

AVOID = 0.3
TRUSTED = 0.7
RECENT = 200
FEW = 10
HALF_LIFE_DAYS = 7.0
DAY_S = 86_400.0
_TOLERANCE = 1e-9


class ChunkOutcome(StrEnum):
    """How a chunk request ended; the value is the letter kept in `Standing.outcomes`."""

    OK = "o"
    TIMEOUT = "t"
    ERROR = "e"
    CORRUPTION = "c"


def reputation(timeout_rate: float, corruption_rate: float, failure_rate: float, idle_days: float = 0.0) -> float:
    """0-1. The distance to 1.0 halves every seven days without a request."""
    lost = 0.3 * timeout_rate + 0.5 * corruption_rate + 0.2 * failure_rate
    return 1.0 - lost * math.exp2(-max(0.0, idle_days) / HALF_LIFE_DAYS)


def avoided(score: float) -> bool:
    """At or below 0.3: used only if nobody else has the piece."""
    return score <= AVOID + _TOLERANCE


def trusted(score: float) -> bool:
    """At least 0.7: may carry what is urgent."""
    return score >= TRUSTED - _TOLERANCE


@dataclass(frozen=True, slots=True)
class Standing:
    """A peer's last outcomes, oldest first, a letter each (`ChunkOutcome`), and the UTC second of the last request (None: never asked).

    Two columns keep it; unknown letters are read as good.
    """

    outcomes: str = ""
    last: float | None = None

    def after(self, outcome: ChunkOutcome, when: float) -> Standing:
        """With one more request, ended at `when`."""
        return Standing((self.outcomes + outcome.value)[-RECENT:], when)

    def lied(self, when: float) -> bool:
        """One proven wrong chunk among the last requests, and less than a day since the last of them."""
        return ChunkOutcome.CORRUPTION.value in self.outcomes and self.last is not None and when - self.last < DAY_S

    def avoided_until(self, when: float) -> float | None:
        """The UTC second from which on it is asked like any other, if it is left alone until then; None while it is not avoided at `when`."""
        if self.last is None or not (avoided(self.score(when)) or self.lied(when)):
            return None
        until = self.last + DAY_S if self.lied(when) else when
        lost = 1.0 - self.score(self.last)
        heals = self.last + HALF_LIFE_DAYS * math.log2(lost / (1.0 - AVOID)) * DAY_S if lost > 1.0 - AVOID else when
        return max(until, heals)

    def score(self, when: float) -> float:
        """The reputation at UTC second `when`; 1.0 for a stranger."""
        timeouts, corrupt = self.outcomes.count("t"), self.outcomes.count("c")
        failed = timeouts + corrupt + self.outcomes.count("e")
        requests = max(FEW, len(self.outcomes))
        received = max(FEW, len(self.outcomes) - timeouts - self.outcomes.count("e"))
        idle = (when - self.last) / DAY_S if self.last is not None else 0.0
        return reputation(timeouts / requests, corrupt / received, failed / requests, idle)
