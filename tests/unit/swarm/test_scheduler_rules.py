"""The scheduler's rules one by one, as docs/architecture.md numbers them: what each asks for, takes back, moves and leaves alone."""

from __future__ import annotations

import pytest

from slskdn_tui.engine.swarm.piecemap import MESH, PieceMap
from slskdn_tui.engine.swarm.plan.lanes import Lane
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.plan.steps import Order, Step
from slskdn_tui.model.ports import PeerLimits, Window
from slskdn_tui.model.variant import LEAF

MB = 1e6
MIB = 1024 * 1024


class Swarm:
    """A scheduler whose peers are known already: each has delivered for a second at its rate."""

    def __init__(self, leaves: int = 4096, **peers: tuple[float, float] | tuple[float, float, float]) -> None:
        self.now = 10.0
        self.pieces = PieceMap(leaves * LEAF, digests=True)
        self.scheduler = Scheduler(self.pieces)
        for name, (rate, rtt, *reputation) in peers.items():
            self.known(name, rate, rtt, reputation[0] if reputation else 1.0)

    def known(self, name: str, rate: float, rtt: float, reputation: float = 1.0) -> Lane:
        lane = self.scheduler.add(name, PeerLimits(), reputation, self.now)
        lane.starting = False
        lane.metrics.answered(rtt + LEAF / rate, True)
        for count in range(max(3, int(rate / LEAF) + 1), 0, -1):
            at = self.now - (count - 1) * LEAF / rate
            lane.metrics.arrived(at, LEAF, at - LEAF / rate)
        return lane

    def fill(self, name: str) -> list[Order]:
        return self.scheduler.fill(name, self.now).orders

    def tick(self, later: float = 0.0) -> Step:
        self.now += later
        return self.scheduler.tick(self.now)

    def deliver(self, name: str, *leaves: int, later: float = 0.0) -> list[Step]:
        self.now += later
        return [self.scheduler.delivered(name, leaf, self.pieces.length(leaf), MESH, self.now) for leaf in leaves]

    def done(self, *leaves: int) -> None:
        """These came earlier."""
        for leaf in leaves:
            self.pieces.deliver(leaf, MESH)


def leaves(orders: list[Order]) -> list[int]:
    return [leaf for order in orders for leaf in range(order.first, order.first + order.count)]


# 1


@pytest.mark.parametrize(
    ("rate", "rtt", "window"),
    [
        (4 * MB, 0.05, 4 * MB * (2 * 0.05 + 0.25)),
        (1 * MB, 0.2, 1 * MB * (2 * 0.2 + 0.25)),
        (20 * MB, 0.1, 20 * MB * 2 * 0.1 + 2 * MIB),  # a quarter of a second of it would only fill caches
        (50_000, 0.02, 2 * LEAF),  # one at a time would leave the link idle for a round trip after each
        (10_000, 0.02, LEAF),
        (500 * MB, 0.5, 12 * MIB),  # three quarters of what HELLO allows
    ],
)
def test_a_peer_is_asked_for_what_its_link_holds(rate: float, rtt: float, window: float) -> None:
    swarm = Swarm(only=(rate, rtt))
    asked = swarm.fill("only")
    assert window - 17 * LEAF <= len(leaves(asked)) * LEAF <= window + 1, "whole requests, and no byte beyond the window"
    assert not swarm.fill("only"), "then it waits until leaves come"


@pytest.mark.parametrize(("rate", "rtt"), [(20 * MB, 0.1), (4 * MB, 0.05), (1 * MB, 0.2), (50_000, 0.02)])
def test_a_peer_is_looked_at_again_when_there_is_room_for_a_request_and_not_before(rate: float, rtt: float) -> None:
    swarm = Swarm(only=(rate, rtt))
    asked = leaves(swarm.fill("only"))
    in_vain = 0
    for _ in range(8 * len(asked)):
        swarm.deliver("only", next(iter(swarm.scheduler.lanes["only"].by_leaf)), later=LEAF / rate)
        hungry = swarm.scheduler.hungry("only")
        found = bool(swarm.fill("only"))
        assert hungry or not found
        in_vain += hungry and not found
    assert in_vain <= len(asked), "but for the window's own changes"


def test_fast_peers_are_asked_for_a_mebibyte_at_a_time_and_slow_ones_leaf_by_leaf() -> None:
    swarm = Swarm(fast=(50 * MB, 0.05), slow=(0.2 * MB, 0.05))
    assert {order.count for order in swarm.fill("fast")} == {16}
    assert {order.count for order in swarm.fill("slow")} == {1}


# 2


@pytest.mark.parametrize(("rtt", "patience"), [(0.02, 1.0), (0.5, 2.0)])
def test_after_one_second_or_four_round_trips_of_silence_everything_is_taken_back_at_once(rtt: float, patience: float) -> None:
    swarm = Swarm(quick=(2 * MB, rtt))
    asked = leaves(swarm.fill("quick"))
    assert not swarm.tick(patience - 0.05).cancels
    step = swarm.tick(0.1)
    taken = [leaf for cancel in step.cancels for leaf in range(cancel.first, cancel.first + cancel.count)]
    assert sorted(taken) == sorted(asked) and {cancel.why for cancel in step.cancels} == {"take_back"}
    assert "silent for" in step.cancels[0].words
    assert not swarm.scheduler.lanes["quick"].by_leaf


def test_our_own_loops_delay_is_nobodys_silence() -> None:
    swarm = Swarm(quick=(2 * MB, 0.02), other=(2 * MB, 0.02))
    swarm.fill("quick")
    before = swarm.scheduler.lanes["quick"].rate(swarm.now)
    swarm.scheduler.lag(3.0)
    assert not swarm.tick(3.5).cancels, "half a second of its own, three of ours"
    swarm = Swarm(quick=(2 * MB, 0.02))
    swarm.fill("quick")
    swarm.scheduler.lag(3.0)
    assert swarm.scheduler.lanes["quick"].rate(swarm.now + 3.1) == before, "nor does it look slower for it"
    assert swarm.tick(4.2).cancels


def test_a_peer_that_does_not_answer_has_two_seconds_and_then_twice_as_long_each_time() -> None:
    swarm = Swarm()
    lane = swarm.scheduler.add("new", PeerLimits(), 1.0, swarm.now)
    waited = []
    for _ in range(3):
        began = swarm.now
        while not lane.asks:
            began = swarm.now
            swarm.tick(0.05)
        while lane.asks:
            swarm.tick(0.05)
        waited.append(round(swarm.now - began))
    assert waited == [2, 4, 8]


def test_a_peer_that_says_nothing_for_a_day_is_still_tried_now_and_then() -> None:
    swarm = Swarm(64, quiet=(1 * MB, 0.02))
    asked = [bool(swarm.tick(later=32.0).orders) for _ in range(2700)]
    assert swarm.scheduler.lanes["quiet"].strikes > 1024, "2.0**1024 is no number"
    assert 0 < sum(asked[-225:]) <= 120  # two hours: once a minute and no oftener


def test_a_peer_that_refuses_everything_for_hours_is_still_asked_twice_a_minute() -> None:
    swarm = Swarm(64, broken=(1 * MB, 0.02))
    while swarm.scheduler.lanes["broken"].strikes <= 1024:
        for order in swarm.tick(later=30.0).orders:
            swarm.scheduler.refused("broken", order.first, order.count, "io_error", swarm.now)
    assert swarm.scheduler.lanes["broken"].paused_until == pytest.approx(swarm.now + 30)


def test_a_peer_that_asks_for_less_has_done_nothing_wrong() -> None:
    swarm = Swarm(64, busy=(1 * MB, 0.02))
    first, second, *_ = swarm.fill("busy")
    errors = []
    for order, code in ((first, "rate_limited"), (second, "io_error")):
        ended = swarm.scheduler.refused("busy", order.first, order.count, code, swarm.now).ended
        errors.append((len(ended), swarm.scheduler.lanes["busy"].metrics.errors))
    assert errors == [(0, 0), (1, 1)]


# 3


def test_every_ten_chunks_what_a_slow_peer_would_deliver_after_the_end_is_given_to_faster_ones() -> None:
    swarm = Swarm(leaves=300, faded=(8 * MB, 0.02), fast=(4 * MB, 0.02))
    promised = len(leaves(swarm.fill("faded")))
    swarm.done(*range(200, 300))
    faded, fast = swarm.scheduler.lanes["faded"], swarm.scheduler.lanes["fast"]
    for _ in range(3):  # two leaves a second, where it had brought a hundred
        for _ in range(30):
            swarm.fill("fast")
            swarm.deliver("fast", min(fast.by_leaf), later=LEAF / (4 * MB))
        swarm.deliver("faded", min(faded.by_leaf))
    swarm.fill("fast")
    swarm.scheduler._chunks = 9
    assert not swarm.tick().cancels
    swarm.scheduler._chunks = 10
    moved = [cancel for cancel in swarm.tick().cancels if cancel.why == "rebalance" and cancel.node == "faded"]
    assert moved and sum(cancel.count for cancel in moved) < promised
    assert all(cancel.inputs and cancel.inputs.queue_s > 1.0 for cancel in moved), "its queue is measured in seconds"


# 4


def test_the_last_two_mebibytes_go_to_the_cheapest_trusted_peers() -> None:
    swarm = Swarm(leaves=400, slow=(0.4 * MB, 0.02), quick=(4 * MB, 0.02), doubtful=(9 * MB, 0.02, 0.69))
    for name in ("slow", "doubtful"):
        assert max(leaves(swarm.fill(name))) < 400 - 32, f"{name} is asked for other leaves"
    first = swarm.fill("quick")[0]
    assert first.first == 400 - 32 and first.priority == 1 and first.inputs and first.inputs.chunk_class == "urgent"


def test_urgent_leaves_go_to_an_untrusted_peer_only_where_nobody_is_trusted_or_those_would_take_long() -> None:
    alone = Swarm(leaves=32, doubtful=(9 * MB, 0.02, 0.69))
    assert leaves(alone.fill("doubtful"))
    beside = Swarm(leaves=32, doubtful=(9 * MB, 0.02, 0.69), trusted=(2 * MB, 0.02, 0.7))
    assert not beside.fill("doubtful") and leaves(beside.fill("trusted"))
    crawling = Swarm(leaves=32, doubtful=(9 * MB, 0.02, 0.69), trusted=(0.1 * MB, 0.02))
    assert leaves(crawling.fill("doubtful")), "20 s for the rest would be long"


def test_a_peer_at_three_tenths_is_asked_only_for_what_nobody_else_has() -> None:
    swarm = Swarm(leaves=100, good=(1 * MB, 0.02), bad=(9 * MB, 0.02, 0.3))
    assert not swarm.fill("bad")
    for leaf in leaves(swarm.fill("good"))[:3]:
        swarm.scheduler.refused("good", leaf, 1, "not_found", swarm.now)
    lacking = sorted(swarm.scheduler.lanes["good"].lacks)
    assert sorted(leaves(swarm.fill("bad"))) == lacking
    swarm.scheduler.remove("good")
    assert len(leaves(swarm.fill("bad"))) > 3, "now nobody else has anything"


def test_a_peer_at_three_tenths_is_not_asked_for_what_one_other_may_have() -> None:
    swarm = Swarm(leaves=100, good=(1 * MB, 0.02), other=(1 * MB, 0.02), bad=(9 * MB, 0.02, 0.3))
    lacking = leaves(swarm.fill("good"))[:3]
    for leaf in lacking:
        swarm.scheduler.refused("good", leaf, 1, "not_found", swarm.now)
    swarm.scheduler.lanes["other"].without(99, swarm.now)
    assert not swarm.fill("bad")
    swarm.scheduler.lanes["other"].without(lacking[1], swarm.now)
    assert leaves(swarm.fill("bad")) == [lacking[1]]


# 5


def test_at_the_end_a_leaf_is_asked_of_who_finishes_earliest_and_the_loser_is_cancelled() -> None:
    swarm = Swarm(leaves=40, slow=(0.1 * MB, 0.02), quick=(1 * MB, 0.02), quicker=(2 * MB, 0.02))
    swarm.done(*range(1, 40))
    swarm.pieces.take(0, "slow")
    swarm.scheduler.lanes["slow"].sent(0, 1, swarm.now)
    step = swarm.scheduler.fill("quicker", swarm.now)
    assert [(order.node, order.first) for order in step.orders] == [("quicker", 0)]
    assert step.orders[0].inputs and step.orders[0].inputs.chunk_class == "endgame"
    assert [(cancel.node, cancel.first, cancel.why) for cancel in step.cancels] == [("slow", 0, "rebalance")], (
        "more than twice as early: moved"
    )
    assert not swarm.fill("quick"), "slower than who has it now"
    swarm.deliver("quicker", 0, later=0.05)
    assert swarm.pieces.complete and not any(lane.by_leaf for lane in swarm.scheduler.lanes.values())


def test_no_leaf_has_more_than_two_requesters_and_who_loses_is_told() -> None:
    swarm = Swarm(leaves=1)
    for name in ("a", "b", "c", "d"):
        swarm.scheduler.add(name, PeerLimits(), 1.0, swarm.now)
    asked = swarm.tick().orders
    for _ in range(40):
        asked += swarm.tick(0.05).orders
        assert len(swarm.pieces.holders.get(0, ())) <= 2
    holders = swarm.pieces.holders[0]
    assert len(holders) == 2 and {order.inputs.chunk_class for order in asked if order.inputs} >= {"race"}
    (step,) = swarm.deliver(holders[0], 0)
    assert [(cancel.node, cancel.why) for cancel in step.cancels] == [(holders[1], "loser")]


# 6


def test_a_slow_peer_declines_what_it_would_deliver_after_everybody_else_is_done() -> None:
    swarm = Swarm(leaves=60, slow=(0.05 * MB, 0.1), fast=(10 * MB, 0.02))
    assert not swarm.fill("slow"), "1.3 s a leaf; the fast one is done in 0.4 s"
    assert leaves(swarm.fill("fast"))
    large = Swarm(leaves=2000, slow=(0.05 * MB, 0.1), fast=(10 * MB, 0.02))
    assert leaves(large.fill("slow")), "there is enough to do for everybody"


def test_a_slow_peer_does_not_decline_in_favour_of_one_that_lacks_the_leaf() -> None:
    swarm = Swarm(leaves=40, slow=(0.05 * MB, 0.1), fast=(10 * MB, 0.02))
    swarm.done(*range(39))
    (order,) = swarm.fill("fast")
    swarm.scheduler.refused("fast", order.first, 1, "not_found", swarm.now)
    assert leaves(swarm.fill("slow")) == [39]


# 7


def test_the_players_window_comes_before_everything_else_from_the_quickest_peers() -> None:
    swarm = Swarm(leaves=400, slow=(0.4 * MB, 0.02), quick=(4 * MB, 0.02))
    swarm.scheduler.windows = (Window(100 * LEAF, 104 * LEAF, 2),)
    assert not set(leaves(swarm.fill("slow"))) & set(range(100, 104))
    orders = swarm.fill("quick")
    assert leaves(orders)[:4] == [100, 101, 102, 103]
    assert [(order.priority, order.count, order.inputs and order.inputs.chunk_class) for order in orders[:4]] == [(2, 1, "window")] * 4


def test_a_window_whose_first_leaf_a_peer_lacks_is_not_skipped() -> None:
    swarm = Swarm(leaves=400, quick=(4 * MB, 0.02))
    swarm.scheduler.windows = (Window(100 * LEAF, 104 * LEAF, 2),)
    assert swarm.fill("quick")[0].first == 100
    swarm.scheduler.refused("quick", 100, 4, "not_found", swarm.now)
    swarm.scheduler.windows = (Window(103 * LEAF, 106 * LEAF, 2),)
    assert swarm.fill("quick")[0].first == 104
