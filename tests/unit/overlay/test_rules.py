"""Upload states, admission, spans: the overlay's small cores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.overlay.admission import Admission
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.upload_states import TABLE, UploadEvent, UploadState, UploadStateError, step
from slskdn_tui.model.spans import subtract, total


def test_an_upload_goes_the_roadmap_s_way() -> None:
    state = UploadState.IDLE
    seen = [state.value]
    for event in ("offer", "request", "request", "cap", "free", "end", "closed", "forget"):
        state = step(state, UploadEvent(event))
        seen.append(state.value)
    assert seen == ["U_IDLE", "U_PENDING", "U_SERVING", "U_SERVING", "U_THROTTLED", "U_SERVING", "U_TEARDOWN", "U_DONE", "U_IDLE"]


def test_a_file_that_is_gone_ends_in_rejection_first() -> None:
    state = step(UploadState.SERVING, UploadEvent.REFUSE)
    assert state is UploadState.REJECTED
    assert step(step(state, UploadEvent.RELEASE), UploadEvent.CLOSED) is UploadState.DONE


def test_every_pair_outside_the_table_is_an_error_with_both_names() -> None:
    for state in UploadState:
        for event in UploadEvent:
            if (state, event) not in TABLE:
                with pytest.raises(UploadStateError, match=rf"{state.value}.*{event.value}"):
                    step(state, event)


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TABLE.values()) == set(UploadState)
    assert {before for before, _ in TABLE} == set(UploadState)


def test_one_address_cannot_take_the_places_or_the_rate_of_all() -> None:
    gate = Admission(MeshLimits(), now=0.0)
    answers = [gate.knock("10.0.0.1", 0, 0.0) for _ in range(200)]
    assert answers.count("") == 4 and gate.handshaking == 4
    assert gate.knock("10.0.0.2", 0, 0.0) == ""


def test_handshakes_are_bounded_and_come_back() -> None:
    gate = Admission(MeshLimits(), now=0.0)
    assert [gate.knock(f"10.0.0.{i}", 0, 0.0) for i in range(9)] == [""] * 8 + ["handshakes full"]
    gate.greeted()
    assert gate.knock("10.0.1.1", 0, 0.0) == ""


def test_all_places_taken_refuses() -> None:
    assert Admission(MeshLimits(), now=0.0).knock("10.0.0.1", 64, 0.0) == "full"


def test_accepts_are_limited_in_rate_an_address_and_in_all() -> None:
    gate = Admission(MeshLimits(), now=0.0)

    def visit(key: str, now: float) -> str:
        reason = gate.knock(key, 0, now)
        if not reason:
            gate.greeted()
            gate.left(key)
        return reason

    assert [visit("a", 0.0) for _ in range(9)] == [""] * 8 + ["address rate"]
    assert visit("a", 0.5) == ""
    assert [visit(f"b{i}", 0.5) for i in range(30)].count("rate") > 0
    assert not gate.open


spans = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), max_size=5)


@given(spans, st.integers(0, 120), st.integers(0, 120))
def test_subtract_leaves_exactly_the_other_bytes(raw: list[tuple[int, int]], start: int, stop: int) -> None:
    at, spans_ = 0, []
    for gap, size in raw:
        spans_.append((at + gap, at + gap + size))
        at += gap + size
    left = subtract(spans_, start, stop)
    want = {b for first, last in spans_ for b in range(first, last)} - set(range(start, stop))
    assert {b for first, last in left for b in range(first, last)} == want
    assert total(left) == len(want)
