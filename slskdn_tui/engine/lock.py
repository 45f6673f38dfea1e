"""One engine a profile: a lock on `state/engine.lock` that says who holds it. Shells the file system."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.runtime.clock import Clock, SystemClock, iso
from slskdn_tui.model.errors import UserError


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a profile: process id (0 when it cannot be read), since when (ISO UTC), started how (`slskdn serve`)."""

    pid: int
    since: str
    how: str

    def __str__(self) -> str:
        words = f"pid {self.pid}" if self.pid else "another process"
        return words + (f" ({self.how})" if self.how else "") + (f" since {self.since}" if self.since else "")


class ProfileLock:
    """Held from `acquire` to `release`; the kernel lets go of it when the process dies in any way."""

    def __init__(self, paths: Paths, clock: Clock | None = None) -> None:
        self._path = paths.lock_file
        self._clock = clock or SystemClock()
        self._handle: int | None = None

    def acquire(self, how: str) -> None:
        """Take the lock, saying `how` this engine was started. Raises UserError `locked` with the holder, `disk` when the file cannot be made."""
        if self._handle is not None:
            raise RuntimeError("this lock is held already")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UserError("disk", f"cannot make the lock file {self._path}: {error}", "check the folder's owner and rights") from error
        try:
            taken = _take(handle, self._path)
        except OSError as error:
            os.close(handle)
            raise UserError("disk", f"cannot lock {self._path}: {error}", "keep the profile on a local disk") from error
        if not taken:
            os.close(handle)
            raise UserError(
                "locked",
                f"this profile is in use by {read_holder(self._path)}",
                "`slskdn` attaches to it, `slskdn stop` ends it; --profile DIR uses another profile",
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n{iso(self._clock.wall())}\n{how}\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files of one name."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> ProfileLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def _take(handle: int, path: Path) -> bool:
    """Lock it; tried again for a moment while nobody's name is in it, since that is a `holder` that looks, or an engine just starting."""
    for _ in range(10):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if read_holder(path).pid:
                return False
            time.sleep(0.02)
        else:
            return True
    return False


def holder(paths: Paths) -> Holder | None:
    """Who holds the profile now, or None. Takes nothing: it looks with a shared lock for a moment."""
    try:
        handle = os.open(paths.lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_holder(paths.lock_file)
    finally:
        os.close(handle)
    return None


def read_holder(path: Path) -> Holder:
    """What the lock file says; nothing in it is trusted to be there."""
    try:
        lines = path.read_text("utf-8", "replace")[:1000].splitlines()
    except OSError:
        lines = []
    lines += [""] * 3
    return Holder(int(lines[0]) if lines[0].isascii() and lines[0].isdigit() else 0, lines[1], lines[2])
