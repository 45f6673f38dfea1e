"""Whole plays on a virtual clock: how soon sound starts, whether it stops, and how soon it goes on after a seek."""

from __future__ import annotations

import pytest

from tests.unit.playback.plays import BITRATE, Play, play
from tests.unit.swarm.sim import SimPeer


def test_sound_starts_within_a_second_at_two_and_a_half_times_the_bitrate() -> None:
    one = Play(60.0, [SimPeer("a", 2.5 * BITRATE, 0.02)], 1)
    one.run()
    assert one.started is not None and one.started <= 1.0
    assert not one.buffer.stalls


def test_without_windows_the_same_swarm_starts_much_later() -> None:
    peers = [2.5 * BITRATE / 3] * 3
    with_windows = Play(60.0, [SimPeer(f"p{at}", rate, 0.05) for at, rate in enumerate(peers)], 1)
    without = Play(60.0, [SimPeer(f"p{at}", rate, 0.05) for at, rate in enumerate(peers)], 1, windows=False)
    with_windows.run()
    without.run()
    assert with_windows.started is not None and without.started is not None
    assert with_windows.started < without.started


def test_a_seek_goes_on_within_seconds() -> None:
    one = Play(180.0, [SimPeer(f"p{at}", 0.8 * BITRATE, 0.05) for at in range(3)], 3, seek=(10.0, 120.0))
    one.run()
    assert one.resumed is not None and one.resumed < 5.0, one.resumed
    assert not one.buffer.stalls


@pytest.mark.parametrize("seed", range(4))
def test_plays_at_more_than_they_need_never_stop(seed: int) -> None:
    one = play(seed, times=1.8)
    one.run()
    assert not one.buffer.stalls and one.started is not None and one.started < 6.0


@pytest.mark.slow
@pytest.mark.parametrize("first", (0, 100))
def test_at_one_point_three_times_the_bitrate_one_play_of_a_hundred_stops_at_most(first: int) -> None:
    plays = [play(seed, times=1.3) for seed in range(first, first + 100)]
    for one in plays:
        one.run()
    stopped = [first + at for at, one in enumerate(plays) if one.buffer.stalls]
    assert len(stopped) <= 1, stopped
    assert sum(one.duplicates for one in plays) < 0.03 * sum(one.pieces.size for one in plays)


@pytest.mark.slow
@pytest.mark.parametrize(("jitter", "dies"), ((0.5, False), (0.0, True)), ids=("leaves jitter", "a connection breaks"))
def test_a_jittering_line_or_a_peer_whose_connection_breaks_stops_one_play_of_fifty_at_most(jitter: float, dies: bool) -> None:
    """The others still bring 1.3 times the bitrate. A peer that falls silent for ever is dearer: docs/playback.md has the figures."""
    plays = [play(seed, times=1.3, jitter=jitter, dies=dies) for seed in range(1, 100, 2)]
    for one in plays:
        one.run()
    stopped = [1 + 2 * at for at, one in enumerate(plays) if one.buffer.stalls]
    assert len(stopped) <= 1, stopped
    assert sum(one.duplicates for one in plays) < 0.03 * sum(one.pieces.size for one in plays)
