"""SafeText: whatever comes from outside, a screen never gets an order from it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.model.text import LIMIT, SafeText, lasting

HOSTILE = st.text(st.characters(codec=None) | st.sampled_from("\x1b\x9b\x07\r\n\t\x7f\u202e\u200b\ufeff\u2028\ud800\u0301e"), max_size=700)


def forbidden(char: str) -> bool:
    """Controls, surrogates, line and paragraph ends; nothing of these may reach a terminal."""
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


@given(HOSTILE)
def test_no_control_character_ever_comes_out(raw):
    assert not any(forbidden(char) for char in SafeText(raw))


@given(HOSTILE)
def test_cleaning_twice_changes_nothing(raw):
    once = SafeText(raw)
    assert SafeText(str(once)) == once


@given(HOSTILE, st.integers(min_value=1, max_value=600))
def test_it_is_never_longer_than_asked(raw, limit):
    assert len(SafeText(raw, limit)) <= limit


@given(HOSTILE)
def test_it_can_always_be_written_as_utf8(raw):
    SafeText(raw).encode("utf-8")


@given(st.binary(max_size=700))
def test_bytes_are_taken_as_they_are(raw):
    assert not any(forbidden(char) for char in SafeText(raw))


@pytest.mark.parametrize("attack", ["\x1b]52;c;ZXZpbA==\x07", "\x1b[2J", "\x9b31m", "a\rb", "\x1bPq\x1b\\"])
def test_escape_sequences_become_pictures(attack):
    text = SafeText(attack)
    assert "\x1b" not in text and "\x9b" not in text and "\r" not in text


def test_bidi_and_invisible_characters_are_gone():
    assert SafeText("exe.\u202egpj") == "exe.gpj"
    assert SafeText("a\u200bb\ufeffc\u00add") == "abcd"


def test_honest_names_stay_as_they_are():
    for name in ("Björk – Jóga", "坂本龍一", "Sigur Rós", "Ⅳ", "नमस्ते"):
        assert SafeText(name) == name


def test_a_pile_of_accents_is_cut():
    assert len(SafeText("Z" + "\u0301" * 50)) == 4


def test_long_text_ends_in_an_ellipsis():
    text = SafeText("ä" * (LIMIT + 1))
    assert len(text) == LIMIT and text.endswith("…")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (89, "89 s"),
        (120, "2 min"),
        (5399, "1 h 30 min"),
        (4 * 3600, "4 h"),
        (12_000, "3 h 20 min"),
        (3600 * 47.99, "47 h 59 min"),
        (4e5, "5 days"),
    ],
)
def test_a_time_is_said_in_hours_and_days_where_a_person_would(seconds, words):
    assert lasting(seconds) == words
