"""Keys, the `:` line and the registry behind them."""

from __future__ import annotations

import pytest

from slskdn_tui.commands import SPECS, by_name
from slskdn_tui.model.errors import UserError
from slskdn_tui.ui.actions import UI
from slskdn_tui.ui.app import SlskdnApp
from slskdn_tui.ui.keys import RESERVED, KeyTable, key_name
from slskdn_tui.ui.line import ALIASES, VIEWS, complete, hints, parse
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.screens.browse import BrowseScreen
from slskdn_tui.ui.screens.messages import MessagesScreen
from slskdn_tui.ui.screens.trace import TraceScreen
from slskdn_tui.ui.screens.uploads import UploadsScreen
from slskdn_tui.ui.screens.user import UserScreen

PUSHED = (TraceScreen, BrowseScreen, MessagesScreen, UploadsScreen, UserScreen)
SCREENS = ("swarms", "discover", "search", "library", "jobs", "peers", "log", *(screen.KEYS for screen in PUSHED))


def test_every_command_of_the_face_can_be_carried_out_and_nothing_else_is_claimed() -> None:
    assert set(UI) == {spec.name for spec in SPECS if spec.where == "ui"}


def test_the_defaults_clash_nowhere_and_leave_terminals_their_keys() -> None:
    assert KeyTable().problems == []
    assert not {key.key for spec in SPECS for key in spec.keys} & RESERVED


@pytest.mark.parametrize("screen", SCREENS)
def test_a_footer_has_at_most_eight_keys_and_ends_with_help(screen: str) -> None:
    footer = KeyTable().footer(screen)
    assert len(footer) <= 8 and footer[-1] == ("?", "help")


@pytest.mark.parametrize("screen", SCREENS)
def test_help_names_every_key_of_the_screen(screen: str) -> None:
    table = KeyTable()
    shown = {words for _, rows in table.help(screen) for _, words in rows}
    reachable = {spec.summary for spec in SPECS if table.keys_of(spec, screen)}
    assert reachable <= {words.removesuffix(" (asks)") for words in shown}


@pytest.mark.parametrize("screen", SCREENS)
def test_help_begins_with_how_to_get_about_and_out(screen: str) -> None:
    everywhere = [words for _, words in KeyTable().help(screen)[1][1]]
    first = {"Move down", "Move up", "Open or expand", "Search", "Help for this screen", "Back; at the top q quits", "Quit"}
    assert first & set(everywhere) == first & set(everywhere[:16])
    assert everywhere.index("Private messages") > everywhere.index("Filter this list")


def test_esc_is_never_the_only_way() -> None:
    table = KeyTable()
    assert all(table.keys_of(spec, "swarms") != ["esc"] for spec in SPECS)


def test_screens_name_keys_that_exist() -> None:
    modes = [screen for screen in SlskdnApp.MODES.values() if isinstance(screen, type)]
    assert {screen.KEYS for screen in [*modes, *PUSHED] if issubclass(screen, LiveScreen)} == set(SCREENS)


def test_a_keymap_moves_a_command_and_names_the_clash() -> None:
    table = KeyTable({"jobs.cancel": "X", "list.sort": "p"})
    cancel, sort = by_name("jobs.cancel"), by_name("list.sort")
    assert table.command("swarms", "X") is cancel and table.command("swarms", "x") is None
    assert table.command("swarms", "p") is sort
    assert any("p is both" in problem and "jobs.toggle" in problem and "list.sort" in problem for problem in table.problems)


def test_a_keymap_may_use_signs_as_they_are_written() -> None:
    assert key_name("?") == "question_mark" and key_name("-") == "minus" and key_name("[") == "left_square_bracket"
    assert KeyTable({"list.sort": "; ,"}).command("jobs", "semicolon") is by_name("list.sort")


def test_unknown_commands_and_reserved_keys_of_a_keymap_are_named() -> None:
    problems = KeyTable({"no.such": "x", "list.sort": "ctrl+b"}).problems
    assert any("no.such" in problem for problem in problems) and any("ctrl+b" in problem for problem in problems)


def test_the_line_reads_what_the_command_line_reads() -> None:
    parsed = parse(":jobs create abc --codecs FLAC,MP3 --max-lossy 2 --no-overlay")
    assert parsed.spec.name == "jobs.create"
    assert parsed.args == {"reference": "abc", "codecs": "FLAC,MP3", "max_lossy": 2, "overlay": False}
    assert parse("swarms rescue 0f4 --track=5").args == {"job": "0f4", "track": 5}
    assert parse("q").spec.name == "app.quit"
    assert parse("debug job 0f4 --track 5").spec.name == "trace.open"
    assert parse("list.sort").spec.name == "list.sort"


def test_verbs_that_print_show_the_same_on_a_screen() -> None:
    searched = parse("search kind of blue --filter lossless")
    assert searched.spec.name == "search.new" and searched.args == {"query": ["kind", "of", "blue"], "filter": "lossless"}
    assert parse("user dj_kode").args == {"user": "dj_kode"} and parse("user dj_kode").spec.name == "user.open"
    assert parse("browse dj_kode").spec.name == "browse.open" and parse("message list").spec.name == "message.open"
    assert parse("wishlist show 3").args == {"wish": "3"} and parse("uploads list").spec.name == "uploads.open"
    assert parse("get slsk://a/b").spec.name == "get.add"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frob", "no command"),
        ("", "nothing to do"),
        ("jobs pause a b", "too much"),
        ("jobs create a --bogus 1", "no --bogus"),
        ("jobs create a --max-lossy x", "wants a number"),
        ("jobs create a --codecs", "wants a value"),
        ("bench fetch --out x --peers y", "command line only"),
        ("jobs create 'a", "cannot read"),
    ],
)
def test_a_wrong_line_says_what_is_wrong_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(text)
    assert said in refused.value.message and "\n" not in refused.value.message


def test_tab_offers_verbs_then_flags_and_jobs() -> None:
    assert "jobs" in complete("j") and "serve" not in complete("s")
    assert complete("jobs pau") == ["jobs pause"]
    assert complete("jobs create x --co") == ["jobs create x --codecs"]
    assert complete("jobs pause 0f", ["0f4de638"]) == ["jobs pause 0f4de638"]


def test_the_row_above_the_line_shows_what_may_follow_and_what_a_verb_does() -> None:
    assert {"jobs", "library", "limits"} <= set(hints("")[0]) and hints("")[1] == ""
    offers, what = hints("limits")
    assert {"limits clear", "limits set", "limits show"} <= set(offers) and "speed" in what.casefold()
    assert hints("jobs pau") == (["jobs pause"], f"{by_name('jobs.pause').summary}: JOB")
    assert "frobnicate" in hints("frobnicate")[1] and "jobs foo" in hints("jobs foo")[1]
    assert hints("labels Warp")[1].startswith(by_name("labels.list").summary) and hints("jobs.pause ab12")[1].endswith("JOB")
    assert hints("library health")[1].startswith("on the command line only: ") and not hints("labels list")[1].startswith("on the")


def test_what_an_option_may_be_is_offered_after_the_option_alone() -> None:
    assert complete("discover producer ID ") == [] and complete("discover producer ID --section c") == [
        "discover producer ID --section core"
    ]


def test_aliases_and_views_name_commands_that_exist() -> None:
    assert all(by_name(name) is not None for name in [*ALIASES.values(), *VIEWS, *VIEWS.values()])
