"""One track from holder to library: fetch, fail over, rescue, verify, place. Shell; one task a track, cancelled by pause.

A holder that ends badly is followed by another holder of the same file at the same offset (the swarm compares an overlap first), then by the
next candidate. A file that fails its final check goes to quarantine, its holder is not used again for this track, and the job goes on.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from slskdn_tui.engine.jobs.finish import Finish
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.rescue import Rescuer
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.music.matching import holders
from slskdn_tui.engine.peers.bandwidth import least_cap
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.guard import Target
from slskdn_tui.engine.swarm.part_file import PartFile
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.codec import codec_of
from slskdn_tui.model.jobs import JobType, TrackState
from slskdn_tui.model.ports import OriginEnd

TRIES = 3
"""How often one holder is tried for a track before the next."""
BACK_OFF = (2.0, 10.0, 60.0)


class TrackTask:
    """Drives one track. `save` stores the job's record; `run` returns the state the track ended in."""

    def __init__(self, services: Services, job: LiveJob, live: LiveTrack, save: Callable[[], Awaitable[None]]) -> None:
        self._services = services
        self._job = job
        self._live = live
        self._save = save
        self._tell = Teller(services.bus, services.trace, job.job_id, live.track.position, live.track.title)
        self._tried: dict[tuple[str, str], int] = {}
        self._finish = Finish(services, job, live, self._tell, save)
        self._rescuer = Rescuer(services, job, live, self._tell, self._same_file)
        self._switch: FoundFile | None = None
        self._other_file: set[tuple[str, str]] = set()
        self._started_over = False

    async def run(self) -> TrackState:
        record = self._live.record
        if await self._finish.take_up(self._part_path(record.size), self._part_key(record.size)):
            await self._set(TrackState.DONE)
            return TrackState.DONE
        why = ""
        while (holder := self._choose() or await self._start_over()) is not None:
            record.username, record.path, record.size, record.reason = holder.username, holder.path, holder.size, ""
            await self._set(TrackState.ACTIVE)
            end, why = await self._transfer(holder)
            holder = FoundFile(record.username, record.path, record.size, "")
            if end is SwarmEnd.COMPLETE:
                await self._set(TrackState.VERIFYING)
                bad = await self._finish.finish(self._part_path(holder.size), self._part_key(holder.size))
                if not bad:
                    await self._set(TrackState.DONE)
                    await self._rescuer.placed(self._live.last)
                    return TrackState.DONE
                why, self._tried[_key(holder)], record.blake3 = bad, TRIES, ""
            elif end is SwarmEnd.DISK:
                await self._set(TrackState.PENDING, why)
                return TrackState.PAUSED
            tries = self._tried[_key(holder)] = self._tried.get(_key(holder), 0) + 1
            self._tell.trace("candidate", source=f"slsk:{holder.username}", result="ended", words=why)
            if tries < TRIES and self._switch is None:
                await self._services.clock.sleep(BACK_OFF[min(tries, len(BACK_OFF)) - 1])
        if self._job.record.type != JobType.FILES and not self._live.track.optional:  # those were asked for as they are
            record.username, record.path = "", ""
        await self._set(TrackState.NO_SOURCE, f"nobody online has this file; last: {why}" if why else "nobody online has this file")
        return TrackState.NO_SOURCE

    async def _set(self, state: TrackState, reason: str = "") -> None:
        self._live.record.state = state
        if reason:
            self._live.record.reason = reason
        await self._save()

    # Holders ----------------------------------------------------------------------------------------------------

    def _known(self) -> list[FoundFile]:
        record = self._live.record
        current = FoundFile(record.username, record.path, record.size, os.path.splitext(record.path)[1]) if record.username else None
        found = list(holders(self._live.track, self._job.candidates, like=current))
        return [current, *(file for file in found if _key(file) != _key(current))] if current else found

    def _choose(self) -> FoundFile | None:
        if self._switch is not None:
            chosen, self._switch = self._switch, None
            return chosen
        usable = [file for file in self._known() if self._tried.get(_key(file), 0) < TRIES]
        return min(usable, key=lambda file: self._tried.get(_key(file), 0), default=None)

    async def _start_over(self) -> FoundFile | None:
        """Who is left has another file than the one begun: once, the bytes of a holder who is gone are given up for it."""
        again = [file for file in self._known() if _key(file) in self._other_file]
        if self._started_over or not again:
            return None
        self._started_over = True
        self._tell.log(
            "track.restart", "swarm", f"{self._live.track.title}: nobody else has the file begun; starting over", level="warning"
        )
        for file in again:
            self._tried[_key(file)] = 0
            await self._services.store.parts.drop(self._part_key(file.size))
            self._part_path(file.size).unlink(missing_ok=True)
        return again[0]

    def _other(self, current: FoundFile, *, same_size: bool) -> FoundFile | None:
        """Another holder; with `same_size` only one that says it has the same file."""
        for file in self._known():
            fits = file.username != current.username and self._tried.get(_key(file), 0) < TRIES
            if fits and (file.size == current.size or not same_size):
                return file
        return None

    def _same_file(self) -> list[FoundFile]:
        """Other holders who say they have the very file being fetched."""
        record = self._live.record
        others = [file for file in self._known() if file.username != record.username and file.size == record.size]
        return [file for file in others if self._tried.get(_key(file), 0) < TRIES]

    # Transfer ---------------------------------------------------------------------------------------------------

    def _part_path(self, size: int) -> Path:
        return self._services.paths.incomplete / self._job.job_id / f"{self._live.track.position:03}-{size}.part"

    def _part_key(self, size: int) -> str:
        return f"{self._job.job_id}/{self._live.track.position}/{size}"

    async def _transfer(self, holder: FoundFile) -> tuple[SwarmEnd, str]:
        """Run a swarm over this holder's file until it is whole or can't go on; other holders of the same file take over inside."""
        services = self._services
        path = self._part_path(holder.size)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = await PartFile.open(
            path,
            holder.size,
            self._part_key(holder.size),
            services.store.parts,
            services.clock,
            free_space=services.settings.downloads.free_space_mib << 20,
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
            overlay_rate=least_cap(self._job.record.constraints.overlay_bandwidth_kbps, services.settings.downloads.bandwidth_kbps),
            download_limit=lambda: least_cap(services.settings.downloads.bandwidth_kbps),
            target=Target(self._live.track.recording_mbid, self._live.track.length_ms, codec_of(holder.path)),
        )
        self._live.swarm = swarm
        self._rescuer.begin()
        watch = services.supervisor.spawn(f"watch {self._job.job_id[:8]}/{self._live.track.position}", self._watch(swarm))
        try:
            swarm.use_origin(services.soulseek.origin(holder))
            while True:
                end = await swarm.run()
                if end is not SwarmEnd.ORIGIN_ENDED or not self._next_origin(swarm):
                    return end, self._why(swarm, end)
        finally:
            watch.cancel()
            self._rescuer.end()
            self._live.last = swarm.status()
            await swarm.stop()
            self._live.swarm = None

    def _next_origin(self, swarm: TrackSwarm) -> bool:
        """After an origin ended badly: another holder of the same file goes on at the same offset. False when there is none."""
        record = self._live.record
        current = FoundFile(record.username, record.path, record.size, "")
        self._tried[_key(current)] = self._tried.get(_key(current), 0) + 1
        result = swarm.origin_result
        if result is not None and result[0] is OriginEnd.MISMATCH:
            self._tried[_key(current)] = TRIES
            self._other_file.add(_key(current))
        other = self._other(current, same_size=True)
        if other is None:
            return False
        self._use(swarm, other, result[1] if result else "ended")
        return True

    def _use(self, swarm: TrackSwarm, holder: FoundFile, why: str) -> None:
        record = self._live.record
        self._tell.log(
            "track.failover",
            "swarm",
            f"{self._live.track.title}: {record.username} {why}; going on with {holder.username} at the same offset",
        )
        self._tell.trace("candidate", source=f"slsk:{holder.username}", result="failover", words=why)
        record.username, record.path = holder.username, holder.path
        swarm.use_origin(self._services.soulseek.origin(holder))

    def _why(self, swarm: TrackSwarm, end: SwarmEnd) -> str:
        if end is SwarmEnd.DISK:
            return str(swarm.trouble or end)
        why = swarm.origin_result[1] if swarm.origin_result else str(end)
        return f"{why}; {swarm.held}" if swarm.held else why

    # Watching ---------------------------------------------------------------------------------------------------

    async def _watch(self, swarm: TrackSwarm) -> None:
        """Look at the swarm until it ends: stall -> rescue, or the next holder; and what the user asks for."""
        rescue = self._services.settings.rescue
        tick = min(1.0, rescue.no_bytes_s / 4, rescue.queued_s / 4)
        again = max(2.0, min(30.0, rescue.no_bytes_s / 2))
        asked_at = -again
        while True:
            await self._services.clock.sleep(tick)
            if self._live.next_asked.is_set():
                self._live.next_asked.clear()
                await self._change_holder(swarm, "left by the user")
            forced = self._live.rescue_asked.is_set()
            reason = "asked for by the user" if forced else swarm.underperforming()
            if not reason and not self._rescuer.under_way:
                continue
            now = self._services.clock.now()
            if not forced and now - asked_at < again:
                continue
            asked_at = now
            self._live.rescue_asked.clear()
            if not await self._rescuer.help(swarm, reason) and swarm.underperforming():
                self._fail_over(swarm, reason)

    async def _change_holder(self, swarm: TrackSwarm, why: str) -> None:
        record = self._live.record
        current = FoundFile(record.username, record.path, record.size, "")
        if same := self._other(current, same_size=True):
            swarm.drop_origin()
            self._use(swarm, same, why)
        elif other := self._other(current, same_size=False):
            self._switch = other
            await swarm.stop()  # another file: it has a part of its own
        else:
            self._tell.log("track.failover", "swarm", f"{self._live.track.title}: no other holder is known", level="warning")

    def _fail_over(self, swarm: TrackSwarm, reason: str) -> None:
        """Nobody in the mesh can help: another holder of the same file may."""
        record = self._live.record
        current = FoundFile(record.username, record.path, record.size, "")
        if other := self._other(current, same_size=True):
            self._tried[_key(current)] = self._tried.get(_key(current), 0) + 1
            swarm.drop_origin()
            self._use(swarm, other, reason)


def _key(file: FoundFile) -> tuple[str, str]:
    return file.username, file.path
