"""The app as a user meets it: keys in, commands to the engine and rows on the screen out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from slskdn_tui.config.settings import Ui
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import LogRow, LogView
from slskdn_tui.seam import Command, Result
from slskdn_tui.ui.app import SlskdnApp, run_app, wants_ascii
from slskdn_tui.ui.screens.dialogs import Ask, Pick, Prompt
from slskdn_tui.ui.screens.help import Help
from slskdn_tui.ui.screens.jobs import JobsScreen
from slskdn_tui.ui.screens.log import LogScreen
from slskdn_tui.ui.screens.newjob import NewJob
from slskdn_tui.ui.screens.swarms import SwarmsScreen
from slskdn_tui.ui.screens.trace import TraceScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable
from tests.fakes import story
from tests.fakes.engine import FakeEngine

Make = Callable[..., SlskdnApp]
Steps = Callable[[Pilot[int]], Awaitable[None]]


def drive(app: SlskdnApp, steps: Steps, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), app.run_test(size=size, notifications=True) as pilot:
            await ready(pilot)
            await steps(pilot)

    asyncio.run(run())


async def ready(pilot: Pilot[Any]) -> None:
    """Until the visible screen has its rows."""
    app: Any = pilot.app
    for _ in range(400):
        await pilot.pause()
        if app.live is not None and app.live.main.loaded:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no screen came up")


async def until(pilot: Pilot[Any], test: Callable[[], bool]) -> None:
    for _ in range(400):
        await pilot.pause()
        if test():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def on_screen(app: SlskdnApp) -> str:
    """All text that stands on the topmost screen."""
    screen = app.screen
    parts = [line for lines in screen.query(Lines) if lines.display for line in lines.text]
    parts += [line for table in screen.query(LiveTable) if table.display for line in table.text]
    return "\n".join(parts)


def message(app: SlskdnApp) -> str:
    assert app.live is not None
    return app.live.query_one("#message", Lines).text[0].strip()


def test_the_first_screen_shows_the_rescue_opened(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        text = on_screen(app)
        assert "RESCUE" in text and "mesh  b3:9f2c" in text and "slsk  dj_kode" in text
        assert "alice" in text and "ratio 3.6:1" in text
        assert "1 Swarms" in text and "5 Jobs" in text and "7 Log" in text and "2 Search" not in text

    drive(app, steps)
    assert engine.started == 1 and engine.stopped == 1


def test_cancel_asks_first_and_only_y_cancels(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "partial files are deleted" in on_screen(app) and "Loveless" in on_screen(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))
        assert engine.commands == []
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("jobs.cancel", {"job": story.LOVELESS, "yes": True})]


def test_a_command_takes_job_and_track_from_the_row_under_the_cursor(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("j", "j", "r")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("swarms.rescue", {"job": story.LOVELESS, "track": 2})]


def test_marked_rows_each_get_the_command_once(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        await pilot.press("space", "space", "p")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert [command.args["job"] for command in engine.commands] == [story.LOVELESS, story.GEOGADDI]


def test_a_refusal_is_said_with_what_to_do(engine: FakeEngine, make_app: Make) -> None:
    engine.answer = Result("refused", SafeText("no origin is active"), SafeText("wait for a holder to come online"))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("r")
        await until(pilot, lambda: "no origin is active" in message(app))
        assert "wait for a holder" in message(app)

    drive(app, steps)


def test_read_only_changes_nothing(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine, readonly=True)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("p")
        await until(pilot, lambda: "read-only" in message(app))

    drive(app, steps)
    assert engine.commands == []


def test_filter_narrows_while_typing_and_esc_brings_all_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        before = len(app.live.main.model)
        await pilot.press("slash", *"loom")
        await until(pilot, lambda: len(app.live.main.model) == 2)
        assert "Loomer" in on_screen(app) and "Loveless" in on_screen(app) and "Soon" not in on_screen(app)
        await pilot.press("enter")
        assert "Filter: loom" in message(app)
        await pilot.press("q")
        await until(pilot, lambda: len(app.live.main.model) == before)
        assert isinstance(app.screen, SwarmsScreen)

    drive(app, steps)


def test_new_job_from_words_to_start(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewJob))
        await pilot.press(*"loveless", "enter")
        await until(pilot, lambda: app.screen.step == "releases")
        assert "2012-05-07" in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.step == "tracks")
        assert "To Here Knows When" in on_screen(app) and "5:32" in on_screen(app)
        await pilot.press("o", "c")
        await pilot.press(*([("backspace")] * 4), *"flac,mp3", "enter", "plus")
        assert "mesh no" in on_screen(app) and "FLAC, MP3" in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [
        Command("jobs.create", {"reference": story.MBID, "codecs": "FLAC,MP3", "max_lossy": 1, "canonical": True, "overlay": False})
    ]


def test_new_job_from_a_url_goes_straight_to_the_tracks_and_esc_goes_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewJob))
        app.screen.field.fresh(f"https://musicbrainz.org/release/{story.MBID}")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.step == "tracks")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.step == "ask")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))

    drive(app, steps)
    assert engine.commands == []


@pytest.mark.parametrize(("text", "said"), [("nothing", "found nothing"), ("offline", "cannot be reached")])
def test_new_job_says_why_there_is_no_release(engine: FakeEngine, make_app: Make, text: str, said: str) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewJob))
        await pilot.press(*text, "enter")
        await until(pilot, lambda: said in on_screen(app))
        assert app.screen.step == "ask"

    drive(app, steps)


def test_export_asks_where_and_sends_an_absolute_path(
    engine: FakeEngine, make_app: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.commands))
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"my.yaml", "enter")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert engine.commands == [
        Command("jobs.export", {"job": story.LOVELESS, "out": str(tmp_path / f"{story.LOVELESS[:8]}.yaml")}),
        Command("jobs.import", {"file": str(tmp_path / "my.yaml")}),
    ]


def test_jobs_shows_the_tracks_of_the_job_under_the_cursor_and_why_one_failed(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        await until(pilot, lambda: "When You Sleep" in on_screen(app))
        await pilot.press("j", "j")
        await until(pilot, lambda: "nobody on Soulseek" in on_screen(app))
        assert "When You Sleep" not in on_screen(app)

    drive(app, steps)


def test_trace_of_a_track_shows_lanes_the_ban_and_goes_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("j", "j", "j", "j", "j", "t")
        await until(pilot, lambda: isinstance(app.screen, TraceScreen))
        await ready(pilot)
        text = on_screen(app)
        assert "05 When You Sleep" in text and "b3:d0d0" in text and "banned" in text and "no bytes" in text
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "all tracks" in on_screen(app))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "01 Only Shallow" in on_screen(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.commands))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))

    drive(app, steps)
    assert engine.commands[0].name == "trace.export" and engine.commands[0].args["job"] == story.LOVELESS
    assert engine.commands[0].args["out"].endswith("-trace.json")


def test_command_line_runs_cli_verbs_and_says_errors_in_one_line(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("colon", *"jobs pause 0f4", "enter")
        await until(pilot, lambda: bool(engine.commands))
        await pilot.press("colon", *"swarms resc", "tab")
        assert app.live.bar.line.value == "swarms rescue"
        await pilot.press("escape", "colon", "up")
        assert app.live.bar.line.value == "jobs pause 0f4"
        await pilot.press("escape", "colon", *"frobnicate", "enter")
        await until(pilot, lambda: "there is no command" in message(app))
        await pilot.press("colon", *"jobs list", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))

    drive(app, steps)
    assert engine.commands == [Command("jobs.pause", {"job": "0f4"})]


def test_what_is_typed_ahead_of_a_line_or_a_dialog_is_never_taken_for_commands(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        for key in ("colon", *"xprt", "enter", "n", *"xprt"):  # all at once, as a paste or a slow link delivers them
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: isinstance(app.screen, NewJob) and app.screen.field.value == "xprt")
        assert app.actions.history == ["xprt"]

    drive(app, steps)
    assert engine.commands == []


def test_palette_finds_and_runs_a_command(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press(*"run an ended", "enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("jobs.rerun", {"job": story.LOVELESS})]


def test_help_lists_the_keys_of_this_screen_and_finds_one(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Help))
        await until(pilot, lambda: "Ask the mesh" in on_screen(app))
        assert "Command palette" in on_screen(app) and "Export" not in on_screen(app)
        await pilot.press("slash", *"pause")
        await until(pilot, lambda: "Ask the mesh" not in on_screen(app))
        assert "Pause or resume" in on_screen(app)
        await pilot.press("enter", "q")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))

    drive(app, steps)


def test_screens_by_number_and_back_to_the_previous_one(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("7")
        await ready(pilot)
        assert isinstance(app.screen, LogScreen)
        await pilot.press("5")
        await ready(pilot)
        await pilot.press("minus")
        await until(pilot, lambda: isinstance(app.screen, LogScreen))

    drive(app, steps)


def test_only_what_is_on_screen_is_asked_for(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        engine.asked.clear()
        await app.poller.poll()
        assert {key.screen for key in engine.asked} == {"status", "swarms"}
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


def test_an_engine_that_cannot_start_closes_the_window_and_says_why(engine: FakeEngine, make_app: Make) -> None:
    engine.fail_start = UserError("locked", "pid 812 holds this profile")
    app = make_app(engine)

    async def run() -> None:
        async with asyncio.timeout(30), app.run_test() as pilot:
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


def test_sort_and_columns(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press(*"done", "enter", "S")
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
        async with asyncio.timeout(60), app.run_test(size=size) as pilot:
            await ready(pilot)
            assert not app.screen.query_one("#frame").display
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
