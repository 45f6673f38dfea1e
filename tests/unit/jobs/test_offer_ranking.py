"""In which order mesh peers' offers are tried."""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.engine.jobs.track.ranking import Standing, rank
from slskdn_tui.engine.overlay.messages import OfferedTrack
from slskdn_tui.model.variant import Variant

RECORDING = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"


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


def test_an_offer_without_a_score_stands_between_like_ones_that_claim_more_and_less() -> None:
    def offered(name: str, score: float | None) -> Variant:
        sent = OfferedTrack.of(Variant(name * 64, "file", 1000, RECORDING, "FLAC", score=score)).plain(defaults=False)
        assert ("quality_score" in sent) is (score is not None)
        return OfferedTrack.read(sent).variant()

    offers = [(Peer(name), [offered(name, score)]) for name, score in (("a", 0.4), ("b", None), ("c", 0.6))]
    assert offers[1][1][0].score is None
    assert [peer.node_id for peer, _ in rank(offers, lambda node: Standing())] == ["c", "b", "a"]  # type: ignore[arg-type]
