"""One track from holder to library: queue, fetch, fail over, rescue, verify, place. Shell; one task a track, cancelled by pause.

It waits in a holder's queue without a swarm, without a file and without a place among what moves; only when the peer offers (or the mesh may help)
does it take such a place. A holder that ends badly is followed by another holder of the same file at the same offset (the swarm compares an
overlap first), then by the next candidate, and when nobody is left by waiting for who is away. A file that fails its final check goes to
quarantine, its holder is not used again for this track, and the job goes on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack, Waiting
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.sources.history import UserHistory
from slskdn_tui.engine.jobs.sources.holders import Holders, key_of
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.jobs.track.finish import Finish
from slskdn_tui.engine.jobs.track.moving import Moved, MoveEnd, Moving
from slskdn_tui.engine.jobs.track.queueing import Queueing, Waited
from slskdn_tui.engine.jobs.track.rescue import ASKED, Rescuer
from slskdn_tui.engine.jobs.track.slots import Place, Slots
from slskdn_tui.engine.music.matching import holders
from slskdn_tui.engine.swarm.disk.sidecar import remove_sidecar
from slskdn_tui.engine.swarm.stall import RescueRules, lasting
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.jobs import TrackState
from slskdn_tui.model.ports import OriginEnd, OriginState, QueuedOrigin

SOON_S = 60.0
"""A track whose holder is tried again this soon is not said to lack a source."""
RESERVE_S = 30.0
"""How long a moving place is kept for a peer whose offer came when all were taken, and who was asked again."""
HELP_AGAIN_S = 300.0
"""A track in a queue asks the mesh again after this long (sooner where rescue.queued_s is less)."""


class TrackTask:
    """Drives one track. `run` returns DONE, PAUSED (the disk), or FAILED (an extra that nobody gave).

    `save` stores the job's record; `gets_from` tells whether a user sends us some file now, or has done so since a monotonic second.
    """

    def __init__(
        self,
        services: Services,
        job: LiveJob,
        live: LiveTrack,
        slots: Slots,
        history: UserHistory,
        save: Callable[[], Awaitable[None]],
        gets_from: Callable[[str, float], bool],
    ) -> None:
        self._services = services
        self._gets_from = gets_from
        self._job = job
        self._live = live
        self._slots = slots
        self._history = history
        self._save = save
        self._tell = Teller(services.bus, services.trace, job.job_id, live.track.position, live.track.title)
        self._finish = Finish(services, job, live, self._tell, save)
        self._rescuer = Rescuer(services, job, live, self._tell, self._same_file)
        self._queueing = Queueing(services.clock, live, self._tell)
        self._moving = Moving(services, job, live, self._tell, self._rescuer, lambda: bool(self._same_file()))
        self._holders = Holders()
        self._last: tuple[FoundFile, str] | None = None

    async def run(self) -> TrackState:
        record = self._live.record
        if await self._finish.take_up(self._moving.part_path(record.size), self._moving.part_key(record.size)):
            await self._set(TrackState.DONE)
            return TrackState.DONE
        while True:
            holder = self._choose() or await self._start_over()
            self._live.looked.set()
            if holder is None:
                if not await self._wait_for_a_source():
                    return TrackState.FAILED
                continue
            self._announce(holder)
            record.username, record.path, record.size, record.reason = holder.username, holder.path, holder.size, ""
            moved = await self._from(holder)
            if moved.how is MoveEnd.DISK:
                await self._set(TrackState.PENDING, moved.words)
                return TrackState.PAUSED
            if moved.how is MoveEnd.COMPLETE and not (bad := await self._placed(holder, moved)):
                return TrackState.DONE
            await self._ended(holder, moved if moved.how is not MoveEnd.COMPLETE else Moved(MoveEnd.COMPLETE, bad))

    async def _placed(self, holder: FoundFile, moved: Moved) -> str:
        """Check and place the whole file; empty when done, else why it was set aside."""
        await self._set(TrackState.VERIFYING)
        if bad := await self._finish.finish(self._moving.part_path(holder.size), self._moving.part_key(holder.size)):
            self._live.record.blake3 = ""
            return bad
        await self._set(TrackState.DONE)
        await self._rescuer.placed(self._live.last)
        await self._history.note(holder.username, done=1, size=moved.size, seconds=moved.seconds)
        return ""

    async def _ended(self, holder: FoundFile, moved: Moved) -> None:
        """This holder ended badly: what that means for trying it again, for its name, and in words."""
        now = self._services.clock.now()
        if moved.how is MoveEnd.COMPLETE:
            self._holders.bad(holder)
        elif moved.end is not None:
            self._holders.ended(holder, moved.end, moved.words, now)
        else:
            self._holders.failed(holder, now)
        if moved.end is not OriginEnd.OFFLINE:
            await self._history.note(holder.username, failed=1, size=moved.size, seconds=moved.seconds)
        self._last = holder, moved.words
        self._tell.trace("candidate", source=f"slsk:{holder.username}", result="ended", words=moved.words)

    async def _set(self, state: TrackState, reason: str = "") -> None:
        record = self._live.record
        changed = (TrackState.NO_SOURCE in (state, record.state)) or record.state is TrackState.PENDING
        record.state = state
        if reason:
            record.reason = reason
        await self._save()
        if changed:
            self._job.changed.set()

    def _rank(self) -> tuple[Any, ...]:
        return self._live.track.optional, self._job.record.queue_position, self._live.track.position

    # Holders ----------------------------------------------------------------------------------------------------

    def _known(self) -> list[FoundFile]:
        record = self._live.record
        current = FoundFile(record.username, record.path, record.size, os.path.splitext(record.path)[1]) if record.username else None
        found = list(holders(self._live.track, self._job.candidates, like=current))
        return [current, *(file for file in found if key_of(file) != key_of(current))] if current else found

    def _choose(self) -> FoundFile | None:
        return next(iter(self._holders.usable(self._known(), self._services.clock.now())), None)

    def _same_file(self) -> list[FoundFile]:
        """Other holders who say they have the very file being fetched, and may be tried."""
        record = self._live.record
        others = [file for file in self._known() if file.username != record.username and file.size == record.size]
        return self._holders.usable(others, self._services.clock.now())

    async def _start_over(self) -> FoundFile | None:
        """Who is left has another file than the one begun: once, the bytes of a holder who is gone are given up for it."""
        again = self._holders.start_over(self._known())
        for file in again:
            await self._services.store.parts.drop(self._moving.part_key(file.size))
            await asyncio.get_running_loop().run_in_executor(self._services.disk, _remove, self._moving.part_path(file.size))
        if not again:
            return None
        words = f"{self._live.track.title}: nobody else has the file begun; starting over"
        self._tell.log("track.restart", "swarm", words, level="warning")
        self._last = None
        return again[0]

    def _announce(self, holder: FoundFile) -> None:
        """Say that another holder goes on, and why."""
        last, self._last = self._last, None
        if last is None or last[0].username == holder.username:
            return
        old, why = last
        how = "at the same offset" if old.size == holder.size else "who has another file"
        text = f"{self._live.track.title}: {old.username}: {why}; going on with {holder.username} {how}"
        self._tell.log("track.failover", "swarm", text)
        self._tell.trace("candidate", source=f"slsk:{holder.username}", result="failover", words=why)

    async def _wait_for_a_source(self) -> bool:
        """Until a holder may be tried: one comes back, has rested, or was found. False for an extra, which is fetched when nothing else is missing."""
        live, clock, files = self._live, self._services.clock, self._known()
        rests_until, away = self._holders.next_at(files), self._holders.away(files)
        left = rests_until - clock.now() if rests_until is not None else None
        if left is None or left > SOON_S:
            if live.track.optional:
                live.record.reason = f"{self._last[0].username}: {self._last[1]}" if self._last else "nobody online has this file"
                return False
            live.news.clear()
            why = f"; last: {self._last[0].username}: {self._last[1]}" if self._last else ""
            await self._set(TrackState.NO_SOURCE, f"nobody online has this file{why}")
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(live.news.wait()), asyncio.ensure_future(live.next_asked.wait())]
        if left is not None:
            waits.append(asyncio.ensure_future(clock.sleep(max(0.0, left))))
        back = asyncio.ensure_future(self._services.soulseek.wait_back(away)) if away else None
        try:
            await asyncio.wait([*waits, back] if back else waits, return_when=asyncio.FIRST_COMPLETED)
            if back is not None and back.done():
                self._holders.back(away)
            if live.news.is_set():
                self._holders.back({candidate.username for candidate in self._job.candidates})
        finally:
            live.news.clear()
            live.next_asked.clear()
            for wait in (*waits, *((back,) if back else ())):
                wait.cancel()
            await asyncio.gather(*waits, *((back,) if back else ()), return_exceptions=True)
        return True

    # One holder -------------------------------------------------------------------------------------------------

    async def _from(self, holder: FoundFile) -> Moved:
        """Wait in this holder's queue, and move its file when it is offered."""
        if self._live.record.state is TrackState.NO_SOURCE:
            await self._set(TrackState.PENDING)
        origin = self._services.soulseek.origin(holder)
        try:
            async with self._slots.queued(holder.username, self._rank) as place:
                await self._set(TrackState.QUEUED)
                return await self._queue(origin, holder, place)
        finally:
            self._live.waiting = None
            await origin.leave()

    async def _queue(self, origin: QueuedOrigin, holder: FoundFile, place: Place) -> Moved:
        live, clock, rules = self._live, self._services.clock, self._services.settings.rescue
        not_before = clock.now()

        def help_at(waiting: Waiting | None) -> float:
            """When a track that waits like this is to be helped."""
            if waiting is None:
                return not_before + rules.queued_s
            return max(not_before, waiting.since + (rules.queued_s if waiting.state is OriginState.QUEUED else rules.no_bytes_s))

        while True:
            waited = await self._queueing.wait(origin, help_at)
            if waited.how is Waited.OFFERED:
                async with self._slots.moving(holder.username, self._rank):
                    if not origin.offered:  # it could not be held until this place was free
                        until = clock.now() + RESERVE_S
                        waited = await self._queueing.wait(origin, lambda waiting: until)  # noqa: B023  used up here
                    if waited.how is Waited.OFFERED:
                        place.leave()
                        await self._set(TrackState.ACTIVE)
                        return await self._moving.run(origin, holder)
            if waited.how is Waited.ENDED:
                return Moved(MoveEnd.ENDED, waited.words, waited.end)
            if waited.how is Waited.NEXT:
                if any(file.username != holder.username for file in self._holders.usable(self._known(), clock.now())):
                    return Moved(MoveEnd.LEFT, "left by the user")
                self._tell.log("track.failover", "swarm", f"{live.track.title}: no other holder is known", level="warning")
            if waited.how is Waited.TIME and not live.rescue_asked.is_set() and self._behind_our_own(holder):
                not_before = clock.now() + min(rules.queued_s, HELP_AGAIN_S)
                continue
            if waited.how is Waited.TIME and (live.rescue_asked.is_set() or clock.now() >= help_at(live.waiting)):
                reason = ASKED if live.rescue_asked.is_set() else _reason(live.waiting, clock.now(), rules)
                if reason != ASKED and self._rescuer.soulseek_first and any(self._holders.fresh(file) for file in self._same_file()):
                    return Moved(MoveEnd.LEFT, f"{reason}; Soulseek goes before the mesh: {self._services.fairness().why}")
                moved = await self._help(origin, holder, reason)
                live.rescue_asked.clear()
                if moved.how is not MoveEnd.WAIT:
                    return moved
                if any(self._holders.fresh(file) for file in self._same_file()):
                    return Moved(MoveEnd.LEFT, reason)
                not_before = clock.now() + min(rules.queued_s, HELP_AGAIN_S)

    def _behind_our_own(self, holder: FoundFile) -> bool:
        """Whether this track waits its turn while its holder sends us others: the queue moves, and nothing has to be rescued."""
        waiting, since = self._live.waiting, self._services.clock.now() - self._services.settings.rescue.queued_s
        return (waiting is None or waiting.state is OriginState.QUEUED) and self._gets_from(holder.username, since)

    async def _help(self, origin: QueuedOrigin, holder: FoundFile, reason: str) -> Moved:
        """Let the mesh move the file while it waits in the queue; WAIT when it cannot."""
        if await self._rescuer.unable(reason):
            return Moved(MoveEnd.WAIT, reason)
        async with self._slots.moving(holder.username, self._rank):
            waiting = self._live.waiting
            await self._set(TrackState.ACTIVE)
            moved = await self._moving.run(origin, holder, reason)
            if moved.how is MoveEnd.WAIT:
                self._live.waiting = waiting
                await self._set(TrackState.QUEUED)
            return moved


def _reason(waiting: Waiting | None, now: float, rules: RescueRules) -> str:
    """Why a track that waits wants help, with the figures."""
    queued = waiting is None or waiting.state is OriginState.QUEUED
    limit = rules.queued_s if queued else rules.no_bytes_s
    since = now - waiting.since if waiting is not None else limit
    return f"{'queued' if queued else 'no byte'} for {lasting(since)} (more than {lasting(limit)})"


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    remove_sidecar(part)
