"""The roadmap's cost, the state table, the stall rules and the guard, value by value."""

from __future__ import annotations

import pytest

from slskdn_tui.config.settings import Rescue, Scheduler
from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.engine.swarm.plan.cost import Tunables, cheapest, cost, with_unknown
from slskdn_tui.engine.swarm.proof.guard import Proof, agreeing, decide, head_matches, streaminfo
from slskdn_tui.engine.swarm.stall import RescueThresholds, StallWatch
from slskdn_tui.engine.swarm.states import TABLE, DEvent, DState, IllegalEvent, advance
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.variant import LEAF, Variant


@pytest.mark.parametrize(
    ("rate", "errors", "timeouts", "reputation", "expected"),
    [
        (1_000_000, 0.0, 0.0, 1.0, 1.0),  # 1000 / 1000 KB/s
        (10_000_000, 0.0, 0.0, 1.0, 0.1),
        (500_000, 0.0, 0.0, 1.0, 2.0),
        (1_000_000, 1.0, 0.0, 1.0, 1.5),
        (1_000_000, 0.0, 1.0, 1.0, 1.3),
        (1_000_000, 0.5, 0.5, 1.0, 1.4),
        (1_000_000, 0.0, 0.0, 0.5, 2.0),  # half the trust, twice the cost
        (0, 0.0, 0.0, 1.0, 100_000.0),  # never infinite
        (1_000_000, 0.0, 0.0, 0.0, 20.0),
    ],
)
def test_the_cost_of_a_peer(rate: float, errors: float, timeouts: float, reputation: float, expected: float) -> None:
    assert cost(rate, errors, timeouts, reputation, Tunables()) == pytest.approx(expected)


def test_settings_and_tunables_weigh_alike() -> None:
    settings = Scheduler()
    assert Tunables.of(settings) == Tunables()
    assert cost(2e6, 0.1, 0.2, 0.9, settings) == cost(2e6, 0.1, 0.2, 0.9, Tunables())
    assert cost(2e6, 0.1, 0.2, 1.0, Scheduler(beta=5.0)) > cost(2e6, 0.1, 0.2, 1.0, settings)


def test_an_unknown_peer_starts_at_the_median_of_the_known() -> None:
    assert with_unknown({"a": 1.0, "b": None, "c": 5.0, "d": 2.0}) == {"a": 1.0, "b": 2.0, "c": 5.0, "d": 2.0}
    assert with_unknown({"a": None}) == {"a": 1.0}
    assert cheapest({"a": 2.0, "b": 1.0, "c": 1.0}, ["a", "b", "c"]) == ["b", "c", "a"]


def test_a_download_goes_through_the_documented_states() -> None:
    state = DState.NEW
    seen = [state.value]
    for event in (DEvent.NEGOTIATE, DEvent.ACCEPT, DEvent.REQUEST, DEvent.CHUNK, DEvent.DRAIN, DEvent.ALL_PRESENT, DEvent.VERIFIED):
        state = advance(state, event)
        seen.append(state.value)
    assert seen == ["D_NEW", "D_NEGOTIATING", "D_READY", "D_REQUESTING", "D_REQUESTING", "D_DRAINING", "D_VERIFYING", "D_COMPLETED"]


def test_every_state_takes_only_what_its_row_says() -> None:
    for state in DState:
        for event in DEvent:
            if event in TABLE[state]:
                assert advance(state, event) is TABLE[state][event]
            else:
                with pytest.raises(IllegalEvent, match=rf"{state.value} .*{event.value}"):
                    advance(state, event)
    ends = {state for state in DState if not TABLE[state]}
    assert ends == {DState.COMPLETED, DState.ABORTED}
    assert all(TABLE[state][DEvent.ABORT] is DState.ABORTED for state in DState if state not in ends)


def watch(**rules: float) -> StallWatch:
    return StallWatch(RescueThresholds(**rules), 0.0)


def test_a_long_queue_is_named_with_its_figures() -> None:
    seen = watch()
    for second in range(0, 1801, 60):
        seen.observe(second, OriginState.QUEUED, 0)
        assert seen.reason(second) == ""
    assert seen.reason(1801) == "queued for 30 min (more than 30 min)"


def test_a_queue_of_hours_is_named_in_hours() -> None:
    seen = watch(queued_s=4 * 3600)
    for second in range(0, 4 * 3600 + 1, 60):
        seen.observe(second, OriginState.QUEUED, 0)
    assert seen.reason(4 * 3600 + 600) == "queued for 4 h 10 min (more than 4 h)"


def test_a_slow_transfer_is_named_after_five_minutes_below_the_limit() -> None:
    seen = watch()
    total = 0
    for second in range(302):
        total += 5000
        seen.observe(second, OriginState.ACTIVE, total)
        assert seen.reason(second) == ("" if second <= 300 else seen.reason(second))
    assert seen.reason(301) == "5.0 KB/s over the last 60 s, below 10.2 KB/s for 5 min (more than 5 min)"


def test_a_transfer_that_was_slow_for_a_while_only_is_left_alone() -> None:
    seen = watch()
    total = 0
    for second in range(900):
        total += 5000 if second % 300 < 200 else 100_000
        seen.observe(second, OriginState.ACTIVE, total)
        assert seen.reason(second) == ""


def test_silence_is_named_after_two_minutes() -> None:
    seen = watch()
    total = 0
    for second in range(60):
        total += 100_000
        seen.observe(second, OriginState.ACTIVE, total)
    for second in range(60, 181):
        seen.observe(second, OriginState.ACTIVE, total)
        assert (seen.reason(second) == "") == (second - 59 <= 120)
    assert seen.reason(181) == "no byte for 2 min (more than 2 min)"
    seen.observe(182, OriginState.ACTIVE, total + 1)
    assert seen.reason(182) == ""


def test_thresholds_come_from_the_settings() -> None:
    seen = StallWatch(Rescue(no_bytes_s=0.5), 0.0)
    seen.observe(0.0, OriginState.ACTIVE, 0)
    seen.observe(1.0, OriginState.ACTIVE, 0)
    assert seen.reason(1.0) == "no byte for 1 s (more than 0.5 s)"
    seen.restart(1.0)
    assert seen.reason(1.0) == ""


@pytest.mark.parametrize(
    ("origin", "good", "bad", "head", "agree", "allowed", "proof"),
    [
        (None, 0, 0, False, 0, False, Proof.NONE),
        (None, 0, 0, False, 1, False, Proof.NONE),
        (None, 0, 0, False, 2, True, Proof.AGREE),
        (None, 1, 0, False, 0, True, Proof.PREFIX),
        (None, 0, 0, True, 0, True, Proof.HEAD),
        (OriginState.QUEUED, 0, 0, False, 1, True, Proof.NONE),
        (OriginState.ACTIVE, 0, 0, False, 1, True, Proof.NONE),
        (OriginState.QUEUED, 0, 0, False, 2, True, Proof.AGREE),
        (OriginState.ACTIVE, 0, 3, False, 5, False, Proof.NONE),  # what came contradicts it: nobody's word helps
        (OriginState.ACTIVE, 2, 1, False, 1, True, Proof.PREFIX),
        (OriginState.OFFLINE, 0, 0, False, 1, False, Proof.NONE),
        (OriginState.ENDED, 0, 0, False, 1, False, Proof.NONE),
        (OriginState.CONNECTING, 0, 0, False, 1, False, Proof.NONE),
    ],
)
def test_the_guard(origin: OriginState | None, good: int, bad: int, head: bool, agree: int, allowed: bool, proof: Proof) -> None:
    decision = decide(origin, good, bad, head, agree)
    assert (decision.allowed, decision.proof) == (allowed, proof)
    assert decision.words


def test_a_refusal_names_every_missing_proof() -> None:
    words = decide(OriginState.OFFLINE, 0, 0, False, 1).words
    assert "offline" in words and all(f"proof {number}" in words for number in (1, 2, 3)) and "1 of 2 peers" in words


def flac_head(info: bytes, tag: bytes = b"") -> bytes:
    return (tag + b"fLaC\x80\0\0\x22" + info + bytes(LEAF))[:LEAF]


def test_the_head_probe_compares_streaminfo_length_and_first_leaf() -> None:
    info = bytes(range(34))
    head = flac_head(info)
    variant = Variant("f" * 64, "file", 3 * LEAF, "m", streaminfo=info.hex())
    assert streaminfo(head) == info.hex()
    assert head_matches(head, 3 * LEAF, variant, leaf_digest(head))
    assert not head_matches(head, 3 * LEAF + 1, variant, leaf_digest(head))
    assert not head_matches(head, 3 * LEAF, variant, leaf_digest(b"other"))
    assert not head_matches(head[:1000], 3 * LEAF, variant, leaf_digest(head[:1000]))
    assert not head_matches(flac_head(bytes(34)), 3 * LEAF, variant, leaf_digest(flac_head(bytes(34))))


def test_streaminfo_is_found_behind_an_id3_tag_and_nowhere_else() -> None:
    info = bytes(range(34))
    assert streaminfo(flac_head(info, b"ID3\x04\0\0\0\0\0\x05hello")) == info.hex()
    for head in (b"", b"fLaC", b"ID3", b"RIFF" + bytes(100), b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"fLaC\x04\0\0\x22" + bytes(34)):
        assert streaminfo(head) == ""


def test_agreement_needs_recording_size_and_statistics_alike() -> None:
    mine = Variant("a" * 64, "file", 10, "m1", streaminfo="00", duration_ms=5)
    assert agreeing([mine, mine], mine, 10) == 2
    others = [Variant("a" * 64, "file", 10, "m2", streaminfo="00", duration_ms=5), Variant("b" * 64, "file", 10, "m1")]
    assert agreeing([mine, *others], mine, 10) == 1
    assert agreeing([mine], mine, 11) == 0
