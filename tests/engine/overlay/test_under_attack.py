"""Sixty-four hostile connections at once against a node with its usual limits: a known peer is served, and nothing is lost by it."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from overlay_world import RECORDING, Collector, make_file, request_all, run, until, world

from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.overlay.frames import ChunkRequest, Kind, frame
from slskdn_tui.engine.overlay.greeting import MeshError
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.limits import MIB, MeshLimits
from slskdn_tui.engine.overlay.messages import DigestPageRequest, Hello, encode
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.model.variant import LEAF

HOSTILE = 64
ADDRESSES = 16
SIZE = 16 * MIB
NODE = Path(__file__).with_name("hostile_node.py")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Attacked:
    """The node under attack, in its own process."""

    def __init__(self, process: asyncio.subprocess.Process, host: str) -> None:
        self._process = process
        self.host = host

    async def tell(self) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(b"\n")
        facts: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return facts


class Attacker:
    """One hostile connection that comes back whenever it is dropped."""

    def __init__(self, host: str, port: int, source: str, variant: str) -> None:
        self.host, self.port, self.source, self.variant = host, port, source, variant
        self.tries = 0

    async def run(self, way: Callable[[Attacker], Awaitable[None]]) -> None:
        while True:
            self.tries += 1
            try:
                await way(self)
            except (OSError, EOFError, ssl.SSLError):
                pass
            await asyncio.sleep(0.2)

    async def _plain(self) -> Streams:
        return await asyncio.open_connection(self.host, self.port, local_addr=(self.source, 0), limit=4096)

    async def _tls(self) -> Streams:
        context = NodeIdentity.ephemeral().client_context()
        return await asyncio.open_connection(
            self.host, self.port, ssl=context, server_hostname="", local_addr=(self.source, 0), limit=4096, ssl_handshake_timeout=10
        )

    async def _greeted(self) -> Streams:
        reader, writer = await self._tls()
        try:
            writer.write(frame(Kind.HELLO, 0, encode(Hello())))
            length, _, _ = struct.unpack(">IBI", await reader.readexactly(9))
            await reader.readexactly(length)
        except BaseException:
            writer.transport.abort()  # else nobody would: one cancelled here stays a peer of the node's
            raise
        return reader, writer

    async def half_open(self) -> None:
        reader, writer = await self._plain()
        await _until_dropped(reader, writer)

    async def says_nothing(self) -> None:
        await _until_dropped(*await self._tls())

    async def slow(self) -> None:
        _, writer = await self._tls()
        try:
            for byte in frame(Kind.HELLO, 0, encode(Hello())):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.5)  # this slow is the attack
        finally:
            writer.transport.abort()

    async def never_reads(self) -> None:
        _, writer = await self._greeted()
        try:
            writer.transport.pause_reading()
            for index in range(16):
                writer.write(frame(Kind.CHUNK_REQUEST, index, ChunkRequest(1, self.variant, index * MIB, MIB).encode()))
            await asyncio.sleep(3600)  # until it is dropped
        finally:
            writer.transport.abort()

    async def asks_and_never_reads(self) -> None:
        _, writer = await self._greeted()
        try:
            writer.transport.pause_reading()
            question = frame(Kind.DIGEST_PAGE_REQUEST, 1, encode(DigestPageRequest(variant_id=self.variant, page=0)))
            while True:
                writer.write(question * 10)
                await writer.drain()
                await asyncio.sleep(0.05)
        finally:
            writer.transport.abort()

    async def floods(self) -> None:
        reader, writer = await self._greeted()
        try:
            writer.write(frame(Kind.PING, 1) * 1000)
            while not reader.at_eof():
                writer.write(frame(Kind.PING, 1) * 20)  # twice what is read
                await writer.drain()
                await asyncio.sleep(0.05)
        finally:
            writer.transport.abort()

    async def oversized(self) -> None:
        reader, writer = await self._greeted()
        writer.write(struct.pack(">IBI", 0xFFFFFFFF, Kind.CACHE_JOB, 1) + bytes(65_536))
        await _until_dropped(reader, writer)

    async def garbage(self) -> None:
        reader, writer = await self._greeted()
        writer.write(os.urandom(65_536))
        await _until_dropped(reader, writer)


async def _until_dropped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.read(4096):
            pass
    finally:
        writer.transport.abort()


WAYS = (
    Attacker.half_open,
    Attacker.says_nothing,
    Attacker.slow,
    Attacker.never_reads,
    Attacker.asks_and_never_reads,
    Attacker.floods,
    Attacker.oversized,
    Attacker.garbage,
)


@pytest.mark.slow
def test_a_known_peer_is_served_while_sixty_four_hostile_connections_do_their_worst(tmp_path: Path) -> None:
    data = make_file(tmp_path / "a.bin", SIZE)
    named = variant_id("file", SIZE, [leaf_digest(data[at : at + LEAF]) for at in range(0, SIZE, LEAF)])
    friend = NodeIdentity.ephemeral()

    async def body() -> None:
        host = f"127.1.{20 + os.getpid() % 100}.1"
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(NODE), host, str(tmp_path / "a.bin"), friend.node_id, stdin=pipe, stdout=pipe
        )
        attacked = Attacked(process, host)
        try:
            async with world() as w:
                port = (await attacked.tell())["port"]

                async def fetch() -> None:
                    client = await w.node(2, identity=friend, limits=MeshLimits())
                    peer = await _patiently(lambda: client.dial(host, port))
                    (variant,) = await peer.offers([RECORDING])
                    got = Collector(variant, await peer.digests(variant))
                    peer.attach(variant.variant_id, got)
                    request_all(peer, variant)
                    await until(lambda: got.complete or bool(got.lost))
                    assert got.data == data
                    await client.stop()

                await fetch()  # what a peer costs at all
                calm = await attacked.tell()
                sources = [f"127.1.{150 + number}.1" for number in range(ADDRESSES)]
                attackers = [Attacker(host, port, sources[number % ADDRESSES], named) for number in range(HOSTILE)]
                tasks = [asyncio.create_task(each.run(WAYS[number * len(WAYS) // HOSTILE])) for number, each in enumerate(attackers)]
                while (await attacked.tell())["counters"].get("connected", 0) < 16:
                    await asyncio.sleep(0.1)
                for _ in range(3):
                    await fetch()
                attack = await attacked.tell()
                assert sum(each.tries > 0 for each in attackers) == HOSTILE
                assert attack["most"] - calm["rss"] < 150e6
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                while (after := await attacked.tell())["fds"] > calm["fds"] or after["peers"]:
                    await asyncio.sleep(0.1)
                assert after["rss"] - calm["rss"] < 150e6
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    run(body, 400)


async def _patiently(dial: Callable[[], Awaitable[OverlayPeer]]) -> OverlayPeer:
    """As a node does: who is refused tries again."""
    while True:
        try:
            return await dial()
        except MeshError:
            await asyncio.sleep(0.3)
