"""Discographies and crates on the Jobs screen: a tree over their releases, with keys that take the parent or one release."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.engine.views.job_tree import shown_jobs
from slskdn_tui.model.parents import Member, ParentRecord, ParentType
from slskdn_tui.model.text import SafeText as T
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.seam import Command
from slskdn_tui.ui.screens.dialogs import Ask
from slskdn_tui.ui.screens.discover import DiscoverScreen
from tests.fakes import records
from tests.fakes.discography import mbid
from tests.fakes.driving import Make, drive, message, on_screen, until
from tests.fakes.engine import FakeEngine


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine()
    made.views["jobs"] = records.jobs()
    return made


async def jobs(pilot: Pilot[int], app: object) -> None:
    await pilot.press("5")
    await until(pilot, lambda: "Boards of Canada: core discography" in on_screen(app))  # type: ignore[arg-type]


def test_a_discography_is_one_line_that_opens_on_its_releases(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await jobs(pilot, app)
        await until(pilot, lambda: "5 releases: 1 here, 1 active, 1 searching, 1 waiting, 1 failed." in on_screen(app))
        assert "A Few Old Tunes" not in on_screen(app) and "1/5" in on_screen(app) and "searched for in 2 min" in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Tomorrow's Harvest" in on_screen(app) and "A Few Old Tunes" in on_screen(app))
        await pilot.press("j")
        await until(pilot, lambda: "It is here already." in on_screen(app))
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: "Its turn has not come yet." in on_screen(app))
        await pilot.press("j")
        await until(pilot, lambda: "knows no release of that id" in on_screen(app))
        await pilot.press("h", "h")
        await until(pilot, lambda: "Tomorrow's Harvest" not in on_screen(app))
        asked = {view.subject for view in engine.asked if view.screen == "job"}
        assert "4d3a91c0-7a" not in asked and "" not in asked, "a parent and a release without a job have no tracks to ask for"

    drive(app, steps)


def test_keys_take_the_whole_discography_or_one_release_of_it(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await jobs(pilot, app)
        await pilot.press("p")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("t")
        await until(pilot, lambda: "no trace of its own" in message(app))
        await pilot.press("enter", "j", "p")
        await until(pilot, lambda: "put the cursor on a job first" in message(app))
        await pilot.press("j", "x")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "Geogaddi" in on_screen(app))
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert engine.commands == [
        Command("jobs.toggle", {"job": "4d3a91c0-7a"}),
        Command("jobs.cancel", {"job": "4d3a0001-0000", "yes": True}),
    ]


def test_o_on_a_release_that_has_no_job_yet_shows_where_it_leads(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await jobs(pilot, app)
        await pilot.press("enter", "j", "o")
        await until(pilot, lambda: isinstance(app.live, DiscoverScreen))
        assert app.live.subject == f"release/{mbid('release', 'Music Has the Right to Children')}"  # type: ignore[union-attr]

    drive(app, steps)


def test_a_small_terminal_says_what_a_discography_does_in_its_line(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await jobs(pilot, app)
        assert "1/5" in on_screen(app) and "active" in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Geogaddi" in on_screen(app))

    drive(app, steps, (60, 15))


def test_a_discography_in_a_list_longer_than_the_window_folds_and_its_releases_are_found(engine: FakeEngine, make_app: Make) -> None:
    """Through the engine's own tree of 3,000 releases, as the screen asks for it."""
    made = [ParentRecord(f"par{at}", ParentType.DISCOGRAPHY, "x", T(f"Artist {at}"), "core", members=_members(at)) for at in range(3)]

    class Long(FakeEngine):
        async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
            if view.screen == "jobs":
                self.asked.append(view)
                return replace(shown_jobs([], made, view), version=len(self.asked) + 1)
            return await super().snapshot(view, since)

    app = make_app(Long())

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5")
        await until(pilot, lambda: all(f"Artist {at}: core discography" in on_screen(app) for at in range(3)))
        assert "Record" not in on_screen(app) and "1000 releases." in on_screen(app).replace(",", "")
        await pilot.press("j", "enter")
        await until(pilot, lambda: "Record 1/0" in on_screen(app))
        assert "Record 0/" not in on_screen(app)
        await pilot.press("h")
        await until(pilot, lambda: "Record" not in on_screen(app) and "Artist 2" in on_screen(app))
        await pilot.press("slash", *"2/777", "enter")
        await until(pilot, lambda: "Record 2/777" in on_screen(app) and "Artist 2" in on_screen(app) and "Artist 0" not in on_screen(app))

    drive(app, steps)


def _members(at: int) -> list[Member]:
    return [Member(f"{at}-{number}", T(f"Record {at}/{number}"), T(f"Artist {at}")) for number in range(1000)]
