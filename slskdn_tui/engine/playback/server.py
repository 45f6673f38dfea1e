"""The loopback HTTP server that players read from. Shells one listening socket; each connection is one supervised task and one answer."""

from __future__ import annotations

import asyncio
import mimetypes
import socket
from collections.abc import Callable
from concurrent.futures import Executor

from slskdn_tui.engine.playback import http
from slskdn_tui.engine.playback.stream import Reader, Stream
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError

MOST_READERS = 8
BLOCK = 64 * 1024
HEAD_S = 5.0
"""A request is complete within so many seconds."""
SIZE_S = 30.0
"""How long a track may take to have a holder, and so a size, before the player is told to come again."""
DATA_S = 600.0
"""How long a byte may be missing before the connection is closed."""
DRAIN_S = 3600.0
"""How long a player may take nothing: it is paused."""
POLL_S = 0.02
MIME = {".flac": "audio/flac", ".opus": "audio/ogg", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".m4a": "audio/mp4", ".mp3": "audio/mpeg"}


class StreamServer:
    """`find` gives the stream of a token. `host` is a loopback address; the port asked for is tried first, then any."""

    def __init__(self, find: Callable[[str], Stream | None], clock: Clock, supervisor: Supervisor, disk: Executor) -> None:
        self._find = find
        self._clock = clock
        self._supervisor = supervisor
        self._disk = disk
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self.host, self.port = "", 0

    async def start(self, host: str, port: int) -> None:
        """UserError `port` when the address cannot be listened on at all."""
        listener = _bound(host, port) or _bound(host, 0)
        if listener is None:
            raise UserError("port", f"cannot listen on {host}", "set playback.listen to an address of this machine's loopback")
        self.host, self.port = listener.getsockname()[:2]
        self._server = await asyncio.start_server(self._connected, sock=listener, limit=http.MOST_HEAD)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or len(self._clients) >= MOST_READERS:
            writer.transport.abort()
            return
        writer.transport.set_write_buffer_limits(high=2 * BLOCK)
        task = self._supervisor.spawn("player", self._serve(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request. A file that cannot be given to its promised end is cut short, never padded."""
        whole = False
        try:
            whole = await self._answer(reader, writer)
        except (OSError, TimeoutError):
            pass  # the player left, or the file cannot be read: there is nobody to tell but by the cut
        finally:
            if whole:
                writer.close()
            else:
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            request = http.parse(head)
            stream = await self._known(request, reader)
            given = http.answer(request, stream.source.size, f'"{stream.token[:8]}-{stream.source.size}"', mime_of(stream.source.name))
        except http.Refused as refused:
            stream, given = None, http.failed(refused.status)
        except asyncio.LimitOverrunError:
            stream, given = None, http.failed(431)
        except asyncio.IncompleteReadError:
            return False
        writer.write(given.head)
        if stream is not None and given.start < given.stop:
            at = stream.open(given.start)
            try:
                if not await self._send(stream, at, given.stop, reader, writer):
                    return False
            finally:
                stream.close(at)
        await self._drain(writer)
        return True

    async def _known(self, request: http.Request, reader: asyncio.StreamReader) -> Stream:
        """The stream of the path's token, once its size is known. Refused otherwise."""
        if not http.local(request.headers.get("host", ""), self.host):
            raise http.Refused(403)
        stream = self._find(request.path.split("/")[2]) if request.path.startswith("/stream/") else None
        if stream is None:
            raise http.Refused(404)
        until = self._clock.now() + SIZE_S
        while not stream.source.size:
            stream.step()
            if stream.source.gone or _left(reader) or self._clock.now() > until:
                raise http.Refused(503)
            await self._clock.sleep(POLL_S)
        return stream

    async def _send(self, stream: Stream, at: Reader, stop: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Bytes up to `stop` as they come; False when they do not all come, or the player has left."""
        loop, since, source = asyncio.get_running_loop(), self._clock.now(), stream.source
        while at.at < stop:
            ready = min(source.ready(at.at), stop, at.at + BLOCK)
            at.waits = ready <= at.at
            if at.waits:
                if source.gone or _left(reader) or self._clock.now() - since > DATA_S:
                    return False
                await self._clock.sleep(POLL_S)
                continue
            data = await loop.run_in_executor(self._disk, source.read, at.at, ready - at.at)
            if not data:
                return False
            writer.write(data)
            at.at += len(data)
            await self._drain(writer)
            since = self._clock.now()
        return True

    async def _drain(self, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(DRAIN_S):
            await writer.drain()


def _left(reader: asyncio.StreamReader) -> bool:
    """The player has gone: it closed, or was ended with what we sent still unread (a reset, which is no end of file)."""
    return reader.at_eof() or reader.exception() is not None


def mime_of(name: str) -> str:
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return MIME.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")


def _bound(host: str, port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        return None
    return listener
