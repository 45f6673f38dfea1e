"""One TLS connection: bytes into frames, frames out with backpressure and deadlines. Shells one transport.

The receive path copies nothing: TLS decrypts into the inbox, leaf data is handed on as views of it, all that came at once together. Everything written goes through
`write`, waits in `drained`, and is bounded: a peer that takes nothing for `limits.write_s` is dropped.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Protocol

from slskdn_tui.engine.overlay.frames import Kind, ProtocolError, frame
from slskdn_tui.engine.overlay.inbox import Inbox
from slskdn_tui.engine.overlay.limits import MIB, MeshLimits
from slskdn_tui.engine.peers.bandwidth import TokenBucket
from slskdn_tui.engine.runtime.clock import Clock

_HIGH_WATER = 256 * 1024
_NOT_SENT = (128 * 1024, 2**31 - 1)
"""Bytes the kernel may hold unsent: while holding back, and not."""
_MOST_BUFFERED = 4 * MIB
_TCP_NOTSENT_LOWAT = 25
_DATA = int(Kind.CHUNK_DATA)


def reuse_large_buffers() -> None:
    """Let glibc keep freed buffers of up to 24 MiB instead of unmapping them: mapping and zeroing a fresh one for each batch cost more CPU than
    TLS did (2.5 s/GB instead of 1.0). Freeing one mapped block raises its thresholds; it is never touched, so it costs no memory."""
    bytes(24 * MIB)


class Handler(Protocol):
    """Who reads a wire. A ProtocolError raised here ends the connection with its text as the reason."""

    def opened(self, wire: Wire) -> None: ...

    def frame(self, kind: int, request_id: int, body: bytes) -> None: ...

    def data(self, frames: Sequence[tuple[int, memoryview]]) -> None:
        """Data frames that came together, as (request id, body); the bodies are only valid during the call."""
        ...

    def lost(self, reason: str) -> None: ...


class Wire(asyncio.BufferedProtocol):
    """Frames of one connection to `handler`, which may be replaced by another while it is being called."""

    def __init__(self, handler: Handler, limits: MeshLimits, clock: Clock) -> None:
        self.handler = handler
        self.reason = ""
        self._limits = limits
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._inbox = Inbox()
        now = clock.now()
        self._control = TokenBucket(limits.control_s, limits.control_s, now)
        self._reading = True
        self._writable = asyncio.Event()
        self._writable.set()
        self._blocked_since: float | None = None
        self._heard = self._pinged = now
        self._seen_bytes = 0
        self._frame_since: tuple[int, float] | None = None
        self._floor: tuple[float, int] | None = None
        self._held: bool | None = None
        self.closed = asyncio.Event()

    # what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self.hold_back(True)
        try:
            self.handler.opened(self)
        except ProtocolError as error:
            self.fail(str(error))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._inbox.room()

    def buffer_updated(self, nbytes: int) -> None:
        self._inbox.filled(nbytes)
        self._parse()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.reason = self.reason or (f"connection lost: {exc}" if exc else "closed by the peer")
        self.closed.set()
        self._writable.set()
        self.handler.lost(self.reason)

    def pause_writing(self) -> None:
        self._writable.clear()
        self._blocked_since = self._clock.now()

    def resume_writing(self) -> None:
        self._blocked_since = None
        self._writable.set()

    # what the peer's objects call

    @property
    def tls(self) -> ssl.SSLObject:
        assert self._transport is not None
        found: ssl.SSLObject = self._transport.get_extra_info("ssl_object")
        return found

    @property
    def open(self) -> bool:
        return self._transport is not None and not self.reason and not self.closed.is_set()

    @property
    def received(self) -> int:
        """Bytes of frames that came in."""
        return self._inbox.received

    @property
    def writable(self) -> bool:
        """False while the transport holds more than it should."""
        return self._writable.is_set()

    def write(self, data: bytes) -> None:
        """Give bytes to the transport. Callers with much to send await `drained` before the next."""
        if not self.open or self._transport is None:
            return
        self._transport.write(data)
        if not self._writable.is_set() and self._transport.get_write_buffer_size() > _MOST_BUFFERED:
            self.fail("does not read what it asks for")

    def send(self, kind: Kind, request_id: int, body: bytes = b"") -> None:
        self.write(frame(kind, request_id, body))

    async def drained(self) -> None:
        """Wait until the transport takes more. ConnectionError when the connection is gone; `tick` holds the deadline."""
        await self._writable.wait()
        if not self.open:
            raise ConnectionError(self.reason)

    def hold_back(self, yes: bool) -> None:
        """Whether the kernel keeps little unsent, so that what was cancelled does not wait there in megabytes, or as much as it likes."""
        if self._held != yes and self._transport is not None:
            self._held = yes
            sock = self._transport.get_extra_info("socket")
            try:
                sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _NOT_SENT[0 if yes else 1])
            except OSError:
                pass  # only Linux has it

    def charge(self, count: int = 1) -> None:
        """Count frames (or parts of one that cost as much) against the control rate; above it reading pauses until the rate allows more."""
        now = self._clock.now()
        self._control.debit(count, now)
        if self._reading and (wait := self._control.wait(0, now)) > 0 and self._transport is not None and self.open:
            self._reading = False
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(wait, self._read_on)

    def close(self, reason: str) -> None:
        """Say goodbye politely: what is buffered still goes out."""
        if self.open and self._transport is not None:
            self.reason = reason
            self._transport.close()

    def fail(self, reason: str) -> None:
        """End the connection now."""
        if not self.closed.is_set():
            self.reason = self.reason or reason
            if self._transport is not None:
                self._transport.abort()

    def tick(self) -> None:
        """Once a second: deadlines of frames, writes and silence."""
        if not self.open:
            return
        now, inbox, limits = self._clock.now(), self._inbox, self._limits
        if inbox.received != self._seen_bytes or not self._reading:
            self._seen_bytes, self._heard = inbox.received, now
        if self._blocked_since is not None and now - self._blocked_since > limits.write_s:
            return self.fail("takes nothing of what it asked for")
        if now - self._heard > limits.drop_s:
            return self.fail("silent")
        if now - self._heard > limits.ping_s and now - self._pinged > limits.ping_s:
            self._pinged = now
            self.send(Kind.PING, 0)
        if not inbox.partial or not self._reading:
            self._frame_since = self._floor = None
            return None
        if self._frame_since is None or self._frame_since[0] != inbox.taken:
            self._frame_since = (inbox.taken, now)
        elif now - self._frame_since[1] > limits.body_s:
            return self.fail("a frame took too long")
        if self._floor is None:
            self._floor = (now, inbox.received)
        elif now - self._floor[0] >= limits.floor_s:
            if inbox.received - self._floor[1] < limits.floor_bytes_s * (now - self._floor[0]):
                return self.fail("sends too slowly")
            self._floor = (now, inbox.received)
        return None

    # in between

    def _parse(self) -> None:
        take, data = self._inbox.take, list[tuple[int, memoryview]]()
        try:
            try:
                while self._reading and not self.reason and (item := take()) is not None:
                    kind, request_id, body = item
                    if kind == _DATA:
                        data.append((request_id, body))
                        continue
                    if data:
                        came, data = data, []
                        self.handler.data(came)
                        if self.reason:  # who was dropped for what it sent is not listened to any more
                            break
                    if kind != Kind.CHUNK_REQUEST:  # those are bounded by how many may be outstanding; refused ones are charged
                        self.charge()
                    self.handler.frame(kind, request_id, bytes(body))
            finally:
                if data:
                    self.handler.data(data)
        except ProtocolError as error:
            self.fail(str(error))

    def _read_on(self) -> None:
        if not self.open or self._transport is None:
            return
        wait = self._control.wait(0, self._clock.now())
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._read_on)
            return
        self._reading = True
        self._parse()
        if self._reading and self.open:
            self._transport.resume_reading()
