"""Our DHT node among 20 of libtorrent's (the reference implementation): 36 checks, both directions. Needs libtorrent."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from slskdn_tui.engine.dht.limits import ROOMY
from slskdn_tui.engine.dht.store.bloom import Bloom
from slskdn_tui.engine.dht.store.items import Item, immutable, mutable
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import Address, pack
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor

lt = pytest.importorskip("libtorrent", reason="libtorrent is not installed (pip install '.[interop]')")
from bencode2 import bencode  # noqa: E402
from libtorrent_cluster import free_port, session  # noqa: E402
from libtorrent_world import NODES, OURS, PROBE, SEED, SIGNER, World, code, our_node, world  # noqa: E402

pytestmark = pytest.mark.interop

Check = Callable[[World], Awaitable[None]]
CHECKS: list[tuple[str, Check]] = []


def check(name: str) -> Callable[[Check], Check]:
    def add(work: Check) -> Check:
        CHECKS.append((name, work))
        return work

    return add


# -- BEP 5: we ask libtorrent --------------------------------------------------------------------------------------------------


@check("BEP 5: ping is answered with an id")
async def _(w: World) -> None:
    message = await w.ask(b"ping", {})
    assert len(message[b"r"][b"id"]) == 20 and message[b"v"][:2] == b"LT"


@check("BEP 5: find_node names nodes")
async def _(w: World) -> None:
    nodes = krpc.unpack_nodes((await w.ask(b"find_node", {b"target": w.key()}))[b"r"][b"nodes"])
    assert len(nodes) == 8 and {address[1] for _, address in nodes} <= {w.first[1], w.node.address[1], w.probe.address[1]}


@check("BEP 5: get_peers gives a token and nodes, and no values for an unknown key")
async def _(w: World) -> None:
    body = (await w.ask(b"get_peers", {b"info_hash": w.key()}))[b"r"]
    assert body[b"token"] and len(body[b"nodes"]) % 26 == 0 and b"values" not in body


@check("BEP 5: an announce with its token is stored and handed out")
async def _(w: World) -> None:
    key = w.key()
    assert b"r" in await w.announce(key, 7001)
    assert pack((PROBE, 7001)) in (await w.ask(b"get_peers", {b"info_hash": key}))[b"r"][b"values"]


@check("BEP 5: implied_port stores the datagram's port")
async def _(w: World) -> None:
    key = w.key()
    assert b"r" in await w.announce(key, 1, implied_port=1)
    assert pack(w.probe.address) in (await w.ask(b"get_peers", {b"info_hash": key}))[b"r"][b"values"]


@check("BEP 5: a made-up token is refused with 203")
async def _(w: World) -> None:
    assert code(await w.ask(b"announce_peer", {b"info_hash": w.key(), b"port": 1, b"token": b"abcd"})) == 203


@check("BEP 5: a token of another key is refused with 203")
async def _(w: World) -> None:
    token = await w.token(w.key())
    assert code(await w.ask(b"announce_peer", {b"info_hash": w.key(), b"port": 1, b"token": token})) == 203


@check("BEP 5: a short info_hash is refused with 203")
async def _(w: World) -> None:
    assert code(await w.ask(b"get_peers", {b"info_hash": b"short"})) == 203


@check("BEP 5: an unknown method with a target is answered with nodes by both")
async def _(w: World) -> None:
    for to in (w.first, w.node.address):
        assert (await w.ask(b"vote", {b"target": w.key()}, to))[b"r"][b"nodes"]


@check("BEP 5: an unknown method without a target is an error of both (203 of libtorrent, 204 of ours)")
async def _(w: World) -> None:
    assert code(await w.ask(b"vote", {})) == 203
    assert code(await w.ask(b"vote", {}, w.node.address)) == 204


@check("BEP 5: our table holds libtorrent's nodes")
async def _(w: World) -> None:
    assert w.node.table_size >= 8 and w.node.waiting is False


# -- BEP 5: both directions ----------------------------------------------------------------------------------------------------


@check("BEP 5: eight of libtorrent's nodes take our announce")
async def _(w: World) -> None:
    assert await w.node.announce(w.key(), 5000) >= 8


@check("BEP 5: libtorrent finds what we announce")
async def _(w: World) -> None:
    key = w.key()
    assert await w.node.announce(key, 5001)
    for index in (0, NODES // 2, NODES - 1):
        assert await w.cluster.peers_of(index, key, (OURS, 5001)) == (OURS, 5001)


@check("BEP 5: we find what libtorrent announces")
async def _(w: World) -> None:
    key, announcer = w.key(), NODES - 3
    w.cluster.sessions[announcer].dht_announce(lt.sha1_hash(key), 6001, 0)
    found: list[Address] = []
    while not found:
        found = await w.node.get_peers(key)
    assert found == [(w.cluster.addresses[announcer][0], 6001)]


@check("BEP 5: another of our nodes finds through libtorrent what we announced")
async def _(w: World) -> None:
    key = w.key()
    assert await w.node.announce(key, 5002)
    assert (OURS, 5002) in await w.probe.get_peers(key)


@check("BEP 5: libtorrent announces to us with our token, and gets it from us again")
async def _(w: World) -> None:
    key = w.node.node_id[:-1] + bytes([w.node.node_id[-1] ^ 1])
    w.cluster.meet(w.node.address)
    for attempt in range(6000):
        if attempt % 100 == 0:  # libtorrent itself announces again only after 15 min
            w.cluster.sessions[4].dht_announce(lt.sha1_hash(key), 7001, 0)
        if w.node._first.core.store.has(key):
            break
        await asyncio.sleep(0.03)
    wanted = (w.cluster.addresses[4][0], 7001)
    assert wanted in await w.node.get_peers(key) and await w.cluster.peers_of(5, key, wanted)


@check("BEP 5: libtorrent asks us and likes our answers: we are in its tables")
async def _(w: World) -> None:
    near = w.node.node_id
    nodes = krpc.unpack_nodes((await w.ask(b"find_node", {b"target": near}))[b"r"][b"nodes"])
    assert (near, w.node.address) in nodes and w.node.stats()["queries_in"] > 0


# -- BEP 32 --------------------------------------------------------------------------------------------------------------------


@check("BEP 32: want n4 brings nodes from both")
async def _(w: World) -> None:
    for to in (w.first, w.node.address):
        body = (await w.ask(b"find_node", {b"target": w.key(), b"want": [b"n4"]}, to))[b"r"]
        assert len(body[b"nodes"]) >= 26 and b"nodes6" not in body


@check("BEP 32: want n4 and n6 is understood by both")
async def _(w: World) -> None:
    for to in (w.first, w.node.address):
        body = (await w.ask(b"find_node", {b"target": w.key(), b"want": [b"n4", b"n6"]}, to))[b"r"]
        assert len(body[b"nodes"]) >= 26 and not body.get(b"nodes6")


# -- BEP 33 --------------------------------------------------------------------------------------------------------------------


@check("BEP 33: a scrape brings libtorrent's two filters of 256 bytes, with our announce in one")
async def _(w: World) -> None:
    key = w.key()
    await w.announce(key)
    body = (await w.ask(b"get_peers", {b"info_hash": key, b"scrape": 1}))[b"r"]
    ours = Bloom()
    ours.add(PROBE)
    assert body[b"BFpe"] == ours.data and body[b"BFsd"] == bytes(256) and b"values" not in body


@check("BEP 33: our scrape counts who announced")
async def _(w: World) -> None:
    key = w.key()
    assert await w.node.announce(key, 5003)
    assert await w.probe.announce(key, 5004)
    seeds, others = await w.probe.scrape(key)
    assert round(seeds) == 0 and round(others) == 2


# -- BEP 42 --------------------------------------------------------------------------------------------------------------------


@check("BEP 42: libtorrent tells us our address, and ours tells it")
async def _(w: World) -> None:
    for to in (w.first, w.node.address):
        assert (await w.ask(b"ping", {}, to))[b"ip"] == pack(w.probe.address)


@check("BEP 42: libtorrent's answers are votes on our address")
async def _(w: World) -> None:
    votes = w.node._first.core.votes
    assert len(votes) == 1, "the loopback's /16 is one voice"
    assert set(votes._voices.values()) == {w.node.address}


# -- BEP 43 --------------------------------------------------------------------------------------------------------------------


@check("BEP 43: a read-only node finds what is announced")
async def _(w: World) -> None:
    key = w.key()
    assert await w.node.announce(key, 5005)
    assert (OURS, 5005) in await w.silent.get_peers(key)


@check("BEP 43: libtorrent asks a read-only node nothing, nor names it")
async def _(w: World) -> None:
    stats = w.silent.stats()
    assert stats["replies_in"] > 20 and stats["queries_in"] == 0
    nodes = krpc.unpack_nodes((await w.ask(b"find_node", {b"target": w.silent.node_id}))[b"r"][b"nodes"])
    assert w.silent.address not in [address for _, address in nodes]


# -- BEP 44 --------------------------------------------------------------------------------------------------------------------


@check("BEP 44: libtorrent gets the immutable item we put")
async def _(w: World) -> None:
    item = immutable(b"from us")
    assert (await w.node.put_item(item))[0] >= 4

    def take(alert: Any) -> Any:
        return alert.item if isinstance(alert, lt.dht_immutable_item_alert) and alert.target.to_bytes() == item.target else None

    got = await w.cluster.answer(9, lambda one: one.dht_get_immutable_item(lt.sha1_hash(item.target)), take)
    assert got in (b"from us", {"value": b"from us"}) or got.get("value") == b"from us"


@check("BEP 44: we get the immutable item libtorrent put")
async def _(w: World) -> None:
    target = w.cluster.sessions[3].dht_put_immutable_item(b"from libtorrent").to_bytes()
    assert target == immutable(b"from libtorrent").target
    item = None
    while item is None:
        item = await w.node.get_item(target)
    assert item.content == b"from libtorrent"


@check("BEP 44: libtorrent gets the mutable item we signed")
async def _(w: World) -> None:
    item = mutable(SIGNER, b"signed by us", 4, b"salt")
    assert (await w.node.put_item(item))[0] >= 4

    def take(alert: Any) -> Any:
        return (alert.item, alert.seq) if isinstance(alert, lt.dht_mutable_item_alert) and alert.seq >= 4 else None

    got, seq = await w.cluster.answer(11, lambda one: one.dht_get_mutable_item(item.key, item.salt), take)
    assert seq == 4 and (got == b"signed by us" or got.get("value") == b"signed by us")


@check("BEP 44: we get the mutable item libtorrent signed")
async def _(w: World) -> None:
    digest = bytearray(hashlib.sha512(SEED).digest())
    digest[0] &= 248
    digest[31] = (digest[31] & 63) | 64
    public = SIGNER.public_key().public_bytes_raw()
    w.cluster.sessions[6].dht_put_mutable_item(bytes(digest), public, b"signed by libtorrent", b"other")
    target = Item(b"", public, b"other").target
    item = None
    while item is None:
        item = await w.node.get_item(target, b"other")
    assert item.content == b"signed by libtorrent" and item.key == public


@check("BEP 44: 1,000 bytes are taken and 1,001 refused with 205 by both")
async def _(w: World) -> None:
    assert await w.put(Item(bencode(b"x" * 996))) == 0
    assert await w.put(Item(bencode(b"x" * 997))) == 205
    assert (await w.probe.put_item(immutable(b"y" * 996)))[0] >= 4


@check("BEP 44: an older item is refused with 302, a wrong cas with 301")
async def _(w: World) -> None:
    assert await w.put(mutable(SIGNER, b"two", 2, b"order")) == 0
    assert await w.put(mutable(SIGNER, b"one", 1, b"order")) == 302
    assert await w.put(mutable(SIGNER, b"three", 3, b"order"), cas=1) == 301
    assert await w.put(mutable(SIGNER, b"three", 3, b"order"), cas=2) == 0


@check("BEP 44: a false signature is refused with 206, a long salt with 207, a made-up token with 203")
async def _(w: World) -> None:
    item = mutable(SIGNER, b"one", 1, b"wrong")
    assert await w.put(Item(bencode(b"two"), item.key, item.salt, 1, item.sig)) == 206
    assert await w.put(Item(item.value, item.key, b"s" * 65, 1, item.sig)) == 207
    assert await w.put(item, token=b"abcd") == 203


@check("BEP 44: a get that knows the seq is spared the value by both")
async def _(w: World) -> None:
    item = mutable(SIGNER, b"known", 5, b"known")
    for to in (w.first, w.node.address):
        args: dict[bytes, Any] = {b"v": b"known", b"k": item.key, b"seq": 5, b"sig": item.sig, b"salt": b"known"}
        assert code(await w.ask(b"put", args | {b"token": await w.token(item.target, b"get", to)}, to)) == 0
        assert (await w.ask(b"get", {b"target": item.target, b"seq": 4}, to))[b"r"][b"v"] == b"known"
        body = (await w.ask(b"get", {b"target": item.target, b"seq": 5}, to))[b"r"]
        assert body[b"seq"] == 5 and b"v" not in body and b"sig" not in body


@check("BEP 44: libtorrent puts an item with us, with our token")
async def _(w: World) -> None:
    ids = [int.from_bytes((await w.ask(b"ping", {}, address))[b"r"][b"id"], "big") for address in w.cluster.addresses]
    ours = int.from_bytes(w.node.node_id, "big")

    def nearest(content: bytes) -> bool:
        target = int.from_bytes(immutable(content).target, "big")
        return target ^ ours < min(other ^ target for other in ids)

    content = next(content for content in (b"near %d" % number for number in range(10_000)) if nearest(content))
    for attempt in range(6000):
        if attempt % 100 == 0:
            w.cluster.sessions[8].dht_put_immutable_item(content)
        if w.node._first.core.items.get(immutable(content).target, w.node._now()) is not None:
            return
        await asyncio.sleep(0.03)
    raise AssertionError("it never came")


# -- BEP 51 --------------------------------------------------------------------------------------------------------------------


@check("BEP 51: we sample libtorrent's keys")
async def _(w: World) -> None:
    key = w.key()
    await w.announce(key)
    sampled = await w.node.sample(w.first, w.key())
    assert sampled.keys and sampled.num >= len(sampled.keys) and 0 <= sampled.interval <= 21600


@check("BEP 51: libtorrent samples ours")
async def _(w: World) -> None:
    def take(alert: Any) -> Any:
        if isinstance(alert, lt.dht_sample_infohashes_alert) and str(alert.endpoint[0]) == OURS:
            return (alert.num_infohashes, [one.to_bytes() for one in alert.samples], alert.interval)
        return None

    num, samples, _ = await w.cluster.answer(7, lambda one: one.dht_sample_infohashes(w.node.address, lt.sha1_hash(w.key())), take)
    assert num == w.node._first.core.store.keys and set(samples) <= set(w.node._first.core.store._shelves) and samples


def test_the_36_checks_against_20_libtorrent_nodes() -> None:
    assert len(CHECKS) == len({name for name, _ in CHECKS}) == 36

    async def scenario() -> list[str]:
        failed = []
        async with asyncio.timeout(1200), world() as w:
            for name, work in CHECKS:
                try:
                    async with asyncio.timeout(300):
                        await work(w)
                except Exception:
                    failed.append(f"{name}\n{traceback.format_exc(limit=-3)}")
        return failed

    failed = asyncio.run(scenario())
    assert not failed, "\n".join(failed)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback (::1)")
def test_over_ipv6_libtorrent_and_we_find_each_other_s_announces() -> None:
    async def scenario() -> None:
        clock = SystemClock()
        supervisor = Supervisor(clock)
        address = ("::1", free_port(["::1"]))
        theirs = session(address)
        try:
            async with (
                asyncio.timeout(300),
                our_node(supervisor, clock, ("127.1.253.1", 0), also=("::1", 0), limits=ROOMY) as node,
            ):
                while not await node.add_node(address):
                    await asyncio.sleep(0.2)
                key = random.Random(5).randbytes(20)
                while not await node.announce(key, 5006):
                    await asyncio.sleep(0.2)
                six = node._halves[1].address
                assert six is not None
                theirs.add_dht_node(six)
                other = random.Random(6).randbytes(20)
                theirs.dht_announce(lt.sha1_hash(other), 6006, 0)
                found: list[Address] = []
                seen: list[Address] = []
                while not seen or not found:
                    theirs.dht_get_peers(lt.sha1_hash(key))
                    await asyncio.sleep(0.5)
                    for alert in theirs.pop_alerts():
                        if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.info_hash.to_bytes() == key:
                            seen += [(str(host), int(port)) for host, port in alert.peers()]
                    found = found or await node.get_peers(other)
                assert set(seen) == {("::1", 5006)} and found == [("::1", 6006)]
        finally:
            theirs.pause()
            await supervisor.stop()

    asyncio.run(scenario())
