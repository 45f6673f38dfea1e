"""A window that is made larger or smaller (another terminal attaches to tmux): each screen fills the new size, and is as before when the old one returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.geometry import Size
from textual.pilot import Pilot

from slskdn_tui.ui.app import SlskdnApp
from tests.fakes.driving import drive, until
from tests.fakes.pictures import SHOTS, arrange, engine_of

Make = Callable[..., SlskdnApp]


def drawn(app: SlskdnApp) -> list[str]:
    """The rows of the terminal, as they are laid out now."""
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


@pytest.mark.parametrize("shot", sorted(SHOTS))
def test_each_screen_fills_a_window_that_is_made_larger_or_smaller(make_app: Make, shot: str) -> None:
    app = make_app(engine_of(shot))

    async def steps(pilot: Pilot[Any]) -> None:
        await arrange(pilot, SHOTS[shot])
        await pilot.pause()
        assert app.live is not None
        moves = app.live.has_class("-details-only")  # a pane in the list's place moves beside it for good
        before = drawn(app)
        for wide, high in ((120, 36), (60, 15), (80, 24)):
            await pilot.resize_terminal(wide, high)
            await until(pilot, lambda size=Size(wide, high): app.screen.region.size == size, f"the screen is {app.screen.region.size}")  # type: ignore[misc]
            await pilot.pause()
            footer = app.live.query_one("#footer").region
            assert (footer.width, footer.bottom) == (wide, high), "the last row is the footer's"
        assert moves or drawn(app) == before

    drive(app, steps)
