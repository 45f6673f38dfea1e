"""The scheduler over simulated links, seed by seed: it finishes, wastes little, blames nobody honest. One failing seed replays exactly.

`SLSKDN_NIGHTLY=1` (`just nightly`) goes through ten thousand seeds more; `tests/bench/swarms.py` measures them."""

from __future__ import annotations

import os

import pytest
from first_come import FirstCome
from sim import Sim, SimPeer
from simworlds import survey

from slskdn_tui.engine.swarm.piecemap import PieceMap
from slskdn_tui.engine.swarm.plan import picking
from slskdn_tui.engine.swarm.plan.finish import shorten
from slskdn_tui.engine.swarm.plan.lanes import Lane
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.plan.steps import Step

MIB = 1024 * 1024


class NoTakeBack(Scheduler):
    """Waits for the silent."""

    def _take_back(self, lane: Lane, now: float, step: Step) -> None:
        pass


class NoEndGame(Scheduler):
    """Asks nobody else for what is on its way."""

    def _end_game(self, lane: Lane, now: float, step: Step) -> bool:
        return False


def links(**changed: dict[str, object]) -> list[SimPeer]:
    """The five shaped links of the bench: 20/10/5/1/0.2 MB/s at 10 to 200 ms."""
    plain = {"p1": (19.3e6, 0.01), "p2": (9.65e6, 0.03), "p3": (4.93e6, 0.06), "p4": (0.965e6, 0.12), "p5": (0.195e6, 0.2)}
    return [SimPeer(name, *speed, **changed.get(name, {})) for name, speed in plain.items()]  # type: ignore[arg-type]


@pytest.mark.parametrize("block", range(4))
def test_every_swarm_that_can_finish_does_and_every_liar_is_found(block: int) -> None:
    found = survey(range(block * 40, block * 40 + 40))
    assert not found.verdict()
    assert found.liars


def test_whose_finishing_time_is_not_looked_at_would_have_been_asked_for_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """`near_end` spares a look: whoever of the others helps, the look would have changed nothing."""
    real, spared = picking.near_end, [0]

    def watched(lane: Lane, others: list[Lane], pieces: PieceMap, most: int, now: float) -> bool:
        if near := real(lane, others, pieces, most, now):
            return near
        spared[0] += 1
        assert all(shorten(lane, some, pieces, most, now) == most for some in (others, others[:1], others[1:]))
        return near

    monkeypatch.setattr(picking, "near_end", watched)
    assert not survey(range(300, 360)).verdict()
    assert spared[0] > 1000


@pytest.mark.slow
@pytest.mark.parametrize("block", range(50 if os.environ.get("SLSKDN_NIGHTLY") else 10))
def test_two_thousand_more_swarms_and_by_night_ten(block: int) -> None:
    assert not survey(range(1000 + block * 200, 1200 + block * 200)).verdict()


@pytest.mark.parametrize(
    ("without", "noticed"),
    [(NoTakeBack, "at a peer that sent nothing"), (NoEndGame, "the last leaf is waited for")],
    ids=["take-back", "end game"],
)
def test_the_check_fails_without(without: type[Scheduler], noticed: str) -> None:
    assert any(noticed in fault for fault in survey(range(20, 70), without).verdict())


def test_the_check_fails_without_bans() -> None:
    assert any("sent wrong leaves and stayed" in fault for fault in survey(range(25), bans=False).verdict())


def test_first_come_assignment_takes_longer() -> None:
    ours, theirs = survey(range(25)).times, survey(range(25), FirstCome).times
    assert sum(theirs.values()) > 1.5 * sum(ours.values())


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
