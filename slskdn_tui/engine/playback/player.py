"""mpv, driven over its JSON IPC. Shells one process and a socket pair: no file, so that nobody else can drive it.

It starts paused; sound begins, stops and goes on as the buffer and the user say. Another player than mpv is only started with the URL.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import socket
from collections.abc import Callable, Sequence
from typing import Any

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.text import SafeText

ASK_S = 0.1
SILENT_ASK_S = 0.03
"""How often the play head is asked for; more often until there is sound."""
MOST_S = 1_000_000
AHEAD_MS = 500
QUIT_S = 2.0
MOST_LINE = 64 * 1024
WAIT_S = 600
"""mpv gives up a connection that is silent for a minute by default; ours waits for bytes."""
_OPTIONS = ("--no-video", "--no-terminal", "--really-quiet", "--idle=no", "--pause", "--no-ytdl", f"--network-timeout={WAIT_S}")


def command_of(player: str) -> list[str]:
    """The words of `playback.player` when its program is there, else none."""
    try:
        words = shlex.split(player)
    except ValueError:
        return []
    return words if words and shutil.which(words[0]) else []


class Player:
    """One process. `run` ends with it; `ended` is then why, in words."""

    def __init__(self, command: Sequence[str], url: str, clock: Clock, moved: Callable[[], None]) -> None:
        self._command, self._url, self._clock, self._moved = list(command), url, clock, moved
        self.name = os.path.basename(command[0])
        self.driven = self.name.startswith("mpv")
        self.position_ms: int | None = None
        self.goal_ms: int | None = None
        """Where it is to go once it has read that far."""
        self._read_ms = 0
        self.length_ms = 0
        """What it says the file plays; 0 before it knows."""
        self.heard = False
        """Sound has come out of it."""
        self.ended = ""
        self._paused: bool | None = True if self.driven else None
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """OSError when the program cannot be started."""
        ours, theirs = socket.socketpair()
        try:
            words = [*self._command, *_OPTIONS, f"--input-ipc-client=fd://{theirs.fileno()}"] if self.driven else self._command
            self._process = await asyncio.create_subprocess_exec(
                *words, self._url, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        try:
            reader, self._writer = await asyncio.open_connection(sock=ours, limit=MOST_LINE)
            if self.driven:
                async with asyncio.TaskGroup() as group:
                    asking = group.create_task(self._ask())
                    await self._listen(reader)
                    asking.cancel()
            await self._process.wait()
            self.ended = self.ended or ("" if not self._process.returncode else f"{self.name} ended with status {self._process.returncode}")
        finally:
            if self._writer is not None:
                self._writer.close()
            await self._end()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await reader.readline()
            except (ValueError, ConnectionError):
                return
            if not line:
                return
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict):
                self._take(told)

    def _take(self, told: dict[str, Any]) -> None:
        if told.get("request_id") == 1 and isinstance(told.get("data"), int | float):
            if self.goal_ms is None:
                before, self.position_ms = self.position_ms, max(0, int(told["data"] * 1000))
                self.heard = self.heard or (not self._paused and before is not None and self.position_ms > before)
        elif told.get("request_id") == 2 and isinstance(told.get("data"), int | float):
            self.length_ms = max(0, int(min(told["data"], MOST_S) * 1000))
        elif told.get("request_id") == 3 and isinstance(told.get("data"), int | float):
            self._read_ms = max(0, int(min(told["data"], MOST_S) * 1000))
        elif told.get("event") == "end-file" and told.get("reason") == "error":
            self.ended = f"{self.name}: {SafeText(str(told.get('file_error', 'the file cannot be played')))}"
        elif told.get("event") == "seek":
            self._moved()

    async def _ask(self) -> None:
        while True:
            self._send("get_property", "playback-time", number=1)
            self._send("get_property", "demuxer-cache-time", number=3)
            if not self.length_ms:
                self._send("get_property", "duration", number=2)
            await self._clock.sleep(ASK_S if self.heard else SILENT_ASK_S)

    def _send(self, *words: object, number: int = 0) -> None:
        if self.driven and self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps({"command": words, "request_id": number}).encode() + b"\n")

    def pause(self, paused: bool) -> None:
        """Tell it, where that is news."""
        if self._writer is not None and paused is not self._paused and self.driven:
            self._paused = paused
            self._send("set_property", "pause", paused)

    def seek(self, ms: int) -> None:
        self.position_ms, self.goal_ms = ms, None
        self._send("seek", ms / 1000, "absolute")

    def seek_when_read(self, ms: int) -> None:
        """Go there once it has read that far by itself. Sent beyond it, it opens the file anew and reads its end first (FLAC), which of a stream from
        the front comes last of all. `may_go` says when."""
        self.position_ms = self.goal_ms = ms

    def may_go(self, ms: int) -> bool:
        """It has read so far, and a little more."""
        return self._read_ms >= ms + AHEAD_MS

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(QUIT_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
