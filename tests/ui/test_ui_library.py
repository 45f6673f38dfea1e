"""The Library screen by keys: kinds and their files, why, fix with a retag shown first, dismiss, check, scan, pause, schedule, the trash."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.library_view import LibraryView, ScanLine
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent
from slskdn_tui.seam import Command, Result
from slskdn_tui.ui.present.base import ASCII, UNICODE, line_width
from slskdn_tui.ui.present.library import top_lines, why_lines
from slskdn_tui.ui.screens.dialogs import Ask, Prompt
from slskdn_tui.ui.screens.library import LibraryScreen
from tests.fakes import shelf
from tests.fakes.driving import Make, drive, message, on_screen, until
from tests.fakes.engine import FakeEngine


def test_3_shows_counts_first_then_the_files_of_a_kind_and_enter_says_why(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "suspected transcodes" in on_screen(app) and "117" in on_screen(app))
        text = on_screen(app)
        assert "41,208 files" in text and "decode 61%" in text and "ETA 3:10" in text and "SAW 85-92/02 Tha.flac" in text
        await pilot.press("j")
        await until(pilot, lambda: "suspected transcodes (117)" in on_screen(app) and "Autriche" in on_screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.live is not None and app.live.table is app.live.issues)  # type: ignore[attr-defined]
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: "canonical 0.94, 80 peers agree" in on_screen(app))
        text = on_screen(app)
        assert "Geogaddi/03" in text and "expected below 0.6" in text and "MP3 filter bank" in text and "another copy" in text
        await pilot.press("q", "q")
        await until(pilot, lambda: "ISSUE" in on_screen(app))

    drive(app, steps)


def test_a_key_typed_right_after_a_move_never_meets_the_files_of_the_kind_before(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "j")
        await until(pilot, lambda: "Autriche" in on_screen(app))
        screen = app.live
        assert isinstance(screen, LibraryScreen) and screen.subjects()
        screen.main.move(1)  # and no message was handled since
        assert screen.subjects() == []
        await until(pilot, lambda: bool(screen.subjects()))

    drive(app, steps)


def test_f_fixes_what_is_marked_in_one_go_and_d_dismisses(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)
    first, second = (row.name for row in shelf.library("transcode").rows[:2])  # type: ignore[union-attr]

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "j")
        await until(pilot, lambda: "Autriche" in on_screen(app))
        await pilot.press("tab", "space", "space", "f")
        await until(pilot, lambda: bool(engine.commands))
        await pilot.press("d")
        await until(pilot, lambda: len(engine.commands) == 2)
        await pilot.press("c", "R", "p")
        await until(pilot, lambda: len(engine.commands) == 5)

    drive(app, steps)
    assert engine.commands == [
        Command("library.fix", {"issue": [first, second]}),
        Command("library.dismiss", {"issue": [first, second], "undo": False}),
        Command("library.check", {}),
        Command("library.scan", {}),
        Command("library.scan", {"pause": True}),
    ]


@pytest.mark.parametrize("agreed", [True, False])
def test_tags_are_shown_before_they_are_written(engine: FakeEngine, make_app: Make, agreed: bool) -> None:
    app = make_app(engine)
    changes = [{"path": "/music/a.flac", "changes": [{"field": "title", "old": ["Old"], "new": ["Un Jour"]}]}]
    engine.answer = Result(message=SafeText("shown"), data={"jobs": [], "to_write": changes})

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "j", "j", "j")
        await until(pilot, lambda: "mis-tagged tracks (41)" in on_screen(app) and "Autriche" in on_screen(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "Un Jour" in on_screen(app))
        await pilot.press("y" if agreed else "n")
        await until(pilot, lambda: isinstance(app.screen, LibraryScreen) and (not agreed or len(engine.commands) == 2))

    drive(app, steps)
    assert [command.args.get("retag") for command in engine.commands] == ([None, True] if agreed else [None])


def test_in_the_trash_f_puts_back_and_among_the_dismissed_d_shows_again(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "G")
        await until(pilot, lambda: "in the trash (1)" in on_screen(app) and "can come back" in on_screen(app))
        assert "f put back" in on_screen(app)
        await pilot.press("f")
        await until(pilot, lambda: bool(engine.commands))
        await pilot.press("k")
        await until(pilot, lambda: "dismissed (4)" in on_screen(app) and "d show again" in on_screen(app) and "Autriche" in on_screen(app))
        await pilot.press("d")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert engine.commands[0] == Command("trash.restore", {"entry": ["3f2a91c0-001"]})
    assert engine.commands[1].name == "library.dismiss" and engine.commands[1].args["undo"] is True


@pytest.mark.parametrize("agreed", [True, False])
def test_albums_that_are_not_sure_are_confirmed_or_named_by_the_user(engine: FakeEngine, make_app: Make, agreed: bool) -> None:
    app = make_app(engine)
    other = "b84ee12a-09ef-421b-82de-0441a926375b"

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "G", "k", "k")
        await until(pilot, lambda: "albums to confirm (2)" in on_screen(app) and "say which" in on_screen(app))
        assert "f confirm" in on_screen(app)
        await pilot.press("d")
        await until(pilot, lambda: "nothing to dismiss" in message(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "probably Plone" in on_screen(app))
        await pilot.press("y" if agreed else "n")
        if not agreed:
            await until(pilot, lambda: isinstance(app.screen, Prompt))
            await pilot.press(*("minus" if key == "-" else key for key in other), "enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    release = shelf.RELEASE if agreed else other
    assert engine.commands == [Command("library.identify", {"folder": "/music/Plone/For Beginner Piano", "release": release})]


def test_w_asks_when_to_scan(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "ISSUE" in on_screen(app))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"daily", "space", "0", "4", "colon", "0", "0", "enter")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("library.schedule", {"when": "daily 04:00"})]


def test_an_empty_library_says_what_to_press(make_app: Make) -> None:
    app = make_app(FakeEngine(empty=True))

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "Nothing was scanned yet" in on_screen(app))
        await pilot.press("f")
        await until(pilot, lambda: "nothing to fix" in message(app))

    drive(app, steps)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_line_fits_its_width(width: int, glyphs: object) -> None:
    view = shelf.library("transcode")
    assert view is not None
    paused = replace(view, scan=ScanLine("paused", words=SafeText("paused: " + "x" * 200)), missing=3)
    for each in (None, view, paused, LibraryView(1)):
        assert all(line_width(line) <= width for line in top_lines(each, width, glyphs))  # type: ignore[arg-type]
    for row in view.rows:
        assert all(line_width(line) <= width for line in why_lines(row, width, 30, glyphs))  # type: ignore[arg-type]


def test_what_would_mend_a_file_is_seen_at_once_on_24_rows_and_said_once(engine: FakeEngine, make_app: Make) -> None:
    """Fifteen facts of the file stand below it, not before it; the line above the footer does not repeat the pane."""
    app = make_app(engine)
    (first, *_) = shelf.library("transcode").rows  # type: ignore[union-attr]
    facts = tuple((f"fact {at}", SafeText("x")) for at in range(15))
    engine.views["library"] = lambda kind: (
        replace(view, rows=(replace(first, facts=facts),)) if (view := shelf.library(kind)).rows else view
    )

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "j")
        await until(pilot, lambda: "02 Tha.flac" in on_screen(app) and "suspected transcodes (117)" in on_screen(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "fact 0" in on_screen(app))
        assert "another copy by a job" in on_screen(app) and not message(app)
        await pilot.press("q")
        await until(pilot, lambda: "was MP3 once" in message(app))

    drive(app, steps)


def test_after_a_retag_u_takes_it_back_and_the_old_words_are_shown_beside_the_new(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)
    changes = [{"path": "/music/a.flac", "changes": [{"field": "title", "old": ["Old"], "new": ["Un Jour"]}]}]
    engine.answer = Result(message=SafeText("1 file retagged"), data={"jobs": [], "to_write": changes, "retags": ["49cba401"]})

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "j", "j", "j")
        await until(pilot, lambda: "mis-tagged tracks (41)" in on_screen(app) and "Autriche" in on_screen(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "title: Old -> Un Jour" in on_screen(app))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, LibraryScreen) and "u takes it back" in message(app))
        await pilot.press("u")
        await until(pilot, lambda: len(engine.commands) == 3)

    drive(app, steps)
    assert engine.commands[-1] == Command("library.retag", {"undo": "last"})


def test_a_retag_is_taken_back_by_a_line_without_a_question_for_files(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "colon", *"library retag --undo last", "enter")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("colon", *"library retag a.flac b.flac --set title=x", "enter")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert engine.commands == [
        Command("library.retag", {"undo": "last"}),
        Command("library.retag", {"path": [os.path.abspath("a.flac"), os.path.abspath("b.flac")], "set": "title=x"}),
    ]


def test_what_a_scan_found_takes_the_place_of_the_words_that_it_begins(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)
    apart = "; shared but not looked through: /more"
    engine.answer = Result(message=SafeText(f"the scan begins{apart}"), data={"apart": apart})

    def looked_through(files: int) -> EngineEvent:
        return EngineEvent("library.scanned", "2026-11-21T20:00:00Z", "library", "info", SafeText(f"library looked through: {files} files"))

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "R")
        await until(pilot, lambda: message(app).startswith("the scan begins"))
        engine.queue.put_nowait(looked_through(2))
        await until(pilot, lambda: message(app) == f"library looked through: 2 files{apart}")
        engine.queue.put_nowait(looked_through(3))  # once more, as it was asked for twice
        await until(pilot, lambda: message(app) == f"library looked through: 3 files{apart}")
        engine.answer = Result(message=SafeText("the check begins"))
        await pilot.press("c")
        await until(pilot, lambda: message(app) == "the check begins")
        app.actions.scan_ended("library looked through: 4 files")
        assert message(app) == "the check begins"  # what was said since is not written over

    drive(app, steps)


def test_what_a_scan_found_is_said_also_when_it_comes_before_the_answer(make_app: Make) -> None:
    class Quick(FakeEngine):
        async def submit(self, command: Command) -> Result:
            app.actions.scan_ended("library looked through: 2 files")
            return Result(message=SafeText("the scan begins"))

    app = make_app(Quick())

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "R")
        await until(pilot, lambda: message(app) == "library looked through: 2 files")

    drive(app, steps)
