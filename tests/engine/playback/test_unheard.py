"""Playing on a machine without sound: no player, no device, a player that gives up, a device that goes. Always the URL stays, and says how to reach it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import wave
from pathlib import Path
from typing import Any, cast

import pytest

from slskdn_tui.cli import acting
from slskdn_tui.cli.present.render import Look
from slskdn_tui.cli.verbs.playing import playback_lines
from slskdn_tui.config.settings import Playback as PlaybackSettings
from slskdn_tui.engine.handlers import playing
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.playback import playback
from slskdn_tui.engine.playback.playback import Playback
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.views.playing import playback_view
from slskdn_tui.model.playing import PlaybackView, tunnel
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Result
from tests.engine.playback.listening import HOST, Rig, go, till
from tests.engine.swarm.world import FakeOrigin

MUSIC = bytes(range(256)) * 2000
MPV = f"""#!{sys.executable} -IS
import json, re, socket, sys
device = {{device}}
ipc = socket.socket(fileno=int(re.search(r"fd://(\\d+)", " ".join(sys.argv)).group(1)))
assert sys.argv[-1].startswith("http://")
silence = sys.argv[-2].startswith("hex://52494646")
def say(**told): ipc.sendall(json.dumps(told).encode() + b"\\n")
def fail(): say(event="end-file", reason="error", file_error="audio output initialization failed"); sys.exit(2)
say(event="start-file")
if not device: fail()
say(event="property-change", name="current-ao", data="alsa")
at, playing = 0.0, False
for line in ipc.makefile():
    words, number = json.loads(line)["command"], json.loads(line)["request_id"]
    if words == ["playlist-next"]: say(event="start-file")
    if words == ["set_property", "pause", False]: playing = True
    if words == ["get_property", "playback-time"]:
        at += 0.1 * playing
        say(request_id=number, data=at)
        if at > 0.35: fail()
"""
"""Stands in for mpv over the same JSON IPC: without a device, or with one that goes after 0.4 s of music."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every player here settles or ends: none is taken for one that can play because the machine was busy while it started."""
    monkeypatch.setattr(playback, "SETTLE_S", 600.0)
    monkeypatch.setattr(playback, "OTHER_SETTLE_S", 600.0)


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


class Machine(Rig):
    """A rig whose playback has `player`, seen through the handlers and the view of a whole engine."""

    def __init__(self, folder: Path, player: str, size: int = len(MUSIC)) -> None:
        super().__init__(folder, size)
        self.bus = EventBus(self.swarms.clock)
        self.settings = type("Settings", (), {"playback": PlaybackSettings(listen=f"{HOST}:0", player=player)})()
        self.playback = Playback(self.settings.playback, self.swarms.clock, self.swarms.supervisor, self.disk, self.bus)
        self.parts = cast(Parts, self)
        self.runner: Any = self

    def find(self, job_id: str) -> Any:
        return type("Job", (), {"track": lambda _, position: self.live})()

    async def view(self) -> PlaybackView:
        return await playback_view(self.parts, ViewKey("playback"))

    async def play(self, path: Path) -> Result:
        return await playing.play(self.parts, {"subject": str(path), "track": None})


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder: "no-such-player", "no-such-player is not installed on this machine"),
        (lambda folder: program(folder / "mpv", MPV.format(device=False)), "mpv finds no sound device on this machine"),
        (lambda folder: program(folder / "other", "#!/bin/sh\nexit 3\n"), "other ended with status 3"),
        (lambda folder: program(folder / "mpv", "#!/no/such/shell\n"), "mpv cannot be started: No such file or directory"),
    ],
    ids=["no player", "no device", "another player that fails", "a broken program"],
)
def test_where_no_sound_can_be_made_play_gives_the_url_and_the_ssh_line_and_another_player_may_open_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, why: str
) -> None:
    (tmp_path / "a.flac").write_bytes(MUSIC)

    async def story() -> None:
        async with Machine(tmp_path, make(tmp_path)) as here:
            result = await here.play(tmp_path / "a.flac")
            (stream,) = here.playback.streams.values()
            url = here.playback.url(stream)
            ssh = f"ssh -L {HOST}:{here.playback.port}:{HOST}:{here.playback.port} HOST"
            assert result.ok and result.data == {"text": url, "url": url, "player": "", "title": "a.flac", "ssh": ssh, "reason": why}
            assert acting.report(result, as_json=False) == 0
            said = capsys.readouterr()
            assert said.out == f"{url}\n", "what is printed can be given to a player"
            assert said.err.splitlines() == [f"{why}: open this URL with any player.", f"From another machine, first run there: {ssh}"]
            view = await here.view()
            assert (view.state, view.url, view.reason) == ("unheard", url, why) and view.line.startswith(f"{why}; Y ")
            assert {url, ssh} <= set(playback_lines(view, Look(80, ascii=True))), "each on a line of its own"
            head, body = await here.answers(stream, "Range: bytes=5-14")
            assert head.startswith(b"HTTP/1.1 206") and body == MUSIC[5:15]
            assert (await playing.stop(here.parts, {})).message == "stopped: a.flac"
            assert (await here.view()).state == "stopped"

    go(story())


def test_a_device_that_goes_midway_leaves_the_url_of_the_track_which_still_arrives(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path, program(tmp_path / "mpv", MPV.format(device=True))) as here:
            here.swarm.use_origin(FakeOrigin("anna", MUSIC, rate=1e7, stall_at=40 * 8192))
            run = asyncio.ensure_future(here.swarm.run())
            stream = await here.stream()
            await here.playback.play(stream)
            assert await here.playback.why_unheard(stream) == "", "it has a device at first"
            await till(lambda: here.playback.unheard)
            view = await here.view()
            assert (view.state, view.reason) == ("unheard", "mpv lost the sound device on this machine")
            assert [event.name for _, event in here.bus.history] == ["playback.failed"]
            head, body = await here.answers(stream, "Range: bytes=0-99")
            assert head.startswith(b"HTTP/1.1 206") and body == MUSIC[:100]
            reader, writer = await here.ask(stream, "Range: bytes=0-")
            await reader.readuntil(b"\r\n\r\n")
            assert (await here.view()).state != "unheard", "somebody listens elsewhere"
            writer.close()
            run.cancel()

    go(story())


def test_the_ssh_line_binds_the_address_that_the_url_names() -> None:
    assert tunnel("http://127.0.0.1:8765/stream/x/track.flac") == "ssh -L 8765:127.0.0.1:8765 HOST"
    assert tunnel("http://[::1]:8765/stream/x/track.flac") == "ssh -L 8765:[::1]:8765 HOST"
    assert tunnel("http://127.0.0.2:99/stream/x/track") == "ssh -L 127.0.0.2:99:127.0.0.2:99 HOST"


REAL = pytest.mark.skipif(shutil.which("mpv") is None, reason="mpv is not installed")
NO_DEVICE = "mpv --no-config --ao=alsa --audio-device=alsa/no-such-device"


@REAL
@pytest.mark.interop
def test_a_real_mpv_without_a_device_says_so_before_the_first_byte_of_the_track_has_come(tmp_path: Path) -> None:
    async def story() -> None:
        async with Machine(tmp_path, NO_DEVICE) as here:
            stream = await here.stream()
            await here.playback.play(stream)
            assert here.playback.player is not None
            await here.playback.player.settled.wait()
            await till(lambda: here.playback.now is None)
            assert here.playback.unheard == (stream, "mpv finds no sound device on this machine")
            await till(lambda: not stream.readers)
            assert not stream.source.arrived

    go(story())


@REAL
@pytest.mark.interop
def test_a_real_mpv_that_loses_its_device_leaves_a_url_that_another_mpv_plays(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as out:
        out.setparams((1, 2, 44_100, 0, "NONE", ""))
        out.writeframes(bytes(60 * 2 * 44_100))  # a minute, in which the device is lost

    async def story() -> None:
        async with Machine(tmp_path, "mpv --no-config --ao=null") as here:
            assert (await here.play(tmp_path / "a.wav")).message == "playing a.wav"
            player, (stream,) = here.playback.player, here.playback.streams.values()
            assert player is not None
            await till(lambda: player.heard)
            for words in (("set_property", "ao", "alsa"), ("set_property", "audio-device", "alsa/no-such-device"), ("ao-reload",)):
                player._send(*words)
            await till(lambda: here.playback.unheard)
            assert here.playback.unheard == (stream, "mpv lost the sound device on this machine")
            words = ("mpv", "--no-config", "--no-video", "--ao=null", "--really-quiet", "--end=1", here.playback.url(stream))
            assert await (await asyncio.create_subprocess_exec(*words)).wait() == 0

    go(story())
