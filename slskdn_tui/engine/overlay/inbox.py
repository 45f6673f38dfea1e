"""The receive buffer: bytes go in where the socket puts them, frames come out as views of the same memory. Core."""

from __future__ import annotations

from slskdn_tui.engine.overlay.frames import CONTROL_CAP, HEADER, HEADER_SIZE, Kind, ProtocolError, cap_of
from slskdn_tui.model.variant import LEAF

SIZE = 512 * 1024
_LEAST_ROOM = 256 * 1024 + 4096
"""asyncio's TLS layer has up to 256 KiB to hand over at once; less room costs another turn of the loop."""
MAX_FRAME = HEADER_SIZE + LEAF + 64
_HIGHEST_KNOWN = max(Kind)


class Inbox:
    """One connection's buffer. Call `room` and `filled` as bytes arrive, `take` until it returns None; a taken body is valid until the next `room`."""

    __slots__ = ("_buffer", "_end", "_start", "_view", "received", "taken")

    def __init__(self, size: int = SIZE) -> None:
        if size < 2 * MAX_FRAME:
            raise ValueError("an inbox holds at least two frames")
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self.received = 0
        self.taken = 0

    @property
    def partial(self) -> bool:
        """True while bytes wait for the rest of their frame (or to be taken)."""
        return self._end > self._start

    def room(self) -> memoryview:
        """Where the next bytes go; never empty as long as frames are taken."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start and len(self._buffer) - self._end < _LEAST_ROOM:
            left = self._end - self._start
            self._view[:left] = self._view[self._start : self._end]
            self._start, self._end = 0, left
        return self._view[self._end :]

    def filled(self, count: int) -> None:
        """`count` bytes were put into `room`."""
        self._end += count
        self.received += count

    def take(self) -> tuple[int, int, memoryview] | None:
        """(type, request id, body) of the next whole frame, None when there is none. ProtocolError as soon as a header is over its cap."""
        start = self._start
        if self._end - start < HEADER_SIZE:
            return None
        length, kind, request_id = HEADER.unpack_from(self._buffer, start)
        if length > cap_of(kind):
            what = "control frame" if kind <= _HIGHEST_KNOWN and cap_of(kind) == CONTROL_CAP else f"frame of type {kind}"
            raise ProtocolError(f"{what} of {length} bytes is over its cap")
        body = start + HEADER_SIZE
        stop = body + length
        if stop > self._end:
            return None
        self._start = stop
        self.taken += 1
        return kind, request_id, self._view[body:stop]
