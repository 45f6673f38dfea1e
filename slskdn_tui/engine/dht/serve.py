"""Answering others' queries: BEP 5's server side, with the amplification rule. Core."""

from __future__ import annotations

from slskdn_tui.engine.dht import krpc
from slskdn_tui.engine.dht.addresses import Address
from slskdn_tui.engine.dht.krpc import Code, Query
from slskdn_tui.engine.dht.limits import DhtLimits, Proven
from slskdn_tui.engine.dht.peerstore import PeerStore
from slskdn_tui.engine.dht.routing import RoutingTable
from slskdn_tui.engine.dht.tokens import Rng, Tokens

_VALUE = 8  # "6:" and six bytes
_LIST = len(b"6:valuesle")


class Responder:
    """Turns a query into its answer's bytes; None where silence is the right answer."""

    def __init__(self, table: RoutingTable, store: PeerStore, tokens: Tokens, proven: Proven, limits: DhtLimits, rng: Rng) -> None:
        self._table, self._store, self._tokens, self._proven = table, store, tokens, proven
        self._limits, self._rng = limits, rng

    def budget(self, size: int, address: Address, now: float) -> int:
        """Most bytes an answer to a query of `size` from `address` may have."""
        if self._proven.has(address, now):
            return self._limits.max_reply
        return min(self._limits.max_reply, int(size * self._limits.amplification))

    def answer(self, query: Query, size: int, address: Address, now: float) -> bytes | None:
        match query.method:
            case b"ping":
                reply = krpc.encode_reply(query.tid, self._table.own_id, seen_as=address)
            case b"get_peers":
                reply = self._get_peers(query, size, address, now)
            case b"announce_peer":
                reply = self._announce(query, address, now)
            case b"find_node":
                reply = self._find_node(query, size, address, now)
            case _ if query.target is not None:
                reply = self._find_node(query, size, address, now)  # a method of a later BEP: nodes still help its sender
            case _:
                reply = krpc.encode_failure(query.tid, Code.UNKNOWN_METHOD, "Method Unknown")
        return reply if len(reply) <= self.budget(size, address, now) else None

    def refuse(self, error: krpc.BadQuery, size: int, address: Address, now: float) -> bytes | None:
        reply = krpc.encode_failure(error.tid, error.code, error.text)
        return reply if len(reply) <= self.budget(size, address, now) else None

    def _find_node(self, query: Query, size: int, address: Address, now: float) -> bytes:
        if query.target is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no target")
        return self._with_nodes(query, query.target, self.budget(size, address, now), address, None)[0]

    def _get_peers(self, query: Query, size: int, address: Address, now: float) -> bytes:
        key = query.target
        if key is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no info_hash")
        budget = self.budget(size, address, now)
        # No token where the store is full: the asker should announce elsewhere.
        token = self._tokens.make(address[0], key, now) if self._store.has_room(key, address[0]) else None
        reply, nodes = self._with_nodes(query, key, budget, address, token)
        room = (budget - len(reply) - _LIST) // _VALUE
        values = self._store.sample(key, room, self._rng, now) if room > 0 else []
        if not values:
            return reply
        return krpc.encode_reply(query.tid, self._table.own_id, nodes=nodes, values=values, token=token, seen_as=address)

    def _announce(self, query: Query, address: Address, now: float) -> bytes:
        if query.target is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "no info_hash")
        if query.token is None or not self._tokens.valid(query.token, address[0], query.target, now):
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "Bad token")
        self._proven.add(address, now)
        port = address[1] if query.implied_port else query.port
        if port is None:
            return krpc.encode_failure(query.tid, Code.PROTOCOL, "invalid port")
        if not self._store.add(query.target, (address[0], port), now):
            return krpc.encode_failure(query.tid, Code.SERVER, "full")
        return krpc.encode_reply(query.tid, self._table.own_id, seen_as=address)

    def _with_nodes(self, query: Query, target: bytes, budget: int, address: Address, token: bytes | None) -> tuple[bytes, list[krpc.Node]]:
        """The reply with as many of the k closest nodes as the budget allows, and those nodes. The asker is not told of itself."""
        nodes = self._table.closest(target, self._limits.k, lambda contact: contact.address != address)
        while True:
            reply = krpc.encode_reply(query.tid, self._table.own_id, nodes=nodes, token=token, seen_as=address)
            if len(reply) <= budget or not nodes:
                return reply, nodes
            nodes.pop()
