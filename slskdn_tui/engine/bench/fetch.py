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
from collections.abc import Sequence
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
"""How long after the first peer others are waited for before the variant is chosen."""


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
    part_path = out.with_name(out.name + ".part")
    swarm: TrackSwarm | None = None
    me = asyncio.current_task()
    if me is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    names: dict[str, str] = {}
    events: Counter[str] = Counter()
    try:
        meetings = [asyncio.ensure_future(_meet(mesh, host, port)) for host, port in addresses]
        met, late = await _first_meetings(meetings)
        variant = _most_offered(met)
        store = MemoryPartStore()
        part = await PartFile.open(part_path, variant.length, "bench", store, clock)
        swarm = TrackSwarm(
            part,
            clock=clock,
            supervisor=supervisor,
            tunables=Tunables(),
            rescue=RescueThresholds(),
            reputation=lambda node: 1.0,
            observe=lambda event: events.update((f"{event.kind}:{event.result}",)),
            guard=False,
        )
        joining = supervisor.spawn("late peers", _join_late(swarm, late, variant, names))
        for peer, offers in met:
            names[peer.node_id] = peer.address
            for offer in offers:
                await swarm.add_peer(peer, offer)
        end = await swarm.run()
        joining.cancel()
        status = swarm.status()
        await swarm.stop()
        ok, words = end is SwarmEnd.COMPLETE, str(end)
        if ok:
            checked = await asyncio.to_thread(verify_file, part_path, store.records["bench"])
            ok, words = checked.ok, checked.words
        if ok:
            await asyncio.to_thread(_place, part_path, out)
        seconds = time.perf_counter() - started
        return {
            "ok": ok,
            "end": words,
            "bytes": status.done,
            "seconds": round(seconds, 3),
            "MBps": round(status.done / seconds / 1e6, 2),
            "by_peer": {names.get(source.source, short_node_id(source.source)): source.bytes for source in status.sources},
            "duplicate_bytes": status.duplicate_bytes,
            "banned": [names.get(node, short_node_id(node)) for node, _ in status.bans],
            "timeouts": events["chunk:timeout"],
            "moved": events["rebalance:"],
            "variant_id": status.variant_id,
        }
    except DiskTrouble as trouble:
        raise UserError("disk", trouble.words, "make room, or choose another --out") from trouble
    finally:
        if swarm is not None:
            await swarm.stop()
        for peer in list(mesh.peers.values()):
            peer.drop("done")  # a stalled one would not answer a polite good-bye
        await supervisor.stop()
        await mesh.stop()


async def _meet(mesh: Mesh, host: str, port: int) -> tuple[OverlayPeer, tuple[Variant, ...]] | None:
    """Dial and ask for the bench recording; None when there is no answer."""
    try:
        peer = await mesh.dial(host, port, named=True)
        return peer, await peer.offers([BENCH_RECORDING])
    except (MeshError, OSError, ValueError) as error:
        sys.stderr.write(f"{host}:{port}: {error}\n")
        return None


_Met = tuple[OverlayPeer, tuple[Variant, ...]]


async def _first_meetings(meetings: Sequence[asyncio.Future[_Met | None]]) -> tuple[list[_Met], set[asyncio.Future[_Met | None]]]:
    """Those who offered something by the time more than half have answered (or `MEETING_S` after the first), and those still being met."""
    pending = set(meetings)
    met: list[_Met] = []
    deadline: float | None = None
    while pending and len(met) * 2 <= len(meetings):
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        done, pending = await asyncio.wait(pending, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        met += [answer for task in done if (answer := task.result()) is not None and answer[1]]
        if not done:
            break
        deadline = time.monotonic() + MEETING_S if met and deadline is None else deadline
    if not met:
        raise UserError("network", "no peer offers a file", "start `slskdn bench serve` on the addresses given with --peers")
    return met, pending


def _most_offered(met: list[_Met]) -> Variant:
    offers = [variant for _, variants in met for variant in variants if variant.kind == "file"]
    if not offers:
        raise UserError("network", "the peers offer no whole file")
    count = Counter(variant.variant_id for variant in offers)
    return max(offers, key=lambda variant: (count[variant.variant_id], variant.variant_id))


async def _join_late(swarm: TrackSwarm, late: set[asyncio.Future[_Met | None]], variant: Variant, names: dict[str, str]) -> None:
    """Peers that answer after the choice come in where they offer it."""
    for meeting in asyncio.as_completed(late):
        answer = await meeting
        if answer is None:
            continue
        peer, offers = answer
        names[peer.node_id] = peer.address
        for offer in offers:
            if offer.variant_id == variant.variant_id:
                await swarm.add_peer(peer, offer)


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
