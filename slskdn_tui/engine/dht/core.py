"""The DHT node as a state machine. Core: time, chance and datagrams come in, datagrams and events go out.

Drive it with `start`, `on_datagram`, `on_timer` (at `deadline`, or later) and the commands; send every `Send` returned.
No datagram makes it raise; commands raise ValueError for arguments that are wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slskdn_tui.engine.dht import krpc
from slskdn_tui.engine.dht.addresses import Address, Permit
from slskdn_tui.engine.dht.krpc import BadQuery, Failure, Malformed, Node, Query, Reply
from slskdn_tui.engine.dht.limits import DhtLimits, PerAddress, Proven
from slskdn_tui.engine.dht.outputs import Noted, Output, Pinged
from slskdn_tui.engine.dht.peerstore import PeerStore
from slskdn_tui.engine.dht.routing import RoutingTable
from slskdn_tui.engine.dht.rpc import Purpose, Question
from slskdn_tui.engine.dht.searches import Search, Searches
from slskdn_tui.engine.dht.serve import Responder
from slskdn_tui.engine.dht.tokens import Rng, Tokens
from slskdn_tui.engine.dht.upkeep import Join, Ping, Publications, Refresh, Upkeep, clean_nodes
from slskdn_tui.engine.dht.wire import Counters, Wire

EXPIRE_EVERY = 60.0
YOUNG = 4  # a table of fewer than so many times k nodes is in a hurry


class DhtCore:
    def __init__(
        self,
        *,
        now: float,
        rng: Rng,
        node_id: bytes | None = None,
        limits: DhtLimits | None = None,
        permit: Sequence[str] = (),
        bootstrap: Iterable[Address] = (),
        saved: Iterable[tuple[str, str, int]] = (),
    ) -> None:
        """`permit`: networks besides the public ones; `saved`: (id in hex, host, port) from `saved_nodes` of an earlier run."""
        if node_id is not None and len(node_id) != krpc.ID:
            raise ValueError("a node id has 20 bytes")
        self.limits = limits = limits or DhtLimits()
        self.node_id = node_id or rng.randbytes(krpc.ID)
        self._rng = rng
        permitted = Permit(permit)
        self.table = RoutingTable(
            self.node_id, k=limits.k, good_for=limits.node_good, one_per_ip=limits.one_per_ip, one_per_24=limits.one_per_24
        )
        self.store = PeerStore(self.node_id, keys=limits.keys, peers=limits.peers_per_key, expiry=limits.peer_expiry)
        self._wire = Wire(self.node_id, rng, limits, permitted, now)
        self._proven = Proven()
        self._responder = Responder(self.table, self.store, Tokens(rng, now, limits.token_period), self._proven, limits, rng)
        self._asked_by = PerAddress(limits.burst, limits.per_second)
        self._upkeep = Upkeep(rng, limits, now)
        self._publications = Publications(rng, limits.publications)
        self._searches = Searches(self._wire, self.table, self.store, self._seeds, self._search_over)
        self._bootstrap = [address for address in bootstrap if permitted.allows(address)]
        self._saved = [node for node in clean_nodes(saved) if permitted.allows(node[1])]
        self._published: dict[int, bytes] = {}
        self._publish_at: float | None = None
        self._count = 0
        self._alone = True
        self._join_op = 0
        self._ticks = 0

    # -- the world ---------------------------------------------------------------------------------------------------

    def start(self, now: float, own: Address) -> list[Output]:
        """Begin: `own` is the bound address. Joins through saved and bootstrap nodes; with neither it waits and says so."""
        self._wire.own = own
        if not self._has_seeds:
            self._wire.emit(Noted("dht.waiting", "no bootstrap node and an empty table: waiting until a node is added or asks us"))
        self._tick(now)
        self._wire.timers.set(now + EXPIRE_EVERY, "expire")
        return self._wire.take()

    @property
    def deadline(self) -> float | None:
        """When `on_timer` wants to be called next."""
        return self._wire.timers.next

    @property
    def waiting(self) -> bool:
        """No bootstrap node and an empty table: but for saved nodes that may come back, only a query or `add_node` changes that."""
        return not self._bootstrap and len(self.table) == 0

    @property
    def counters(self) -> Counters:
        return self._wire.counters

    @property
    def searches(self) -> Searches:
        return self._searches

    def on_timer(self, now: float) -> list[Output]:
        """Do what is due at `now`."""
        while (due := self._wire.timers.due(now)) is not None:
            match due:
                case ("slow", bytes() as tid):
                    self._on_slow(tid, now)
                case ("lost", bytes() as tid):
                    self._on_lost(tid, now)
                case ("pump", int() as op):
                    self._searches.rearm(op, now)
                case ("publish", _):
                    self._publish_at = None
                    self._publish_due(now)
                case ("join", _):
                    if not self.table.usable and self._has_seeds:
                        self._join(now)
                case ("expire", _):
                    self.store.expire(now)
                    self._wire.timers.set(now + EXPIRE_EVERY, "expire")
                case ("tick", int() as number) if number == self._ticks:
                    self._tick(now)
        return self._wire.take()

    def on_datagram(self, now: float, data: bytes, address: Address) -> list[Output]:
        """Take one datagram from `address`."""
        self.counters.bytes_in += len(data)
        if not self._wire.allows(address):
            self.counters.dropped_address += 1
            return []
        try:
            message = krpc.decode(data)
        except BadQuery as error:
            if self._admit(address, now):
                self._wire.answer(self._responder.refuse(error, len(data), address, now), address, now)
        except Malformed:
            self.counters.dropped_malformed += 1
            self._asked_by.take(address[0], now)  # garbage uses up its sender's allowance
        else:
            match message:
                case Query():
                    self._on_query(message, len(data), address, now)
                case Reply():
                    self._on_reply(message, address, now)
                case Failure():
                    self._on_failure(message, address, now)
        return self._wire.take()

    # -- commands ----------------------------------------------------------------------------------------------------

    def get_peers(self, now: float, key: bytes, want: int | None = None) -> tuple[int, list[Output]]:
        """Look for announcers of `key`: `Found` events as they come, then `Finished`. Stops early at `want` peers."""
        search = self._searches.new(self._next_op(), "get", key, now, want=want)
        self._searches.begin(search, now)
        return search.op, self._wire.take()

    def announce(self, now: float, key: bytes, port: int) -> tuple[int, list[Output]]:
        """Tell the k nodes nearest to `key` that we serve it at TCP `port`; `Finished.stored` of them took it."""
        search = self._searches.new(self._next_op(), "announce", key, now, port=port)
        self._searches.begin(search, now)
        return search.op, self._wire.take()

    def publish(self, now: float, key: bytes, port: int, every: float = 900.0, spread: float = 0.0) -> list[Output]:
        """Announce now and again after `every` + random `spread` seconds until `withdraw`. ValueError beyond the limit of keys."""
        self._searches.new(0, "announce", key, now, port=port)  # checks the arguments
        self._publications.put(key, port, every, spread, now)
        self._publish_due(now)
        return self._wire.take()

    def withdraw(self, key: bytes) -> None:
        self._publications.drop(key)

    def ping(self, now: float, address: Address) -> tuple[int, list[Output]]:
        """Ask whether a node lives there: ends in one `Pinged`. One that answers may enter the table."""
        op = self._next_op()
        if not self._wire.allows(address) or self._wire.ask(address, None, Purpose.PING, op, b"ping", {}, now):
            self._wire.emit(Pinged(op, address, None, 0.0))
        return op, self._wire.take()

    def add_node(self, now: float, address: Address) -> tuple[int, list[Output]]:
        """As `ping`, and a bootstrap address from now on. ValueError where the address may not be spoken to."""
        if not self._wire.permit.allows(address):
            raise ValueError(f"{address[0]}:{address[1]} is not in a permitted network")
        if address not in self._bootstrap:
            self._bootstrap.append(address)
        self._upkeep.soon(now)
        return self.ping(now, address)

    def cancel(self, now: float, op: int) -> list[Output]:
        """Forget a command: no more events of it."""
        self._searches.cancel(op, now)
        return self._wire.take()

    def saved_nodes(self) -> list[tuple[str, str, int]]:
        """(id in hex, host, port) of every node that is not bad, for the next start."""
        return [(contact.id.hex(), *contact.address) for contact in self.table if not contact.bad]

    # -- incoming ----------------------------------------------------------------------------------------------------

    def _admit(self, address: Address, now: float) -> bool:
        self.counters.queries_in += 1
        if self._asked_by.take(address[0], now):
            return True
        self.counters.dropped_flood += 1
        return False

    def _on_query(self, query: Query, size: int, address: Address, now: float) -> None:
        if query.sender == self.node_id or not self._admit(address, now):
            return
        sent = self._wire.answer(self._responder.answer(query, size, address, now), address, now)
        if query.read_only:
            return
        self.table.queried(query.sender, address, now)
        if not self.table.wants(query.sender, address, now):
            return
        # A young table learns at once who lives; reply and ping together still keep the amplification rule.
        ping = len(krpc.encode_query(b"0000", b"ping", self.node_id))
        if len(self.table) < YOUNG * self.limits.k and sent + ping <= size * self.limits.amplification:
            self._verify(query.sender, address, now)
        else:
            self._upkeep.heard(query.sender, address)

    def _on_reply(self, reply: Reply, address: Address, now: float) -> None:
        question = self._wire.questions.match(reply.tid, address)
        if question is None:
            self.counters.dropped_stray += 1
            return
        self.counters.replies_in += 1
        self._wire.rto.add(now - question.sent)
        if reply.sender == self.node_id:
            self._ended(question, now)  # ourselves by another name, or a parrot
            return
        self._proven.add(address, now)
        if self.table.answered(reply.sender, address, now) and self._alone:
            self._join(now)
        if question.purpose is Purpose.PING:
            self._wire.emit(Pinged(question.op, address, reply.sender, now - question.sent))
        else:
            self._searches.on_reply(question, reply, now)

    def _on_failure(self, failure: Failure, address: Address, now: float) -> None:
        question = self._wire.questions.match(failure.tid, address)
        if question is None:
            self.counters.dropped_stray += 1
            return
        self.counters.failures_in += 1
        self._ended(question, now)

    # -- time --------------------------------------------------------------------------------------------------------

    def _on_slow(self, tid: bytes, now: float) -> None:
        question = self._wire.questions.get(tid)
        if question is not None:
            self._searches.on_slow(question, now)
            question.slow = True

    def _on_lost(self, tid: bytes, now: float) -> None:
        question = self._wire.questions.drop(tid)
        if question is not None:
            self.counters.timeouts += 1
            self.table.failed(question.expected, question.address)
            self._ended(question, now)

    def _ended(self, question: Question, now: float) -> None:
        """No useful answer will come."""
        if question.purpose is Purpose.PING:
            self._wire.emit(Pinged(question.op, question.address, None, now - question.sent))
        else:
            self._searches.on_lost(question, now)

    def _tick(self, now: float) -> None:
        wait = self.limits.tick
        if not self._alone and not self.table.usable:
            self._alone = True
            self._wire.emit(Noted("dht.alone", "no node answers any more"))
        for chore in self._upkeep.chores(self.table, self._has_seeds, now):
            match chore:
                case Join():
                    self._join(now)
                case Refresh(depth):
                    self.table.touch(depth, now)
                    self._find(self.table.random_in(depth, self._rng), now)
                    if self.table.usable < YOUNG * self.limits.k:
                        wait = self.limits.tick / 10  # a newcomer looks at each of its few buckets at once
                case Ping(node_id, address):
                    self._verify(node_id, address, now)
        self._arm_tick(now + wait * (0.9 + 0.2 * self._rng.random()))

    def _arm_tick(self, when: float) -> None:
        """The next tick is then; one set earlier is void."""
        self._ticks += 1
        self._wire.timers.set(when, "tick", self._ticks)

    def _verify(self, node_id: bytes, address: Address, now: float) -> None:
        self._wire.ask(address, node_id, Purpose.VERIFY, 0, b"ping", {}, now)

    def _join(self, now: float) -> None:
        """Look up our own id, one such look-up at a time; `_search_over` tries again while nobody answers."""
        if self._join_op:
            return
        self._upkeep.joining(now)
        self._join_op = self._count + 1
        self._find(self.node_id, now)

    def _find(self, target: bytes, now: float) -> None:
        self._searches.begin(self._searches.new(self._next_op(), "find", target, now), now)

    def _search_over(self, search: Search, now: float) -> None:
        if search.op == self._join_op:
            self._join_op = 0
            if self._alone and self.table.usable:
                self._alone = False
                self._upkeep.joined()
                self._arm_tick(now)
                self._wire.emit(Noted("dht.joined", f"{self.table.usable} nodes in the table"))
                self._publications.wake(now)
                self._publish_due(now)
            elif self._alone:
                self._wire.timers.set(max(now, self._upkeep.next_join), "join")
        key = self._published.pop(search.op, None)
        if key is not None:
            self._publications.result(key, search.stored, now)
            if search.stored:
                self._wire.emit(Noted("dht.announced", f"{key.hex()} is known to {search.stored} nodes"))
            self._arm_publish()

    def _publish_due(self, now: float) -> None:
        for key, port in self._publications.due(now):
            search = self._searches.new(self._next_op(), "announce", key, now, port=port)
            self._published[search.op] = key
            self._searches.begin(search, now)
        self._arm_publish()

    def _arm_publish(self) -> None:
        due = self._publications.next
        if due is not None and (self._publish_at is None or due < self._publish_at):
            self._publish_at = due
            self._wire.timers.set(due, "publish")

    # -- small -------------------------------------------------------------------------------------------------------

    @property
    def _has_seeds(self) -> bool:
        return bool(self._bootstrap or self._saved)

    def _seeds(self) -> tuple[list[Node], list[Address]]:
        return [] if self.table.usable else self._saved, [address for address in self._bootstrap if address != self._wire.own]

    def _next_op(self) -> int:
        self._count += 1
        return self._count
