"""Words and lines of the new screens with plain values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.model.finding import make_ref
from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.present.base import ASCII, UNICODE, line_width
from slskdn_tui.ui.present.finding import (
    BrowsePresenter,
    OwnedCandidatesPresenter,
    SearchPresenter,
    WishesPresenter,
    folder_title,
    folder_words,
    search_lines,
    section_rule,
    wishes_lines,
)
from slskdn_tui.ui.present.people import ConversationsPresenter, SaidPresenter, UploadsPresenter, said_lines, uploads_lines, user_facts
from slskdn_tui.ui.widgets.table_lines import choose_columns, header_line, plain, row_line
from slskdn_tui.ui.widgets.table_model import TableModel
from tests.fakes import citizen, story


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("@@music\\Miles Davis\\1959 - Kind of Blue [24-96]", "Miles Davis Kind of Blue"),
        ("@@abcde\\Music\\Lossless\\Miles Davis - Kind of Blue (1959) [FLAC]", "Miles Davis Kind of Blue"),
        ("music/My_Bloody_Valentine/Loveless_1991_FLAC", "My Bloody Valentine Loveless"),
        ("share\\Autechre\\Amber\\CD2", "Autechre Amber"),
        ("d\\Boards of Canada\\2002. Geogaddi", "Boards of Canada Geogaddi"),
        ("Various Artists - Artificial Intelligence", "Various Artists Artificial Intelligence"),
        ("mp3\\Weezer\\Weezer", "Weezer"),
        ("1999", "1999"),
    ],
)
def test_a_folders_name_becomes_words_musicbrainz_can_find(path: str, words: str) -> None:
    assert folder_words(make_ref("u", path, folder=True)) == words
    assert folder_words(make_ref("u", f"{path}\\01 song.flac")) == words


@given(st.text(max_size=80), st.booleans())
def test_any_name_gives_words_that_can_be_shown(path: str, folder: bool) -> None:
    words = folder_words(make_ref("u", path, folder))
    assert words == SafeText(words) and "\n" not in words


def test_what_is_no_reference_has_no_words() -> None:
    assert folder_words("") == "" and folder_words("https://example.org") == ""


def test_a_discs_folder_is_named_with_its_album() -> None:
    rows = citizen.browse("x").rows  # type: ignore[union-attr]
    assert folder_title(rows[1]) == "Miles Davis/1970 - Bitches Brew/CD1" and folder_title(rows[3]) == "Talk Talk/Laughing Stock"


def test_every_row_of_the_new_lists_fills_its_width() -> None:
    lists = (
        (SearchPresenter(UNICODE), citizen.search("").rows),  # type: ignore[union-attr]
        (BrowsePresenter(UNICODE), citizen.browse("x").rows),  # type: ignore[union-attr]
        (OwnedCandidatesPresenter(UNICODE), story.candidates("x").rows),
        (WishesPresenter(UNICODE), citizen.wishes().rows),
        (ConversationsPresenter(UNICODE), citizen.messages("").rows),
        (SaidPresenter(UNICODE), said_lines(citizen.messages("bluenote59").rows, 80)),
        (UploadsPresenter(UNICODE), citizen.uploads().rows),
    )
    for presenter, rows in lists:
        for width in (60, 80, 120):
            chosen = choose_columns(presenter.columns, frozenset(), width)
            assert line_width(header_line(chosen, "", False, UNICODE)) == width
            for row in rows:
                line = row_line(presenter.cells(row), chosen, UNICODE, level=presenter.level(row), folded=True)
                assert line_width(line) == width, plain(line)
        for column in presenter.columns:
            assert sorted(rows, key=lambda row, key=column.key, one=presenter: one.sort_key(row, key)) is not None  # type: ignore[misc]
        assert all(isinstance(presenter.words(row), str) for row in rows)


def test_folders_sort_by_a_free_slot_and_fold() -> None:
    table = TableModel(SearchPresenter(UNICODE))
    table.set_rows(citizen.search("").rows)  # type: ignore[union-attr]
    assert [row.level for row in table.shown()] == [0, 0, 0, 0]
    table.set_sort("slot", True)
    assert table.shown()[-1].username == "dj_kode"
    assert table.toggle(table.shown()[-1].key, True) and len(table.shown()) == 9


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_lines_above_the_lists_fit(width: int, glyphs: object) -> None:
    view = citizen.search("")
    assert view is not None
    long = replace(view, query=SafeText("w" * 300), error=SafeText("e" * 300), total=9_000)
    lines = [
        *search_lines(view, False, "", width, glyphs),  # type: ignore[arg-type]
        *search_lines(long, True, "f" * 200, width, glyphs),  # type: ignore[arg-type]
        *wishes_lines(citizen.wishes(), width, glyphs),  # type: ignore[arg-type]
        section_rule("wishlist", 7, width, glyphs),  # type: ignore[arg-type]
        *uploads_lines(citizen.uploads(), citizen.limits(), width, glyphs),  # type: ignore[arg-type]
    ]
    assert max(line_width(line) for line in lines) <= width
    assert "[Wishlist 7 new]" in plain(lines[6])


def test_more_lines_than_can_be_held_are_told() -> None:
    view = citizen.search("")
    assert view is not None
    assert "first 24 of 9,000 lines" in plain(search_lines(replace(view, total=9_000), False, "", 80, UNICODE)[1])


def test_a_long_description_and_a_long_message_go_over_lines() -> None:
    view = citizen.user("x")
    assert view is not None
    facts = user_facts(replace(view, description=SafeText("word " * 100)), 80)
    assert sum(fact.name == "about" for fact in facts) == 1 and all(len(fact.text) <= 64 for fact in facts)
    assert len({fact.key for fact in facts}) == len(facts)
    said = said_lines(citizen.messages("bluenote59").rows, 80)
    assert [line.who for line in said if line.who] == ["you", "bluenote59", "bluenote59"] and len({line.key for line in said}) == len(said)
