"""`slskdn demo`: build the world, run its script or show it, and leave nothing behind. Shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from slskdn_tui.lab.demo import Report, count_other_tags, look_back, name_the_liar, run_job, shares, words
from slskdn_tui.lab.world import SHORT, Connect, Options, World, build
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command


class DemoOptions(Protocol):
    """What the command line says (`cli.hooks.DemoOptions`)."""

    @property
    def headless(self) -> bool: ...
    @property
    def json(self) -> bool: ...
    @property
    def keep(self) -> str | None: ...
    @property
    def no_overlay(self) -> bool: ...
    @property
    def honest(self) -> bool: ...
    @property
    def timeout_s(self) -> int: ...


def _say(line: str) -> None:
    print(SafeText(line), file=sys.stderr, flush=True)


def run_demo(options: DemoOptions, connect: Connect, show: Callable[[Path], int]) -> int:
    """Exit code of the demo: 0 only if every file is bit-identical and the stall, the rescue and the ban were seen."""
    root = Path(os.path.expanduser(options.keep)).absolute() if options.keep else Path(tempfile.mkdtemp(prefix="slskdn-demo-"))
    if options.keep and root.exists() and any(root.iterdir()):
        raise UserError("disk", f"{root} is not empty", "give --keep a new folder")
    root.mkdir(parents=True, exist_ok=True)
    wanted = Options(overlay=not options.no_overlay, honest=options.honest)
    try:
        if options.headless:
            return asyncio.run(_headless(root, wanted, options, connect))
        return _with_screens(root, wanted, connect, show)
    finally:
        if options.keep:
            _say(f"the world is left in {root}; `slskdn --profile {root / 'downloader'} jobs list` looks at its job")
        else:
            with _undisturbed():
                shutil.rmtree(root, ignore_errors=True)


async def _headless(root: Path, wanted: Options, options: DemoOptions, connect: Connect) -> int:
    report = Report()
    try:
        world = await build(root, wanted, connect, _say)
    except RuntimeError as error:
        report.problem = str(error)
    else:
        try:
            await world.start_downloader(_say)
            report = await run_job(world, connect, _say, options.timeout_s)
            name_the_liar(report)
            count_other_tags(report)
        except RuntimeError as error:
            report.problem = str(error)
        finally:
            with _undisturbed():
                await world.stop()
    _say("")
    _say_all(words(report))
    if options.json:
        print(report.json(), flush=True)
    return 0 if report.ok else 1


def _say_all(text: str) -> None:
    for line in text.split("\n"):
        _say(line)


def _with_screens(root: Path, wanted: Options, connect: Connect, show: Callable[[Path], int]) -> int:
    """The children need nothing of this process while the app has the terminal: the loop only runs before and after."""
    with asyncio.Runner() as runner:
        world = runner.run(_prepared(root, wanted, connect))
        try:
            code = show(root / "downloader")
            _say("stopping the demo's world ...")
            _say_all(runner.run(_afterword(world, connect)))
            return code
        finally:
            with _undisturbed():
                runner.run(world.stop())


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl+c is not heard while the last things are put away."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _prepared(root: Path, wanted: Options, connect: Connect) -> World:
    world = await build(root, wanted, connect, _say)
    try:
        await world.start_downloader(_say)
        engine = await connect(world.profile)
        try:
            _say(f"thresholds are shortened here: queued {SHORT['queued_s']:.0f} s (1800), no byte {SHORT['no_bytes_s']:.0f} s (120)")
            await engine.submit(Command("jobs.create", {"reference": world.reference}))
        finally:
            await engine.stop()
    except BaseException:
        await world.stop()
        raise
    return world


async def _afterword(world: World, connect: Connect) -> str:
    """What came of the album while the screens were open."""
    try:
        report = await look_back(world, connect)
    except (UserError, OSError) as error:
        return f"the demo's engine had gone: {error}"
    return "\n".join(shares(report))
