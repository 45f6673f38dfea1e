"""Fetches for the warm cache what many peers want: one ordinary job at a time, behind everything the user wants. Shell over the runner and the shelf."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from slskdn_tui.engine.cache.consensus import better
from slskdn_tui.engine.cache.policy import Asked, Rules, expected_bytes, outdated, room_for, surplus, worth_fetching
from slskdn_tui.engine.cache.shelf import Shelf
from slskdn_tui.engine.jobs.create import resolve
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.runner import JobRunner
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.wanted.for_cache import better_variant, cache_record, for_cache
from slskdn_tui.engine.store.state.cache import CacheDay
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import ENDED, JobState
from slskdn_tui.model.music import Release
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.text import SafeText, counted, lasting

log = logging.getLogger(__name__)
LOOK_S = 60.0
"""How often popularity is looked at though nothing was heard."""
AGAIN_S = 5.0
"""When something wanted is held up."""
WATCH_S = 1.0
SETTLE_S = 2.0
"""After news at the earliest: they come in batches."""
PATIENCE_S = 1800.0
"""A job whose file does not grow for so long is given up: its source is gone, and others wait."""
QUEUE_S = 6 * 3600.0
"""While it stands in a queue."""
REST_S = 86_400.0
"""What was given up or let go is not fetched again for so long."""
WANTED_S = 30 * 86_400.0
MOST = 100
LOOKED_AT = 20
"""Recordings held of which one round asks whether there is a better copy."""
SETTLED_A_LOOK = 3
"""Files found after a stop that MusicBrainz is asked of in one round."""
MOST_RESTING = 1000


class Fetcher:
    """`rules` as they are now; `offered` says whether the library offers a recording already; `busy` why nothing is fetched just now, or is empty."""

    def __init__(
        self,
        services: Services,
        runner: JobRunner,
        shelf: Shelf,
        rules: Callable[[], Rules],
        offered: Callable[[str], bool],
        busy: Callable[[], str],
    ) -> None:
        self._services = services
        self._runner = runner
        self._shelf = shelf
        self._rules = rules
        self._offered = offered
        self._busy = busy
        self._news = asyncio.Event()
        self._grew = services.clock.now(), 0.0
        self._looked = 0
        self.words = ""
        """Why nothing is fetched though something is wanted."""
        self.peers: dict[str, int] = {}
        """How many voices want or have what is held, as last looked at."""

    def wake(self) -> None:
        """Something was heard, or set."""
        self._news.set()

    @property
    def job(self) -> LiveJob | None:
        """The job under way."""
        return next((job for job in self._runner.jobs() if for_cache(job.record)), None)

    async def run(self) -> None:
        """For ever; supervised."""
        while True:
            self._news.clear()
            await self.look()
            if self.job is not None:
                await self._services.clock.sleep(WATCH_S)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S if self.words else LOOK_S):
                    await self._news.wait()
            await self._services.clock.sleep(SETTLE_S)

    async def look(self) -> None:
        """One round: what is too old or too much goes, the job under way is watched, or the next one begun."""
        try:
            await self._tidy()
        except OSError as error:
            self.words = f"a file cannot be deleted: {error.strerror}"
            log.warning("the warm cache: %s", self.words)
            return
        job = self.job
        if job is not None:
            await self._watch(job)
        elif self._shelf.on:
            await self._next()
        else:
            self.words = ""

    # What is held -----------------------------------------------------------------------------------------------

    async def _tidy(self) -> None:
        shelf, rules, wall = self._shelf, self._rules(), self._services.clock.wall().timestamp()
        coming = for_cache(job.record) if (job := self.job) is not None else ""
        for one in [one for one in shelf.unsettled() if one.recording != coming][:SETTLED_A_LOOK] if shelf.on else ():
            await shelf.settle(one.recording, await self._release_of(one.recording))
        names = [*(one.recording for one in shelf.files()), *([coming] if coming else [])]
        self.peers = await self._services.store.popularity.voices(names)
        await shelf.let_go(outdated(shelf.held(self.peers), rules, wall), f"nobody wanted it for {rules.keep_days:g} days")
        over = surplus(shelf.held(self.peers), rules)
        await shelf.let_go(over, "the cache is full")
        await self.rest(over)

    async def _release_of(self, recording: str) -> Release | None:
        try:
            return (await resolve(self._services.music, recording)).release
        except UserError:
            return None  # then what the mesh says has to do

    async def rest(self, recordings: Sequence[str]) -> None:
        """These are not fetched for a day, over restarts."""
        await self._services.store.cache.rest(recordings, self._services.clock.wall().timestamp() + REST_S, MOST_RESTING)

    # What is fetched --------------------------------------------------------------------------------------------

    async def _next(self) -> None:
        shelf, rules, clock = self._shelf, self._rules(), self._services.clock
        self.words = ""
        if shelf.trouble:
            await shelf.load()  # its disk may be back
        if not shelf.trouble:
            await shelf.clear_coming()
        wanted = await self._services.store.popularity.wanted(rules.threshold, clock.wall().timestamp() - WANTED_S, MOST)
        asked = {one.mbid: Asked(one.mbid, one.peers + one.strangers) for one in wanted}
        asked |= {name: Asked(name, asked[name].peers if name in asked else 0, pinned=True) for name in shelf.pins}
        have = {one.recording for one in shelf.files()}
        have |= {name for name in asked if name not in have and self._offered(name)}
        resting = await self._services.store.cache.resting(clock.wall().timestamp(), REST_S)
        for one in worth_fetching(asked.values(), have, resting, rules):
            if why := shelf.trouble or self._busy():
                self.words = why
                return
            if await self._begin(one, rules):
                return
        await self._improve(rules, resting)

    async def _improve(self, rules: Rules, resting: Collection[str]) -> None:
        """When nothing is missing: fetch the copy that known peers have come to agree on, where it is better than the one held."""
        shelf = self._shelf
        free = [one.recording for one in shelf.held(self.peers) if not one.fixed and one.recording not in resting]
        some, self._looked = free[self._looked : self._looked + LOOKED_AT], self._looked + LOOKED_AT
        if self._looked >= len(free):
            self._looked = 0
        for name in some:
            held = shelf.variants(name)
            profile = next(iter(held.values()), "")
            best = better(held, profile, await self._services.variants((name,)))
            if best is None:
                continue
            if why := shelf.trouble or self._busy():
                self.words = why
                return
            if await self._begin(Asked(name, self.peers.get(name, 0)), rules, best):
                return

    async def _begin(self, asked: Asked, rules: Rules, best: VariantChoice | None = None) -> bool:
        """Start its job, for the `best` copy alone if that is to replace the one held; False when another may be tried instead, and `words` say why."""
        services, shelf = self._services, self._shelf
        try:
            target = await resolve(services.music, asked.recording)
        except UserError as error:
            self.words = str(error.message)
            if error.code == "not_found":
                await self.rest([asked.recording])
            return error.code != "not_found"  # MusicBrainz cannot be asked: nothing else goes now
        track = target.release.tracks[0]
        fits = await asyncio.get_running_loop().run_in_executor(services.disk, self._with_disk, rules)
        size = best.length if best is not None else expected_bytes(track.length_ms)
        if why := await self._room(asked, size, fits, beside=best is not None):
            full = fits.most < rules.most
            self.words = f"no room for {track.title}: {f'the disk of {shelf.folder} is full' if full else why}"
            return False
        record = cache_record(target.release, asked.recording, str(shelf.folder if best is None else shelf.coming), best)
        try:
            await self._runner.add(record)
        except (OSError, UserError) as error:
            self.words = str(SafeText(str(error)))
            await self.rest([asked.recording])
            return False
        self._grew = services.clock.now(), 0.0
        why = (
            f"{counted(asked.peers, 'peer')} {'wants' if asked.peers == 1 else 'want'} it"
            if best is None
            else f"a better copy than the one held ({best.badge})"
        )
        services.bus.publish("cache.fetch", "cache", f"{record.label}: {track.title} is fetched for the mesh: {why}")
        return True

    async def _room(self, asked: Asked, size: int, rules: Rules, *, beside: bool = False) -> str:
        """Make room for so many bytes; why there is none, or empty. `beside` the copy that is held, which stays until the new one is there."""
        shelf = self._shelf
        # Of its own, what stands there is this very file, placed before a stop; or the one that it will replace.
        others = [replace(one, serving=one.serving or one.recording == asked.recording) for one in shelf.held(self.peers)]
        others = [one for one in others if beside or one.recording != asked.recording]
        going = room_for(asked, size, others, rules, self._services.clock.wall().timestamp())
        if going is None:
            return "what is held is wanted as much, or was sent a while ago"
        await shelf.let_go(going, "something that more peers want takes its place")
        await self.rest(going)
        return ""

    def _with_disk(self, rules: Rules) -> Rules:
        """The rules with no more bytes than the cache's disk has room for. Blocking."""
        free = shutil.disk_usage(self._shelf.folder).free - (self._services.settings.downloads.free_space_mib << 20)
        return replace(rules, most=min(rules.most, self._shelf.bytes + max(0, free)))

    async def _watch(self, job: LiveJob) -> None:
        """The job under way: ended, given up, or too large."""
        record, recording, now = job.record, for_cache(job.record), self._services.clock.now()
        if record.state in ENDED:
            await self._end(job)
            return
        done = sum(live.done for live in job.tracks)
        if done != self._grew[1] or record.state is JobState.PAUSED or self._services.soulseek.state != "online":
            self._grew = now, done
        why = ""
        if not self._shelf.on:
            why = "the cache is off"
        elif now - self._grew[0] > (patience := _patience(job)):
            why = f"nothing came for {lasting(patience)}; it rests for a day"
        elif size := max((live.record.size for live in job.tracks), default=0):
            asked = Asked(recording, max(self.peers.get(recording, 0), self._rules().threshold), recording in self._shelf.pins)
            if trouble := await self._room(asked, size, self._rules(), beside=bool(better_variant(record))):
                why = f"no room for its {size / 1e6:.0f} MB: {trouble}"
        if better_variant(record) and record.state is JobState.SEARCHING and record.error and self._services.soulseek.state == "online":
            why = "nobody on Soulseek has that copy now; it rests for a day"
        self.words = record.error if record.state is JobState.PAUSED else ""
        if why:
            self._services.bus.publish("cache.given_up", "cache", f"{record.label}: given up: {why}", level="warning")
            await self._runner.cancel(job)

    async def _end(self, job: LiveJob) -> None:
        """What the ended job brought is judged and counted. The count goes with the job's record, so that no stop between the two counts twice or not at all."""
        record, recording, clock = job.record, for_cache(job.record), self._services.clock
        came = record.state is JobState.COMPLETED
        if came and (variant := better_variant(record)):
            done = await self._shelf.exchange(Path(record.tracks[0].placed), recording, variant, record.release)
            if done == "later":
                if clock.now() - self._grew[0] < PATIENCE_S:
                    return
                await self._shelf.clear_coming()  # it is sent without a pause: others wait to be fetched
            came = done == "done"
        await self._shelf.settle(recording, record.release)
        file = self._shelf.file(recording)
        if came and file is not None:
            day = clock.wall().date().isoformat()
            await self._services.store.cache.count(CacheDay(day, fetched=1, bytes_fetched=file.size), ends=record.job_id)
        else:
            await self.rest([recording])
        await self._runner.forget(job)
        self._news.set()


def _patience(job: LiveJob) -> float:
    queued = any(live.waiting is not None and live.waiting.state is OriginState.QUEUED for live in job.tracks)
    return QUEUE_S if queued else PATIENCE_S
