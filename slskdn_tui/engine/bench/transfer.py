"""The transfer of `slskdn bench fetch`: the variant most peers offer, through a `TrackSwarm` into a durable part file, read back, and renamed. Shell."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from slskdn_tui.engine.bench.meetings import Meetings
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.disk.verify import verify_file
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.track import RescueThresholds, TrackSwarm, Tunables
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.variant import Variant

MEETING_S = 3.0
"""How long after the last byte peers are waited for that have not answered: their offers might outnumber the variant fetched."""


async def bring(out: Path, meetings: Meetings, clock: SystemClock, supervisor: Supervisor) -> dict[str, Any]:
    """Fetch what most of those met offer into `out`; the result as it is printed, but for the times (`Transfer.run`). UserError: `network`, `disk`."""
    variant = await meetings.first()
    try:
        while True:
            transfer = await Transfer.begin(out, variant, meetings, clock, supervisor)
            try:
                result = await transfer.run()
            finally:
                await transfer.swarm.stop()
            if (other := meetings.most_offered(variant)) == variant:
                break
            variant = other  # the first peer met was not one of the many
    except DiskTrouble as trouble:
        raise UserError("disk", trouble.words, "make room, or choose another --out") from trouble
    if result["ok"]:
        await asyncio.to_thread(_place, transfer.path, out)
    return result


class Transfer:
    """One attempt at one variant: peers join as they are met; it ends early when another variant turns out to be offered more."""

    def __init__(self, part: PartFile, variant: Variant, meetings: Meetings, clock: SystemClock, supervisor: Supervisor) -> None:
        self.path = Path(part.path)
        self.store = MemoryPartStore()
        self.events: Counter[str] = Counter()
        self._variant = variant
        self._meetings = meetings
        self._supervisor = supervisor
        self.swarm = TrackSwarm(
            part,
            clock=clock,
            supervisor=supervisor,
            tunables=Tunables(),
            rescue=RescueThresholds(),
            reputation=lambda node: 1.0,
            observe=lambda event: self.events.update((f"{event.kind}:{event.result}",)),
            guard=False,
        )

    @classmethod
    async def begin(cls, out: Path, variant: Variant, meetings: Meetings, clock: SystemClock, supervisor: Supervisor) -> Transfer:
        store = MemoryPartStore()
        part = await PartFile.open(out.with_name(out.name + ".part"), variant.length, "bench", store, clock)
        transfer = cls(part, variant, meetings, clock, supervisor)
        transfer.store = store
        return transfer

    async def run(self) -> dict[str, Any]:
        """The result as it is printed, but for the times; `committed` is when the last byte was on disk (`perf_counter`)."""
        joining = self._supervisor.spawn("join peers", self._join())
        end, committed = await self.swarm.run(), time.perf_counter()
        # Whoever is met late goes on where the others were lost (the first to answer may have been a liar).
        give_up = time.monotonic() + MEETING_S
        while end is SwarmEnd.ORIGIN_ENDED and not joining.done() and time.monotonic() < give_up:
            await asyncio.wait({joining}, timeout=0.05)
            if self.swarm.members:
                end, committed = await self.swarm.run(), time.perf_counter()
        if not self._meetings.settled(self._variant):  # every offer counts before the variant is settled
            await asyncio.wait({joining}, timeout=MEETING_S)
        joining.cancel()
        if end is SwarmEnd.ORIGIN_ENDED and self.swarm.members:
            end, committed = await self.swarm.run(), time.perf_counter()
        status = self.swarm.status()
        await self.swarm.stop()
        ok, words = end is SwarmEnd.COMPLETE, str(end)
        if ok:
            checked = await asyncio.to_thread(partial(verify_file, self.path, self.store.records["bench"], whole=False))
            ok, words = checked.ok, checked.words
        names = self._meetings.names
        return {
            "ok": ok,
            "end": words,
            "bytes": status.done,
            "by_peer": {names.get(source.source, short_node_id(source.source)): source.bytes for source in status.sources},
            "duplicate_bytes": status.duplicate_bytes,
            "banned": [names.get(node, short_node_id(node)) for node, _ in status.bans],
            "timeouts": self.events["chunk:timeout"],
            "moved": self.events["rebalance:"],
            "variant_id": status.variant_id,
            "committed": committed,
        }

    async def _join(self) -> None:
        meetings, joined = self._meetings, set[OverlayPeer]()
        while True:
            for peer, variant in list(meetings.offers.items()):
                if peer not in joined:
                    joined.add(peer)
                    if variant.variant_id == self._variant.variant_id:
                        await self.swarm.add_peer(peer, variant)
            async with meetings.news:
                await meetings.news.wait_for(lambda: not meetings.pending or len(meetings.offers) > len(joined))
            if len(meetings.offers) == len(joined):  # those who came while another was taken in are taken in first
                break
        if meetings.most_offered(self._variant) != self._variant:
            self.swarm.abort()


def _place(part: Path, out: Path) -> None:
    """Atomic: synced, renamed, and the folder synced."""
    for path in (part, None):
        fd = os.open(path or out.parent, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        if path is not None:
            os.replace(part, out)
