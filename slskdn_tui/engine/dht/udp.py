"""One UDP socket through asyncio-dgram, without its traps. Shell.

asyncio-dgram queues what it receives without bound, and raises an earlier datagram's error from the next call, which then
does nothing: here the queue drops when it is full, and old errors are counted and cleared before each call.
"""

from __future__ import annotations

import asyncio
from typing import Any

from asyncio_dgram.aio import DatagramServer, Protocol

from slskdn_tui.engine.dht.addresses import Address

QUEUE = 512


class BoundedQueue(asyncio.Queue[Any]):
    """Drops what does not fit, and counts it; the end marker `(None, None)` always fits."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.dropped = 0

    def put_nowait(self, item: Any) -> None:
        if self.qsize() >= self._most and item != (None, None):
            self.dropped += 1
            return
        super().put_nowait(item)


class DatagramSocket:
    """`recv` and `send` raise asyncio-dgram's `TransportClosed` when closed, and no error of an earlier datagram."""

    def __init__(self, stream: Any, received: BoundedQueue) -> None:
        self._stream = stream
        self._received = received
        self.errors = 0
        self.closed = False

    @property
    def address(self) -> Address:
        host, port = self._stream.sockname[:2]
        return str(host), int(port)

    @property
    def dropped(self) -> int:
        """Datagrams that came while the queue was full."""
        return self._received.dropped

    async def recv(self) -> tuple[bytes, Address]:
        while True:
            self._forget_errors()
            try:
                data, source = await self._stream.recv()
            except OSError:
                self.errors += 1
                continue
            host, port = source[:2]
            return data, (host, port)

    async def send(self, data: bytes, address: Address) -> None:
        """Hand to the kernel; an error of this datagram shows in `errors` later and in nothing else."""
        self._forget_errors()
        await self._stream.send(data, address)

    def close(self) -> None:
        self.closed = True
        self._stream.close()

    def _forget_errors(self) -> None:
        while True:
            try:
                if self._stream.exception is None:
                    return
            except OSError:
                self.errors += 1


async def bind(listen: Address, queue: int = QUEUE) -> DatagramSocket:
    """A socket bound to an IPv4 address. OSError as the kernel gives it."""
    received, errors, drained = BoundedQueue(queue), BoundedQueue(queue), asyncio.Event()
    # As `asyncio_dgram.bind` does, with our queues in place of its unbounded ones.
    transport: Any
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Protocol(received, errors, drained), local_addr=listen)
    return DatagramSocket(DatagramServer(transport, received, errors, drained), received)
