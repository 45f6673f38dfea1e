"""The DHT's parts one by one: codec, addresses, tokens, store, table, limits, look-up."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.dht.limits import OutputCap, PerAddress, Proven
from slskdn_tui.engine.dht.routing.lookup import Lookup
from slskdn_tui.engine.dht.routing.rto import Rto
from slskdn_tui.engine.dht.routing.table import BITS, RoutingTable
from slskdn_tui.engine.dht.store.peers import PeerStore
from slskdn_tui.engine.dht.store.tokens import Tokens
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import Permit, pack, unpack
from slskdn_tui.engine.dht.wire.krpc import BadQuery, Malformed, Query, Reply, decode

OWN = bytes(20)
ids = st.binary(min_size=20, max_size=20)
addresses = st.tuples(st.ip_addresses(v=4).map(str), st.integers(0, 65535))


def node_at(depth: int, number: int = 0) -> bytes:
    """An id that shares exactly `depth` bits with OWN."""
    return ((1 << (BITS - 1 - depth)) | number).to_bytes(20, "big")


def host(number: int) -> tuple[str, int]:
    return f"127.{number // 250}.{number % 250}.1", 6881


@given(addresses)
def test_a_compact_address_survives(address: tuple[str, int]) -> None:
    assert unpack(pack(address)) == address


@given(st.lists(st.tuples(ids, addresses), max_size=32))
def test_compact_nodes_survive(nodes: list[krpc.Node]) -> None:
    assert krpc.unpack_nodes(krpc.pack_nodes(nodes)) == tuple(nodes)


@given(
    ids, st.lists(st.tuples(ids, addresses), max_size=8), st.lists(addresses, min_size=1, max_size=50), st.binary(min_size=1, max_size=64)
)
def test_a_reply_survives(sender: bytes, nodes: list[krpc.Node], values: list[tuple[str, int]], token: bytes) -> None:
    data = krpc.encode_reply(b"aa", sender, nodes=nodes, values=values, token=token, seen_as=("1.2.3.4", 5))
    assert decode(data) == Reply(b"aa", sender, tuple(nodes), tuple(values), token, ("1.2.3.4", 5), version=krpc.VERSION)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"de",
        b"i1e" * 10,
        b"d1:y1:q1:t2:aa1:q4:pinge",  # keys out of order
        b"d1:rd2:id20:" + OWN + b"e1:t2:aa1:t2:aa1:y1:re",  # twice the same key
        b"d1:rd2:id19:" + OWN[1:] + b"e1:t2:aa1:y1:re",
        b"d1:rd2:idi1ee1:t2:aa1:y1:re",
        b"d1:rd2:id20:" + OWN + b"e1:t0:1:y1:re",
        b"d1:rd2:id20:" + OWN + b"e1:t40:" + b"t" * 40 + b"1:y1:re",
        b"d1:rd2:id20:" + OWN + b"e1:ti7e1:y1:re",
        b"d1:rd2:id20:" + OWN + b"e1:t2:aa1:y1:ze",
        b"d1:eli201ee1:t2:aa1:y1:ee",
        b"d1:t2:aa1:xi" + b"9" * 1900 + b"e1:y1:ze",
        b"d1:a" + b"l" * 900 + b"e" * 900 + b"1:t2:aa1:y1:xe",
        b"d1:rd2:id20:" + OWN + b"e1:t2:aa1:v2100:" + b"v" * 2100 + b"1:y1:re",
    ],
    ids=range(15),
)
def test_what_is_not_krpc_is_dropped(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        decode(data)
    assert not isinstance(caught.value, BadQuery)


@pytest.mark.parametrize(
    "data",
    [
        b"d1:q4:ping1:t2:aa1:y1:qe",
        b"d1:ade1:q4:ping1:t2:aa1:y1:qe",
        b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe",
        b"d1:ad2:id20:" + OWN + b"9:info_hash3:abce1:q9:get_peers1:t2:aa1:y1:qe",
        b"d1:ad2:id20:" + OWN + b"e1:t2:aa1:y1:qe",
    ],
)
def test_a_query_with_wrong_arguments_is_told_203(data: bytes) -> None:
    with pytest.raises(BadQuery) as caught:
        decode(data)
    assert (caught.value.tid, caught.value.code) == (b"aa", 203)


def test_hostile_fields_of_a_reply_are_left_out_and_the_rest_is_kept() -> None:
    from bencode2 import bencode

    body = {b"id": OWN, b"nodes": b"x" * 25, b"values": [b"x" * 5, 7, b"\x01\x02\x03\x04\x00\x05", []], b"token": b"t" * 65}
    assert decode(bencode({b"r": body, b"t": b"aa", b"y": b"r", b"ip": b"abc"})) == Reply(b"aa", OWN, (), (("1.2.3.4", 5),))


def test_a_port_that_is_none_counts_as_missing() -> None:
    from bencode2 import bencode

    for port in (0, -1, 65536, 10**30, b"5", [], None):
        args = {b"id": OWN, b"info_hash": OWN, b"token": b"t"} | ({} if port is None else {b"port": port})
        message = decode(bencode({b"a": args, b"q": b"announce_peer", b"t": b"aa", b"y": b"q"}))
        assert isinstance(message, Query) and message.port is None


def test_only_public_and_permitted_networks_are_spoken_to() -> None:
    public, lab = Permit(), Permit(["127.0.0.0/8", "10.1.0.0/16"])
    assert public.allows(("8.8.8.8", 1)) and public.allows(("172.32.0.1", 65535))
    for martian in (
        "0.0.0.0",
        "127.1.2.3",
        "10.1.2.3",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "100.64.0.1",
    ):
        assert not public.allows((martian, 6881))
    assert lab.allows(("127.1.2.3", 1)) and lab.allows(("10.1.2.3", 1)) and not lab.allows(("10.2.0.1", 1))
    for address in (
        ("8.8.8.8", 0),
        ("8.8.8.8", -1),
        ("8.8.8.8", 65536),
        ("::1", 5),
        ("2a00::1", 5),
        ("8.8.8", 5),
        ("8.8.8.999", 5),
        ("a.b.c.d", 5),
        ("", 5),
        ("²8.8.8.8", 5),
    ):
        assert not lab.allows(address)


def test_a_token_lives_five_to_ten_minutes_and_only_for_its_ip_and_key() -> None:
    tokens = Tokens(random.Random(1), 0.0)
    token = tokens.make("1.2.3.4", OWN, 299.0)
    assert len(token) == 8
    assert tokens.valid(token, "1.2.3.4", OWN, 599.0)
    assert not tokens.valid(token, "1.2.3.5", OWN, 599.0)
    assert not tokens.valid(token, "1.2.3.4", b"k" * 20, 599.0)
    assert not tokens.valid(token[:4], "1.2.3.4", OWN, 599.0)
    assert not tokens.valid(token, "1.2.3.4", OWN, 601.0)
    sleepy = Tokens(random.Random(1), 0.0)
    stale = sleepy.make("1.2.3.4", OWN, 1.0)
    assert not sleepy.valid(stale, "1.2.3.4", OWN, 5000.0), "a laptop that slept must not honour old tokens"


def test_stored_peers_expire_after_45_minutes_unless_renewed() -> None:
    store = PeerStore(OWN)
    assert store.add(b"k" * 20, ("1.1.1.1", 5), 0.0) and store.add(b"k" * 20, ("2.2.2.2", 5), 0.0)
    assert store.add(b"k" * 20, ("2.2.2.2", 5), 1000.0)
    assert store.get(b"k" * 20, 2701.0) == [("2.2.2.2", 5)]
    assert store.expire(2701.0) == 1 and store.size == 1
    assert store.expire(5000.0) == 1 and store.keys == 0


def test_the_store_keeps_its_quotas() -> None:
    store = PeerStore(OWN, keys=3, peers=4, per_host=2, keys_per_host=3)
    key = bytes(19) + b"\x01"
    assert [store.add(key, ("1.1.1.1", port), 0.0) for port in (1, 2, 3)] == [True, True, False]
    assert [store.add(key, (f"2.1.1.{n}", 1), 0.0) for n in range(3)] == [True, True, False]
    assert not store.has_room(key, "9.9.9.9") and store.has_room(key, "1.1.1.1")
    assert not store.add(key, ("2.1.1.0", 2), 0.0), "the key is full for who is in it, too"
    for near in (2, 3):
        assert store.add(bytes(19) + bytes([near]), ("1.1.1.1", 1), 0.0)
    assert not store.add(b"\xff" * 20, ("3.3.3.3", 1), 0.0), "full, and farther from us than all we hold"
    assert not store.add(bytes(20), ("1.1.1.1", 1), 0.0), "one host holds so many keys and no more"
    assert store.add(bytes(20), ("3.3.3.3", 1), 0.0), "nearer to us than the farthest, which makes room"
    assert store.keys == 3 and store.get(bytes(19) + b"\x03", 0.0) == []


def test_every_announcer_is_handed_out_sooner_or_later() -> None:
    store, rng = PeerStore(OWN), random.Random(1)
    for number in range(100):
        store.add(OWN, host(number), 0.0)
    seen = {address for _ in range(60) for address in store.sample(OWN, 10, rng, 0.0)}
    assert len(seen) == 100


def test_buckets_hold_128_64_32_16_then_8() -> None:
    table = RoutingTable(OWN)
    counter = 0
    for depth, room in ((0, 128), (1, 64), (2, 32), (3, 16), (4, 8), (9, 8)):
        for number in range(150):
            counter += 1
            table.answered(node_at(depth, number), host(counter), 0.0)
        assert sum(table.depth_of(contact.id) == depth for contact in table) == room


def test_one_ip_has_one_seat_and_one_24_has_one_seat_in_a_bucket() -> None:
    table = RoutingTable(OWN)
    assert table.answered(node_at(0), ("1.1.1.1", 5), 0.0)
    assert not table.answered(node_at(1), ("1.1.1.1", 6), 0.0)
    assert not table.answered(node_at(0, 1), ("1.1.1.2", 5), 0.0)
    assert table.answered(node_at(2), ("1.1.1.3", 5), 0.0)
    assert not table.answered(OWN, ("9.9.9.9", 5), 0.0), "our own id is nobody else's"


def test_nobody_takes_the_place_of_a_node_that_answers() -> None:
    table = RoutingTable(OWN)
    table.answered(node_at(0), ("1.1.1.1", 5), 0.0)
    table.answered(node_at(0), ("6.6.6.6", 5), 1.0)
    assert [c.node for c in table.closest(OWN, 8)] == [(node_at(0), ("1.1.1.1", 5))]
    table.failed(node_at(0), ("1.1.1.1", 5))
    table.failed(node_at(0), ("1.1.1.1", 5))
    assert table.closest(OWN, 8) == [] and len(table) == 1
    table.answered(node_at(0), ("6.6.6.6", 5), 2.0)
    assert [c.node for c in table.closest(OWN, 8)] == [(node_at(0), ("6.6.6.6", 5))]


def test_a_restarted_node_with_a_new_id_replaces_its_old_self() -> None:
    table = RoutingTable(OWN)
    table.answered(node_at(0), ("1.1.1.1", 5), 0.0)
    assert table.answered(node_at(3), ("1.1.1.1", 5), 1.0)
    assert [contact.id for contact in table] == [node_at(3)]


def test_a_dead_node_makes_room_for_a_spare() -> None:
    table = RoutingTable(OWN)
    for number in range(10):
        table.answered(node_at(8, number), host(number), float(number))
    assert len(table) == 8
    table.failed(node_at(8, 3), host(3))
    assert len(table) == 8 and table.get(node_at(8, 3)) is not None, "one lost datagram is forgiven"
    table.failed(node_at(8, 3), host(3))
    assert table.get(node_at(8, 3)) is None and table.get(node_at(8, 9)) is not None
    for _ in range(2):
        table.failed(node_at(8, 0), host(0))
        table.failed(node_at(8, 1), host(1))
    assert table.get(node_at(8, 8)) is not None, "the other spare came in"
    for _ in range(3):
        table.failed(node_at(8, 1), host(1))
    assert table.get(node_at(8, 1)) is None


def test_a_bucket_is_due_once_at_first_and_after_15_quiet_minutes() -> None:
    table, rng = RoutingTable(OWN), random.Random(1)
    for number in range(9):
        table.answered(node_at(0, number), host(10 + number), 0.0)
    table.answered(node_at(1), host(1), 0.0)
    due = []
    while (depth := table.stale_bucket(1.0)) is not None:
        due.append(depth)
        assert table.depth_of(table.random_in(depth, rng)) == depth
        table.touch(depth, 1.0)
    assert sorted(due) == [0, 1, 2]
    assert table.stale_bucket(900.0) is None
    assert table.stale_bucket(902.0) == 0, "the deeper ones, of eight nodes together, are left to look-ups of our own id"


def test_a_silent_node_is_pinged_after_15_minutes_and_in_the_wide_buckets_after_30() -> None:
    table = RoutingTable(OWN)
    table.answered(node_at(0), host(1), 0.0)
    table.answered(node_at(9), host(2), 10.0)
    assert table.questionable(909.0) is None
    deep = table.questionable(911.0)
    assert deep is not None and deep.id == node_at(9)
    table.answered(node_at(9), host(2), 1700.0)
    assert table.questionable(1799.0) is None
    far = table.questionable(1801.0)
    assert far is not None and far.id == node_at(0)


@given(st.lists(ids, min_size=1, max_size=60, unique=True), ids, ids)
def test_closest_is_what_sorting_all_would_give(nodes: list[bytes], own: bytes, target: bytes) -> None:
    table = RoutingTable(own)
    for number, node_id in enumerate(nodes):
        table.answered(node_id, host(number), 0.0)
    goal = int.from_bytes(target, "big")
    everyone = sorted((contact.id for contact in table), key=lambda node_id: int.from_bytes(node_id, "big") ^ goal)
    assert [contact.id for contact in table.closest(target, 8)] == everyone[:8]


def test_ten_at_once_then_two_a_second() -> None:
    limiter = PerAddress(10.0, 2.0)
    assert [limiter.take("1.1.1.1", 0.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert limiter.take("2.2.2.2", 0.0)
    assert limiter.wait("1.1.1.1", 0.0) == 0.5
    assert [limiter.take("1.1.1.1", 1.0) for _ in range(3)] == [True, True, False]


def test_memory_of_hosts_and_proofs_is_bounded() -> None:
    limiter, proven = PerAddress(10.0, 2.0), Proven()
    for number in range(10_000):
        limiter.take(f"h{number}", 0.0)
        proven.add((f"h{number}", 1), 0.0)
    assert len(limiter) == 4096 and len(proven) == 2048


def test_replies_leave_a_quarter_of_the_output_to_queries() -> None:
    cap = OutputCap(1000.0, 4.0, 0.0)
    sent = 0
    while cap.take(100, 0.0, reply=True):
        sent += 100
    assert sent == 3000
    assert cap.take(900, 0.0) and not cap.take(200, 0.0)
    assert cap.wait(200, 0.0) == pytest.approx(0.1)


def test_the_time_out_follows_the_network() -> None:
    rto = Rto()
    assert rto.value == 1.0
    for _ in range(64):
        rto.add(0.03)
    assert rto.value == 0.25
    for _ in range(64):
        rto.add(0.5)
    assert rto.value == pytest.approx(0.6)
    for _ in range(64):
        rto.add(9.0)
    assert rto.value == 2.0


def test_a_lookup_asks_five_at_once_and_ends_when_the_eight_nearest_answered() -> None:
    lookup = Lookup(OWN)
    nodes = [(node_at(20 - n), host(n)) for n in range(20)]
    lookup.seed(nodes[10:])
    asked = []
    while ready := lookup.ready():
        assert len(ready) <= 5
        for candidate in ready:
            lookup.asked(candidate)
            asked.append(candidate.address)
            assert candidate.id is not None
            lookup.answered(candidate.address, candidate.id, b"t", nodes[:10])
    assert lookup.done
    assert [candidate.address for candidate in lookup.closest()] == [host(n) for n in range(8)]
    assert len(asked) < 20


def test_a_slow_node_frees_its_place_but_its_late_answer_counts() -> None:
    lookup = Lookup(OWN, alpha=1)
    lookup.seed([(node_at(9), host(1)), (node_at(8), host(2))])
    (first,) = lookup.ready()
    lookup.asked(first)
    assert lookup.ready() == []
    lookup.slow(host(1))
    (second,) = lookup.ready()
    lookup.asked(second)
    lookup.slow(host(2))
    assert not lookup.done, "with no answer at all it waits for a late one"
    assert lookup.answered(host(1), node_at(9), b"t")
    assert lookup.done and [candidate.address for candidate in lookup.closest()] == [host(1)]


def test_an_answer_under_another_id_is_not_believed() -> None:
    lookup = Lookup(OWN)
    lookup.seed([(node_at(9), host(1))])
    lookup.asked(lookup.ready()[0])
    assert not lookup.answered(host(1), node_at(5), b"t", [(node_at(30), host(2))])
    assert lookup.done and lookup.closest() == [] and lookup.ready() == []


def test_the_core_needs_no_clock_no_chance_and_no_socket() -> None:
    """Its modules are imported with the doors nailed up."""
    code = """
import sys
sys.path.insert(0, {path!r})
import bencode2, cryptography.hazmat.primitives.asymmetric.ed25519, hmac, hashlib, ipaddress, heapq, dataclasses, enum, collections, typing, bisect, re
for name in ("asyncio", "time", "random", "socket", "asyncio_dgram"):
    sys.modules[name] = None
import os
def no(*_): raise AssertionError("os.urandom")
os.urandom = no
from slskdn_tui.engine.dht import keys
from slskdn_tui.engine.dht.machine.core import DhtCore
class Rng:
    count = 0
    def randbytes(self, n):
        self.count += 1
        return self.count.to_bytes(n, "big")
    def random(self): return 0.5
    def randrange(self, stop): return 0
core = DhtCore(now=0.0, rng=Rng(), permit=["127.0.0.0/8"], bootstrap=[("127.0.0.2", 5)])
assert core.start(0.0, ("127.0.0.1", 5))
core.on_timer(5.0)
"""
    from pathlib import Path

    root = str(Path(__file__).parents[3])
    subprocess.run([sys.executable, "-c", code.format(path=root)], check=True, timeout=60)
