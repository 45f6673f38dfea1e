"""DHT nodes on real loopback sockets: they find each other, keep going whatever the socket does, and stop cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from typing import Any

import asyncio_dgram
import pytest

from slskdn_tui.engine.dht.keys import channel_key
from slskdn_tui.engine.dht.limits import ROOMY
from slskdn_tui.engine.dht.machine.outputs import Event, Noted
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.dht.udp import bind
from slskdn_tui.engine.dht.wire.krpc import decode, encode_query, encode_reply
from slskdn_tui.engine.runtime.clock import SystemClock, VirtualClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from tests.fakes.ports import has_ipv6

WITHIN = 240.0


class World:
    """Nodes that share a supervisor; all stopped at the end."""

    def __init__(self) -> None:
        self.clock: Any = SystemClock()
        self.failures: list[BaseException] = []
        self.supervisor = Supervisor(self.clock, lambda part, error: self.failures.append(error))
        self.nodes: list[DhtNode] = []

    async def add(self, number: int, bootstrap: list[tuple[str, int]] | None = None, port: int = 0, **options: Any) -> DhtNode:
        node = DhtNode(
            (f"127.1.{number}.1", port),
            clock=self.clock,
            rng=random.Random(number),
            supervisor=self.supervisor,
            bootstrap=bootstrap or [],
            permit=["127.0.0.0/8"],
            limits=options.pop("limits", ROOMY),
            **options,
        )
        await node.start()
        self.nodes.append(node)
        return node


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    made = World()
    try:
        async with asyncio.timeout(WITHIN):
            yield made
    finally:
        for node in made.nodes:
            await node.stop()
        await made.supervisor.stop()
    assert made.failures == []


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_an_announce_is_found_by_every_other_of_eight_nodes() -> None:
    async def scenario() -> None:
        async with world() as w:
            first = await w.add(1)
            for number in range(2, 9):
                await w.add(number, [first.address])
            await until(lambda: all(node.table_size >= 3 for node in w.nodes))
            assert await w.nodes[2].announce(channel_key(), 5003) >= 3
            for node in (*w.nodes[:2], *w.nodes[3:]):
                assert await node.get_peers(channel_key()) == [("127.1.3.1", 5003)]
            assert await w.nodes[2].get_peers(channel_key()) == [], "nobody is told of itself"

    asyncio.run(scenario())


def test_peers_come_one_by_one_and_a_reader_may_leave_early() -> None:
    async def scenario() -> None:
        async with world() as w:
            first = await w.add(1)
            for number in range(2, 6):
                await w.add(number, [first.address])
            await until(lambda: all(node.table_size for node in w.nodes))
            for node in w.nodes[1:]:
                await node.announce(channel_key(), 5000)
            async for host, port in first.find_peers(channel_key()):
                assert host.startswith("127.1.") and port == 5000
                break
            await until(lambda: first.stats()["lookups"] == 0)
            assert len(await first.get_peers(channel_key(), want=2)) == 2

    asyncio.run(scenario())


def test_without_bootstrap_the_node_waits_says_so_and_goes_on_when_given_one() -> None:
    async def scenario() -> None:
        async with world() as w:
            events: list[Event] = []
            alone = await w.add(1, on_event=events.append)
            assert alone.waiting and alone.table_size == 0
            assert events == [Noted("dht.waiting", events[0].text)] and "waiting" in events[0].text  # type: ignore[union-attr]
            await alone.publish(channel_key(), 5001)
            assert await alone.get_peers(channel_key()) == [] and await alone.announce(b"x" * 20, 5001) == 0
            other = await w.add(2)
            assert await alone.add_node(other.address)
            assert not alone.waiting
            await until(lambda: other.table_size == 1 and other.stats()["peers_stored"] == 1)
            assert await other.get_peers(channel_key()) == [("127.1.1.1", 5001)]

    asyncio.run(scenario())


def test_a_saved_table_is_enough_to_come_back() -> None:
    async def scenario() -> None:
        async with world() as w:
            first = await w.add(1)
            second = await w.add(2, [first.address])
            await until(lambda: second.table_size == 1 and first.table_size == 1)
            saved, node_id = second.saved(), second.node_id
            assert saved == [(first.node_id.hex(), *first.address)]
            await second.stop()
            again = await w.add(2, saved_nodes=saved, node_id=node_id)
            await until(lambda: again.table_size == 1)
            assert again.node_id == node_id

    asyncio.run(scenario())


def test_outgoing_datagrams_come_from_the_named_address() -> None:
    async def scenario() -> None:
        async with world() as w:
            peer = await asyncio_dgram.bind(("127.1.77.1", 0))
            node = await w.add(1, [peer.sockname])
            data, source = await peer.recv()
            assert source == node.address == ("127.1.1.1", node.address[1])
            assert decode(data).method == b"find_node"  # type: ignore[union-attr]
            peer.close()

    asyncio.run(scenario())


def test_a_peer_that_names_port_zero_and_sends_garbage_does_not_end_the_node() -> None:
    """A node on port 0 makes the kernel refuse the datagram; asyncio-dgram would raise that from the next call."""

    async def scenario() -> None:
        async with world() as w:
            peer = await asyncio_dgram.bind(("127.1.77.1", 0))
            node = await w.add(1)
            udp = node._first.socket
            assert udp is not None
            udp.send(b"x", ("127.1.9.1", 0))
            udp.send(b"x" * 100_000, ("127.1.9.1", 9))
            for data in (b"x", b"d" + b"\xff" * 30 + b"e", b"d1:y1:q1:t2:aa1:q4:pinge", bytes(1400)):
                await peer.send(data, node.address)
            poison = encode_reply(b"aa", b"p" * 20, nodes=[(b"z" * 20, ("127.1.9.1", 0))])
            await peer.send(poison, node.address)
            await peer.send(encode_query(b"tt", b"ping", b"p" * 20), node.address)
            data, _ = await peer.recv()
            assert decode(data).tid == b"tt"
            assert node.stats()["send_errors"] == 2 and node.stats()["dropped_malformed"] == 4 and node.stats()["dropped_stray"] == 1
            peer.close()

    asyncio.run(scenario())


def test_a_flood_while_the_loop_is_busy_waits_in_the_kernel_and_not_in_memory() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(WITHIN):
            got: list[bytes] = []
            ours, peer = await bind(("127.1.1.1", 0), lambda data, _: got.append(data)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            peer.bind(("127.1.77.1", 0))
            for number in range(20_000):  # the loop does not run meanwhile
                peer.sendto(number.to_bytes(4, "big") * 100, ours.address)
            peer.sendto(b"", ours.address)
            before = len(got)
            await asyncio.sleep(0)
            assert len(got) - before <= 32, "so many datagrams a turn of the loop: others get theirs"
            while True:
                count = len(got)
                for _ in range(50):
                    await asyncio.sleep(0)
                if len(got) == count:
                    break
            assert 10 < len(got) < 19_000, "what did not fit is gone"
            ours.close()
            await ours.lost.wait()
            peer.close()

    asyncio.run(scenario())


def test_a_socket_that_breaks_is_bound_again_at_the_same_address() -> None:
    async def scenario() -> None:
        made = World()
        made.clock = VirtualClock()
        made.supervisor = Supervisor(made.clock, lambda part, error: made.failures.append(error))
        async with asyncio.timeout(WITHIN):
            node = await made.add(1)
            address = node.address
            peer = await asyncio_dgram.bind(("127.1.77.1", 0))
            assert node._first.socket is not None
            node._first.socket.close()
            await until(lambda: made.failures)
            for _ in range(3):
                await made.clock.advance(1.0)
            await peer.send(encode_query(b"tt", b"ping", b"p" * 20), address)
            assert decode((await peer.recv())[0]).tid == b"tt"
            peer.close()
            await node.stop()
            await made.supervisor.stop()
        assert [type(error) for error in made.failures] == [ConnectionError]

    asyncio.run(scenario())


def test_timers_run_on_the_given_clock() -> None:
    """Nobody answers at the bootstrap address: on a virtual clock half an hour of retries takes no time."""

    async def scenario() -> None:
        clock = VirtualClock()
        supervisor = Supervisor(clock)
        async with asyncio.timeout(WITHIN):
            silent = await asyncio_dgram.bind(("127.1.77.1", 0))
            node = DhtNode(
                ("127.1.1.1", 0),
                clock=clock,
                rng=random.Random(1),
                supervisor=supervisor,
                bootstrap=[silent.sockname],
                permit=["127.0.0.0/8"],
            )
            await node.start()
            asked = node.stats()["queries_out"]
            assert asked == 1
            for _ in range(60):
                await clock.advance(30.0)
            assert 5 <= node.stats()["queries_out"] <= 20, "with back-off"
            assert node.stats()["timeouts"] >= 4
            await node.stop()
            await supervisor.stop()
            silent.close()

    asyncio.run(scenario())


def test_stopping_ends_waiting_calls_and_frees_the_port() -> None:
    async def scenario() -> None:
        async with world() as w:
            silent = await asyncio_dgram.bind(("127.1.77.1", 0))
            node = await w.add(1, [silent.sockname])
            waiting = asyncio.ensure_future(node.get_peers(channel_key()))
            announcing = asyncio.ensure_future(node.announce(channel_key(), 5000))
            await until(lambda: node.stats()["lookups"] == 2)
            port = node.address[1]
            await node.stop()
            await node.stop()
            assert await waiting == [] and await announcing == 0
            with pytest.raises(RuntimeError, match="not running"):
                await node.get_peers(channel_key())
            again = await w.add(1, port=port)
            assert again.address == ("127.1.1.1", port)
            silent.close()

    asyncio.run(scenario())


def test_a_taken_port_and_a_foreign_address_are_told_as_such() -> None:
    async def scenario() -> None:
        async with world() as w:
            node = await w.add(1)
            with pytest.raises(UserError, match="in use") as taken:
                await w.add(1, port=node.address[1])
            assert taken.value.code == "port" and "dht.listen" in str(taken.value.hint)
            for host in ("localhost", "8.8.8.8"):
                bad = DhtNode((host, 0), clock=w.clock, rng=random.Random(1), supervisor=w.supervisor)
                with pytest.raises(UserError) as wrong:
                    await bad.start()
                assert wrong.value.code == "config"

    asyncio.run(scenario())


def test_a_bootstrap_host_name_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with world() as w:
            first = await w.add(1)
            loop, asked = asyncio.get_running_loop(), []

            async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
                asked.append(host)
                return [(None, None, None, None, ("127.1.1.1", port))]

            monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
            second = await w.add(2, [("router.lab", first.address[1])])
            await until(lambda: second.table_size == 1)
            assert asked == ["router.lab"]

    asyncio.run(scenario())


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback (::1)")
def test_a_bootstrap_host_name_without_an_ipv6_address_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with world() as w:
            first = await w.add(1)
            loop, asked = asyncio.get_running_loop(), []

            async def getaddrinfo(host: str, port: int, *, family: int, **_: Any) -> list[Any]:
                asked.append(family)
                if family == socket.AF_INET6:
                    raise socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")
                return [(None, None, None, None, ("127.1.1.1", port))]

            monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
            node = DhtNode(
                ("127.1.2.1", 0),
                also=("::1", 0),
                clock=w.clock,
                rng=random.Random(2),
                supervisor=w.supervisor,
                bootstrap=[("router.lab", first.address[1])],
                permit=["127.0.0.0/8"],
            )
            await node.start()
            try:
                await until(lambda: node.table_size == 1 and not node._names)
            finally:
                await node.stop()
            assert asked == [socket.AF_INET, socket.AF_INET6] and "router.lab" not in caplog.text

    asyncio.run(scenario())
