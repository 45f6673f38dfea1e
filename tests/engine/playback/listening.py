"""A swarm that a playback reads from while it runs, and a client's side of its HTTP server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from slskdn_tui.config.settings import Playback as PlaybackSettings
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.playback.playback import Playback
from slskdn_tui.engine.playback.stream import Stream
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.store.records import TrackRecord
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.jobs import TrackState
from slskdn_tui.model.music import Track
from slskdn_tui.model.text import SafeText
from tests.engine.swarm import world as swarms

HOST = f"127.1.{os.getpid() % 250 + 1}.1"


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(240):
            await work

    asyncio.run(bounded())


class Rig:
    """A swarm of `size` bytes that a `LiveTrack` follows, and a `Playback` beside it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.swarms = swarms.World(folder, size, guard=False)
        track = Track(1, 1, 1, "", SafeText("Blue in Green"), SafeText("x"), size // 100)
        self.live = LiveTrack(track, TrackRecord(1, TrackState.ACTIVE, "anna", "@@x\\a.flac", size))
        self.job = cast(LiveJob, type("Job", (), {"job_id": "j"})())
        self.disk = ThreadPoolExecutor(2)
        settings = PlaybackSettings(listen=f"{HOST}:0")
        self.playback = Playback(settings, self.swarms.clock, self.swarms.supervisor, self.disk, EventBus(self.swarms.clock))
        self.swarm: TrackSwarm

    async def __aenter__(self) -> Rig:
        self.swarm = self.live.swarm = await self.swarms.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.playback.stop()
        await self.swarm.stop()
        await self.swarms.supervisor.stop()
        self.disk.shutdown()
        assert not self.swarms.failures

    async def stream(self) -> Stream:
        return await self.playback.track(self.job, self.live)

    async def answers(self, stream: Stream, *lines: str, method: str = "GET", host: str = "", path: str = "") -> tuple[bytes, bytes]:
        """(head, body) of a request; waits until the server closes."""
        reader, writer = await self.ask(stream, *lines, method=method, host=host, path=path)
        raw = b""
        try:
            while data := await reader.read(1 << 16):
                raw += data
        except ConnectionResetError:
            pass
        writer.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        return head, body

    async def ask(
        self, stream: Stream, *lines: str, method: str = "GET", host: str = "", path: str = ""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(HOST, self.playback.port)
        where = path or "/" + self.playback.url(stream).split("/", 3)[3]
        writer.write(
            "\r\n".join([f"{method} {where} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.playback.port}'}", *lines, "", ""]).encode()
        )
        return reader, writer


async def till(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.005)
