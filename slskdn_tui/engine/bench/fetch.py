"""`slskdn bench fetch`: one file over the overlay alone, for measuring: a throw-away identity, no profile, no Soulseek.

Shell: dials the peers; `transfer.bring` does the rest. The last line on stdout is the result; with `as_json` it is JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slskdn_tui.engine.bench.knock import Knocks
from slskdn_tui.engine.bench.meetings import Meetings
from slskdn_tui.engine.bench.serve import BENCH_LIMITS, EVERYWHERE, split_listen
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError

Bring = Callable[[Path, "Meetings", SystemClock, Supervisor], Awaitable[dict[str, Any]]]


def fetch(out: str, peers: str, as_json: bool, knocks: Knocks | None = None) -> int:
    """Fetch what `peers` (ADDRESS:PORT,...) offer into `out`; the exit code: 0, or 1 when the file could not be completed.

    `knocks` are connections begun already, by the text that names each peer. Raises UserError: `usage`, `network` (nobody reachable, nothing offered), `disk`.
    """
    addresses = [split_listen(text) for text in peers.split(",") if text]
    if not addresses:
        raise UserError("usage", "no peers are named", "--peers 127.0.0.1:7000,127.0.0.2:7000")
    started = time.perf_counter()
    begun = {split_listen(text): sock for text, sock in (knocks or {}).items()}
    result = asyncio.run(_fetch(Path(out), addresses, begun, started))
    sys.stdout.write((json.dumps(result) if as_json else words(result)) + "\n")
    sys.stdout.flush()
    return 0 if result["ok"] else 1


def words(result: dict[str, Any]) -> str:
    """The result for a person."""
    state = "ok" if result["ok"] else f"FAILED: {result['end']}"
    lines = [f"{state}: {result['bytes']} bytes in {result['seconds']} s, {result['MBps']} MB/s"]
    lines += [f"  {name}  {count} bytes" for name, count in result["by_peer"].items()]
    lines.append(f"  duplicates  {result['duplicate_bytes']} bytes; banned: {', '.join(result['banned']) or 'nobody'}")
    return "\n".join(lines)


async def _fetch(
    out: Path, addresses: list[tuple[str, int]], begun: dict[tuple[str, int], socket.socket], started: float
) -> dict[str, Any]:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    mesh = Mesh(NodeIdentity.ephemeral(), clock=clock, supervisor=supervisor, limits=BENCH_LIMITS, permit=EVERYWHERE)
    await mesh.start()
    me = asyncio.current_task()
    if me is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    try:
        meetings = Meetings(mesh, supervisor, addresses, begun)
        bring = await asyncio.to_thread(_load)
        gc.freeze()  # the modules are never looked through again, nor when the process ends
        gc.enable()
        result = await bring(out, meetings, clock, supervisor)
        seconds, transfer = time.perf_counter() - started, result.pop("committed") - started
        return {
            **result,
            "transfer_seconds": round(transfer, 3),  # until every byte was verified and on disk
            "seconds": round(seconds, 3),  # with the finished file read back, checked once more and renamed
            "MBps": round(result["bytes"] / seconds / 1e6, 2),
        }
    finally:
        for peer in list(mesh.peers.values()):
            peer.drop("done")  # a stalled one would not answer a polite good-bye
        await supervisor.stop()
        await mesh.stop()


def _load() -> Bring:
    """The swarm's modules, loaded (0.05 s) while the peers' handshakes are on their way."""
    from slskdn_tui.engine.bench.transfer import bring

    return bring
