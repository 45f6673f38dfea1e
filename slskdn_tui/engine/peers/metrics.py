"""What is known of a peer's speed and manners, updated on every chunk. Core: time is passed in.

`rtt_avg` s from a request to its first answer; `rtt_base` s, the least seen on an idle connection (our own queue at the
peer inflates the average, and a window computed from it would grow without end); `throughput_avg` bytes/s over the last
second of *busy* time: waiting because nothing was asked says nothing about a link. Rates are shares 0-1 of the last 200 requests.
"""

from __future__ import annotations

from collections import deque

WINDOW_S = 1.0
RECENT = 200
FEW = 10
"""Below so many requests the missing ones count as good, so that one mishap does not condemn a newcomer."""
_GRAIN_S = 0.05


class RateWindow:
    """Bytes/s over the last `seconds` of wall-clock time, for display: a source that sends nothing shows 0."""

    __slots__ = ("_grains", "_seconds", "_since", "_total", "total")

    def __init__(self, now: float, seconds: float = 5.0) -> None:
        self.total = 0
        self._seconds = seconds
        self._since = now
        self._total = 0
        self._grains: deque[list[float]] = deque()

    def add(self, now: float, size: int) -> None:
        self.total += size
        self._total += size
        if self._grains and now - self._grains[-1][0] < _GRAIN_S:
            self._grains[-1][1] += size
        else:
            self._grains.append([now, float(size)])
            self._trim(now)

    def _trim(self, now: float) -> None:
        while self._grains and now - self._grains[0][0] > self._seconds:
            self._total -= int(self._grains.popleft()[1])

    def rate(self, now: float) -> float:
        self._trim(now)
        return self._total / max(min(self._seconds, now - self._since), 0.1)


class PeerMetrics:
    """One peer's figures inside one swarm."""

    __slots__ = ("_busy", "_bytes", "_grains", "_last", "_outcomes", "bytes", "chunks", "errors", "rtt_avg", "rtt_base", "timeouts")

    def __init__(self) -> None:
        self.rtt_avg: float | None = None
        self.rtt_base: float | None = None
        self.bytes = 0
        self.chunks = 0
        self.errors = 0
        self.timeouts = 0
        self._outcomes: deque[str] = deque(maxlen=RECENT)
        self._grains: deque[list[float]] = deque()  # [busy seconds, bytes] pairs of about 50 ms
        self._busy = 0.0
        self._bytes = 0.0
        self._last: float | None = None

    @property
    def known(self) -> bool:
        """True once a byte has come."""
        return self._last is not None

    @property
    def last_arrival(self) -> float | None:
        return self._last

    def answered(self, seconds: float, idle: bool) -> None:
        """First byte of a request after `seconds`; `idle` when nothing else was outstanding as it was sent."""
        self.rtt_avg = seconds if self.rtt_avg is None else self.rtt_avg + (seconds - self.rtt_avg) / 8
        if idle and (self.rtt_base is None or seconds < self.rtt_base):
            self.rtt_base = seconds

    def arrived(self, now: float, size: int, since: float) -> None:
        """`size` bytes at `now`; the link was busy for them since `since` or the last arrival, whichever is later."""
        start = since if self._last is None or since > self._last else self._last
        busy = now - start if now > start else 0.0
        self._last = now
        self.bytes += size
        grains = self._grains
        if grains and grains[-1][0] < _GRAIN_S:
            grains[-1][0] += busy
            grains[-1][1] += size
        else:
            grains.append([busy, float(size)])
        self._busy += busy
        self._bytes += size
        # A single long wait (the first after a silence) gives way to fresh figures sooner.
        while len(grains) > 1 and self._busy - grains[0][0] >= (WINDOW_S if grains[0][0] < WINDOW_S / 2 else WINDOW_S / 10):
            old = grains.popleft()
            self._busy -= old[0]
            self._bytes -= old[1]

    def restart(self, now: float, size: int, busy: float) -> None:
        """The peer lives again after a silence: what it was before says little; it begins with `size` bytes in `busy` seconds."""
        self._grains.clear()
        self._grains.append([busy, float(size)])
        self._busy, self._bytes, self._last = busy, float(size), now
        self.bytes += size

    @property
    def throughput_avg(self) -> float | None:
        """Bytes/s, or None before the first byte."""
        return None if self._last is None else self._bytes / max(self._busy, 0.002)

    @property
    def busy_seconds(self) -> float:
        """How much busy time the throughput rests on (at most about a second)."""
        return self._busy

    def chunk(self, outcome: str) -> None:
        """A request ended: `ok`, `timeout`, `error` or `corruption`."""
        self._outcomes.append(outcome)
        self.chunks += 1
        if outcome == "timeout":
            self.timeouts += 1
        elif outcome != "ok":
            self.errors += 1

    def _share(self, *names: str) -> float:
        if not self._outcomes:
            return 0.0
        return sum(outcome in names for outcome in self._outcomes) / max(FEW, len(self._outcomes))

    @property
    def error_rate(self) -> float:
        """Share of chunks that were refused, broken or wrong."""
        return self._share("error", "corruption") if self.errors else 0.0

    @property
    def timeout_rate(self) -> float:
        return self._share("timeout") if self.timeouts else 0.0
