"""`python -m tests.fakes.show`: the app over fixed snapshots, for looking at it. `--tick S` moves three rows every S seconds, `--hostile` attacks."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from typing import Any

from slskdn_tui.config.settings import Ui
from slskdn_tui.ui.app import run_app
from tests.fakes.engine import FakeEngine, hostile


class Ticking(FakeEngine):
    """Moves on by itself `count` times, then stands still. With `mark`, bytes of each tick can be told apart by the file's growth."""

    def __init__(self, every: float, count: int) -> None:
        super().__init__()
        self._every, self._count = every, count
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await super().start()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        for _ in range(self._count):
            await asyncio.sleep(self._every)
            self.tick()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--hostile", type=int, default=0)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--theme", default="")
    parser.add_argument("--tick", type=float, default=0)
    parser.add_argument("--ticks", type=int, default=1000)
    parser.add_argument("--hz", type=float, default=4)
    args = parser.parse_args()
    engine: Any = FakeEngine(empty=args.empty)
    if args.hostile:
        engine = hostile(args.hostile, raw=args.raw)
    elif args.tick:
        engine = Ticking(args.tick, args.ticks)
    if args.ascii is False and "LANG" not in os.environ and "LC_ALL" not in os.environ:
        os.environ["LANG"] = "C.UTF-8"
    os.environ.setdefault("TZ", "UTC")
    time.tzset()
    return run_app(engine, settings=Ui(), theme=args.theme, ascii_mode=args.ascii, refresh_hz=args.hz)


if __name__ == "__main__":
    sys.exit(main())
