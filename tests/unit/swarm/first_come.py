"""What the scheduler is measured against: whoever has room takes the next leaf from the front, 4 requests a peer, and a peer silent for 10 s loses its."""

from __future__ import annotations

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.swarm.piecemap import DONE, PieceMap
from slskdn_tui.engine.swarm.plan.lanes import Lane
from slskdn_tui.engine.swarm.plan.steps import Cancel, Ended, Order, Step
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF

AT_ONCE = 4
SILENCE_S = 10.0


class FirstCome:
    """Takes the place of `Scheduler` in the simulator."""

    def __init__(self, pieces: PieceMap) -> None:
        self.pieces = pieces
        self.lanes: dict[str, Lane] = {}
        self.duplicate_bytes = 0

    def add(self, node: str, limits: PeerLimits, reputation: float, now: float) -> Lane:
        lane = self.lanes[node] = Lane(node, limits, reputation, now)
        return lane

    def remove(self, node: str) -> list[tuple[int, int]]:
        self._free(self.lanes.pop(node))
        return []

    def _free(self, lane: Lane) -> list[int]:
        leaves = list(lane.by_leaf)
        for leaf in leaves:
            lane.forget(leaf)
            self.pieces.give_back(leaf, lane.node)
        return leaves

    def fill(self, node: str, now: float) -> Step:
        step, lane = Step(), self.lanes.get(node)
        if lane is None or now < lane.paused_until:
            return step
        leaf = self.pieces.status.find(0)
        while leaf >= 0 and len(lane.asks) < min(AT_ONCE, lane.most_asks, max(1, lane.limits.bytes_outstanding // LEAF)):
            if not lane.has_not(leaf, now):
                self.pieces.take(leaf, node)
                lane.sent(leaf, 1, now)
                step.orders.append(Order(node, leaf, 1))
            leaf = self.pieces.status.find(0, leaf + 1)
        return step

    def hungry(self, node: str) -> bool:
        return True

    def delivered(self, node: str, leaf: int, size: int, plane: int, now: float) -> Step:
        step, lane = Step(), self.lanes[node]
        lane.heard = now
        lane.forget(leaf)
        if self.pieces.status[leaf] == DONE:
            self.duplicate_bytes += size
        for other in self.pieces.deliver(leaf, plane):
            if other != node and other in self.lanes:
                self.lanes[other].forget(leaf)
                step.cancels.append(Cancel(other, leaf, 1, "loser"))
        return step

    def landed(self, leaf: int, plane: int, now: float) -> Step:
        step = Step()
        for other in self.pieces.deliver(leaf, plane):
            if other in self.lanes:
                self.lanes[other].forget(leaf)
                step.cancels.append(Cancel(other, leaf, 1, "loser"))
        return step

    def refused(self, node: str, first: int, count: int, code: str, now: float) -> Step:
        lane = self.lanes[node]
        for leaf in range(first, first + count):
            if leaf in lane.by_leaf:
                lane.forget(leaf)
                self.pieces.give_back(leaf, node)
                if code == "not_found":
                    lane.without(leaf, now)
        if code != "not_found":
            lane.paused_until = now + 1.0
        return Step()

    def lag(self, seconds: float) -> None:
        pass

    def tick(self, now: float) -> Step:
        step = Step()
        for lane in self.lanes.values():
            if lane.asks and now - lane.heard > SILENCE_S:
                lane.paused_until = now + SILENCE_S
                for leaf in self._free(lane):
                    step.cancels.append(Cancel(lane.node, leaf, 1, "take_back"))
                    step.ended.append(Ended(lane.node, leaf, 1, ChunkOutcome.TIMEOUT))
        for node in self.lanes:
            step.orders += self.fill(node, now).orders
        return step
