"""A parent job leaves room at the search gate, and says how long it will take at least."""

from __future__ import annotations

import pytest

from slskdn_tui.engine.jobs.parents.pace import SEARCH_S, Child, may_start, waiting
from slskdn_tui.engine.soulseek.search.gate import GateRules, Priority, SearchGate
from slskdn_tui.model.jobs import JobState
from slskdn_tui.model.parents import Member

NEW, LOOKS, ACTIVE, DONE = JobState.NEW, JobState.SEARCHING, JobState.ACTIVE, JobState.COMPLETED


@pytest.mark.parametrize(
    ("children", "at_gate", "may"),
    [
        ([], 0, True),
        ([], 1, False),
        ([(LOOKS, 5)], 0, True),
        ([(LOOKS, 5), (NEW, 1)], 0, False),
        ([(LOOKS, SEARCH_S), (NEW, 1)], 0, True),
        ([(LOOKS, 9999)] * 200, 0, True),
        ([(ACTIVE, 50)] * 3, 0, True),
        ([(ACTIVE, 50)] * 4, 0, False),
        ([(DONE, 50)] * 100, 0, True),
    ],
)
def test_a_few_releases_search_and_a_few_are_fetched_at_a_time(children: list[tuple[JobState, float]], at_gate: int, may: bool) -> None:
    assert may_start([Child(*each) for each in children], at_gate, 4) is may


def test_releases_go_in_order_and_those_that_ended_or_have_a_job_are_passed_over() -> None:
    members = [Member("a", outcome="here"), Member("b", job_id="j"), Member("c"), Member("d")]
    assert [member.release_mbid for member in waiting(members)] == ["c", "d"]


def test_the_forecast_reckons_with_gap_window_and_who_stands_before() -> None:
    gate = SearchGate(GateRules(gap_s=3.0, window=30, window_s=220.0))
    assert gate.forecast(0, Priority.JOB, 8.0, 1000.0) == 0.0
    assert gate.forecast(1, Priority.JOB, 8.0, 1000.0) == 0.0
    assert gate.forecast(5, Priority.JOB, 8.0, 1000.0) == 4 * 8.0
    quick = gate.forecast(300, Priority.JOB, 1.0, 1000.0)
    assert quick == pytest.approx(9 * 220.0 + 29 * 3.0), "thirty in 220 s, so the last thirty begin after nine windows"
    gate.enter("someone else's", Priority.USER, 8.0)
    gate.enter("the wishlist's", Priority.WISHLIST, 8.0)
    assert gate.forecast(1, Priority.JOB, 8.0, 1000.0) == 8.0, "the user goes before, the wishlist after"
