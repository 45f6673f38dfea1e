"""`python -m tests.fakes.show`: the app over fixed snapshots, for looking at it. `--tick S` moves three rows every S seconds, `--hostile` attacks."""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from slskdn_tui.config.settings import Ui
from slskdn_tui.ui.app import run_app
from tests.fakes.engine import FakeEngine, hostile


class Ticking(FakeEngine):
    """Moves on by itself every so many seconds (0: never), and once for each SIGUSR1; with `slow_stop` it stops only at a SIGUSR2."""

    def __init__(self, every: float, *, empty: bool = False, slow_stop: bool = False, stopped: str = "") -> None:
        super().__init__(empty=empty)
        self._stopped = stopped
        self._may_stop = asyncio.Event()
        if not slow_stop:
            self._may_stop.set()
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await super().start()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.tick)
        loop.add_signal_handler(signal.SIGUSR2, self._may_stop.set)
        if self._every:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            self.tick()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        await self._may_stop.wait()
        if self._stopped:
            Path(self._stopped).touch()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--hostile", type=int, default=0)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--slow-stop", action="store_true")
    parser.add_argument("--stopped", default="", help="a file made once the engine has stopped in order")
    parser.add_argument("--then-read", action="store_true")
    parser.add_argument("--theme", default="")
    parser.add_argument("--tick", type=float, default=0)
    parser.add_argument("--hz", type=float, default=4)
    args = parser.parse_args()
    engine: Any = (
        hostile(args.hostile, raw=args.raw)
        if args.hostile
        else Ticking(args.tick, empty=args.empty, slow_stop=args.slow_stop, stopped=args.stopped)
    )
    if args.ascii is False and "LANG" not in os.environ and "LC_ALL" not in os.environ:
        os.environ["LANG"] = "C.UTF-8"
    os.environ.setdefault("TZ", "UTC")
    time.tzset()
    code = run_app(engine, settings=Ui(), theme=args.theme, ascii_mode=args.ascii, refresh_hz=args.hz)
    if args.then_read:  # as the shell would
        print("keys left" if select.select([sys.stdin], [], [], 0.3)[0] else "nothing left")
    return code


if __name__ == "__main__":
    sys.exit(main())
