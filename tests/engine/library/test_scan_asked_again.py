"""Commands to the scanner while it is at work: what is asked for is done, and none waits for what it need not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from test_scanner import World, flac, world

from slskdn_tui.engine.library.scan.scanner import JUDGED, Scanner
from slskdn_tui.model.library import LibraryCounts


class Gate:
    """A place in the scanner's work where it waits, the first time, until `go` is set; `at` is set when it is there."""

    def __init__(self) -> None:
        self.at, self.go = asyncio.Event(), asyncio.Event()

    async def pass_by(self) -> None:
        self.at.set()
        await self.go.wait()


def gated(monkeypatch: pytest.MonkeyPatch, here: World, where: str) -> Gate:
    """`walked`: the folders are walked, the headers are not read. `judged`: all is read, and decoding has not begun."""
    gate = Gate()
    take, get = Scanner._take, here.store.choices.get

    async def taken(self: Scanner, message: dict[str, Any], asked: dict[str, int]) -> None:
        if message["say"] == where:
            await gate.pass_by()
        await take(self, message, asked)

    async def got(key: str) -> object:
        if where == "judged" and key == JUDGED:
            await gate.pass_by()
        return await get(key)

    monkeypatch.setattr(Scanner, "_take", taken)
    monkeypatch.setattr(here.store.choices, "get", got)
    return gate


@pytest.mark.parametrize("where", ["walked", "judged"])
def test_a_scan_asked_for_while_one_is_under_way_finds_what_that_one_has_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    flac(tmp_path / "music" / "1.flac")

    async def run() -> None:
        async with world(tmp_path) as here:
            gate = gated(monkeypatch, here, where)
            await here.scanner.start()
            await gate.at.wait()
            flac(tmp_path / "music" / "later" / "2.flac")
            await here.scanner.start()
            gate.go.set()
            await here.ended.wait()
            assert set(await here.files()) == {"1.flac", "2.flac"}

    asyncio.run(run())


def test_a_scan_asked_for_while_the_folders_are_watched_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flac(tmp_path / "music" / "1.flac")
    gate = Gate()

    async def unchanged(self: Scanner) -> bool:
        await gate.pass_by()
        return False

    monkeypatch.setattr(Scanner, "_changed", unchanged)

    async def run() -> None:
        async with world(tmp_path, watch_s=0.01) as here:
            await gate.at.wait()
            await here.scanner.start()
            gate.go.set()
            async with asyncio.timeout(60):
                await here.ended.wait()
            assert set(await here.files()) == {"1.flac"}

    asyncio.run(run())


def test_who_cancels_a_scan_can_be_cancelled_while_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flac(tmp_path / "music" / "1.flac")

    async def run() -> None:
        async with world(tmp_path) as here:
            gate, ending = gated(monkeypatch, here, "judged"), Gate()
            await here.scanner.start()
            await gate.at.wait()
            counts = here.store.files.counts

            async def slow() -> LibraryCounts:
                await ending.pass_by()
                return await counts()

            monkeypatch.setattr(here.store.files, "counts", slow)
            caller = asyncio.create_task(here.scanner.cancel())
            await ending.at.wait()
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
            ending.go.set()

    asyncio.run(run())
