"""Who of `slskdn bench fetch --peers` answered, and what they offer. Shells the dials."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import Mapping

from slskdn_tui.engine.overlay.files import BENCH_RECORDING
from slskdn_tui.engine.overlay.mesh import Mesh, MeshError
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.variant import Variant


class Meetings:
    """Dials everybody at once; `offers` fills as they answer, `names` has the address of each node id. `begun`: sockets on their way to some of the addresses."""

    def __init__(
        self,
        mesh: Mesh,
        supervisor: Supervisor,
        addresses: list[tuple[str, int]],
        begun: Mapping[tuple[str, int], socket.socket] | None = None,
    ) -> None:
        self.offers: dict[OverlayPeer, Variant] = {}
        self.names: dict[str, str] = {}
        self.news = asyncio.Condition()
        self.pending = len(addresses)
        for host, port in addresses:
            supervisor.spawn(f"meet {host}:{port}", self._meet(mesh, host, port, (begun or {}).get((host, port))))

    async def _meet(self, mesh: Mesh, host: str, port: int, begun: socket.socket | None) -> None:
        try:
            peer = await mesh.dial(host, port, named=True, asking=[BENCH_RECORDING], begun=begun)
            offered = [variant for variant in await peer.offers([BENCH_RECORDING]) if variant.kind == "file"]
            self.names[peer.node_id] = peer.address
            if offered:
                self.offers[peer] = offered[0]
        except (MeshError, OSError, ValueError) as error:
            name = f"{host}:{port}"
            sys.stderr.write(f"{name}: {str(error).removeprefix(f'{name}: ')}\n")
        finally:
            async with self.news:
                self.pending -= 1
                self.news.notify_all()

    async def first(self) -> Variant:
        """What the first to answer offers: waiting for the slowest would cost its round trips. UserError when nobody offers anything."""
        async with self.news:
            await self.news.wait_for(lambda: self.offers or not self.pending)
        if not self.offers:
            raise UserError("network", "no peer offers a file", "start `slskdn bench serve` on the addresses given with --peers")
        return next(iter(self.offers.values()))

    def most_offered(self, current: Variant) -> Variant:
        """The variant most peers offer; `current` where it is one of several such."""
        count = Counter(variant.variant_id for variant in self.offers.values())
        return max(self.offers.values(), key=lambda variant: (count[variant.variant_id], variant.variant_id == current.variant_id))

    def settled(self, current: Variant) -> bool:
        """Whoever has not answered yet cannot make another variant the most offered."""
        count = Counter(variant.variant_id for variant in self.offers.values())
        mine = count.pop(current.variant_id, 0)
        return mine >= max(count.values(), default=0) + self.pending
