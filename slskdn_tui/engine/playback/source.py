"""Bytes a player can be given: of a track that still arrives, or of a file that is there. Shells one file descriptor.

Only what is verified, or came from the origin without a gap, is given out. A track's descriptor outlives its swarm: the finished file is the same file.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Protocol

from slskdn_tui.engine.jobs.live import LiveTrack
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import TrackState
from slskdn_tui.model.ports import OriginState, PriorityWindow
from slskdn_tui.model.text import SafeText


class Source(Protocol):
    """`size` is 0 while it is not known; `gone` says why no byte will come any more, or is empty. `name` ends as the file does."""

    size: int
    gone: str

    @property
    def name(self) -> str: ...

    def ready(self, offset: int) -> int:
        """Where the bytes that are there from `offset` on without a gap end; `offset` itself when its own byte is missing."""
        ...

    @property
    def arrived(self) -> int:
        """Bytes that are there."""
        ...

    @property
    def asked(self) -> bool:
        """Somebody sends, or was asked to."""
        ...

    @property
    def jumps(self) -> bool:
        """Any byte can be there soon: all are, or somebody sends from wherever he is asked to. False of a stream from the front alone."""
        ...

    def call_help(self) -> None:
        """Somebody waits for bytes that a stream from the front brings last: whoever could send from there is to be asked."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Blocking; OSError when they cannot be read."""
        ...

    def close(self) -> None: ...


class FileSource:
    """A finished file. UserError when it is none that can be read."""

    def __init__(self, path: str) -> None:
        self.name, self.gone = os.path.basename(path), ""
        self._fd = _open(path)
        self.size = self.arrived = os.fstat(self._fd).st_size

    asked = jumps = True

    def call_help(self) -> None:
        """All of it is there."""

    def ready(self, offset: int) -> int:
        return max(offset, self.size)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class TrackSource:
    """A job's track, from before its first byte until after it was placed. `windows` is what its swarm is told, once it is set."""

    def __init__(self, live: LiveTrack) -> None:
        self.gone, self.size = "", 0
        self.windows: PriorityWindow | None = None
        self._live = live
        self._part: PartFile | None = None
        self._placed = ""
        self._fd = -1
        self._closed = False
        self._look()

    @property
    def name(self) -> str:
        record = self._live.record
        return (record.placed or record.path.replace("\\", "/")).rsplit("/", 1)[-1]

    def _look(self) -> None:
        """Follow the track: another swarm has another part, a placed file is read where it is."""
        live = self._live
        part = live.swarm.part if live.swarm is not None else None
        if self._closed or self.gone:
            return
        if live.record.state is TrackState.DONE and live.record.placed != self._placed:
            with contextlib.suppress(UserError):  # it may be moved just now
                fd = _open(live.record.placed)
                self._take(fd, os.fstat(fd).st_size)
                self._placed = live.record.placed
        elif part is not None and part is not self._part and live.swarm is not None:
            with contextlib.suppress(UserError):
                self._take(_open(part.path), part.size)
                self._part, self._placed = part, ""
        if live.swarm is not None and part is self._part:
            live.swarm.set_windows(self.windows)
        if live.record.state is TrackState.FAILED:
            self.gone = f"the track failed: {live.record.reason}"

    def _take(self, fd: int, size: int) -> None:
        if self.size and size != self.size:
            os.close(fd)
            self.gone = "another file is fetched in its place"
            return
        self.size = size
        if self._fd < 0:
            self._fd = fd
            return
        os.dup2(fd, self._fd, inheritable=False)  # in one step: a thread may be reading, and the number of a closed file may be another's
        os.close(fd)

    def ready(self, offset: int) -> int:
        self._look()
        if self.gone or self._fd < 0:
            return offset
        if self._placed:
            return max(offset, self.size)
        return self._part.pieces.ready(offset) if self._part is not None else offset

    @property
    def arrived(self) -> int:
        self._look()
        return self.size if self._placed else self._part.pieces.done if self._part is not None else 0

    @property
    def asked(self) -> bool:
        swarm = self._live.swarm
        stream = swarm.stream if swarm is not None else None
        sends = stream is not None and stream.state is OriginState.ACTIVE and not stream.ended
        return sends or (swarm is not None and bool(swarm.part.pieces.holders))

    @property
    def jumps(self) -> bool:
        return bool(self._placed) or (self._live.swarm is not None and bool(self._live.swarm.mesh.scheduler.lanes))

    def call_help(self) -> None:
        self._live.rescue_asked.set()

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        """Nothing plays any more: the swarm goes its usual way."""
        self._closed = True
        if self._live.swarm is not None:
            self._live.swarm.set_windows(None)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _open(path: str) -> int:
    """A descriptor of a regular file; a fifo is refused, not waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UserError(
            "not_found", f"cannot open {SafeText(path)}: {error.strerror}", "give a file that exists and can be read"
        ) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UserError("usage", f"{SafeText(path)} is not a file", "give an audio file")
    return fd
