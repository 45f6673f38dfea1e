"""A node in its own process, so that what an attack costs it can be measured: `python hostile_node.py HOST FILE KNOWN_NODE_ID`.

Each line on stdin is answered with one on stdout: memory in bytes now and at most so far, open descriptors, connected peers, port.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from slskdn_tui.engine.overlay.files import FileProvider
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor

RECORDING = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"


def memory(what: str) -> int:
    """`VmRSS` or `VmHWM` of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


async def main(host: str, file: str, known: str) -> None:
    clock = SystemClock()
    supervisor = Supervisor(clock, lambda part, error: print(f"{part.name}: {error!r}", file=sys.stderr, flush=True))
    provider = FileProvider()
    await provider.add(Path(file), RECORDING)
    mesh = Mesh(
        NodeIdentity.ephemeral(),
        clock=clock,
        supervisor=supervisor,
        listen=(host, 0),
        providers=[provider],
        permit=("127.0.0.0/8",),
        known_good=lambda node_id: node_id == known,
    )
    await mesh.start()
    loop = asyncio.get_running_loop()
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    while await asked.readline():
        facts = {
            "port": mesh.port,
            "rss": memory("VmRSS"),
            "most": memory("VmHWM"),
            "fds": len(os.listdir("/proc/self/fd")),
            "peers": len(mesh.peers),
            "counters": dict(mesh.counters),
        }
        print(json.dumps(facts), flush=True)
    await mesh.stop()
    await supervisor.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
