"""Shell: keeps one login alive: listening port, connect, login, reconnect; never again after being kicked or refused, until asked."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from aioslsk.events import ConnectionStateChangedEvent, KickedEvent
from aioslsk.exceptions import AioSlskException, AuthenticationError, ConnectionFailedError, ListeningConnectionFailedError
from aioslsk.network.connection import CloseReason, ConnectionState, ServerConnection

from slskdn_tui.engine.runtime.clock import Clock, until
from slskdn_tui.engine.soulseek.client import Client
from slskdn_tui.engine.soulseek.connection import supervise
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

LOGIN_TIMEOUT_S = 30.0


class Session:
    """`run` for ever under a supervisor; `status` says where it stands, and `on_status` is told of each change."""

    def __init__(
        self,
        client: Client,
        server: str,
        first_wait_s: float,
        clock: Clock,
        rng: random.Random,
        on_status: Callable[[supervise.Status], None],
    ) -> None:
        self._client = client
        self._server = server
        self._username = client.settings.credentials.username
        self._clock = clock
        self._waits = supervise.Waits(first_wait_s, rng)
        self._on_status = on_status
        self._closed = asyncio.Event()
        self._retry = asyncio.Event()
        self._changed = asyncio.Event()
        self._kicked = False
        self._ended = False
        self.status = supervise.connecting(server)
        client.events.register(ConnectionStateChangedEvent, self._on_connection)
        client.events.register(KickedEvent, self._on_kicked)

    def set_status(self, status: supervise.Status) -> None:
        if self._ended:
            return
        self.status = status
        self._changed.set()
        self._changed = asyncio.Event()
        self._on_status(status)

    async def wait_online(self) -> None:
        """Until logged in. Raises UserError in a state that does not mend by itself: off, kicked, refused."""
        while self.status.state != "online":
            if self.status.state in ("off", "kicked", "refused") and self.status.error is not None:
                raise self.status.error
            await self._changed.wait()

    def reconnect(self) -> None:
        """Try now, whatever the wait; the only way on after being kicked or refused. Nothing happens while connected, or on the way there."""
        if self.status.state in ("offline", "kicked", "refused"):
            self.set_status(supervise.connecting(self._server))
            self._retry.set()

    def end(self) -> None:
        """No further state after this one."""
        self.set_status(supervise.STOPPED)
        self._ended = True

    async def run(self) -> None:
        if not self._username:
            self.set_status(supervise.no_account())
            await self._pause(None)
            return
        await self._listen()
        while True:
            self._retry.clear()  # what was wished before this login is no leave for one after a kick
            self.set_status(supervise.connecting(self._server))
            await self._pause(await self._once())

    def wake(self) -> None:
        """The listen port changed: one that could not be had need not be waited for any more."""
        if self.status.error is not None and self.status.error.code == "port":
            self._retry.set()

    async def _listen(self) -> None:
        network = self._client.network
        while not any(network.get_listening_ports()):
            try:
                await network.connect_listening_ports()
            except ListeningConnectionFailedError as error:
                wait = self._waits.next()
                address, port = network._address, network.listen_port
                self.set_status(
                    supervise.port_in_use(
                        address,
                        port,
                        supervise.reason_of(error.__cause__) if error.__cause__ else "in use, or not an address of this machine",
                        wait,
                    )
                )
                await self._pause(wait)

    async def _once(self) -> float | None:
        """One login from connect to close. The seconds until the next, None for not by itself."""
        network = self._client.network
        self._kicked = False
        self._closed.clear()
        try:
            await network.connect_server()
        except ConnectionFailedError as error:
            wait = self._waits.after("unreachable")
            reason = SafeText(supervise.reason_of(error.__cause__ or error), 100)
            self.set_status(supervise.unreachable(self._server, reason or "no answer in time", wait))
            return wait
        try:
            async with asyncio.timeout(LOGIN_TIMEOUT_S):
                await self._client.login()
        except AuthenticationError as error:
            await network.server_connection.disconnect(CloseReason.REQUESTED)
            self.set_status(supervise.refused(self._username, SafeText(error.reason, 100)))
            return self._waits.after("refused")
        except (AioSlskException, TimeoutError) as error:
            log.info("no login: %s", error)
            await network.server_connection.disconnect(CloseReason.REQUESTED)
            wait = self._waits.after("unanswered")
            self.set_status(supervise.unanswered(self._server, wait))
            return wait
        began = self._clock.now()
        self.set_status(supervise.online(self._username, self._server))
        await self._closed.wait()
        if self._kicked:
            self.set_status(supervise.kicked(self._username))
            return self._waits.after("kicked")
        wait = self._waits.after("dropped", self._clock.now() - began)
        self.set_status(supervise.dropped(self._server, wait))
        return wait

    async def _pause(self, seconds: float | None) -> None:
        """Wait, or less when `reconnect` is called; None waits for that alone."""
        await until(self._retry, self._clock, seconds)
        if self._retry.is_set():
            self._retry.clear()
            self._waits.reset()

    async def _on_connection(self, event: ConnectionStateChangedEvent) -> None:
        if isinstance(event.connection, ServerConnection) and event.state == ConnectionState.CLOSED:
            self._closed.set()

    async def _on_kicked(self, event: KickedEvent) -> None:
        self._kicked = True
        await self._client.network.server_connection.disconnect(CloseReason.REQUESTED)
