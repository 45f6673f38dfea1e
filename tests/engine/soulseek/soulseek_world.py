"""A Soulseek world on loopback: the lab server, and planes of our own on their own 127.1.N.1 addresses."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path
from typing import Any

from slskdn_tui.config.settings import Soulseek
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.manners.manners import Manners
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.state.messages import MessagesTable
from slskdn_tui.engine.store.state.people import PeopleTable
from slskdn_tui.lab.soulseek_server import LabServer
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.ports import OriginState
from tests.fakes.ports import free_port

QUICK = Manners(moment=0.05, place_first=0.1, place_every=0.3, place_timeout=60.0, close=60.0)


def blob(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def search(plane: SoulseekPlane, query: str) -> tuple[SearchReply, ...]:
    """What a search gives that ends with its first answer."""
    desk = plane._desk
    assert desk is not None
    task = asyncio.ensure_future(plane.search(query, wait_s=60.0))
    while not task.done():
        for collection in tuple(desk._collecting.values()):
            if collection.replies():
                collection.full.set()
        await asyncio.wait((task,), timeout=0.01)
    replies = task.result()
    assert replies, f"nothing found for {query!r}"
    return replies


class Sink:
    """An `OriginSink` in memory: starts where it is told, may have enough at some byte, and notes every state."""

    def __init__(self, start: int = 0, enough_at: int | None = None) -> None:
        self.offset = start
        self.enough_at = enough_at
        self.data = bytearray()
        self.states: list[tuple[OriginState, int | None]] = []
        self.changed = asyncio.Event()
        self.starts = 0

    def start(self, size: int) -> int:
        self.starts += 1
        return self.offset + len(self.data)

    async def write(self, data: bytes) -> bool:
        self.data += data
        self._note()
        return self.enough_at is None or self.offset + len(self.data) < self.enough_at

    def status(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        self.states.append((state, place))
        self._note()

    def _note(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, condition: Any) -> None:
        while not condition():
            await self.changed.wait()

    def has(self, state: OriginState) -> bool:
        return any(each == state for each, _ in self.states)


class World:
    """The server and its planes; everything started here ends with `close`."""

    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp
        self.server = LabServer()
        self.planes: list[SoulseekPlane] = []
        self.databases: list[Database] = []
        self.supervisors: list[Supervisor] = []
        self.clock = SystemClock()
        self.events: list[tuple[str, str, str]] = []
        self.moved: dict[tuple[str, str, str], int] = {}
        self.failures: list[BaseException] = []

    async def open(self) -> World:
        await self.server.start("127.1.0.1")
        return self

    async def close(self) -> None:
        for plane in self.planes:
            await plane.stop()
        for supervisor in self.supervisors:
            await supervisor.stop()
        for database in self.databases:
            await database.close()
        await self.server.stop()
        assert not self.failures

    @property
    def address(self) -> str:
        return f"127.1.0.1:{self.server.port}"

    async def plane(self, name: str, number: int, share: Path | None = None, manners: Manners = QUICK, **more: Any) -> SoulseekPlane:
        """A plane of this name on 127.1.`number`.1, started; not yet online. `kept`: with the tables of its state.db; `clock`, `gateway` as the plane's."""
        address = f"127.1.{number}.1"
        password = more.pop("password", "secret")
        uploads = more.pop("uploads", None)
        clock, gateway = more.pop("clock", self.clock), more.pop("gateway", None)
        database = await Database.open(self.tmp / f"profile-{name}-{number}" / "state.db", "state") if more.pop("kept", False) else None
        if database is not None:
            self.databases.append(database)
        values: dict[str, Any] = {
            "server": self.address,
            "username": name,
            "listen_address": address,
            "listen_port": free_port(address),
            "share": [str(share)] if share else [],
            "search_gap_s": 0.0,
            "reconnect_s": 0.1,
        }
        supervisor = Supervisor(clock, lambda part, error: self.failures.append(error))

        def count(user: str, direction: str, number: int) -> None:
            self.moved[name, user, direction] = self.moved.get((name, user, direction), 0) + number

        plane = SoulseekPlane(
            Soulseek(**(values | more)),
            password=password,
            share_db=self.tmp / f"profile-{name}-{number}" / "shares.db",
            clock=clock,
            supervisor=supervisor,
            rng=random.Random(number),
            on_event=lambda event, text, data: self.events.append((name, event, text)),
            on_bytes=count,
            manners=manners,
            uploads=uploads,
            people=PeopleTable(database) if database else None,
            messages=MessagesTable(database) if database else None,
            gateway=gateway,
        )
        self.planes.append(plane)
        self.supervisors.append(supervisor)
        await plane.start()
        return plane

    async def online(self, name: str, number: int, share: Path | None = None, **more: Any) -> SoulseekPlane:
        """A plane that is logged in and has its shares indexed."""
        plane = await self.plane(name, number, share, **more)
        await plane.wait_online()
        await plane.rescan_shares()
        return plane

    def share(self, name: str, files: dict[str, bytes]) -> Path:
        """A folder named Music with these files."""
        root = self.tmp / name / "Music"
        for path, data in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return root

    async def find(self, plane: SoulseekPlane, query: str) -> FoundFile:
        """The first file of the first answer, as soon as there is one."""
        return (await search(plane, query))[0].files[0]
