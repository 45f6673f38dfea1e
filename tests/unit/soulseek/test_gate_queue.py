"""Who goes next at the search gate, and how long the others wait."""

from __future__ import annotations

import itertools
import random

import pytest

from slskdn_tui.engine.soulseek.search.gate import OVERTAKES, GateRules, Priority, SearchGate, asked_as

USER, JOB, WISH, DOCTOR = Priority.USER, Priority.JOB, Priority.WISHLIST, Priority.DOCTOR


def drain(gate: SearchGate, names: dict[int, str], now: float = 0.0) -> list[str]:
    """Let all who wait go, one after the other, in the order the gate says."""
    order = []
    while (following := gate.next(now)) is not None:
        ticket, wait = following
        now += wait
        gate.start(ticket, names[ticket], now)
        order.append(names[ticket])
        gate.end()
    return order


def enter(gate: SearchGate, *who: tuple[str, Priority]) -> dict[int, str]:
    return {gate.enter(name, priority, 8.0): name for name, priority in who}


def test_a_users_search_overtakes_jobs_wishes_and_the_doctor_and_equals_keep_their_order() -> None:
    gate = SearchGate(GateRules())
    names = enter(gate, ("d", DOCTOR), ("w", WISH), ("j1", JOB), ("j2", JOB), ("u1", USER), ("u2", USER))
    assert drain(gate, names) == ["u1", "u2", "j1", "j2", "w", "d"]


def test_a_busy_user_does_not_starve_a_job_nor_jobs_a_wish() -> None:
    gate = SearchGate(GateRules())
    names = enter(gate, ("job", JOB), ("wish", WISH), *((f"u{number}", USER) for number in range(20)))
    order = drain(gate, names)
    assert order.index("job") == OVERTAKES and order.index("wish") == OVERTAKES + 1
    assert [each for each in order if each.startswith("u")] == [f"u{number}" for number in range(20)]


def test_one_that_must_wait_for_its_repeat_does_not_hold_up_the_others() -> None:
    gate = SearchGate(GateRules(), [(0.0, "again")])
    names = enter(gate, ("again", USER), ("new", JOB))
    assert gate.next(10.0) == (2, 0.0)
    gate.start(2, "new", 10.0)
    gate.end()
    assert gate.next(20.0) == (1, pytest.approx(280.0)) and names[1] == "again"


def test_the_same_words_at_one_user_are_another_search() -> None:
    gate = SearchGate(GateRules(), [(0.0, "some band")])
    assert gate.wait_for("band some", 10.0) > 0
    assert gate.wait_for(asked_as("some band", "bob"), 10.0) == 0


def test_who_is_in_flight_holds_all_others_and_one_who_leaves_holds_nobody() -> None:
    gate = SearchGate(GateRules())
    enter(gate, ("a", JOB), ("b", JOB), ("c", USER))
    assert gate.next(0.0) == (3, 0.0)
    gate.leave(3)
    gate.start(1, "a", 0.0)
    assert gate.next(1.0) == (2, float("inf")) and gate.waiting == 1
    with pytest.raises(RuntimeError):
        gate.start(2, "b", 1.0)
    gate.end()
    assert gate.next(1.0) == (2, pytest.approx(2.0))
    with pytest.raises(RuntimeError):
        gate.start(2, "b", 1.0)


def test_the_wait_that_is_told_is_the_wait_that_comes() -> None:
    """Searches last eight seconds here; what `hold` says beforehand is when each really goes, as long as nobody overtakes for fairness."""
    gate = SearchGate(GateRules())
    waiting = [("u", USER), *((f"j{number}", JOB) for number in range(40))]
    names = enter(gate, *waiting)
    told = {ticket: gate.hold_of(ticket, 0.0) for ticket in names}
    assert gate.hold(USER, 0.0) == pytest.approx(8.0) and gate.hold(WISH, 0.0) > gate.hold(USER, 0.0)
    now, gone = 0.0, {}
    while (following := gate.next(now)) is not None:
        ticket, wait = following
        now += wait
        gate.start(ticket, names[ticket], now)
        gone[ticket] = now
        now += 8.0
        gate.end()
    assert gone == pytest.approx(told)


def test_while_one_is_in_flight_the_wait_reckons_with_its_end() -> None:
    gate = SearchGate(GateRules())
    gate.begin("a", 100.0, lasts=8.0)
    assert gate.hold(USER, 102.0) == pytest.approx(6.0)
    assert gate.hold(USER, 102.0, "a") == pytest.approx(298.0)
    assert gate.hold_of(99, 102.0) == 0.0


def test_any_order_of_coming_and_leaving_keeps_the_rules() -> None:
    rng = random.Random(7)
    gate, now = SearchGate(GateRules()), 0.0
    waiting: dict[int, str] = {}
    sent: list[tuple[float, str]] = []
    for _ in range(4000):
        now += rng.random() * 2
        if rng.random() < 0.4:
            query = f"q{rng.randrange(60)}"
            waiting[gate.enter(query, rng.choice(list(Priority)), 2.0)] = query
        if waiting and rng.random() < 0.05:
            ticket = rng.choice(list(waiting))
            gate.leave(ticket)
            del waiting[ticket]
        following = gate.next(now)
        if following is not None and following[1] == 0:
            gate.start(following[0], waiting[following[0]], now)
            sent.append((now, waiting.pop(following[0])))
            gate.end()
    assert len(sent) > 300
    times = [at for at, _ in sent]
    assert all(later - earlier >= 3.0 for earlier, later in itertools.pairwise(times))
    assert all(times[index + 30] - times[index] >= 220.0 for index in range(len(times) - 30))
    last: dict[str, float] = {}
    for at, query in sent:
        assert at - last.get(query, -1000.0) >= 300.0
        last[query] = at
