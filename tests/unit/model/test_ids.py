"""Identifiers as a user types, pastes and reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.model.errors import EXIT, UserError
from slskdn_tui.model.ids import one_begun, parse_mb_reference, short_node_id, show_node_id

MBID = "c0d0c0a4-4a26-4d74-9c02-67c9321b3b22"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MBID, (None, MBID)),
        (f"https://musicbrainz.org/release/{MBID}", ("release", MBID)),
        (f" https://beta.musicbrainz.org/release-group/{MBID.upper()}?x=1 ", ("release-group", MBID)),
        ("my bloody valentine loveless", None),
    ],
)
def test_what_is_pasted_is_recognised(text, found):
    assert parse_mb_reference(text) == found


def test_a_malformed_mbid_is_told_from_a_search():
    with pytest.raises(UserError) as caught:
        parse_mb_reference("c0d0c0a4-4a26-4d74-9c02-67c9321b3b2")
    assert caught.value.code == "usage" and "8-4-4-4-12" in caught.value.hint


@given(st.binary(min_size=32, max_size=32), st.integers(0, 51))
def test_one_wrong_character_of_a_node_id_shows_in_its_check_character(node, at):
    shown = show_node_id(node.hex()).replace("-", "")
    assert len(shown) == 56
    other = bytearray(node)
    other[at * 5 // 8] ^= 0x80 >> (at * 5 % 8)
    changed = show_node_id(bytes(other).hex()).replace("-", "")
    assert sum(a != b for a, b in zip(shown, changed, strict=True)) >= 2


def test_a_broken_node_id_has_a_short_name_too():
    assert short_node_id("zz") == "b3:????" and short_node_id("00" * 32) == "b3:aaaa"


def test_exit_codes_are_distinct_and_errors_carry_theirs():
    codes = [code for code, _ in EXIT.values()]
    assert len(codes) == len(set(codes))
    assert UserError("locked", "x").exit_code == 9
    with pytest.raises(ValueError):
        UserError("nonsense", "x")


def test_the_beginning_of_an_id_names_one_thing_or_says_how_many():
    ids = ["0f4de638", "0f99", "abc"]
    assert [one_begun(text, ids, str, "jobs") for text in ("0F4", "abc", "zz", "")] == ["0f4de638", "abc", None, None]
    with pytest.raises(UserError, match="2 jobs begin with '0f'") as raised:
        one_begun("0f", ids, str, "jobs", "key")
    assert (raised.value.code, raised.value.hint) == ("usage", "give more of the key")
