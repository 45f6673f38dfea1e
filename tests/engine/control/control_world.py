"""An engine that only answers, for what is between it and its faces."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator
from typing import ClassVar

from slskdn_tui.engine.control import ControlServer
from slskdn_tui.engine.control_wire import address
from slskdn_tui.engine.readonly import ReadOnlyEngine
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent, JobRow, JobsView, LogView, Snapshot, StatusView, SwarmRow, SwarmsView, Unchanged, ViewKey
from slskdn_tui.seam import Command, Result

ROW = JobRow(
    "0f4de638",
    5,
    "0f4de638",
    "mb_release",
    SafeText("Loveless"),
    SafeText("My Bloody Valentine"),
    "active",
    3,
    11,
    0.3,
    51200.0,
    "2026-01-01T00:00:00Z",
)


def busy_swarms(tracks: int = 200, sources: int = 3) -> SwarmsView:
    """As full as the Swarms screen gets: 200 tracks with 3 sources each."""
    rows = []
    for track in range(tracks):
        rows.append(
            SwarmRow(
                f"j/{track}",
                track,
                1,
                SafeText(f"{track:03} A title of some length"),
                state="RESCUE",
                done=0.5,
                eta=None,
                job_id="j",
                track=track,
            )
        )
        rows += [
            SwarmRow(
                f"j/{track}/{n}",
                n,
                2,
                SafeText(""),
                SafeText(f"somebody{n}"),
                "active",
                0.3,
                0.3,
                51200.5,
                12.5,
                SafeText("0 errors"),
                job_id="j",
                track=track,
                plane="mesh",
            )
            for n in range(sources)
        ]
    return SwarmsView(9, tuple(rows), total=len(rows))


class FakeEngine:
    """Answers from fixed views; `gates` hold a request back until they are set."""

    description = "slskdn serve"

    def __init__(self) -> None:
        self.bus = EventBus(VirtualClock())
        self.views: dict[str, Snapshot] = {
            "jobs": JobsView(7, (ROW,), 1),
            "status": StatusView(1, account=SafeText("me")),
            "swarms": busy_swarms(),
            "log": LogView(1),
        }
        self.commands: list[Command] = []
        self.gate: asyncio.Event | None = None
        self.waiting = 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        if view.screen == "track":
            raise RuntimeError("a bug in the engine")
        if view.subject == "ffff":
            raise UserError("not_found", "no job 'ffff'", "`slskdn jobs list` shows them")
        found = self.views[view.screen]
        return Unchanged(since) if found.version == since else found

    async def submit(self, command: Command) -> Result:
        self.waiting += 1
        if self.gate is not None:
            await self.gate.wait()
        self.commands.append(command)
        if command.args.get("job") == "ffff":
            return Result("not_found", SafeText("no job 'ffff'"), SafeText("`slskdn jobs list` shows them"))
        return Result("ok", SafeText("paused: 0f4de638 Loveless"), data={"job_id": "0f4de638"})

    def events(self) -> AsyncIterator[EngineEvent]:
        return self.bus.subscribe()

    def tell(self, text: str = "Loomer: no byte for 120 s; asking the mesh") -> None:
        self.bus.publish("rescue.started", "rescue", text, level="warning", job_id="0f4de638", track=2, reason="no byte for 120 s")


@contextlib.asynccontextmanager
async def served(path, engine: FakeEngine | None = None):
    """(engine, server) listening at `path`."""
    engine = engine or FakeEngine()
    clock = VirtualClock()
    supervisor = Supervisor(clock)
    server = ControlServer(engine, path, clock, supervisor)
    await server.start()
    try:
        yield engine, server
    finally:
        await server.stop()
        await supervisor.stop()
        while RawClient.open:
            RawClient.open.pop().close()


def look(paths, *keys):
    """Views of a profile without an engine."""

    async def work():
        engine = ReadOnlyEngine(paths)
        await engine.start()
        try:
            async with asyncio.timeout(60):
                return [await engine.snapshot(key) for key in keys]
        finally:
            await engine.stop()

    return asyncio.run(work())


class RawClient:
    """Speaks frames by hand, as a script would; `open` are those that `served` closes at its end."""

    open: ClassVar[list[RawClient]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.open.append(self)

    @classmethod
    async def connect(cls, path) -> RawClient:
        link = socket.socket(socket.AF_UNIX)
        link.setblocking(False)
        with address(path) as name:
            await asyncio.get_running_loop().sock_connect(link, name)
        return cls(*await asyncio.open_unix_connection(sock=link))

    def send(self, request: object) -> None:
        payload = json.dumps(request).encode()
        self.writer.write(struct.pack(">I", len(payload)) + payload)

    async def receive(self):
        (length,) = struct.unpack(">I", await self.reader.readexactly(4))
        return json.loads(await self.reader.readexactly(length))

    async def ask(self, request: object):
        self.send(request)
        return await self.receive()

    async def ended(self) -> bool:
        """True when the engine has closed this connection (what it still sends is read first)."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        self.writer.close()
