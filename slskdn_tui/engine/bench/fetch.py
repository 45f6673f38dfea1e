"""`slskdn bench fetch`: one file over the overlay alone, for measuring: a throw-away identity, no profile, no Soulseek.

Shell: dials the peers, takes the variant most of them offer, drives a `TrackSwarm` over a durable part file, reads the result back, and
renames it into place. The last line on stdout is the result; with `as_json` it is JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from slskdn_tui.engine.bench.serve import BENCH_LIMITS, EVERYWHERE, split_listen
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh, MeshError
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.track import RescueThresholds, TrackSwarm, Tunables
from slskdn_tui.engine.swarm.verify import verify_file
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.variant import Variant

BENCH_RECORDING = "00000000-0000-0000-0000-000000000000"
MEETING_S = 3.0
"""How long after the last byte peers are waited for that have not answered: their offers might outnumber the variant fetched."""


def fetch(out: str, peers: str, as_json: bool) -> int:
    """Fetch what `peers` (ADDRESS:PORT,...) offer into `out`; the exit code: 0, or 1 when the file could not be completed.

    Raises UserError: `usage`, `network` (nobody reachable, nothing offered), `disk`.
    """
    addresses = [split_listen(text) for text in peers.split(",") if text]
    if not addresses:
        raise UserError("usage", "no peers are named", "--peers 127.0.0.1:7000,127.0.0.2:7000")
    started = time.perf_counter()
    result = asyncio.run(_fetch(Path(out), addresses, started))
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        state = "ok" if result["ok"] else f"FAILED: {result['end']}"
        sys.stdout.write(f"{state}: {result['bytes']} bytes in {result['seconds']} s, {result['MBps']} MB/s\n")
        for name, count in result["by_peer"].items():
            sys.stdout.write(f"  {name}  {count} bytes\n")
    sys.stdout.flush()
    return 0 if result["ok"] else 1


async def _fetch(out: Path, addresses: list[tuple[str, int]], started: float) -> dict[str, Any]:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    mesh = Mesh(NodeIdentity.ephemeral(), clock=clock, supervisor=supervisor, limits=BENCH_LIMITS, permit=EVERYWHERE)
    await mesh.start()
    me = asyncio.current_task()
    if me is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    try:
        meetings = Meetings(mesh, supervisor, addresses)
        variant = await meetings.first()
        while True:
            transfer = await Transfer.begin(out, variant, meetings, clock, supervisor)
            try:
                result = await transfer.run()
            finally:
                await transfer.swarm.stop()
            if (other := meetings.most_offered(variant)) == variant:
                break
            variant = other  # the first peer met was not one of the many
        if result["ok"]:
            await asyncio.to_thread(_place, transfer.path, out)
        seconds = time.perf_counter() - started
        return {**result, "seconds": round(seconds, 3), "MBps": round(result["bytes"] / seconds / 1e6, 2)}
    except DiskTrouble as trouble:
        raise UserError("disk", trouble.words, "make room, or choose another --out") from trouble
    finally:
        for peer in list(mesh.peers.values()):
            peer.drop("done")  # a stalled one would not answer a polite good-bye
        await supervisor.stop()
        await mesh.stop()


class Meetings:
    """Dials everybody at once; `offers` fills as they answer, `names` has the address of each node id."""

    def __init__(self, mesh: Mesh, supervisor: Supervisor, addresses: list[tuple[str, int]]) -> None:
        self.offers: dict[OverlayPeer, Variant] = {}
        self.names: dict[str, str] = {}
        self.news = asyncio.Condition()
        self.pending = len(addresses)
        for host, port in addresses:
            supervisor.spawn(f"meet {host}:{port}", self._meet(mesh, host, port))

    async def _meet(self, mesh: Mesh, host: str, port: int) -> None:
        try:
            peer = await mesh.dial(host, port, named=True)
            offered = [variant for variant in await peer.offers([BENCH_RECORDING]) if variant.kind == "file"]
            self.names[peer.node_id] = peer.address
            if offered:
                self.offers[peer] = offered[0]
        except (MeshError, OSError, ValueError) as error:
            sys.stderr.write(f"{host}:{port}: {error}\n")
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
        """The result as it is printed, but for the time."""
        joining = self._supervisor.spawn("join peers", self._join())
        end = await self.swarm.run()
        # Whoever is met late goes on where the others were lost (the first to answer may have been a liar).
        give_up = time.monotonic() + MEETING_S
        while end is SwarmEnd.ORIGIN_ENDED and not joining.done() and time.monotonic() < give_up:
            await asyncio.wait({joining}, timeout=0.05)
            if self.swarm.members:
                end = await self.swarm.run()
        if not self._meetings.settled(self._variant):  # every offer counts before the variant is settled
            await asyncio.wait({joining}, timeout=MEETING_S)
        joining.cancel()
        if end is SwarmEnd.ORIGIN_ENDED and self.swarm.members:
            end = await self.swarm.run()
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
        }

    async def _join(self) -> None:
        meetings, joined = self._meetings, set[OverlayPeer]()
        while True:
            for peer, variant in list(meetings.offers.items()):
                if peer not in joined:
                    joined.add(peer)
                    if variant.variant_id == self._variant.variant_id:
                        await self.swarm.add_peer(peer, variant)
            if not meetings.pending:
                break
            async with meetings.news:
                await meetings.news.wait_for(lambda: not meetings.pending or len(meetings.offers) > len(joined))
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
