"""Look-ups, announces, gets and puts on their way: several at once, the rest in a queue. Core."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bencode2 import bdecode

from slskdn_tui.engine.dht.machine.outgoing import QUERY_BYTES, Wire
from slskdn_tui.engine.dht.machine.outputs import Finished, Found
from slskdn_tui.engine.dht.machine.questions import Purpose, Question
from slskdn_tui.engine.dht.routing.lookup import Lookup
from slskdn_tui.engine.dht.routing.table import RoutingTable
from slskdn_tui.engine.dht.store.bloom import Bloom
from slskdn_tui.engine.dht.store.items import Item, ItemStore, Refused
from slskdn_tui.engine.dht.store.peers import PeerStore
from slskdn_tui.engine.dht.wire.addresses import Address
from slskdn_tui.engine.dht.wire.krpc import ID, Failure, ItemFields, Node, Reply

NODES_TAKEN = 16  # from one answer
PUT_BYTES = 1400  # a put at its largest

METHODS = {
    "find": (b"find_node", b"target"),
    "get": (b"get_peers", b"info_hash"),
    "announce": (b"get_peers", b"info_hash"),
    "scrape": (b"get_peers", b"info_hash"),
    "item": (b"get", b"target"),
    "put": (b"get", b"target"),
}
STORES = ("announce", "put")


@dataclass(slots=True, eq=False)
class Search:
    """One command on its way. `kind`: of `METHODS`; find is upkeep's own: never queued, no events.

    `item`: what a put stores; `best`: what a get of an item found so far, under `salt`; `more`: further arguments of each question.
    """

    op: int
    kind: str
    key: bytes
    lookup: Lookup
    started: float
    port: int = 0
    want: int | None = None
    item: Item | None = None
    cas: int | None = None
    salt: bytes = b""
    more: dict[bytes, Any] = field(default_factory=dict)
    best: Item | None = None
    filters: tuple[Bloom, Bloom] | None = None
    peers: dict[Address, None] = field(default_factory=dict)
    todo: deque[tuple[Node, bytes]] | None = None  # announces still to be sent, once the look-up is over
    outstanding: int = 0
    stored: int = 0
    asked: int = 0
    refused: str = ""
    armed: bool = False


class Searches:
    """`over(search, now)` is called at the end of each, before its `Finished`; `seeds()` gives whom to ask when the table is empty."""

    def __init__(
        self,
        wire: Wire,
        table: RoutingTable,
        store: PeerStore,
        items: ItemStore,
        seeds: Callable[[], tuple[list[Node], list[Address]]],
        over: Callable[[Search, float], None],
    ) -> None:
        self._wire, self._table, self._store, self._items = wire, table, store, items
        self._seeds, self._over = seeds, over
        self._limits = wire.limits
        self._active: dict[int, Search] = {}
        self._queue: deque[Search] = deque()
        self._advancing = False
        self._mine: set[Address] = set()

    @property
    def running(self) -> int:
        """Commands under way, upkeep's own not counted."""
        return sum(search.kind != "find" for search in self._active.values())

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def new(self, op: int, kind: str, key: bytes, now: float, *, port: int = 0, want: int | None = None, **more: Any) -> Search:
        """ValueError for a key or port that cannot be."""
        if len(key) != ID:
            raise ValueError("a DHT key has 20 bytes")
        if kind == "announce" and not 1 <= port <= 65535:
            raise ValueError(f"not a port: {port}")
        limits = self._limits
        lookup = Lookup(key, k=limits.k, alpha=limits.alpha, one_per_24=limits.one_per_24, two_sets=limits.two_sets, most=limits.candidates)
        return Search(op, kind, key, lookup, now, port, want, **more)

    def begin(self, search: Search, now: float) -> None:
        """Start it, or queue it, or refuse it."""
        if search.kind == "find":
            self._start(search, now)
        elif len(self._queue) >= self._limits.waiting_lookups:
            self._end(search, now, "too many look-ups are waiting")
        else:
            self._queue.append(search)
            self._advance(now)

    def cancel(self, op: int, now: float) -> None:
        self._active.pop(op, None)
        self._queue = deque(search for search in self._queue if search.op != op)
        self._advance(now)

    def on_reply(self, question: Question, reply: Reply, now: float) -> None:
        search = self._active.get(question.op)
        if search is None:
            return
        if question.purpose is Purpose.ANNOUNCE:
            search.stored += 1
            self._announce_ended(search, question, now)
        elif search.todo is None:
            named = reply.nodes_of(self._wire.permit.version)
            nodes = [node for node in named[:NODES_TAKEN] if self._wire.speakable(node)]
            if search.lookup.answered(question.address, reply.sender, reply.token, nodes) and search.kind != "find":
                self._learn(search, reply, question.address)
            self.pump(search.op, now)

    def _learn(self, search: Search, reply: Reply, address: Address) -> None:
        if reply.values:
            self._found(search, (value for value in reply.values if self._wire.permit.allows(value)), address)
        if search.filters is not None and reply.filters is not None:
            for ours, theirs in zip(search.filters, reply.filters, strict=True):
                ours.merge(Bloom(theirs))
        if search.kind == "item" and reply.item is not None:
            self._weigh(search, reply.item)

    def _weigh(self, search: Search, fields: ItemFields) -> None:
        """An item counts when it hashes to the key, or its signer's key does and the signature holds; the highest `seq` wins."""
        if fields.value is None or (search.best is not None and (not fields.key or (fields.seq or 0) <= search.best.seq)):
            return
        item = Item(fields.value, fields.key, search.salt if fields.key else b"", (fields.seq or 0) if fields.key else 0, fields.sig)
        if item.target != search.key:
            return
        try:
            item.check()
        except Refused:
            return
        search.best = item

    def on_slow(self, question: Question, now: float) -> None:
        search = self._active.get(question.op)
        if search is not None and question.purpose is Purpose.ANNOUNCE:
            self._announce_ended(search, question, now)
        elif search is not None:
            search.lookup.slow(question.address)
            self.pump(search.op, now)

    def on_failure(self, question: Question, failure: Failure, now: float) -> None:
        """An error came instead of an answer."""
        search = self._active.get(question.op)
        if search is not None and question.purpose is Purpose.ANNOUNCE:
            search.refused = f"{failure.code} {failure.text.decode('ascii', 'replace')}"
        self.on_lost(question, now)

    def on_lost(self, question: Question, now: float) -> None:
        search = self._active.get(question.op)
        if search is not None and question.purpose is Purpose.ANNOUNCE:
            self._announce_ended(search, question, now)
        elif search is not None:
            search.lookup.failed(question.address)
            self.pump(search.op, now)

    def rearm(self, op: int, now: float) -> None:
        """The timer of a held-back search."""
        search = self._active.get(op)
        if search is not None:
            search.armed = False
            self.pump(op, now)

    def pump(self, op: int, now: float) -> None:
        """Send what may be sent; end the look-up, or the command, when nothing is left to wait for."""
        search = self._active.get(op)
        if search is None:
            return
        if search.todo is None:
            enough = search.want is not None and len(search.peers) >= search.want
            enough = enough or (search.best is not None and not search.best.mutable)
            wait = 0.0 if enough else self._send_questions(search, now)
            if enough or search.lookup.done or (search.kind == "find" and search.lookup.all_slow):
                if search.kind not in STORES:
                    self._end(search, now)
                    return
                search.todo = deque(
                    ((candidate.id, candidate.address), candidate.token)
                    for candidate in search.lookup.closest()
                    if candidate.id is not None and candidate.token is not None
                )
        if search.todo is not None:
            wait = self._send_announces(search, search.todo, now)
            if not search.todo and not search.outstanding:
                self._end(search, now)
                return
        if wait and not search.armed:
            search.armed = True
            self._wire.timers.set(now + wait, "pump", search.op)

    def _advance(self, now: float) -> None:
        if self._advancing:
            return  # a search that ends at once must not recurse through the whole queue
        self._advancing = True
        while self._queue and self.running < self._limits.lookups:
            self._start(self._queue.popleft(), now)
        self._advancing = False

    def _start(self, search: Search, now: float) -> None:
        self._active[search.op] = search
        known = self._table.seeds(search.key, 2 * self._limits.k)
        search.lookup.seed(contact.node for contact in known)
        # Bootstrap nodes help while few are known; afterwards they are nodes like any other.
        if len(known) < (self._limits.k if search.kind == "find" else 1):
            search.lookup.seed(*self._seeds())
        if search.kind == "announce":
            self._announce_here(search, now)
        elif search.kind == "get":
            self._found(search, self._store.get(search.key, now), None)
        elif search.kind == "scrape":
            seeds, others = self._store.filters(search.key, now)
            search.filters = Bloom(seeds), Bloom(others)
        elif search.kind == "item":
            search.best = self._items.get(search.key, now)
        self.pump(search.op, now)

    def _announce_here(self, search: Search, now: float) -> None:
        """Our own store answers for us too: in a mesh of two the only other node would have nobody else to ask."""
        own = self._wire.own
        if own is not None and self._wire.permit.allows((own[0], search.port)):
            self._mine.add((own[0], search.port))
            self._store.add(search.key, (own[0], search.port), now)

    def _found(self, search: Search, values: Iterable[Address], node: Address | None) -> None:
        most = self._limits.values if search.want is None else min(search.want, self._limits.values)
        fresh: list[Address] = []
        for value in values:
            if value not in search.peers and value not in self._mine and len(search.peers) < most:
                search.peers[value] = None
                fresh.append(value)
        if fresh and search.kind == "get":
            hops = search.lookup.hops(node) if node is not None else 0
            self._wire.emit(Found(search.op, search.key, tuple(fresh), node, hops))

    def _send_questions(self, search: Search, now: float) -> float:
        """The shortest wait of those that were held back; 0.0 when none was."""
        method, name = METHODS[search.kind]
        wait = 0.0
        for candidate in search.lookup.ready():
            args = {name: search.key, **search.more}
            held = self._wire.ask(candidate.address, candidate.id, Purpose.LOOKUP, search.op, method, args, now)
            if held:
                wait = min(wait, held) if wait else held
            else:
                search.lookup.asked(candidate)
                search.asked += 1
        return wait

    def _send_announces(self, search: Search, todo: deque[tuple[Node, bytes]], now: float) -> float:
        waits = []
        method, args = self._storing(search)
        size = PUT_BYTES if search.item is not None else QUERY_BYTES
        for _ in range(len(todo)):
            (node_id, address), token = todo.popleft()
            held = self._wire.ask(address, node_id, Purpose.ANNOUNCE, search.op, method, args | {b"token": token}, now, size)
            if held:
                todo.append(((node_id, address), token))
                waits.append(held)
            else:
                search.outstanding += 1
                search.asked += 1
        return min(waits, default=0.0)

    @staticmethod
    def _storing(search: Search) -> tuple[bytes, dict[bytes, Any]]:
        item = search.item
        if item is None:
            return b"announce_peer", {b"implied_port": 0, b"info_hash": search.key, b"port": search.port}
        args: dict[bytes, Any] = {b"v": bdecode(item.value)}
        if item.mutable:
            args |= {b"k": item.key, b"seq": item.seq, b"sig": item.sig}
            if item.salt:
                args[b"salt"] = item.salt
            if search.cas is not None:
                args[b"cas"] = search.cas
        return b"put", args

    def _announce_ended(self, search: Search, question: Question, now: float) -> None:
        if not question.slow:
            search.outstanding -= 1
        self.pump(search.op, now)

    def _end(self, search: Search, now: float, refused: str = "") -> None:
        self._active.pop(search.op, None)
        self._over(search, now)
        if search.kind != "find":
            scraped = (search.filters[0].count, search.filters[1].count) if search.filters is not None else None
            self._wire.emit(
                Finished(
                    search.op,
                    search.kind,
                    search.key,
                    search.lookup.answers,
                    len(search.peers),
                    search.stored,
                    now - search.started,
                    refused or ("" if search.stored else search.refused),
                    search.asked,
                    search.best,
                    scraped,
                )
            )
        self._advance(now)
