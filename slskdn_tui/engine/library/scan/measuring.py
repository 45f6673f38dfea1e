"""Decodes the library's files in worker processes: fingerprint and measures, then the transcode test. Shell over `AudioChecker`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import fields, replace
from typing import Any

from slskdn_tui.engine.audio.check import WANTS, AudioChecker
from slskdn_tui.engine.audio.scoring import scored
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.library.files import FilesTable
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.library import LibraryFile, Stage

TEST = "transcode"
_PAGE = 50
_VALUES = tuple(each.name for each in fields(AudioFacts) if each.name not in ("error", "verdict", "quality_score", "score_reasons"))


def joined(header: AudioFacts, decoded: AudioFacts) -> AudioFacts:
    """What decoding found, and of what it could not find out what the header said."""
    kept: dict[str, Any] = {name: getattr(header, name) for name in _VALUES if getattr(decoded, name) in (None, "")}
    verdict = header.verdict if decoded.verdict.kind == "not_tested" else decoded.verdict
    return replace(decoded, **kept, verdict=verdict)


def reached(facts: AudioFacts, wanted: Stage) -> Stage:
    """The stage of a file after such facts: what cannot be decoded, or never was lossless, needs no transcode test."""
    return Stage.TESTED if facts.error or not facts.lossless or facts.verdict.kind != "not_tested" else wanted


class Measuring:
    """`await run(stage, ...)` brings every file that stands just before `stage` to it. Cancelling ends the workers at once."""

    def __init__(self, files: FilesTable, disk: Executor, clock: Clock, workers: int) -> None:
        self._files = files
        self._disk = disk
        self._clock = clock
        self._workers = workers

    async def run(self, stage: Stage, done: Callable[[LibraryFile], None]) -> None:
        """`done(file)` is told of each that was looked at."""
        want = [name for name in WANTS if name != TEST] if stage == Stage.MEASURED else [TEST]
        queue: asyncio.Queue[LibraryFile | None] = asyncio.Queue(_PAGE)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fill(stage, queue))
            for _ in range(self._workers):
                group.create_task(self._work(stage, want, queue, done))

    async def _fill(self, stage: Stage, queue: asyncio.Queue[LibraryFile | None]) -> None:
        after = ""
        while page := await self._files.at_stage(Stage(stage - 1), after, _PAGE):
            for file in page:
                await queue.put(file)
            after = page[-1].path
        for _ in range(self._workers):
            await queue.put(None)

    async def _work(
        self, stage: Stage, want: list[str], queue: asyncio.Queue[LibraryFile | None], done: Callable[[LibraryFile], None]
    ) -> None:
        checker = AudioChecker()
        try:
            while (file := await queue.get()) is not None:
                await self._one(checker, file, stage, want)
                done(file)
        finally:
            await checker.close()

    async def _one(self, checker: AudioChecker, file: LibraryFile, stage: Stage, want: list[str]) -> None:
        if not await self._unchanged(file):
            return  # the next scan sees it
        if stage == Stage.TESTED and not file.facts.lossless:
            decoded = AudioFacts()
        else:
            decoded = await checker.analyse(file.path, want=want)
        if not await self._unchanged(file):
            return
        facts = scored(joined(file.facts, decoded))
        await self._files.put_facts(file.path, file.stamp, facts, reached(facts, stage), self._clock.wall().timestamp())

    async def _unchanged(self, file: LibraryFile) -> bool:
        def look() -> bool:
            try:
                facts = os.lstat(file.path)
            except OSError:
                return False
            return (facts.st_mtime_ns, facts.st_size, facts.st_ino) == file.stamp

        return await asyncio.get_running_loop().run_in_executor(self._disk, look)
