"""`scheduler:` of a user's configuration reaches the core that decides, and changes what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from slskdn_tui.config.load import load_file
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.swarm.piecemap import PieceMap
from slskdn_tui.engine.swarm.plan.cost import Tunables, cost, with_unknown
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF


def roadmap(throughput: float, errors: float, timeouts: float) -> float:
    """The roadmap's formula to the letter, with its units: bytes/s and shares 0-1."""
    return 1000 / throughput + 0.5 * errors + 0.3 * timeouts


@pytest.mark.parametrize(
    ("rate", "errors", "timeouts", "reputation", "letter", "ours"),
    [
        # 1: in KB/s. In bytes/s speed is lost beside one error in a hundred requests: 20 MB/s and 200 KB/s differ by less.
        (20e6, 0.0, 0.0, 1.0, 0.00005, 0.05),
        (0.2e6, 0.0, 0.0, 1.0, 0.005, 5.0),
        (20e6, 0.1, 0.0, 1.0, 0.05005, 0.1),
        (1e6, 0.0, 0.2, 1.0, 0.061, 1.06),
        # 2: divided by reputation, 2.3's \"down-weight\": half the trust is half the speed.
        (1e6, 0.0, 0.0, 0.5, 0.001, 2.0),
        (2e6, 0.0, 0.0, 0.5, 0.0005, 1.0),
    ],
)
def test_what_was_changed_in_the_roadmaps_cost(
    rate: float, errors: float, timeouts: float, reputation: float, letter: float, ours: float
) -> None:
    assert roadmap(rate, errors, timeouts) == pytest.approx(letter)
    assert cost(rate, errors, timeouts, reputation, Tunables()) == pytest.approx(ours)


def test_to_the_letter_one_error_outweighs_a_hundredfold_speed_and_here_it_does_not() -> None:
    quick, slow = (20e6, 0.1), (0.2e6, 0.0)
    assert roadmap(*quick, 0.0) > roadmap(*slow, 0.0)
    assert cost(*quick, 0.0, 1.0, Tunables()) < cost(*slow, 0.0, 1.0, Tunables())


def test_the_unknown_stands_between_the_known_and_to_the_letter_would_never_be_asked() -> None:
    # 3: 1000 / 0 is infinite: a peer that was never asked would never be.
    with pytest.raises(ZeroDivisionError):
        roadmap(0.0, 0.0, 0.0)
    known = {name: cost(rate, 0.0, 0.0, 1.0, Tunables()) for name, rate in {"a": 20e6, "b": 5e6, "c": 0.2e6}.items()}
    costs = with_unknown({**known, "new": None})
    assert costs["a"] < costs["new"] == costs["b"] < costs["c"]


def configured(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "config.yaml").write_text(text)
    return load_file(tmp_path / "config.yaml", {})


def swarm(settings: Settings) -> Scheduler:
    scheduler = Scheduler(PieceMap(400 * LEAF, digests=True), settings.scheduler)
    for node, rate, outcomes in (("quick", 4e6, ["timeout"] * 5), ("steady", 1e6, [])):
        lane = scheduler.add(node, PeerLimits(), 1.0, 0.0)
        lane.metrics.arrived(1.0, int(rate), 0.0)
        for outcome in outcomes:
            lane.metrics.chunk(outcome)
    return scheduler


def test_weights_of_the_configuration_decide_who_is_asked_for_what_is_urgent(tmp_path: Path) -> None:
    usual = swarm(configured(tmp_path, ""))
    asked = {node: {order.inputs.chunk_class for order in usual.fill(node, 1.0).orders if order.inputs} for node in ("steady", "quick")}
    assert "urgent" in asked["quick"] and "urgent" not in asked["steady"]
    strict = swarm(configured(tmp_path, "scheduler: {alpha: 100, beta: 2, gamma: 9}\n"))
    assert strict.costs() == {"quick": pytest.approx(100 / 4000 + 9 * 0.5), "steady": pytest.approx(0.1)}
    asked = {node: {order.inputs.chunk_class for order in strict.fill(node, 1.0).orders if order.inputs} for node in ("steady", "quick")}
    assert "urgent" in asked["steady"] and "urgent" not in asked["quick"]


def test_rebalance_chunks_of_the_configuration_is_when_peers_are_compared(tmp_path: Path) -> None:
    def chunks_until_compared(settings: Settings) -> int:
        scheduler = Scheduler(PieceMap(400 * LEAF, digests=True), settings.scheduler)
        scheduler.add("only", PeerLimits(), 1.0, 0.0)
        compared: list[int] = []
        scheduler._rebalance = lambda now, step: compared.append(1)  # type: ignore[method-assign]
        now, delivered = 0.0, 0
        while not compared:
            scheduler.fill("only", now)
            now += 0.05
            ask = scheduler.lanes["only"].asks[0]
            for leaf in sorted(ask.left):
                scheduler.delivered("only", leaf, LEAF, 2, now)
            delivered += 1
            scheduler.tick(now)
        return delivered

    assert chunks_until_compared(configured(tmp_path, "")) == 10
    assert chunks_until_compared(configured(tmp_path, "scheduler: {rebalance_chunks: 3}\n")) == 3
