"""One file on the move: its part file, its swarm, and the watch over them that calls for help. Shell; used while a moving place is held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from slskdn_tui.engine.jobs.folders import part_path
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.jobs.track.rescue import ASKED, Rescuer
from slskdn_tui.engine.peers.bandwidth import least_cap
from slskdn_tui.engine.runtime.durable import sync_folder
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.proof.guard import Target
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.codec import codec_of
from slskdn_tui.model.ports import OriginEnd, OriginState, QueuedOrigin


class MoveEnd(Enum):
    COMPLETE = auto()
    DISK = auto()
    ENDED = auto()  # the origin ended, and nobody else can deliver
    LEFT = auto()  # it did badly, or the user wants another holder
    WAIT = auto()  # nobody in the mesh can help while it waits in the queue: wait on without a swarm


@dataclass(frozen=True, slots=True)
class Moved:
    """How it ended, in words too; `size` bytes came from the holder in `seconds` of transfer."""

    how: MoveEnd
    words: str = ""
    end: OriginEnd | None = None
    size: int = 0
    seconds: float = 0.0


class Moving:
    """Moves one track's files. `others` says whether another holder of the very file being moved could go on."""

    def __init__(
        self, services: Services, job: LiveJob, live: LiveTrack, tell: Teller, rescuer: Rescuer, others: Callable[[], bool]
    ) -> None:
        self._services = services
        self._job = job
        self._live = live
        self._tell = tell
        self._rescuer = rescuer
        self._others = others
        self._left: Moved | None = None
        self._defect: Exception | None = None

    def part_path(self, size: int) -> Path:
        return part_path(self._services.paths.incomplete, self._job.job_id, self._live.track.position, size)

    def part_key(self, size: int) -> str:
        return f"{self._job.job_id}/{self._live.track.position}/{size}"

    def _make(self, folder: Path) -> None:
        """Blocking: the job's folder of partial files; OSError or DiskTrouble when the one above it is gone."""
        if why := self._services.folders.gone(folder.parent):
            raise DiskTrouble(why)
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)

    async def run(self, origin: QueuedOrigin, holder: FoundFile, reason: str = "") -> Moved:
        """Until the file is whole, the origin has ended, or it is left. With a `reason` the mesh is asked at once, while the origin may still queue us.

        A defect of the watch is raised here, once what came is on disk.
        """
        services, live = self._services, self._live
        path = self.part_path(holder.size)
        await asyncio.get_running_loop().run_in_executor(services.disk, self._make, path.parent)
        part = await PartFile.open(
            path,
            holder.size,
            self.part_key(holder.size),
            services.store.parts,
            services.clock,
            free_space=services.settings.downloads.free_space_mib << 20,
            about={"username": holder.username, "path": holder.path},
        )
        swarm = TrackSwarm(
            part,
            clock=services.clock,
            supervisor=services.supervisor,
            tunables=services.settings.scheduler,
            rescue=services.settings.rescue,
            reputation=services.book.reputation,
            observe=self._tell.swarm,
            on_outcome=services.book.outcome,
            overlay_rate=least_cap(
                self._job.record.constraints.overlay_bandwidth_kbps,
                (services.download_cap() or 0) * 8 // 1000,
                services.fairness().down_kbps,
            ),
            download_limit=services.download_cap,
            target=Target(live.track.recording_mbid, live.track.length_ms, codec_of(holder.path)),
            canonical=services.canonical,
        )
        live.swarm, live.waiting, self._left, self._defect = swarm, None, None, None
        self._rescuer.begin()
        sending, began = origin.offered, services.clock.now()
        watch = services.supervisor.spawn(f"watch {self._job.job_id[:8]}/{live.track.position}", self._watched(swarm, reason))
        try:
            swarm.use_origin(origin)
            end = await swarm.run()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self._rescuer.end()
            live.last = swarm.status()
            await swarm.stop()
            live.swarm = None
        size = sum(source.bytes for source in live.last.sources if source.plane == "slsk") if sending else 0
        seconds = services.clock.now() - began if sending else 0.0
        match end:
            case SwarmEnd.COMPLETE:
                live.sent_at = services.clock.now() if size * 2 > holder.size else None
                return Moved(MoveEnd.COMPLETE, size=size, seconds=seconds)
            case SwarmEnd.DISK:
                return Moved(MoveEnd.DISK, str(swarm.trouble or end))
            case SwarmEnd.ABORTED if self._defect is not None:
                raise self._defect
            case SwarmEnd.ABORTED if self._left is not None:
                return self._left
        origin_end, why = swarm.origin_result or (OriginEnd.LOST, str(end))
        return Moved(MoveEnd.ENDED, f"{why}; {swarm.held}" if swarm.held else why, origin_end, size, seconds)

    async def _watched(self, swarm: TrackSwarm, reason: str) -> None:
        """The watch; when it dies the move ends, for nobody would call for help or hear "next" any more. The supervisor tells."""
        try:
            await self._watch(swarm, reason)
        except Exception as error:
            self._defect = error
            swarm.abort()
            raise

    async def _watch(self, swarm: TrackSwarm, reason: str) -> None:
        """Look at the swarm until it ends: a source that does badly is helped by the mesh, or left for another; and what the user asks for."""
        services, live, clock, rescue = self._services, self._live, self._services.clock, self._services.settings.rescue
        tick = min(1.0, rescue.no_bytes_s / 4, rescue.queued_s / 4)
        again = max(2.0, min(30.0, rescue.no_bytes_s / 2))
        asked_at = -again
        while True:
            if live.next_asked.is_set():
                live.next_asked.clear()
                await self._leave(swarm, MoveEnd.LEFT, "left by the user")
                return
            forced = live.rescue_asked.is_set()
            reason = ASKED if forced else reason or swarm.underperforming()
            if (reason or self._rescuer.under_way) and (forced or clock.now() - asked_at >= again):
                asked_at = clock.now()
                live.rescue_asked.clear()
                if reason and not forced and not swarm.members and self._rescuer.soulseek_first and self._others():
                    await self._leave(swarm, MoveEnd.LEFT, f"{reason}; Soulseek goes before the mesh: {services.fairness().why}")
                    return
                helped = await self._rescuer.help(swarm, reason)
                if not helped and _queued(swarm):
                    await self._leave(swarm, MoveEnd.WAIT, reason)
                    return
                if not helped and swarm.underperforming() and self._others():
                    await self._leave(swarm, MoveEnd.LEFT, reason)
                    return
                reason = ""
            await clock.sleep(tick)

    async def _leave(self, swarm: TrackSwarm, how: MoveEnd, words: str) -> None:
        self._left = Moved(how, words)
        swarm.abort()


def _queued(swarm: TrackSwarm) -> bool:
    """Whether the origin only waits, for its turn or for us to be online."""
    return swarm.stream is not None and not swarm.stream.ended and swarm.stream.state is not OriginState.ACTIVE
