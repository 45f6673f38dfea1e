"""While something plays: which peer is asked for which part of the windows, and who loses a leaf that is late."""

from __future__ import annotations

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.swarm.plan.urgent import HIGH_S, REST_S
from slskdn_tui.model.ports import HIGH, MID, PeerLimits, Window
from slskdn_tui.model.variant import LEAF
from tests.unit.swarm.test_scheduler_rules import MB, Swarm, leaves

PACE = 100_000.0


def test_a_slow_peer_is_asked_for_what_it_brings_before_it_is_played() -> None:
    swarm = Swarm(leaves=400, slow=(40_000, 0.05), quick=(2 * MB, 0.05))
    swarm.scheduler.windows = (Window(100 * LEAF, 200 * LEAF, HIGH, PACE),)
    asked = leaves(swarm.fill("slow"))
    assert asked and 104 < asked[0] < 115, "a leaf takes it 1.6 s, in which two and a half are played"
    assert leaves(swarm.fill("quick"))[0] == 100


def test_the_minutes_after_are_filled_in_larger_requests_and_before_the_rest() -> None:
    swarm = Swarm(leaves=2000, quick=(8 * MB, 0.05))
    swarm.scheduler.windows = (Window(100 * LEAF, 102 * LEAF, HIGH, PACE), Window(102 * LEAF, 200 * LEAF, MID))
    orders = swarm.fill("quick")
    assert [(order.first, order.count) for order in orders[:2]] == [(100, 1), (101, 1)]
    assert orders[2].first == 102 and orders[2].count > 4 and orders[2].priority == MID
    assert min(leaves(orders)) == 100 and max(leaves(orders)) < 200


def test_a_leaf_the_player_waits_for_is_taken_from_who_is_silent_after_three_seconds() -> None:
    swarm = Swarm(leaves=400, hung=(1 * MB, 0.9), quick=(1 * MB, 0.9))  # 4 RTT: silence alone says nothing for 3.6 s
    swarm.scheduler.windows = (Window(100 * LEAF, 101 * LEAF, HIGH, PACE),)
    (order, *_) = swarm.fill("hung")
    assert order.first == 100
    swarm.scheduler.windows = (Window(100 * LEAF, 101 * LEAF, HIGH, PACE),)
    swarm.scheduler.lanes["quick"].heard = swarm.now
    step = swarm.tick(HIGH_S + 0.1)
    assert ("hung", 100, "take_back") in [(cancel.node, cancel.first, cancel.why) for cancel in step.cancels]
    assert any(ended.node == "hung" and ended.outcome is ChunkOutcome.TIMEOUT for ended in step.ended)
    assert 100 in leaves([each for each in step.orders if each.node == "quick"])


def test_what_nobody_waits_for_has_thirty_seconds() -> None:
    swarm = Swarm(leaves=4000, slow=(3_000, 0.05), quick=(1 * MB, 0.05))
    swarm.scheduler.windows = (Window(3900 * LEAF, 3901 * LEAF, HIGH, PACE),)
    (order,) = swarm.fill("slow")
    assert not 3900 <= order.first < 3901

    def alive() -> None:
        for lane in swarm.scheduler.lanes.values():
            lane.heard = swarm.now  # they send, the one slowly

    swarm.now += REST_S - 1
    alive()
    assert not [each for each in swarm.tick().cancels if each.node == "slow"]
    swarm.now += 2
    alive()
    assert [(each.first, each.why) for each in swarm.tick().cancels if each.node == "slow"] == [(order.first, "take_back")]


def test_the_only_peer_is_not_timed_out() -> None:
    swarm = Swarm(leaves=40, only=(15_000, 0.05))
    swarm.scheduler.windows = (Window(0, 10 * LEAF, HIGH, PACE),)
    swarm.fill("only")
    step = swarm.tick(HIGH_S + 0.5)
    assert not step.cancels and not step.ended


def test_a_leaf_that_cannot_be_called_back_in_time_is_asked_of_a_second_peer() -> None:
    swarm = Swarm(leaves=400, slow=(20_000, 0.05), quick=(2 * MB, 0.05))
    (order, *_) = swarm.fill("slow")
    swarm.scheduler.windows = (Window(order.first * LEAF, (order.first + 1) * LEAF, HIGH + 1),)
    step = swarm.tick(0.1)
    assert order.first in leaves([each for each in step.orders if each.node == "quick"])
    assert not step.cancels and len(swarm.pieces.holders[order.first]) == 2


def test_while_a_player_waits_unknown_peers_are_tried_with_one_leaf_each() -> None:
    swarm = Swarm(leaves=400)
    swarm.scheduler.windows = (Window(0, 50 * LEAF, HIGH + 1, PACE),)
    for name in ("a", "b", "c"):
        swarm.scheduler.add(name, PeerLimits(), 1.0, swarm.now)
        assert len(leaves(swarm.fill(name))) == 1


def test_who_falls_silent_keeps_what_another_can_still_bring_in_time_and_nothing_comes_twice() -> None:
    swarm = Swarm(leaves=400, hung=(1 * MB, 0.05), quick=(1 * MB, 0.05))
    ahead = swarm.scheduler.windows = (Window(100 * LEAF, 200 * LEAF, HIGH, PACE),)
    swarm.scheduler.windows = (Window(150 * LEAF, 200 * LEAF, HIGH),)
    held = set(leaves(swarm.fill("hung")))
    assert held and min(held) >= 150
    swarm.scheduler.windows = ahead  # they are played in half a minute
    swarm.scheduler.lanes["quick"].heard = swarm.now + 2.5
    step = swarm.tick(2.5)
    assert swarm.scheduler.lanes["hung"].silent
    assert not [each for each in step.cancels if each.node == "hung"] and not held.intersection(leaves(step.orders))
    swarm.scheduler.windows = (Window(149 * LEAF, 200 * LEAF, HIGH, PACE),)  # now they are played soon
    swarm.deliver("quick", *leaves(step.orders), later=0.3)
    assert min(held) in leaves([each for each in swarm.tick(0.05).orders if each.node == "quick"])


def test_a_silent_peer_that_is_tried_again_has_its_time_to_answer() -> None:
    swarm = Swarm(leaves=400, hung=(1 * MB, 0.05), quick=(1 * MB, 0.05))
    swarm.fill("hung")
    swarm.scheduler.lanes["quick"].heard = swarm.now + 30.0
    swarm.tick(30.0)
    hung = swarm.scheduler.lanes["hung"]
    assert hung.silent and not hung.asks
    swarm.scheduler.windows = (Window(300 * LEAF, 303 * LEAF, HIGH + 1, PACE),)
    swarm.now += 2.0
    tried = set(leaves(swarm.fill("hung")))
    assert len(tried) == 1
    for _ in range(10):
        swarm.scheduler.lanes["quick"].heard = swarm.now
        step = swarm.tick(0.05)
        assert not tried.intersection(leaf for each in step.cancels for leaf in range(each.first, each.first + each.count))


def test_nothing_more_is_asked_of_who_is_overdue_while_something_plays() -> None:
    swarm = Swarm(leaves=400, late=(1 * MB, 0.9), quick=(1 * MB, 0.05))
    swarm.scheduler.windows = (Window(100 * LEAF, 200 * LEAF, HIGH, PACE),)
    asked = leaves(swarm.fill("late"))
    late = swarm.scheduler.lanes["late"]
    swarm.now += 3.0
    late.forget(asked[-1])
    assert late.overdue(swarm.now) and not swarm.fill("late")
    swarm.scheduler.windows = ()
    assert swarm.fill("late")
