"""A story by keys only, in a real tmux, over the lab's world: make a job, watch it, pause, resume, read its trace, ask for help."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.lab.world import Options, World, build
from tests.fakes.tmux import Tmux

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")]
SIZES = [(80, 24), (120, 36)]


async def _connect(paths: Paths) -> RemoteEngine:
    engine = RemoteEngine(paths.socket)
    await engine.start()
    return engine


@pytest.fixture(params=SIZES, ids=["80x24", "120x36"])
def story(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, Tmux]]:
    """A slow world (so that there is time to look), and the screens attached to its downloading node."""
    loop = asyncio.new_event_loop()
    world = loop.run_until_complete(build(tmp_path / "w", Options(rate=120_000, seconds=12), _connect, lambda line: None))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    tmux = None
    try:
        with world.profile.config_file.open("a", encoding="utf-8") as settings:
            settings.write("playback: {player: mpv --ao=null --no-config}\n")
        loop.run_until_complete(world.start_downloader())
        thread.start()
        width, height = request.param
        tmux = Tmux(width, height, f"{sys.executable} -m slskdn_tui --profile {world.root}/downloader; sleep 100")
        yield world, tmux
    finally:
        if tmux is not None:
            tmux.close()
        if thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
        loop.run_until_complete(world.stop())
        loop.close()


def listen(tmux: Tmux) -> None:
    """Play a track while it arrives, pause, go on, seek, copy its URL, stop: keys only, mpv itself, no sound device."""
    tmux.keys("P")
    tmux.until("which keys steer the player", lambda screen: "K pauses, < > 10 s, X stops" in screen)
    tmux.keys("K")
    tmux.until("that it is paused", lambda screen: "paused: " in screen)
    tmux.keys("g")
    tmux.until("the play bar", lambda screen: "Streaming: " in screen and " paused; buffer" in screen)
    tmux.keys("K")
    tmux.until("that it goes on", lambda screen: "goes on: " in screen)
    tmux.keys("g")
    tmux.until("sound", lambda screen: "Streaming: " in screen and not any(word in screen for word in (" starting; ", " paused; ")))
    tmux.keys("<")
    tmux.until("the start again", lambda screen: ": at 0:00" in screen)
    tmux.keys("K")  # twelve seconds of music may be over before the rest is seen
    tmux.until("that it is paused again", lambda screen: "paused: " in screen)
    tmux.keys("Y")
    tmux.until("the URL", lambda screen: "clipboard" in screen and "/stream/" in screen.replace("\n", ""))
    tmux.keys("q")
    tmux.until("the tracks again", lambda screen: "Hear it elsewhere" not in screen)
    tmux.keys("X")
    tmux.until("that it stopped", lambda screen: "stopped: " in screen)
    tmux.keys("g")
    tmux.until("no play bar", lambda screen: "Streaming" not in screen)


def test_a_job_is_made_watched_paused_resumed_and_read_by_keys_only(story: tuple[World, Tmux]) -> None:
    world, tmux = story
    tmux.until("the empty Swarms screen", lambda screen: "Press n" in screen)

    tmux.keys("n")
    tmux.until("the prompt for a new job", lambda screen: "New job" in screen)
    tmux.type(world.reference)
    tmux.keys("Enter")
    tmux.until("the tracklist", lambda screen: "Plock" in screen and "START THE JOB" in screen)
    tmux.keys("Enter")
    tmux.until("the job in the tree", lambda screen: "For Beginner Piano" in screen and "On My Bus" in screen)
    tmux.until("bytes moving", lambda screen: "mono_lith" in screen and "active" in screen)

    if shutil.which("mpv") is not None:
        listen(tmux)

    tmux.keys("5")
    tmux.until("the Jobs screen", lambda screen: "/10" in screen)
    tmux.keys("p")
    tmux.until("the job paused", lambda screen: "paused" in screen)
    tmux.keys("p")
    tmux.until("the job active again", lambda screen: "active" in screen and "paused:" not in screen)

    tmux.keys("t")
    tmux.until("the trace", lambda screen: "TIME" in screen and "SOURCE" in screen and "candidate" in screen)
    tmux.keys("?")
    tmux.until("help for the trace", lambda screen: "Help: Trace" in screen and "EVERYWHERE" in screen)
    tmux.keys("q")
    tmux.until("the trace again", lambda screen: "Help: Trace" not in screen and "candidate" in screen)
    tmux.keys("q")

    tmux.keys("C-p")
    tmux.until("the palette", lambda screen: "Commands" in screen and "type to narrow" in screen)
    tmux.type("log")
    tmux.until("the palette narrowed", lambda screen: "Log" in screen and "Import a job" not in screen)
    tmux.keys("Escape")
    tmux.until("the palette closed", lambda screen: "Commands" not in screen)

    tmux.keys(":")
    tmux.until("the command line", lambda screen: "\n :" in screen)
    tmux.type("jobs pause 0000")
    tmux.until("what was typed", lambda screen: ":jobs pause 0000" in screen)
    tmux.keys("Enter")
    tmux.until("an error in one line", lambda screen: "no job '0000'" in screen)
    tmux.keys("4", "n")
    tmux.until("whose records", lambda screen: "artist's name" in screen)
    tmux.type("plone")
    tmux.keys("Enter")
    tmux.until("the discography, with the album that is got", lambda screen: "Core: 1" in screen and "For Beginner Piano" in screen)
    tmux.keys("Enter")
    tmux.until("its editions, and where it leads", lambda screen: "Editions: 3" in screen and "same label: Warp Records" in screen)
    tmux.keys("q")
    tmux.until("the discography again", lambda screen: "Core: 1" in screen)

    tmux.keys("7")
    tmux.until("the log", lambda screen: "resumed" in screen)

    tmux.keys("q")
    tmux.until("the shell, and the engine goes on", lambda screen: "Log" not in screen or "Quit" in screen or "quit" in screen)
    assert world.profile.socket.exists()
