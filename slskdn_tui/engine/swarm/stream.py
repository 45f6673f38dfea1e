"""The origin's side of a swarm: one front-to-back stream into the part file. Shells nothing but the sink port; the origin owns the socket.

Before bytes of a resumed stream, or of a second holder, are joined to what is there, up to 64 KiB are received again and compared: a
mismatch never reaches the file.
"""

from __future__ import annotations

from typing import Protocol

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.engine.peers.metrics import RateWindow
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.piecemap import DONE
from slskdn_tui.model.ports import Origin, OriginState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF

TELL_BYTES = 1024 * 1024


class StreamHost(Protocol):
    """What the swarm does about what the stream finds."""

    part: PartFile

    def now(self) -> float: ...
    def stream_state(self, stream: OriginStream) -> None: ...
    def stream_overlap(self, stream: OriginStream, length: int, words: str) -> None: ...
    async def stream_contradicts(self, stream: OriginStream) -> bool: ...
    def stream_bytes(self, stream: OriginStream, start: int, stop: int) -> None: ...
    async def stream_leaf(self, stream: OriginStream, leaf: int, digest: bytes) -> None: ...
    def stream_trouble(self, trouble: DiskTrouble) -> None: ...


class OriginStream:
    """An `OriginSink` for one origin. `mismatch` says why this holder has another file, "" while it has not."""

    def __init__(self, host: StreamHost, origin: Origin) -> None:
        self.origin = origin
        self.source = f"slsk:{origin.username}"
        self.state = OriginState.CONNECTING
        self.place: int | None = None
        self.detail = SafeText("")
        self.begun = False  # the holder was told where to start
        self.ended = False
        self.mismatch = ""
        self.again = False
        self.skipped = 0
        self.meter = RateWindow(host.now(), 3.0)
        self._host = host
        self._expected = b""
        self._overlap_at = 0
        self._position = 0
        self._gathered = bytearray()
        self._told = 0

    def start(self, size: int) -> int:
        """The offset to begin at: the overlap before the first missing byte. ValueError when `size` is another than ours."""
        part = self._host.part
        if size != part.size:
            self.mismatch = f"the file has {size} bytes there, not {part.size}"
            raise ValueError(self.mismatch)
        need = part.pieces.resume_offset()
        overlap = min(need, LEAF)
        leaf, _ = part.pieces.layout.at(need)
        leaf_start = need if leaf is None else part.pieces.span(leaf)[0]
        self.again, self.mismatch, self.begun = False, "", True
        try:
            self._expected = part.read(need - overlap, overlap)
            self._gathered = bytearray(part.read(leaf_start, need - leaf_start))
        except DiskTrouble as trouble:
            self._host.stream_trouble(trouble)
            raise ValueError(trouble.words) from trouble
        self._overlap_at = need - overlap
        self._position = self._told = need
        part.pieces.stream = need
        return need - overlap

    async def write(self, data: bytes) -> bool:
        """Take bytes; False: enough (the file is whole), or the overlap differs (`mismatch`), or the disk failed."""
        part = self._host.part
        if self.ended or self.mismatch or part.pieces.complete:
            return False
        self.meter.add(self._host.now(), len(data))
        view = memoryview(data)
        try:
            if self._expected:
                view = self._compare(view)
                if self.mismatch:
                    # Where the overlay's unproven bytes are what it differs from, Soulseek is right: from the front, then.
                    self.again = await self._host.stream_contradicts(self)
                    return False
            while len(view) and self._position < part.size:
                leaf, stop = part.pieces.layout.at(self._position)
                if self._holed(leaf):
                    self.again = True
                    return False
                piece = view[: stop - self._position]
                await self._take(leaf, stop, piece)
                view = view[len(piece) :]
        except DiskTrouble as trouble:
            self._host.stream_trouble(trouble)
            return False
        if self._position - self._told >= TELL_BYTES:
            self.tell()
        return self._position >= part.size or not (part.pieces.complete or self.ended)

    def _holed(self, leaf: int | None) -> bool:
        """What it passed over, since the overlay was there first, was of a variant that has been dropped: it goes on from there, then."""
        pieces = self._host.part.pieces
        if self._position <= pieces.prefix or (leaf is not None and pieces.digests and pieces.status[leaf] == DONE):
            return False
        return not pieces.digests or not pieces.has(pieces.prefix, self._position)

    async def _take(self, leaf: int | None, stop: int, piece: memoryview) -> None:
        """Bytes of a leaf, or of the head or tail around a region (None), which ends at `stop`."""
        part = self._host.part
        at, self._position = self._position, self._position + len(piece)
        part.pieces.stream = self._position if self._position < part.size else None
        if leaf is not None and part.pieces.digests and part.pieces.status[leaf] == DONE:  # the overlay was here first
            self.skipped += len(piece)
            self._gathered.clear()
            return
        part.extend(at, piece, self.source)
        if leaf is None:
            self._gathered.clear()
            return
        self._gathered += piece
        if self._position == stop:
            size = part.pieces.length(leaf)
            if len(self._gathered) != size:  # since it began, leaves were found to begin elsewhere
                self._gathered = bytearray(part.read(stop - size, size))
            digest = leaf_digest(self._gathered)
            self._gathered.clear()
            await self._host.stream_leaf(self, leaf, digest)

    def _compare(self, view: memoryview) -> memoryview:
        """Hold the overlap against what is on disk; returns what comes after it."""
        size = min(len(view), len(self._expected))
        if view[:size] != self._expected[:size]:
            self.mismatch = f"the bytes at {self._overlap_at} differ from those here: another file"
            self._host.stream_overlap(self, size, self.mismatch)
            return view
        self._expected = self._expected[size:]
        if not self._expected:
            self._host.stream_overlap(self, self._position - self._overlap_at, "")
        return view[size:]

    def tell(self) -> None:
        """Report the bytes since the last report."""
        if self._position > self._told:
            self._host.stream_bytes(self, self._told, self._position)
            self._told = self._position

    def status(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        changed = (state, place, detail) != (self.state, self.place, self.detail)
        self.state, self.place, self.detail = state, place, SafeText(detail)
        if changed:
            self._host.stream_state(self)
