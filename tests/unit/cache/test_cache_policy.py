"""What the warm cache takes and lets go, by its rules alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.cache.policy import (
    DAY_S,
    FRESH_S,
    Asked,
    Held,
    Order,
    Rules,
    expected_bytes,
    outdated,
    room_for,
    surplus,
    worth_fetching,
)

NOW = 1_000_000_000.0
OLD = NOW - 10 * DAY_S
RULES = Rules(100, 10)
LRU = Rules(100, 10, "lru")


def test_only_what_enough_peers_want_is_fetched_the_most_wanted_first() -> None:
    wanted = [Asked("few", 9), Asked("ten", 10), Asked("many", 40), Asked("here", 50), Asked("tried", 60)]
    assert [one.recording for one in worth_fetching(wanted, {"here"}, {"tried"}, RULES)] == ["many", "ten"]


def test_a_pin_is_fetched_first_and_whatever_others_want() -> None:
    assert [one.recording for one in worth_fetching([Asked("many", 40), Asked("pin", 0, pinned=True)], (), (), RULES)] == ["pin", "many"]


def test_the_least_popular_goes_first_and_among_equals_the_one_unused_for_longest() -> None:
    held = [Held("popular", 40, OLD, 90), Held("late", 40, OLD + 5, 3), Held("early", 40, OLD, 3)]
    assert surplus(held, RULES) == ["early"]
    assert surplus(held, Rules(70, 10)) == ["early", "late"]


def test_by_lru_the_one_unused_for_longest_goes_first_however_popular() -> None:
    held = [Held("popular", 60, OLD, 90), Held("late", 60, OLD + 5, 3)]
    assert surplus(held, LRU) == ["popular"]


def test_a_pin_and_a_file_being_sent_stay_even_above_the_limit() -> None:
    held = [Held("pin", 80, OLD, 0, pinned=True), Held("sent", 80, OLD, 0, serving=True), Held("other", 30, OLD, 99)]
    assert surplus(held, RULES) == ["other"]
    assert room_for(Asked("new", 99, pinned=True), 10, held, RULES, NOW) is None


def test_room_is_made_from_what_fewer_want_and_from_nothing_else() -> None:
    held = [Held("less", 50, OLD, 5), Held("as much", 50, OLD, 20)]
    assert room_for(Asked("new", 20), 40, held, RULES, NOW) == ["less"]
    assert room_for(Asked("new", 20), 60, held, RULES, NOW) is None
    assert room_for(Asked("new", 21), 60, held, RULES, NOW) == ["less", "as much"]
    assert room_for(Asked("new", 20), 0, held, RULES, NOW) == []


@pytest.mark.parametrize("rules", [RULES, LRU])
def test_what_was_sent_within_the_hour_makes_no_room_but_for_a_pin(rules: Rules) -> None:
    held = [Held("fresh", 100, NOW - FRESH_S / 2, 1)]
    assert room_for(Asked("new", 50), 10, held, rules, NOW) is None
    assert room_for(Asked("new", 0, pinned=True), 10, held, rules, NOW) == ["fresh"]


def test_a_file_larger_than_the_cache_never_fits() -> None:
    assert room_for(Asked("new", 50), 101, [], RULES, NOW) is None


def test_the_unpopular_goes_after_ninety_days_the_popular_and_the_pinned_stay() -> None:
    long_ago = NOW - 91 * DAY_S
    held = [
        Held("dull", 1, long_ago, 9),
        Held("popular", 1, long_ago, 10),
        Held("pin", 1, long_ago, 0, pinned=True),
        Held("young", 1, OLD, 0),
    ]
    assert outdated(held, RULES, NOW) == ["dull"]
    assert outdated(held, RULES, NOW - 2 * DAY_S) == []


def test_room_is_expected_by_the_length_where_musicbrainz_knows_it() -> None:
    assert expected_bytes(300_000) == 42_000_000
    assert expected_bytes(None) == 50_000_000


_held = st.lists(
    st.builds(
        Held,
        st.uuids().map(str),
        st.integers(1, 60),
        st.floats(OLD, NOW),
        st.integers(0, 30),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one.recording,
)


@given(_held, st.sampled_from(["popularity", "lru"]), st.integers(0, 40), st.integers(1, 120), st.booleans())
def test_nothing_pinned_or_being_sent_ever_goes_and_what_goes_suffices(
    held: list[Held], order: Order, peers: int, size: int, pinned: bool
) -> None:
    rules = Rules(100, 10, order)
    fixed = {one.recording for one in held if one.fixed}
    gone = surplus(held, rules)
    left = [one for one in held if one.recording not in gone]
    assert not fixed & set(gone)
    assert sum(one.size for one in left) <= 100 or all(one.fixed for one in left)
    going = room_for(Asked("new", peers, pinned), size, held, rules, NOW)
    if going is not None:
        assert not fixed & set(going)
        assert sum(one.size for one in held if one.recording not in going) + size <= 100
