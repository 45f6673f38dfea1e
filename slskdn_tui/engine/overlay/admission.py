"""Who may come in before a byte of TLS is spent on them: counts and accept rates. Core: `now` is passed in."""

from __future__ import annotations

from collections import Counter

from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.peers.bandwidth import TokenBucket

_MOST_BUCKETS = 4096
HANDSHAKES_FULL = "handshakes full"


class Admission:
    """Counts accepted connections by address key (an IPv4 address or IPv6 /64)."""

    def __init__(self, limits: MeshLimits, now: float) -> None:
        self._limits = limits
        self._all = TokenBucket(limits.accepts_s, limits.accepts_s, now)
        self._buckets: dict[str, TokenBucket] = {}
        self.open: Counter[str] = Counter()
        self.handshaking = 0
        self.refused: Counter[str] = Counter()

    def knock(self, key: str, connected: int, now: float) -> str:
        """Empty: come in (then call `greeted` and `left`); otherwise why not. `connected` counts peers now connected.

        The caps of one address come first, so that a flood from it does not use up what all share.
        """
        limits = self._limits
        if self.open[key] >= limits.per_address:
            reason = "address full"
        elif connected + self.handshaking >= limits.connections:
            reason = "full"
        elif self.handshaking >= limits.handshaking:
            reason = HANDSHAKES_FULL
        elif not self._bucket(key, now).take(1, now):
            reason = "address rate"
        elif not self._all.take(1, now):
            reason = "rate"
        else:
            self.open[key] += 1
            self.handshaking += 1
            return ""
        self.refused[reason] += 1
        return reason

    def _bucket(self, key: str, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST_BUCKETS:
                self._buckets = {name: kept for name, kept in self._buckets.items() if kept.level(now) < kept.burst}
            limits = self._limits
            bucket = self._buckets[key] = TokenBucket(limits.accepts_s_address, limits.accepts_burst_address, now)
        return bucket

    def greeted(self) -> None:
        """A handshake ended, well or not."""
        self.handshaking -= 1

    def left(self, key: str) -> None:
        """An accepted connection is closed."""
        self.open[key] -= 1
        if self.open[key] <= 0:
            del self.open[key]
