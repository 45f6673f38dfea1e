"""A leaf that was moved to another peer, and yet comes first from the one it was taken from."""

from __future__ import annotations

from slskdn_tui.engine.swarm.piecemap import MESH, PieceMap
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.plan.steps import Step
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF


def test_a_late_leaf_that_is_first_after_all_is_told_as_this_peers() -> None:
    scheduler = Scheduler(PieceMap(8 * LEAF, digests=True))
    scheduler.add("a", PeerLimits(), 1.0, 0.0)
    (order, *_) = scheduler.fill("a", 0.0).orders
    scheduler.cancel_all()
    step = scheduler.delivered("a", order.first, LEAF, MESH, 0.1)
    assert [(ended.node, ended.first, ended.count) for ended in step.ended] == [("a", order.first, 1)]
    again = scheduler.delivered("a", order.first, LEAF, MESH, 0.2)
    assert not again.ended and scheduler.duplicate_bytes == LEAF


def test_a_request_of_which_others_brought_a_part_is_told_as_what_this_peer_brought() -> None:
    scheduler = Scheduler(PieceMap(8 * LEAF, digests=True))
    scheduler.add("a", PeerLimits(), 1.0, 0.0)
    scheduler._ask(scheduler.lanes["a"], 0, 4, 1, "normal", 0.0, Step())
    assert not scheduler.delivered("a", 0, LEAF, MESH, 0.1).ended
    assert not scheduler.landed(1, MESH, 0.1).ended
    assert not scheduler.delivered("a", 2, LEAF, MESH, 0.2).ended
    step = scheduler.delivered("a", 3, LEAF, MESH, 0.3)
    assert [(ended.first, ended.count, ended.whole) for ended in step.ended] == [(0, 1, True), (2, 2, False)]


def test_what_an_open_request_had_brought_is_told_when_its_peer_goes() -> None:
    scheduler = Scheduler(PieceMap(8 * LEAF, digests=True))
    scheduler.add("a", PeerLimits(), 1.0, 0.0)
    scheduler._ask(scheduler.lanes["a"], 0, 4, 1, "normal", 0.0, Step())
    scheduler.delivered("a", 0, LEAF, MESH, 0.1)
    freed, step = scheduler.remove("a")
    assert freed == [(1, 3)] and [(ended.first, ended.count, ended.whole) for ended in step.ended] == [(0, 1, False)]
