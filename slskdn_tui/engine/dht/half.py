"""One core on one socket: the half of a node that speaks one address family. Shell: owns the socket and the core's timer."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import Callable

from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.outputs import Event, Found, Noted, Output, Send
from slskdn_tui.engine.dht.udp import DatagramSocket, bind
from slskdn_tui.engine.dht.wire.addresses import Address
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.errors import UserError


class Half:
    """`open` before anything else. `tell` gets every event of the core; commands' events also go to who opened their inbox."""

    def __init__(self, listen: Address, core: DhtCore, clock: Clock, tell: Callable[[Event], None]) -> None:
        self.listen, self.core = listen, core
        self._clock, self._tell = clock, tell
        self.socket: DatagramSocket | None = None
        self.address: Address | None = None
        self._inboxes: dict[int, asyncio.Queue[Event]] = {}
        self._wake = asyncio.Event()
        self._sleeping_until: float | None = None
        self._old_errors = 0

    async def open(self) -> None:
        """Bind and begin joining. UserError `port` when the port is taken, `config` when the address is not ours or no address."""
        self.socket = await _bind(self.listen, self._on_datagram)
        self.address = self.socket.address
        self.run(self.core.start(self._clock.now(), self.address))

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    @property
    def errors(self) -> int:
        return self._old_errors + (self.socket.errors + self.socket.dropped if self.socket is not None else 0)

    # -- background, supervised --------------------------------------------------------------------------------------

    async def hold(self) -> None:
        """Keep the socket: one that broke is bound again at the same address on the next run."""
        if self.socket is None or self.socket.lost.is_set():
            assert self.address is not None
            self._old_errors = self.errors
            self.socket = await _bind(self.address, self._on_datagram)
        await self.socket.lost.wait()
        raise ConnectionError("the DHT's socket was closed")

    async def tick(self) -> None:
        """Run the core's timers."""
        while True:
            self.run(self.core.on_timer(self._clock.now()))
            self._wake.clear()
            self._sleeping_until = self.core.deadline
            if self._sleeping_until is None:
                await self._wake.wait()
                continue
            sleeper = asyncio.ensure_future(self._clock.sleep(max(0.0, self._sleeping_until - self._clock.now())))
            sleeper.add_done_callback(lambda _: self._wake.set())
            try:
                await self._wake.wait()
            finally:
                self._sleeping_until = None
                sleeper.cancel()
                await asyncio.gather(sleeper, return_exceptions=True)

    # -- commands ----------------------------------------------------------------------------------------------------

    def follow(self, command: tuple[int, list[Output]], inbox: asyncio.Queue[Event]) -> int:
        """Send what a command of the core asks for; its events go to `inbox`. The core bounds them: `limits.values` addresses a look-up."""
        op, outputs = command
        self._inboxes[op] = inbox
        self.run(outputs)
        return op

    def leave(self, op: int) -> None:
        """No more events of this command."""
        if self._inboxes.pop(op, None) is not None and self.socket is not None:
            self.run(self.core.cancel(self._clock.now(), op))

    def abandon(self, event: Callable[[int], Event]) -> None:
        """End every waiting command with `event(op)`."""
        inboxes, self._inboxes = self._inboxes, {}
        for op, inbox in inboxes.items():
            inbox.put_nowait(event(op))

    def run(self, outputs: list[Output]) -> None:
        """Tell events, send datagrams, wake the timer when it would sleep too long."""
        for output in outputs:
            if isinstance(output, Send):
                if self.socket is not None:
                    self.socket.send(output.data, output.address)
            else:
                self._deliver(output)
        deadline = self.core.deadline
        if self._sleeping_until is None or (deadline is not None and deadline < self._sleeping_until):
            self._wake.set()

    def _on_datagram(self, data: bytes, address: Address) -> None:
        self.run(self.core.on_datagram(self._clock.now(), data, address))

    def _deliver(self, event: Event) -> None:
        if not isinstance(event, Noted):
            inbox = self._inboxes.get(event.op)
            if inbox is not None:
                inbox.put_nowait(event)
                if not isinstance(event, Found):
                    del self._inboxes[event.op]
        self._tell(event)


def is_literal(host: str) -> bool:
    """Whether this is a numeric address of either family."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _bind(listen: Address, handler: Callable[[bytes, Address], None]) -> DatagramSocket:
    host, port = listen
    if not is_literal(host):
        raise UserError("config", f"dht.listen: {host!r} is not an IP address", "write ADDRESS:PORT, e.g. 0.0.0.0:50401 or [::]:50401")
    try:
        return await bind(listen, handler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = "another program uses it: set dht.listen to another port"
            raise UserError("port", f"UDP port {port} on {host} is in use", hint) from error
        if error.errno in (errno.EADDRNOTAVAIL, errno.EACCES, errno.EAFNOSUPPORT):
            hint = "set dht.listen to an address of this machine and a port from 1024"
            raise UserError("config", f"cannot listen on UDP {host}:{port}: {error.strerror}", hint) from error
        raise
