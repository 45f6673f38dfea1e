"""The DHT on real sockets: a shell around one `DhtCore` an address family, each on a UDP socket of its own (asyncio-dgram)."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from slskdn_tui.engine.dht.half import Half, is_literal
from slskdn_tui.engine.dht.keys import PUBLIC_ROUTERS
from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.outputs import Event, Finished, Found, Noted, Output, Pinged, Sampled
from slskdn_tui.engine.dht.store.items import Item
from slskdn_tui.engine.dht.wire.addresses import V6, Address, family
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor

log = logging.getLogger(__name__)

RESOLVE_FIRST, RESOLVE_MOST = 5.0, 300.0
NO_ADDRESS = {socket.EAI_NONAME, socket.EAI_ADDRFAMILY, socket.EAI_NODATA}
ENDED_EARLY = "the node stopped"
Command = Callable[[DhtCore, float], tuple[int, list[Output]]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one family stands. `good`: nodes that answered last time, `questionable`: the others still in the table; `reach`: words.

    `seen_as`: our address as most of `votes` unrelated nodes see it, "" while too few agree.
    """

    family: int
    address: Address
    node_id: bytes
    good: int
    questionable: int
    reachable: str
    reach: str
    seen_as: str
    votes: int
    keys: int
    peers: int
    items: int
    lookups: int


class DhtNode:
    """One node. `start` before anything else; after `stop` every waiting call ends with what it has.

    `listen`: numeric address and port (0 for any); a named address is used for outgoing datagrams too. `also`: a second one, of the
    other family. `bootstrap`: (host, port); host names are resolved, again with back-off while that fails. `permit`: networks in CIDR
    besides public ones. `public`: take part in the public Mainline DHT; else only nodes of this program are spoken with.
    `saved_nodes`: an earlier `saved()`, `node_ids`: an earlier `node_ids`. `on_event` gets every event of the cores.
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
        node_ids: Mapping[int, bytes] | None = None,
        public: bool = False,
        also: tuple[str, int] | None = None,
        read_only: bool | None = None,
    ) -> None:
        self._clock, self._supervisor, self._on_event = clock, supervisor, on_event
        ids = dict(node_ids or {})
        if node_id is not None:
            ids[family(listen[0])] = node_id
        first = list(bootstrap) or (list(PUBLIC_ROUTERS) if public else [])
        self._names = [entry for entry in first if not is_literal(entry[0])]
        self.public = public
        self._halves = [
            Half(
                address,
                DhtCore(
                    now=clock.now(),
                    rng=rng,
                    node_id=ids.get(family(address[0])),
                    limits=limits,
                    permit=permit,
                    bootstrap=[entry for entry in first if is_literal(entry[0])],
                    saved=saved_nodes,
                    version=family(address[0]),
                    closed=not public,
                    read_only=read_only,
                ),
                clock,
                self._tell,
            )
            for address in (listen, *([also] if also is not None else []))
        ]
        if len(self._halves) == 2:
            if self._halves[0].core.version == self._halves[1].core.version:
                raise ValueError("the second address must be of the other family")
            self._halves[0].core.twin(self._halves[1].core)
        self._first = self._halves[0]
        self._running = False
        self._tasks: list[asyncio.Task[Any]] = []

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind and begin joining. UserError `port` when the port is taken, `config` when the address is not ours or no address."""
        if self._running:
            raise RuntimeError("the node is running")
        self._running = True
        try:
            for half in self._halves:
                await half.open()
        except BaseException:
            await self.stop()
            raise
        for half in self._halves:
            name = "dht6" if half.core.version == V6 else "dht"
            self._tasks += [self._supervisor.keep(f"{name} socket", half.hold), self._supervisor.keep(f"{name} timer", half.tick)]
        if self._names:
            self._tasks.append(self._supervisor.spawn("dht bootstrap names", self._resolve()))

    async def stop(self) -> None:
        """Close the sockets and end every waiting call. Stopping twice is harmless."""
        self._running = False
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for half in self._halves:
            half.close()
            half.abandon(lambda op: Finished(op, "", b"", 0, 0, 0, 0.0, ENDED_EARLY))

    # -- commands ----------------------------------------------------------------------------------------------------

    async def get_peers(self, key: bytes, *, want: int | None = None) -> list[Address]:
        """Announced (host, port) of `key`, in the order they came; ends when the look-up does, or at `want` of them."""
        return [peer async for peer in self.find_peers(key, want=want)]

    async def find_peers(self, key: bytes, *, want: int | None = None) -> AsyncIterator[Address]:
        """As `get_peers`, each address as soon as it is known. Leaving the loop early ends the look-up."""
        async with aclosing(self._follow(lambda core, now: core.get_peers(now, key, want))) as events:
            async for event in events:
                for peer in event.peers if isinstance(event, Found) else ():
                    yield peer

    async def look_up(self, key: bytes) -> tuple[list[Address], list[Finished]]:
        """As `get_peers`, and how each family's look-up went."""
        peers: list[Address] = []
        ends: list[Finished] = []
        async for event in self._follow(lambda core, now: core.get_peers(now, key)):
            if isinstance(event, Found):
                peers += event.peers
            elif isinstance(event, Finished):
                ends.append(event)
        return peers, ends

    async def announce(self, key: bytes, port: int) -> int:
        """Announce `key` with TCP `port` once; how many nodes took it."""
        ends = await self._finish(lambda core, now: core.announce(now, key, port))
        return sum(end.stored for end in ends if isinstance(end, Finished))

    async def scrape(self, key: bytes) -> tuple[float, float]:
        """About how many (seeds, other peers) announced `key` (BEP 33)."""
        ends = await self._finish(lambda core, now: core.scrape(now, key))
        counts = [end.scraped for end in ends if isinstance(end, Finished) and end.scraped is not None]
        return sum(seeds for seeds, _ in counts), sum(others for _, others in counts)

    async def get_item(self, target: bytes, salt: bytes = b"") -> Item | None:
        """The newest verified BEP 44 item under `target`."""
        ends = await self._finish(lambda core, now: core.get_item(now, target, salt))
        found = [end.item for end in ends if isinstance(end, Finished) and end.item is not None]
        return max(found, key=lambda item: item.seq, default=None)

    async def put_item(self, item: Item, cas: int | None = None) -> tuple[int, str]:
        """Store a BEP 44 item; how many nodes took it, and why if none. ValueError where it is not right."""
        ends = [end for end in await self._finish(lambda core, now: core.put_item(now, item, cas)) if isinstance(end, Finished)]
        return sum(end.stored for end in ends), next((end.refused for end in ends if end.refused), "")

    async def sample(self, addr: tuple[str, int], target: bytes) -> Sampled:
        """Some of the keys that the node at `addr` stores (BEP 51)."""
        (event,) = await self._finish(lambda core, now: core.sample(now, addr, target), [self._half_of(addr)])
        return event if isinstance(event, Sampled) else Sampled(0, addr, None)

    async def publish(self, key: bytes, port: int, *, every: float = 900.0, spread: float = 0.0) -> None:
        """Keep `key` announced until `withdraw`: now, as soon as somebody takes it, then every `every` + random `spread` s.

        ValueError beyond the limit (the channel and 100 recordings).
        """
        for half in self._halves:
            half.run(half.core.publish(self._now(), key, port, every, spread))

    def withdraw(self, key: bytes) -> None:
        """Announce `key` no more; it fades from other nodes within their expiry (45 min)."""
        for half in self._halves:
            half.core.withdraw(key)

    async def add_node(self, addr: tuple[str, int]) -> bool:
        """Make `addr` a bootstrap address and ask it; whether a node answered. ValueError outside the permitted networks."""
        (event,) = await self._finish(lambda core, now: core.add_node(now, addr), [self._half_of(addr)])
        return isinstance(event, Pinged) and event.node_id is not None

    async def ping(self, addr: tuple[str, int]) -> float | None:
        """Seconds until the node at `addr` answered, None when it did not."""
        (event,) = await self._finish(lambda core, now: core.ping(now, addr), [self._half_of(addr)])
        return event.seconds if isinstance(event, Pinged) and event.node_id is not None else None

    # -- what it knows -----------------------------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """The (first) bound address. RuntimeError before `start`."""
        if self._first.address is None:
            raise RuntimeError("the node was not started")
        return self._first.address

    @property
    def node_id(self) -> bytes:
        return self._first.core.node_id

    @property
    def node_ids(self) -> dict[int, bytes]:
        """By family, for the next start."""
        return {half.core.version: half.core.node_id for half in self._halves}

    @property
    def table_size(self) -> int:
        return sum(len(half.core.table) for half in self._halves)

    @property
    def waiting(self) -> bool:
        """No bootstrap node and an empty table: nothing will happen until a node is added or asks us."""
        return not self._names and all(half.core.waiting for half in self._halves)

    def saved(self) -> list[tuple[str, str, int]]:
        """(id in hex, host, port) of the tables' nodes, for `saved_nodes` of the next start."""
        return [node for half in self._halves for node in half.core.saved_nodes()]

    def standing(self) -> list[Standing]:
        """How each family stands."""
        return [
            Standing(
                half.core.version,
                half.address or half.listen,
                half.core.node_id,
                half.core.table.good,
                len(half.core.table) - half.core.table.good,
                half.core.reach.state.value,
                half.core.reach.words,
                half.core.votes.host or "",
                len(half.core.votes),
                half.core.store.keys,
                half.core.store.size,
                len(half.core.items),
                half.core.searches.running + half.core.searches.waiting,
            )
            for half in self._halves
        ]

    def stats(self) -> dict[str, int]:
        """Counts since the start (`outgoing.Counters`), and sizes now; of all families together."""
        total: dict[str, int] = {}
        for half in self._halves:
            core = half.core
            counts = asdict(core.counters) | {
                "table": len(core.table),
                "usable": core.table.usable,
                "keys_stored": core.store.keys,
                "peers_stored": core.store.size,
                "items_stored": len(core.items),
                "lookups": core.searches.running,
                "lookups_waiting": core.searches.waiting,
                "send_errors": half.errors,
            }
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
        return total

    # -- inside ------------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        if not self._running:
            raise RuntimeError("the node is not running")
        return self._clock.now()

    def _half_of(self, address: Address) -> Half:
        version = family(address[0])
        return next((half for half in self._halves if half.core.version == version), self._first)

    async def _follow(self, command: Command, halves: Sequence[Half] | None = None) -> AsyncGenerator[Event, None]:
        """Events of a command on each half, until each has ended; leaving early cancels it."""
        inbox: asyncio.Queue[Event] = asyncio.Queue()
        now = self._now()
        ops = [(half, half.follow(command(half.core, now), inbox)) for half in halves or self._halves]
        left = len(ops)
        try:
            while left:
                event = await inbox.get()
                left -= not isinstance(event, Found)
                yield event
        finally:
            for half, op in ops:
                half.leave(op)

    async def _finish(self, command: Command, halves: Sequence[Half] | None = None) -> list[Event]:
        return [event async for event in self._follow(command, halves) if not isinstance(event, Found)]

    async def _resolve(self) -> None:
        """Turn bootstrap host names into addresses, with back-off for those that fail. A name need not have an address of each family."""
        wait = RESOLVE_FIRST
        while self._names:
            for name, port in tuple(self._names):
                faults: list[Exception] = []
                for half in self._halves:
                    try:
                        await self._resolve_for(half, name, port)
                    except (OSError, UnicodeError) as error:
                        faults.append(error)
                lacking = [error for error in faults if isinstance(error, socket.gaierror) and error.errno in NO_ADDRESS]
                if len(faults) == len(lacking) < len(self._halves):
                    self._names.remove((name, port))
                else:
                    log.warning("DHT bootstrap node %s: %s", name, faults[0])
            if self._names:
                await self._clock.sleep(wait)
                wait = min(RESOLVE_MOST, wait * 2)

    async def _resolve_for(self, half: Half, name: str, port: int) -> None:
        kind = socket.AF_INET6 if half.core.version == V6 else socket.AF_INET
        found = await asyncio.get_running_loop().getaddrinfo(name, port, family=kind, type=socket.SOCK_DGRAM)
        address = (str(found[0][4][0]), int(found[0][4][1]))
        try:
            _, outputs = half.core.add_node(self._clock.now(), address)
        except ValueError as error:
            log.warning("DHT bootstrap node %s is left out: %s", name, error)
        else:
            half.run(outputs)

    def _tell(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)
        elif isinstance(event, Noted):
            log.info("%s: %s", event.name, event.text)
