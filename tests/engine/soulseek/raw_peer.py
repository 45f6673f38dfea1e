"""A Soulseek peer by hand: bytes in, bytes out, nothing done by itself. For children, parents, and peers that behave badly."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from aioslsk.protocol import messages as m


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """One message with its length; b"" at the end."""
    try:
        head = await reader.readexactly(4)
        return head + await reader.readexactly(struct.unpack("<I", head)[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


class Link:
    """One connection: `send` messages or bytes, `inbox` of raw frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.inbox: list[bytes] = []
        self.changed = asyncio.Event()
        self.closed = asyncio.Event()
        self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        while frame := await read_frame(self.reader):
            self.inbox.append(frame)
            self.changed.set()
            self.changed = asyncio.Event()
        self.closed.set()
        self.changed.set()

    def send(self, *messages: Any) -> None:
        self.writer.write(b"".join(each if isinstance(each, bytes) else each.serialize() for each in messages))

    def got(self, kind: type[Any]) -> list[Any]:
        """What came of one kind of message (peer and distributed messages have codes of different widths)."""
        found = []
        for frame in self.inbox:
            try:
                found.append(kind.deserialize(0, frame))
            except (ValueError, struct.error, IndexError):
                continue
        return found

    async def until(self, condition: Any) -> None:
        while not condition():
            assert not self.closed.is_set() or condition(), "the other side closed the connection"
            await self.changed.wait()

    def close(self) -> None:
        self._task.cancel()
        self.writer.close()


async def connect(address: tuple[str, int], username: str, typ: str, source: str = "127.1.9.1") -> Link:
    """A connection to somebody's port, introduced."""
    reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
    link = Link(reader, writer)
    link.send(m.PeerInit.Request(username, typ, 0))
    return link


class RawPeer:
    """A user who is logged in at the lab's server and listens; who comes is in `visitors`, after the introduction (`inits`)."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.port = 0
        self.visitors: list[Link] = []
        self.inits: list[m.PeerInit.Request] = []
        self.changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.at_server: Link | None = None

    async def open(self, server: tuple[str, int]) -> RawPeer:
        self._server = await asyncio.start_server(self._accept, self.address, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(*server, local_addr=(self.address, 0))
        self.at_server = Link(reader, writer)
        self.at_server.send(m.Login.Request(self.name, "x", 175, "", 1), m.SetListenPort.Request(self.port))
        return self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await read_frame(reader)
        if not first:
            return
        self.inits.append(m.PeerInitializationMessage.deserialize_request(first))
        self.visitors.append(Link(reader, writer))
        self.changed.set()
        self.changed = asyncio.Event()

    async def visitor(self, typ: str) -> Link:
        """The first visitor of that type."""
        while True:
            for init, link in zip(self.inits, self.visitors, strict=True):
                if getattr(init, "typ", "") == typ:
                    return link
            await self.changed.wait()

    def close(self) -> None:
        for link in (*self.visitors, *([self.at_server] if self.at_server else ())):
            link.close()
        if self._server is not None:
            self._server.close()
