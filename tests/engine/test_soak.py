"""Hours over the demo's world: one album after the other, windows that come and go, and memory, descriptors and tasks stay where they were.

`SLSKDN_NIGHTLY=1` runs a real hour and 24 of the engine's hours; without it an hour of the latter. SLSKDN_SOAK names a file for the samples.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.lab.world import Options, World, build
from slskdn_tui.model.views import JobsView, ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.slow
NIGHTLY = bool(os.environ.get("SLSKDN_NIGHTLY"))
FAST = 120.0
"""Seconds of the engine in one of ours: its keep-alives and look-ups still fit the sockets' real time."""
REST_S = 10.0 if NIGHTLY else 1.0
MOST = {"descriptors": 2, "threads": 1, "tasks": 3, "rss_kib": 12 * 1024}
"""What the last third of a soak may hold more than the second third did."""
VIEWS = ("status", "swarms", "jobs", "log", "uploads", "people", "wishes", "limits")


async def connect(paths: Paths) -> RemoteEngine:
    engine = RemoteEngine(paths.socket)
    await engine.start()
    return engine


@dataclass
class Soak:
    """An engine of some speed in a started world, and what it was measured to hold after each round."""

    world: World
    speed: float
    samples: Path
    pid: int = 0
    held: list[dict[str, Any]] = field(default_factory=list)

    async def start(self) -> None:
        child = str(Path(__file__).with_name("soak_child.py"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, child, str(self.world.root / "downloader"), str(self.speed), str(self.samples)
        )
        self.pid = process.pid
        self.process = process
        await self.world.children.until("the soaked engine", lambda: self.world.profile.socket.exists() or not self.running)
        assert self.running

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def stop(self) -> None:
        if self.running:
            self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 30)

    async def round(self) -> None:
        """Fetch the album anew, with a window that looks at everything meanwhile, search and browse; then measure at rest."""
        for album in self.world.downloads.iterdir():  # not the folder: a job waits for one that is gone
            shutil.rmtree(album)
        engine = await connect(self.world.profile)
        try:
            made = await engine.submit(Command("jobs.create", {"reference": self.world.reference, "again": True}))
            assert made.ok, made
            job = str(made.data["job_id"])
            await engine.submit(Command("search.ask", {"query": "plone beginner"}))
            while await self._state(engine, job) != "completed":
                for name in VIEWS:
                    await engine.snapshot(ViewKey(name))
                await engine.snapshot(ViewKey("trace", job))
                await engine.snapshot(ViewKey("browse", "bluenote59"))
                await asyncio.sleep(0.5)
        finally:
            await engine.stop()
        await asyncio.sleep(REST_S)  # what a completed job still writes; and an hour of albums without a rest is nobody's
        self.held.append(await self._sample())

    async def _state(self, engine: RemoteEngine, job: str) -> str:
        view = await engine.snapshot(ViewKey("jobs"))
        assert isinstance(view, JobsView) and self.running
        return next(str(row.state) for row in view.rows if row.job_id == job)

    async def _sample(self) -> dict[str, Any]:
        before = len(self._lines())
        os.kill(self.pid, signal.SIGUSR1)
        async with asyncio.timeout(30):
            while len(self._lines()) == before:
                await asyncio.sleep(0.05)
        return dict(json.loads(self._lines()[-1]))

    def _lines(self) -> list[str]:
        return self.samples.read_text().split("\n")[:-1] if self.samples.exists() else []  # whole lines

    def least(self, what: str) -> tuple[int, int]:
        """The least that was held in the second and in the last third: a leak lifts it, a task that is just ending does not."""
        third = max(1, len(self.held) // 3)
        return min(one[what] for one in self.held[third : 2 * third]), min(one[what] for one in self.held[-third:])


@pytest.mark.parametrize(
    ("speed", "real_s"),
    [(FAST, 86_400 / FAST if NIGHTLY else 30.0), *([(1.0, 3600.0)] if NIGHTLY else [])],
    ids=["24 hours on a fast clock", "a real hour"] if NIGHTLY else ["an hour on a fast clock"],
)
def test_memory_descriptors_and_tasks_stay_flat_over_hours_of_albums(tmp_path: Path, speed: float, real_s: float) -> None:
    samples = Path(os.environ.get("SLSKDN_SOAK") or tmp_path / "samples")

    async def main() -> Soak:
        world = await build(tmp_path / "world", Options(seconds=2), connect, lambda words: None)
        soak = Soak(world, speed, samples.with_name(f"{samples.name}-{speed:g}"))
        try:
            await soak.start()
            end = time.monotonic() + real_s
            while time.monotonic() < end or len(soak.held) < 3:
                await asyncio.wait_for(soak.round(), 300)
            return soak
        finally:
            await soak.stop()
            await world.stop()

    soak = asyncio.run(main())
    held = {what: soak.least(what) for what in MOST}
    assert all(last <= middle + MOST[what] for what, (middle, last) in held.items()), (held, soak.held[0]["names"], soak.held[-1]["names"])
