"""Engines that kill themselves (kill -9) the moment they come to a point. `python dying.py` reads on stdin, a line of JSON each: `profile`, `settings`,
`point`, `of`, `command`; it forks an engine for each, so that the program is read once, and prints how that ended (0 for an exit, else a signal).

The point is `module:name` or `module:Class.name` of the package, before which it dies, given a first argument that ends in `of` where one is told.
`command`, a pair of name and arguments, is submitted once the engine is up and looks.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.engine import Engine
from slskdn_tui.lab.children import die_with_parent
from slskdn_tui.seam import Command


def mine(point: str, of: str) -> None:
    module, _, name = point.partition(":")
    owner: Any = importlib.import_module(f"slskdn_tui.engine.{module}")
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    real = getattr(owner, last)

    def die(*args: Any, **more: Any) -> Any:
        if of and not os.fspath(args[0]).endswith(of):
            return real(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, last, die)


async def main(profile: str, settings: dict[str, Any], point: str, of: str, command: list[Any]) -> None:
    engine = Engine(Paths.of(Path(profile)), Settings.model_validate(settings), password="secret")
    if not command:
        mine(point, of)
    await engine.start()
    await engine.soulseek.wait_online()
    if command:
        mine(point, of)
        print(await engine.submit(Command(*command)), file=sys.stderr)
    await engine.wait()


if __name__ == "__main__":
    for line in sys.stdin:
        if not (pid := os.fork()):
            die_with_parent()
            asyncio.run(main(**json.loads(line)))
            os._exit(0)
        print(os.waitpid(pid, 0)[1], flush=True)
