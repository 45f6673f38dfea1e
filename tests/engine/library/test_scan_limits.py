"""The scan's process takes no more of the machine than it may."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from test_scanner import flac, world

GREEDY = """
import os, sys
from slskdn_tui.engine.library.scan import worker
say = worker._say
def said(what, **more):
    if what == "walked":
        if os.path.exists(__file__ + ".greedy"):
            bytearray(worker.MEMORY)
        with open(__file__ + ".nice", "w") as told:  # before the engine hears of an end, at which it may kill it
            told.write(f"{os.nice(0)}")
    say(what, **more)
worker._say = said
sys.exit(worker.main())
"""
"""The scan's process, which asks for all the memory it may have beside what it has, where it is told to by a file; else it tells how nice it is."""


def test_a_scan_that_wants_too_much_memory_fails_alone_and_one_that_ends_is_nice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flac(tmp_path / "music" / "1.flac")
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{GREEDY}")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))

    async def run() -> None:
        async with world(tmp_path) as here:
            (tmp_path / "python.greedy").touch()
            await here.scanner.start()
            async with asyncio.timeout(60):
                while "failed" not in here.scanner.status().words or here.scanner.status().state != "idle":
                    await asyncio.sleep(0.005)
            assert not (tmp_path / "python.nice").exists() and not await here.files()
            (tmp_path / "python.greedy").unlink()
            await here.looked()
            assert set(await here.files()) == {"1.flac"} and "failed" not in here.scanner.status().words

    asyncio.run(run())
    assert int((tmp_path / "python.nice").read_text()) == min(19, os.nice(0) + 10)
