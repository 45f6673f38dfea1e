"""Nodes on 127.1.N.1 for the overlay's tests, a receiver that remembers, and a raw TLS client that can misbehave."""

from __future__ import annotations

import asyncio
import os
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.engine.overlay.files import FileProvider
from slskdn_tui.engine.overlay.frames import Kind, frame
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.overlay.messages import Hello, encode
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.variant import LEAF, Variant

RECORDING = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
PERMIT = ("127.0.0.0/8",)
PATIENT = MeshLimits(connect_s=120.0, handshake_s=120.0, hello_s=120.0, body_s=120.0, answer_s=120.0, slot_idle_s=600.0)
"""Where a test says nothing of limits, a machine that stands still for some seconds reaches none of them."""


def run(work: Callable[[], Awaitable[None]], seconds: float = 240.0) -> None:
    """Run a test's coroutine with a generous end."""

    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await work()

    asyncio.run(bounded())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something another task does."""
    while not holds():
        await asyncio.sleep(0.005)


def make_file(path: Path, size: int) -> bytes:
    data = os.urandom(size)
    path.write_bytes(data)
    return data


class World:
    """Meshes that end with the test, and what they told."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.supervisor = Supervisor(SystemClock(), lambda part, error: self.failures.append(f"{part.name}: {error!r}"))
        self.events: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.bytes: dict[str, list[tuple[str, str, int]]] = {}
        self._meshes: list[Mesh] = []

    async def node(
        self, number: int, *, identity: NodeIdentity | None = None, limits: MeshLimits = PATIENT, clock: Clock | None = None, **more: Any
    ) -> Mesh:
        identity = identity or NodeIdentity.ephemeral()
        events = self.events.setdefault(identity.node_id, [])
        told = self.bytes.setdefault(identity.node_id, [])
        mesh = Mesh(
            identity,
            clock=clock or SystemClock(),
            supervisor=self.supervisor,
            listen=(f"127.1.{number}.1", 0),
            limits=limits,
            permit=PERMIT,
            on_event=lambda name, facts: events.append((name, facts)),
            on_bytes=lambda node, way, count: told.append((node, way, count)),
            **more,
        )
        await mesh.start()
        self._meshes.append(mesh)
        return mesh

    async def stop(self) -> None:
        for mesh in self._meshes:
            await mesh.stop()
        await self.supervisor.stop()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    made = World()
    try:
        yield made
    finally:
        await made.stop()
    assert made.failures == [], made.failures


def host_of(mesh: Mesh) -> str:
    return mesh._listen[0] if mesh._listen else ""


async def dial(one: Mesh, other: Mesh, **more: Any) -> OverlayPeer:
    return await one.dial(host_of(other), other.port, **more)


async def offer(path: Path, size: int, recording: str = RECORDING, **facts: Any) -> tuple[FileProvider, Variant, bytes]:
    data = make_file(path, size)
    provider = FileProvider()
    return provider, await provider.add(path, recording, **facts), data


class Collector:
    """A receiver that keeps each leaf that matches its digest and notes everything else."""

    def __init__(self, variant: Variant, digests: tuple[bytes, ...]) -> None:
        self.data = bytearray(variant.length)
        self.got: list[int] = []
        self.bad: list[int] = []
        self.refused: list[tuple[int, int, str]] = []
        self.lost: list[str] = []
        self.leaves = variant.leaves
        self._digests = digests

    def on_leaves(self, node_id: str, leaves: Sequence[tuple[int, memoryview]]) -> None:
        for offset, data in leaves:
            if leaf_digest(data) == self._digests[offset // LEAF]:
                self.data[offset : offset + len(data)] = data
                self.got.append(offset // LEAF)
            else:
                self.bad.append(offset // LEAF)

    def on_refused(self, node_id: str, offset: int, length: int, code: str) -> None:
        self.refused.append((offset, length, code))

    def on_lost(self, node_id: str, reason: str) -> None:
        self.lost.append(reason)

    @property
    def complete(self) -> bool:
        return len(set(self.got)) == self.leaves


def request_all(peer: OverlayPeer, variant: Variant, leaves: int = 16) -> None:
    for offset in range(0, variant.length, leaves * LEAF):
        peer.request(variant.variant_id, offset, min(leaves * LEAF, variant.length - offset))


class RawClient:
    """A TLS client of our own making: says exactly what it is told, reads only when asked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, mesh: Mesh, identity: NodeIdentity | None = None, source: str = "127.1.200.1", **more: Any) -> RawClient:
        context = more.pop("context", None) or (identity or NodeIdentity.ephemeral()).client_context()
        reader, writer = await asyncio.open_connection(
            host_of(mesh), mesh.port, ssl=context, server_hostname="", local_addr=(source, 0), **more
        )
        return cls(reader, writer)

    def send(self, kind: int, request_id: int, body: bytes = b"") -> None:
        self.writer.write(frame(kind, request_id, body))

    async def receive(self) -> tuple[int, int, bytes]:
        length, kind, request_id = struct.unpack(">IBI", await self.reader.readexactly(9))
        return kind, request_id, await self.reader.readexactly(length)

    async def greet(self) -> None:
        self.send(Kind.HELLO, 0, encode(Hello()))
        kind, _, _ = await self.receive()
        assert kind == Kind.HELLO_ACK

    async def ended(self) -> bool:
        """True once the node hung up; what it still sent is read and dropped."""
        try:
            while await self.reader.read(65_536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        self.writer.transport.abort()
        return True
