"""When is a Soulseek transfer underperforming? The roadmap's three rules, with the figures in the answer. Core: time is passed in.

Queued longer than `queued_s`; active and slower than `slow_bytes_s` for `slow_s`; no byte for `no_bytes_s`. The speed is that of the last 60 s, never
the lifetime's average; where `slow_s` is shorter than that, of the last `slow_s`. Waiting in a queue has the first rule only: no byte comes there
by nature.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from slskdn_tui.model import text
from slskdn_tui.model.ports import OriginState

SPEED_WINDOW_S = 60.0
_SAMPLES = 120
"""Byte counts kept over the window."""


class RescueRules(Protocol):
    """Thresholds; `config.settings.Rescue` and `RescueThresholds` both fit."""

    @property
    def queued_s(self) -> float: ...
    @property
    def slow_bytes_s(self) -> float: ...
    @property
    def slow_s(self) -> float: ...
    @property
    def no_bytes_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class RescueThresholds:
    """The roadmap's defaults: 30 min, 10 KB/s for 5 min, 2 min."""

    queued_s: float = 1800.0
    slow_bytes_s: float = 10240.0
    slow_s: float = 300.0
    no_bytes_s: float = 120.0


class StallWatch:
    """Fed with the transfer's state and byte count now and then (once a second is plenty); says why it underperforms, or nothing."""

    def __init__(self, rules: RescueRules, now: float) -> None:
        self._rules = rules
        self.window = min(SPEED_WINDOW_S, rules.slow_s)
        self._state: OriginState | None = None
        self._since = now  # when this state began
        self._last_byte = now
        self._bytes = 0
        self._slow_since: float | None = None
        self._samples: deque[tuple[float, int]] = deque()

    def restart(self, now: float) -> None:
        """Another origin took over: nothing of the old one is held against it."""
        self._state, self._since, self._last_byte, self._slow_since = None, now, now, None
        self._samples.clear()

    def observe(self, now: float, state: OriginState, total: int) -> None:
        """`total` bytes received so far, in `state`."""
        if state is not self._state:
            self._state, self._since, self._slow_since = state, now, None
            self._samples.clear()
            self._last_byte = max(self._last_byte, now) if state is OriginState.ACTIVE else self._last_byte
        if total != self._bytes:
            self._bytes, self._last_byte = total, now
        samples = self._samples
        if not samples or now - samples[-1][0] >= self.window / _SAMPLES:
            samples.append((now, total))
        while len(samples) > 1 and now - samples[1][0] >= self.window:
            samples.popleft()
        if state is OriginState.ACTIVE and self.speed(now) < self._rules.slow_bytes_s:
            self._slow_since = now if self._slow_since is None else self._slow_since
        else:
            self._slow_since = None

    def speed(self, now: float) -> float:
        """Bytes/s over the window, or since the transfer became active."""
        if not self._samples:
            return 0.0
        at, total = self._samples[0]
        span = now - at
        return (self._bytes - total) / span if span > 0 else 0.0

    def reason(self, now: float) -> str:
        """Why, with the figures; "" while all is well."""
        rules, state = self._rules, self._state
        if state is None or state is OriginState.ENDED:
            return ""
        if state is OriginState.QUEUED:
            waited = now - self._since
            return f"queued for {lasting(waited)} (more than {lasting(rules.queued_s)})" if waited > rules.queued_s else ""
        silent = now - self._last_byte
        if silent > rules.no_bytes_s:
            return f"no byte for {lasting(silent)} (more than {lasting(rules.no_bytes_s)})"
        if self._slow_since is not None and now - self._slow_since > rules.slow_s:
            slow = f"{self.speed(now) / 1000:.1f} KB/s over the last {lasting(self.window)}, below {rules.slow_bytes_s / 1000:.1f} KB/s"
            return f"{slow} for {lasting(now - self._slow_since)} (more than {lasting(rules.slow_s)})"
        return ""


def lasting(seconds: float) -> str:
    """`12.5 s`, `30 min`, `4 h`: to a tenth, as it stands beside a threshold that was just passed; hours as everywhere."""
    if seconds < 120:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    if seconds >= 5400:
        return text.lasting(seconds)
    return f"{seconds / 60:.1f}".rstrip("0").rstrip(".") + " min"
