"""The play bar: above the footer while something plays, behind a message, gone when it ends; and the keys that play."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.config.settings import Ui
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command, Result
from slskdn_tui.ui.screens.elsewhere import Elsewhere
from slskdn_tui.ui.widgets.lines import Lines
from tests.fakes import shelf, story
from tests.fakes.driving import Make, drive, message, on_screen, until
from tests.fakes.engine import FakeEngine

PLAYS = story.PLAYS


@pytest.mark.parametrize("size", ((80, 24), (120, 36)), ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_plays_is_told_above_the_footer_until_it_ends(make_app: Make, size: tuple[int, int]) -> None:
    engine = FakeEngine()
    engine.views["status"] = replace(story.status(), version=900, playing=PLAYS.line)
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "Streaming: Blue in Green 1:23/5:37; buffer 28 s (healthy)" in message(app))
        assert "anna + 2 mesh peers" in message(app)
        app.live.say("something else")
        assert message(app).strip() == "something else"
        app.live.say("")
        engine.views["status"] = replace(story.status(), version=901)
        app.poller.kick()
        await until(pilot, lambda: "Streaming" not in message(app))

    drive(app, steps, size)


def test_a_player_that_waits_says_so_and_what_is_there_needs_no_source() -> None:
    assert "1:23/5:37 buffering; buffer 3 s (empty)" in replace(PLAYS, state="buffering", buffer_ms=3_000).line
    assert replace(PLAYS, whole=True).line == "Streaming: Blue in Green 1:23/5:37; buffer 28 s (whole)"
    assert PlaybackView(1).line == ""


class Player(FakeEngine):
    """Says it plays, as the engine does."""

    async def submit(self, command: Command) -> Result:
        self.commands.append(command)
        plays = command.name == "playback.play"
        return Result(
            message=SafeText("playing it" if plays else "done"), data={"player": "mpv"} if plays else {"url": "http://127.0.0.1:1/a"}
        )


def test_p_plays_the_track_under_the_cursor_and_says_which_keys_steer_it(make_app: Make) -> None:
    engine = Player()
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("j", "P")
        await until(pilot, lambda: "playing it: K pauses, < > 10 s, X stops" in message(app))
        await pilot.press("K")
        await until(pilot, lambda: engine.commands[-1].name == "playback.pause")
        await pilot.press("less_than_sign", "greater_than_sign", "X")
        await until(pilot, lambda: engine.commands[-1].name == "playback.stop")

    drive(app, steps)
    row = story.swarms().rows[1]
    assert row.track and engine.commands == [
        Command("playback.play", {"subject": row.job_id, "track": row.track}),
        Command("playback.pause", {}),
        Command("playback.seek", {"to": "-10"}),
        Command("playback.seek", {"to": "+10"}),
        Command("playback.stop", {}),
    ]


def test_a_track_without_troubles_says_above_the_footer_that_it_can_be_heard_by_the_keys_in_force(make_app: Make) -> None:
    app = make_app(FakeEngine(), settings=Ui(keymap={"playback.here": "ctrl+y"}))

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("j")
        await until(pilot, lambda: message(app) == "ctrl+y plays it while it arrives, Y gives its URL for a player elsewhere")
        await pilot.press("5", "enter", "j")
        await until(pilot, lambda: "ctrl+y plays it while it arrives" in message(app))

    drive(app, steps)


def test_p_on_a_job_plays_its_first_track_and_on_a_track_of_it_that_one(make_app: Make) -> None:
    engine = Player()
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("5", "P")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("enter", "j", "P")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    job = engine.commands[0].args["subject"]
    tracks = story.job(job).tracks  # type: ignore[union-attr]
    assert [command.args for command in engine.commands] == [{"subject": job, "track": tracks[at].position} for at in (0, 1)]


def test_p_on_library_plays_the_file_and_nothing_where_there_is_none(make_app: Make) -> None:
    engine = Player()
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3", "j")
        await until(pilot, lambda: "Autriche" in on_screen(app))
        await pilot.press("tab", "P")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("q", "G")
        await until(pilot, lambda: app.live is not None and app.live.part() == "trash")
        await pilot.press("P")
        await until(pilot, lambda: "put the cursor on a file" in message(app))

    drive(app, steps)
    assert [command.args for command in engine.commands] == [{"subject": str(shelf.library("transcode").rows[0].path)}]


def test_y_copies_the_url_of_what_plays_else_of_the_track_under_the_cursor(make_app: Make) -> None:
    engine = Player()
    app = make_app(engine)
    copied: list[str] = []
    app.copy_to_clipboard = copied.append  # type: ignore[method-assign]

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("j", "Y")
        await until(pilot, lambda: len(copied) == 1 and "was sent to the terminal's clipboard" in on_screen(app))
        await pilot.press("q")
        engine.views["playback"] = replace(PLAYS, url="http://127.0.0.1:8765/stream/x/track.flac")
        await pilot.press("Y")
        await until(pilot, lambda: len(copied) == 2)

    drive(app, steps)
    row = story.swarms().rows[1]
    assert engine.commands == [Command("playback.stream", {"job": row.job_id, "track": row.track})]
    assert copied == ["http://127.0.0.1:1/a", "http://127.0.0.1:8765/stream/x/track.flac"]


UNHEARD = replace(PLAYS, state="unheard", reason=SafeText("mpv finds no sound device on this machine"), url=story.URL)


@pytest.mark.parametrize("size", ((80, 24), (120, 36)), ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_cannot_be_heard_here_is_shown_with_the_lines_to_copy_whole_and_from_the_edge(make_app: Make, size: tuple[int, int]) -> None:
    engine = FakeEngine()
    reason = str(UNHEARD.reason)
    engine.answer = Result(message=SafeText(reason), data={"player": "", "url": story.URL, "title": "Blue in Green", "reason": reason})
    app = make_app(engine)
    copied: list[str] = []
    app.copy_to_clipboard = copied.append  # type: ignore[method-assign]

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("j", "P")
        await until(pilot, lambda: isinstance(app.screen, Elsewhere))
        await until(pilot, lambda: {story.URL, "ssh -L 8765:127.0.0.1:8765 HOST"} <= set(on_screen(app).split("\n")))
        panel = app.screen.query_one("#elsewhere", Lines)
        assert panel.region.x == 0 and panel.region.width == size[0] and reason in on_screen(app) and not copied
        await pilot.press("s")
        await until(pilot, lambda: "ssh line was sent" in on_screen(app))
        await pilot.press("Y")
        await until(pilot, lambda: "URL was sent" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, Elsewhere))

    drive(app, steps, size)
    assert copied == ["ssh -L 8765:127.0.0.1:8765 HOST", story.URL]


def test_what_to_copy_and_the_keys_that_copy_it_are_all_seen_at_60x15(make_app: Make) -> None:
    engine = FakeEngine()
    reason = str(UNHEARD.reason)
    engine.answer = Result(message=SafeText(reason), data={"player": "", "url": story.URL, "title": "Blue in Green", "reason": reason})
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("j", "P")
        await until(pilot, lambda: isinstance(app.screen, Elsewhere))
        for key, said in (("", ""), ("s", "ssh line was sent"), ("Y", "URL was sent")):
            if key:
                await pilot.press(key)
            panel = app.screen.query_one("#elsewhere", Lines)
            await until(pilot, lambda said=said, panel=panel: said in on_screen(app) and "q close" in on_screen(app))
            assert panel.region.y >= 0 and panel.region.bottom <= 15, panel.region
            assert story.URL in "".join(panel.text) and "ssh -L 8765:127.0.0.1:8765 HOST" in panel.text

    drive(app, steps, (60, 15))


def test_a_device_that_goes_is_told_above_the_footer_and_y_says_how_to_hear_it_elsewhere(make_app: Make) -> None:
    engine = FakeEngine()
    engine.views["status"] = replace(story.status(), version=900, playing=UNHEARD.line)
    engine.views["playback"] = UNHEARD
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: message(app).startswith("mpv finds no sound device on this machine; Y says how to hear it"))
        await pilot.press("Y")
        await until(pilot, lambda: story.URL in on_screen(app).split("\n") and "no sound device" in on_screen(app))

    drive(app, steps)
    assert not engine.commands
