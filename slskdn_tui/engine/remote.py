"""An engine in another process, reached over its profile's socket: what attached windows and CLI verbs hold. Shells the socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from slskdn_tui.engine.control_wire import FRAME_S, MAX_REPLY, MAX_REQUEST, VERSION, FrameError, address, frame, read_frame
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import EXIT, UserError
from slskdn_tui.model.views import EVENT, SNAPSHOT, EngineEvent, Snapshot, ViewKey
from slskdn_tui.seam import COMMAND, RESULT, VIEW_KEY, Command, Result

log = logging.getLogger(__name__)

SUBMIT_S = 300.0
"""The longest a command may take to answer; a look-up at a slow MusicBrainz takes a minute."""
EVENT_QUEUE = 512


class RemoteEngine:
    """`EngineProtocol` over the socket at `path`. Every call raises UserError `no_engine` once the engine has gone; there is no reconnecting."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._supervisor = Supervisor(SystemClock())
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._streams: set[_Events] = set()
        self._subscription = 0
        self._gone: UserError | None = None
        self._pid = 0

    @property
    def description(self) -> str:
        return f"attached to pid {self._pid}" if self._pid else "not attached"

    async def start(self) -> None:
        """Connect and greet. UserError `no_engine` when nobody listens, `usage` when the engine speaks another version."""
        reader, self._writer = await self._connect()
        self._supervisor.spawn("control reader", self._read(reader))
        try:
            about = (await self._ask("hello", FRAME_S, version=VERSION))["hello"]
            self._pid = int(about["pid"])
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Detach; the engine goes on."""
        self._end("this window has left the engine")
        await self._supervisor.stop()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(FRAME_S):
                    await self._writer.wait_closed()

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        answer = await self._ask("snapshot", FRAME_S, view=VIEW_KEY.dump_python(view, mode="json"), since=since)
        return SNAPSHOT.validate_python(answer["snapshot"])

    async def submit(self, command: Command) -> Result:
        answer = await self._ask("submit", SUBMIT_S, command=COMMAND.dump_python(command, mode="json"))
        return RESULT.validate_python(answer["result"])

    def events(self) -> AsyncIterator[EngineEvent]:
        """Subscribed at the call: what a later `submit` causes is seen. The engine pushes once a connection; readers here share what comes."""
        stream = _Events(self._streams.discard)
        if self._gone is not None:
            stream.end(self._gone)
            return stream
        self._streams.add(stream)
        if not self._subscription:
            self._subscription = next(self._numbers)
            self._send({"id": self._subscription, "op": "events"})
        return stream

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.setblocking(False)
        try:
            with address(self._path) as name:
                await asyncio.get_running_loop().sock_connect(link, name)
            return await asyncio.open_unix_connection(sock=link, limit=MAX_REQUEST)
        except (FileNotFoundError, ConnectionError, NotADirectoryError) as error:
            link.close()
            raise UserError(
                "no_engine", f"no engine answers at {self._path}", "start `slskdn` or `slskdn serve` with this profile"
            ) from error
        except OSError as error:
            link.close()
            raise UserError("no_engine", f"cannot reach the engine at {self._path}: {error}", "is it your own profile?") from error
        except BaseException:
            link.close()
            raise

    def _send(self, request: dict[str, Any]) -> None:
        payload = json.dumps(request).encode()
        if len(payload) > MAX_REQUEST:
            raise UserError("usage", f"the request has {len(payload)} bytes; the engine takes {MAX_REQUEST}", "send less at once")
        if self._writer is None:
            raise UserError("no_engine", "not attached to an engine", "call start() first")
        self._writer.write(frame(payload))

    async def _ask(self, op: str, patience: float, **fields: Any) -> dict[str, Any]:
        """The answer to one request. UserError as the engine says, `no_engine` when it has gone, `failed` when it is silent."""
        if self._gone is not None:
            raise self._gone
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            self._send({"id": number, "op": op, **fields})
            async with asyncio.timeout(patience):
                if self._writer is not None:
                    await self._writer.drain()
                reply: dict[str, Any] = await answer
        except TimeoutError as error:
            raise UserError(
                "failed", f"the engine did not answer {op} within {patience:.0f} s", "look at its log; it may be overloaded"
            ) from error
        except ConnectionError as error:
            raise self._gone or UserError("no_engine", "the engine has gone", "start it again with `slskdn` or `slskdn serve`") from error
        finally:
            self._answers.pop(number, None)
        if reply.get("ok") is True:
            return reply
        raise _error(reply)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        words = f"the engine (pid {self._pid}) has gone" if self._pid else "the engine has gone"
        try:
            while (payload := await read_frame(reader, MAX_REPLY)) is not None:
                self._take(json.loads(payload))
            words = f"the engine (pid {self._pid}) has stopped" if self._pid else "the engine closed the connection"
        except (FrameError, ValueError) as error:  # ValueError: not JSON, or an event of an unknown shape
            log.error("control socket: %s", error)
            words = f"the engine sent something unreadable ({type(error).__name__})"
        finally:
            self._end(words)

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            event = EVENT.validate_python(message["event"])
            for stream in self._streams:
                stream.put(event)
            return
        number = message.get("id")
        waiting = self._answers.get(number) if isinstance(number, int) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _end(self, words: str) -> None:
        """Nothing more will come: everybody who waits is told."""
        if self._gone is not None:
            return
        gone = self._gone = UserError("no_engine", words, "start it again with `slskdn` or `slskdn serve`; jobs go on from what is on disk")
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(gone)
        for stream in tuple(self._streams):
            stream.end(gone)
        if self._writer is not None:
            self._writer.close()


def _error(reply: dict[str, Any]) -> UserError:
    told = reply.get("error")
    if not isinstance(told, dict):
        return UserError("failed", "the engine refused without a reason", "look at its log")
    code = told.get("code")
    return UserError(code if code in EXIT else "failed", str(told.get("message", "")), str(told.get("hint", "")))


class _Events:
    """One reader's bounded queue; what does not fit is dropped, oldest first, and counted. Ends with UserError when the engine goes away."""

    def __init__(self, forget: Callable[[_Events], None]) -> None:
        self._forget = forget
        self._events: deque[EngineEvent] = deque()
        self._lost = 0
        self._end: UserError | None = None
        self._wake = asyncio.Event()

    def put(self, event: EngineEvent) -> None:
        if len(self._events) >= EVENT_QUEUE:
            self._lost += 1 + self._events.popleft().lost
        self._events.append(event)
        self._wake.set()

    def end(self, error: UserError) -> None:
        self._end = error
        self._wake.set()

    def __aiter__(self) -> _Events:
        return self

    async def __anext__(self) -> EngineEvent:
        while not self._events:
            if self._end is not None:
                raise self._end
            self._wake.clear()
            try:
                await self._wake.wait()
            except asyncio.CancelledError:
                self._forget(self)
                raise
        event = self._events.popleft()
        if self._lost:
            event, self._lost = replace(event, lost=event.lost + self._lost), 0
        return event

    async def aclose(self) -> None:
        self._forget(self)
