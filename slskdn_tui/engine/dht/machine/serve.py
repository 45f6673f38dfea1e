"""Answering others' queries: the server side of BEP 5, 32, 33, 42, 44 and 51, with the amplification rule. Core."""

from __future__ import annotations

from typing import Any

from bencode2 import bdecode

from slskdn_tui.engine.dht.limits import DhtLimits, Proven
from slskdn_tui.engine.dht.routing.table import RoutingTable
from slskdn_tui.engine.dht.store.items import Item, ItemStore, Refused
from slskdn_tui.engine.dht.store.peers import PeerStore
from slskdn_tui.engine.dht.store.tokens import Tokens
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import COMPACT, Address, pack
from slskdn_tui.engine.dht.wire.chance import Rng
from slskdn_tui.engine.dht.wire.krpc import NODES, Code, Query

_LIST = len(b"6:valuesle")


class Responder:
    """Turns a query into its answer's bytes; None where silence is the right answer. `tables`: by family, our own and a twin's."""

    def __init__(
        self,
        version: int,
        tables: dict[int, RoutingTable],
        store: PeerStore,
        items: ItemStore,
        tokens: Tokens,
        proven: Proven,
        limits: DhtLimits,
        rng: Rng,
    ) -> None:
        self._version, self._tables, self._store, self._items = version, tables, store, items
        self._tokens, self._proven, self._limits, self._rng = tokens, proven, limits, rng
        self._value = COMPACT[version] + len(b"%d:" % COMPACT[version])

    @property
    def _own_id(self) -> bytes:
        return self._tables[self._version].own_id

    def answer(self, query: Query, size: int, address: Address, now: float) -> bytes | None:
        proven = self._proven.has(address, now)
        budget = self._limits.max_reply if proven else min(self._limits.max_reply, int(size * self._limits.amplification))
        method = query.method
        if method == b"get_peers":
            reply = self._get_peers(query, budget, address, now, proven)
        elif method == b"find_node":
            reply = self._find_node(query, budget, address)
        elif method == b"ping":
            reply = krpc.encode_body(query.tid, {b"id": self._own_id}, address)
        elif method == b"announce_peer":
            reply = self._announce(query, address, now)
        elif method == b"get":
            budget = self._limits.max_item_reply if proven else budget
            reply = self._get(query, budget, address, now, proven)
        elif method == b"put":
            reply = self._put(query, address, now)
        elif method == b"sample_infohashes":
            reply = self._sample(query, budget, address, now, proven)
        elif query.target is not None:
            reply = self._find_node(query, budget, address)  # a method of a later BEP: nodes still help its sender
        else:
            reply = krpc.encode_failure(query.tid, Code.UNKNOWN_METHOD, "Method Unknown")
        return reply if len(reply) <= budget or self._proven.has(address, now) else None

    def refuse(self, error: krpc.BadQuery, size: int, address: Address, now: float) -> bytes | None:
        reply = krpc.encode_failure(error.tid, error.code, error.text)
        return reply if len(reply) <= size * self._limits.amplification or self._proven.has(address, now) else None

    def _find_node(self, query: Query, budget: int, address: Address) -> bytes:
        if query.target is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no target")
        return self._fitted(query, query.target, {b"id": self._own_id}, budget, address)

    def _get_peers(self, query: Query, budget: int, address: Address, now: float, proven: bool) -> bytes:
        key = query.target
        if key is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no info_hash")
        body: dict[bytes, Any] = {b"id": self._own_id}
        # No token where the store is full: the asker should announce elsewhere.
        if self._store.has_room(key, address[0]):
            body[b"token"] = self._tokens.make(address[0], key, now)
        scrape = query.scrape and proven
        if scrape and self._store.has(key):
            body[b"BFsd"], body[b"BFpe"] = self._store.filters(key, now)
        reply = self._fitted(query, key, body, budget, address)
        if scrape or not self._store.has(key):
            return reply
        room = (budget - len(reply) - _LIST) // self._value
        values = self._store.sample(key, room, self._rng, now) if room > 0 else []
        if not values:
            return reply
        body[b"values"] = [pack(value) for value in values]
        return krpc.encode_body(query.tid, body, address)

    def _announce(self, query: Query, address: Address, now: float) -> bytes:
        if query.target is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no info_hash")
        if not self._token_holds(query, query.target, address, now):
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "Bad token")
        port = address[1] if query.implied_port else query.port
        if port is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "invalid port")
        if not self._store.add(query.target, (address[0], port), now, seed=query.seed):
            return krpc.encode_failure(query.tid, Code.SERVER, "full")
        return krpc.encode_body(query.tid, {b"id": self._own_id}, address)

    def _get(self, query: Query, budget: int, address: Address, now: float, proven: bool) -> bytes:
        target = query.target
        if target is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no target")
        body: dict[bytes, Any] = {b"id": self._own_id, b"token": self._tokens.make(address[0], target, now)}
        item = self._items.get(target, now) if proven else None
        if item is not None:
            known = query.item.seq if query.item is not None else None
            if item.mutable:
                body[b"seq"] = item.seq
            if not item.mutable or known is None or item.seq > known:
                body[b"v"] = bdecode(item.value)
                if item.mutable:
                    body[b"k"], body[b"sig"] = item.key, item.sig
        return self._fitted(query, target, body, budget, address)

    def _put(self, query: Query, address: Address, now: float) -> bytes:
        fields = query.item
        if fields is None or fields.value is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no value")
        if fields.key and fields.seq is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no seq")
        item = Item(fields.value, fields.key, fields.salt if fields.key else b"", fields.seq or 0 if fields.key else 0, fields.sig)
        if not self._token_holds(query, item.target, address, now):
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "Bad token")
        try:
            self._items.put(item, address[0], now, fields.cas)
        except Refused as refused:
            return krpc.encode_failure(query.tid, refused.code, refused.text)
        return krpc.encode_body(query.tid, {b"id": self._own_id}, address)

    def _sample(self, query: Query, budget: int, address: Address, now: float, proven: bool) -> bytes:
        if query.target is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no target")
        body: dict[bytes, Any] = {b"id": self._own_id}
        if proven:
            interval = self._limits.sample_interval
            body[b"samples"] = b"".join(self._store.sample_keys(self._limits.samples, interval, self._rng, now))
            body[b"interval"], body[b"num"] = int(interval), self._store.keys
        return self._fitted(query, query.target, body, budget, address)

    def _token_holds(self, query: Query, key: bytes, address: Address, now: float) -> bool:
        """An address that returns our token receives what we send it."""
        if query.token is None or not self._tokens.valid(query.token, address[0], key, now):
            return False
        self._proven.add(address, now)
        return True

    def _fitted(self, query: Query, target: bytes, body: dict[bytes, Any], budget: int, address: Address) -> bytes:
        """The reply with as many of the k closest nodes of each wanted family as the budget allows. The asker is not told of itself."""
        families = [version for version in query.want if version in self._tables] or [self._version]
        for version in families:
            nodes = self._tables[version].closest(target, self._limits.k, address)
            body[NODES[version]] = b"".join([contact.packed for contact in nodes])
        reply = krpc.encode_body(query.tid, body, address)
        while len(reply) > budget:
            name = max((NODES[version] for version in families), key=lambda name: len(body[name]))
            size = krpc.NODE if name == b"nodes" else krpc.NODE6
            if not body[name]:
                break
            drop = -(-(len(reply) - budget) // size) if len(families) == 1 else 1
            body[name] = body[name][: max(0, len(body[name]) - drop * size)]
            reply = krpc.encode_body(query.tid, body, address)
        return reply
