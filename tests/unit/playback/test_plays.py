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
def test_fifty_plays_at_one_point_six_times_the_bitrate_never_stop() -> None:
    stopped = []
    for seed in range(50):
        one = play(seed, times=1.6)
        one.run()
        if one.buffer.stalls:
            stopped.append(seed)
    assert not stopped
