"""docs/protocol/dht.md is true: its tables are read from the page and checked against the code."""

from __future__ import annotations

import random
import re
from pathlib import Path

from slskdn_tui.engine.dht.keys import channel_key, recording_key
from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.outputs import Send
from slskdn_tui.engine.dht.routing.ids import is_valid
from slskdn_tui.engine.dht.store.bloom import Bloom
from slskdn_tui.engine.dht.store.items import Item, immutable
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import Address, pack, unpack

PAGE = (Path(__file__).parents[3] / "docs" / "protocol" / "dht.md").read_text(encoding="utf-8")
A, B, C = b"abcdefghij0123456789", b"mnopqrstuvwxyz123456", b"0123456789abcdefghij"


def table(head: str) -> list[list[str]]:
    """The rows under the table whose first heading is `head`, cells without their back-ticks."""
    start = PAGE.index(f"| {head} |")
    rows = PAGE[start:].split("\n\n")[0].splitlines()[2:]
    assert rows, f"the table {head!r} is empty"
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def literal(text: str) -> bytes:
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text).encode("latin-1")


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


def test_the_page_s_keys() -> None:
    rows = table("key | of")
    assert len(rows) == 3
    for kind, mbid, digest in rows:
        key = channel_key() if kind == "channel" else recording_key(mbid)
        assert key.hex() == digest


def test_the_page_s_compact_forms() -> None:
    rows = table("compact form")
    assert len(rows) == 4
    for kind, what, digest in rows:
        data = bytes.fromhex(digest)
        if kind == "peer":
            assert pack(address(what)) == data and unpack(data) == address(what)
        else:
            node_id, _, where = what.partition("@")
            assert krpc.unpack_nodes(data) == ((node_id.encode(), address(where)),)
            assert krpc.pack_nodes([(node_id.encode(), address(where))]) == data


def test_the_page_s_ids_fit_their_addresses() -> None:
    rows = table("id that fits (BEP 42)")
    assert len(rows) == 3 and all(is_valid(bytes.fromhex(node_id), host) for node_id, host in rows)


def test_the_page_s_items_are_true() -> None:
    rows = table("item (BEP 44)")
    assert len(rows) == 3
    for value, signer, target, sig in rows:
        salt, _, key = [part.strip(" `") for part in signer.split(",")] if signer else ("", "", "")
        item = Item(value.encode(), bytes.fromhex(key), salt.encode(), 1 if key else 0, bytes.fromhex(sig))
        item.check()
        assert item.target.hex() == target


def test_the_page_s_conversation_byte_for_byte() -> None:
    core = DhtCore(now=0.0, rng=random.Random(1), node_id=A, permit=["127.0.0.0/8"])
    core.start(0.0, ("127.1.1.1", 6881))
    core.table.answered(C, ("127.1.3.1", 6881), 0.0)
    rows = table("B sends") + table("B goes on")
    assert len(rows) >= 15
    source = ("127.1.2.1", 6881)
    token, value, peers = b"", b"x" * 900, Bloom()
    peers.add(source[0])
    stands = {b"VALUE": value, b"ITEMITEMITEMITEMITEM": immutable(value).target, b"FILTER": peers.data, b"EMPTY": bytes(256)}
    for now, (query, answer) in enumerate(rows, 1):
        data = meant(literal(query), stands).replace(b"TOKENTOK", token or b"TOKENTOK")
        sent = [out.data for out in core.on_datagram(float(now), data, source) if isinstance(out, Send)]
        replies = [reply for reply in sent if not isinstance(krpc.decode(reply), krpc.Query)]
        if answer == "(nothing)":
            assert replies == []
            continue
        (reply,) = replies
        message = krpc.decode(reply)
        if isinstance(message, krpc.Reply) and message.token:
            token = message.token
            reply = reply.replace(token, b"TOKENTOK")
        assert reply == meant(literal(answer), stands), query


def meant(data: bytes, stands: dict[bytes, bytes]) -> bytes:
    for word, bytes_ in stands.items():
        data = data.replace(word, bytes_)
    return data


def test_our_own_queries_are_on_the_page_too() -> None:
    """What B sends is what our encoder makes."""
    queries = [literal(query) for query, _ in table("B sends")]
    key, token = b"KEYKEYKEYKEYKEYKEYKE", b"TOKENTOK"
    announce = {b"implied_port": 0, b"info_hash": key, b"port": 50400, b"token": token}
    for method, args in (
        (b"ping", {}),
        (b"find_node", {b"target": key}),
        (b"get_peers", {b"info_hash": key}),
        (b"announce_peer", announce),
    ):
        assert krpc.encode_query(b"aa", method, B, args) in queries


def test_the_page_s_numbers_are_the_defaults() -> None:
    limits, numbers = DhtLimits(), {row[0]: row[1] for row in table("what | value")}
    for row, words in {
        "look-up": [f"{limits.alpha} questions", f"the {limits.k} nearest", f"{limits.candidates} candidates"],
        "time-out": [f"{limits.rto_min} to {limits.rto_max:g} s", f"{limits.rto_start:g} s at first", f"{limits.hard_timeout:g} s"],
        "token": [f"every {limits.token_period / 60:g} min"],
        "store": [f"{limits.keys:,} keys", f"{limits.peers_per_key} addresses", f"{limits.peer_expiry / 60:g} min"],
        "refresh": [f"unchanged for {limits.node_good / 60:g} min", f"every {limits.self_lookup / 60:g} min"],
        "accepted from one IP": [f"{limits.burst:g} queries", f"{limits.per_second:g}/s"],
        "output": [f"{limits.output_bytes_s:,.0f} B/s", f"{limits.output_burst_s:g} s of burst"],
        "a reply": [f"{limits.max_reply:,} B", f"{limits.amplification:g} times"],
    }.items():
        for word in words:
            assert word in numbers[row], (row, word)
