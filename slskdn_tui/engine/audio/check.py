"""Checks and analyses audio files by decoding them in a worker process. Shell over `worker.py`: keeps one alive, restarts it when it dies.

One file at a time; a cancelled check ends the worker, so that no answer is left over for the next.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

import slskdn_tui
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)
_LONGEST_ANSWER = 64 * 1024
_BASE_S = 120.0
_BYTES_S = 1_000_000
"""A file may take 120 s and one more for each so many bytes, even on a busy machine."""
_DIED = SafeText("the decoder died on this file, twice")
WANTS = ("measures", "fingerprint", "transcode")
_FACTS = TypeAdapter(AudioFacts)


@dataclass(frozen=True, slots=True)
class AudioCheck:
    """`ok`: nothing is wrong; `checked`: it was decoded (False: unreadable, the decoder died twice, or only a header could be read).

    A FLAC is ok when it decodes whole and to the MD5 in its header; a file of a format without a decoder when its header parses.

    `md5` of the decoded audio (hex, FLAC only), `stored_md5` as the header has it ("" for none), `samples` a channel.
    """

    ok: bool
    checked: bool
    words: SafeText
    md5: str = ""
    stored_md5: str = ""
    samples: int = 0
    rate: int = 0
    channels: int = 0
    bits: int = 0


class AudioChecker:
    """`await check(path)`; `await close()` at the end. The worker starts with the first file."""

    def __init__(self) -> None:
        self._worker: Process | None = None
        self._turn = asyncio.Lock()
        self._count = 0
        self.restarts = 0

    async def check(self, path: str | os.PathLike[str]) -> AudioCheck:
        """Decode the whole file. Never raises for what the file is; cancelling stops the decoding at once."""
        answer = await self._answer(os.fspath(path), {})
        return _check(answer) if answer is not None else AudioCheck(False, False, _DIED)

    async def analyse(self, path: str | os.PathLike[str], *, want: Collection[str] = WANTS) -> AudioFacts:
        """Headers and, as wanted, "measures", "fingerprint" and "transcode" (`analyse.py`). Never raises for what the file is: `error` says it; cancelling ends it at once."""
        answer = await self._answer(os.fspath(path), {"want": sorted(want)})
        try:
            return _FACTS.validate_python(answer["facts"]) if answer is not None else AudioFacts(error=_DIED)
        except (KeyError, ValidationError) as error:
            log.warning("the audio worker's answer for %s is none: %s", SafeText(os.fspath(path)), SafeText(str(error)))
            return AudioFacts(error=SafeText("the audio worker gave no sensible answer"))

    async def _answer(self, path: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """What the worker says; None when it died twice."""
        async with self._turn:
            for attempt in (1, 2):
                answer = await self._ask(path, request)
                if answer is not None:
                    return answer
                log.warning("the audio decoder ended while reading %s (attempt %d)", SafeText(path), attempt)
                self.restarts += 1
        return None

    async def close(self) -> None:
        async with self._turn:
            await self._end()

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._worker.pid if self._worker is not None and self._worker.returncode is None else None

    async def _ask(self, path: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """The worker's answer; None when it died or fell silent."""
        worker = await self._started()
        assert worker.stdin is not None and worker.stdout is not None
        self._count += 1
        try:
            async with asyncio.timeout(_BASE_S + _size(path) / _BYTES_S):
                worker.stdin.write(json.dumps({**request, "id": self._count, "path": path}).encode() + b"\n")
                await worker.stdin.drain()
                line = await worker.stdout.readline()
            answer = json.loads(line)
            if isinstance(answer, dict) and answer.get("id") == self._count:
                return answer
        except (OSError, ValueError, TimeoutError):
            pass  # died, or wrote no JSON: both end below
        except asyncio.CancelledError:
            await self._end()
            raise
        await self._end()
        return None

    async def _started(self) -> Process:
        if self._worker is None or self._worker.returncode is not None:
            # The folder this package runs from comes first, so a checkout's worker is the checkout's.
            home = str(Path(slskdn_tui.__file__).resolve().parent.parent)
            keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")}
            environment = {**keep, "PYTHONPATH": home, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "slskdn_tui.engine.audio.worker"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,  # a decoder's complaints would land on the terminal's screen
                env=environment,
                limit=_LONGEST_ANSWER,
                start_new_session=True,  # ctrl+c is for the engine; the worker ends with its standard input
            )
        return self._worker

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.stdin is not None:
            worker.stdin.close()
        try:
            worker.kill()
        except ProcessLookupError:
            pass
        await asyncio.shield(worker.wait())


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _check(answer: dict[str, Any]) -> AudioCheck:
    def number(name: str) -> int:
        value = answer.get(name)
        return value if isinstance(value, int) else 0

    return AudioCheck(
        ok=answer.get("ok") is True,
        checked=answer.get("checked") is True,
        words=SafeText(answer.get("words", "")),
        md5=str(answer.get("md5", ""))[:32],
        stored_md5=str(answer.get("stored_md5", ""))[:32],
        samples=number("samples"),
        rate=number("rate"),
        channels=number("channels"),
        bits=number("bits"),
    )


async def check_flac(path: str | os.PathLike[str]) -> AudioCheck:
    """One check with a worker of its own; for many files keep an `AudioChecker`."""
    checker = AudioChecker()
    try:
        return await checker.check(path)
    finally:
        await checker.close()
