"""Our DHT node among libtorrent's: what one side announces, the other finds. Needs libtorrent (the reference implementation)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import time
from collections.abc import Iterator

import pytest

from slskdn_tui.engine.dht.limits import ROOMY
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from tests.fakes.ports import free_port

lt = pytest.importorskip("libtorrent", reason="libtorrent is not installed (pip install '.[interop]')")
pytestmark = pytest.mark.interop

NODES = 20
OURS = "127.1.250.1"


class Libtorrent:
    """Sessions on 127.1.x.1, one /24 each, knowing one another; torrents on, everything but the DHT off."""

    def __init__(self, count: int, first: int = 100) -> None:
        hosts = [f"127.1.{first + n}.1" for n in range(count)]
        port = free_port(*hosts, kind=socket.SOCK_DGRAM)
        self.addresses = [(host, port) for host in hosts]
        self.sessions = [self._session(address) for address in self.addresses]

    @staticmethod
    def _session(address: tuple[str, int]) -> lt.session:
        return lt.session(
            {
                "listen_interfaces": f"{address[0]}:{address[1]}",
                "enable_dht": True,
                "dht_bootstrap_nodes": "",
                "dht_restrict_routing_ips": False,
                "dht_restrict_search_ips": False,
                "dht_block_ratelimit": 100_000,
                "dht_upload_rate_limit": 100_000_000,
                "dht_ignore_dark_internet": False,
                "enable_lsd": False,
                "enable_upnp": False,
                "enable_natpmp": False,
                "enable_outgoing_utp": False,
                "enable_incoming_utp": False,
                "alert_mask": lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification,
            }
        )

    async def wait_until_connected(self, least: int, seconds: float = 60.0) -> None:
        end, primed = time.monotonic() + seconds, 0.0
        sizes = [0] * len(self.sessions)
        while time.monotonic() < end:
            if time.monotonic() - primed > 2:  # a ping to a session that does not listen yet is lost
                for address in self.addresses:
                    self.meet(address)
                primed = time.monotonic()
            for index, session in enumerate(self.sessions):
                session.post_dht_stats()
                for alert in session.pop_alerts():
                    if isinstance(alert, lt.dht_stats_alert):
                        sizes[index] = sum(bucket["num_nodes"] for bucket in alert.routing_table)
            if min(sizes) >= least:
                return
            await asyncio.sleep(0.2)
        raise AssertionError(f"libtorrent's tables did not fill: {sorted(sizes)}")

    async def peers_of(self, index: int, key: bytes, wanted: tuple[str, int], seconds: float = 60.0) -> list[tuple[str, int]]:
        """Look `key` up from one session, again every 5 s as an application would, until `wanted` is among the answers."""
        session, seen, asked = self.sessions[index], [], 0.0
        end = time.monotonic() + seconds
        while time.monotonic() < end and wanted not in seen:
            if time.monotonic() - asked > 5:
                session.dht_get_peers(lt.sha1_hash(key))
                asked = time.monotonic()
            for alert in session.pop_alerts():
                if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.info_hash.to_bytes() == key:
                    seen.extend((str(host), int(port)) for host, port in alert.peers())
            await asyncio.sleep(0.05)
        return seen

    def meet(self, address: tuple[str, int]) -> None:
        """Have every session ping a newcomer now: left alone each takes up one new node in 5 s."""
        for session in self.sessions:
            session.add_dht_node(address)

    def close(self) -> None:
        for session in self.sessions:
            session.pause()
        self.sessions.clear()  # the last reference ends libtorrent's threads


@pytest.fixture
def cluster() -> Iterator[Libtorrent]:
    cluster = Libtorrent(NODES)
    try:
        asyncio.run(cluster.wait_until_connected(NODES - 2))
        yield cluster
    finally:
        cluster.close()


@contextlib.asynccontextmanager
async def our_node(cluster: Libtorrent, host: str = OURS):  # type: ignore[no-untyped-def]
    clock = SystemClock()
    supervisor = Supervisor(clock)
    node = DhtNode(
        (host, 0),
        clock=clock,
        rng=random.SystemRandom(),
        supervisor=supervisor,
        bootstrap=cluster.addresses[:2],
        permit=["127.0.0.0/8"],
        limits=ROOMY,
        public=True,
    )
    await node.start()
    try:
        while node.table_size < 8:
            await asyncio.sleep(0.05)
        yield node
    finally:
        await node.stop()
        await supervisor.stop()


def test_libtorrent_finds_what_we_announce(cluster: Libtorrent) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(180), our_node(cluster) as node:
            key = random.Random(1).randbytes(20)
            assert await node.announce(key, 5001) >= 4
            for index in (0, NODES // 2, NODES - 1):
                assert (OURS, 5001) in await cluster.peers_of(index, key, (OURS, 5001))

    asyncio.run(scenario())


def test_we_find_what_libtorrent_announces(cluster: Libtorrent) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(180), our_node(cluster, "127.1.251.1") as node:
            key = random.Random(2).randbytes(20)
            announcer = NODES - 3
            cluster.sessions[announcer].dht_announce(lt.sha1_hash(key), 6001, 0)
            found: list[tuple[str, int]] = []
            while not found:
                found = await node.get_peers(key)
            assert found == [(cluster.addresses[announcer][0], 6001)]

    asyncio.run(scenario())


def test_a_peer_stored_by_us_is_handed_to_libtorrent(cluster: Libtorrent) -> None:
    """libtorrent announces to the nodes nearest the key; with the key next to our id, we are one and serve it with a valid token."""

    async def scenario() -> None:
        async with asyncio.timeout(180), our_node(cluster, "127.1.252.1") as node:
            key = node.node_id[:-1] + bytes([node.node_id[-1] ^ 1])
            cluster.meet(node.address)
            for attempt in itertools.count():
                if attempt % 100 == 0:  # libtorrent itself announces again only after 15 min
                    cluster.sessions[4].dht_announce(lt.sha1_hash(key), 7001, 0)
                if node.stats()["peers_stored"]:
                    break
                await asyncio.sleep(0.05)
            wanted = (cluster.addresses[4][0], 7001)
            assert wanted in await cluster.peers_of(5, key, wanted)
            assert wanted in await node.get_peers(key)

    asyncio.run(scenario())
