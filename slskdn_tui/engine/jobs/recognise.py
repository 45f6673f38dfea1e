"""Which recording a file is, by its sound, or by that of what has come of it. Shell over the audio worker and AcoustID.

A partial file that names no recording: with one the mesh can be asked who else has it. A wrong answer costs a question and no more, since every byte from
the mesh still has to fit what Soulseek sent. A whole one: whether it is what it was fetched as.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Awaitable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from slskdn_tui.engine.music.identify.answers import Heard, HeardRecording, Print
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.text import SafeText

HEAD_S = 30
"""So much must have come: less of a sound is no evidence."""
LEAST_BYTES = 128 * 1024
MOST_BYTES = 32 * 1024 * 1024
"""Of the head, copied for the decoder: 120 s of anything but studio masters."""
LEAST_SCORE = 0.8


class Analyse(Protocol):
    def __call__(self, path: str, *, want: Collection[str]) -> Awaitable[AudioFacts]: ...


class Lookup(Protocol):
    def __call__(self, prints: list[Print], /) -> Awaitable[tuple[Heard, ...]]: ...


@dataclass(frozen=True, slots=True)
class Recognised:
    """`recording` is "" when it is not known; `words` say why, or what it is."""

    recording: str
    words: SafeText


class Recogniser:
    """`folder` holds the copy of a head while it is decoded."""

    def __init__(self, analyse: Analyse, lookup: Lookup, disk: Executor, folder: Path) -> None:
        self._analyse = analyse
        self._lookup = lookup
        self._disk = disk
        self._folder = folder

    async def __call__(self, part: Path, have: int, extension: str, seconds: float | None) -> Recognised:
        """The recording of which the first `have` bytes lie in `part`, and which lasts `seconds` in all as far as is known. UserError as AcoustID's; OSError."""
        loop = asyncio.get_running_loop()
        copy = await loop.run_in_executor(self._disk, self._head, part, min(have, MOST_BYTES), extension)
        try:
            facts = await self._analyse(copy, want=("fingerprint",))
        finally:
            await loop.run_in_executor(self._disk, _remove, copy)
        heard_s = facts.fingerprint_duration or 0
        if not facts.fingerprint or heard_s < HEAD_S:
            return Recognised("", SafeText(f"{heard_s} s of it can be heard, {HEAD_S} are needed"))
        whole = seconds or (facts.duration_ms or 0) / 1000
        if whole < heard_s:
            return Recognised("", SafeText("it is not known how long it lasts"))
        (heard,) = await self._lookup([Print(facts.fingerprint, round(whole))])
        return _told(_best(heard))

    async def whole(self, path: Path, names: Collection[str]) -> Recognised:
        """The recording of a whole file: of `names`, MBIDs of one recording, where its sound is linked to one of them at all. UserError as AcoustID's; OSError."""
        facts = await self._analyse(os.fspath(path), want=("fingerprint",))
        if not facts.fingerprint or not facts.duration_ms:
            return Recognised("", facts.error or SafeText("nothing of it can be heard"))
        (heard,) = await self._lookup([Print(facts.fingerprint, max(1, round(facts.duration_ms / 1000)))])
        return _told(next((each for each in heard.recordings if each.mbid in names), None) or _best(heard))

    def _head(self, part: Path, count: int, extension: str) -> str:
        """Blocking: a copy of the first bytes, since what lies behind them is not there yet."""
        suffix = extension if extension.isascii() and extension[1:].isalnum() and len(extension) <= 6 else ""
        handle, name = tempfile.mkstemp(suffix, "head-", self._folder)
        try:
            with open(handle, "wb") as out, open(os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as source:
                while count > 0 and (data := source.read(min(count, 1 << 20))):
                    out.write(data)
                    count -= len(data)
        except OSError:
            _remove(name)
            raise
        return name


def _told(found: HeardRecording | None) -> Recognised:
    if found is None:
        return Recognised("", SafeText("AcoustID does not know its sound"))
    return Recognised(found.mbid, SafeText(f"{found.title or 'recording'} {found.mbid}, by its sound (score {found.score:.2f})"))


def _best(heard: Heard) -> HeardRecording | None:
    """The likely recording most users linked to this sound."""
    likely = [each for each in heard.likely() if each.score >= LEAST_SCORE]
    return max(likely, key=lambda each: (each.sources, each.score, each.mbid), default=None)


def _remove(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
