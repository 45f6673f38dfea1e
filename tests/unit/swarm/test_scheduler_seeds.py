"""The worst that the simulator found, kept: what happened is the name. Each did not end, or ended wrong, before its cause was mended."""

from __future__ import annotations

import pytest
from sim import START, Sim, SimOrigin, SimPeer
from simworlds import LEAST_WASTE, faults, world

from slskdn_tui.model.variant import LEAF


@pytest.mark.parametrize(
    ("seed", "what"),
    [
        (46, "the slower holder of a part declined for ever in favour of the faster, which lacks the last leaf"),
        (44, "four holders of parts, one of them at reputation 0.2: what only it has was never asked for"),
        (119, "a peer that has half the leaves was waited for by all"),
        (122, "a peer that fails every request was waited for, since it might be asked"),
        (2383, "one leaf at a time on a slow link: its rate was measured half, and the window stayed at one"),
        (2426, "a trusted peer declined in favour of a quick one that may not take what is urgent, and lacks the rest"),
        (245, "an untrusted peer may not, a trusted one declined: nobody asked"),
        (1898, "eleven peers, a hundred leaves: what was in send buffers was moved about until half the file had come twice"),
        (3465, "three peers that never answer passed the last leaf on to each other for ever"),
        (2963, "one of the holders of parts pulses behind a round trip of a second: taken back, asked again, and both copies came"),
    ],
)
def test_a_swarm_that_went_wrong(seed: int, what: str) -> None:
    assert not faults(world(seed)), what


def test_two_dead_peers_do_not_pass_the_only_leaf_on_to_each_other_while_a_living_one_waits() -> None:
    dead = [SimPeer(f"dead{number}", 1e6, 0.01, changes=[(START, 0.0)]) for number in range(3)]
    sim = Sim(LEAF, [*dead, SimPeer("living", 1e6, 0.05)])
    assert sim.run(30) <= 4.0


def test_a_slow_honest_peer_alone_finishes_and_is_not_blamed_for_long() -> None:
    sim = Sim(20 * LEAF, [SimPeer("slow", 15_000, 0.3)], tcp=True)
    assert sim.run(600) <= sim.ideal() * 1.4 + 5
    assert sim.peers["slow"].timeouts <= 8 and sim.peers["slow"].standing.score(0) > 0.7


def test_a_peer_behind_a_round_trip_of_a_second_is_not_taken_for_stalled() -> None:
    sim = Sim(400 * LEAF, [SimPeer("far", 3e6, 1.0, jitter=1.0), SimPeer("near", 1e6, 0.02)], tcp=True)
    sim.run()
    assert sim.peers["far"].timeouts <= 4, "its first round trip may be too long; then it is known"


def test_a_frozen_loop_takes_nothing_back() -> None:
    peers = [SimPeer("a", 2e6, 0.02), SimPeer("b", 5e6, 0.05)]
    sim = Sim(200 * LEAF, peers, freezes=[(START + 0.5, 1.8), (START + 2.6, 2.5)])
    sim.run()
    assert not any(peer.timeouts for peer in peers) and sim.duplicates <= LEAST_WASTE


def test_a_peer_that_lies_once_among_honest_ones_is_the_only_one_out() -> None:
    liar = SimPeer("liar", 5e6, 0.02, wrong=lambda leaf: leaf == 37)
    sim = Sim(64 * LEAF, [liar])
    with pytest.raises(AssertionError):
        sim.run(30)
    assert sim.banned == {"liar"} and sim.pieces.count < 64
    liar = SimPeer("liar", 5e6, 0.02, wrong=lambda leaf: leaf == 37)
    sim = Sim(64 * LEAF, [liar, SimPeer("honest", 1e5, 0.2)])
    sim.run()
    assert sim.banned <= {"liar"}


def test_wrong_leaves_of_the_stream_are_fetched_from_peers() -> None:
    origin = SimOrigin(500_000, wrong=frozenset(range(1, 60, 7)))
    sim = Sim(64 * LEAF, [SimPeer("honest", 2e5, 0.2)], origin=origin)
    sim.run(60)
    assert not sim.banned and sim.duplicates <= LEAST_WASTE
