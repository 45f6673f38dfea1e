"""A leaf that was moved to another peer, and yet comes first from the one it was taken from."""

from __future__ import annotations

from slskdn_tui.engine.swarm.piecemap import MESH, PieceMap
from slskdn_tui.engine.swarm.scheduler import Scheduler
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF


def test_a_late_leaf_that_is_first_after_all_is_told_as_this_peers() -> None:
    scheduler = Scheduler(PieceMap(8 * LEAF, digests=True))
    scheduler.add("a", PeerLimits(), 1.0, 0.0)
    (order, *_) = scheduler.fill("a", 0.0).orders
    list(scheduler.cancel_all())
    step = scheduler.delivered("a", order.first, LEAF, MESH, 0.1)
    assert [(ended.node, ended.first, ended.count) for ended in step.ended] == [("a", order.first, 1)]
    again = scheduler.delivered("a", order.first, LEAF, MESH, 0.2)
    assert not again.ended and scheduler.duplicate_bytes == LEAF
