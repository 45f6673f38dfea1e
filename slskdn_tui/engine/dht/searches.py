"""Look-ups and announces on their way: several at once, the rest in a queue. Core."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from slskdn_tui.engine.dht.addresses import Address
from slskdn_tui.engine.dht.krpc import ID, Node, Reply
from slskdn_tui.engine.dht.lookup import Lookup
from slskdn_tui.engine.dht.outputs import Finished, Found
from slskdn_tui.engine.dht.peerstore import PeerStore
from slskdn_tui.engine.dht.routing import RoutingTable
from slskdn_tui.engine.dht.rpc import Purpose, Question
from slskdn_tui.engine.dht.wire import Wire

NODES_TAKEN = 16  # from one answer


@dataclass(slots=True, eq=False)
class Search:
    """One command on its way. `kind`: get, announce, or find (upkeep's own: never queued, no events)."""

    op: int
    kind: str
    key: bytes
    lookup: Lookup
    started: float
    port: int = 0
    want: int | None = None
    peers: dict[Address, None] = field(default_factory=dict)
    todo: deque[tuple[Node, bytes]] | None = None  # announces still to be sent, once the look-up is over
    outstanding: int = 0
    stored: int = 0
    armed: bool = False


class Searches:
    """`over(search, now)` is called at the end of each, before its `Finished`; `seeds()` gives whom to ask when the table is empty."""

    def __init__(
        self,
        wire: Wire,
        table: RoutingTable,
        store: PeerStore,
        seeds: Callable[[], tuple[list[Node], list[Address]]],
        over: Callable[[Search, float], None],
    ) -> None:
        self._wire, self._table, self._store = wire, table, store
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

    def new(self, op: int, kind: str, key: bytes, now: float, *, port: int = 0, want: int | None = None) -> Search:
        """ValueError for a key or port that cannot be."""
        if len(key) != ID:
            raise ValueError("a DHT key has 20 bytes")
        if kind == "announce" and not 1 <= port <= 65535:
            raise ValueError(f"not a port: {port}")
        limits = self._limits
        lookup = Lookup(key, k=limits.k, alpha=limits.alpha, one_per_24=limits.one_per_24, most=limits.candidates)
        return Search(op, kind, key, lookup, now, port, want)

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
            nodes = [node for node in reply.nodes[:NODES_TAKEN] if self._wire.speakable(node)]
            if search.lookup.answered(question.address, reply.sender, reply.token, nodes) and search.kind != "find" and reply.values:
                self._found(search, (value for value in reply.values if self._wire.permit.allows(value)), question.address)
            self.pump(search.op, now)

    def on_slow(self, question: Question, now: float) -> None:
        search = self._active.get(question.op)
        if search is not None and question.purpose is Purpose.ANNOUNCE:
            self._announce_ended(search, question, now)
        elif search is not None:
            search.lookup.slow(question.address)
            self.pump(search.op, now)

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
            wait = 0.0 if enough else self._send_questions(search, now)
            if enough or search.lookup.done or (search.kind == "find" and search.lookup.all_slow):
                if search.kind != "announce":
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
        known = self._table.closest(search.key, 2 * self._limits.k)
        search.lookup.seed(known)
        # Bootstrap nodes help while few are known; afterwards they are nodes like any other.
        if len(known) < (self._limits.k if search.kind == "find" else 1):
            search.lookup.seed(*self._seeds())
        if search.kind == "announce":
            self._announce_here(search, now)
        elif search.kind == "get":
            self._found(search, self._store.get(search.key, now), None)
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
            self._wire.emit(Found(search.op, search.key, tuple(fresh), node))

    def _send_questions(self, search: Search, now: float) -> float:
        """The shortest wait of those that were held back; 0.0 when none was."""
        method, name = (b"find_node", b"target") if search.kind == "find" else (b"get_peers", b"info_hash")
        waits = []
        for candidate in search.lookup.ready():
            held = self._wire.ask(candidate.address, candidate.id, Purpose.LOOKUP, search.op, method, {name: search.key}, now)
            if held:
                waits.append(held)
            else:
                search.lookup.asked(candidate)
        return min(waits, default=0.0)

    def _send_announces(self, search: Search, todo: deque[tuple[Node, bytes]], now: float) -> float:
        waits = []
        for _ in range(len(todo)):
            (node_id, address), token = todo.popleft()
            args: dict[bytes, bytes | int] = {b"implied_port": 0, b"info_hash": search.key, b"port": search.port, b"token": token}
            held = self._wire.ask(address, node_id, Purpose.ANNOUNCE, search.op, b"announce_peer", args, now)
            if held:
                todo.append(((node_id, address), token))
                waits.append(held)
            else:
                search.outstanding += 1
        return min(waits, default=0.0)

    def _announce_ended(self, search: Search, question: Question, now: float) -> None:
        if not question.slow:
            search.outstanding -= 1
        self.pump(search.op, now)

    def _end(self, search: Search, now: float, refused: str = "") -> None:
        self._active.pop(search.op, None)
        self._over(search, now)
        if search.kind != "find":
            answers, peers, seconds = search.lookup.answers, len(search.peers), now - search.started
            self._wire.emit(Finished(search.op, search.kind, search.key, answers, peers, search.stored, seconds, refused))
        self._advance(now)
