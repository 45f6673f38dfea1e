"""The app as a user meets it: keys in, commands to the engine and rows on the screen out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from slskdn_tui.commands import by_name
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command, Result
from slskdn_tui.ui.screens.dialogs import Ask, Pick, Prompt
from slskdn_tui.ui.screens.help import Help
from slskdn_tui.ui.screens.jobs import JobsScreen
from slskdn_tui.ui.screens.log import LogScreen
from slskdn_tui.ui.screens.newjob import NewJob
from slskdn_tui.ui.screens.swarms import SwarmsScreen
from slskdn_tui.ui.screens.trace import TraceScreen
from slskdn_tui.ui.widgets.lines import Lines
from tests.fakes import story
from tests.fakes.driving import Make, drive, message, on_screen, ready, until
from tests.fakes.engine import FakeEngine


def test_the_first_screen_shows_the_rescue_opened(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        text = on_screen(app)
        assert "RESCUE" in text and "mesh  b3:9f2c" in text and "slsk  dj_kode" in text
        assert "alice" in text and "ratio 3.6:1" in text
        assert "1 Swarms" in text and "5 Jobs" in text and "7 Log" in text and "2 Search" in text

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
        await pilot.press("j", "r")
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
        assert "mesh may help no" in on_screen(app) and "lossy tracks, at most 1" in on_screen(app) and "FLAC, MP3" in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [
        Command(
            "jobs.create",
            {"reference": story.MBID, "codecs": "FLAC,MP3", "max_lossy": 1, "canonical": True, "overlay": False, "mix": False},
        )
    ]


def test_an_album_that_is_here_already_is_fetched_anew_only_when_that_is_wanted(engine: FakeEngine, make_app: Make) -> None:
    had = Result("refused", SafeText("you have this album already: /music/Loveless (job 0f4d)"), data={"had_by": "0f4d"})
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        engine.answer = had
        await pilot.press("colon", *f"jobs create {story.MBID}", "enter")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "you have this album already" in on_screen(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))
        assert len(engine.commands) == 1
        await pilot.press("colon", *f"jobs create {story.MBID}", "enter")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        engine.answer = Result("ok", SafeText("job 1234abcd: Loveless"))
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 3)

    drive(app, steps)
    assert engine.commands[-1] == Command("jobs.create", {"reference": story.MBID, "again": True})


def test_the_cursor_goes_to_the_job_that_was_just_made(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        shown = engine.views["swarms"]
        made = replace(shown.rows[0], key="1234abcd", job_id="1234abcd", title=SafeText("Just made"), children=0)
        engine.answer = Result("ok", SafeText("job 1234abcd: Just made"), data={"job_id": "1234abcd"})
        await pilot.press("colon", *f"jobs create {story.MBID}", "enter")
        await until(pilot, lambda: bool(app.places.made))
        engine.views["swarms"] = replace(shown, version=99, rows=(*shown.rows, made), total=shown.total + 1)
        await app.poller.poll()
        await until(pilot, lambda: app.live is not None and app.live.main.row is not None and app.live.main.row.job_id == "1234abcd")
        assert not app.places.made, "it is gone to once; later moves are the user's"

    drive(app, steps)


def test_what_a_prompt_offers_gives_way_to_what_is_typed_first(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"800 100", "enter")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press("end", "0", "backspace", "enter")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    first, second = (command.args for command in engine.commands)
    now = engine.views["limits"]
    assert first == {"down": 800, "up": 100} and second == {"down": now.down_kbps, "up": now.up_kbps}


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
        assert "The file to write" in on_screen(app) and "standard output" not in on_screen(app)
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
        assert "5 routine (d)" in text and "450 KB/s" in text and len(app.live.main.model) == 7
        await pilot.press("d")
        await until(pilot, lambda: len(app.live.main.model) == 12 and "routine" not in on_screen(app))
        await pilot.press("G")
        await until(pilot, lambda: "reputation 0.99, race" in message(app))
        await pilot.press("d")
        await until(pilot, lambda: len(app.live.main.model) == 7)
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


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_why_a_source_does_not_send_is_said_whole_where_its_column_cuts_it(
    engine: FakeEngine, make_app: Make, size: tuple[int, int]
) -> None:
    app = make_app(engine)
    why = "the user's queue is full for people who share fewer than 500 files, and says so each time"
    view = story.swarms()
    source = next(row for row in view.rows if row.level == 2)
    engine.views["swarms"] = replace(view, rows=tuple(replace(row, note=SafeText(why)) if row is source else row for row in view.rows))

    async def steps(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: str(source.title) in on_screen(app))
        app.live.main.reveal(source.key)
        said = app.live.query_one("#message", Lines)
        await until(pilot, lambda: why in " ".join(part.strip() for part in said.text))
        await pilot.press("j")
        await until(pilot, lambda: why not in " ".join(part.strip() for part in said.text))

    drive(app, steps, size=size)


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
def test_the_command_line_shows_what_may_be_typed_and_tab_walks_through_it(
    engine: FakeEngine, make_app: Make, size: tuple[int, int]
) -> None:
    app = make_app(engine)

    def row() -> str:
        return app.live.query_one("#offers", Lines).text[0] if app.live.has_class("-offering") else ""

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("colon")
        await until(pilot, lambda: "cache  contribution  " in row())
        await pilot.press(*"limits ")
        await until(pilot, lambda: row().split()[:3] == ["clear", "set", "show"])
        await pilot.press("tab", "tab")
        await until(pilot, lambda: app.live.bar.line.value == "limits set" and row().split()[:3] == ["clear", "set", "show"])
        await until(pilot, lambda: by_name("limits.set").summary[:20] in row())
        await pilot.press("escape")
        await until(pilot, lambda: not row() and "Only Shallow" in on_screen(app))

    drive(app, steps, size=size)


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
