"""Going back, quitting, and an engine that ends while its window is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.views import EngineEvent, JobsView
from slskdn_tui.ui.screens.jobs import JobsScreen
from slskdn_tui.ui.screens.swarms import SwarmsScreen
from slskdn_tui.ui.screens.trace import TraceScreen
from tests.fakes import story
from tests.fakes.driving import Make, drive, message, on_screen, ready, until
from tests.fakes.engine import FakeEngine

GONE = UserError("no_engine", "the engine (pid 812) has stopped", "start it again with `slskdn serve`")


class Attached(FakeEngine):
    """An engine elsewhere that can end."""

    description = "attached to pid 812"  # type: ignore[assignment]
    gone = False

    async def snapshot(self, view: Any, since: int = 0) -> Any:
        if self.gone:
            raise GONE
        return await super().snapshot(view, since)

    async def events(self) -> AsyncIterator[EngineEvent]:
        yield await self.queue.get()
        raise GONE


@pytest.mark.parametrize("who_notices", ["poller", "events"])
def test_an_attached_engine_that_stops_leaves_its_window_readable_until_q(make_app: Make, who_notices: str) -> None:
    engine = Attached()
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        if who_notices == "events":
            engine.say("info", "goodbye")
        else:
            engine.gone = True
            app.poller.kick()
        await until(pilot, lambda: "q quits" in message(app))
        assert "pid 812) has stopped" in message(app) and "slskdn serve" in on_screen(app)
        assert "the engine has stopped" in on_screen(app) and "Loomer" in on_screen(app)
        engine.gone = True
        await pilot.press("j", "5")
        await pilot.pause()
        await until(pilot, lambda: "q quits" in message(app))
        await pilot.press("q")
        await until(pilot, lambda: app.return_code is not None)

    drive(app, steps)
    assert app.failure is GONE and app.return_code == 5 and app._exception is None


def test_an_engine_of_this_window_that_is_asked_to_stop_closes_it(engine: FakeEngine, make_app: Make) -> None:
    asked = asyncio.Event()
    engine.wait = asked.wait  # type: ignore[attr-defined]
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        asked.set()
        await until(pilot, lambda: app.return_code is not None)

    drive(app, steps)
    assert engine.stopped == 1 and app.return_code == 0


def test_a_bug_in_polling_is_said_and_the_window_stays(engine: FakeEngine, make_app: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slskdn_tui.ui.app.POLL_AGAIN_S", 0.01)
    app = make_app(engine)
    answer = engine.snapshot

    async def broken(*args: Any) -> Any:
        raise KeyError("a bug")

    async def steps(pilot: Pilot[int]) -> None:
        engine.snapshot = broken  # type: ignore[method-assign]
        app.poller.kick()
        await until(pilot, lambda: any("KeyError" in note.message for note in app._notifications))
        engine.snapshot = answer  # type: ignore[method-assign]
        engine.tick()
        await until(pilot, lambda: " 72%" in on_screen(app))

    drive(app, steps)
    assert app._exception is None


def test_esc_at_the_top_says_how_to_quit_and_never_does(make_app: Make) -> None:
    engine = Attached(empty=True)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        for key in ("1", "5", "7"):
            await pilot.press(key)
            await ready(pilot)
            await pilot.press("escape", "escape")
            await until(pilot, lambda: "q quits" in message(app))
        assert engine.stopped == 0
        await pilot.press("q")
        await until(pilot, lambda: engine.stopped == 1)

    drive(app, steps)
    assert app.return_code == 0


@pytest.mark.parametrize(("first", "below"), [("1", SwarmsScreen), ("5", JobsScreen)])
def test_esc_after_a_look_from_the_trace_goes_back_to_the_trace(engine: FakeEngine, make_app: Make, first: str, below: type) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press(first)
        await ready(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TraceScreen))
        await ready(pilot)
        await pilot.press("colon", *"jobs show 7b21c0", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await ready(pilot)
        await until(pilot, lambda: app.live.main.row.job_id == story.GEOGADDI)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.job == story.LOVELESS)
        await ready(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, below))

    drive(app, steps)
    assert engine.stopped == 1


def test_jobs_without_jobs_waits_for_nothing(make_app: Make) -> None:
    engine = FakeEngine()
    engine.views["jobs"] = JobsView(7)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await ready(pilot)
        await until(pilot, lambda: "Waiting" not in on_screen(app))
        assert "Press n" in on_screen(app)

    drive(app, steps)


def test_a_view_of_version_nought_is_loaded_too(make_app: Make) -> None:
    engine = FakeEngine()
    engine.views["jobs"] = JobsView(0)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: "No jobs yet" in on_screen(app))

    drive(app, steps)


def test_going_down_and_up_faster_than_the_engine_answers_keeps_the_tracks(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: "When You Sleep" in on_screen(app))
        async with app.poller._lock:  # the engine is slow: nothing is asked meanwhile
            await pilot.press("j", "k")
            await pilot.pause()
        await until(pilot, lambda: "When You Sleep" in on_screen(app))

    drive(app, steps)
