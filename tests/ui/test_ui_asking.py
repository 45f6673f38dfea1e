"""What is shown and what is asked: jobs named on the `:` line, the status, questions and stray answers to them."""

from __future__ import annotations

import pytest
from textual import events
from textual.pilot import Pilot

from slskdn_tui.model.stats import StatsView, share
from slskdn_tui.seam import Command
from slskdn_tui.ui.screens.dialogs import Ask, Facts
from slskdn_tui.ui.screens.jobs import JobsScreen
from slskdn_tui.ui.screens.swarms import SwarmsScreen
from slskdn_tui.ui.screens.trace import TraceScreen
from tests.fakes import story
from tests.fakes.driving import Make, drive, message, on_screen, ready, until
from tests.fakes.engine import FakeEngine


@pytest.mark.parametrize("verb", ["jobs show", "swarms show", "debug job"])
def test_an_unknown_job_on_the_line_is_an_error_and_nothing_moves(engine: FakeEngine, make_app: Make, verb: str) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("colon", *f"{verb} zz9", "enter")
        await until(pilot, lambda: "no job 'zz9'" in message(app))
        assert isinstance(app.screen, SwarmsScreen)

    drive(app, steps)


def test_swarms_show_puts_the_cursor_on_a_track_out_of_its_fold(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("h")  # folds the album
        await pilot.press("7")
        await ready(pilot)
        await pilot.press("colon", *"swarms show 0f4 --track 6", "enter")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen) and app.live.main.row.track == 6)
        await pilot.press("colon", *"swarms show 0f4 --track 66", "enter")
        await until(pilot, lambda: "has no track 66" in message(app))

    drive(app, steps, (120, 36))


def test_debug_job_opens_the_trace_of_that_job_and_track(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("7")
        await ready(pilot)
        await pilot.press("colon", *"debug job 0f4 --track 1", "enter")
        await until(pilot, lambda: isinstance(app.screen, TraceScreen))
        await until(pilot, lambda: "01 Only Shallow" in on_screen(app))
        assert app.screen.job == story.LOVELESS
        await pilot.press("colon", *"debug job 0f4 --track 5", "enter")
        await until(pilot, lambda: "05 When You Sleep" in on_screen(app))

    drive(app, steps)


def test_stats_on_the_line_and_in_the_palette_show_this_nodes_figures(engine: FakeEngine, make_app: Make) -> None:
    engine.views["stats"] = StatsView(1, rescues=share(2, 3), crates=4, crates_a_month=1)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        for way in ("colon", *"stats", "enter"), ("ctrl+p", *"success metrics", "enter"):
            await pilot.press(*("space" if key == " " else key for key in way))
            await until(pilot, lambda: "Rescue success" in on_screen(app))
            shown = on_screen(app)
            assert "66.7 %  2 of 3 rescues" in shown and "1  in the last 30 days; 4 in all" in shown and "no cache" in shown
            await pilot.press("q")
            await until(pilot, lambda: "Rescue success" not in on_screen(app))

    drive(app, steps)


def test_status_on_the_line_says_how_each_part_is(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("colon", *"status", "enter")
        await until(pilot, lambda: isinstance(app.screen, Facts))
        await until(pilot, lambda: "online as alice" in on_screen(app))
        assert "dht" in on_screen(app) and "212 nodes" in on_screen(app) and "in this window" in on_screen(app)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))

    drive(app, steps)
    assert engine.commands == []


def test_rescuing_a_whole_album_asks_for_how_many_tracks(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "all 3 moving tracks" in on_screen(app) and "Loveless" in on_screen(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))
        assert engine.commands == []
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("swarms.rescue", {"job": story.LOVELESS})]


@pytest.mark.parametrize("typed", ["yes", "yy", "no", "nn"])
def test_an_answer_typed_as_a_word_is_no_command_afterwards(engine: FakeEngine, make_app: Make, typed: str) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        for key in ("x", *typed, "enter"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: isinstance(app.screen, JobsScreen) and (bool(engine.commands) or "left as it was" in message(app)))
        await pilot.pause()
        assert isinstance(app.screen, JobsScreen) and not app.gate.held
        await pilot.press("j")  # anything else is a key again
        assert app.live.main.row.job_id == story.GEOGADDI

    drive(app, steps)
    assert [command.name for command in engine.commands] == (["jobs.cancel"] if typed[0] == "y" else [])


def test_cancelling_what_is_done_says_so(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        await pilot.press("j", "j", "j", "j", "x")
        await until(pilot, lambda: "Drukqs is completed already" in message(app))
        assert isinstance(app.screen, JobsScreen)

    drive(app, steps)
    assert engine.commands == []
