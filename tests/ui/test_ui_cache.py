"""The cache by keys: the fourth section of Peers, its switch, limits, pins, and letting go that asks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.seam import Command
from slskdn_tui.ui.present.base import ASCII, UNICODE, Glyphs, line_width
from slskdn_tui.ui.present.cache import cache_lines, cached_lines
from slskdn_tui.ui.screens.dialogs import Ask, Prompt
from slskdn_tui.ui.widgets.table_lines import plain
from tests.fakes import warm
from tests.fakes.driving import Make, drive, message, on_screen, until
from tests.fakes.engine import FakeEngine


def test_tab_leads_to_the_cache_with_what_it_holds_and_gave_and_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6", "tab", "tab", "tab")
        await until(pilot, lambda: "[Cache]" in on_screen(app) and "Blue in Green" in on_screen(app))
        text = on_screen(app)
        assert "4 recordings, 220 MB of 50.0 GB" in text and "2 pinned" in text and "waits until nobody searches" in text
        (sent,) = [line for line in text.splitlines() if "Blue in Green" in line and "138 MB" in line]
        assert "pin, sending" in sent, "what is sent is still pinned"
        assert "61 peers served, 6.9 GB sent" in text and "b3:9f2c" not in text and "block" not in text
        await pilot.press("enter")
        await until(pilot, lambda: "41% is here" in on_screen(app))
        await pilot.press("q", "tab")
        await until(pilot, lambda: "[Contribution]" in on_screen(app) and "b3:9f2c" in on_screen(app))

    drive(app, steps)


def test_o_shows_the_cache_first_and_then_switches_it(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "b3:9f2c" in on_screen(app))
        await pilot.press("o")
        await until(pilot, lambda: "Blue in Green" in on_screen(app))
        assert engine.commands == []
        await pilot.press("o")
        await until(pilot, lambda: len(engine.commands) == 1)
        engine.views["cache"] = replace(warm.off(), version=2)
        await app.poller.poll()
        await until(pilot, lambda: "off: nothing is fetched or served" in on_screen(app))
        await pilot.press("o")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert engine.commands == [Command("cache.off", {}), Command("cache.on", {})]


def test_pin_unpin_move_and_evict_are_for_the_row_and_evict_asks(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6", "tab", "tab", "tab")
        await until(pilot, lambda: "Blue in Green" in on_screen(app))
        await pilot.press("j", "p")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("P")
        await until(pilot, lambda: len(engine.commands) == 2)
        await pilot.press("m")
        await until(pilot, lambda: len(engine.commands) == 3)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "Blue in Green" in on_screen(app)
        await pilot.press("n")
        await until(pilot, lambda: "left as it was" in message(app))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 4)

    drive(app, steps)
    recording = warm.RECORDINGS[1]
    assert engine.commands == [
        Command("cache.pin", {"recording": recording}),
        Command("cache.unpin", {"recording": recording}),
        Command("cache.move", {"recording": recording}),
        Command("cache.evict", {"recording": recording, "yes": True}),
    ]


def test_size_and_threshold_are_asked_for_and_a_word_is_no_number(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6", "o")
        await until(pilot, lambda: "Blue in Green" in on_screen(app))
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"2.5", "enter")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"many", "enter")
        await until(pilot, lambda: "wants a number" in message(app))
        await pilot.press("colon", *"cache threshold 4", "enter")
        await until(pilot, lambda: len(engine.commands) == 2)
        await pilot.press("colon", *"cache evict --all", "enter")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 3)

    drive(app, steps)
    assert engine.commands == [
        Command("cache.size", {"gb": 2.5}),
        Command("cache.threshold", {"peers": 4}),
        Command("cache.evict", {"all": True, "yes": True}),
    ]


def test_the_line_shows_the_cache_from_anywhere(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("1", "colon", *"cache status", "enter")
        await until(pilot, lambda: "[Cache]" in on_screen(app) and "Blue in Green" in on_screen(app))

    drive(app, steps)


def test_evict_without_a_row_says_what_it_wants(make_app: Make) -> None:
    engine = FakeEngine(empty=True)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6", "o")
        await until(pilot, lambda: "The cache is off." in on_screen(app))
        await pilot.press("x")
        await until(pilot, lambda: "put the cursor on a recording first" in message(app))

    drive(app, steps)
    assert engine.commands == []


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("width", [38, 60, 80, 120])
def test_every_line_of_the_cache_fits(width: int, glyphs: Glyphs) -> None:
    for view in (None, warm.cache(), warm.off()):
        assert all(line_width(line) <= width for line in cache_lines(view, width, glyphs))
    for row in (None, *warm.cache().rows):
        lines = cached_lines(row, width, 20, glyphs)
        assert all(line_width(line) <= width for line in lines)
        assert glyphs is UNICODE or all(plain(line).isascii() for line in lines)
