"""An engine as `slskdn serve` runs it, but on a clock of any speed, and measured from within.

`python soak_child.py PROFILE SPEED SAMPLES`: on SIGUSR1 it collects garbage and appends a JSON line to SAMPLES; on SIGTERM it stops.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from slskdn_tui.config.load import load_settings
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.secrets import resolve_password
from slskdn_tui.engine.engine import Engine
from slskdn_tui.lab.children import die_with_parent


class FastClock:
    """The engine's hours pass `speed` times as fast; sockets and disks stay as they are."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start, self._wall = time.monotonic(), time.time()

    def now(self) -> float:
        return self._start + self._passed()

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self._wall + self._passed(), UTC)

    def _passed(self) -> float:
        return (time.monotonic() - self._start) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._speed)


def sample(clock: FastClock, began: float) -> dict[str, object]:
    """What must stay flat; `names`: tasks by name, so that a leak has one."""
    gc.collect()
    names: dict[str, int] = {}
    for task in asyncio.all_tasks():
        name = task.get_name() if not task.get_name().startswith("Task-") else getattr(task.get_coro(), "__qualname__", "?")
        names[name] = names.get(name, 0) + 1
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {
        "hours": round((clock.now() - began) / 3600, 3),
        "rss_kib": int(status["VmRSS"].split()[0]),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "tasks": sum(names.values()),
        "names": names,
    }


async def main(profile: str, speed: float, samples: Path) -> None:
    clock = FastClock(speed)
    began = clock.now()
    paths = Paths.of(Path(profile))
    assert paths.config_file.exists(), f"no settings in {profile}: the defaults would go to the real network"
    settings = load_settings(paths, {})
    engine = Engine(paths, settings, password=resolve_password(settings), how="a soak", clock=clock)

    def note() -> None:
        line = json.dumps(sample(clock, began))
        with samples.open("a") as file:
            file.write(line + "\n")

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, engine.ask_to_stop)
    loop.add_signal_handler(signal.SIGUSR1, note)
    await engine.start()
    try:
        await engine.wait()
    finally:
        await engine.stop()


if __name__ == "__main__":
    die_with_parent()  # one left behind by a killed test holds the world's addresses
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])))
