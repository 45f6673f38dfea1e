"""Whose word moves a consensus, and how far: known nodes by reputation and age, one voice a network, strangers next to nothing."""

from __future__ import annotations

import random

import pytest

from slskdn_tui.engine.discovery.weigh import HALF_LIFE_S, STRANGERS, Opinion, Speaker, Standing, canonical, mean, weigh
from slskdn_tui.engine.peers.addresses import network_of

GOOD, FAKE = "a" * 64, "f" * 64


def trust(node: str) -> Standing:
    return {"k": Standing(True), "s": Standing(), "b": Standing(True, 0.0), "h": Standing(True, 0.5)}[node[0]]


def speaker(node: str, network: str = "", age_s: float = 0.0) -> Speaker:
    return Speaker(node, network or node, age_s)


def says(who: Speaker, score: float | None, suspect: bool = False, variant: str = GOOD) -> Opinion:
    return Opinion(who, variant, 1000, 200_000, score, suspect, 11.0, "libFLAC 1.4.3")


def test_a_network_is_a_slash_24_or_a_slash_48() -> None:
    assert network_of("127.1.7.200") == network_of("127.1.7.1") == "127.1.7.0/24" != network_of("127.1.8.1")
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:ffff::2") != network_of("2001:db8:2::1")
    assert network_of("::ffff:127.1.7.1") == "127.1.7.0/24"
    assert network_of("anna.example") == "anna.example"


def test_a_known_node_weighs_its_reputation_and_half_after_two_weeks() -> None:
    voices = weigh([speaker("k1"), speaker("h1"), speaker("k2", age_s=HALF_LIFE_S), speaker("b1")], trust)
    assert voices.weight == pytest.approx({"k1": 1.0, "h1": 0.5, "k2": 0.5})
    assert (voices.peers, voices.strangers) == (3, 0)


def test_one_network_has_one_voice_however_many_nodes_are_in_it() -> None:
    voices = weigh([speaker(f"k{n}", "127.1.1.0/24") for n in range(50)] + [speaker("kk")], trust)
    assert sum(weight for node, weight in voices.weight.items() if node != "kk") == pytest.approx(1.0)
    assert (voices.peers, voices.weight["kk"]) == (2, 1.0)


def test_who_was_met_itself_speaks_from_there_whoever_passed_its_words_on() -> None:
    met = {"k1": Standing(True, network="net 1"), "k2": Standing(True, network="net 2")}
    assert weigh([speaker("k1", "relay"), speaker("k2", "relay")], met.__getitem__).peers == 2


def test_strangers_in_the_network_of_a_known_node_have_no_voice_beside_it() -> None:
    voices = weigh([speaker("k1", "net"), *(speaker(f"s{n}", "net") for n in range(9))], trust)
    assert set(voices.weight) == {"k1"} and voices.strangers == 0


def test_while_only_strangers_speak_they_are_counted_as_strangers() -> None:
    stats = canonical("rec", "FLAC", [says(speaker(f"s{n}"), 0.5) for n in range(3)], trust)
    assert (stats.peers, stats.strangers, stats.score) == (0, 3, pytest.approx(0.5))
    assert stats.badge(GOOD) == ""


@pytest.mark.parametrize(("honest", "lie"), [(0.94, 0.0), (0.3, 1.0), (0.5, 0.0)])
@pytest.mark.parametrize("liars", [4, 1000])
def test_lying_strangers_move_a_mean_by_less_than_5_percent_however_many_they_are(honest: float, lie: float, liars: int) -> None:
    fair = [says(speaker(f"k{n}"), honest) for n in range(16)]
    lies = [says(speaker(f"s{n}"), lie, suspect=True) for n in range(liars)]
    stats = canonical("rec", "FLAC", fair + lies, trust)
    assert stats.peers == 16 and stats.score == pytest.approx(honest, rel=0.05) and stats.suspected is not None and stats.suspected < 0.05
    assert stats.score != honest, "strangers count little, not nothing"
    assert canonical("rec", "FLAC", fair, trust).score == pytest.approx(honest)


def test_liars_cannot_make_another_variant_the_canonical_one_or_claim_its_size() -> None:
    fair = [says(speaker(f"k{n}"), 0.9) for n in range(3)]
    lies = [says(speaker(f"s{n}"), 1.0, variant=FAKE) for n in range(100)]
    sizes = [Opinion(speaker(f"sz{n}"), GOOD, 7, 1) for n in range(100)]
    stats = canonical("rec", "FLAC", lies + sizes + fair, trust)
    assert [one.variant_id for one in stats.variants] == [GOOD, FAKE]
    assert (stats.variants[0].length, stats.variants[0].duration_ms) == (1000, 200_000)
    assert stats.badge(GOOD) == "canonical 0.90, 3 peers agree" and stats.badge(FAKE) == ""


def test_a_node_with_many_variants_has_one_voice() -> None:
    many = [says(speaker("k1"), 0.0, variant=f"{n:064x}") for n in range(30)]
    assert canonical("rec", "FLAC", [*many, says(speaker("k2"), 1.0)], trust).score == pytest.approx(0.5)


def test_what_nobody_says_is_none() -> None:
    stats = canonical("rec", "FLAC", [Opinion(speaker("k1"), GOOD, 1000)], trust)
    assert (stats.score, stats.suspected, stats.dynamic_range, stats.encoder) == (None, None, None, "")
    assert stats.badge(GOOD) == "" and mean([("k1", None)], {"k1": 1.0}) is None
    assert canonical("rec", "FLAC", [], trust).variants == ()


@pytest.mark.parametrize("seed", range(5))
def test_in_a_mesh_of_hundreds_no_mix_of_strangers_and_crowded_networks_moves_the_rest(seed: int) -> None:
    chance = random.Random(seed)
    fair = [says(speaker(f"k{n}", f"net {n}", chance.uniform(0, HALF_LIFE_S)), chance.uniform(0.6, 0.99)) for n in range(200)]
    crowd = [says(speaker(f"kc{n}", "one net"), 0.0) for n in range(300)]  # delivered bytes, all from one network
    lies = [says(speaker(f"s{n}", f"far {chance.randrange(500)}"), chance.choice((0.0, 1.0)), True, FAKE) for n in range(2000)]
    everything = fair + crowd + lies
    chance.shuffle(everything)
    alone, moved = canonical("rec", "FLAC", fair, trust), canonical("rec", "FLAC", everything, trust)
    assert alone.score and moved.score == pytest.approx(alone.score, rel=0.05) and moved.peers == 201
    assert STRANGERS <= 0.05 and moved.variants[0].variant_id == GOOD
