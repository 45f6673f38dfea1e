"""Search by keys: results and their filter, MusicBrainz, wishes; what is asked of the engine and what stands on the screen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.finding import FiltersView, LimitsView, make_ref
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import StatusView
from slskdn_tui.seam import Command, Result
from slskdn_tui.ui.screens.browse import BrowseScreen
from slskdn_tui.ui.screens.dialogs import Ask, Pick, Prompt
from slskdn_tui.ui.screens.newjob import NewJob
from slskdn_tui.ui.screens.search import SearchScreen
from slskdn_tui.ui.screens.user import UserScreen
from tests.fakes import citizen, story
from tests.fakes.driving import Make, drive, message, on_screen, ready, until
from tests.fakes.engine import FakeEngine

DJ = citizen.FOLDERS[1]


async def to_search(pilot: Pilot[int]) -> None:
    await pilot.press("2")
    await until(pilot, lambda: isinstance(pilot.app.screen, SearchScreen))  # type: ignore[attr-defined]
    await ready(pilot)


def test_results_come_first_with_counts_and_the_time_left(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        text = on_screen(app)
        assert "kind of blue flac" in text and "412 files, 61 users" in text and "14 s left" in text
        assert "Kind of Blue [remaster]" in text and "q12" in text and "*0.94" in text and "40%" in text
        assert "01 So What" not in text, "folders are closed until they are asked for"

    drive(app, steps)


def test_enter_opens_a_folder_and_gets_a_file(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("j", "enter")
        assert "01 So What.flac" in on_screen(app) and engine.commands == []
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [
        Command("get.add", {"refs": [make_ref("dj_kode", "share\\Miles Davis\\Kind of Blue [remaster]\\02 Freddie Freeloader.flac")]})
    ]


def test_marked_files_are_one_wish_to_the_engine_and_are_marked_no_longer(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("j", "enter", "j", "space", "space", "enter")
        await until(pilot, lambda: bool(engine.commands))
        await until(pilot, lambda: not app.live.main.model.marks)

    drive(app, steps)
    assert engine.commands == [Command("get.add", {"refs": [DJ[1].ref, DJ[2].ref]})]


def test_a_gets_the_folder_from_any_of_its_rows(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("j", "enter", "j", "j", "A")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [
        Command("get.add", {"refs": [make_ref("dj_kode", "share\\Miles Davis\\Kind of Blue [remaster]", folder=True)]})
    ]


def test_m_makes_a_job_of_the_words_of_the_folder(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, NewJob) and app.screen.step == "releases")
        assert [key.subject for key in engine.asked if key.screen == "candidates"] == ["Miles Davis Kind of Blue"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewJob) and app.screen.step == "tracks")
        await pilot.press("m", "enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    (made,) = engine.commands
    assert made.name == "jobs.create" and made.args["reference"] == story.MBID and made.args["mix"] is True


def test_the_warning_stands_under_the_list_for_the_row_under_the_cursor(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        assert "transcode" not in message(app)
        await pilot.press("j", "j")
        await until(pilot, lambda: "transcode suspected: spectrum stops at 16.0 kHz" in message(app))
        await pilot.press("j")
        await until(pilot, lambda: "transcode" not in message(app))

    drive(app, steps)


def test_a_filter_is_the_engines_and_is_in_force_while_it_is_typed(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("slash", *"lossless free")
        await until(pilot, lambda: "38 files, 12 users" in on_screen(app))
        assert engine.asked[-1].filter == "lossless free" and "Filter / lossless free" in on_screen(app)
        assert len(app.live.main.model) == 2
        await pilot.press("enter", "slash")
        assert app.live.bar.line.value == "lossless free"
        await pilot.press("escape")
        await until(pilot, lambda: len(app.live.main.model) == 4 and "Filter / none" in on_screen(app))

    drive(app, steps)


def test_what_is_wrong_with_a_filter_stands_in_its_line_and_the_results_stay(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("slash", *"bogus", "enter")
        await until(pilot, lambda: "`bogus` is no field" in on_screen(app))
        line = next(line for line in on_screen(app).splitlines() if "Filter /" in line)
        assert "bogus   ! `bogus` is no field" in line and len(app.live.main.model) == 4
        assert "is no field" in message(app), "and whole where a message may have more than one line"
        await pilot.press("q")
        await until(pilot, lambda: "is no field" not in on_screen(app))
        assert isinstance(app.screen, SearchScreen)

    drive(app, steps)


def test_a_new_search_asks_for_words_and_shows_the_newest(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "2/3" in on_screen(app) and "loveless" in on_screen(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"kid a", "enter")
        await until(pilot, lambda: bool(engine.commands))
        await until(pilot, lambda: "1/3" in on_screen(app))

    drive(app, steps)
    assert engine.commands == [Command("search.ask", {"query": "kid a"})]


def test_files_that_are_here_already_are_got_anew_when_that_is_wanted(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        engine.answer = Result(
            "refused", SafeText("you have all 10 files already"), SafeText("`--again` gets it anew"), data={"had_by": "library"}
        )
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "you have all 10 files already" in on_screen(app) and "--again" not in on_screen(app)
        engine.answer = Result("ok", SafeText("job 1234abcd"))
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert [command.args.get("again") for command in engine.commands] == [None, True]


def test_the_wait_at_the_gate_is_told_in_seconds(engine: FakeEngine, make_app: Make) -> None:
    engine.views["search"] = citizen.waiting()
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        assert "The gate holds this search for 12 s." in on_screen(app) and "gate: 12 s" in on_screen(app)
        engine.views["search"] = replace(citizen.waiting(), version=2, wait_s=11.2)
        await app.poller.poll()
        await until(pilot, lambda: "for 11 s." in on_screen(app))

    drive(app, steps)


def test_a_search_that_waits_for_the_login_says_so_and_not_that_a_gate_holds_it(engine: FakeEngine, make_app: Make) -> None:
    engine.views["search"] = citizen.waiting()
    engine.views["status"] = StatusView(1, "newcomer", soulseek="offline", soulseek_words=SafeText("cannot reach the server"))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await until(pilot, lambda: "Not logged in to Soulseek" in on_screen(app))
        assert "cannot reach the server" in on_screen(app) and "gate" not in on_screen(app)
        engine.views["status"] = StatusView(2, "newcomer", soulseek="online")
        await app.poller.poll()
        await until(pilot, lambda: "The gate holds this search for 12 s." in on_screen(app))

    drive(app, steps)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (citizen.SearchView(1), "Press n to search Soulseek"),
        (citizen.nothing(), "Press w to put it on the wishlist"),
        (replace(citizen.nothing(), state="failed", error=SafeText("Soulseek is offline")), "Soulseek is offline"),
    ],
)
def test_an_empty_list_says_what_to_press(engine: FakeEngine, make_app: Make, view: citizen.SearchView, said: str) -> None:
    engine.views["search"] = view
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        assert said in on_screen(app)

    drive(app, steps)


def test_whoever_has_not_moved_sees_the_best_as_they_come(engine: FakeEngine, make_app: Make) -> None:
    whole = citizen.search("")
    assert whole is not None
    engine.views["search"] = replace(whole, rows=DJ, total=len(DJ))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        engine.views["search"] = replace(whole, version=2)
        await app.poller.poll()
        await until(pilot, lambda: len(app.live.main.model) == 4)
        assert app.live.main.row.username == "mono_lith"
        await pilot.press("j")  # from here on the cursor stays on its row
        engine.views["search"] = replace(whole, version=3, rows=whole.rows[6:], total=len(whole.rows) - 6)
        engine.views["search"] = replace(whole, version=4, rows=(*citizen.FOLDERS[3], *whole.rows[:18]))
        await app.poller.poll()
        await pilot.pause()
        assert app.live.main.row.username == "dj_kode"

    drive(app, steps)


def test_tab_goes_to_musicbrainz_with_the_same_words_and_enter_shows_the_tracks(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("tab")
        await until(pilot, lambda: "3 releases" in on_screen(app))
        await pilot.press("tab", "shift+tab")
        assert [key.subject for key in engine.asked if key.screen == "candidates"] == [citizen.QUERY], "asked once"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewJob) and app.screen.step == "tracks")
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands[0].name == "jobs.create" and engine.commands[0].args["reference"] == story.MBID


def test_musicbrainz_is_asked_for_other_words_with_n(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("tab", "n")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press("ctrl+u", *"offline", "enter")
        await until(pilot, lambda: "MusicBrainz cannot be reached" in on_screen(app))

    drive(app, steps)
    assert engine.commands == []


def test_a_search_goes_on_the_wishlist_with_its_filter(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("slash", *"lossless", "enter", "w")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("wishlist.add", {"query": [citizen.QUERY], "filter": "lossless"})]


def test_a_wish_shows_what_was_found_and_counts_as_seen(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "talk talk laughing stock flac" in on_screen(app))
        assert "1 with new results" in on_screen(app) and "every 12 minutes" in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.commands) and "Wish ▸ talk talk" in on_screen(app))
        assert "Kind of Blue" in on_screen(app)
        await pilot.press("q")
        await until(pilot, lambda: "3 wishes" in on_screen(app))

    drive(app, steps)
    assert engine.commands == [Command("wishlist.seen", {"wish": "1"})]


def test_taking_a_wish_back_asks_and_new_ones_are_made_there(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        assert "x take back" not in on_screen(app), "only a wish is taken back"
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "3 wishes" in on_screen(app))
        assert "x take back" in on_screen(app)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: bool(engine.commands))
        await pilot.press("k", "n")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"drukqs", "enter")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("enter")
        await until(pilot, lambda: len(engine.commands) == 2)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"syro", "enter")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        assert "get the first that fits" in on_screen(app)
        await pilot.press("j", "enter")
        await until(pilot, lambda: len(engine.commands) == 3)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"never mind", "enter", "escape")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))

    drive(app, steps)
    assert engine.commands == [
        Command("wishlist.remove", {"wish": "1"}),
        Command("wishlist.add", {"query": ["drukqs"]}),
        Command("wishlist.add", {"query": ["syro"], "auto": True}),
    ]


def test_closing_a_search_closes_the_one_that_is_shown(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "3/3" in on_screen(app))
        await pilot.press("x")
        await until(pilot, lambda: bool(engine.commands) and "1/3" in on_screen(app))

    drive(app, steps)
    assert engine.commands == [Command("search.close", {"search": "1"})]


def test_saved_filters_are_chosen_saved_and_dropped(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        assert "@loud" in on_screen(app) and "lossless free>0 q>0.8" in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: engine.asked[-1].filter == "@loud")
        await pilot.press("escape", "slash", *"q>0.5", "enter", "F")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"mine", "enter")
        await until(pilot, lambda: bool(engine.commands))
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("G", "enter")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert engine.commands == [Command("filters.save", {"name": "mine", "filter": ["q>0.5"]}), Command("filters.drop", {"name": "quick"})]


def test_without_saved_filters_it_says_how_to_have_one(engine: FakeEngine, make_app: Make) -> None:
    engine.views["filters"] = FiltersView(1)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("F")
        await until(pilot, lambda: "press F to save it" in message(app))

    drive(app, steps)


def test_the_user_and_their_files_are_one_key_away_and_q_comes_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("j", "u")
        await until(pilot, lambda: isinstance(app.screen, UserScreen) and "12,345 files in 678 folders" in on_screen(app))
        assert "dj_kode" in on_screen(app)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BrowseScreen))
        await pilot.press("u")  # back to the page below, not another one over it
        await until(pilot, lambda: isinstance(app.screen, UserScreen) and len(app.screen_stack) == 2)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))

    drive(app, steps)


def test_the_line_searches_from_anywhere(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("colon", *"search kid a --filter lossless", "enter")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen) and bool(engine.commands))
        await until(pilot, lambda: engine.asked[-1].filter == "lossless")

    drive(app, steps)
    assert engine.commands == [Command("search.ask", {"query": "kid a"})]


def test_a_refused_get_keeps_the_marks(engine: FakeEngine, make_app: Make) -> None:
    engine.answer = Result("refused", SafeText("the disk is full"), SafeText("make room"))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("j", "enter", "j", "space", "A")
        await until(pilot, lambda: "the disk is full" in message(app))
        assert app.live.main.model.marks == {DJ[1].key}

    drive(app, steps)


def test_a_window_that_may_only_look_gets_nothing(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine, readonly=True)

    async def steps(pilot: Pilot[int]) -> None:
        await to_search(pilot)
        await pilot.press("A")
        await until(pilot, lambda: "read-only" in message(app))

    drive(app, steps)
    assert engine.commands == []


def test_limits_are_asked_in_one_line_and_shown_on_swarms(engine: FakeEngine, make_app: Make) -> None:
    engine.views["limits"] = LimitsView(1, 8000, 1000, SafeText("set by hand"))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "limit ↓ 8,000  ↑ 1,000 kbit/s" in on_screen(app))
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press("ctrl+u", *"4000", "enter")
        await until(pilot, lambda: "two numbers" in message(app))
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press("ctrl+u", *"4000 500", "enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("limits.set", {"down": 4000, "up": 500})]
