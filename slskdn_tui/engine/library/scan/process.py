"""Runs the scan's process and hands on what it says. Shell over `worker.py`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import slskdn_tui

LONGEST_LINE = 16 * 1024 * 1024
SMALL = 4096
"""Bytes of JSON that are read on the loop; longer lines in a thread."""


class ScanFailed(Exception):
    """The process ended before it was done."""


async def scan_folders(db: Path, roots: Sequence[str], parser: Executor) -> AsyncGenerator[dict[str, Any], None]:
    """Its messages up to "end". Closing the iterator, or cancelling who waits on it, kills the process. Raises ScanFailed."""
    home = str(Path(slskdn_tui.__file__).resolve().parent.parent)
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "slskdn_tui.engine.library.scan.worker"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**keep, "PYTHONPATH": home, "PYTHONDONTWRITEBYTECODE": "1"},
        limit=LONGEST_LINE,
        start_new_session=True,  # ctrl+c is for the engine
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps({"db": str(db), "roots": list(roots)}).encode() + b"\n")
        await process.stdin.drain()
        while line := await process.stdout.readline():
            if len(line) > SMALL:
                message = await asyncio.get_running_loop().run_in_executor(parser, json.loads, line)
            else:
                message = json.loads(line)
            if message["say"] == "end":
                return
            yield message
        raise ScanFailed(f"the scan's process ended with {await process.wait()}")
    except (ValueError, OSError) as error:
        raise ScanFailed(f"the scan's process cannot be understood: {error}") from error
    finally:
        if process.returncode is None:
            try:
                process.kill()
            except ProcessLookupError:
                pass
        await asyncio.shield(process.wait())
