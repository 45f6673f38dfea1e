"""A real mpv (`--ao=null`) over the loopback server: it starts, waits, goes on, seeks, and is told to stop."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import wave
from pathlib import Path
from random import Random

import pytest

from slskdn_tui.config.settings import Playback as PlaybackSettings
from slskdn_tui.engine.playback import buffer
from slskdn_tui.engine.playback.buffer import Phase
from slskdn_tui.engine.playback.playback import Playback
from slskdn_tui.engine.runtime.events import EventBus
from tests.engine.playback.listening import HOST, Rig, go, till
from tests.engine.swarm.world import FakeOrigin, FakePeer

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("mpv") is None, reason="mpv is not installed"),
]
SECONDS = 30


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Noise, 30 s of it, 44.1 kHz 16 bit mono: 88 kB/s, and no byte can be guessed."""
    path = tmp_path_factory.mktemp("music") / "a.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(44_100)
        out.writeframes(Random(1).randbytes(2 * 44_100 * SECONDS))
    return path.read_bytes()


class Listening(Rig):
    """A rig whose playback has an mpv without a sound card."""

    def __init__(self, folder: Path, data: bytes) -> None:
        super().__init__(folder, len(data))
        self.live.record.path = "@@x\\a.wav"
        self.bus = EventBus(self.swarms.clock)
        settings = PlaybackSettings(listen=f"{HOST}:0", player="mpv --ao=null --no-config")
        self.playback = Playback(settings, self.swarms.clock, self.swarms.supervisor, self.disk, self.bus)

    def said(self) -> list[str]:
        return [event.name for _, event in self.bus.history]


class Rationed(FakePeer):
    """Sends so many bytes, and goes on with those it is given: how much has come is no question of how long a player takes to begin."""

    def __init__(self, name: str, data: bytes, ration: int, rate: float) -> None:
        super().__init__(name, data, rate=rate)
        self._ration, self._given = ration, asyncio.Event()

    def give(self, more: int) -> None:
        self._ration += more
        self._given.set()

    async def _serve(self, variant_id: str) -> None:
        queued = self._queue.get

        async def get() -> int:
            at = await queued()
            while self.sent >= self._ration:
                self._given.clear()
                await self._given.wait()
            return at

        self._queue.get = get  # type: ignore[method-assign]
        await super()._serve(variant_id)


def test_sound_begins_while_the_track_arrives_waits_for_bytes_and_goes_on(tmp_path: Path, music: bytes) -> None:
    async def story() -> None:
        async with Listening(tmp_path, music) as rig:
            origin = FakeOrigin("anna", music, stall_at=65 * 8192)  # six seconds of music
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            await origin.stalled.wait()  # all of them before the first is heard, so that they end where they do on a slow machine, too
            stream = await rig.stream()
            await rig.playback.play(stream)
            player = rig.playback.player
            assert player is not None
            await till(lambda: player.heard)
            assert not rig.swarm.part.pieces.complete and stream.buffer.phase is Phase.PLAYING
            await till(lambda: stream.buffer.phase is Phase.BUFFERING)
            assert 5000 < stream.position_ms < 6300 and stream.buffer.needed_ms > 29_000
            rig.swarm.use_origin(FakeOrigin("berta", music, rate=2e6))
            at = stream.position_ms
            await till(lambda: stream.buffer.phase is Phase.PLAYING and stream.position_ms > at + 500)
            rig.playback.paused = True
            await till(lambda: player._paused)
            await rig.playback.end()
            assert rig.playback.now is None
            await till(lambda: not stream.playing)
            run.cancel()

    go(story())


def test_a_seek_past_what_has_come_plays_on_from_there(tmp_path: Path, music: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "_FIRST_MS", 5000)  # as long may we stand still before mpv runs dry

    async def story() -> None:
        async with Listening(tmp_path, music) as rig:
            origin = FakeOrigin("anna", music, queued=True)
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            await origin.asked.wait()
            stream = await rig.stream()
            peer = Rationed("a1", music, 0, rate=2e6)
            assert await rig.swarm.add_peer(peer, peer.variant) == ""
            await rig.playback.play(stream)
            await till(lambda: len(rig.swarm.scheduler.windows) > 2)
            peer.give(1_000_000)  # eleven seconds of music
            player = rig.playback.player
            assert player is not None
            await till(lambda: player.heard)
            there = stream.source.ready(stream.media.byte(stream.position_ms))
            assert there < len(music) // 2
            rig.playback.seek(20_000)
            peer.give(1_300_000)  # what is left from there on, what was asked for already, and no more
            await till(lambda: stream.position_ms > 20_300 and stream.buffer.phase is Phase.PLAYING)
            assert rig.swarm.part.pieces.ready(0) < stream.media.byte(20_000), "what lies between has not all come"
            assert not stream.buffer.stalls
            await rig.playback.end()
            run.cancel()

    go(story())


@pytest.mark.skipif(shutil.which("flac") is None, reason="flac is not installed")
def test_a_seek_ahead_of_a_single_soulseek_stream_goes_on_when_it_has_come_there_not_when_all_of_it_has(
    tmp_path: Path, music: bytes
) -> None:
    """Of a FLAC file mpv reads the end before it jumps, which of a stream from the front comes last."""
    (tmp_path / "a.wav").write_bytes(music)
    subprocess.run(["flac", "--silent", "-0", "-o", str(tmp_path / "a.flac"), str(tmp_path / "a.wav")], check=True)
    data = (tmp_path / "a.flac").read_bytes()

    async def story() -> None:
        async with Listening(tmp_path, data) as rig:
            rig.live.record.path = "@@x\\a.flac"
            origin = FakeOrigin("anna", data, stall_at=800_000)  # nine seconds of music
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            await origin.stalled.wait()
            stream = await rig.stream()
            await rig.playback.play(stream)
            player = rig.playback.player
            assert player is not None
            await till(lambda: player.heard and stream.length_ms)
            assert rig.playback.seek(12_000) == 12_000 and stream.position_ms == 12_000
            assert stream.source.ready(0) < stream.media.byte(12_000), "it is not there yet"
            origin.go_on(2_000_000)
            await till(lambda: stream.position_ms > 12_300)
            assert not rig.swarm.part.pieces.complete and not stream.buffer.stalls
            await rig.playback.end()
            run.cancel()

    go(story())


def test_a_seek_beyond_the_end_plays_the_last_second_and_the_player_says_how_long_a_file_is(tmp_path: Path, music: bytes) -> None:
    async def story() -> None:
        path = tmp_path / "whole.wav"
        path.write_bytes(music)
        async with Listening(tmp_path, music) as rig:
            stream = await rig.playback.file(str(path))
            await rig.playback.play(stream)
            await till(lambda: rig.playback.player is not None and rig.playback.player.heard and stream.length_ms)
            assert stream.length_ms == SECONDS * 1000 and rig.playback.seek(99 * 60_000) == (SECONDS - 1) * 1000
            await till(lambda: rig.playback.now is None)
            assert rig.said() == ["playback.ended"]

    go(story())


def test_the_end_of_the_file_ends_the_player_and_one_that_is_no_music_says_so(tmp_path: Path, music: bytes) -> None:
    async def story() -> None:
        short = tmp_path / "short.wav"
        with wave.open(str(short), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(44_100)
            out.writeframes(bytes(44_100))
        (tmp_path / "bad.flac").write_bytes(b"no music" * 1000)
        async with Listening(tmp_path, music) as rig:
            await rig.playback.play(await rig.playback.file(str(short)))
            await till(lambda: rig.playback.now is None)
            assert rig.said() == ["playback.ended"]
            await rig.playback.play(await rig.playback.file(str(tmp_path / "bad.flac")))
            await till(lambda: rig.playback.now is None)
            assert rig.said() == ["playback.ended", "playback.failed"]

    go(story())


def test_a_player_that_is_killed_is_told_and_leaves_no_reader(tmp_path: Path, music: bytes) -> None:
    async def story() -> None:
        async with Listening(tmp_path, music) as rig:
            origin = FakeOrigin("anna", music, stall_at=65 * 8192)
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            stream = await rig.stream()
            await rig.playback.play(stream)
            player = rig.playback.player
            assert player is not None
            await till(lambda: player.heard and stream.readers)
            assert player._process is not None
            os.kill(player._process.pid, 9)
            await till(lambda: rig.playback.now is None and not stream.readers)
            assert rig.said() == ["playback.failed"]
            assert len(stream.windows()) == 2
            run.cancel()

    go(story())
