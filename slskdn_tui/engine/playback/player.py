"""mpv, driven over its JSON IPC. Shells one process and a socket pair: no file, so that nobody else can drive it.

It starts paused; sound begins, stops and goes on as the buffer and the user say. Another player than mpv is only started with the URL.
A few milliseconds of silence are its first file: whether this machine has a sound device is known at once, not when the first bytes of a track come.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shlex
import shutil
import socket
import wave
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
_OPTIONS = (
    "--no-video",
    "--no-terminal",
    "--really-quiet",
    "--idle=no",
    "--pause",
    "--no-ytdl",
    "--no-shuffle",
    "--gapless-audio=no",
    f"--network-timeout={WAIT_S}",
)
_NO_DEVICE = "audio output initialization failed"


def _silence() -> str:
    """A WAV file of 256 samples, as a URL of mpv's own."""
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setparams((2, 2, 44_100, 0, "NONE", ""))
        out.writeframes(bytes(4 * 256))
    return f"hex://{data.getvalue().hex()}"


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
        self.settled = asyncio.Event()
        """It has a sound device, or has ended: told by mpv alone."""
        self._files = -1
        self._paused: bool | None = True if self.driven else None
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """OSError when the program cannot be started."""
        ours, theirs = socket.socketpair()
        try:
            driven = [*_OPTIONS, f"--input-ipc-client=fd://{theirs.fileno()}", _silence()] if self.driven else []
            self._process = await asyncio.create_subprocess_exec(
                *self._command, *driven, self._url, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
        except BaseException:
            self.settled.set()
            ours.close()
            raise
        finally:
            theirs.close()
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await asyncio.open_connection(sock=ours, limit=MOST_LINE)
            if self.driven:
                self._socket = ours
                self._send("observe_property", 1, "current-ao")
                async with asyncio.TaskGroup() as group:
                    asking = group.create_task(self._ask())
                    await self._listen(reader)
                    asking.cancel()
            if not self.ended:
                code = await self._process.wait()
                self.ended = f"{self.name} ended with status {code}" if code else ""
        finally:
            self.settled.set()
            self._socket = None
            if writer is not None:
                writer.close()
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
                if self.ended:
                    return

    def _take(self, told: dict[str, Any]) -> None:
        if told.get("request_id") == 1 and isinstance(told.get("data"), int | float):
            if self.goal_ms is None:
                before, self.position_ms = self.position_ms, max(0, int(told["data"] * 1000))
                self.heard = self.heard or (not self._paused and before is not None and self.position_ms > before)
        elif told.get("request_id") == 2 and isinstance(told.get("data"), int | float):
            self.length_ms = max(0, int(min(told["data"], MOST_S) * 1000))
        elif told.get("request_id") == 3 and isinstance(told.get("data"), int | float):
            self._read_ms = max(0, int(min(told["data"], MOST_S) * 1000))
        elif told.get("event") == "start-file":
            self._files += 1
            if self._files > 0:
                self.settled.set()
        elif told.get("event") == "property-change" and told.get("name") == "current-ao" and told.get("data") and not self.settled.is_set():
            self.settled.set()
            if self._files == 0:
                self._send("playlist-next")
        elif told.get("event") == "end-file" and told.get("reason") == "error":
            why = SafeText(str(told.get("file_error", "the file cannot be played")))
            if why == _NO_DEVICE:
                self.ended = f"{self.name} {'lost the' if self.heard else 'finds no'} sound device on this machine"
            elif self._files > 0:
                self.ended = f"{self.name}: {why}"
        elif told.get("event") == "seek":
            self._moved()

    async def _ask(self) -> None:
        while True:
            if self._files > 0:
                self._send("get_property", "playback-time", number=1)
                self._send("get_property", "demuxer-cache-time", number=3)
                if not self.length_ms:
                    self._send("get_property", "duration", number=2)
            await self._clock.sleep(ASK_S if self.heard else SILENT_ASK_S)

    def _send(self, *words: object, number: int = 0) -> bool:
        """Straight into the socket: a transport that cannot write drops what is still to be read, among it why the player ends. False when it is full or shut."""
        if self._socket is None:
            return False
        try:
            self._socket.send(json.dumps({"command": words, "request_id": number}).encode() + b"\n")
        except OSError:
            return False
        return True

    def pause(self, paused: bool) -> None:
        """Tell it, where that is news."""
        if paused is not self._paused and self._files > 0 and self._send("set_property", "pause", paused):
            self._paused = paused

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
