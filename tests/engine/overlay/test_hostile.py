"""Nodes that flood, stall, lie about lengths or never read: the others are still served."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from overlay_world import RECORDING, Collector, RawClient, dial, host_of, offer, request_all, run, until, world

from slskdn_tui.engine.overlay.frames import ChunkCancel, ChunkRequest, Kind, data_head
from slskdn_tui.engine.overlay.greeting import MeshError
from slskdn_tui.engine.overlay.limits import MIB, MeshLimits
from slskdn_tui.engine.overlay.messages import CacheJob, DigestPageRequest, Hello, RequestedTrack, encode
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.variant import LEAF, Variant


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_an_honest_node_is_served_beside_two_hundred_half_open_connections(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, data = await offer(tmp_path / "a", 10 * LEAF)
            server, client = await w.node(1, providers=[provider]), await w.node(2)
            before = descriptors()
            loop = asyncio.get_running_loop()
            flood = []
            for _ in range(200):
                sock = socket.socket()
                sock.setblocking(False)
                sock.bind(("127.1.66.1", 0))
                await loop.sock_connect(sock, (host_of(server), server.port))
                flood.append(sock)
            await until(lambda: server.counters["refused address full"] >= 196)
            assert descriptors() <= before + 200 + 4 + 4
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            await until(lambda: got.complete)
            assert got.data == data
            for sock in flood:
                sock.close()
            await until(lambda: server._admission.handshaking == 0 and server._admission.open.total() == 1)
            assert descriptors() <= before + 4

    run(body)


def test_one_who_never_says_hello_is_dropped() -> None:
    async def body() -> None:
        async with world() as w:
            server = await w.node(1, limits=MeshLimits(hello_s=0.2))
            raw = await RawClient.connect(server)
            assert await raw.ended()
            raw = await RawClient.connect(server)
            raw.writer.write(struct.pack(">IBI", 100, Kind.HELLO, 0) + b'{"magic"')  # and then nothing
            assert await raw.ended()
            await until(lambda: server._admission.handshaking == 0 and not server._admission.open)
            assert not server.peers and server.counters["refused slow"] == 2

    run(body)


def test_a_tcp_connection_that_never_speaks_tls_is_dropped() -> None:
    async def body() -> None:
        async with world() as w:
            server = await w.node(1, limits=MeshLimits(handshake_s=0.2))
            reader, writer = await asyncio.open_connection(host_of(server), server.port, local_addr=("127.1.66.1", 0))
            assert await reader.read() == b""
            writer.close()
            await until(lambda: server._admission.handshaking == 0 and not server._admission.open)

    run(body)


@pytest.mark.parametrize(
    ("kind", "body", "header"),
    [
        (Kind.CHUNK_DATA, bytes(8) + b"x", None),  # never asked for
        (Kind.CHUNK_DATA, b"x", None),
        (Kind.HELLO, b"{}", None),  # a second one
        (Kind.CHUNK_REQUEST, b"short", None),
        (Kind.CACHE_JOB, b"[" * 60_000, None),
        (Kind.DIGEST_PAGE_REQUEST, b"\xff", None),
        (Kind.PING, b"", 0xFFFFFFFF),
        (99, b"", 65_537),
    ],
)
def test_a_peer_that_breaks_the_protocol_is_dropped(kind: int, body: bytes, header: int | None) -> None:
    async def scene() -> None:
        async with world() as w:
            server = await w.node(1)
            raw = await RawClient.connect(server)
            await raw.greet()
            await until(lambda: len(server.peers) == 1)
            raw.writer.write(struct.pack(">IBI", len(body) if header is None else header, kind, 1) + body)
            assert await raw.ended()
            await until(lambda: not server.peers)

    run(scene)


@pytest.mark.parametrize(("offset", "size"), [(4 * LEAF, LEAF), (5, LEAF), (0, LEAF - 1), (2 * LEAF, LEAF), (3 * LEAF, LEAF), (LEAF, LEAF)])
def test_leaves_outside_of_what_was_asked_never_reach_the_swarm(offset: int, size: int) -> None:
    """Asked for leaves 1 and 2 (the last one 10 bytes short), leaf 1 has come: another offset, a wrong size or a second copy ends the connection."""

    async def body() -> None:
        async with world() as w:
            server = await w.node(1)
            raw = await RawClient.connect(server)
            await raw.greet()
            await until(lambda: bool(server.peers))
            (peer,) = server.peers.values()
            variant = Variant("ab" * 32, "file", 3 * LEAF - 10, RECORDING)
            got = Collector(variant, (bytes(32),) * 3)
            peer.attach(variant.variant_id, got)
            peer.request(variant.variant_id, LEAF, 2 * LEAF - 10)
            _, request_id, _ = await raw.receive()
            raw.writer.write(data_head(request_id, LEAF, LEAF) + bytes(LEAF))
            await until(lambda: got.bad == [1])
            raw.writer.write(data_head(request_id, offset, size) + bytes(size))
            await until(lambda: bool(got.lost))
            assert got.bad == [1] and "outside" in got.lost[0]
            raw.writer.transport.abort()

    run(body)


def test_leaves_that_came_at_once_with_a_broken_one_count_as_far_as_that() -> None:
    async def body() -> None:
        async with world() as w:
            server = await w.node(1)
            raw = await RawClient.connect(server)
            await raw.greet()
            await until(lambda: bool(server.peers))
            (peer,) = server.peers.values()
            variants = [Variant(name * 32, "file", 3 * LEAF, RECORDING) for name in ("ab", "cd")]
            first, second = (Collector(variant, (bytes(32),) * 3) for variant in variants)
            ids = []
            for variant, got in zip(variants, (first, second), strict=True):
                peer.attach(variant.variant_id, got)
                peer.request(variant.variant_id, 0, 2 * LEAF)
                ids.append((await raw.receive())[1])
            sent = [(ids[0], 0), (ids[0], LEAF), (ids[1], LEAF), (ids[1], 2 * LEAF), (ids[1], 0)]
            raw.writer.write(b"".join(data_head(request, at, LEAF) + bytes(LEAF) for request, at in sent))
            await until(lambda: bool(second.lost))
            assert (first.bad, second.bad) == ([0, 1], [1]) and "outside" in second.lost[0]
            raw.writer.transport.abort()

    run(body)


def test_leaves_that_the_swarm_fails_over_are_not_handed_to_it_again() -> None:
    class Failing(Collector):
        def on_leaves(self, node_id: str, leaves: Sequence[tuple[int, memoryview]]) -> None:
            super().on_leaves(node_id, leaves)
            raise RuntimeError("a defect of ours")

    async def body() -> None:
        async with world() as w:
            server = await w.node(1)
            raw = await RawClient.connect(server)
            await raw.greet()
            await until(lambda: bool(server.peers))
            (peer,) = server.peers.values()
            variants = [Variant(name * 32, "file", LEAF, RECORDING) for name in ("ab", "cd")]
            first, second = Failing(variants[0], (bytes(32),)), Collector(variants[1], (bytes(32),))
            frames = []
            for variant, got in zip(variants, (first, second), strict=True):
                peer.attach(variant.variant_id, got)
                peer.request(variant.variant_id, 0, LEAF)
                frames.append(((await raw.receive())[1], memoryview(bytes(8 + LEAF))))
            with pytest.raises(RuntimeError, match="defect"):
                peer.data(frames)
            assert first.bad == [0]
            raw.writer.transport.abort()

    run(body)


def test_frames_of_later_versions_are_skipped() -> None:
    async def body() -> None:
        async with world() as w:
            server = await w.node(1)
            raw = await RawClient.connect(server)
            await raw.greet()
            raw.send(99, 1, b"x" * 60_000)
            raw.send(Kind.PING, 7)
            assert (await raw.receive())[:2] == (Kind.PONG, 7)
            raw.writer.transport.abort()

    run(body)


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        (Hello(version_min=9, version_max=9), "version"),
        (Hello(critical=["telepathy"]), "version"),
    ],
)
def test_a_hello_this_node_cannot_serve_is_refused_with_a_reason(hello: Hello, words: str) -> None:
    async def body() -> None:
        async with world() as w:
            server = await w.node(1)
            raw = await RawClient.connect(server)
            raw.send(Kind.HELLO, 0, encode(hello))
            kind, _, answer = await raw.receive()
            assert kind == Kind.HELLO_ACK and f'"refused":"{words}"'.encode() in answer
            assert await raw.ended() and not server.peers

    run(body)


def test_when_all_places_are_taken_known_good_nodes_still_come_in() -> None:
    async def body() -> None:
        async with world() as w:
            friends: set[str] = set()
            limits = MeshLimits(connections=3, reserved=1)
            server = await w.node(1, limits=limits, known_good=friends.__contains__)
            nodes = [await w.node(number) for number in range(2, 6)]
            await dial(nodes[0], server)
            await dial(nodes[1], server)
            with pytest.raises(ConnectionError, match="full"):
                await dial(nodes[2], server)
            friends.add(nodes[2].identity.node_id)
            assert (await dial(nodes[2], server)).node_id == server.identity.node_id

    run(body)


def test_a_peer_that_never_reads_costs_little_and_is_dropped(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 32 * MIB)
            server = await w.node(1, providers=[provider], limits=MeshLimits(write_s=1.0))
            raw = await RawClient.connect(server, limit=4096)
            await raw.greet()
            for index in range(16):
                raw.send(Kind.CHUNK_REQUEST, index, ChunkRequest(1, variant.variant_id, index * MIB, MIB).encode())
            raw.writer.transport.pause_reading()
            await until(lambda: bool(server.peers))
            (peer,) = server.peers.values()
            most = 0

            def watch() -> bool:
                nonlocal most
                encrypted = peer._wire._transport._ssl_protocol._transport
                if encrypted is not None:
                    most = max(most, peer._wire._transport.get_write_buffer_size() + encrypted.get_write_buffer_size())
                return not server.peers

            await until(watch)
            assert 0 < most <= 2 * MIB
            assert peer.traffic.up < 16 * MIB
            (lost,) = [facts for name, facts in w.events[server.identity.node_id] if name == "peer.lost"]
            assert "takes nothing" in lost["reason"]
            raw.writer.transport.abort()

    run(body)


def test_one_who_asks_questions_and_never_reads_is_dropped(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 600 * LEAF)
            server = await w.node(1, providers=[provider], limits=MeshLimits(control_s=100_000.0, write_s=1.0))
            raw = await RawClient.connect(server, limit=4096)
            await raw.greet()
            raw.writer.transport.pause_reading()
            question = encode(DigestPageRequest(variant_id=variant.variant_id, page=0))
            for index in range(2000):
                raw.send(Kind.DIGEST_PAGE_REQUEST, index, question)
            await until(lambda: bool(server.counters["connected"]) and not server.peers)
            raw.writer.transport.abort()

    run(body)


def test_a_flood_of_control_frames_only_slows_its_sender(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, data = await offer(tmp_path / "a", 20 * LEAF)
            server, client = await w.node(1, providers=[provider], limits=MeshLimits(control_s=50.0)), await w.node(2)
            raw = await RawClient.connect(server)
            await raw.greet()
            for index in range(100_000):  # more than the receive buffer holds
                raw.send(Kind.PING, index)
            await until(lambda: any(not peer._wire._reading for peer in server.peers.values()))
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            await until(lambda: got.complete)
            assert got.data == data
            assert (await raw.receive())[:2] == (Kind.PONG, 0) and len(server.peers) == 2
            raw.writer.transport.abort()

    run(body)


def test_reading_goes_on_after_the_pause() -> None:
    async def body() -> None:
        async with world() as w:
            server = await w.node(1, limits=MeshLimits(control_s=100.0))
            raw = await RawClient.connect(server)
            await raw.greet()
            for index in range(130):
                raw.send(Kind.PING, index)
            assert [(await raw.receive())[1] for _ in range(130)] == list(range(130))
            raw.writer.transport.abort()

    run(body)


def test_a_storm_of_requests_and_cancels_keeps_the_queue_small(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 64 * LEAF)
            limits = MeshLimits(control_s=100_000.0)
            server = await w.node(1, providers=[provider], limits=limits, upload_bytes_s=65_536)
            raw = await RawClient.connect(server)
            await raw.greet()
            await until(lambda: bool(server.peers))
            uploads = next(iter(server.peers.values())).uploads
            for turn in range(50):
                for index in range(40):
                    raw.send(Kind.CHUNK_REQUEST, turn * 100 + index, ChunkRequest(1, variant.variant_id, index * LEAF, LEAF).encode())
                raw.send(Kind.CHUNK_CANCEL, turn * 100 + 99, ChunkCancel(1, "complete", ((0, 0), (5, 9), (0, 64 * LEAF))).encode())
            done = 0
            while done < 50:
                done += (await raw.receive())[0] == Kind.CHUNK_CANCELLED
                assert len(uploads._queue) <= 64
            assert not uploads._asks and uploads._asked == 0
            raw.writer.transport.abort()

    run(body)


def test_two_nodes_that_dial_each_other_at_once_end_with_one_connection() -> None:
    async def body() -> None:
        async with world() as w:
            for turn in range(6):
                one, two = await w.node(10 + turn), await w.node(40 + turn)
                there, back = await asyncio.gather(dial(one, two), dial(two, one), return_exceptions=True)
                await until(lambda: len(one.peers) == len(two.peers) == 1)  # noqa: B023
                assert not isinstance(there, BaseException) or not isinstance(back, BaseException)
                peer = one.peers[two.identity.node_id]
                assert await peer.offers([RECORDING]) == ()
                assert await two.peers[one.identity.node_id].offers([RECORDING]) == ()
                assert one.peers[two.identity.node_id] is peer and not peer.closed

    run(body)


def test_a_second_dial_returns_the_peer_there_is() -> None:
    async def body() -> None:
        async with world() as w:
            one, two = await w.node(1), await w.node(2)
            first, second, third = await asyncio.gather(dial(one, two), dial(one, two), dial(one, two))
            assert first is second is third
            assert await dial(one, two, expect=two.identity.node_id) is first
            await until(lambda: bool(two.peers))
            assert await dial(two, one) is two.peers[one.identity.node_id]
            assert two.counters["connected"] == 1

    run(body)


def test_a_node_that_comes_back_replaces_its_dead_connection() -> None:
    async def body() -> None:
        async with world() as w:
            server, client = await w.node(1), await w.node(2)
            await dial(client, server)
            await until(lambda: bool(server.peers))
            old = server.peers[client.identity.node_id]
            await client.stop()
            old_wire = old._wire
            again = await w.node(2, identity=client.identity)
            peer = await dial(again, server)
            assert await peer.offers([RECORDING]) == ()
            assert server.peers[client.identity.node_id] is not old and not old_wire.open

    run(body)


def test_outgoing_connections_come_from_the_listen_address() -> None:
    async def body() -> None:
        async with world() as w:
            one, two = await w.node(1), await w.node(2)
            await dial(one, two)
            await until(lambda: bool(two.peers))
            assert two.peers[one.identity.node_id].address.startswith("127.1.1.1:")

    run(body)


def test_a_port_in_use_is_said_in_words() -> None:
    async def body() -> None:
        async with world() as w:
            one = await w.node(1)
            other = await w.node(2)
            other._listen = (host_of(one), one.port)
            with pytest.raises(UserError) as failure:
                await other.start()
            assert failure.value.code == "port"

    run(body)


def test_nobody_there_is_said_in_words() -> None:
    async def body() -> None:
        async with world() as w:
            one = await w.node(1)
            with pytest.raises(MeshError) as failure:
                await one.dial("127.1.99.1", 9)
            assert failure.value.code == "unreachable"
            with pytest.raises(MeshError) as failure:
                await one.dial("no-such-host.invalid", 9)
            assert failure.value.code in ("unreachable", "not_permitted")

    run(body)


def test_an_offer_names_only_what_was_asked(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, _, _ = await offer(tmp_path / "a", LEAF)
            server = await w.node(1, providers=[provider])
            raw = await RawClient.connect(server)
            await raw.greet()
            other = "0" * 8 + RECORDING[8:]
            raw.send(Kind.CACHE_JOB, 4, encode(CacheJob(role="request", requested_tracks=[RequestedTrack(mb_recording_id=other)])))
            assert await raw.receive() == (Kind.CACHE_JOB, 4, b'{"role":"offer"}')
            raw.writer.transport.abort()

    run(body)


def test_eight_that_never_speak_do_not_keep_an_honest_node_out(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            server, client = await w.node(1, limits=MeshLimits(handshake_s=120.0)), await w.node(2)
            silent = []
            for number in range(8):
                _, writer = await asyncio.open_connection(host_of(server), server.port, local_addr=(f"127.1.{60 + number // 3}.1", 0))
                silent.append(writer)
            await until(lambda: server._admission.handshaking == 8)
            while True:
                try:
                    peer = await dial(client, server)
                    break
                except MeshError:  # a handshake may take a third of a second undisturbed
                    await asyncio.sleep(0.05)
            assert await peer.offers([RECORDING]) == ()
            assert server.counters["gave way"] == 1 and server._admission.open.total() == 8
            for writer in silent:
                writer.transport.abort()
            await until(lambda: server._admission.handshaking == 0 and server._admission.open.total() == 1)

    run(body)
