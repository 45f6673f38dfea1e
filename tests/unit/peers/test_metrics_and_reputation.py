"""A peer's figures and what they are worth: the roadmap's reputation with its denominators, and the rates the scheduler reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.peers.metrics import PeerMetrics, RateWindow
from slskdn_tui.engine.peers.reputation import DAY_S, ChunkOutcome, Standing, avoided, reputation, trusted

KB = 1000


def after(letters: str, when: float = 0.0) -> Standing:
    standing = Standing()
    for letter in letters:
        standing = standing.after(ChunkOutcome(letter), when)
    return standing


@pytest.mark.parametrize(
    ("letters", "score"),
    [
        ("", 1.0),
        ("o" * 50, 1.0),
        ("c" * 200, 0.3),  # everything received was wrong: 1 - (0.5 + 0.2)
        ("t" * 200, 0.5),  # everything timed out: 1 - (0.3 + 0.2)
        ("e" * 200, 0.8),
        ("c", 1 - (0.5 + 0.2) / 10),  # of fewer than ten the missing ones count as good
        ("t" * 5, 1 - 0.5 * (0.3 + 0.2)),
        ("o" * 90 + "c" * 10, 1 - (0.5 * 0.1 + 0.2 * 0.1)),
        ("t" * 100 + "c" * 100, 1 - (0.3 * 0.5 + 0.5 * 1.0 + 0.2 * 1.0)),  # corruption over what was received
    ],
)
def test_reputation_follows_the_formula(letters: str, score: float) -> None:
    assert after(letters).score(0.0) == pytest.approx(score)


def test_only_the_last_200_requests_count() -> None:
    assert after("c" * 300 + "o" * 200).score(0.0) == 1.0
    assert len(after("o" * 500).outcomes) == 200


def test_seven_idle_days_halve_the_distance_to_one() -> None:
    standing = after("c" * 200, when=1000.0)
    assert standing.score(1000.0) == pytest.approx(0.3)
    assert standing.score(1000.0 + 7 * DAY_S) == pytest.approx(0.65)
    assert standing.score(1000.0 + 14 * DAY_S) == pytest.approx(0.825)
    assert standing.score(0.0) == pytest.approx(0.3), "a clock set back does not heal"


def test_a_pure_liar_is_avoided_in_spite_of_rounding() -> None:
    for count in range(10, 201):
        assert avoided(after("c" * count).score(0.0)), count
    assert not avoided(after("t" * 200).score(0.0))
    assert trusted(0.7) and not trusted(0.69)


@given(st.text("otec", max_size=250), st.floats(0, 1e9))
def test_reputation_stays_between_nothing_and_one(letters: str, when: float) -> None:
    assert 0.0 - 1e-9 <= after(letters).score(when) <= 1.0
    assert reputation(1.0, 1.0, 1.0) >= 0.0 - 1e-9


def test_throughput_is_measured_over_busy_time_only() -> None:
    metrics = PeerMetrics()
    now = 10.0
    for _ in range(20):
        now += 0.1
        metrics.arrived(now, 100 * KB, now - 0.1)
    now += 60.0  # nothing was asked
    for _ in range(3):
        now += 0.1
        metrics.arrived(now, 100 * KB, now - 0.1)
    assert metrics.throughput_avg == pytest.approx(1e6, rel=0.05)
    assert metrics.bytes == 2300 * KB


def test_throughput_follows_a_fading_link_within_a_second() -> None:
    metrics = PeerMetrics()
    now = 0.0
    for _ in range(100):
        now += 0.01
        metrics.arrived(now, 100 * KB, 0.0)
    assert metrics.throughput_avg == pytest.approx(10e6, rel=0.1)
    for _ in range(11):
        now += 0.1
        metrics.arrived(now, 10 * KB, 0.0)
    assert metrics.throughput_avg is not None and metrics.throughput_avg < 0.2e6


def test_unknown_is_none_and_a_silence_starts_afresh() -> None:
    metrics = PeerMetrics()
    assert metrics.throughput_avg is None and metrics.rtt_avg is None and not metrics.known
    metrics.arrived(1.0, 64 * KB, 0.5)
    metrics.restart(20.0, 64 * KB, 0.5)
    assert metrics.throughput_avg == pytest.approx(128 * KB)


def test_the_base_rtt_is_the_least_on_an_idle_link() -> None:
    metrics = PeerMetrics()
    for seconds, idle in ((0.2, True), (0.9, False), (0.05, False), (0.1, True), (0.4, True)):
        metrics.answered(seconds, idle)
    assert metrics.rtt_base == 0.1
    assert 0.1 < (metrics.rtt_avg or 0) < 0.5


def test_error_and_timeout_rates_forgive_the_first_mishap() -> None:
    metrics = PeerMetrics()
    metrics.chunk("timeout")
    assert metrics.timeout_rate == pytest.approx(0.1) and metrics.error_rate == 0.0
    for outcome in ["ok"] * 18 + ["error"]:
        metrics.chunk(outcome)
    assert (metrics.timeout_rate, metrics.error_rate) == (pytest.approx(0.05), pytest.approx(0.05))


def test_a_source_that_stops_shows_no_speed() -> None:
    window = RateWindow(0.0, seconds=5.0)
    for tick in range(100):
        window.add(tick / 10, 50 * KB)
    assert window.rate(10.0) == pytest.approx(500 * KB, rel=0.1)
    assert window.rate(16.0) == 0.0 and window.total == 5000 * KB
