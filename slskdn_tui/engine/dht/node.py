"""The DHT on a real socket: a shell around `DhtCore` that owns one UDP socket (asyncio-dgram), its reader and its timer."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import random
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from typing import Any

from asyncio_dgram import TransportClosed

from slskdn_tui.engine.dht.addresses import Address
from slskdn_tui.engine.dht.core import DhtCore
from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.outputs import Event, Finished, Found, Noted, Output, Pinged, Send
from slskdn_tui.engine.dht.udp import DatagramSocket, bind
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError

log = logging.getLogger(__name__)

SEND_WITHIN = 5.0
BREATH = 32  # datagrams handled before the loop gets a turn
RESOLVE_FIRST, RESOLVE_MOST = 5.0, 300.0
ENDED_EARLY = "the node stopped"


class DhtNode:
    """One node on one UDP socket. `start` before anything else; after `stop` every waiting call ends with what it has.

    `listen`: IPv4 address and port (0 for any); a named address is used for outgoing datagrams too. `bootstrap`: (host, port);
    host names are resolved, again with back-off while that fails. `permit`: networks in CIDR besides public ones.
    `saved_nodes`: an earlier `saved()`. `on_event` gets every `Found`, `Finished`, `Pinged` and `Noted` of the core.
    """

    def __init__(
        self,
        listen: tuple[str, int],
        *,
        clock: Clock,
        rng: random.Random,
        supervisor: Supervisor,
        bootstrap: Sequence[tuple[str, int]] = (),
        permit: Sequence[str] = (),
        limits: DhtLimits | None = None,
        saved_nodes: Sequence[tuple[str, str, int]] = (),
        on_event: Callable[[Event], None] | None = None,
        node_id: bytes | None = None,
    ) -> None:
        self._listen, self._clock, self._supervisor = listen, clock, supervisor
        self._on_event = on_event
        literal = [entry for entry in bootstrap if _is_literal(entry[0])]
        self._names = [entry for entry in bootstrap if not _is_literal(entry[0])]
        self._core = DhtCore(now=clock.now(), rng=rng, node_id=node_id, limits=limits, permit=permit, bootstrap=literal, saved=saved_nodes)
        self._socket: DatagramSocket | None = None
        self._address: Address | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._inboxes: dict[int, asyncio.Queue[Event]] = {}
        self._wake = asyncio.Event()
        self._sleeping_until: float | None = None
        self._send_errors = 0

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind and begin joining. UserError `port` when the port is taken, `config` when the address is not ours or not IPv4."""
        if self._socket is not None:
            raise RuntimeError("the node is running")
        self._socket = await _bind(self._listen)
        self._address = self._socket.address
        self._tasks = [
            self._supervisor.keep("dht receive", self._receive),
            self._supervisor.keep("dht timer", self._timer),
        ]
        if self._names:
            self._tasks.append(self._supervisor.spawn("dht bootstrap names", self._resolve()))
        await self._run(self._core.start(self._clock.now(), self._address))

    async def stop(self) -> None:
        """Close the socket and end every waiting call. Stopping twice is harmless."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for op, inbox in self._inboxes.items():
            inbox.put_nowait(Finished(op, "", b"", 0, 0, 0, 0.0, ENDED_EARLY))
        self._inboxes.clear()

    # -- commands ----------------------------------------------------------------------------------------------------

    async def get_peers(self, key: bytes, *, want: int | None = None) -> list[Address]:
        """Announced (host, port) of `key`, in the order they came; ends when the look-up does, or at `want` of them."""
        return [peer async for peer in self.find_peers(key, want=want)]

    async def find_peers(self, key: bytes, *, want: int | None = None) -> AsyncIterator[Address]:
        """As `get_peers`, each address as soon as it is known. Leaving the loop early ends the look-up."""
        op, outputs = self._core.get_peers(self._now(), key, want)
        inbox = self._open(op)
        try:
            await self._run(outputs)
            while True:
                match await inbox.get():
                    case Found(peers=peers):
                        for peer in peers:
                            yield peer
                    case Finished():
                        return
        finally:
            if self._inboxes.pop(op, None) is not None and self._socket is not None:
                await self._run(self._core.cancel(self._clock.now(), op))

    async def announce(self, key: bytes, port: int) -> int:
        """Announce `key` with TCP `port` once; how many nodes took it."""
        op, outputs = self._core.announce(self._now(), key, port)
        event = await self._finish(op, outputs)
        return event.stored if isinstance(event, Finished) else 0

    async def publish(self, key: bytes, port: int, *, every: float = 900.0, spread: float = 0.0) -> None:
        """Keep `key` announced until `withdraw`: now, as soon as somebody takes it, then every `every` + random `spread` s.

        ValueError beyond the limit (the channel and 100 recordings).
        """
        await self._run(self._core.publish(self._now(), key, port, every, spread))

    def withdraw(self, key: bytes) -> None:
        """Announce `key` no more; it fades from other nodes within their expiry (45 min)."""
        self._core.withdraw(key)

    async def add_node(self, addr: tuple[str, int]) -> bool:
        """Make `addr` a bootstrap address and ask it; whether a node answered. ValueError outside the permitted networks."""
        op, outputs = self._core.add_node(self._now(), addr)
        event = await self._finish(op, outputs)
        return isinstance(event, Pinged) and event.node_id is not None

    async def ping(self, addr: tuple[str, int]) -> float | None:
        """Seconds until the node at `addr` answered, None when it did not."""
        op, outputs = self._core.ping(self._now(), addr)
        event = await self._finish(op, outputs)
        return event.seconds if isinstance(event, Pinged) and event.node_id is not None else None

    # -- what it knows -----------------------------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """The bound address. RuntimeError before `start`."""
        if self._address is None:
            raise RuntimeError("the node was not started")
        return self._address

    @property
    def node_id(self) -> bytes:
        return self._core.node_id

    @property
    def table_size(self) -> int:
        return len(self._core.table)

    @property
    def waiting(self) -> bool:
        """No bootstrap node and an empty table: nothing will happen until a node is added or asks us."""
        return not self._names and self._core.waiting

    def saved(self) -> list[tuple[str, str, int]]:
        """(id in hex, host, port) of the table's nodes, for `saved_nodes` of the next start."""
        return self._core.saved_nodes()

    def stats(self) -> dict[str, int]:
        """Counts since the start (`wire.Counters`), and sizes now."""
        core = self._core
        return asdict(core.counters) | {
            "table": len(core.table),
            "usable": core.table.usable,
            "keys_stored": core.store.keys,
            "peers_stored": core.store.size,
            "lookups": core.searches.running,
            "lookups_waiting": core.searches.waiting,
            "dropped_queue": self._socket.dropped if self._socket is not None else 0,
            "send_errors": self._send_errors + (self._socket.errors if self._socket is not None else 0),
        }

    # -- inside ------------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        if self._socket is None:
            raise RuntimeError("the node is not running")
        return self._clock.now()

    def _open(self, op: int) -> asyncio.Queue[Event]:
        # The core bounds what comes here: at most `limits.values` addresses a look-up.
        inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._inboxes[op] = inbox
        return inbox

    async def _finish(self, op: int, outputs: list[Output]) -> Event:
        inbox = self._open(op)
        try:
            await self._run(outputs)
            return await inbox.get()
        finally:
            if self._inboxes.pop(op, None) is not None and self._socket is not None:
                await self._run(self._core.cancel(self._clock.now(), op))

    async def _receive(self) -> None:
        """Read until the socket closes; a socket that broke is bound again at the same address on the next run."""
        if self._socket is None or self._socket.closed:
            self._socket = await _bind(self.address)
        handled = 0
        while True:
            try:
                data, address = await self._socket.recv()
            except TransportClosed as error:
                raise ConnectionError("the DHT's socket was closed") from error
            await self._run(self._core.on_datagram(self._clock.now(), data, address))
            handled += 1
            if handled % BREATH == 0:
                await asyncio.sleep(0)  # a full queue never waits, and the loop has others to serve

    async def _timer(self) -> None:
        while True:
            await self._run(self._core.on_timer(self._clock.now()))
            self._wake.clear()
            self._sleeping_until = self._core.deadline
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

    async def _resolve(self) -> None:
        """Turn bootstrap host names into addresses, with back-off for those that fail."""
        wait = RESOLVE_FIRST
        loop = asyncio.get_running_loop()
        while self._names:
            for name, port in tuple(self._names):
                try:
                    found = await loop.getaddrinfo(name, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
                    address = found[0][4]
                    _, outputs = self._core.add_node(self._clock.now(), (str(address[0]), int(address[1])))
                except (OSError, UnicodeError) as error:
                    log.warning("DHT bootstrap node %s: %s", name, error)
                except ValueError as error:
                    log.warning("DHT bootstrap node %s is left out: %s", name, error)
                    self._names.remove((name, port))
                else:
                    self._names.remove((name, port))
                    await self._run(outputs)
            if self._names:
                await self._clock.sleep(wait)
                wait = min(RESOLVE_MOST, wait * 2)

    async def _run(self, outputs: list[Output]) -> None:
        """Tell events, send datagrams, wake the timer when it would sleep too long."""
        sends: list[Send] = []
        for output in outputs:
            if isinstance(output, Send):
                sends.append(output)
            else:
                self._tell(output)
        deadline = self._core.deadline
        if deadline is not None and (self._sleeping_until is None or deadline < self._sleeping_until):
            self._wake.set()
        if sends and self._socket is not None:
            try:
                async with asyncio.timeout(SEND_WITHIN):
                    for send in sends:
                        await self._socket.send(send.data, send.address)
            except (TimeoutError, TransportClosed):
                self._send_errors += 1

    def _tell(self, event: Event) -> None:
        if isinstance(event, Noted):
            log.info("%s: %s", event.name, event.text)
        else:
            inbox = self._inboxes.get(event.op)
            if inbox is not None:
                inbox.put_nowait(event)
                if not isinstance(event, Found):
                    del self._inboxes[event.op]
        if self._on_event is not None:
            self._on_event(event)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


async def _bind(listen: Address) -> DatagramSocket:
    host, port = listen
    if not _is_literal(host):
        raise UserError("config", f"dht.listen: {host!r} is not an IPv4 address", "write ADDRESS:PORT, e.g. 0.0.0.0:50401")
    try:
        return await bind(listen)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = "another program uses it: set dht.listen to another port"
            raise UserError("port", f"UDP port {port} on {host} is in use", hint) from error
        if error.errno in (errno.EADDRNOTAVAIL, errno.EACCES):
            hint = "set dht.listen to an address of this machine and a port from 1024"
            raise UserError("config", f"cannot listen on UDP {host}:{port}: {error.strerror}", hint) from error
        raise
