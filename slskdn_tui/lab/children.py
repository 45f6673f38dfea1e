"""Child processes of a lab world: started with their own log file, ended with the world whatever happens to it. Shell."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
COMES_UP_S = 180.0
"""A part of the world that is not up by then will not be; on a busy machine five engines take more than a minute."""
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """In the child before exec: the kernel ends it when the world's process ends, even by kill -9."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One process and its log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def words(self) -> str:
        """The end of its log, for an error message."""
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace")[-1500:]
        return ""


class Children:
    """All processes of a world."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self.all: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True)

    async def start(self, name: str, *args: str) -> Child:
        """`python -m ARGS` under its own log; secrets of the user's environment do not go along."""
        log = self._logs / f"{name}.log"
        env = {key: value for key, value in os.environ.items() if not key.startswith("SLSKDN_")}
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *args,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                preexec_fn=die_with_parent,
            )
        child = Child(name, process, log)
        self.all.append(child)
        return child

    async def run(self, name: str, *args: str) -> None:
        """Run to its end; RuntimeError with the end of its log when it fails."""
        child = await self.start(name, *args)
        if await child.process.wait() != 0:
            raise RuntimeError(f"{name} failed:\n{child.words()}")

    async def until(self, what: str, ready: Callable[[], bool], seconds: float = COMES_UP_S) -> None:
        """Poll a condition; RuntimeError names a child that died, or what was waited for."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    for child in self.all:
                        if child.process.returncode not in (None, 0):
                            raise RuntimeError(f"{child.name} ended with {child.process.returncode}:\n{child.words()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RuntimeError(f"the demo's world did not come up: {what}") from None

    async def stop(self) -> None:
        """Ask every child to end, then make it."""
        running = [child for child in self.all if child.running]
        for child in running:
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
        for child in running:
            try:
                async with asyncio.timeout(5):
                    await child.process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    child.process.kill()
                await child.process.wait()
