"""The scheduler over simulated links, seed by seed: it finishes, wastes little, blames nobody honest. One failing seed replays exactly."""

from __future__ import annotations

import random

import pytest
from sim import Sim, SimPeer

from slskdn_tui.model.variant import LEAF

MIB = 1024 * 1024
LEAST_WASTE = 16 * LEAF
"""In a file of a few MiB the first requests to peers yet unknown, and races at the end, are more than 3 %."""


def links(**changed: dict[str, object]) -> list[SimPeer]:
    """The five shaped links of the bench: 20/10/5/1/0.2 MB/s at 10 to 200 ms."""
    plain = {"p1": (19.3e6, 0.01), "p2": (9.65e6, 0.03), "p3": (4.93e6, 0.06), "p4": (0.965e6, 0.12), "p5": (0.195e6, 0.2)}
    return [SimPeer(name, *speed, **changed.get(name, {})) for name, speed in plain.items()]  # type: ignore[arg-type]


def some_world(seed: int) -> tuple[Sim, set[str]]:
    """A random world with at least one honest peer that lives; and who lies in it."""
    chance = random.Random(seed)
    peers = [SimPeer("steady", 10 ** chance.uniform(4.7, 7), chance.uniform(0.005, 0.3), jitter=chance.choice([0.0, 0.5]))]
    for number in range(chance.randint(1, 7)):
        peer = SimPeer(f"peer{number}", 10 ** chance.uniform(4.3, 7.3), chance.uniform(0.002, 0.4), jitter=chance.choice([0.0, 0.3, 1.0]))
        fate = chance.choice(["good", "good", "stalls", "returns", "fades", "lies"])
        when = 100 + chance.uniform(0, 5)
        if fate == "stalls":
            peer.changes = [(when, 0.0)]
        elif fate == "returns":
            peer.changes = [(when, 0.0), (when + chance.uniform(0.5, 8), peer.rate)]
        elif fate == "fades":
            peer.changes = [(when, peer.rate / chance.uniform(3, 40))]
        peer.lies = fate == "lies"
        peers.append(peer)
    size = chance.choice([1, 3 * LEAF + 1, 2 * MIB, 8 * MIB, 32 * MIB, 64 * MIB - 5])
    return Sim(size, peers, seed), {peer.name for peer in peers if peer.lies}


@pytest.mark.parametrize("block", range(8))
def test_every_world_is_finished_with_little_waste(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        sim, liars = some_world(seed)
        took = sim.run(limit=3000)
        assert sim.banned <= liars, f"seed {seed}: an honest peer was banned"
        allowed = max(LEAST_WASTE, int(sim.pieces.size * 0.03))
        assert sim.scheduler.duplicate_bytes <= allowed, (
            f"seed {seed}: {sim.scheduler.duplicate_bytes} duplicate bytes of {sim.pieces.size}"
        )
        for peer in sim.peers.values():  # what a link could do before it broke is no promise
            if peer.changes:
                peer.changes = [(100.0, 0.0), *peer.changes]
        ideal = sim.ideal()
        assert took <= ideal * 1.5 + 6, f"seed {seed}: {took:.1f} s where {ideal:.1f} were possible"


@pytest.mark.parametrize(
    ("scenario", "changed"),
    [
        ("all good", {}),
        ("the second stalls", {"p2": {"changes": [(103.0, 0.0)]}}),
        ("one lies", {"p3": {"lies": True}}),
        ("one stalls, one lies", {"p2": {"changes": [(103.0, 0.0)]}, "p3": {"lies": True}}),
        ("the fastest fades", {"p1": {"changes": [(103.0, 0.5e6)]}}),
    ],
)
def test_the_bench_links_are_used_to_a_tenth_of_the_possible(scenario: str, changed: dict[str, dict[str, object]]) -> None:
    sim = Sim(256 * MIB, links(**changed))
    assert sim.run() <= sim.ideal() * 1.1
    assert sim.scheduler.duplicate_bytes <= 0.03 * sim.pieces.size
    assert sim.banned == {name for name, change in changed.items() if change.get("lies")}


def test_a_stalled_peer_gives_everything_back_at_once_and_is_tried_again() -> None:
    returning = SimPeer("returns", 5e6, 0.02, changes=[(101.0, 0.0), (104.0, 5e6)])
    sim = Sim(64 * MIB, [returning, SimPeer("steady", 2e6, 0.02)])
    sim.run()
    before = int(5e6)
    assert returning.delivered > 2 * before, "it delivered again after it came back"


def test_the_cap_on_overlay_download_holds() -> None:
    sim = Sim(8 * MIB, [SimPeer("fast", 50e6, 0.01), SimPeer("other", 50e6, 0.01)], rate_cap=1_000_000)
    took = sim.run()
    assert took >= 8 * MIB / 1e6 * 0.85


def test_windows_stay_within_what_a_peer_allows() -> None:
    sim = Sim(256 * MIB, [SimPeer("fat", 500e6, 0.2)])
    sim.run()
    assert sim.most_outstanding <= 16 * MIB
