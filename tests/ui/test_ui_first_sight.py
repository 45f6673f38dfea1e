"""What somebody sees who has just installed it: what is missing comes first, and what to do about it."""

from __future__ import annotations

from textual.pilot import Pilot

from slskdn_tui.model.library_view import LibraryView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import PartStatus, StatusView, SwarmsView
from tests.fakes.driving import Make, drive, on_screen, ready, until
from tests.fakes.engine import FakeEngine

NO_ACCOUNT = SafeText("no account is set; run `slskdn init`, or set soulseek.username and soulseek.password")
NO_WAY = SafeText("cannot reach the Soulseek server 127.1.2.3:2242 (nothing listens there); trying again in 28 s")


def test_without_an_account_the_first_screen_says_which_command_makes_one(engine: FakeEngine, make_app: Make) -> None:
    engine.views["swarms"] = SwarmsView(1)
    part = PartStatus("soulseek", "failing", NO_ACCOUNT)
    engine.views["status"] = StatusView(1, soulseek="refused", soulseek_words=NO_ACCOUNT, parts=(part,))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await ready(pilot)
        await until(pilot, lambda: "No Soulseek account is set" in on_screen(app))
        text = on_screen(app)
        assert "Leave with q and run `slskdn init`" in text
        assert "! no account is set; run `slskdn init`" in text.splitlines()[0], "the head has room for the cause and the cure"

    drive(app, steps, size=(80, 24))


def test_offline_the_first_screen_says_why_and_not_only_that_nothing_moves(engine: FakeEngine, make_app: Make) -> None:
    engine.views["swarms"] = SwarmsView(1)
    engine.views["status"] = StatusView(1, SafeText("newcomer"), soulseek="offline", soulseek_words=NO_WAY)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await ready(pilot)
        await until(pilot, lambda: "Soulseek is offline." in on_screen(app))
        assert "(nothing listens there)" in " ".join(on_screen(app).split()) and "Press n to fetch an album" in on_screen(app)
        engine.views["status"] = StatusView(2, SafeText("newcomer"), soulseek="online")
        await app.poller.poll()
        await until(pilot, lambda: "Soulseek is offline" not in on_screen(app) and "Nothing is moving." in on_screen(app))

    drive(app, steps, size=(80, 24))


def test_a_scan_that_found_no_music_does_not_call_the_library_well(engine: FakeEngine, make_app: Make) -> None:
    engine.views["library"] = LibraryView(1, checked_at="2026-11-26T13:46:00Z")
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await ready(pilot)
        await until(pilot, lambda: "No music was found." in on_screen(app))
        assert "library.folders" in on_screen(app) and "Nothing wrong" not in on_screen(app)

    drive(app, steps, size=(80, 24))
