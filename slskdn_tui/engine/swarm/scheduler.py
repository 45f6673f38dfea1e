"""Who is asked for what, when it is taken back, and who finishes the file. Core: no I/O, time is passed in.

The shell calls `fill` whenever a peer may have room, `delivered` for every leaf, `tick` some ten times a second, and sends the `Order`s and
`Cancel`s that come back. Rules, in the order of docs/architecture.md: windows of rate x (2 RTT + 0.25 s); silence takes back everything at
once; every ten chunks what a slow peer would deliver after the end moves to faster ones; urgent leaves go to the cheapest trusted peers;
at the end a leaf goes to whoever finishes earliest, two requesters at most; slow peers decline the last chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from slskdn_tui.engine.peers.reputation import ChunkOutcome, avoided, trusted
from slskdn_tui.engine.swarm.cost import CostWeights, Tunables, cheapest, cost, with_unknown
from slskdn_tui.engine.swarm.events import Inputs
from slskdn_tui.engine.swarm.lanes import Ask, Lane
from slskdn_tui.engine.swarm.piecemap import DONE, FREE, MAX_REQUESTERS, PieceMap, runs
from slskdn_tui.model.ports import PeerLimits, Window
from slskdn_tui.model.variant import LEAF

TAIL_LEAVES = 32
"""The last 2 MiB of a file are urgent: players and taggers read them first."""
RACE_GAIN = 1.3
MOVE_GAIN = 2.0
"""End game: another peer at least so many times earlier is asked as well, or instead."""
DUPLICATE_SHARE = 0.02
_LEAST_DUPLICATES = 4
_TAIL_LOOK = 8
_END_S = 3.0
"""Look at finishing times only when less than so many seconds of work are unassigned."""


@dataclass(frozen=True, slots=True)
class Order:
    """Ask `node` for leaves [first, first + count)."""

    node: str
    first: int
    count: int
    priority: int = 0
    inputs: Inputs | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Tell `node` that leaves [first, first + count) are not wanted any more. `why`: take_back, rebalance, loser; `words`, where there is more to say."""

    node: str
    first: int
    count: int
    why: str
    inputs: Inputs | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A request is over."""

    node: str
    first: int
    count: int
    outcome: ChunkOutcome
    rtt_s: float | None = None
    bytes_s: float | None = None


@dataclass(slots=True)
class Step:
    """What a call decided: to be carried out by the shell in this order."""

    cancels: list[Cancel] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)


class Scheduler:
    """One file's scheduler over a `PieceMap` that it shares with the shell."""

    def __init__(self, pieces: PieceMap, weights: CostWeights | None = None, rate_cap: int | None = None) -> None:
        self.pieces = pieces
        self.weights: CostWeights = weights or Tunables()
        self.lanes: dict[str, Lane] = {}
        self.rate_cap = rate_cap
        self.paused = False
        self.windows: tuple[Window, ...] = ()
        self.duplicate_bytes = 0
        self._raced = 0
        self._chunks = 0
        self._tokens = 0.0
        self._tokens_at: float | None = None

    # peers come and go

    def add(self, node: str, limits: PeerLimits, reputation: float, now: float) -> Lane:
        lane = self.lanes[node] = Lane(node, limits, reputation, now)
        return lane

    def remove(self, node: str) -> list[tuple[int, int]]:
        """The peer is gone or banned; returns the runs that are free again."""
        lane = self.lanes.pop(node, None)
        if lane is None:
            return []
        for leaf in lane.by_leaf:
            self.pieces.give_back(leaf, node)
        return runs(lane.by_leaf)

    def costs(self) -> dict[str, float]:
        """Cost a peer, the unknown at the median."""
        return with_unknown({node: self.cost_of(lane) for node, lane in self.lanes.items()})

    def cost_of(self, lane: Lane) -> float | None:
        """None for a peer that has not delivered."""
        rate = lane.metrics.throughput_avg
        if rate is None:
            return None
        return cost(rate, lane.metrics.error_rate, lane.metrics.timeout_rate, lane.reputation, self.weights)

    def total_rate(self, now: float) -> float:
        """Bytes/s of all peers that are not silent."""
        return sum(lane.rate(now) for lane in self.lanes.values() if not lane.silent and lane.metrics.known)

    # asking

    def fill(self, node: str, now: float) -> Step:
        """Requests for one peer, as many as its window has room for."""
        step = Step()
        lane = self.lanes.get(node)
        if lane is None or self.paused or not lane.usable(now) or not self._wanted(lane, now):
            return step
        window = lane.window()
        joined = lane.chunk_leaves()
        while len(lane.asks) < lane.most_asks:
            room = (window - lane.outstanding) // LEAF
            # Asking leaf by leaf as leaves come would undo the joining: wait for room for a whole request, unless the pipe runs dry.
            if room < 1 or (room < joined and lane.outstanding * 2 > window):
                break
            allowed = self._allowance(now)
            if allowed < 1:
                break
            picked = self._pick(lane, min(joined, room, allowed), now)
            if picked is None:
                if not self._end_game(lane, now, step):
                    break
                continue
            first, count, priority, chunk_class = picked
            self._ask(lane, first, count, priority, chunk_class, now, step)
            if lane.silent:
                break
        return step

    def _inputs(self, lane: Lane, chunk_class: str, now: float) -> Inputs:
        price, rate = self.cost_of(lane), lane.rate(now)
        if price is None:
            price = self.costs()[lane.node]
        return Inputs(price, rate, lane.rtt(), lane.reputation, chunk_class, lane.outstanding / rate)

    def _ask(self, lane: Lane, first: int, count: int, priority: int, chunk_class: str, now: float, step: Step) -> None:
        inputs = self._inputs(lane, chunk_class, now)
        for leaf in range(first, first + count):
            self.pieces.take(leaf, lane.node)
        lane.sent(first, count, now)
        if self.rate_cap is not None:
            self._tokens -= count * LEAF
        step.orders.append(Order(lane.node, first, count, priority, inputs))

    def _allowance(self, now: float) -> int:
        """Leaves the cap on overlay download lets us ask for; many when there is none."""
        if self.rate_cap is None:
            return 1 << 30
        burst = max(float(LEAF), self.rate_cap * 0.5)
        if self._tokens_at is None:
            self._tokens = burst
        else:
            self._tokens = min(burst, self._tokens + (now - self._tokens_at) * self.rate_cap)
        self._tokens_at = now
        return int(self._tokens // LEAF)

    def _wanted(self, lane: Lane, now: float) -> bool:
        """Peers of bad reputation serve only when nobody else can."""
        return not avoided(lane.reputation) or not any(
            not avoided(other.reputation) and not other.silent and now >= other.paused_until for other in self.lanes.values()
        )

    def _choice(self, now: float) -> list[str]:
        """The better half by cost among those trusted, or among all where nobody is."""
        usable = [lane for lane in self.lanes.values() if not lane.silent and now >= lane.paused_until]
        pool = [lane.node for lane in usable if trusted(lane.reputation)] or [lane.node for lane in usable]
        ranked = cheapest(self.costs(), pool)
        return ranked[: (len(ranked) + 1) // 2]

    def _pick(self, lane: Lane, most: int, now: float) -> tuple[int, int, int, str] | None:
        """(first, count, priority, class) of what this peer should be asked next; None when it should be asked for nothing new."""
        pieces = self.pieces
        low = pieces.reach(lane.available(now))  # what the origin brings earlier is left to it
        if pieces.status.find(FREE, 0) < 0:
            return None
        choice: list[str] | None = None
        for window in self.windows:
            wanted = pieces.layout.touched(window.start, window.stop)
            found = pieces.free_front(1, wanted.start, wanted.stop) if window.priority > 0 else None
            if found and not lane.has_not(found[0], now):
                choice = self._choice(now) if choice is None else choice
                if lane.node in choice:
                    return found[0], 1, window.priority, "window"
        tail = max(low, pieces.leaves - TAIL_LEAVES)
        order = [(low, tail, 0, "normal")]
        if pieces.status.find(FREE, tail) >= 0:
            choice = self._choice(now) if choice is None else choice
            if lane.node in choice:
                order.insert(0, (tail, pieces.leaves, 1, "urgent"))
            else:
                order.append((tail, pieces.leaves, 0, "normal"))
        if pieces.stream is not None:  # what the origin brought wrong, and the leaf it is in: only when nothing else is missing
            _, stop = pieces.span(pieces.floor)
            sooner = one_leaf(lane, now) < (stop - pieces.stream) / max(pieces.stream_rate, 1.0)
            order.append((0, pieces.floor + sooner, 0, "normal"))
        most = self._shorten(lane, most, now)
        if most < 1:
            return None
        for start, stop, priority, chunk_class in order:
            run = self._run(lane, most, start, stop, now)
            if run is not None:
                return (*run, priority, chunk_class)
        return None

    def _run(self, lane: Lane, most: int, low: int, high: int, now: float) -> tuple[int, int] | None:
        pieces = self.pieces
        backwards = pieces.stream is not None
        while low < high:
            run = pieces.free_back(most, low, high) if backwards else pieces.free_front(most, low, high)
            if run is None or not lane.lacks:
                return run
            first, count = run
            held = [leaf for leaf in range(first, first + count) if not lane.has_not(leaf, now)]
            if held:
                at = runs(held)
                return at[-1] if backwards else at[0]
            if backwards:
                high = first
            else:
                low = first + count
        return None

    # finishing

    def _shorten(self, lane: Lane, most: int, now: float) -> int:
        """How many leaves this peer can deliver before everybody would be done with what is unassigned; 0: it declines."""
        missing = self.pieces.missing()
        others = [other for other in self.lanes.values() if other is not lane and not other.silent and self._wanted(other, now)]
        if not others or missing > _END_S * self.total_rate(now) or not lane.metrics.known:
            return most
        rate = lane.rate(now)
        end = finish_time(missing, [(other.available(now), other.rate(now)) for other in [*others, lane]])
        slack = 0.02 + max(LEAF / rate if rate > 0 else 0.0, 0.01) * 0.25
        can = int((end + slack - lane.available(now)) * rate / LEAF)
        if can < 1 and one_leaf(lane, now) <= min(one_leaf(other, now) for other in others):
            return 1  # leaves cannot be split: the earliest takes it whole
        return min(most, can)

    def _end_game(self, lane: Lane, now: float, step: Step) -> bool:
        """Nothing is unassigned: take over the leaf that would otherwise come last, where this peer is clearly earlier."""
        if lane.silent or self.pieces.status.find(FREE, 0) >= 0:
            return False
        mine = one_leaf(lane, now)
        worst: tuple[float, int, Lane] | None = None
        for other in self.lanes.values():
            if other is lane:
                continue
            for leaf in other.tail(_TAIL_LOOK):
                holders = self.pieces.holders.get(leaf, ())
                if lane.node in holders or lane.has_not(leaf, now):
                    continue
                first = min(self.lanes[node].eta(leaf, now) for node in holders)
                if worst is None or first > worst[0]:
                    worst = (first, leaf, max((self.lanes[node] for node in holders), key=lambda one: one.eta(leaf, now)))
                break
        if worst is None:
            return False
        eta, leaf, other = worst
        if eta < mine * RACE_GAIN + 0.02:
            return False
        raced = len(self.pieces.holders[leaf]) >= MAX_REQUESTERS
        if raced or eta > mine * MOVE_GAIN + 2 * other.rtt():
            self._drop(other, leaf, step, "rebalance", now, "endgame")
        elif self._raced < max(_LEAST_DUPLICATES, int(self.pieces.leaves * DUPLICATE_SHARE)):
            self._raced += 1
        else:
            return False
        self._ask(lane, leaf, 1, 1, "race" if self.pieces.holders.get(leaf) else "endgame", now, step)
        return True

    def _drop(self, lane: Lane, leaf: int, step: Step, why: str, now: float, chunk_class: str = "normal") -> None:
        """Take one leaf back and tell the peer."""
        last = step.cancels[-1] if step.cancels else None
        if last and last.node == lane.node and last.why == why and leaf in (last.first - 1, last.first + last.count):
            step.cancels[-1] = Cancel(lane.node, min(leaf, last.first), last.count + 1, why, last.inputs)
        else:
            step.cancels.append(Cancel(lane.node, leaf, 1, why, None if why == "loser" else self._inputs(lane, chunk_class, now)))
        ask = lane.forget(leaf)
        self.pieces.give_back(leaf, lane.node)
        lane.ghosts.add(leaf)
        if ask is not None and ask.answered is not None:
            step.ended.append(self._end(lane, ask, ChunkOutcome.OK, now))

    # answers

    def delivered(self, node: str, leaf: int, size: int, plane: int, now: float) -> Step:
        """A verified leaf came from `node`: figures, the race's losers, and the end of its request. Duplicates are counted."""
        step = Step()
        lane = self.lanes.get(node)
        duplicate = self.pieces.status[leaf] == DONE
        if lane is not None:
            lane.arrived(leaf, size, now)
            late = leaf not in lane.by_leaf and not duplicate  # moved elsewhere, but this peer was first after all
            ask = lane.forget(leaf)
            if ask is not None:
                step.ended.append(self._end(lane, ask, ChunkOutcome.OK, now))
            elif late:
                step.ended.append(Ended(node, leaf, 1, ChunkOutcome.OK, None, lane.metrics.throughput_avg))
        if duplicate:
            self.duplicate_bytes += size
            return step
        for holder in self.pieces.deliver(leaf, plane):
            other = self.lanes.get(holder)
            if other is not None and holder != node:
                self._drop(other, leaf, step, "loser", now)
        return step

    def landed(self, leaf: int, plane: int, now: float) -> Step:
        """A leaf was completed by the origin: whoever was asked for it need not send it."""
        step = Step()
        for holder in self.pieces.deliver(leaf, plane):
            other = self.lanes.get(holder)
            if other is not None:
                self._drop(other, leaf, step, "loser", now)
        return step

    def _end(self, lane: Lane, ask: Ask, outcome: ChunkOutcome, now: float) -> Ended:
        lane.metrics.chunk(outcome.name.lower())
        self._chunks += outcome is ChunkOutcome.OK
        rtt = ask.answered - ask.sent if ask.answered is not None else None
        return Ended(lane.node, ask.first, ask.count, outcome, rtt, lane.metrics.throughput_avg)

    def refused(self, node: str, first: int, count: int, code: str, now: float) -> Step:
        """The peer will not send this range."""
        step = Step()
        lane = self.lanes.get(node)
        if lane is None:
            return step
        ended: set[int] = set()
        for leaf in range(first, first + count):
            ask = lane.by_leaf.get(leaf)
            if ask is None:
                continue
            lane.forget(leaf)
            self.pieces.give_back(leaf, node)
            if code in ("not_found", "invalid_range"):
                lane.without(leaf, now)
            if id(ask) not in ended:
                ended.add(id(ask))
                outcome = ChunkOutcome.TIMEOUT if code == "timeout" else ChunkOutcome.OK if code == "rate_limited" else ChunkOutcome.ERROR
                if outcome is not ChunkOutcome.OK:  # asked to slow down is no fault
                    step.ended.append(self._end(lane, ask, outcome, now))
        lane.heard = now
        if code == "rate_limited":
            lane.slow_start = max(LEAF, lane.slow_start // 2)
            lane.paused_until = now + 0.5
        elif code in ("io_error", "policy_violation", "timeout"):
            lane.strikes += 1
            lane.paused_until = now + min(30.0, 0.5 * 2.0**lane.strikes)
        return step

    # time

    def lag(self, seconds: float) -> None:
        """Our own loop was late by so much: nobody's silence."""
        for lane in self.lanes.values():
            lane.heard += seconds

    def tick(self, now: float) -> Step:
        """Silences, rebalancing; then requests for everybody with room."""
        step = Step()
        for lane in list(self.lanes.values()):
            if lane.asks and now - lane.heard > lane.patience():
                self._take_back(lane, now, step)
        if self._chunks >= self.weights.rebalance_chunks:
            self._chunks = 0
            self._rebalance(now, step)
        if not self.paused:
            for node in self._by_cost():
                more = self.fill(node, now)
                step.orders += more.orders
                step.cancels += more.cancels
                step.ended += more.ended
        return step

    def _by_cost(self) -> Sequence[str]:
        return cheapest(self.costs(), self.lanes) if len(self.lanes) > 1 else list(self.lanes)

    def _take_back(self, lane: Lane, now: float, step: Step) -> None:
        """Silence: all of this peer's leaves at once."""
        words = f"silent for {now - lane.heard:.1f} s (more than {lane.patience():.1f} s): its chunks were taken back"
        inputs = self._inputs(lane, "normal", now)
        for ask in lane.asks:
            step.ended.append(self._end(lane, ask, ChunkOutcome.TIMEOUT, now))
        taken = list(lane.by_leaf)
        for leaf in taken:
            self.pieces.give_back(leaf, lane.node)
            lane.ghosts.add(leaf)
        step.cancels += [Cancel(lane.node, first, count, "take_back", inputs, words) for first, count in runs(taken)]
        lane.by_leaf.clear()
        lane.asks.clear()
        lane.stalled(now)

    def _rebalance(self, now: float, step: Step) -> None:
        """What a peer would deliver only after the others are done goes back; queues are compared in seconds."""
        live = [lane for lane in self.lanes.values() if not lane.silent and lane.metrics.known]
        if len(live) < 2:
            return
        rates = {lane.node: lane.rate(now) for lane in live}
        rest = self.pieces.missing() + sum(lane.outstanding for lane in live)
        end = rest / max(sum(rates.values()), 1.0)
        for lane in live:
            horizon = max(end + 0.3, 2 * lane.rtt() + 1.0)
            excess = int((lane.outstanding / rates[lane.node] - horizon) * rates[lane.node] / LEAF)
            if excess < 2 or rates[lane.node] * 1.5 > max(rates.values()):
                continue
            mine = [leaf for ask in reversed(lane.asks) for leaf in sorted(ask.left, reverse=True)]
            for leaf in mine[:excess]:
                self._drop(lane, leaf, step, "rebalance", now)

    def cancel_all(self) -> Iterable[Cancel]:
        """Everything outstanding is given back (guard closed, stopping)."""
        for lane in self.lanes.values():
            taken = list(lane.by_leaf)
            for leaf in taken:
                self.pieces.give_back(leaf, lane.node)
            lane.by_leaf.clear()
            lane.asks.clear()
            yield from (Cancel(lane.node, first, count, "take_back") for first, count in runs(taken))


def one_leaf(lane: Lane, now: float) -> float:
    """Seconds until a leaf asked now would be here."""
    return lane.available(now) + LEAF / lane.rate(now)


def finish_time(work: float, peers: Iterable[tuple[float, float]]) -> float:
    """Seconds until `work` bytes are done when (seconds until free, bytes/s) peers share it best: the level of water poured over their queues."""
    ready = sorted(peers)
    rate = have = 0.0
    for index, (free, speed) in enumerate(ready):
        rate += speed
        have += free * speed
        level = (work + have) / rate if rate > 0 else float("inf")
        if index + 1 == len(ready) or level <= ready[index + 1][0]:
            return level
    return 0.0
