"""A world for rescues: uploaders that can be busy, and that record where each upload began, where it ended and how far the downloader was then."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aioslsk.network.connection import PeerConnection
from aioslsk.transfer.model import Transfer
from engine_world import LONG, ONLINE, Album, HeldTransfers, Holder, SkippingClock, World, put, stalled, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.model.ports import ChunkReader, OriginState
from slskdn_tui.model.views import StatusView, SwarmRow, SwarmsView, TrackView, ViewKey

PATIENT = {"queued_s": 600.0, "slow_bytes_s": 0.0, "slow_s": 600.0, "no_bytes_s": 600.0}
"""No trigger fires; a test sets the one it is about to `LONG`, or to a second where it does not matter how early it fires."""
BUFFERS = 1 << 20
"""What may be on its way between an uploader's count and a reader that stopped: both sockets' buffers and two of asyncio's."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload connection as the uploader saw it: first byte, last byte sent, and `seen()` at the moment it ended."""

    start: int
    stop: int
    seen: Any


class WatchedTransfers(HeldTransfers):
    async def _upload_file(self, transfer: Transfer, connection: PeerConnection) -> None:
        holder, start = self.holder, transfer.bytes_transfered
        assert isinstance(holder, Uploader)
        writer = connection._writer
        assert writer is not None
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        writer.transport.set_write_buffer_limits(high=0)
        try:
            await super()._upload_file(transfer, connection)
        finally:
            holder.uploads.append(Upload(start, transfer.bytes_transfered, holder.seen()))


class Uploader(Holder):
    """`uploads` are ended ones; `seen` is called when one ends."""

    def __init__(self, *args: Any) -> None:
        self.uploads: list[Upload] = []
        self.seen: Callable[[], Any] = lambda: None
        super().__init__(*args)

    def create_transfer_manager(self, cache: Any) -> WatchedTransfers:
        return WatchedTransfers(self.settings, self.events, self.users, self.shares, self.network, cache=cache)

    def busy(self, busy: bool = True) -> None:
        """All slots are taken: whoever asks is queued."""
        self.settings.transfers.limits.upload_slots = 0 if busy else 2
        self.transfers.manage_transfers()

    @property
    def waiting(self) -> int:
        """Files queued by others now."""
        return sum(each.is_upload() and not each.is_finalized() for each in self.transfers.transfers)


class Liar:
    """A provider whose files have another byte in each leaf than it says."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def find(self, recordings: Any) -> Any:
        return self._real.find(recordings)

    def open(self, variant_id: str) -> ChunkReader | None:
        reader = self._real.open(variant_id)
        if reader is not None:
            read = reader.read
            reader.read = lambda offset, length: bytes([read(offset, length)[0] ^ 0x55]) + read(offset, length)[1:]
        return reader  # type: ignore[no-any-return]


class RescueWorld(World):
    """As `World`; holders are `Uploader`s. `clock` is that of engines made by `rescued`; no other is ahead when it skips."""

    def __init__(self, root: Path, album: Album, tracks: int = 2) -> None:
        super().__init__(root, album, tracks)
        self.clock = SkippingClock()

    async def stalls(self, job: LiveJob, size: int) -> None:
        """As `stalled`."""
        await stalled(self.clock, job, size)

    async def waits(self, job: LiveJob) -> None:
        """Its first track waits in a queue, and now has done so for `LONG`."""
        live = job.tracks[0]
        await until(lambda: live.waiting and live.waiting.state is OriginState.QUEUED, "the track waits in a queue", job)
        self.clock.skip(LONG + 1)

    async def uploader(self, name: str, files: Iterable[Path] | dict[str, bytes] | None = None, *, busy: bool = False) -> Uploader:
        user = await self.holder(name, files)
        assert isinstance(user, Uploader)
        user.busy(busy)
        return user

    async def holder(self, name: str, files: Iterable[Path] | dict[str, bytes] | None = None) -> Uploader:
        return await self.join(Uploader, name, files)

    async def node(self, name: str, files: Iterable[Path] | None = None, *, dht: dict[str, Any] | None = None, **overlay: Any) -> Engine:
        """As `World.node`, with a DHT where one is given."""
        if dht is None:
            return await super().node(name, files, **overlay)
        folder = self.root / name / "offered"
        put(folder, self.album.tracks(self.count) if files is None else files)
        engine = await self.engine(name, soulseek={"enabled": False, "share": [str(folder)]}, overlay=overlay, dht=dht)
        await until(lambda: self.said(name, "offers.ready"), f"{name} offers its files")
        return engine

    async def rescued(self, name: str = "me", nodes: Iterable[Engine] = (), **rescue: float) -> Engine:
        """An engine that dials these nodes, with the thresholds given and no other trigger."""
        wanted = list(nodes)
        peers = [node.settings.overlay.listen for node in wanted]
        engine = await self.engine(name, clock=self.clock, rescue={**PATIENT, **rescue}, overlay={"peers": peers})
        await until(lambda: engine.mesh and len(engine.mesh.peers) == len(wanted), "the nodes are connected")
        return engine


async def track_view(engine: Engine, job: LiveJob, position: int = 1) -> TrackView:
    view = await engine.snapshot(ViewKey("track", f"{job.job_id}/{position}"))
    assert isinstance(view, TrackView)
    return view


async def rows(engine: Engine) -> list[SwarmRow]:
    view = await engine.snapshot(ViewKey("swarms"))
    assert isinstance(view, SwarmsView)
    return list(view.rows)


async def rescues(engine: Engine) -> tuple[int, int, int]:
    """(begun, succeeded, refused) as the status line has it."""
    view = await engine.snapshot(ViewKey("status"))
    assert isinstance(view, StatusView)
    return view.rescues


async def traced(engine: Engine, job: LiveJob, kind: str) -> list[TraceEvent]:
    """What the trace holds of a kind, once written."""
    await engine.trace.flush()
    return [event for event in await engine.store.traces.events(job.job_id) if event.kind == kind]


def larger(path: Path, folder: Path, extra: int) -> Path:
    """The same FLAC with `extra` bytes of an APPLICATION block behind its other metadata: a long file without a long album."""
    data = path.read_bytes()
    at, last = 4, False
    while not last:
        mark = at
        last, length = bool(data[at] & 0x80), int.from_bytes(data[at + 1 : at + 4], "big")
        at += 4 + length
    block = bytes([0x80 | 2]) + extra.to_bytes(3, "big") + bytes(index * 7 & 255 for index in range(extra))
    head = bytearray(data[:at])
    head[mark] &= 0x7F
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    target.write_bytes(bytes(head) + block + data[at:])
    return target


def small_windows(engine: Engine) -> None:
    """The kernel takes no more of what this engine's Soulseek connections do not read: else it would grow their windows to megabytes."""
    for connection in engine.soulseek.transfers._network.peer_connections:
        if connection._writer is not None:
            connection._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)


async def settle(seconds: float = 1.0) -> None:
    """Time enough for something that must not happen."""
    await asyncio.sleep(seconds)


__all__ = [
    "BUFFERS",
    "ONLINE",
    "Liar",
    "RescueWorld",
    "Upload",
    "Uploader",
    "larger",
    "rescues",
    "rows",
    "settle",
    "small_windows",
    "traced",
    "track_view",
]
