"""One UDP socket through asyncio-dgram's protocol, without its traps. Shell.

asyncio-dgram queues what it receives without bound, and raises an earlier datagram's error from the next call, which then
does nothing. Here each datagram goes to its handler at once (what comes too fast waits, and is dropped, in the kernel's buffer,
which is bounded), and errors are counted and told to nobody. Of what waits, up to `BREATH` datagrams are taken in one turn of the
loop: asyncio takes one, and a turn costs as much as an answer.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from asyncio_dgram.aio import Protocol

from slskdn_tui.engine.dht.wire.addresses import V6, Address, family

Handler = Callable[[bytes, Address], None]
BREATH = 32
MOST = 2049  # one more than the largest datagram that counts: what is longer shows


class DatagramSocket(Protocol):
    """Open from the start; `lost` is set when it is no more. `handler` gets each datagram and its source."""

    def __init__(self, handler: Handler, sock: socket.socket) -> None:
        super().__init__(asyncio.Queue(), asyncio.Queue(), asyncio.Event())
        self._handler, self._socket = handler, sock
        self.address: Address = sock.getsockname()[:2]
        self.lost = asyncio.Event()
        self.errors = 0
        """datagrams that the kernel would not send"""
        self.dropped = 0
        """... and those it had no room for"""

    def send(self, data: bytes, address: Address) -> None:
        """Hand to the kernel; what becomes of it shows in `errors` and `dropped`, and nowhere else."""
        try:
            self._socket.sendto(data, address)
        except BlockingIOError:
            self.dropped += 1
        except OSError:
            self.errors += 1

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # -- called by asyncio -------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._handler(data, addr[:2])
        receive, handler = self._socket.recvfrom, self._handler
        try:
            for _ in range(BREATH - 1):
                data, addr = receive(MOST)
                handler(data, addr[:2])
        except BlockingIOError:
            pass
        except OSError:
            self.errors += 1  # an ICMP error; asyncio's own reading goes on

    def error_received(self, exc: Exception) -> None:
        self.errors += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def bind(listen: Address, handler: Handler) -> DatagramSocket:
    """A socket bound to a numeric address. OSError as the kernel gives it."""
    six = family(listen[0]) == V6
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(listen)
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(lambda: DatagramSocket(handler, sock), sock=sock)
    except BaseException:
        sock.close()
        raise
    return protocol
