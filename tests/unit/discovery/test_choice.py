"""Which variant is the canonical one, by what was measured here and what known peers say."""

from __future__ import annotations

from slskdn_tui.engine.discovery.choice import Own, choose
from slskdn_tui.model.aggregates import CanonicalStats, VariantStats
from slskdn_tui.model.text import SafeText


def stats(*variants: VariantStats) -> CanonicalStats:
    return CanonicalStats("rec", "FLAC", 9, 0, 0.9, 0.0, None, SafeText(""), variants)


def told(name: str, peers: int, score: float | None, length: int, strangers: int = 0) -> VariantStats:
    return VariantStats(name, length, 200_000, peers, strangers, score, 0.0)


def test_of_variants_about_as_good_the_one_most_peers_have_is_canonical_and_says_so() -> None:
    best, *_ = choose(stats(told("few", 3, 0.96, 10), told("many", 80, 0.94, 20), told("poor", 90, 0.3, 30)))
    assert (best.variant_id, best.canonical, best.badge) == ("many", True, "canonical 0.94, 80 peers agree")


def test_what_was_decoded_here_corrects_what_peers_say_and_what_only_this_node_has_gets_no_badge() -> None:
    praised = told("fake", 4, 0.95, 10)
    best, other = choose(stats(praised), (Own("", 10, 0.05), Own("mine", 20, 0.8)))
    assert best.variant_id == "mine" and best.own and best.badge == "" and other.score < 0.5 and other.own


def test_strangers_alone_choose_nothing() -> None:
    assert choose(stats(told("loud", 0, 1.0, 10, strangers=500))) == ()
