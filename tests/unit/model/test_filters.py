"""Filters of search results, as a user types them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.filters import MOST_TERMS, parse, valid_name

FLAC = FoundFile("bob", "Music\\The Band\\Live at Home\\01 First Song.flac", 30 * 1024**2, "flac", 240, None, 44100, 16)
MP3 = FoundFile("bob", "Music\\The Band\\Album\\02 Second.MP3", 9_600_000, "", 240, 320)
BARE = FoundFile("bob", "Music/The Band/Album/03 Third.mp3", 5_000_000, "mp3")
JPG = FoundFile("bob", "Music\\The Band\\Album\\cover.jpg", 200_000, "jpg")
FREE = SearchReply("bob", True, 800_000, 0, (FLAC, MP3, BARE, JPG))
BUSY = SearchReply("Eve Smith", False, 0, 40, (FLAC,))
ALL = "FLAC MP3 BARE JPG"


def passing(text: str, reply: SearchReply = FREE, **saved: str) -> str:
    kept = parse(text, saved).apply(reply)
    return " ".join(name for name, file in (("FLAC", FLAC), ("MP3", MP3), ("BARE", BARE), ("JPG", JPG)) if file in kept)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ALL),
        ("lossless", "FLAC"),
        ("lossy", "MP3 BARE"),
        ("-lossless", "MP3 BARE JPG"),
        ("bitrate>=256", "FLAC MP3"),  # BARE says none: refused; FLAC says none: lossless
        ("bitrate<256", ""),
        ("bitrate=320", "MP3"),
        ("free>0", ALL),
        ("free=0", ""),
        ("queue<10", ALL),
        ("queue>=1", ""),
        ("q>0.8", "FLAC"),
        ("q>0.5", "FLAC MP3"),
        ("size>20M", "FLAC"),
        ("size<=5000000", "BARE JPG"),
        ("size>9375K", "FLAC"),
        ("size>=9375K", "FLAC MP3"),
        ("length>3:00", "FLAC MP3"),
        ("length>=240", "FLAC MP3"),
        ("length<600", "FLAC MP3"),
        ("speed>500K", ALL),
        ("speed>1M", ""),
        ("user:bob", ALL),
        ("user:BOB", ALL),
        ("user:ann", ""),
        ("-user:bob", ""),
        ("ext:flac", "FLAC"),
        ("ext:.MP3", "MP3 BARE"),
        ("-ext:jpg", "FLAC MP3 BARE"),
        ("path:album", "MP3 BARE JPG"),
        ('path:"live at"', "FLAC"),
        ('path:"band/album"', "MP3 BARE JPG"),
        ('"at home"', "FLAC"),
        ('-"at home"', "MP3 BARE JPG"),
        ("second", "MP3"),
        ("band -cover -live", "MP3 BARE"),
        ("lossless free>0 q>0.8 user:bob", "FLAC"),
        ('"lossless"', ""),  # quoted it is a word like any other
        ("@loud", "FLAC"),
        ("@loud -first", ""),
    ],
)
def test_each_term(text: str, wanted: str) -> None:
    assert passing(text, loud="lossless size>1M") == wanted


def test_a_user_with_spaces_in_the_name_is_quoted() -> None:
    assert passing('user:"eve smith"', BUSY) == "FLAC" and passing("free>0", BUSY) == "" and passing("queue>=40", BUSY) == "FLAC"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("lossless bitrat>=256", "bitrat>=256"),
        ("bitrate>=high", "bitrate>=high"),
        ("bitrate>=", "bitrate>="),
        ("bitrate>=256k", "bitrate>=256k"),
        ("size>1e9", "size>1e9"),
        ("q>nan", "q>nan"),
        ("usr:bob", "usr:bob"),
        ("user:", "user:"),
        ("-", "-"),
        ('path:"live at', 'path:"live at'),
        ('ab"cd"', 'ab"cd"'),
        ("-bitrate>5", "-bitrate>5"),
        ("@nobody", "nobody"),
        ("-@loud", "-@loud"),
        ("@one", "@one"),
    ],
)
def test_a_bad_part_is_named_in_one_line_with_what_is_allowed(text: str, part: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text, {"loud": "lossless", "one": "@two", "two": "@one"})
    error = caught.value
    assert error.code == "usage" and part in error.message and "\n" not in error.message and error.hint


def test_filters_within_filters_go_only_so_deep_and_so_far() -> None:
    chain = {f"n{number}": f"@n{number + 1}" for number in range(10)} | {"n10": "lossless"}
    with pytest.raises(UserError, match="deep"):
        parse("@n0", chain)
    wide = {f"w{level}": " ".join([f"@w{level + 1}"] * 10) for level in range(4)} | {"w4": "lossless"}
    with pytest.raises(UserError, match="terms"):
        parse("@w0", wide)
    with pytest.raises(UserError, match="terms"):
        parse("a " * (MOST_TERMS + 1))
    with pytest.raises(UserError, match="longer"):
        parse("a" * 1001)


def test_names_of_saved_filters() -> None:
    assert valid_name("my-loud_1") and not valid_name("") and not valid_name("a b") and not valid_name("x" * 41)


@given(st.text(max_size=200))
def test_any_text_is_a_filter_or_one_clear_error(text: str) -> None:
    try:
        parse(text).apply(FREE)
    except UserError as error:
        assert error.code == "usage" and error.message and "\n" not in error.message


WORDS = st.sampled_from(
    ["lossless", "lossy", "bitrate>=256", "free>0", "q>0.5", "size>1M", "-cover", "user:bob", "ext:mp3", "length>=1:00", '"the band"']
)


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=3))
def test_more_terms_never_let_more_through_and_their_order_does_not_matter(terms: list[str], more: list[str]) -> None:
    few, many = set(parse(" ".join(terms)).apply(FREE)), set(parse(" ".join(terms + more)).apply(FREE))
    assert many <= few and many == set(parse(" ".join(reversed(terms + more))).apply(FREE))


@given(st.sampled_from(["size", "queue", "speed", "bitrate", "length"]), st.integers(0, 10**9))
def test_a_comparison_and_its_opposite_never_both_hold(key: str, number: int) -> None:
    assert not set(parse(f"{key}>{number}").apply(FREE)) & set(parse(f"{key}<={number}").apply(FREE))
