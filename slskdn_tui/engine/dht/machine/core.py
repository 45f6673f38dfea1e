"""The DHT node of one address family as a state machine. Core: time, chance and datagrams come in, datagrams and events go out.

Drive it with `start`, `on_datagram`, `on_timer` (at `deadline`, or later) and the commands; send every `Send` returned.
No datagram makes it raise; commands raise ValueError for arguments that are wrong. IPv4 and IPv6 are two DHTs (BEP 32): a node
with both has two cores, made each other's `twin`, each with its own id (BEP 45).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slskdn_tui.engine.dht.limits import DhtLimits, PerAddress, Proven
from slskdn_tui.engine.dht.machine.outgoing import Counters, Wire
from slskdn_tui.engine.dht.machine.outputs import Noted, Output, Pinged, Sampled
from slskdn_tui.engine.dht.machine.publications import Publications
from slskdn_tui.engine.dht.machine.questions import Purpose, Question
from slskdn_tui.engine.dht.machine.reach import Reach, Reachable
from slskdn_tui.engine.dht.machine.searches import Search, Searches
from slskdn_tui.engine.dht.machine.serve import Responder
from slskdn_tui.engine.dht.machine.upkeep import Join, Ping, Refresh, Upkeep, clean_nodes
from slskdn_tui.engine.dht.routing.ids import is_valid, make_id
from slskdn_tui.engine.dht.routing.table import RoutingTable
from slskdn_tui.engine.dht.routing.votes import AddressVotes
from slskdn_tui.engine.dht.store.items import Item, ItemStore
from slskdn_tui.engine.dht.store.peers import PeerStore
from slskdn_tui.engine.dht.store.tokens import Tokens
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import V4, V6, Address, Permit
from slskdn_tui.engine.dht.wire.chance import Rng
from slskdn_tui.engine.dht.wire.krpc import BadQuery, Failure, Malformed, Node, Query, Reply

EXPIRE_EVERY = 60.0
YOUNG = 4  # a table of fewer than so many times k nodes is in a hurry
BOTH = [b"n4", b"n6"]
PING_BYTES = len(krpc.encode_query(b"0000", b"ping", bytes(krpc.ID)))


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
        version: int = V4,
        closed: bool = False,
        read_only: bool | None = None,
    ) -> None:
        """`permit`: networks besides the public ones; `saved`: (id in hex, host, port) from `saved_nodes` of an earlier run.

        `version`: the family, 4 or 6. `closed`: speak with nodes of this program only. `read_only` (BEP 43): None to find out.
        """
        if node_id is not None and len(node_id) != krpc.ID:
            raise ValueError("a node id has 20 bytes")
        self.limits = limits = limits or DhtLimits()
        self.version = version
        self.node_id = node_id or rng.randbytes(krpc.ID)
        self._rng = rng
        permitted = Permit(permit, version)
        self.table = RoutingTable(
            self.node_id, k=limits.k, good_for=limits.node_good, one_per_ip=limits.one_per_ip, one_per_24=limits.one_per_24
        )
        self.store = PeerStore(self.node_id, keys=limits.keys, peers=limits.peers_per_key, expiry=limits.peer_expiry)
        self.items = ItemStore(self.node_id, most=limits.items, expiry=limits.item_expiry)
        self.votes = AddressVotes()
        self.reach = Reach(limits.probation, read_only)
        self._wire = Wire(self.node_id, rng, limits, permitted, now)
        self._wire.read_only = self.reach.read_only
        self._proven = Proven()
        self._tables = {version: self.table}
        tokens = Tokens(rng, now, limits.token_period)
        self._responder = Responder(version, self._tables, self.store, self.items, tokens, self._proven, limits, rng)
        self._asked_by = PerAddress(limits.burst, limits.per_second)
        self._upkeep = Upkeep(rng, limits, now)
        self._publications = Publications(rng, limits.publications)
        self._searches = Searches(self._wire, self.table, self.store, self.items, self._seeds, self._search_over)
        self._bootstrap = [address for address in bootstrap if permitted.allows(address)]
        self._saved = [node for node in clean_nodes(saved) if permitted.allows(node[1])]
        self._closed = closed
        self._twin: DhtCore | None = None
        self._published: dict[int, bytes] = {}
        self._publish_at: float | None = None
        self._count = 0
        self._alone = True
        self._join_op = 0
        self._ticks = 0

    def twin(self, other: DhtCore) -> None:
        """The same node in the other family: each hands out the other's nodes to who wants them, and learns of new ones for it."""
        self._twin, other._twin = other, self
        self._tables[other.version], other._tables[self.version] = other.table, self.table

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
        return self._wire.deadline

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
                    self.items.expire(now)
                    self._wire.timers.set(now + EXPIRE_EVERY, "expire")
                case ("tick", int() as number) if number == self._ticks:
                    self._tick(now)
        return self._wire.take()

    def on_datagram(self, now: float, data: bytes, address: Address) -> list[Output]:
        """Take one datagram from `address`."""
        counters = self._wire.counters
        counters.bytes_in += len(data)
        if not self._wire.allows(address):
            counters.dropped_address += 1
            return []
        try:
            message = krpc.decode(data)
        except BadQuery as error:
            if self._foreign(error.version) or self._wire.read_only:
                counters.dropped_foreign += 1
            elif self._admit(address, now):
                self._wire.answer(self._responder.refuse(error, len(data), address, now), address, now)
        except Malformed:
            counters.dropped_malformed += 1
            self._asked_by.take(address[0], now)  # garbage uses up its sender's allowance
        else:
            if isinstance(message, Query):
                self._on_query(message, len(data), address, now)
            elif isinstance(message, Reply):
                self._on_reply(message, address, now)
            else:
                self._on_failure(message, address, now)
        return self._wire.take()

    # -- commands ----------------------------------------------------------------------------------------------------

    def get_peers(self, now: float, key: bytes, want: int | None = None) -> tuple[int, list[Output]]:
        """Look for announcers of `key`: `Found` events as they come, then `Finished`. Stops early at `want` peers."""
        return self._begin("get", key, now, want=want)

    def scrape(self, now: float, key: bytes) -> tuple[int, list[Output]]:
        """About how many announced `key` (BEP 33): `Finished.scraped`."""
        return self._begin("scrape", key, now, more={b"scrape": 1})

    def announce(self, now: float, key: bytes, port: int) -> tuple[int, list[Output]]:
        """Tell the k nodes nearest to `key` (of each result set) that we serve it at TCP `port`; `Finished.stored` of them took it."""
        return self._begin("announce", key, now, port=port)

    def get_item(self, now: float, target: bytes, salt: bytes = b"") -> tuple[int, list[Output]]:
        """Look for a BEP 44 item; `Finished.item` was verified. `salt`: of a mutable one."""
        return self._begin("item", target, now, salt=salt)

    def put_item(self, now: float, item: Item, cas: int | None = None) -> tuple[int, list[Output]]:
        """Store a BEP 44 item with the nodes nearest to its target. `Refused` (a ValueError) where it is not right."""
        item.check()
        return self._begin("put", item.target, now, item=item, cas=cas)

    def sample(self, now: float, address: Address, target: bytes) -> tuple[int, list[Output]]:
        """Ask one node for some of the keys it stores (BEP 51): ends in one `Sampled`."""
        op = self._next_op()
        asked = self._wire.allows(address) and not self._wire.ask(
            address, None, Purpose.SAMPLE, op, b"sample_infohashes", {b"target": target}, now
        )
        if not asked:
            self._wire.emit(Sampled(op, address, None))
        return op, self._wire.take()

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

    def _foreign(self, version: bytes) -> bool:
        return self._closed and not version.startswith(krpc.OURS)

    def _admit(self, address: Address, now: float) -> bool:
        self.counters.queries_in += 1
        if self._asked_by.take(address[0], now):
            return True
        self.counters.dropped_flood += 1
        return False

    def _on_query(self, query: Query, size: int, address: Address, now: float) -> None:
        wire = self._wire
        if self._closed and self._foreign(query.version):
            wire.counters.dropped_foreign += 1
            return
        if query.sender == self.node_id or not self._admit(address, now):
            return
        if self.reach.state is not Reachable.OPEN and not wire.wrote_to(address[0], now, self.limits.nat_hole) and self.reach.unasked():
            self._reach_changed()
        if wire.read_only:
            wire.counters.dropped_read_only += 1
            return
        sent = wire.answer(self._responder.answer(query, size, address, now), address, now)
        if query.read_only:
            return
        table = self.table
        if not table.wants(query.sender, address):
            table.queried(query.sender, address, now)
            return
        # A young table learns at once who lives; reply and ping together still keep the amplification rule.
        if len(table) < YOUNG * self.limits.k and sent + PING_BYTES <= size * self.limits.amplification:
            self._verify(query.sender, address, now)
        else:
            self._upkeep.heard(query.sender, address, now)

    def _on_reply(self, reply: Reply, address: Address, now: float) -> None:
        if self._closed and self._foreign(reply.version):
            self.counters.dropped_foreign += 1
            return
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
        if reply.seen_as is not None and ((":" in reply.seen_as[0]) == (self.version == V6)):
            self.votes.add(address[0], reply.seen_as)
        if self._twin is not None:
            self._twin.named(reply.nodes_of(self._twin.version), now)
        if self.table.answered(reply.sender, address, now) and self._alone:
            self._join(now)
        if question.purpose is Purpose.PING:
            self._wire.emit(Pinged(question.op, address, reply.sender, now - question.sent))
        elif question.purpose is Purpose.SAMPLE:
            self._wire.emit(Sampled(question.op, address, reply.samples, reply.num, reply.interval))
        else:
            self._searches.on_reply(question, reply, now)

    def named(self, nodes: Sequence[Node], now: float) -> None:
        """Nodes of our family that our twin was told of: to join through while we know few."""
        if len(self.table) >= YOUNG * self.limits.k:
            return
        fresh = [node for node in nodes if self._wire.speakable(node) and node not in self._saved]
        if fresh:
            self._saved = (self._saved + fresh)[-YOUNG * self.limits.k :]
            if not self.table.usable:
                self._upkeep.soon(now)
                self._arm_tick(now)

    def _on_failure(self, failure: Failure, address: Address, now: float) -> None:
        question = self._wire.questions.match(failure.tid, address)
        if question is None:
            self.counters.dropped_stray += 1
            return
        self.counters.failures_in += 1
        if question.purpose in (Purpose.PING, Purpose.SAMPLE):
            self._ended(question, now)
        else:
            self._searches.on_failure(question, failure, now)

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
        elif question.purpose is Purpose.SAMPLE:
            self._wire.emit(Sampled(question.op, question.address, None))
        else:
            self._searches.on_lost(question, now)

    def _tick(self, now: float) -> None:
        if not self._alone and not self.table.usable:
            self._alone = True
            self._wire.emit(Noted("dht.alone", "no node answers any more"))
        self._look_at_ourselves(now)
        chores = self._upkeep.chores(self.table, self._has_seeds, now)
        young = self.table.usable < YOUNG * self.limits.k
        wait = self.limits.tick if chores or young else self.limits.idle_tick
        for chore in chores:
            match chore:
                case Join():
                    self._join(now)
                case Refresh(depth):
                    self.table.touch(depth, now)
                    self._find(self.table.random_in(depth, self._rng), now)
                    if young:
                        wait = self.limits.tick / 10  # a newcomer looks at each of its few buckets at once
                case Ping(node_id, address):
                    self._verify(node_id, address, now)
        self._arm_tick(now + wait * (0.9 + 0.2 * self._rng.random()))

    def _look_at_ourselves(self, now: float) -> None:
        """What others' answers say about our address, and their silence about our reach."""
        host = self.votes.host
        if host is not None and not is_valid(self.node_id, host):
            self._rename(make_id(host, self._rng), host, now)
        if self.reach.judge(self.table.good, self.votes.port_moves, now):
            self._reach_changed()

    def _reach_changed(self) -> None:
        self._wire.read_only = self.reach.read_only
        self._wire.emit(Noted("dht.reach", self.reach.words))

    def _rename(self, node_id: bytes, host: str, now: float) -> None:
        """Our address is another than our id was made for."""
        self.node_id = self._wire.node_id = self.items.own_id = node_id
        self.table.rename(node_id)
        self.store.rename(node_id)
        self._wire.emit(Noted("dht.id", f"others see this node at {host}: it took an id that fits"))
        if self.table.usable:
            self._join(now)

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

    def _begin(self, kind: str, key: bytes, now: float, **options: object) -> tuple[int, list[Output]]:
        search = self._searches.new(self._next_op(), kind, key, now, **options)  # type: ignore[arg-type]
        self._searches.begin(search, now)
        return search.op, self._wire.take()

    def _find(self, target: bytes, now: float) -> None:
        more = {b"want": BOTH} if self._twin is not None else {}
        self._searches.begin(self._searches.new(self._next_op(), "find", target, now, more=more), now)

    def _search_over(self, search: Search, now: float) -> None:
        if search.op == self._join_op:
            self._join_op = 0
            if self._alone and self.table.usable:
                self._alone = False
                self._upkeep.joined()
                self.reach.joined(now)
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
