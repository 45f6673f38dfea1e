"""What a newcomer reads: whole words, whole sentences, what to look at next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import CandidatesView, EngineEvent, JobView, LogView, SwarmsView
from slskdn_tui.ui.present.base import UNICODE
from slskdn_tui.ui.present.trace import lane_lines, source_lines
from slskdn_tui.ui.screens.dialogs import Choose, Pick
from slskdn_tui.ui.screens.newjob import NewJob
from slskdn_tui.ui.screens.swarms import SwarmsScreen
from tests.fakes import story
from tests.fakes.driving import Make, drive, message, on_screen, ready, until
from tests.fakes.engine import FakeEngine

SIZES = ((60, 15), (80, 24), (120, 36))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", ["searching", "completed", "cancelled"])
def test_states_are_whole_words_at_every_width(engine: FakeEngine, make_app: Make, state: str, size: tuple[int, int]) -> None:
    swarms: SwarmsView = engine.views["swarms"]
    engine.views["swarms"] = replace(swarms, rows=tuple(replace(row, state=state) for row in swarms.rows))
    engine.views["jobs"] = replace(story.jobs(), rows=tuple(replace(row, state=state) for row in story.jobs().rows))

    def job(subject: str) -> JobView | None:
        view = story.job(subject)
        return view and replace(view, tracks=tuple(replace(row, state=state) for row in view.tracks))

    engine.views["job"] = job
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        assert state in on_screen(app) and f"{state[:7]}…" not in on_screen(app)
        await pilot.press("5")
        await ready(pilot)
        if size[1] > 20:
            await until(pilot, lambda: "Only Shallow" in on_screen(app))
        assert state in on_screen(app) and f"{state[:7]}…" not in on_screen(app)

    drive(app, steps, size)


def test_an_error_of_a_new_job_is_told_to_its_end(make_app: Make) -> None:
    engine = FakeEngine()
    text = "MusicBrainz cannot be reached at musicbrainz.org: the name does not resolve, three times in a row; look at the network or set a proxy"
    engine.views["candidates"] = CandidatesView(1, error=SafeText(f"{text}; the very last hint"))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewJob))
        await pilot.press(*"amber", "enter")
        await until(pilot, lambda: "last hint" in on_screen(app))

    drive(app, steps)


def test_a_long_line_of_the_log_can_be_read_to_its_end(make_app: Make) -> None:
    engine = FakeEngine()
    rows = tuple(
        replace(row, text=SafeText(f"{row.text}: {'word ' * 20}end{index}")) if index == 7 else row
        for index, row in enumerate(story.log().rows)
    )
    engine.views["log"] = LogView(1, rows, len(rows))
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("7")
        await until(pilot, lambda: "end7" in on_screen(app))
        assert all("end7" not in line for line in app.live.main.text)
        await pilot.press("k")
        await until(pilot, lambda: app.live.bar.size.height == 1)

    drive(app, steps)


def test_a_job_that_is_complete_says_what_to_look_at_and_stays_open(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        swarms: SwarmsView = engine.views["swarms"]
        rows = tuple(replace(row, version=9, state="completed" if row.level == 0 else "done") for row in swarms.rows)
        engine.views["swarms"] = replace(swarms, version=9, rows=rows)
        engine.queue.put_nowait(
            EngineEvent("job.completed", story.at("21:05:00"), "job", "info", SafeText("Burial – Untrue: complete"), story.UNTRUE)
        )
        await until(pilot, lambda: "Burial – Untrue: complete; t on it opens its trace" in message(app))
        await app.poller.poll()
        await pilot.press("k")
        await until(pilot, lambda: "Loveless is complete; t opens its trace" in message(app))
        assert "Loomer" in on_screen(app)

    drive(app, steps)


def test_a_finished_rescue_makes_room_for_the_tracks_that_move(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "b3:77aa" in "".join(app.live.main.text))
        swarms: SwarmsView = engine.views["swarms"]
        rows = tuple(replace(row, version=9, state="done") if row.key == f"{story.LOVELESS}/5" else row for row in swarms.rows)
        await pilot.press(*("j" * 5))
        engine.views["swarms"] = replace(swarms, version=9, rows=rows)
        await app.poller.poll()
        await until(pilot, lambda: "RESCUE" not in "".join(app.live.main.text))
        assert "b3:77aa" in "".join(app.live.main.text), "the cursor stands on it"
        await pilot.press("k")
        engine.views["swarms"] = replace(swarms, version=10, rows=rows)
        await app.poller.poll()
        await until(pilot, lambda: "b3:77aa" not in "".join(app.live.main.text))

    drive(app, steps)


@pytest.mark.parametrize(("key", "dialog"), [("T", Pick), ("v", Choose), ("s", Pick)])
def test_j_and_k_move_in_a_picker_and_slash_narrows(engine: FakeEngine, make_app: Make, key: str, dialog: type) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, dialog))
        await pilot.press("g", "j", "j", "k")
        assert app.screen.table.cursor_index == 1 and app.screen.table.model.query == ""
        if dialog is Pick:
            await pilot.press("slash", "j")
            await until(pilot, lambda: app.screen.table.model.query == "j")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SwarmsScreen))

    drive(app, steps)


@pytest.mark.parametrize(("state", "seen"), [("done", False), ("RESCUE", True)])
def test_nothing_is_in_flight_in_the_lanes_of_a_finished_track(state: str, seen: bool) -> None:
    track = story.trace("x").tracks[1]
    track = replace(track, state=state, lanes=(replace(track.lanes[0], cells=">" * 40 + "#" * 40),))
    text = "\n".join("".join(part for part, _ in line) for line in lane_lines(track, 80, UNICODE))
    assert (UNICODE.chunk[">"] in text) is seen and ("in flight" in text) is seen


@pytest.mark.parametrize(("lanes", "words"), [(5, ""), (6, "and 2 more sources"), (7, "and 3 more sources")])
def test_the_last_lane_is_drawn_where_saying_that_there_is_one_more_would_stand(lanes: int, words: str) -> None:
    track = story.trace("x").tracks[1]
    track = replace(track, lanes=tuple(replace(track.lanes[0], name=SafeText(f"peer{n}")) for n in range(lanes)))
    lines = ["".join(part for part, _ in line) for line in lane_lines(track, 80, UNICODE, 4)]
    assert sum("peer" in line for line in lines) == (4 if words else 5) and ("more source" in "".join(lines)) is bool(words)
    assert words in "".join(lines) and len(lines) == 7, "a scale, the lanes, what the marks mean"


def test_ranges_that_do_not_fit_beside_a_note_end_after_a_whole_range() -> None:
    track = story.trace("x").tracks[1]
    source = replace(track.sources[0], ranges="12, 24-26, 34-35, 37-40", note=SafeText("rescue mode"))

    def shown(width: int) -> str:
        return "".join(part for part, _ in source_lines(replace(track, sources=(source,)), width, UNICODE)[1])

    assert "12, 24-26, 34-35, \N{HORIZONTAL ELLIPSIS}  rescue mode" in shown(119), "never `37-4`"
    assert "12, 24-26, 34-35, 37-40  rescue mode" in shown(160)
