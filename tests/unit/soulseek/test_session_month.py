"""The session itself over a simulated month: the clock is virtual, the server is a die that drops, bans, refuses and kicks."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from aioslsk.events import ConnectionStateChangedEvent, KickedEvent
from aioslsk.exceptions import AioSlskException, AuthenticationError, ConnectionFailedError
from aioslsk.network.connection import CloseReason, ConnectionState, ServerConnection

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.soulseek.connection.session import Session

MONTH = 30 * 86_400.0


class World:
    """What a session sees of aioslsk, and what it does to the server, in virtual seconds."""

    def __init__(self, seed: int) -> None:
        self.die = random.Random(seed)
        self.clock = VirtualClock()
        self.logins: list[float] = []
        self.connects: list[float] = []
        self.barred = False
        self.offences: list[str] = []
        self.kicks = self.refusals = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self.network = SimpleNamespace(
            connect_server=self.connect, get_listening_ports=lambda: (2234, 0), listen_port=2234, server_connection=None
        )
        self.server = ServerConnection("lab", 1, SimpleNamespace(on_state_changed=self._nothing))
        self.network.server_connection = SimpleNamespace(disconnect=self.close)
        client = SimpleNamespace(
            network=self.network,
            settings=SimpleNamespace(credentials=SimpleNamespace(username="alice")),
            events=SimpleNamespace(register=lambda kind, listener: None),
            login=self.login,
        )
        self.session = Session(client, "lab:1", 5.0, self.clock, random.Random(seed), self.on_status)  # type: ignore[arg-type]

    async def _nothing(self, *args: Any, **more: Any) -> None: ...

    async def connect(self) -> None:
        if self.barred:
            self.offences.append(f"a connection {self.session.status.state} at {self.clock.now()}")
        self.connects.append(self.clock.now())
        if self.die.random() < 0.1:
            raise ConnectionFailedError("no answer")

    async def login(self) -> None:
        self.logins.append(self.clock.now())
        if self.die.random() < 0.2:
            self.session.reconnect()  # an impatient user: this very login is what he wants
        chance = self.die.random()
        if chance < 0.1:
            self.bar()
            self.refusals += 1
            raise AuthenticationError("INVALIDPASS", "no")
        if chance < 0.3:
            raise AioSlskException("closed: banned for half an hour, perhaps")
        task = asyncio.ensure_future(self.live())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def live(self) -> None:
        """A session that lasts a while and then is dropped, or kicked; its user may have asked for a login that was there already."""
        if self.die.random() < 0.5:
            self.session.reconnect()
        await self.clock.sleep(self.die.choice((0.5, 20.0, 59.0, 61.0, 3600.0, 40_000.0)))
        if self.die.random() < 0.3:
            self.bar()
            self.kicks += 1
            await self.session._on_kicked(KickedEvent(None))  # type: ignore[arg-type]
        else:
            await self.close()

    async def close(self, reason: CloseReason = CloseReason.EOF) -> None:
        await self.session._on_connection(ConnectionStateChangedEvent(self.server, ConnectionState.CLOSED, reason))

    def bar(self) -> None:
        """From now on only the user may log in; after hours he does."""
        self.barred = True
        task = asyncio.ensure_future(self.come_back())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def come_back(self) -> None:
        await self.clock.sleep(self.die.uniform(600.0, 30_000.0))
        assert self.session.status.state in ("kicked", "refused")
        self.barred = False
        self.session.reconnect()

    def on_status(self, status: Any) -> None: ...


@pytest.mark.parametrize("seed", range(4))
def test_in_a_month_nobody_logs_in_after_a_kick_unasked_and_never_in_a_hurry(seed: int) -> None:
    async def story() -> World:
        world = World(seed)
        running = asyncio.ensure_future(world.session.run())
        while world.clock.now() < MONTH:
            await world.clock.advance(1800.0)
        running.cancel()
        for task in (running, *world.tasks):
            task.cancel()
        await asyncio.gather(running, *world.tasks, return_exceptions=True)
        return world

    world = asyncio.run(story())
    assert world.offences == []
    assert world.kicks > 3 and world.refusals > 3 and len(world.logins) > 50
    for first, sixth in zip(world.connects, world.connects[6:], strict=False):
        assert sixth - first > 30.0, "seven connections in half a minute"
