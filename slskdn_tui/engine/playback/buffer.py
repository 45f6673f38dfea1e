"""When sound starts, stops for want of bytes, and goes on. Core: time is passed in; everything is in milliseconds of music.

Sound starts with 5 s ahead of the play head, or at once where bytes arrive at 1.3 times the bitrate. Below 10 s what is next is raised. When
10 s have played and what is ahead has dropped below 5 s, the player is paused until there are 10 s, if at the rate of the last 10 s it would not
last another 30: a lead that grows, or hardly shrinks, is no reason to stop.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

RATE_S = 10.0
"""The arrival rate is taken over so many seconds: a source that is silent for some of them does not make it slow,"""
_LEAST_S = 0.2
"""and over so many at the least."""
_FIRST_MS = 500
"""What must be ahead to start at once: a player needs some of it to decode at all; and in any case twice what the longest wait took."""


class Phase(StrEnum):
    STARTING = "starting"
    PLAYING = "playing"
    BUFFERING = "buffering"


@dataclass(frozen=True, slots=True)
class Rules:
    """Milliseconds of music; `quick` is how many times the bitrate counts as fast enough."""

    lead_ms: int = 30_000
    low_ms: int = 10_000
    pause_ms: int = 5_000
    start_ms: int = 5_000
    played_ms: int = 10_000
    quick: float = 1.3


class Buffer:
    """One play. `stalls` counts how often sound had to stop; a seek is none."""

    def __init__(self, rules: Rules = Rules()) -> None:
        self.rules = rules
        self.phase = Phase.STARTING
        self.position_ms = 0
        self.ahead_ms = 0
        self.whole = False
        self.stalls = 0
        self._from_ms: int | None = None
        self._front, self._gap = (0.0, -1), 0.0  # how far the music goes, and since when; the longest that it did not go on
        self._arrived: deque[tuple[float, float]] = deque()

    @property
    def needed_ms(self) -> int:
        """How much is missing of the lead; 0 when what is ahead goes to the end of the file."""
        return 0 if self.whole else max(0, self.rules.lead_ms - self.ahead_ms)

    @property
    def raised(self) -> bool:
        """What comes next is needed so soon that nothing else matters."""
        return not self.whole and self.ahead_ms < self.rules.low_ms

    @property
    def rate(self) -> float:
        """Milliseconds of music that arrive in a millisecond; 0 while that is not known."""
        if len(self._arrived) < 2:
            return 0.0
        (since, before), (now, arrived) = self._arrived[0], self._arrived[-1]
        return (arrived - before) / 1000 / (now - since) if now - since >= _LEAST_S else 0.0

    def seek(self) -> None:
        """The play head was moved: sound starts anew."""
        self.phase, self._from_ms = Phase.STARTING, None
        self._front, self._gap = (0.0, -1), 0.0

    def step(self, now: float, position_ms: int, ahead_ms: int, arrived_ms: float, whole: bool, asked: bool = True) -> Phase:
        """What is so at `now`: the play head, the music that is there beyond it without a gap, all that ever arrived, and whether the end of the file
        is among what is ahead. Until somebody was `asked` for bytes, waiting for them says nothing of how fast they come."""
        self.position_ms, self.ahead_ms, self.whole = position_ms, ahead_ms, whole
        self._arrived.append((now, arrived_ms))
        if not asked and arrived_ms == self._arrived[0][1]:
            self._arrived = deque([(now, arrived_ms)])
            self._front = (now, position_ms + ahead_ms)
        if position_ms + ahead_ms != self._front[1]:
            self._gap = max(self._gap * 0.9, now - self._front[0]) if self._front[1] >= 0 else 0.0
            self._front = (now, position_ms + ahead_ms)
        longest = 2000 * max(self._gap, now - self._front[0])
        while len(self._arrived) > 2 and now - self._arrived[1][0] >= RATE_S:
            self._arrived.popleft()
        rules, quick = self.rules, self.rate >= self.rules.quick
        match self.phase:
            case Phase.STARTING if whole or ahead_ms >= rules.start_ms or (quick and ahead_ms >= max(_FIRST_MS, longest)):
                self._play()
            case Phase.BUFFERING if whole or ahead_ms >= rules.low_ms or (quick and ahead_ms >= rules.pause_ms):
                self._play()
            case Phase.PLAYING if not whole:
                played = position_ms - self._from_ms if self._from_ms is not None else 0
                short = ahead_ms < rules.pause_ms and ahead_ms < (1.0 - self.rate) * rules.lead_ms
                if ahead_ms <= 0 or (short and played >= rules.played_ms):
                    self.phase = Phase.BUFFERING
                    self.stalls += 1
        return self.phase

    def _play(self) -> None:
        self.phase, self._from_ms = Phase.PLAYING, self.position_ms
