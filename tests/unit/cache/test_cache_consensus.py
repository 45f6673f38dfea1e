"""Which fetched copies are kept for others."""

from __future__ import annotations

from slskdn_tui.engine.cache.consensus import Sound, better, judge
from slskdn_tui.model.aggregates import CanonicalStats, VariantChoice, VariantStats
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

OWN = Variant("a" * 64, "file", 1000, "5b11f4ce-a62d-471e-81fc-a69a8278c7da", duration_ms=180_000)


def said(*variants: VariantStats) -> CanonicalStats:
    return CanonicalStats(OWN.recording_mbid, "FLAC", 3, 0, None, None, None, SafeText(""), variants)


def copy(name: str, peers: int, duration_ms: int = 180_000, suspected: float | None = None) -> VariantStats:
    return VariantStats(name * 64, 1000, duration_ms, peers, 0, 0.9, suspected)


def test_a_copy_that_nobody_else_has_is_kept() -> None:
    assert judge(OWN, 181_000, None).kept
    assert judge(OWN, None, said(copy("b", 5))).kept


def test_a_copy_of_another_length_than_musicbrainz_says_is_not_kept() -> None:
    verdict = judge(OWN, 190_000, None)
    assert (verdict.kept, verdict.words) == (False, "it lasts 3:00, and MusicBrainz says 3:10")


def test_a_copy_of_another_length_than_that_of_two_known_peers_is_not_kept() -> None:
    assert not judge(OWN, None, said(copy("b", 2, 200_000))).kept
    assert judge(OWN, None, said(copy("b", 1, 200_000))).kept


def test_a_copy_that_two_known_peers_suspect_is_not_kept() -> None:
    assert not judge(OWN, 180_000, said(copy("a", 2, suspected=0.5))).kept
    assert judge(OWN, 180_000, said(copy("a", 1, suspected=1.0))).kept


def test_a_copy_that_others_have_says_so() -> None:
    assert judge(OWN, 180_000, said(copy("a", 3, suspected=0.0))).words == "the same copy as 3 peers"


def test_a_copy_with_other_tags_is_judged_by_what_is_said_of_its_audio() -> None:
    assert judge(OWN, 180_000, said(copy("c", 3, suspected=0.0)), "c" * 64).words == "the same audio as 3 peers"
    assert not judge(OWN, 180_000, said(copy("c", 2, suspected=1.0)), "c" * 64).kept


def choice(name: str, peers: int, score: float = 0.9, *, canonical: bool = True, profile: str = "FLAC") -> VariantChoice:
    return VariantChoice(OWN.recording_mbid, profile, name * 64, 1000, score, peers, False, canonical)


def test_a_copy_that_two_known_peers_agree_on_is_better_than_one_that_nobody_scores() -> None:
    held = {"a" * 64, "c" * 64}
    assert better(held, "FLAC", [choice("b", 2)]) == choice("b", 2)
    assert better(held, "FLAC", [choice("b", 1)]) is None, "one voice may be wrong"
    assert better(held, "FLAC", [choice("b", 9, profile="MP3 320")]) is None
    assert better(held, "FLAC", [choice("b", 9, canonical=False)]) is None


def test_the_copy_held_is_not_replaced_by_itself_its_audio_or_one_that_is_alike() -> None:
    held = {"a" * 64, "c" * 64}
    assert better(held, "FLAC", [choice("a", 9)]) is None and better(held, "FLAC", [choice("c", 9)]) is None
    assert better(held, "FLAC", [choice("b", 9, 0.90), choice("a", 1, 0.86, canonical=False)]) is None
    assert better(held, "FLAC", [choice("b", 9, 0.90), choice("a", 1, 0.80, canonical=False)]) == choice("b", 9)


def test_a_copy_that_acoustid_takes_for_another_recording_is_not_kept_whatever_the_mesh_says() -> None:
    other = Sound(same=False, words="Tide 5b11f4ce, by its sound (score 0.98)")
    verdict = judge(OWN, 180_000, said(copy("a", 9)), sound=other)
    assert (verdict.kept, verdict.words) == (False, "it is Tide 5b11f4ce, by its sound (score 0.98)")
    assert "AcoustID" not in judge(OWN, 180_000, said(copy("a", 9))).words
    assert "AcoustID knows its sound" in judge(OWN, 180_000, said(copy("a", 9)), sound=Sound(same=True, words="")).words
    assert not judge(OWN, 190_000, None, sound=Sound(same=True, words="")).kept, "the rest is still looked at"
