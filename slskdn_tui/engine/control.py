"""The server side of the profile's Unix socket: attached screens and scripts act on the engine through it. Shells the socket.

Requests of one connection run side by side (a look-up at MusicBrainz must not stop the screen's polling). A reader that is too slow for its
events loses events, counted; one that does not take its replies is disconnected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import ValidationError

from slskdn_tui import __version__
from slskdn_tui.engine.control_wire import FRAME_S, MAX_REPLY, MAX_REQUEST, VERSION, FrameError, address, frame, read_frame
from slskdn_tui.engine.runtime.clock import Clock, iso
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.views import EVENT, SNAPSHOT, EngineEvent
from slskdn_tui.seam import COMMAND, RESULT, VIEW_KEY, EngineProtocol

log = logging.getLogger(__name__)

MAX_CLIENTS = 32
MAX_OUTSTANDING = 16
"""Requests of one connection that run at once; more wait in the socket."""
EVENT_BACKLOG = 256 * 1024
"""Bytes a client may leave unread before its events are dropped."""


class ControlServer:
    """Serves `engine` at `path` (0600). The caller holds the profile's lock, so a socket file that is there is a dead one's."""

    def __init__(self, engine: EngineProtocol, path: Path, clock: Clock, supervisor: Supervisor) -> None:
        self._engine = engine
        self._path = path
        self._supervisor = supervisor
        self._started_at = iso(clock.wall())
        self._server: asyncio.Server | None = None
        self._clients: dict[_Client, asyncio.Task[Any]] = {}

    @property
    def clients(self) -> int:
        return len(self._clients)

    async def start(self) -> None:
        """Listen. Raises UserError `config` for a path that is too long, `disk` when the socket cannot be made."""
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh.unlink(missing_ok=True)
            with address(fresh) as name, contextlib.ExitStack() as undo:
                listener = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                listener.bind(name)
                os.chmod(fresh, 0o600)
                self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=MAX_REQUEST)
                undo.pop_all()
            # In place only when it is private and answers: nobody meets a half-made one.
            os.replace(fresh, self._path)
        except OSError as error:
            raise UserError(
                "disk", f"cannot make the control socket {self._path}: {error}", "check the folder's owner and rights"
            ) from error

    async def stop(self) -> None:
        """Refuse new clients, let go of the present ones, remove the socket."""
        if self._server is None:
            return
        self._server.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        tasks = [task for task in self._clients.values() if task is not asyncio.current_task()]
        for client in list(self._clients):
            await client.settle()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._server = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or len(self._clients) >= MAX_CLIENTS:
            writer.transport.abort()
            return
        client = _Client(self._engine, reader, writer, self._supervisor, self._started_at)
        task = self._clients[client] = self._supervisor.spawn("control client", client.serve())
        task.add_done_callback(lambda done: self._clients.pop(client, None))


@runtime_checkable
class Closable(Protocol):
    """An iterator that something is kept for until it is closed."""

    async def aclose(self) -> None: ...


class _Client:
    """One connection."""

    def __init__(
        self, engine: EngineProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, supervisor: Supervisor, started_at: str
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._writer = writer
        self._supervisor = supervisor
        self._started_at = started_at
        self._slots = asyncio.Semaphore(MAX_OUTSTANDING)
        self._requests: set[asyncio.Task[Any]] = set()
        self._pump: asyncio.Task[Any] | None = None
        self._events: AsyncIterator[EngineEvent] | None = None
        writer.transport.set_write_buffer_limits(high=2 * EVENT_BACKLOG)

    async def serve(self) -> None:
        try:
            while (payload := await read_frame(self._reader, MAX_REQUEST)) is not None:
                await self._take(payload)
        except FrameError as error:
            await self._fail(None, "usage", str(error), "see docs/protocol/control.md")
        finally:
            # Requests under way go on: what was submitted is carried out though its sender has left.
            if self._pump is not None:
                self._pump.cancel()
            if isinstance(self._events, Closable):  # the pump may never have begun to read them
                await self._events.aclose()
            self._writer.close()

    async def settle(self) -> None:
        """Give answers under way a moment to leave (the answer to `stop` is one of them)."""
        waiting = {task for task in self._requests if task is not asyncio.current_task()}
        if waiting:
            await asyncio.wait(waiting, timeout=1.0)

    async def _take(self, payload: bytes) -> None:
        try:
            request = json.loads(payload)
        except ValueError as error:  # UnicodeDecodeError is one
            raise FrameError(f"not JSON: {error}") from error
        except RecursionError as error:
            raise FrameError("JSON nested too deeply") from error
        number = request.get("id") if isinstance(request, dict) else None
        if not isinstance(request, dict) or not isinstance(number, int | str | None):
            raise FrameError('a request is an object with an "op" and an "id" that is a number or a text')
        match request.get("op"):
            case "hello":
                await self._hello(number, request)
            case "ping":
                await self._reply(number, b"{}", "pong")
            case "events":
                await self._subscribe(number)
            case "snapshot" | "submit":
                await self._slots.acquire()
                task = self._supervisor.spawn("control request", self._act(number, request))
                self._requests.add(task)
                task.add_done_callback(self._acted)
            case _:
                await self._fail(number, "usage", "unknown op", "ops are hello, ping, snapshot, submit, events")

    def _acted(self, task: asyncio.Task[Any]) -> None:
        self._requests.discard(task)
        self._slots.release()

    async def _hello(self, number: int | str | None, request: dict[str, Any]) -> None:
        wanted = request.get("version", VERSION)
        if wanted != VERSION:
            await self._fail(
                number,
                "usage",
                f"this engine speaks version {VERSION} of the control protocol, not {wanted}",
                "use the same release on both sides",
            )
            return
        about = {
            "version": VERSION,
            "program": __version__,
            "pid": os.getpid(),
            "since": self._started_at,
            "description": self._engine.description,
        }
        await self._reply(number, json.dumps(about).encode(), "hello")

    async def _act(self, number: int | str | None, request: dict[str, Any]) -> None:
        try:
            if request["op"] == "snapshot":
                view = VIEW_KEY.validate_python(request.get("view"))
                since = request.get("since", 0)
                snapshot = await self._engine.snapshot(view, since if isinstance(since, int) else 0)
                await self._reply(number, SNAPSHOT.dump_json(snapshot), "snapshot")
            else:
                command = COMMAND.validate_python(request.get("command"))
                await self._reply(number, RESULT.dump_json(await self._engine.submit(command)), "result")
        except UserError as error:
            await self._fail(number, error.code, error.message, error.hint)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            await self._fail(number, "usage", f"malformed request: {where}: {first['msg']}", "see docs/protocol/control.md")
        except Exception as error:  # whoever asked must get an answer; the supervisor logs it
            await self._fail(number, "failed", f"the engine could not answer: {type(error).__name__}", "the log has the rest")
            raise

    async def _subscribe(self, number: int | str | None) -> None:
        if self._pump is not None:
            await self._fail(number, "usage", "this connection has its events already", "one subscription a connection")
            return
        self._events = events = self._engine.events()  # registered now: what the next request causes is already seen
        await self._reply(number, b"true", "events")
        self._pump = self._supervisor.spawn("control events", self._push(number, events))

    async def _push(self, number: int | str | None, events: AsyncIterator[EngineEvent]) -> None:
        dropped = 0
        async for event in events:
            if self._writer.is_closing():
                return
            if self._writer.transport.get_write_buffer_size() > EVENT_BACKLOG:
                dropped += 1 + event.lost
                continue
            if dropped:
                event, dropped = replace(event, lost=event.lost + dropped), 0
            self._writer.write(frame(b'{"id":%s,"event":%s}' % (json.dumps(number).encode(), EVENT.dump_json(event))))

    async def _reply(self, number: int | str | None, value: bytes, name: str) -> None:
        payload = b'{"id":%s,"ok":true,"%s":%s}' % (json.dumps(number).encode(), name.encode(), value)
        if len(payload) > MAX_REPLY:
            await self._fail(
                number, "failed", f"the answer has {len(payload)} bytes; at most {MAX_REPLY} are sent", "ask for fewer rows (view.count)"
            )
            return
        await self._send(payload)

    async def _fail(self, number: int | str | None, code: str, message: str, hint: str) -> None:
        error = {"code": code, "message": message, "hint": hint}
        await self._send(json.dumps({"id": number, "ok": False, "error": error}).encode())

    async def _send(self, payload: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(frame(payload))
        try:
            async with asyncio.timeout(FRAME_S):
                await self._writer.drain()
        except TimeoutError:
            log.warning("a control client did not take its answer within %.0f s and was disconnected", FRAME_S)
            self._writer.transport.abort()
        except ConnectionError:
            self._writer.transport.abort()
