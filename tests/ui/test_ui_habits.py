"""Habits of the app: polling, panes, quitting, toasts, logs, sorting, themes, sizes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from slskdn_tui.config.settings import Ui
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import LogRow, LogView
from slskdn_tui.seam import Result
from slskdn_tui.ui.app import run_app
from slskdn_tui.ui.screens.dialogs import Ask, Pick
from slskdn_tui.ui.screens.jobs import JobsScreen
from slskdn_tui.ui.screens.swarms import SwarmsScreen
from slskdn_tui.ui.terminal import wants_ascii
from slskdn_tui.ui.widgets.lines import Lines
from tests.fakes import story
from tests.fakes.driving import Make, drive, message, on_screen, ready, until
from tests.fakes.engine import FakeEngine


def test_only_what_is_on_screen_is_asked_for(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        engine.asked.clear()
        await app.poller.poll()
        assert {key.screen for key in engine.asked} == {"status", "swarms", "limits"}
        await pilot.press("7")
        await ready(pilot)
        engine.asked.clear()
        await app.poller.poll()
        assert {key.screen for key in engine.asked} == {"status", "log"}

    drive(app, steps)


def test_details_pane_beside_the_tree_when_wide_and_in_its_place_when_narrow(engine: FakeEngine, make_app: Make) -> None:
    async def wide(pilot: Pilot[int]) -> None:
        app: Any = pilot.app
        await until(pilot, lambda: "mesh 46%" in on_screen(app))
        assert app.screen.query_one("#right").display
        await pilot.press("i")
        assert not app.screen.query_one("#right").display

    async def narrow(pilot: Pilot[int]) -> None:
        app: Any = pilot.app
        assert not app.screen.query_one("#right").display
        await pilot.press("i")
        await until(pilot, lambda: "mesh 46%" in on_screen(app))
        assert not app.screen.query_one("#left").display
        await pilot.press("q")
        assert app.screen.query_one("#left").display

    drive(make_app(engine), wide, (120, 36))
    drive(make_app(FakeEngine()), narrow)


def test_quitting_with_jobs_running_in_this_window_asks(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "3 jobs running in this window" in on_screen(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))
        assert engine.stopped == 0
        await pilot.press("colon", "q", "enter")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: engine.stopped == 1)

    drive(app, steps)


def test_freeze_holds_the_rows_but_not_the_status_line(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("Z")
        engine.tick()
        await app.poller.poll()
        await pilot.pause()
        assert "FROZEN" in on_screen(app) and " 71%" in on_screen(app)
        await pilot.press("Z")
        await until(pilot, lambda: " 72%" in on_screen(app))

    drive(app, steps)


def test_errors_are_toasts_and_warnings_a_line(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        engine.say("error", "[red]b3:d0d0[/b] sent wrong bytes")
        await until(pilot, lambda: any("[red]b3:d0d0[/b]" in note.message for note in app._notifications))
        engine.say("warning", "no bytes for 120 s")
        await until(pilot, lambda: "no bytes for 120 s" in message(app))

    drive(app, steps)


def test_a_refusal_is_told_once_where_there_is_room_for_it(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        engine.answer = Result("refused", SafeText("nothing of that is moving"), SafeText("this works while a track is queued"))
        await pilot.press("colon", *"jobs pause 0f4d", "enter")
        await until(pilot, lambda: "nothing of that is moving  this works while" in message(app))
        assert not app._notifications, "what is said above the footer does not cover rows as well"
        engine.answer = Result("refused", SafeText("long " * 80))
        await pilot.press("colon", *"jobs pause 0f4d", "enter")
        await until(pilot, lambda: len(app._notifications) == 1)

    drive(app, steps)


def test_an_engine_that_cannot_start_closes_the_window_and_says_why(engine: FakeEngine, make_app: Make) -> None:
    engine.fail_start = UserError("locked", "pid 812 holds this profile")
    app = make_app(engine)

    async def run() -> None:
        async with asyncio.timeout(240), app.run_test() as pilot:
            await until(pilot, lambda: app.failure is not None)

    asyncio.run(run())
    assert app.failure is engine.fail_start and app.return_code == 9


def test_an_engine_that_stops_answering_is_said_once(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def gone(*args: Any) -> Any:
        raise ConnectionResetError("connection lost")

    async def steps(pilot: Pilot[int]) -> None:
        engine.snapshot = gone  # type: ignore[method-assign]
        await app.poller.poll()
        await app.poller.poll()
        await pilot.pause()
        assert sum("does not answer" in note.message for note in app._notifications) == 1
        assert "Loomer" in on_screen(app)

    drive(app, steps)


def test_empty_screens_say_what_to_press(make_app: Make) -> None:
    app = make_app(FakeEngine(empty=True))

    async def steps(pilot: Pilot[int]) -> None:
        assert "Press n" in on_screen(app)
        await pilot.press("5")
        await ready(pilot)
        assert "No jobs yet" in on_screen(app)

    drive(app, steps)


def test_log_follows_and_asks_for_windows_of_a_hundred_thousand_lines(make_app: Make) -> None:
    engine = FakeEngine()
    rows = tuple(LogRow(str(index), 1, story.at("21:00:00"), "swarm", "info", SafeText(f"line {index}")) for index in range(100_000))
    engine.views["log"] = LogView(1, rows, len(rows))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("7")
        await until(pilot, lambda: "line 99999" in on_screen(app))
        await pilot.press("g")
        await until(pilot, lambda: "line 0" in on_screen(app) and "line 99999" not in on_screen(app))
        assert max(key.count for key in engine.asked) <= 5000
        await pilot.press("slash", *"line 77", "enter")
        await until(
            pilot, lambda: all(row.text.startswith("line") for row in app.live.main.model.rows) and app.live.main.model.total < 100_000
        )

    drive(app, steps)


def test_paging_down_a_long_log_on_a_tall_terminal_never_ends_on_empty_lines(make_app: Make) -> None:
    engine = FakeEngine()
    rows = tuple(LogRow(str(index), 1, story.at("21:00:00"), "swarm", "info", SafeText(f"line {index}")) for index in range(3_000))
    engine.views["log"] = LogView(1, rows, len(rows))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("7")
        await until(pilot, lambda: "line 2999" in on_screen(app))
        await pilot.press("g")
        for page in range(13):
            await pilot.press("ctrl+d")
            await until(pilot, lambda page=page: app.live.main.row is not None and f"line {app.live.main.cursor_index}" in on_screen(app))
        await until(pilot, lambda: "line 2999" in on_screen(app) and "…" not in on_screen(app))

    drive(app, steps, (100, 260))


def test_a_terminal_taller_than_a_window_asks_once_and_is_content(make_app: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slskdn_tui.ui.screens.log.WINDOW", 20)
    engine = FakeEngine()
    rows = tuple(LogRow(str(index), 1, story.at("21:00:00"), "swarm", "info", SafeText(f"line {index}")) for index in range(100))
    engine.views["log"] = LogView(1, rows, len(rows))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("7")
        await until(pilot, lambda: "line 99" in on_screen(app))
        await pilot.press("g")
        await until(pilot, lambda: "line 0" in on_screen(app) and "line 19" in on_screen(app))
        asked = len(engine.asked)
        for version in range(2, 5):
            engine.views["log"] = replace(engine.views["log"], version=version)
            await app.poller.poll()
            await pilot.pause()
        assert {key.start for key in engine.asked[asked:] if key.screen == "log"} == {0}

    drive(app, steps, (100, 40))


def test_sort_and_columns(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("slash", *"done", "enter", "S")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        rows = app.live.main.model.shown()
        assert [row.done for row in rows] == sorted((row.done for row in rows), reverse=True)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("space", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        assert "STATE" not in app.live.main.text[0]

    drive(app, steps)


def test_themes_are_shown_while_choosing_and_esc_goes_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("up")
        await until(pilot, lambda: app.theme_name != "night")
        await pilot.press("escape")
        await until(pilot, lambda: app.theme_name == "night")

    drive(app, steps)


def test_a_bad_theme_and_a_bad_keymap_are_one_toast_and_no_crash(engine: FakeEngine, make_app: Make, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("name = 3")
    (tmp_path / "worse.toml").write_bytes(b"\xff\x1b]52;c;ZXZpbA==\x07")
    app = make_app(engine, themes_dirs=[tmp_path], theme="broken", settings=Ui(keymap={"jobs.cancel": "p", "no.such": "x"}))

    async def steps(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: len(app._notifications) == 1)
        text = next(iter(app._notifications)).message
        assert "broken.toml" in text and "worse.toml" in text and "no.such" in text and "jobs.cancel" in text
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, Ask))

    drive(app, steps)


@pytest.mark.parametrize(("size", "said"), [((59, 24), "needs 60x15"), ((80, 14), "needs 60x15")])
def test_too_small_is_one_line(engine: FakeEngine, make_app: Make, size: tuple[int, int], said: str) -> None:
    app = make_app(engine)

    async def run() -> None:
        async with asyncio.timeout(240), app.run_test(size=size) as pilot:
            await ready(pilot)
            assert not app.screen.query_one("#frame").display
            await until(pilot, lambda: bool(app.screen.query_one("#small", Lines).text))
            assert said in app.screen.query_one("#small", Lines).text[0]
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: app.screen.query_one("#frame").display)

    asyncio.run(run())


def test_a_tick_redraws_only_the_cells_that_changed(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        table = app.live.main
        drawn: list[Any] = []
        original = table.refresh
        table.refresh = lambda *regions, **more: (drawn.extend(regions), original(*regions, **more))[1]  # type: ignore[method-assign]
        await app.poller.poll()
        assert drawn == []
        engine.views["swarms"] = replace(story.moved(story.swarms(), 1))
        await app.poller.poll()
        assert [region.height for region in drawn] == [1, 1, 1]
        assert all(region.width < 40 for region in drawn)

    drive(app, steps)


def test_no_terminal_is_refused_with_the_twin_to_use(engine: FakeEngine) -> None:
    with pytest.raises(UserError) as refused:
        run_app(engine, settings=Ui())
    assert refused.value.code == "terminal" and "slskdn status" in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "ascii_mode"),
    [
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "C.utf8"}, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({}, True),
    ],
)
def test_ascii_follows_the_locale(environ: dict[str, str], ascii_mode: bool) -> None:
    assert wants_ascii(environ) is ascii_mode
