"""One overlay peer inside a swarm: its connection, its downloader state, its meter; and the scheduler's steps in words. A thin shell over `ChunkPeer`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from slskdn_tui.engine.peers.metrics import RateWindow
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.swarm.events import SwarmEvent
from slskdn_tui.engine.swarm.plan.steps import Cancel, Order, Step
from slskdn_tui.engine.swarm.states import DEvent, DState, advance
from slskdn_tui.model.part import Layout
from slskdn_tui.model.ports import ChunkPeer
from slskdn_tui.model.variant import LEAF, Variant

GIVE_UP_S = 30.0
"""A peer silent for so long is no hope."""
_RESULTS = {
    ChunkOutcome.OK: "ok",
    ChunkOutcome.TIMEOUT: "timeout",
    ChunkOutcome.ERROR: "error",
    ChunkOutcome.CORRUPTION: "corruption",
}


class Member:
    """`since` is when it came, monotonic seconds; `given` bytes of the file are its own (the meter counts duplicates too)."""

    __slots__ = ("attached", "given", "meter", "node", "peer", "since", "state", "variant")

    def __init__(self, peer: ChunkPeer, variant: Variant, now: float) -> None:
        self.peer = peer
        self.node = peer.node_id
        self.variant = variant
        self.since = now
        self.state = DState.NEW
        self.meter = RateWindow(now)
        self.given = 0
        self.attached = True

    def step(self, event: DEvent) -> None:
        """Advance the state table; IllegalEvent when the table has no such step."""
        self.state = advance(self.state, event)

    def request(self, first: int, count: int, priority: int) -> None:
        if self.state is not DState.REQUESTING:
            self.step(DEvent.REQUEST)
        self.peer.request(self.variant.variant_id, *self._span(first, count), priority=priority)

    def cancel(self, first: int, count: int, reason: str) -> None:
        if not self.peer.closed:
            self.peer.cancel(self.variant.variant_id, *self._span(first, count), reason=reason)

    def _span(self, first: int, count: int) -> tuple[int, int]:
        """(offset, length) of these leaves in the variant, as the wire counts."""
        start = first * LEAF
        return start, min((first + count) * LEAF, self.variant.length) - start

    def settle(self, busy: bool, nothing_left: bool) -> None:
        """Nothing is left to ask: the answers outstanding drain."""
        if busy and nothing_left and self.state is DState.REQUESTING:
            self.step(DEvent.DRAIN)

    def detach(self, reason: str) -> None:
        """No more answers; the peer is told why."""
        if self.attached:
            self.attached = False
            if not self.peer.closed:
                self.peer.cancel(self.variant.variant_id, reason=reason)
            self.peer.detach(self.variant.variant_id)

    def leave(self, reason: str) -> None:
        """Out, whatever the state."""
        self.detach(reason)
        if self.state not in (DState.COMPLETED, DState.ABORTED):
            self.step(DEvent.ABORT)


def explain(step: Step, layout: Layout, variant_of: Callable[[str], str], words: str = "") -> Iterator[SwarmEvent]:
    """The scheduler's decisions as events, in the order they were made; offsets are the file's, `variant_of` says what a node is asked for."""

    def span(first: int, count: int) -> tuple[int, int]:
        start, _ = layout.span(first)
        return start, layout.span(first + count - 1)[1] - start

    def decided(kind: str, what: Order | Cancel, words: str = "") -> SwarmEvent:
        inputs, place = what.inputs, span(what.first, what.count)
        if inputs is None:
            return SwarmEvent(kind, what.node, 0, variant_of(what.node), *place, words=words, plane="mesh")
        return SwarmEvent(kind, what.node, 0, variant_of(what.node), *place, "", inputs.rtt_s * 1000, inputs.rate, words, "mesh", inputs)

    for cancel in step.cancels:
        if cancel.why != "loser":
            yield decided(cancel.why, cancel, cancel.words)
    for ended in filter(lambda each: each.count, step.ended):
        rtt = ended.rtt_s * 1000 if ended.rtt_s is not None else None
        result = _RESULTS[ended.outcome]
        place, why = span(ended.first, ended.count), "" if result == "ok" else words
        yield SwarmEvent("chunk", ended.node, 0, variant_of(ended.node), *place, result, rtt, ended.bytes_s, why, "mesh")
    for order in step.orders:
        yield decided("assign", order)
