"""One DHT node against a hostile world: what it answers, what it refuses, what never happens whatever comes in."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bencode2 import bdecode, bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.outputs import Output, Send
from slskdn_tui.engine.dht.wire.addresses import Address
from slskdn_tui.engine.dht.wire.krpc import Reply, decode, encode_query, encode_reply

OWN = ("127.1.1.1", 6881)
ASKER = ("127.1.2.1", 6881)
ASKER_ID = b"a" * 20
KEY = b"k" * 20


def node(limits: DhtLimits | None = None, *, nodes: int = 0, seed: int = 1) -> DhtCore:
    core = DhtCore(now=0.0, rng=random.Random(seed), permit=["127.0.0.0/8"], limits=limits)
    core.start(0.0, OWN)
    rng = random.Random(seed + 1)
    for number in range(nodes):
        core.table.answered(rng.randbytes(20), (f"127.2.{number}.1", 6881), 0.0)
    return core


def sends(outputs: list[Output]) -> list[Send]:
    return [output for output in outputs if isinstance(output, Send)]


def ask(core: DhtCore, method: bytes, args: dict[bytes, Any], address: Address = ASKER, now: float = 1.0) -> dict[bytes, Any] | None:
    """The answer to a query (not the ping that verifies a newcomer), decoded; None for silence."""
    data = encode_query(b"tt", method, ASKER_ID, args)
    for send in sends(core.on_datagram(now, data, address)):
        message = bdecode(send.data)
        if message[b"y"] != b"q":
            assert send.address == address and message[b"t"] == b"tt"
            return message  # type: ignore[no-any-return]
    return None


def token_for(core: DhtCore, key: bytes = KEY, address: Address = ASKER, now: float = 1.0) -> bytes:
    answer = ask(core, b"get_peers", {b"info_hash": key}, address, now)
    assert answer is not None
    return answer[b"r"][b"token"]  # type: ignore[no-any-return]


def announce(
    core: DhtCore, token: bytes, port: object = 7000, address: Address = ASKER, now: float = 1.0, **extra: int
) -> dict[bytes, Any]:
    args = {b"info_hash": KEY, b"token": token, b"port": port} | {name.encode(): value for name, value in extra.items()}
    answer = ask(core, b"announce_peer", args, address, now)
    assert answer is not None
    return answer


def test_an_announced_peer_is_handed_to_the_next_asker() -> None:
    core = node(nodes=20)
    assert b"r" in announce(core, token_for(core))
    answer = ask(core, b"get_peers", {b"info_hash": KEY}, ("127.1.3.1", 6881))
    assert answer is not None
    assert answer[b"r"][b"values"] == [bytes([127, 1, 2, 1, 7000 >> 8, 7000 & 255])]
    assert len(answer[b"r"][b"nodes"]) == 8 * 26 and answer[b"ip"] == bytes([127, 1, 3, 1, 6881 >> 8, 6881 & 255])


def test_implied_port_stores_the_datagram_s_own_port() -> None:
    core = node()
    announce(core, token_for(core), 1, implied_port=1)
    assert core.store.get(KEY, 1.0) == [ASKER]


def test_a_token_of_another_address_key_or_time_is_refused_with_203() -> None:
    core = node()
    token = token_for(core)
    assert announce(core, token, address=("127.1.9.1", 6881))[b"e"][0] == 203
    assert announce(core, b"x" * 8)[b"e"][0] == 203
    assert core.store.size == 0
    assert b"r" in announce(core, token, address=(ASKER[0], 9999)), "NATs move ports: the IP is what counts"
    assert announce(core, token, now=900.0)[b"e"][0] == 203


@pytest.mark.parametrize("port", [0, -1, 65536, b"x", 1 << 70])
def test_an_announce_of_a_port_that_cannot_be_is_refused(port: object) -> None:
    core = node()
    assert announce(core, token_for(core), port)[b"e"][0] == 203
    assert core.store.size == 0


def test_when_the_store_is_full_no_token_is_given() -> None:
    core = node(DhtLimits(keys=1, peers_per_key=1))
    announce(core, token_for(core))
    answer = ask(core, b"get_peers", {b"info_hash": KEY}, ("127.1.3.1", 6881))
    assert answer is not None and b"token" not in answer[b"r"]


def test_unknown_methods_are_204_unless_they_name_a_target() -> None:
    core = node(nodes=10)
    answer = ask(core, b"vote", {})
    assert answer is not None and answer[b"e"][0] == 204
    answer = ask(core, b"sample_infohashes", {b"target": KEY})
    assert answer is not None and len(answer[b"r"][b"nodes"]) == 8 * 26


def test_strangers_get_at_most_four_times_their_query_and_nobody_more_than_1024_bytes() -> None:
    core = node(nodes=100)
    for number in range(500):
        core.store.add(KEY, (f"127.9.{number // 250}.{number % 250}", 5), 0.0)
    query = encode_query(b"t", b"get_peers", ASKER_ID, {b"info_hash": KEY})
    (reply, *_) = sends(core.on_datagram(1.0, query, ASKER))
    assert 3 * len(query) < len(reply.data) <= 4 * len(query)
    core._proven.add(ASKER, 1.0)
    (reply, *_) = sends(core.on_datagram(1.0, query, ASKER))
    assert 900 < len(reply.data) <= 1024
    parsed = decode(reply.data)
    assert isinstance(parsed, Reply) and parsed.values is not None and len(parsed.values) > 50


def test_a_flood_from_one_address_gets_ten_answers_then_two_a_second() -> None:
    core = node()
    query = encode_query(b"tt", b"ping", ASKER_ID)
    answers = sum(
        any(send.data.startswith(b"d2:ip") for send in sends(core.on_datagram(1.0 + n / 1000, query, ASKER))) for n in range(1000)
    )
    assert 10 <= answers <= 12
    other = sends(core.on_datagram(2.0, query, ("127.1.7.1", 1)))
    assert other, "others are served meanwhile"


def test_a_flood_from_many_addresses_stays_under_the_output_cap() -> None:
    core = node(nodes=50)
    for number in range(20_000):
        address = (f"127.{number // 250 + 1}.{number % 250}.9", 4000)
        core.on_datagram(1.0 + number / 2000, encode_query(b"tt", b"find_node", ASKER_ID, {b"target": KEY}), address)
    assert core.counters.bytes_out <= 8000 * (10 + 3)


def test_a_poisoned_answer_cannot_make_us_flood_a_victim() -> None:
    """Every name in the answer is one victim's IP, or must not be spoken to at all."""
    core = node()
    address = ("127.1.5.1", 5)
    core.table.answered(b"n" * 20, address, 0.0)
    _, outputs = core.get_peers(1.0, KEY)
    (query,) = sends(outputs)
    rng = random.Random(5)
    nodes = [(rng.randbytes(20), ("127.66.6.6", port)) for port in range(1, 9)]
    nodes += [(rng.randbytes(20), bad) for bad in (("127.66.7.7", 0), ("10.0.0.1", 5), OWN)] + [(core.node_id, ("127.66.8.8", 5))]
    reply = encode_reply(decode(query.data).tid, b"n" * 20, nodes=nodes, values=[("127.3.3.3", 0), ("192.168.1.1", 5)], token=b"t")
    out = core.on_datagram(1.1, reply, address)
    assert len(sends(out)) == 1 and sends(out)[0].address[0] == "127.66.6.6"
    assert len(out) == 1, "no value that may be dialled came"


def test_answers_count_only_from_the_address_that_was_asked() -> None:
    core = node()
    _, outputs = core.ping(1.0, ASKER)
    (query,) = sends(outputs)
    forged = encode_reply(decode(query.data).tid, ASKER_ID)
    assert core.on_datagram(1.1, forged, ("127.1.2.1", 6882)) == []
    assert core.on_datagram(1.1, encode_reply(b"0000", ASKER_ID), ASKER) == []
    assert len(core.table) == 0 and core.counters.dropped_stray == 2
    core.on_datagram(1.2, forged, ASKER)
    assert len(core.table) == 1


def test_a_querier_enters_the_table_only_after_it_answered_a_ping() -> None:
    core = node()
    outputs = core.on_datagram(1.0, encode_query(b"tt", b"ping", ASKER_ID), ASKER)
    ping = sends(outputs)[1]
    assert bdecode(ping.data)[b"q"] == b"ping" and len(core.table) == 0
    core.on_datagram(1.1, encode_reply(decode(ping.data).tid, ASKER_ID), ASKER)
    assert [contact.address for contact in core.table] == [ASKER]


def test_a_read_only_querier_is_answered_and_left_alone() -> None:
    core = node()
    query = bencode({b"a": {b"id": ASKER_ID}, b"q": b"ping", b"ro": 1, b"t": b"tt", b"y": b"q"})
    assert len(sends(core.on_datagram(1.0, query, ASKER))) == 1


def test_a_parrot_that_answers_with_our_own_id_ends_no_lookup_in_silence() -> None:
    core = node()
    core.table.answered(ASKER_ID, ASKER, 0.0)
    _, outputs = core.get_peers(1.0, KEY)
    (query,) = sends(outputs)
    (finished,) = core.on_datagram(1.1, encode_reply(decode(query.data).tid, core.node_id), ASKER)
    assert not isinstance(finished, Send)


def test_wrong_commands_are_refused_with_what_is_wrong() -> None:
    core = node()
    with pytest.raises(ValueError, match="20 bytes"):
        core.get_peers(1.0, b"short")
    with pytest.raises(ValueError, match="port"):
        core.announce(1.0, KEY, 0)
    with pytest.raises(ValueError, match="permitted"):
        core.add_node(1.0, ("10.0.0.1", 5))


KINDS: list[dict[bytes, Any]] = [
    {b"a": {b"id": ASKER_ID}, b"q": b"ping", b"t": b"tt", b"y": b"q"},
    {b"a": {b"id": ASKER_ID, b"target": KEY}, b"q": b"find_node", b"t": b"tt", b"y": b"q"},
    {b"a": {b"id": ASKER_ID, b"info_hash": KEY}, b"q": b"get_peers", b"t": b"tt", b"y": b"q"},
    {b"a": {b"id": ASKER_ID, b"info_hash": KEY, b"port": 5, b"token": b"x" * 8}, b"q": b"announce_peer", b"t": b"tt", b"y": b"q"},
    {b"r": {b"id": ASKER_ID, b"nodes": b"n" * 52, b"token": b"t", b"values": [b"v" * 6]}, b"t": b"tt", b"y": b"r"},
    {b"e": [201, b"no"], b"t": b"tt", b"y": b"e"},
]
anything = st.recursive(
    st.integers(-(1 << 70), 1 << 70) | st.binary(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """Real messages, messages with a field replaced by anything, with bytes changed, cut or repeated, and noise."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(max_size=2100))
    message = dict(draw(st.sampled_from(KINDS)))
    if kind >= 2:
        message[draw(st.sampled_from([b"a", b"r", b"e", b"q", b"t", b"y", b"ip", b"ro", b"v"]))] = draw(anything)
        for part in (b"a", b"r"):
            if isinstance(message.get(part), dict):
                fields = [b"id", b"target", b"info_hash", b"port", b"token", b"nodes", b"values", b"implied_port", b"want"]
                message[part] = dict(message[part]) | {draw(st.sampled_from(fields)): draw(anything)}
    data = bytearray(bencode(message))
    if kind == 3:
        for _ in range(draw(st.integers(1, 4))):
            where = draw(st.integers(0, len(data)))
            data[where : where + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data)


stories = st.lists(st.tuples(datagrams(), st.integers(0, 5), st.floats(0, 30)), min_size=1, max_size=12)


def check(story: list[tuple[bytes, int, float]]) -> None:
    """Nothing raises; nothing over 1024 B leaves, nor more than 4x to an address that proved nothing."""
    core = node(nodes=30)
    for number in range(200):
        core.store.add(KEY, (f"127.9.1.{number}", 5), 0.0)
    pending = [send for _, outputs in (core.get_peers(0.5, KEY), core.announce(0.5, b"z" * 20, 5)) for send in sends(outputs)]
    now = 1.0
    for data, who, wait in story:
        now += wait
        address = (f"127.1.{who + 2}.1", 6881) if who < 5 else pending[0].address  # the last one was asked, and may answer
        if who == 5:
            data = data.replace(b"1:t2:tt", b"1:t4:" + decode(pending[0].data).tid)
        proven = core._proven.has(address, now)
        out = sends(core.on_datagram(now, data, address))
        back = sum(len(send.data) for send in out if send.address == address)
        assert all(len(send.data) <= 1024 for send in out)
        if not proven and not core._proven.has(address, now):
            assert back <= 4 * len(data)
        core.on_timer(now)


@settings(max_examples=80, deadline=None)
@given(stories)
def test_no_datagram_raises_or_is_answered_with_more_than_the_rule_allows(story: list[tuple[bytes, int, float]]) -> None:
    check(story)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(stories)
def test_ten_thousand_datagrams_keep_the_rules(story: list[tuple[bytes, int, float]]) -> None:
    check(story)
