"""The play bar: above the footer while something plays, behind a message, gone when it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.text import SafeText
from tests.fakes import story
from tests.fakes.driving import Make, drive, message, until
from tests.fakes.engine import FakeEngine

PLAYS = PlaybackView(
    1, "playing", SafeText("Blue in Green"), "j", 5, 83_000, 337_000, 28_000, 2_000, False, 850_000.0, 3.0, SafeText("anna + 2 mesh peers")
)  # fmt: skip


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
