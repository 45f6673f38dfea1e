"""Driving the app in a test: keys in, and waiting for what a user would wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot

from slskdn_tui.ui.app import SlskdnApp
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

Make = Callable[..., SlskdnApp]
Steps = Callable[[Pilot[int]], Awaitable[None]]


def drive(app: SlskdnApp, steps: Steps, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with asyncio.timeout(240), app.run_test(size=size, notifications=True) as pilot:
            await ready(pilot)
            await steps(pilot)

    asyncio.run(run())


async def ready(pilot: Pilot[Any]) -> None:
    """Until the visible screen has its rows."""
    app: Any = pilot.app
    await until(pilot, lambda: app.live is not None and app.live.main.loaded, "no screen came up")


async def until(pilot: Pilot[Any], test: Callable[[], bool], else_: str = "it did not happen") -> None:
    """As long as a busy machine may need: what is waited for may be a thread's work."""
    end = asyncio.get_running_loop().time() + 180
    while True:
        await pilot.pause()
        if test():
            return
        assert asyncio.get_running_loop().time() < end, else_
        await asyncio.sleep(0.01)


def on_screen(app: SlskdnApp) -> str:
    """All text that stands on the topmost screen."""
    screen = app.screen
    parts = [line for lines in screen.query(Lines) if lines.display for line in lines.text]
    parts += [line for table in screen.query(LiveTable) if table.display for line in table.text]
    return "\n".join(parts)


def message(app: SlskdnApp) -> str:
    assert app.live is not None
    return app.live.query_one("#message", Lines).text[0].strip()
