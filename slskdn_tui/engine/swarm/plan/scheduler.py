"""Who is asked for what, when it is taken back, and who finishes the file. Core: no I/O, time is passed in.

The shell calls `fill` when a peer is `hungry`, `delivered` for every leaf, `tick` some ten times a second, and sends the `Order`s and
`Cancel`s that come back. Rules, in the order of docs/architecture.md: windows of rate x (2 RTT + 0.25 s); silence takes back everything at
once; every ten chunks what a slow peer would deliver after the end moves to faster ones; urgent leaves go to the cheapest trusted peers;
at the end a leaf goes to whoever finishes earliest, two requesters at most; slow peers decline the last chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.backoff import doubled
from slskdn_tui.engine.swarm.events import Inputs
from slskdn_tui.engine.swarm.piecemap import DONE, MAX_REQUESTERS, PieceMap, runs
from slskdn_tui.engine.swarm.plan.cost import CostWeights, Tunables, cheapest, cost, with_unknown
from slskdn_tui.engine.swarm.plan.finish import could_take, last_leaf, one_leaf
from slskdn_tui.engine.swarm.plan.lanes import LONGEST_BACKOFF_S, Ask, Lane
from slskdn_tui.engine.swarm.plan.picking import Picker
from slskdn_tui.engine.swarm.plan.steps import Cancel, Ended, Order, Step, came
from slskdn_tui.engine.swarm.plan.urgent import early, held, late
from slskdn_tui.model.ports import HIGH, PeerLimits, Window
from slskdn_tui.model.variant import LEAF

RACE_GAIN = 1.3
MOVE_GAIN = 2.0
"""End game: another peer at least so many times earlier is asked as well, or instead."""
LARGE_GAIN_S = 1.0
"""A leaf that may come twice is asked of another while 2 % of the file have (at least 4 leaves); for a gain so large, 3 % (16)."""


class Scheduler:
    """One file's scheduler over a `PieceMap` that it shares with the shell."""

    def __init__(self, pieces: PieceMap, weights: CostWeights | None = None, rate_cap: int | None = None) -> None:
        self.pieces = pieces
        self.weights: CostWeights = weights or Tunables()
        self.lanes: dict[str, Lane] = {}
        self._picker = Picker(pieces, self.lanes, self.costs)
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
        return runs(lane.by_leaf), Step(ended=[each for ask in lane.asks for each in came(lane, ask)])

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
        lane.refill = inf
        while len(lane.asks) < lane.most_asks:
            room = (window - lane.outstanding) // LEAF
            # Asking leaf by leaf as leaves come would undo the joining: wait for room for a whole request, unless the pipe runs dry.
            if room < 1 or (room < joined and lane.outstanding * 2 > window):
                lane.refill = inf if lane.starting else max(window - joined * LEAF, window // 2)
                break
            allowed = self._allowance(now)
            if allowed < 1:
                break
            picked = self._picker.pick(lane, min(joined, room, allowed), self.windows, now)
            if picked is None:
                if not self._end_game(lane, now, step):
                    break
                continue
            first, count, priority, chunk_class = picked
            self._ask(lane, first, count, priority, chunk_class, now, step)
            if lane.silent:
                break
        return step

    def hungry(self, node: str) -> bool:
        """Whether `fill` may find room: looking costs more than a leaf's own bookkeeping, and most leaves make too little."""
        lane = self.lanes.get(node)
        return lane is not None and lane.outstanding <= lane.refill

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

    def delivered(self, node: str, leaf: int, size: int, plane: int, now: float, step: Step | None = None) -> Step:
        """A verified leaf came from `node`: figures, the race's losers, and the end of its request, added to `step`. Duplicates are counted."""
        step = Step() if step is None else step
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
        brought = came(lane, ask)
        if outcome is ChunkOutcome.OK:
            lane.metrics.chunk("ok")
            self._chunks += 1
            return [replace(brought[0], whole=True), *brought[1:]] if brought else [Ended(lane.node, ask.first, 0, outcome)]
        return [*brought, *self._failed(lane, ask.left, outcome)]

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
                step.ended += came(lane, ask)
            if code != "rate_limited":  # asked to slow down is no fault
                step.ended += self._failed(lane, leaves, outcome)
        lane.heard = now
        if code == "rate_limited":
            lane.slowed(now)
        elif code in ("io_error", "policy_violation", "timeout"):
            lane.strikes += 1
            lane.paused_until = now + doubled(0.5, lane.strikes, LONGEST_BACKOFF_S)
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
            step.ended += [each for ask in lane.asks for each in came(lane, ask)]
            taken = list(lane.by_leaf)
            for leaf in taken:
                self.pieces.give_back(leaf, lane.node)
                lane.cancelled(leaf, 0.0)
            lane.by_leaf.clear()
            lane.asks.clear()
            step.cancels += [Cancel(lane.node, first, count, "take_back") for first, count in runs(taken)]
        return step
