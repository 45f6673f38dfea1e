"""Who is asked for what, when it is taken back, and who finishes the file. Core: no I/O, time is passed in.

The shell calls `fill` whenever a peer may have room, `delivered` for every leaf, `tick` some ten times a second, and sends the `Order`s and
`Cancel`s that come back. Rules, in the order of docs/architecture.md: windows of rate x (2 RTT + 0.25 s); silence takes back everything at
once; every ten chunks what a slow peer would deliver after the end moves to faster ones; urgent leaves go to the cheapest trusted peers;
at the end a leaf goes to whoever finishes earliest, two requesters at most; slow peers decline the last chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from slskdn_tui.engine.peers.reputation import ChunkOutcome, avoided, trusted
from slskdn_tui.engine.swarm.cost import CostWeights, Tunables, cheapest, cost, with_unknown
from slskdn_tui.engine.swarm.events import Inputs
from slskdn_tui.engine.swarm.finish import END_S, could_take, last_leaf, one_leaf, shorten
from slskdn_tui.engine.swarm.lanes import Ask, Lane
from slskdn_tui.engine.swarm.piecemap import DONE, FREE, MAX_REQUESTERS, PieceMap, runs, without
from slskdn_tui.engine.swarm.urgent import early, held, in_time_for, late, quick
from slskdn_tui.model.ports import HIGH, PeerLimits, Window
from slskdn_tui.model.variant import LEAF

TAIL_LEAVES = 32
"""The last 2 MiB of a file are urgent: players and taggers read them first."""
RACE_GAIN = 1.3
MOVE_GAIN = 2.0
"""End game: another peer at least so many times earlier is asked as well, or instead."""
LARGE_GAIN_S = 1.0
"""A leaf that may come twice is asked of another while 2 % of the file have (at least 4 leaves); for a gain so large, 3 % (16)."""


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
    """A run of leaves of a request that is over: those that came (`OK`, also of one that failed in the end), or those that did not.

    `whole`: stands for the request itself; one of each request does, with no leaves when it brought only what was here already.
    """

    node: str
    first: int
    count: int
    outcome: ChunkOutcome
    rtt_s: float | None = None
    bytes_s: float | None = None
    whole: bool = True


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
        self._chunks = 0
        self._tokens = 0.0
        self._tokens_at: float | None = None

    # peers come and go

    def add(self, node: str, limits: PeerLimits, reputation: float, now: float) -> Lane:
        lane = self.lanes[node] = Lane(node, limits, reputation, now)
        return lane

    def remove(self, node: str) -> tuple[list[tuple[int, int]], Step]:
        """The peer is gone or banned: the runs that are free again, and what its open requests had brought."""
        lane = self.lanes.pop(node, None)
        if lane is None:
            return [], Step()
        for leaf in lane.by_leaf:
            self.pieces.give_back(leaf, node)
        return runs(lane.by_leaf), Step(ended=[each for ask in lane.asks for each in _came(lane, ask)])

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
        if lane is None or self.paused or not lane.usable(now) or (self.windows and held(lane, now)):
            return step
        window = lane.window(hurried=any(one.priority > HIGH for one in self.windows))
        joined = lane.chunk_leaves(window)
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

    def _able(self, now: float, leaf: int | None = None) -> list[Lane]:
        """Peers that may be asked now, for `leaf` if one is given."""
        return [
            lane
            for lane in self.lanes.values()
            if not lane.silent and now >= lane.paused_until and (leaf is None or not lane.has_not(leaf, now))
        ]

    def _chosen(self, lane: Lane, leaf: int, now: float) -> bool:
        """Among the better half by cost of those trusted who may have this leaf, or of all who may where nobody is trusted."""
        able = self._able(now, leaf)
        pool = [one.node for one in able if trusted(one.reputation)] or [one.node for one in able]
        return lane.node in cheapest(self.costs(), pool)[: (len(pool) + 1) // 2]

    def _entrusted(self, lane: Lane, now: float) -> bool:
        """May be asked for urgent leaves, if not first: it is trusted, or those who are would take long over all that is unassigned."""
        if trusted(lane.reputation):
            return True
        rate = sum(
            one.rate(now) for one in self._able(now) if trusted(one.reputation) and (not one.choosy or could_take(one, self.pieces, now))
        )
        return self.pieces.missing() > END_S * rate

    def _helps(self, lane: Lane, ordinary: list[tuple[int, int]], now: float) -> bool:
        """Could take something of what is unassigned. Who cannot is no help: a slow peer that declined in its favour would wait for ever."""
        if trusted(lane.reputation) and not lane.choosy:
            return True
        return could_take(lane, self.pieces, now, [(0, self.pieces.leaves)] if self._entrusted(lane, now) else ordinary)

    def _pick(self, lane: Lane, most: int, now: float) -> tuple[int, int, int, str] | None:
        """(first, count, priority, class) of what this peer should be asked next; None when it should be asked for nothing new."""
        pieces = self.pieces
        if pieces.status.find(FREE) < 0:
            return None
        better = [one for one in self._able(now) if one is not lane and not avoided(one.reputation)]
        if better and avoided(lane.reputation):
            return self._last_resort(lane, better, now)
        low = pieces.reach(lane.available(now))  # what the origin brings earlier is left to it
        tail = max(low, pieces.leaves - TAIL_LEAVES)
        last: list[tuple[int, int]] = []
        windows = [span for one in self.windows if one.priority > 0 and (span := pieces.layout.touched(one.start, one.stop))]
        high, mid = [[one for one in self.windows if one.priority > 0 and (one.priority >= HIGH) is kind] for kind in (True, False)]
        for one in high:
            span = pieces.layout.touched(one.start, one.stop)
            if found := self._run(lane, 1, span.start, span.stop, now, forwards=True):
                if self._chosen(lane, found[0], now) and quick(lane, self._able(now, found[0]), now):
                    return (*found, one.priority, "window")
                in_time = span.start + in_time_for(lane, one, now)
                if one.pace and self._entrusted(lane, now) and (found := self._run(lane, 1, in_time, span.stop, now, forwards=True)):
                    return (*found, one.priority, "window")
                last.append((span.start, span.stop))
        order = list(without((low, tail), [(span.start, span.stop) for span in windows]))
        most = shorten(lane, [one for one in better if self._helps(one, order, now)], pieces, most, now)
        if most < 1:
            return None
        for one in mid:
            span = pieces.layout.touched(one.start, one.stop)
            if run := self._run(lane, most, max(span.start, low), span.stop, now, forwards=True):
                return (*run, one.priority, "window")
        if run := self._run(lane, most, tail, pieces.leaves, now):
            if self._chosen(lane, run[0], now):
                return (*run, 1, "urgent")
            last.append((tail, pieces.leaves))
        if pieces.stream is not None:
            order.reverse()
        if last and self._entrusted(lane, now):
            order += last
        if pieces.stream is not None:  # what the origin brought wrong, and the leaf it is in: only when nothing else is missing
            _, stop = pieces.span(pieces.floor)
            sooner = one_leaf(lane, now) < (stop - pieces.stream) / max(pieces.stream_rate, 1.0)
            order.append((0, pieces.floor + sooner))
        for start, stop in order:
            if run := self._run(lane, most, start, stop, now):
                return (*run, 0, "normal")
        return None

    def _last_resort(self, lane: Lane, better: list[Lane], now: float) -> tuple[int, int, int, str] | None:
        """A peer of bad reputation is asked only for what all the others have said they lack."""
        fewest = min(better, key=lambda one: len(one.lacks))
        for leaf in fewest.lacks:
            if self.pieces.status[leaf] == FREE and not lane.has_not(leaf, now) and all(one.said_no(leaf, now) for one in better):
                return leaf, 1, 0, "normal"
        return None

    def _run(self, lane: Lane, most: int, low: int, high: int, now: float, forwards: bool = False) -> tuple[int, int] | None:
        """Free leaves in [low, high) that it has, as far as is known: from the end while an origin brings the front, unless `forwards`."""
        pieces = self.pieces
        backwards = pieces.stream is not None and not forwards
        while low < high:
            run = pieces.free_back(most, low, high) if backwards else pieces.free_front(most, low, high)
            if run is None or not lane.choosy:
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

    def _end_game(self, lane: Lane, now: float, step: Step) -> bool:
        """Nothing is unassigned: take over the leaf that would otherwise come last, where this peer is clearly earlier."""
        if lane.silent or could_take(lane, self.pieces, now):
            return False
        mine = one_leaf(lane, now)
        worst = last_leaf(lane, self.lanes, self.pieces, now)
        if worst is None:
            return False
        eta, leaf, other = worst
        if eta < mine * RACE_GAIN + 0.02:
            return False
        moved = len(self.pieces.holders[leaf]) >= MAX_REQUESTERS or eta > mine * MOVE_GAIN + 2 * other.rtt()
        if not moved or other.may_be_sent(leaf, now):  # then it may come twice
            spent, leaves = self._spent(now), self.pieces.leaves
            if spent >= max(16, leaves * 3 // 100) or (spent >= max(4, leaves * 2 // 100) and eta - mine < LARGE_GAIN_S):
                return False
        if moved:
            self._drop(other, leaf, step, "rebalance", now, "endgame")
        self._ask(lane, leaf, 1, 1, "race" if self.pieces.holders.get(leaf) else "endgame", now, step)
        return True

    def _spent(self, now: float) -> int:
        """Leaves that came twice, or may yet."""
        twice = sum(len(holders) > 1 for holders in self.pieces.holders.values())
        return self.duplicate_bytes // LEAF + twice + sum(lane.haunted(now) for lane in self.lanes.values() if not lane.silent)

    def _drop(self, lane: Lane, leaf: int, step: Step, why: str, now: float, chunk_class: str = "normal") -> None:
        """Take one leaf back and tell the peer."""
        last = step.cancels[-1] if step.cancels else None
        if last and last.node == lane.node and last.why == why and leaf in (last.first - 1, last.first + last.count):
            step.cancels[-1] = Cancel(lane.node, min(leaf, last.first), last.count + 1, why, last.inputs)
        else:
            step.cancels.append(Cancel(lane.node, leaf, 1, why, None if why == "loser" else self._inputs(lane, chunk_class, now)))
        lane.doubt(now)
        lane.cancelled(leaf, now)
        ask = lane.forget(leaf)
        self.pieces.give_back(leaf, lane.node)
        if ask is not None and ask.answered is not None:
            step.ended += self._end(lane, ask, ChunkOutcome.OK)

    # answers

    def delivered(self, node: str, leaf: int, size: int, plane: int, now: float) -> Step:
        """A verified leaf came from `node`: figures, the race's losers, and the end of its request. Duplicates are counted."""
        step = Step()
        lane = self.lanes.get(node)
        duplicate = self.pieces.status[leaf] == DONE
        if lane is not None:
            lane.arrived(leaf, size, now)
            late = leaf not in lane.by_leaf and not duplicate  # moved elsewhere, but this peer was first after all
            if not duplicate and (ask := lane.by_leaf.get(leaf)) is not None:
                ask.brought.append(leaf)
            ask = lane.forget(leaf)
            if ask is not None:
                step.ended += self._end(lane, ask, ChunkOutcome.OK)
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

    def _end(self, lane: Lane, ask: Ask, outcome: ChunkOutcome) -> list[Ended]:
        came = _came(lane, ask)
        if outcome is ChunkOutcome.OK:
            lane.metrics.chunk("ok")
            self._chunks += 1
            return [replace(came[0], whole=True), *came[1:]] if came else [Ended(lane.node, ask.first, 0, outcome)]
        return [*came, *self._failed(lane, ask.left, outcome)]

    def _failed(self, lane: Lane, leaves: Iterable[int], outcome: ChunkOutcome) -> list[Ended]:
        lane.metrics.chunk(outcome.name.lower())
        lost = enumerate(runs(leaves))
        return [Ended(lane.node, *run, outcome, None, lane.metrics.throughput_avg, whole=place == 0) for place, run in lost]

    def refused(self, node: str, first: int, count: int, code: str, now: float) -> Step:
        """The peer will not send this range."""
        step = Step()
        lane = self.lanes.get(node)
        if lane is None:
            return step
        outcome = ChunkOutcome.TIMEOUT if code == "timeout" else ChunkOutcome.ERROR
        lost: dict[int, tuple[Ask, list[int]]] = {}
        for leaf in range(first, first + count):
            ask = lane.by_leaf.get(leaf)
            if ask is None:
                continue
            lane.forget(leaf)
            self.pieces.give_back(leaf, node)
            if code in ("not_found", "invalid_range"):
                lane.without(leaf, now)
            lost.setdefault(id(ask), (ask, []))[1].append(leaf)
        for ask, leaves in lost.values():
            if not ask.left:
                step.ended += _came(lane, ask)
            if code != "rate_limited":  # asked to slow down is no fault
                step.ended += self._failed(lane, leaves, outcome)
        lane.heard = now
        if code == "rate_limited":
            lane.slowed(now)
        elif code in ("io_error", "policy_violation", "timeout"):
            lane.strikes += 1
            lane.paused_until = now + min(30.0, 0.5 * 2.0**lane.strikes)
        return step

    # time

    def lag(self, seconds: float) -> None:
        """Our own loop was late by so much: nobody's silence."""
        for lane in self.lanes.values():
            lane.heard += seconds
            lane.excused += seconds

    def tick(self, now: float) -> Step:
        """Silences, rebalancing; then requests for everybody with room."""
        step = Step()
        for lane in list(self.lanes.values()):
            if lane.asks and now - lane.heard > lane.patience():
                self._take_back(lane, now, step)
        if self.windows:
            self._fail_fast(now, step)
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
        kept = early(lane, self.lanes, self.pieces, self.windows, now) if self.windows else set()
        if kept and lane.silent:
            return
        taken = [leaf for leaf in lane.by_leaf if leaf not in kept]
        for ask in [ask for ask in lane.asks if not kept.issuperset(ask.left)]:
            step.ended += self._end(lane, ask, ChunkOutcome.TIMEOUT)
        for leaf in taken:
            self.pieces.give_back(leaf, lane.node)
            lane.cancelled(leaf, now)
        step.cancels += [Cancel(lane.node, first, count, "take_back", inputs, words) for first, count in runs(taken)]
        for leaf in taken:
            lane.forget(leaf)
        lane.stalled(now)

    def _fail_fast(self, now: float, step: Step) -> None:
        """What the player waits for is taken from who is late with it, where somebody else can bring it."""
        for one in late(self.lanes, self.pieces, self.windows, now):
            if one.sent:
                self._ask(one.other, one.leaf, 1, HIGH, "race", now, step)
                continue
            if one.over:
                step.ended += self._failed(one.holder, [one.leaf], ChunkOutcome.TIMEOUT)
                one.holder.without(one.leaf, now)
            self._drop(one.holder, one.leaf, step, "take_back", now, "window")

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

    def cancel_all(self) -> Step:
        """Everything outstanding is given back (guard closed, stopping)."""
        step = Step()
        for lane in self.lanes.values():
            step.ended += [each for ask in lane.asks for each in _came(lane, ask)]
            taken = list(lane.by_leaf)
            for leaf in taken:
                self.pieces.give_back(leaf, lane.node)
                lane.cancelled(leaf, 0.0)
            lane.by_leaf.clear()
            lane.asks.clear()
            step.cancels += [Cancel(lane.node, first, count, "take_back") for first, count in runs(taken)]
        return step


def _came(lane: Lane, ask: Ask) -> list[Ended]:
    """The runs that a request has brought so far."""
    rtt = ask.answered - ask.sent if ask.answered is not None else None
    return [Ended(lane.node, *run, ChunkOutcome.OK, rtt, lane.metrics.throughput_avg, whole=False) for run in runs(ask.brought)]
