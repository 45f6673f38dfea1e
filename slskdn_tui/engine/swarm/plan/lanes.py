"""One overlay peer as the scheduler sees it: what it was asked, how fast it answers, whether it is silent. Core: time is passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf

from slskdn_tui.engine.peers.metrics import PeerMetrics
from slskdn_tui.engine.runtime.backoff import doubled
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF, MAX_CHUNK_LEAVES

START_LEAVES = 4
PIPE_S = 0.25
PIPE_BYTES = 2 * 1024 * 1024
"""Most of a window beyond its round trips: above 8 MB/s more only fills caches (1 GiB over loopback from 4 peers: CPU 2.5 s with 12 MiB, 2.1 s with 2)."""
CHUNK_S = 0.06
"""A request holds about so many seconds of a peer's rate, in leaves, from one to sixteen."""
SENT_LEAVES = 3
"""So many leaves next in line are taken to be in a peer's send buffer, where no cancel reaches them."""
SILENCE_S = 1.0
SILENCE_RTTS = 4.0
GUESS_BYTES_S = 500_000.0
GUESS_RTT_S = 0.1
_MOST_UNSURE_RTT_S = 0.5
"""Measured on a busy connection only, most of it is our own queue: taken for a round trip, it let a slow peer's window grow without end."""
_SETTLED_S = 0.4
LONGEST_BACKOFF_S = 30.0
_LACK_S = 5.0
_LONGEST_LACK_S = 80.0
GHOST_S = 1.0
_MARGIN = 0.75
"""Share of a peer's limits that is used: what was cancelled counts against them until the peer confirms it."""


@dataclass(slots=True, eq=False)
class Ask:
    """One outstanding request of `count` leaves from `first`; `left` are still to come, `brought` came and were new. `idle`: nothing else was outstanding when it was sent.

    `clean`: nothing cancelled can be on its way before it, so the first answer takes a round trip at least.
    """

    first: int
    count: int
    sent: float
    idle: bool
    left: set[int]
    answered: float | None = None
    clean: bool = True
    brought: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Lane:
    """The scheduler's record of one peer."""

    node: str
    limits: PeerLimits
    reputation: float
    heard: float
    metrics: PeerMetrics = field(default_factory=PeerMetrics)
    asks: deque[Ask] = field(default_factory=deque)
    by_leaf: dict[int, Ask] = field(default_factory=dict)
    slow_start: int = START_LEAVES * LEAF
    starting: bool = True
    gap: float = 0.0  # the longest wait between two signs of life of late
    silent: bool = False
    quiet_since: float = 0.0
    strikes: int = 0
    retry_at: float = 0.0
    paused_until: float = 0.0
    lacks: dict[int, tuple[float, float]] = field(default_factory=dict)  # leaf -> (until when, seconds it was put off)
    excused: float = 0.0  # our own loop's delay since the last sign of life
    doubted: float | None = None  # since when it was overdue as something was taken from it; until it delivers
    refill: float = inf  # as long as more bytes are outstanding there is no room for a request
    most_bytes: int | None = None  # what it lets us have outstanding, as it has shown by refusing more
    ghosts: dict[int, tuple[float, bool, float]] = field(
        default_factory=dict
    )  # cancelled (when; was it probably sent; when asked), but may still come

    @property
    def outstanding(self) -> int:
        """Bytes asked for and not yet here (a short last leaf counts as whole)."""
        return len(self.by_leaf) * LEAF

    @property
    def most_asks(self) -> int:
        """Requests it may have outstanding."""
        return max(1, int(self.limits.requests * _MARGIN))

    def waiting(self, now: float) -> float:
        """Seconds of silence beyond what a leaf takes, while something is outstanding."""
        last = self.metrics.last_arrival
        if self.doubted is not None:
            return max(0.0, now - self.doubted - self.excused)
        if not self.asks:
            return 0.0
        if last is None:
            return max(0.0, now - self.asks[0].sent - self.excused)
        since = max(last, self.asks[0].sent + (self.metrics.rtt_base or 0.0))
        return max(0.0, now - since - self.excused)

    def rate(self, now: float) -> float:
        """Bytes/s now; a guess for a peer that has not answered."""
        measured = self.metrics.throughput_avg
        if measured is None:
            return min(GUESS_BYTES_S, LEAF / self.waiting(now)) if self.overdue(now) else GUESS_BYTES_S
        return min(measured, 4 * LEAF / self.waiting(now)) if self.overdue(now) else measured

    def overdue(self, now: float) -> bool:
        """Silent for longer than leaves take: one leaf's own time is no silence, and leaves come in lumps; beyond that the silence bounds the rate."""
        measured = self.metrics.throughput_avg
        return self.waiting(now) > (2 * LEAF / measured + 0.15 if measured is not None else 2 * GUESS_RTT_S)

    def rtt(self) -> float:
        """Seconds to the first byte on an idle link; the figure measured at a leaf's end holds that leaf's own time too."""
        base, measured = self.metrics.rtt_base, self.metrics.throughput_avg
        if base is None or not measured:
            return min(self.metrics.rtt_avg or GUESS_RTT_S, _MOST_UNSURE_RTT_S)
        return max(base - LEAF / measured, base / 4)

    def available(self, now: float) -> float:
        """Seconds until this peer could begin to deliver something asked now: its queue, but at least a round trip."""
        # What has waited so long may wait as long again.
        return max(self.rtt(), self.outstanding / self.rate(now), self.waiting(now) if self.overdue(now) else 0.0)

    def window(self, hurried: bool = False) -> int:
        """Bytes to keep outstanding: rate x 2 RTT + min(0.25 s of it, 2 MiB), slow start before the rate is known, within what HELLO allows.

        `hurried`: a player waits, so nothing is asked of a peer on trust that may turn out to take seconds for each leaf."""
        measured = self.metrics.throughput_avg
        if hurried and self.starting and not self.silent:
            goal = LEAF if measured is None else max(2 * LEAF, self._by_rate(measured))
        elif self.silent or measured is None:
            goal = LEAF if self.silent else self.slow_start
        else:
            by_rate = self._by_rate(measured)
            goal = max(by_rate, min(self.slow_start, PIPE_BYTES)) if self.starting else by_rate
            # With one leaf at a time a slow link stands still for a round trip after each, and its rate is then measured too low to ask for more.
            goal = max(goal, 2 * LEAF if measured > LEAF / 4 else LEAF)
        goal = min(goal, int(self.limits.bytes_outstanding * _MARGIN))
        return max(LEAF, goal if self.most_bytes is None else min(goal, self.most_bytes))

    def _by_rate(self, measured: float) -> int:
        return int(measured * 2 * self.rtt() + min(measured * PIPE_S, PIPE_BYTES))

    def chunk_leaves(self, window: int) -> int:
        """Leaves joined into one request: more for the fast, and where few requests are allowed."""
        measured = self.metrics.throughput_avg
        if measured is None or self.silent:
            return 1
        return max(1, min(MAX_CHUNK_LEAVES, max(int(measured * CHUNK_S), window // self.most_asks) // LEAF))

    def patience(self) -> float:
        """Seconds of silence that mean the peer has stalled: max(1 s, 4 RTT), and never less than a slow peer needs for three leaves.

        2 s before its first answer, twice as many each time it is tried again: a peer whose leaf takes longer would time out for ever."""
        measured = self.metrics.throughput_avg
        if measured is None or self.silent:
            return doubled(2 * SILENCE_S, self.strikes, LONGEST_BACKOFF_S)
        usual = max(3 * LEAF / measured, 1.5 * self.gap)
        return max(SILENCE_S, SILENCE_RTTS * self.rtt(), min(usual, LONGEST_BACKOFF_S))

    def usable(self, now: float) -> bool:
        """May be asked now; a silent peer only when its time to be tried again has come."""
        return now >= self.paused_until and (not self.silent or (now >= self.retry_at and not self.asks))

    def sent(self, first: int, count: int, now: float) -> Ask:
        """Book a request."""
        ask = Ask(first, count, now, not self.by_leaf, set(range(first, first + count)))
        if ask.idle:
            self.heard = now
            self.excused = 0.0 if self.doubted is None else self.excused
        ask.clean = not self.ghosts
        self.asks.append(ask)
        for leaf in ask.left:
            self.by_leaf[leaf] = ask
        return ask

    def eta(self, leaf: int, now: float) -> float:
        """Seconds until an outstanding leaf should be here; never from a peer that is silent."""
        if self.silent:
            return float("inf")
        ahead = 0
        for ask in self.asks:
            if leaf in ask.left:
                ahead += sum(other <= leaf for other in ask.left)
                break
            ahead += len(ask.left)
        if not self.metrics.known:
            return ahead * LEAF / self.rate(now) + self.rtt()
        return max(ahead * LEAF / self.rate(now), self.waiting(now))  # what has waited so long may wait as long again

    def may_be_sent(self, leaf: int, now: float) -> bool:
        """A cancel would probably come too late: the leaf is on its way, or in the peer's send buffer."""
        if self.silent or (self.metrics.known and self.overdue(now)):
            return False
        ahead, reach = 0, SENT_LEAVES + int(self.rate(now) * self.rtt() / LEAF)
        for ask in self.asks:
            if leaf in ask.left:
                return ahead + sum(other < leaf for other in ask.left) < reach
            ahead += len(ask.left)
        return False

    def haunted(self, now: float) -> int:
        """Leaves that were probably sent when they were cancelled, so lately that they may still come."""
        return sum(sent and now - when < GHOST_S + 2 * self.rtt() for when, sent, _ in self.ghosts.values()) if self.ghosts else 0

    def cancelled(self, leaf: int, now: float) -> None:
        """A leaf that it was asked for is not wanted any more."""
        ask = self.by_leaf.get(leaf)
        self.ghosts[leaf] = (now, self.may_be_sent(leaf, now), now if ask is None else ask.sent)

    def doubt(self, now: float) -> None:
        """Something is taken from it: if that is because it is overdue, having nothing left to do does not make it quick again."""
        if self.doubted is None and self.overdue(now):
            self.doubted = now - self.waiting(now) - self.excused

    def tail(self, most: int) -> list[int]:
        """The last outstanding leaves, the last first."""
        found: list[int] = []
        for ask in reversed(self.asks):
            found += sorted(ask.left, reverse=True)
            if len(found) >= most:
                break
        return found[:most]

    def forget(self, leaf: int) -> Ask | None:
        """The leaf came, or is no longer wanted from here; returns its request when that was the last of it."""
        ask = self.by_leaf.pop(leaf, None)
        if ask is None:
            return None
        ask.left.discard(leaf)
        if ask.left:
            return None
        self.asks.remove(ask)
        return ask

    def arrived(self, leaf: int, size: int, now: float) -> None:
        """Bytes came: figures, slow start, sign of life."""
        ask = self.by_leaf.get(leaf)
        ghost = self.ghosts.pop(leaf, None)
        since = self.heard if ghost is None else ghost[2]  # what was asked after it says nothing of when it was sent
        if ask is not None:
            if ask.answered is None:
                ask.answered = now
                self.metrics.answered(max(now - ask.sent, 0.0), ask.clean)
            if self.metrics.last_arrival != now:  # with leaves that came together it makes no difference
                since = ask.sent + min(self.rtt(), now - ask.sent) if self.metrics.known else ask.sent
        if self.ghosts and ghost is None and ask is not None and not ask.clean and self.asks[0] is ask:
            self.ghosts.clear()  # what was cancelled before this was asked would have come first
        if self.most_bytes is not None:
            self.most_bytes += size // 16
        quiet = now - (self.quiet_since if self.silent else self.heard)
        self.gap = max(quiet, self.gap * 0.7)
        if self.silent:  # it lives again: begin anew
            self.silent, self.starting, self.slow_start = False, True, 2 * LEAF
            # Of who never sent before, the wait is all that is known; else it was a pause, and says little of the line.
            self.metrics.restart(now, size, max(self.rtt(), min(quiet, 1.0) if self.metrics.known else quiet))
        else:
            self.metrics.arrived(now, size, since)
            if self.starting:
                self.slow_start = min(self.slow_start + size, self.limits.bytes_outstanding)
                # By time alone: while TCP itself is starting, the measured rate would hold it back.
                self.starting = self.metrics.busy_seconds < max(_SETTLED_S, min(4 * self.rtt(), 0.9))
        self.heard = now
        self.excused, self.doubted = 0.0, None
        self.strikes = 0

    def stalled(self, now: float) -> None:
        """It went silent: tried again after a pause that doubles."""
        if not self.silent:
            self.quiet_since = self.heard
        self.silent = True
        self.strikes += 1
        self.retry_at = now + doubled(0.5, self.strikes, LONGEST_BACKOFF_S)

    def without(self, leaf: int, now: float) -> None:
        """The peer said it has not got this leaf; ask again in some seconds (it may be fetching it), each time in twice as many."""
        pause = min(2 * self.lacks[leaf][1], _LONGEST_LACK_S) if leaf in self.lacks else _LACK_S
        self.lacks[leaf] = (now + pause, pause)

    @property
    def choosy(self) -> bool:
        """There may be leaves that it is not to be asked for."""
        return bool(self.lacks or self.ghosts)

    def said_no(self, leaf: int, now: float) -> bool:
        """It said of late that it has not got this leaf."""
        return leaf in self.lacks and self.lacks[leaf][0] > now

    def has_not(self, leaf: int, now: float) -> bool:
        """Not to be asked of it now: it said so, or the leaf was cancelled so lately that it would come twice."""
        return self.said_no(leaf, now) or (leaf in self.ghosts and now - self.ghosts[leaf][0] < 2 * self.rtt())

    def slowed(self, now: float) -> None:
        """It refused for having too much to do: what is outstanding now is enough; with nothing outstanding it is left alone for a moment."""
        self.slow_start = max(LEAF, self.slow_start // 2)
        self.most_bytes = max(LEAF, self.outstanding)
        if not self.by_leaf:
            self.paused_until = now + 0.5
