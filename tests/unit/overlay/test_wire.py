"""Deadlines of a connection on a virtual clock: silence, half frames, writes that nobody takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from slskdn_tui.engine.overlay.frames import HEADER, Kind, frame
from slskdn_tui.engine.overlay.limits import MIB, MeshLimits
from slskdn_tui.engine.overlay.wire import Wire
from slskdn_tui.engine.runtime.clock import VirtualClock


class Transport(asyncio.Transport):
    """Takes everything or nothing, and remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.buffered = 0
        self.aborted = self.paused = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        class Socket:
            def setsockopt(self, *args: int) -> None: ...

        return Socket() if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None: ...

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Handler:
    def __init__(self) -> None:
        self.frames: list[tuple[int, int, bytes]] = []
        self.data_frames = 0
        self.order: list[tuple[str, int]] = []

    def opened(self, wire: Wire) -> None: ...

    def frame(self, kind: int, request_id: int, body: bytes) -> None:
        self.frames.append((kind, request_id, body))
        self.order.append(("frame", request_id))

    def data(self, frames: Sequence[tuple[int, memoryview]]) -> None:
        self.data_frames += len(frames)
        self.order += [("data", request_id) for request_id, _ in frames]

    def lost(self, reason: str) -> None: ...


def scene(test: Callable[[Wire, Transport, Handler, VirtualClock], None], limits: MeshLimits | None = None) -> None:
    async def body() -> None:
        clock, transport, handler = VirtualClock(), Transport(), Handler()
        wire = Wire(handler, limits or MeshLimits(), clock)
        wire.connection_made(transport)
        test(wire, transport, handler, clock)

    asyncio.run(body())


def feed(wire: Wire, data: bytes) -> None:
    room = wire.get_buffer(-1)
    room[: len(data)] = data
    wire.buffer_updated(len(data))


def pass_time(wire: Wire, clock: VirtualClock, seconds: int) -> None:
    for _ in range(seconds):
        clock._now += 1.0
        wire.tick()


def test_silence_is_pinged_after_a_minute_and_ends_after_three() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        pass_time(wire, clock, 60)
        assert transport.written == []
        pass_time(wire, clock, 61)
        assert transport.written == [frame(Kind.PING, 0)]
        pass_time(wire, clock, 59)
        assert not transport.aborted
        pass_time(wire, clock, 2)
        assert transport.aborted and wire.reason == "silent"

    scene(test)


def test_any_byte_ends_the_silence() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        for _ in range(10):
            pass_time(wire, clock, 59)
            feed(wire, frame(Kind.PONG, 0))
        assert transport.written == [] and not transport.aborted

    scene(test)


def test_what_came_at_once_is_handed_on_in_its_order_and_all_of_it_before_a_broken_frame() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        leaf = bytes(9)
        came = [frame(Kind.CHUNK_DATA, 1, leaf), frame(Kind.CHUNK_DATA, 2, leaf), frame(Kind.PONG, 3), frame(Kind.CHUNK_DATA, 4, leaf)]
        feed(wire, b"".join(came) + HEADER.pack(1 << 30, Kind.CHUNK_DATA, 5))
        assert handler.order == [("data", 1), ("data", 2), ("frame", 3), ("data", 4)]
        assert transport.aborted and "over its cap" in wire.reason

    scene(test)


def test_who_is_dropped_for_what_it_sent_is_not_listened_to_any_more() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        take = handler.data

        def refuse(frames: Sequence[tuple[int, memoryview]]) -> None:
            take(frames)
            wire.fail("wrong bytes")

        handler.data = refuse  # type: ignore[method-assign]
        feed(wire, frame(Kind.CHUNK_DATA, 1, bytes(9)) + frame(Kind.CHUNK_REQUEST, 2, bytes(9)) + frame(Kind.CHUNK_DATA, 3, bytes(9)))
        assert handler.order == [("data", 1)] and wire.reason == "wrong bytes"

    scene(test)


def test_half_a_frame_may_wait_fifteen_seconds() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        feed(wire, frame(Kind.CACHE_JOB, 1, b"{}")[:-1])
        pass_time(wire, clock, 15)
        assert not transport.aborted
        pass_time(wire, clock, 2)
        assert wire.reason == "a frame took too long"

    scene(test)


def test_bytes_that_trickle_from_frame_to_frame_are_too_slow() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        trickle = frame(99, 0, bytes(1000)) * 10  # each frame is in time by itself
        for at in range(0, len(trickle), 73):
            if not transport.aborted:
                feed(wire, trickle[at : at + 73])
                pass_time(wire, clock, 1)
        assert wire.reason == "sends too slowly"

    scene(test)


def test_a_slow_but_steady_sender_stays() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        stream = (HEADER.pack(60_000, 99, 1) + bytes(60_000)) * 10
        for at in range(0, len(stream), 6000):
            feed(wire, stream[at : at + 6000])
            pass_time(wire, clock, 1)
        assert not transport.aborted and len(handler.frames) == 10

    scene(test)


def test_what_nobody_takes_for_a_minute_ends_the_connection() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        wire.pause_writing()
        pass_time(wire, clock, 59)
        wire.resume_writing()
        pass_time(wire, clock, 10)
        wire.pause_writing()
        pass_time(wire, clock, 60)
        assert not transport.aborted and not wire.writable
        pass_time(wire, clock, 1)
        assert wire.reason == "takes nothing of what it asked for"

    scene(test, MeshLimits(drop_s=1000.0))


def test_small_answers_cannot_pile_up_without_end() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        wire.pause_writing()
        transport.buffered = 4 * MIB + 1
        wire.send(Kind.PONG, 1)
        assert transport.aborted

    scene(test)


def test_reading_pauses_over_the_control_rate_but_not_for_data() -> None:
    def test(wire: Wire, transport: Transport, handler: Handler, clock: VirtualClock) -> None:
        for _ in range(5):
            feed(wire, frame(Kind.CHUNK_DATA, 1, bytes(9)) * 1000)
        assert handler.data_frames == 5000 and not transport.paused
        feed(wire, frame(Kind.PONG, 0) * 500)
        assert transport.paused and 200 <= len(handler.frames) <= 201
        clock._now += 1.0
        wire._read_on()
        assert len(handler.frames) >= 400

    scene(test)


def test_a_closed_wire_writes_nothing_and_its_waiters_are_told() -> None:
    async def body() -> None:
        transport, handler = Transport(), Handler()
        wire = Wire(handler, MeshLimits(), VirtualClock())
        wire.connection_made(transport)
        wire.pause_writing()
        waiting = asyncio.ensure_future(wire.drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        wire.connection_lost(None)
        with pytest.raises(ConnectionError, match="closed by the peer"):
            await waiting
        wire.send(Kind.PING, 1)
        assert transport.written == []

    asyncio.run(body())
