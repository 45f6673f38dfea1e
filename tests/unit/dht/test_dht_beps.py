"""BEP 32, 33, 42, 43, 44, 45, 51: the documents' own vectors, and what a node answers and learns by them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bencode2 import bdecode, bencode
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.outputs import Finished, Noted, Output, Sampled, Send
from slskdn_tui.engine.dht.routing.ids import is_valid, make_id
from slskdn_tui.engine.dht.routing.lookup import Lookup
from slskdn_tui.engine.dht.routing.table import BITS, RoutingTable
from slskdn_tui.engine.dht.routing.votes import AddressVotes
from slskdn_tui.engine.dht.store.bloom import Bloom
from slskdn_tui.engine.dht.store.items import Item, Refused, immutable, mutable
from slskdn_tui.engine.dht.store.peers import PeerStore
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import V6, Address, Permit, network, pack, unpack

OWN = ("127.1.1.1", 6881)
ASKER = ("127.1.2.1", 6881)
ASKER_ID = b"a" * 20
KEY = b"k" * 20
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FILTER = (
    "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75ee7ccbaefe5eedb1fbfaff67f6abff5e43ddbca3fd9b9ffdf4ffd3e9dff12d1b"
    "df59db53dbe9fa5b7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe148246c2bc5dbff7e7efdcf24fd8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81f"
    "c7fcff1ff4ffffdfe5f7fdcbb7fd79b3fa1fc77bfe07fff905b7b7ffc7fefeffe0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5bfaf2e9ebffffeecd67adbf7"
    "c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb5762abe8ff237279bfefbfeef5ffc5febfdfe5adffadfee1fb737ffffbfd9f6aeffeee76b6fd8f72ef"
)


def sends(outputs: list[Output]) -> list[Send]:
    return [output for output in outputs if isinstance(output, Send)]


def node(limits: DhtLimits | None = None, nodes: int = 0, **options: Any) -> DhtCore:
    core = DhtCore(now=0.0, rng=random.Random(1), permit=["127.0.0.0/8", "fd00::/8"], limits=limits, **options)
    core.start(0.0, OWN if core.version == 4 else ("fd00::1", 6881))
    rng = random.Random(2)
    for number in range(nodes):
        host = f"127.2.{number}.1" if core.version == 4 else f"fd00:0:0:{number + 2:x}::1"
        core.table.answered(rng.randbytes(20), (host, 6881), 0.0)
    return core


def ask(core: DhtCore, method: bytes, args: dict[bytes, Any], address: Address = ASKER, now: float = 1.0, proven: bool = True) -> Any:
    """The answer to a query, decoded; None for silence. `proven`: the asker showed before that it receives what it is sent."""
    if proven:
        core._proven.add(address, now)
    for send in sends(core.on_datagram(now, krpc.encode_query(b"tt", method, ASKER_ID, args), address)):
        message = bdecode(send.data)
        if message[b"y"] != b"q":
            return message
    return None


# -- BEP 42 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "node_id"),
    [
        ("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
        ("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
        ("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
        ("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
        ("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
    ],
)
def test_the_ids_of_bep_42_fit_their_addresses_and_no_other(host: str, node_id: str) -> None:
    assert is_valid(bytes.fromhex(node_id), host)
    assert not is_valid(bytes.fromhex(node_id), "8.8.8.8") and not is_valid(bytes([int(node_id[:2], 16) ^ 1]) + bytes(19), host)


@given(st.integers(0, 1 << 30), st.sampled_from(["8.8.8.8", "93.184.216.34", "2a00:1450:4001:81b::200e"]))
def test_an_id_we_make_fits(seed: int, host: str) -> None:
    assert is_valid(make_id(host, random.Random(seed)), host)


def test_private_addresses_need_no_fitting_id() -> None:
    assert all(is_valid(bytes(20), host) for host in ("127.0.0.1", "10.1.1.1", "192.168.1.1", "fd00::1", "fe80::1"))


def test_five_unrelated_voices_and_a_majority_tell_our_address() -> None:
    votes = AddressVotes()
    for number in range(20):
        votes.add(f"5.5.{number}.1", ("6.6.6.6", 1))
    assert votes.host is None and len(votes) == 1, "one network is one voice"
    for number in range(5):
        votes.add(f"9.{number}.1.1", ("7.7.7.7", 1000 + number))
    assert votes.host == "7.7.7.7" and votes.port is None and votes.port_moves
    for number in range(5):
        votes.add(f"9.{number}.1.1", ("7.7.7.7", 1000))
    assert votes.port == 1000 and not votes.port_moves


def answer_all(core: DhtCore, outputs: list[Output], now: float, seen_as: Address) -> None:
    for send in sends(outputs):
        tid = krpc.decode(send.data).tid
        sender = make_id(send.address[0], random.Random(send.address[0]))
        core.on_datagram(now, krpc.encode_reply(tid, sender, seen_as=seen_as), send.address)


def test_a_node_whose_address_others_see_takes_an_id_that_fits_and_keeps_its_table() -> None:
    core = DhtCore(now=0.0, rng=random.Random(1))
    core.start(0.0, ("0.0.0.0", 6881))
    old, now = core.node_id, 1.0
    for number in range(6):
        _, outputs = core.ping(now, (f"{20 + number}.1.1.1", 6881))
        answer_all(core, outputs, now, ("93.184.216.34", 6881))
    before = len(core.table)
    events = [event for event in core.on_timer(60.0) if isinstance(event, Noted)]
    assert [event.name for event in events if event.name == "dht.id"] == ["dht.id"]
    assert core.node_id != old and is_valid(core.node_id, "93.184.216.34") and len(core.table) == before == 6
    assert core.table.own_id == core.node_id and core.table.depth_of(core.node_id) == BITS


def test_a_fitting_id_takes_the_seat_of_one_that_does_not_fit() -> None:
    host = "93.184.216.34"
    fit = make_id(host, random.Random(1))
    table = RoutingTable(bytes([fit[0] ^ 8]) + fit[1:])
    for number in range(8):
        table.answered(fit[:18] + bytes([9, number * 8 + (fit[19] & 7) ^ 1]), (f"{30 + number}.1.1.1", 1), 0.0)
    assert len(table) == 8 and table.answered(fit, (host, 1), 0.0)
    assert table.get(fit) is not None and len(table) == 8


def test_of_eight_nodes_handed_out_at_most_four_have_ids_that_fit_no_address() -> None:
    table, rng = RoutingTable(bytes(20)), random.Random(1)
    for number in range(60):
        host = f"{20 + number}.1.1.1"
        table.answered(make_id(host, rng), (host, 1), 0.0)
    key = b"\xff" * 20
    for number in range(16):
        table.answered(key[:19] + bytes([number]), (f"{100 + number}.1.1.1", 1), 0.0)
    out = table.closest(key, 8)
    assert len(out) == 8 and sum(contact.valid for contact in out) == 4
    assert [contact.key ^ (1 << 160) - 1 for contact in out] == sorted(contact.key ^ (1 << 160) - 1 for contact in out)


def test_a_lookup_ends_with_both_result_sets_and_announces_to_their_union() -> None:
    rng = random.Random(1)
    key = b"\xff" * 20
    lookup = Lookup(key)
    sybils = [(key[:19] + bytes([number]), (f"{100 + number}.1.1.1", 1)) for number in range(16)]
    honest = [(make_id(f"{20 + number}.1.1.1", rng), (f"{20 + number}.1.1.1", 1)) for number in range(30)]
    lookup.seed(sybils + honest)
    while ready := lookup.ready():
        for candidate in ready:
            lookup.asked(candidate)
            assert candidate.id is not None
            lookup.answered(candidate.address, candidate.id, b"t")
    assert lookup.done
    union = lookup.closest()
    assert len(union) == 16 and sum(candidate.valid for candidate in union) == 8


# -- BEP 33 ----------------------------------------------------------------------------------------------------------------


def test_the_filter_of_bep_33() -> None:
    bloom = Bloom()
    for number in range(256):
        bloom.add(f"192.0.2.{number}")
    for number in range(0x3E8):
        bloom.add(f"2001:db8::{number:x}")
    assert bloom.data.hex() == FILTER
    assert 1224.9308 <= bloom.count < 1224.9309
    assert Bloom().count == 0.0


def test_a_scrape_counts_seeds_and_others_without_naming_them() -> None:
    core = node(nodes=10)
    for number in range(40):
        core.store.add(KEY, (f"127.9.{number}.1", 5), 0.0, seed=number < 10)
    reply = ask(core, b"get_peers", {b"info_hash": KEY, b"scrape": 1})
    assert b"values" not in reply[b"r"]
    assert round(Bloom(reply[b"r"][b"BFsd"]).count) == 10 and round(Bloom(reply[b"r"][b"BFpe"]).count) == 30
    assert b"BFsd" not in ask(core, b"get_peers", {b"info_hash": KEY, b"scrape": 1}, ("127.1.9.1", 5), proven=False)[b"r"]


def test_we_merge_the_filters_of_all_who_answer() -> None:
    core = node()
    core.table.answered(b"n" * 20, ("127.1.5.1", 5), 0.0)
    core.table.answered(b"m" * 20, ("127.1.6.1", 5), 0.0)
    _, outputs = core.scrape(1.0, KEY)
    done: list[Output] = []
    for place, send in enumerate(sends(outputs)):
        seeds, peers = Bloom(), Bloom()
        seeds.add("1.1.1.1")
        peers.add(f"2.2.2.{place}")
        sender = b"n" * 20 if send.address[0] == "127.1.5.1" else b"m" * 20
        assert bdecode(send.data)[b"a"][b"scrape"] == 1
        reply = krpc.encode_reply(krpc.decode(send.data).tid, sender, BFsd=seeds.data, BFpe=peers.data)
        done = core.on_datagram(1.1, reply, send.address)
    (end,) = [event for event in done if isinstance(event, Finished)]
    assert end.scraped is not None and (round(end.scraped[0]), round(end.scraped[1])) == (1, 2)


# -- BEP 44 ----------------------------------------------------------------------------------------------------------------

SIGNED = {
    b"": "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
    b"foobar": "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
}
TARGETS = {b"": "4a533d47ec9c7d95b1ad75f576cffc641853b750", b"foobar": "411eba73b6f087ca51a3795d9c8c938d365e32c1"}
PUBLIC = bytes.fromhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")


@pytest.mark.parametrize("salt", [b"", b"foobar"])
def test_the_signed_items_of_bep_44(salt: bytes) -> None:
    item = Item(b"12:Hello World!", PUBLIC, salt, 1, bytes.fromhex(SIGNED[salt]))
    item.check()
    assert item.target.hex() == TARGETS[salt] and item.content == b"Hello World!"
    with pytest.raises(Refused) as refused:
        Item(b"12:Hello World?", PUBLIC, salt, 1, item.sig).check()
    assert refused.value.code == 206


def test_the_unsigned_item_of_bep_44() -> None:
    assert immutable(b"Hello World!").target.hex() == "e5f96f6f38320f0f33959cb4d3d656452117aadb"


def put(core: DhtCore, item: Item, now: float = 1.0, token: bytes | None = None, **more: Any) -> Any:
    if token is None:
        token = ask(core, b"get", {b"target": item.target}, now=now)[b"r"][b"token"]
    args: dict[bytes, Any] = {b"v": bdecode(item.value), b"token": token}
    if item.key:
        args |= {b"k": item.key, b"seq": item.seq, b"sig": item.sig} | ({b"salt": item.salt} if item.salt else {})
    return ask(core, b"put", args | {name.encode(): value for name, value in more.items()}, now=now)


def code_of(reply: Any) -> int:
    return reply[b"e"][0] if b"e" in reply else 0


def test_a_stored_item_is_handed_to_those_who_proved_their_address_and_to_nobody_else() -> None:
    core = node(nodes=10)
    item = immutable(b"x" * 900)
    assert code_of(put(core, item)) == 0
    other = ("127.1.9.1", 5)
    unproven = ask(core, b"get", {b"target": item.target}, other, proven=False)
    assert b"v" not in unproven[b"r"] and b"token" in unproven[b"r"], "a get answered with an item is 15 times its query"
    reply = ask(core, b"get", {b"target": item.target}, other)
    assert reply[b"r"][b"v"] == b"x" * 900
    assert len(bencode(reply)) <= 1400


def test_items_that_are_wrong_are_refused_with_bep_44_s_codes() -> None:
    core = node(DhtLimits(burst=1000.0))
    first, second = mutable(SIGNER, b"one", 5, b"s"), mutable(SIGNER, b"two", 6, b"s")
    assert code_of(put(core, Item(bencode(b"x" * 996)))) == 0, "1,000 bytes of bencode are the most"
    assert code_of(put(core, Item(bencode(b"x" * 997)))) == 205
    assert code_of(put(core, Item(first.value, first.key, b"t", 5, first.sig))) == 206
    long = Item(first.value, first.key, b"s" * 65, 5, first.sig)
    assert code_of(put(core, long)) == 207
    assert code_of(put(core, first, token=b"x" * 8)) == 203
    assert code_of(put(core, second)) == 0
    assert code_of(put(core, first)) == 302, "an older one never takes a newer one's place"
    assert code_of(put(core, mutable(SIGNER, b"three", 7, b"s"), cas=5)) == 301
    assert code_of(put(core, mutable(SIGNER, b"three", 7, b"s"), cas=6)) == 0
    reply = ask(core, b"get", {b"target": first.target})
    assert (reply[b"r"][b"v"], reply[b"r"][b"seq"]) == (b"three", 7)
    known = ask(core, b"get", {b"target": first.target, b"seq": 7})
    assert known[b"r"][b"seq"] == 7 and b"v" not in known[b"r"]


def test_items_expire_after_two_hours_and_the_store_keeps_its_quotas() -> None:
    core = node(DhtLimits(items=3, burst=1000.0, per_second=1000.0))
    items = sorted((immutable(b"%d" % number) for number in range(40)), key=lambda item: int.from_bytes(item.target, "big"))
    near = sorted(items, key=lambda item: int.from_bytes(item.target, "big") ^ int.from_bytes(core.node_id, "big"))
    for item in near[1:4]:
        assert code_of(put(core, item)) == 0
    assert code_of(put(core, near[10])) == 202, "full, and farther from us than all we hold"
    assert code_of(put(core, near[0])) == 0 and len(core.items) == 3
    core.on_timer(1.0)
    core.items.expire(7300.0)
    assert len(core.items) == 0
    one_host = node(DhtLimits(burst=1000.0, per_second=1000.0))
    assert sum(code_of(put(one_host, item)) == 0 for item in items) == 32


def get_item(core: DhtCore, answers: list[dict[str, Any]], target: bytes, salt: bytes = b"") -> Item | None:
    """What a look-up of `target` makes of these answers, one a node."""
    for number in range(len(answers)):
        core.table.answered(bytes([number + 1]) * 20, (f"127.5.{number}.1", 5), 0.0)
    _, outputs = core.get_item(1.0, target, salt)
    ends: list[Finished] = []
    while queries := sends(outputs):
        outputs = []
        for send in queries:
            number = int(send.address[0].split(".")[2])
            reply = krpc.encode_reply(krpc.decode(send.data).tid, bytes([number + 1]) * 20, **answers[number])
            outputs += core.on_datagram(1.1, reply, send.address)
        ends += [event for event in outputs if isinstance(event, Finished)]
    (end,) = ends
    return end.item


def fields(item: Item) -> dict[str, Any]:
    signed = {"k": item.key, "seq": item.seq, "sig": item.sig} if item.mutable else {}
    return {"v": bdecode(item.value)} | signed


def test_the_newest_true_item_wins_and_forged_ones_are_not_seen() -> None:
    old, new = mutable(SIGNER, b"old", 1, b"s"), mutable(SIGNER, b"new", 2, b"s")
    stranger = mutable(Ed25519PrivateKey.from_private_bytes(bytes(32)), b"evil", 9, b"s")
    forged = fields(new) | {"v": b"evil", "seq": 8}
    assert get_item(node(), [fields(old), fields(new), fields(stranger), forged], new.target, b"s") == new
    assert get_item(node(), [fields(stranger), forged, {"v": b"plain"}], new.target, b"s") is None
    plain = immutable([b"a", 1])
    assert get_item(node(), [{"v": b"other"}, fields(plain)], plain.target) == plain


# -- BEP 43, 51 ------------------------------------------------------------------------------------------------------------


def test_a_read_only_node_says_so_and_answers_nothing() -> None:
    core = node(read_only=True)
    _, outputs = core.ping(1.0, ASKER)
    assert bdecode(sends(outputs)[0].data)[b"ro"] == 1
    assert core.on_datagram(1.0, krpc.encode_query(b"tt", b"ping", ASKER_ID), ASKER) == []
    assert core.on_datagram(1.0, b"d1:q4:ping1:t2:aa1:y1:qe", ASKER) == []


def test_a_sample_shows_twenty_keys_and_how_many_there_are() -> None:
    core = node(nodes=10)
    for number in range(50):
        core.store.add(bytes([number]) * 20, ("127.9.1.1", 5), 0.0)
    first = ask(core, b"sample_infohashes", {b"target": KEY})[b"r"]
    assert len(first[b"samples"]) == 400 and first[b"num"] == 50 and first[b"interval"] == 21600 and len(first[b"nodes"]) == 8 * 26
    assert ask(core, b"sample_infohashes", {b"target": KEY}, now=60.0)[b"r"][b"samples"] == first[b"samples"], "the same for six hours"
    assert ask(core, b"sample_infohashes", {b"target": KEY}, now=21700.0)[b"r"][b"samples"] != first[b"samples"]
    assert b"samples" not in ask(core, b"sample_infohashes", {b"target": KEY}, ("127.1.9.1", 5), proven=False)[b"r"]


def test_we_can_ask_for_a_sample() -> None:
    core = node()
    _, outputs = core.sample(1.0, ASKER, KEY)
    (query,) = sends(outputs)
    reply = krpc.encode_reply(krpc.decode(query.data).tid, ASKER_ID, nodes=[], samples=b"x" * 40, num=7, interval=60)
    (event,) = [event for event in core.on_datagram(1.1, reply, ASKER) if isinstance(event, Sampled)]
    assert event.keys == (b"x" * 20, b"x" * 20) and (event.num, event.interval) == (7, 60)


# -- BEP 32, 45 ------------------------------------------------------------------------------------------------------------


@given(st.tuples(st.ip_addresses(v=6).map(str), st.integers(0, 65535)))
def test_an_ipv6_address_takes_18_bytes_and_survives(address: Address) -> None:
    assert len(pack(address)) == 18 and unpack(pack(address)) == address


def test_ipv6_networks_and_what_may_be_spoken_to() -> None:
    assert network("2a00:1:2:3::1") == network("2a00:1:2:4::9") != network("2a00:1:3::1")
    assert network("192.168.1.1") != network("192.168.1.2") and network("8.8.8.1") == network("8.8.8.2")
    public = Permit(version=V6)
    assert public.allows(("2a00:1450:4001:81b::200e", 5)) and not public.allows(("8.8.8.8", 5))
    for martian in ("::1", "fe80::1", "fd00::1", "ff02::1", "2001:db8::1", "::ffff:8.8.8.8", "2002::1", "nonsense"):
        assert not public.allows((martian, 5))


def both() -> tuple[DhtCore, DhtCore]:
    four, six = node(nodes=20), node(nodes=20, version=V6)
    four.twin(six)
    return four, six


def test_want_chooses_the_families_of_the_nodes_handed_out() -> None:
    four, six = both()
    assert four.node_id != six.node_id or four.version != six.version
    for want, present in (([b"n4"], {b"nodes"}), ([b"n6"], {b"nodes6"}), ([b"n4", b"n6"], {b"nodes", b"nodes6"}), ([], {b"nodes"})):
        body = ask(four, b"find_node", {b"target": KEY} | ({b"want": want} if want else {}))[b"r"]
        assert {name for name in (b"nodes", b"nodes6") if name in body} == present
        assert len(body.get(b"nodes", b"")) in (0, 8 * 26) and len(body.get(b"nodes6", b"")) in (0, 8 * 38)
    six_body = ask(six, b"find_node", {b"target": KEY}, ("fd00:0:0:99::1", 5))[b"r"]
    assert b"nodes" not in six_body and len(six_body[b"nodes6"]) == 8 * 38
    small = ask(four, b"find_node", {b"target": KEY, b"want": [b"n4", b"n6"]}, ("127.1.9.1", 5), proven=False)
    size = len(krpc.encode_query(b"tt", b"find_node", ASKER_ID, {b"target": KEY, b"want": [b"n4", b"n6"]}))
    assert len(bencode(small)) <= 4 * size


def test_ipv6_peers_are_stored_and_found_in_the_ipv6_network() -> None:
    six = node(version=V6)
    asker = ("fd00:0:0:9::1", 6881)
    token = ask(six, b"get_peers", {b"info_hash": KEY}, asker)[b"r"][b"token"]
    assert b"r" in ask(six, b"announce_peer", {b"info_hash": KEY, b"token": token, b"port": 7000}, asker)
    (value,) = ask(six, b"get_peers", {b"info_hash": KEY}, ("fd00:0:0:8::1", 6881))[b"r"][b"values"]
    assert unpack(value) == (asker[0], 7000) and len(value) == 18


def test_a_node_of_both_families_learns_of_ipv6_nodes_over_ipv4() -> None:
    four, six = node(), node(version=V6)
    four.twin(six)
    four.on_timer(5.0)
    _, outputs = four.add_node(10.0, ASKER)
    reply = krpc.encode_reply(krpc.decode(sends(outputs)[0].data).tid, ASKER_ID)
    (query,) = [send for send in sends(four.on_datagram(10.1, reply, ASKER)) if bdecode(send.data)[b"q"] == b"find_node"]
    assert bdecode(query.data)[b"a"][b"want"] == [b"n4", b"n6"]
    other = (b"s" * 20, ("fd00:0:0:7::1", 6881))
    four.on_datagram(10.2, krpc.encode_reply(krpc.decode(query.data).tid, ASKER_ID, nodes=[], nodes6=[other]), ASKER)
    asked = sends(six.on_timer(10.3))
    assert [send.address for send in asked] == [other[1]]


def test_a_host_s_64_is_one_host_and_floods_as_one() -> None:
    six = node(version=V6)
    query = krpc.encode_query(b"tt", b"ping", ASKER_ID)
    answers = sum(bool(sends(six.on_datagram(1.0, query, (f"fd00:0:0:5::{number:x}", 5)))) for number in range(1, 100))
    assert answers == 10


def test_the_store_counts_an_ipv6_64_as_one_host() -> None:
    store = PeerStore(bytes(20), per_host=2)
    assert [store.add(KEY, (f"2a00::{number:x}", 5), 0.0) for number in (1, 2, 3)] == [True, True, False]


# -- the program's own network ---------------------------------------------------------------------------------------------


def test_a_closed_node_speaks_with_nodes_of_this_program_only() -> None:
    core = node(nodes=10, closed=True)
    ours = krpc.encode_query(b"tt", b"ping", ASKER_ID)
    theirs = bencode(bdecode(ours) | {b"v": b"LT\x02\x00"})
    nameless = bencode({key: value for key, value in bdecode(ours).items() if key != b"v"})
    assert core.on_datagram(1.0, theirs, ASKER) == core.on_datagram(1.0, nameless, ASKER) == []
    assert core.on_datagram(1.0, b"d1:q4:ping1:t2:aa1:y1:qe", ASKER) == []
    assert core.counters.dropped_foreign == 3 and len(sends(core.on_datagram(1.0, ours, ASKER))) >= 1
    _, outputs = core.ping(2.0, ("127.1.8.1", 5))
    tid = krpc.decode(sends(outputs)[0].data).tid
    reply = bencode(bdecode(krpc.encode_reply(tid, b"z" * 20)) | {b"v": b"LT\x02\x00"})
    core.on_datagram(2.1, reply, ("127.1.8.1", 5))
    assert core.table.get(b"z" * 20) is None, "a stranger's answer does not enter the table either"
