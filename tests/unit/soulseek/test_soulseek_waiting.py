"""What waiting for users costs the server and the users: who is watched when, and whose place is asked for."""

from __future__ import annotations

import random

from slskdn_tui.engine.soulseek.downloads.queue_places import ASKED, PlaceRounds, derived
from slskdn_tui.engine.soulseek.manners.watch import CONNECTING, LINGER_S, WINDOW_S, Allowance, WatchList


def test_whatever_happens_a_user_costs_two_messages_in_any_minute() -> None:
    """A simulated day of users who come, go, are wanted and not: each attempt waits until there is room for all it may need."""
    rng = random.Random(4)
    allowance = Allowance()
    watches = WatchList(allowance)
    sent: dict[str, list[float]] = {}
    now, wanted = 0.0, set[str]()
    while now < 24 * 3600:
        now += rng.choice((0.05, 1.0, 7.0, 61.0))
        wanted ^= {f"user{rng.randrange(5)}"}
        plan = watches.plan(frozenset(wanted), now)
        for username in (*plan.add, *plan.drop):
            sent.setdefault(username, []).append(now)
        for username in wanted:
            if not allowance.wait(username, CONNECTING, now):
                for _ in range(rng.choice((1, 2))):
                    allowance.spend(username, now)
                    sent.setdefault(username, []).append(now)
    for times in sent.values():
        assert len(times) > 500
        assert all(later - earlier >= WINDOW_S for earlier, later in zip(times, times[2:], strict=False))


def test_a_user_is_watched_at_once_and_for_a_while_after_nobody_waits_any_more() -> None:
    watches = WatchList(Allowance())
    assert watches.plan({"anna"}, 0.0).add == ("anna",)
    assert watches.plan({"anna"}, 10.0).add == ()
    plan = watches.plan(set(), 100.0)
    assert plan.drop == () and plan.again == LINGER_S
    assert watches.plan({"anna"}, 200.0) == watches.plan({"anna"}, 201.0)
    assert watches.plan(set(), 300.0).drop == ()
    assert watches.plan(set(), 300.0 + LINGER_S).drop == ("anna",)


def test_a_new_session_watches_everybody_anew() -> None:
    watches = WatchList(Allowance())
    watches.plan({"anna"}, 0.0)
    watches.clear()
    assert watches.plan({"anna"}, 1.0).add == ("anna",)


def test_of_five_hundred_files_four_places_are_asked_for_and_each_file_in_its_turn() -> None:
    queued = [f"{number}.flac" for number in range(500)]
    rounds = PlaceRounds()
    asked = [rounds.pick(queued) for _ in range(600)]
    assert all(len(set(each)) == ASKED and each[0] == queued[0] and each[-1] == queued[-1] for each in asked)
    assert {path for each in asked for path in each} == set(queued)
    assert rounds.pick(queued[:3]) == tuple(queued[:3])


def test_places_between_are_reckoned_from_those_that_were_told() -> None:
    assert derived(["a", "b", "c", "d"], {"a": 11, "d": 14}) == {"a": 11, "b": 12, "c": 13, "d": 14}
    assert derived(["a", "b", "c"], {"b": 2}) == {"a": 1, "b": 2, "c": 3}
    assert derived(["a", "b", "c"], {"a": 5}) == {"a": 5, "b": 6, "c": 7}
    assert derived(["a", "b"], {"b": 1}) == {"a": 1, "b": 1}
    assert derived(["a"], {}) == {}
