"""`slskdn bench serve`: one file offered over the overlay by a throw-away identity. Shells a mesh in a loop of its own.

No profile is read or written, no Soulseek code is loaded. Addresses are not filtered and per-address caps are raised: this is for a lab.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path

from slskdn_tui.engine.overlay.files import FileProvider
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError

BENCH_LIMITS = MeshLimits(per_address=64, handshaking=64, accepts_s_address=1000.0, accepts_burst_address=1000.0, accepts_s=1000.0)
EVERYWHERE = ("0.0.0.0/0", "::/0")
"""What a bench permits: every address."""
_SLOTS = 64


def split_listen(text: str) -> tuple[str, int]:
    """HOST:PORT or [HOST]:PORT. UserError `usage` when it is neither."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UserError("usage", f"{text!r} is not ADDRESS:PORT", "for example 127.0.0.1:7000")
    return host.strip("[]"), int(port)


def serve(listen: str, ready: str | None, file: str) -> int:
    """Hash `file`, listen on `listen` (ADDRESS:PORT), touch `ready`, serve until SIGTERM or SIGINT; returns the exit code 0.

    Raises UserError: `usage`, `not_found` (no such file), `port`, `disk` (`ready` cannot be made).
    """
    return asyncio.run(_serve(*split_listen(listen), Path(ready) if ready else None, Path(file)))


async def _serve(host: str, port: int, ready: Path | None, file: Path) -> int:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    provider = FileProvider()
    try:
        await provider.add(file)
    except (OSError, ValueError) as error:
        raise UserError(
            "not_found", f"{file} cannot be served: {getattr(error, 'strerror', None) or error}", "name a file with at least one byte"
        ) from error
    gc.freeze()
    gc.enable()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    mesh = Mesh(
        NodeIdentity.ephemeral(),
        clock=clock,
        supervisor=supervisor,
        listen=(host, port),
        providers=[provider],
        limits=BENCH_LIMITS,
        permit=EVERYWHERE,
        upload_slots=_SLOTS,
    )
    await mesh.start()
    try:
        if ready is not None:
            try:
                ready.touch()
            except OSError as error:
                raise UserError("disk", f"{ready} cannot be made: {error.strerror}") from error
        await stop.wait()
    finally:
        await mesh.stop()
        await supervisor.stop()
    return 0
