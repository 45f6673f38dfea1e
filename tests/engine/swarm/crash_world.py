"""Children that can be killed at any moment, and a file system whose power can be cut; and what must hold afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import queue
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from crash_child import ABOUT, known, leaf_bytes

from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.state.parts import PartsTable
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.piecemap import DONE, bits
from slskdn_tui.model.part import BITMAP_PAGE, PartRecord
from slskdn_tui.model.variant import LEAF

CHILD = Path(__file__).with_name("crash_child.py")
_SHUTDOWN = 0x8004587D  # FS_IOC_GOINGDOWN
_NO_LOG_FLUSH = 2


@dataclass
class Told:
    """What a child said until it ended: acknowledged leaves and prefix, whether it holds or was done, and its own failure."""

    acked: set[int] = field(default_factory=set)
    prefix: int = 0
    writing: int | None = None
    commits: int = 0
    holds: bool = False
    done: bool = False
    failed: str = ""
    ended: bool = False

    def take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        match word:
            case "acked":
                page, text = rest.split(" ")
                first = int(page) * BITMAP_PAGE
                now = {first + bit for bit in bits(bytes.fromhex(text), 4 * len(text))}
                self.acked = {leaf for leaf in self.acked if not first <= leaf < first + BITMAP_PAGE} | now
            case "prefix":
                self.prefix, self.commits = int(rest), self.commits + 1
            case "writing":
                self.writing = int(rest)
            case "holds":
                self.holds = True
            case "done":
                self.done = True
            case "failed":
                self.failed = rest
            case "ended":
                self.ended = True


class Children:
    """A process that forks them (an interpreter with everything loaded), one at a time."""

    def __enter__(self) -> Children:
        self._server = subprocess.Popen([sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self._server.stdout is not None
        for line in self._server.stdout:
            self._lines.put(line)
        self._lines.put("")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._server.wait(10)
        self._server.kill()
        self._server.wait()

    def start(
        self,
        folder: Path,
        leaves: int,
        seed: int,
        mode: str,
        order: str = "good",
        address: tuple[str, int] | None = None,
        share: float = 1.0,
    ) -> int:
        """`share` of what is missing is written, and no more, however long the end is in coming."""
        assert self._server.stdin is not None
        job = {"folder": str(folder), "leaves": leaves, "seed": seed, "mode": mode, "order": order, "address": address, "share": share}
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        line = self._line()
        assert line.startswith("pid "), line
        return int(line.split()[1])

    def _line(self) -> str:
        line = self._lines.get()
        assert line, "the process that forks is gone"
        return line.rstrip("\n")

    def until(self, told: Told, commits: int) -> None:
        """Until the child writes and has told of so many commits, or holds, or has ended."""
        while told.writing is None or told.commits < commits:
            line = self._line()
            told.take(line)
            if told.holds or told.done or told.failed:
                return

    def so_far(self, told: Told) -> None:
        """What it has said until now."""
        with contextlib.suppress(queue.Empty):
            while not told.ended:
                told.take(self._lines.get_nowait().rstrip("\n"))

    def ended(self, told: Told) -> None:
        while not told.ended:
            told.take(self._line())

    def kill(self, pid: int, told: Told) -> None:
        os.kill(pid, signal.SIGKILL)
        self.ended(told)


async def _record(folder: Path, mode: str) -> PartRecord | None:
    database = await Database.open(folder / "state.db", "state", "FULL", clock=SystemClock())
    record = await PartsTable(database).load(mode)
    await database.close()
    assert database.damage is None, str(database.damage)
    return record


async def _from_sidecar(folder: Path, mode: str, leaves: int) -> PartFile:
    """The part opened as if the database were gone, from copies."""
    with tempfile.TemporaryDirectory() as other:
        for name in (f"{mode}.part", f"{mode}.part.sidecar"):
            shutil.copy2(folder / name, other)
        part = await PartFile.open(Path(other) / f"{mode}.part", leaves * LEAF, mode, MemoryPartStore(), SystemClock(), about=ABOUT)
        await part.close()
        return part


@dataclass(frozen=True)
class Found:
    """What is there after a crash: `wrong` leaves are marked (or inside the prefix) and differ, `lost` were acknowledged and are not marked."""

    marked: set[int]
    prefix: int
    wrong: list[int]
    lost: list[int]
    prefix_lost: int
    without_database: set[int]

    @property
    def sound(self) -> bool:
        return not self.wrong and not self.lost and not self.prefix_lost


def look(folder: Path, mode: str, leaves: int, told: Told) -> Found:
    """Compare what is marked with the true file, and with what was acknowledged."""
    record = asyncio.run(_record(folder, mode))
    if record is None:
        return Found(set(), 0, [], sorted(told.acked), told.prefix, set())
    marked = set(bits(record.bitmap, leaves))
    with open(folder / f"{mode}.part", "rb") as file:
        data = file.read()
    claimed = dict.fromkeys(marked, LEAF)
    for leaf in range(-(-record.prefix // LEAF) if mode == "origin" else 0):
        claimed[leaf] = min(LEAF, record.prefix - leaf * LEAF)
    wrong = [leaf for leaf, size in sorted(claimed.items()) if data[leaf * LEAF : leaf * LEAF + size] != leaf_bytes(leaf)[:size]]
    without: set[int] = set()
    if not wrong:
        part = asyncio.run(_from_sidecar(folder, mode, leaves))
        without = {leaf for leaf in range(leaves) if part.pieces.status[leaf] == DONE}
        # A kill between the two leaves the sidecar ahead of the record: what it says must be there all the same.
        stop = part.pieces.prefix
        further = {leaf: min(LEAF, stop - leaf * LEAF) for leaf in range(record.prefix // LEAF, -(-stop // LEAF))}
        wrong = [leaf for leaf, size in further.items() if data[leaf * LEAF : leaf * LEAF + size] != leaf_bytes(leaf)[:size]]
    return Found(marked, record.prefix, wrong, sorted(told.acked - marked), max(0, told.prefix - record.prefix), without)


def cannot_cut() -> str:
    """Why the power of a file system cannot be cut here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    if missing := [tool for tool in ("mkfs.ext4", "mount", "umount") if shutil.which(tool) is None]:
        return f"{missing[0]} is not installed"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Ext4(Path(folder)) as disk:
                disk.cut()
        except (OSError, subprocess.CalledProcessError) as error:
            said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) and error.stderr else str(error)
            return f"no loop-mounted ext4 with forced shutdown: {said}"
    return ""


class Ext4:
    """An ext4 in an image, mounted at `root/disk`. `cut` stops it as a power cut does: what was not synced is gone."""

    def __init__(self, root: Path, mib: int = 64) -> None:
        self.folder = root / "disk"
        self._image = root / "image"
        self._mib = mib

    def __enter__(self) -> Ext4:
        self.folder.mkdir()
        with open(self._image, "wb") as file:
            file.truncate(self._mib << 20)
        self._run("mkfs.ext4", "-q", "-F", str(self._image))
        self.mount()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)

    def mount(self) -> None:
        self._run("mount", "-o", "loop", str(self._image), str(self.folder))

    def unmount(self) -> None:
        self._run("umount", str(self.folder))

    def cut(self) -> None:
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(fd)

    @staticmethod
    def _run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[None]:
    """A small disk of its own at `folder`. OSError EPERM where it cannot be mounted."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise OSError(errno.EPERM, "mounting a tmpfs needs root and CAP_SYS_ADMIN")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


if __name__ == "__main__":
    print(cannot_cut())

__all__ = ["Children", "Ext4", "Found", "Told", "cannot_cut", "known", "look", "tmpfs"]
