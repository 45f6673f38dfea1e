"""The search for a router by UPnP."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from typing import Any

from slskdn_tui.engine.soulseek.connection.mapping import Upnp


def test_a_search_for_a_router_that_is_cut_short_leaves_no_socket_open() -> None:
    class Silent(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.asked = asyncio.Event()

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.asked.set()

    def sockets() -> set[str]:
        names = set()
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):  # that of the list itself
                names.add(os.readlink(f"/proc/self/fd/{fd}"))
        return {name for name in names if name.startswith("socket:")}

    async def main() -> None:
        async with asyncio.timeout(30):
            router, silent = await asyncio.get_running_loop().create_datagram_endpoint(Silent, local_addr=("127.1.9.4", 0))
            gc.collect()  # what an earlier test left
            before = sockets()
            searching = asyncio.create_task(Upnp("127.1.9.8", router.get_extra_info("sockname")[:2]).grant(2234))
            await silent.asked.wait()
            assert sockets() - before
            searching.cancel()
            await asyncio.wait({searching})
            while sockets() - before:  # a transport closes in the loop's next round
                await asyncio.sleep(0)
            router.close()

    asyncio.run(main())
