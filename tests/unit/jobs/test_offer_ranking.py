"""In which order mesh peers' offers are tried."""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.engine.jobs.track.ranking import Standing, rank
from slskdn_tui.model.variant import Variant


@dataclass
class Peer:
    node_id: str

    def holds(self, variant_id: str) -> bool:
        return True


def test_a_variant_known_to_be_better_goes_before_one_that_more_peers_have_and_claims_count_for_nothing() -> None:
    common, better, boast = (
        Variant(name, "file", 1000, "rec", "FLAC", score=score) for name, score in (("c", 0.5), ("b", 0.5), ("x", 1.0))
    )
    offers = [(Peer("1"), [common]), (Peer("2"), [common]), (Peer("3"), [better]), (Peer("4"), [boast])]

    def order(told: dict[str, float]) -> list[str]:
        return [variants[0].variant_id for _, variants in rank(offers, lambda node: Standing(), told=told)]  # type: ignore[arg-type]

    assert order({}) == ["c", "c", "x", "b"]
    assert order({"b": 0.9, "c": 0.5}) == ["b", "c", "c", "x"]
    assert order({"c": 0.1})[-2:] == ["c", "c"]
