"""The Discover screen by keys: an artist's tree, one release, another edition, all of it, labels and crates, and where any album leads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.graph import DiscographyView, LabelView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, Result
from slskdn_tui.ui.present.base import UNICODE, line_width
from slskdn_tui.ui.present.discover import arguments, row_lines, split_filter, toggled, tree_lines, tree_rows
from slskdn_tui.ui.screens.dialogs import Pick, Prompt
from slskdn_tui.ui.screens.discover import DiscoverScreen
from slskdn_tui.ui.screens.jobs import JobsScreen
from tests.fakes import records
from tests.fakes.discography import mbid
from tests.fakes.driving import Make, drive, message, on_screen, until
from tests.fakes.engine import FakeEngine


async def whose(pilot: Pilot[int], app: Any, name: str) -> None:
    await pilot.press("4", "n")
    await until(pilot, lambda: isinstance(app.screen, Prompt))
    await pilot.press(*name, "enter")
    await until(pilot, lambda: isinstance(app.screen, DiscoverScreen))


def cursor(app: Any) -> Any:
    return app.live.main.row


def test_an_artists_tree_says_what_is_here_and_what_is_missing(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("4")
        await until(pilot, lambda: "Whose records?" in on_screen(app) and "Press n" in on_screen(app))
        await whose(pilot, app, "boards")
        await until(pilot, lambda: "Core: 4, 1 here" in on_screen(app))
        assert ViewKey("discography", "artist/boards", count=5000) in engine.asked
        text = on_screen(app)
        assert "1 of 4 core albums here" in text and "Extended: 5, 1 here" in text and "7 bootlegs left out (b)" in text
        assert "active 38%" in text and "40% here" in text and "missing" in text and "Live" in text
        assert cursor(app).title == "Music Has the Right to Children", "the cursor stands on the first album"
        assert "Aquarius" not in text, "singles wait behind their heading"
        await pilot.press("G")
        await until(pilot, lambda: "Warp Records" in on_screen(app))

    drive(app, steps)


@pytest.mark.parametrize("first", ["enter", "slash"])
def test_with_nobody_shown_enter_and_slash_both_ask_for_an_artist(engine: FakeEngine, make_app: Make, first: str) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("4")
        await until(pilot, lambda: "Whose records?" in on_screen(app))
        await pilot.press(first)
        await until(pilot, lambda: isinstance(app.screen, Prompt) or app.live.bar.mode == "/")  # type: ignore[union-attr]
        await pilot.press(*"boards", "enter")
        await until(pilot, lambda: "Core: 4, 1 here" in on_screen(app))

    drive(app, steps)


def test_the_filters_own_words_go_to_the_engine_and_others_look_in_the_rows(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "boards")
        await until(pilot, lambda: "Core: 4" in on_screen(app))
        await pilot.press("m")
        await until(pilot, lambda: "Core: 3, none here" in on_screen(app) and "3 core albums missing" in on_screen(app))
        await pilot.press("b")
        await until(pilot, lambda: "left out" not in on_screen(app))
        assert engine.asked[-1].filter == "missing bootlegs"
        await pilot.press("m", "b", "slash", *"section:core", "space", *"harvest", "enter")
        await until(pilot, lambda: "Tomorrow's Harvest" in on_screen(app) and "Geogaddi" not in on_screen(app))
        assert engine.asked[-1].filter == "section:core"
        await pilot.press("escape")
        await until(pilot, lambda: "Geogaddi" in on_screen(app))

    drive(app, steps)


def test_a_filter_that_cannot_be_read_is_one_line_and_the_rows_stay(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    def ask(subject: str, filter_: str = "") -> DiscographyView | None:
        if "year:19" in filter_:
            raise UserError("usage", "'19' are no years", "write e.g. 1991, 1990-1999 or 1990-")
        return records.discography(subject, filter_)

    engine.views["discography"] = ask

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "boards")
        await until(pilot, lambda: "Core: 4" in on_screen(app))
        await pilot.press("slash", *"year:19", "enter")
        await until(pilot, lambda: "! '19' are no years" in on_screen(app) and "Geogaddi" in on_screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: "no years" not in on_screen(app))

    drive(app, steps)


def test_A_gets_the_release_under_the_cursor_or_all_that_are_marked(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "boards")
        await until(pilot, lambda: "Core: 4" in on_screen(app))
        await pilot.press("j", "A")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("j", "space", "space", "A")
        await until(pilot, lambda: len(engine.commands) == 3)
        await pilot.press("G", "A")
        await until(pilot, lambda: "put the cursor on a release" in message(app))

    drive(app, steps)
    titles = ("Geogaddi", "The Campfire Headphase", "Tomorrow's Harvest")
    assert engine.commands == [Command("jobs.create", {"reference": mbid("release", title)}) for title in titles]


def test_enter_opens_an_album_another_edition_is_chosen_there_and_q_comes_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "boards")
        await until(pilot, lambda: "Core: 4" in on_screen(app))
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: "Editions: 3" in on_screen(app) and "also by this producer: Michael Sandison" in on_screen(app))
        assert "● Digital Media, Warp Records" in on_screen(app) and "CD, Beat Records" in on_screen(app)
        await pilot.press("E")  # on the one that is the user's choice: the rule decides again
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("j", "E")
        await until(pilot, lambda: len(engine.commands) == 2)
        await pilot.press("g", "j", "j", "enter")
        await until(pilot, lambda: app.live.subject == f"label/{mbid('warp')}")  # type: ignore[union-attr]
        await until(pilot, lambda: "Boards of Canada – Geogaddi" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: "Editions: 3" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: "Core: 4" in on_screen(app) and cursor(app).title == "The Campfire Headphase")

    drive(app, steps)
    assert engine.commands == [
        Command("discover.edition", {"release": mbid("release", "The Campfire Headphase"), "reset": True}),
        Command("discover.edition", {"release": mbid("edition", 0)}),
    ]


def test_the_line_shows_what_somebody_produced_by_an_artists_url(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("colon", *f"discover producer https://musicbrainz.org/artist/{mbid('sandison')}", "enter")
        await until(pilot, lambda: isinstance(app.live, DiscoverScreen) and app.live.subject == f"producer/{mbid('sandison')}")

    drive(app, steps)


class Planning(FakeEngine):
    """Says what a parent job would be, more for more."""

    plans: dict[str, tuple[int, float]]

    async def submit(self, command: Command) -> Result:
        if not command.args.get("dry_run"):
            return await super().submit(command)
        self.commands.append(command)
        count, wait = self.plans[command.args.get("scope") or command.args["top"]]
        return Result(data={"releases": count, "forecast_s": wait})


def test_D_says_how_many_and_how_long_before_a_discography_is_got(make_app: Make) -> None:
    engine = Planning()
    engine.plans = {"core": (3, 12.0), "extended": (6, 150.0)}
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "boards")
        await until(pilot, lambda: "Core: 4" in on_screen(app))
        await pilot.press("slash", *"year:1990-2010", "enter", "D")
        await until(pilot, lambda: isinstance(app.screen, Pick) and "6 releases, core and extended" in on_screen(app))
        assert "3 releases, core" in on_screen(app) and "searched in 2 min" in on_screen(app)
        assert all(command.args.get("dry_run") for command in engine.commands), "nothing begins before it is picked"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DiscoverScreen))
        engine.commands.clear()
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("j", "enter")
        await until(pilot, lambda: len(engine.commands) == 3)

    drive(app, steps)
    assert engine.commands[-1] == Command("discover.get", {"artist": "boards", "years": "1990-2010", "scope": "extended"})


def test_labels_are_found_by_how_they_begin_and_a_crate_is_got_of_one(make_app: Make) -> None:
    engine = Planning()
    engine.plans = {"10": (5, 40.0), "25": (5, 40.0), "50": (5, 40.0), "all": (5, 40.0)}
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("4", "tab")
        await until(pilot, lambda: "Kompakt" in on_screen(app) and "6 labels" in on_screen(app))
        await pilot.press("slash", *"wa")
        await until(pilot, lambda: "Warp Singles" in on_screen(app) and "Kompakt" not in on_screen(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "Aphex Twin" in on_screen(app) and "61+12" in on_screen(app))
        assert "0.93" in on_screen(app) and "FLAC MP3" in on_screen(app) and "50% here" in on_screen(app)
        await pilot.press("slash", *"codec:FLAC", "enter")
        await until(pilot, lambda: "LFO" not in on_screen(app))
        await pilot.press("j", "A")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, Pick) and "5 releases, the 10 most peers have" in on_screen(app))
        assert "25 most" not in on_screen(app), "a choice that gets no more than the one before is none"
        await pilot.press("enter")
        await until(pilot, lambda: len(engine.commands) == 6)
        await pilot.press("escape")
        await until(pilot, lambda: "LFO" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: "Warp Singles" in on_screen(app))

    drive(app, steps)
    assert engine.commands[0] == Command("jobs.create", {"reference": mbid("crate", 1)})
    assert engine.commands[-1] == Command("labels.crate", {"label": ["Warp Records"], "codec": "FLAC", "top": "10"})


def test_a_label_of_thousands_comes_in_windows(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)
    one = records.label("Warp Records").rows[0]
    rows = tuple(replace(one, key=str(at), title=SafeText(f"Record {at}")) for at in range(3000))

    async def snapshot(view: ViewKey, since: int = 0) -> Any:
        if view.screen != "label":
            return await FakeEngine.snapshot(engine, view, since)
        engine.asked.append(view)
        return LabelView(1, SafeText("Warp Records"), "done", rows[view.start : view.start + view.count], len(rows))

    engine.snapshot = snapshot  # type: ignore[method-assign]

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("4", "tab")
        await until(pilot, lambda: "Kompakt" in on_screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Record 3" in on_screen(app))
        await pilot.press("G")
        await until(pilot, lambda: "Record 2999" in on_screen(app))
        assert max(view.count for view in engine.asked if view.screen == "label") == 100

    drive(app, steps)


def test_an_artist_of_two_thousand_releases_scrolls_to_the_end(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)
    made = records.discography("artist/x")
    assert made is not None
    many = tuple(replace(made.rows[0], key=str(at), title=SafeText(f"Record {at}")) for at in range(2000))
    engine.views["discography"] = lambda subject, filter_="": replace(made, rows=many, total=2000, links=())

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "x")
        await until(pilot, lambda: "Core: 2,000" in on_screen(app))
        await pilot.press("ctrl+d", "G")
        await until(pilot, lambda: "Record 1999" in on_screen(app))
        await pilot.press("h")
        await until(pilot, lambda: cursor(app).key == "head/core")
        await pilot.press("h")
        await until(pilot, lambda: len(app.live.main.model) == 1)  # type: ignore[union-attr]

    drive(app, steps)


def test_while_musicbrainz_is_asked_the_screen_says_how_far_and_when_it_is_silent_why(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "slow")
        await until(pilot, lambda: "300 of 2,000 releases" in on_screen(app))
        await pilot.press("5", "4")
        await whose(pilot, app, "silent")
        await until(pilot, lambda: "does not answer" in on_screen(app) and "asked again in 30 s" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: "300 of 2,000 releases" in on_screen(app))

    drive(app, steps)


def test_of_a_name_that_several_have_one_is_chosen_with_enter(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "Plone")
        await until(pilot, lambda: "Who is meant?" in on_screen(app) and "Dutch DJ: Plone" in on_screen(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: app.live.subject == f"artist/{mbid('plone')}" and "Core: 4" in on_screen(app))  # type: ignore[union-attr]

    drive(app, steps)


def test_o_on_a_job_shows_where_its_album_leads_one_key_queues_and_q_goes_back_to_jobs(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)
    job = engine.views["job"]
    engine.views["job"] = lambda subject: (
        (view := job(subject)) and replace(view, job=replace(view.job, release=mbid("release", "Geogaddi")))
    )

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("4", "5")
        await until(pilot, lambda: "Boards of Canada" in on_screen(app))
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.live, DiscoverScreen) and "same label: Warp Records" in on_screen(app))
        assert app.live.subject == f"release/{mbid('release', 'Geogaddi')}"  # type: ignore[union-attr]
        await pilot.press("g", "j", "enter")
        await until(pilot, lambda: "Core: 4" in on_screen(app))
        await pilot.press("A", "q")
        await until(pilot, lambda: "same label" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.live, JobsScreen))
        await pilot.press("4")
        await until(pilot, lambda: "Whose records?" in on_screen(app))

    drive(app, steps)
    assert engine.commands == [Command("jobs.create", {"reference": mbid("release", "Music Has the Right to Children")})]


@pytest.mark.parametrize(("keys", "asked"), [(("2", "tab"), ""), (("2",), "candidates"), (("3", "j"), "candidates")])
def test_o_works_on_search_and_library_too(engine: FakeEngine, make_app: Make, keys: tuple[str, ...], asked: str) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press(keys[0])
        await until(pilot, lambda: app.live is not None and app.live.main.loaded and len(app.live.main.model) > 0)
        await pilot.press(*keys[1:])
        await until(pilot, lambda: app.live is not None and app.live.main.row is not None)
        if keys[0] == "3":
            await pilot.press("tab")
            await until(pilot, lambda: app.live is not None and app.live.table.row is not None and hasattr(app.live.table.row, "facts"))
        engine.asked.clear()
        await pilot.press("o")
        if asked:
            await until(pilot, lambda: isinstance(app.screen, Pick) and "Which release" in str(app.screen.title_text))
            assert any(view.screen == asked for view in engine.asked)
            await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.live, DiscoverScreen) and "same label" in on_screen(app))

    drive(app, steps)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("discover artist boards --missing", "Core: 3, none here"),
        ("discover release 0e11b5ba-9b2e-4f4e-8a8d-0c1f3f1a2b3c", "Editions: 3"),
        ("labels list wa", "Warp Singles"),
        ("labels show Warp Records --codec FLAC", "codec:FLAC"),
        ("jobs parents", "5 Jobs"),
    ],
)
def test_a_command_line_of_the_cli_shows_the_same_here(engine: FakeEngine, make_app: Make, line: str, seen: str) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        app.actions.run_line(line)
        await until(pilot, lambda: seen in on_screen(app))

    drive(app, steps)


def test_without_an_engine_one_line_says_so(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    def gone(subject: str, filter_: str = "") -> None:
        raise UserError("no_engine", "discographies need a running engine", "start `slskdn`")

    engine.views["discography"] = gone

    async def steps(pilot: Pilot[int]) -> None:
        await whose(pilot, app, "boards")
        await until(pilot, lambda: "need a running engine" in on_screen(app))

    drive(app, steps)


# Words ---------------------------------------------------------------------------------------------------------------


def test_words_of_the_filter() -> None:
    assert split_filter('year:1990-1999 label:"Warp Records" moon safari') == ("year:1990-1999 'label:Warp Records'", "moon safari")
    assert split_filter("year: label") == ("", "label"), "a word still being typed is neither"
    assert toggled("", "missing") == "missing" and toggled("a missing b", "missing") == "a b"
    assert arguments("score>=0.8 codec:FLAC year:1991 x", crate=True) == {"score": 0.8, "codec": "FLAC", "years": "1991"}
    assert arguments("score>=x label:Warp year:1991 bootlegs missing", crate=False) == {"label": "Warp", "years": "1991", "bootlegs": True}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    view = records.discography("artist/x")
    assert view is not None
    lines = tree_lines(view, "artist/x", "year:1990-1999 " * 9, "", width, UNICODE)
    for row in tree_rows(view):
        lines += row_lines(row, width - 2, 20, UNICODE)
    assert max(line_width(line) for line in lines) <= width
