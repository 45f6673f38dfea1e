"""The wishlist: one wish searched for at each interval the server gives, results kept as new, and what fits taken. Shell over the round's core."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from slskdn_tui.engine.jobs.runner import JobRunner
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.sources.files_job import files_record
from slskdn_tui.engine.jobs.wishlist.wish_round import fitting, in_turn, interval_of, keep, wait_for
from slskdn_tui.engine.music.matching import AlbumCandidate, album_candidates
from slskdn_tui.engine.music.queries import search_queries
from slskdn_tui.engine.runtime.clock import iso, until
from slskdn_tui.engine.soulseek.search.gate import Priority, query_key
from slskdn_tui.engine.soulseek.search.search import Listener
from slskdn_tui.engine.store.state.wishes import Wish, WishHit
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.filters import NONE, Filter, parse
from slskdn_tui.model.folders import FoundFolder, folders_of, in_order
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText, counted

LAST = "wishlist.last"
"""When a wish was last searched for (Unix seconds), kept over restarts."""
LOOK_S = 1.0
"""How often the login and the server's interval are looked at while they are lacking."""
COLLECT_S = 15.0
MOST_WISHES = 1000
Answer = TypeVar("Answer")


class Wishlist:
    """`run` for ever under a supervisor. What changes is in the database when a call returns."""

    def __init__(self, services: Services, runner: JobRunner) -> None:
        self._services = services
        self._runner = runner
        self._wishes: dict[str, Wish] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._last = 0.0
        self._changed = asyncio.Event()
        self.revision = 0
        """Grows with every change of wishes or hits."""

    async def load(self) -> None:
        store = self._services.store
        self._wishes = {wish.wish_id: wish for wish in await store.wishes.all()}
        self._counts = await store.wishes.counts()
        self._last = float(await store.choices.get(LAST) or 0.0)

    # -- looking

    def wishes(self) -> tuple[Wish, ...]:
        return tuple(self._wishes.values())

    def count(self, wish_id: str) -> tuple[int, int]:
        """(new, all) folders kept for a wish."""
        return self._counts.get(wish_id, (0, 0))

    @property
    def new(self) -> int:
        """Wishes with results not seen yet."""
        return sum(self.count(wish_id)[0] > 0 for wish_id in self._wishes)

    @property
    def interval(self) -> float | None:
        """Seconds between two searches; None while offline."""
        return interval_of(self._services.soulseek.wishlist_interval)

    def next_searches(self) -> dict[str, float]:
        """Seconds until each wish's turn; empty while offline or switched off."""
        interval = self.interval
        if interval is None or not self._services.settings.wishlist.enabled:
            return {}
        first = wait_for(self._last, interval, self._wall())
        return {wish.wish_id: first + place * interval for place, wish in enumerate(in_turn(self.wishes()))}

    def find(self, wish_id: str) -> Wish:
        """UserError `not_found`."""
        wish = self._wishes.get(wish_id)
        if wish is None:
            raise UserError("not_found", f"no wish {wish_id!r}", "`slskdn wishlist list` shows them")
        return wish

    async def hits(self, wish_id: str) -> list[WishHit]:
        return await self._services.store.wishes.hits(self.find(wish_id).wish_id)

    # -- acting

    async def add(self, wish: Wish) -> Wish:
        """Keep a new wish (its number and dates are filled in). UserError `refused` for one that is there, `usage` for a filter that cannot be read."""
        await self._filter(wish)
        for other in self._wishes.values():
            if query_key(other.query) == query_key(wish.query) and other.filter == wish.filter and not other.job_id:
                raise UserError("refused", f"wish {other.wish_id} waits for this already", "take it back first to change it")
        if len(self._wishes) >= MOST_WISHES:
            raise UserError("refused", f"there are {MOST_WISHES} wishes", "one is searched for at each interval; take some back")
        number = max((int(each) for each in self._wishes if each.isdigit()), default=0) + 1
        wish = replace(wish, wish_id=str(number), created_at=self._now())
        await self._keep(wish)
        self._wake()
        return wish

    async def remove(self, wish_id: str) -> Wish:
        wish = self.find(wish_id)
        del self._wishes[wish_id]
        await self._services.store.wishes.drop(wish_id)
        self._counts.pop(wish_id, None)
        self._wake()
        return wish

    async def seen(self, wish_id: str = "") -> None:
        """Nothing of this wish, or of any, is new any more."""
        if wish_id:
            self.find(wish_id)
        await self._services.store.wishes.see(wish_id)
        self._counts = await self._services.store.wishes.counts()
        self.revision += 1

    # -- the round

    async def run(self) -> None:
        """Search for one wish after the other, an interval apart, while logged in."""
        while True:
            self._changed.clear()
            wait = self._due()
            if wait == 0.0:
                await self._search(in_turn(self.wishes())[0])
            else:
                await self._pause(wait)

    def _due(self) -> float | None:
        """Seconds until the next search; None when there is nothing to search for."""
        if not in_turn(self.wishes()):
            return None
        interval = self.interval
        return LOOK_S if interval is None else wait_for(self._last, interval, self._wall())

    async def _pause(self, seconds: float | None) -> None:
        """Until something changed, or so long. A login that comes or goes meanwhile is seen then."""
        await until(self._changed, self._services.clock, seconds)

    async def _search(self, wish: Wish) -> None:
        await self._searched(self._wall())
        if wish.wish_id not in self._wishes:  # taken back meanwhile, as may happen wherever something is awaited below
            return
        wish = replace(wish, last_at=self._now())
        await self._keep(wish)
        try:
            replies = await self._services.soulseek.search(
                wish.query, wait_s=COLLECT_S, priority=Priority.WISHLIST, listener=Listener(begins=self._begins)
            )
            await self._searched(self._last)
            if wish.wish_id in self._wishes:
                await self._answered(wish, replies)
        except UserError as error:
            await self._say(wish, f"{error.message}; {error.hint}" if error.hint else str(error.message))

    def _begins(self, seconds: float) -> None:
        """The gate may have held it: the next interval is reckoned from the message itself."""
        self._last = self._wall()

    async def _searched(self, wall: float) -> None:
        self._last = wall
        await self._services.store.choices.put(LAST, wall)

    async def _answered(self, wish: Wish, replies: tuple[SearchReply, ...]) -> None:
        """Keep what fits; take it when it was asked for so."""
        wanted = await self._filter(wish)
        if wish.reference:
            release = await self._release(wish)
            found, candidate = await self._in_thread(functools.partial(_albums, release, replies, wanted, wish))
            await self._found(wish, found)
            if wish.auto and candidate is not None:
                job = await self._runner.create(release, wish.constraints, details=_details(wish))
                await self._became(wish, job.job_id, f"{candidate.username}: {candidate.why}")
            return
        found = await self._in_thread(functools.partial(fitting, replies, wanted))
        await self._found(wish, found)
        if wish.auto and found:
            best = found[0]
            record = files_record(best.reply.username, best.folder, best.files, Constraints(use_overlay=False), wish.destination)
            job = await self._runner.add(record)
            await self._became(wish, job.job_id, f"{counted(len(best.files), 'file')} of {best.reply.username}: {best.title}")

    async def _release(self, wish: Wish) -> Release:
        return await self._services.music.release(wish.reference)

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._services.disk, work)

    async def _found(self, wish: Wish, found: Sequence[FoundFolder]) -> None:
        store = self._services.store.wishes
        kept, fresh = keep(await store.hits(wish.wish_id), found, self._now(), self._services.settings.wishlist.keep_results)
        await store.keep_hits(wish.wish_id, kept)
        self._counts = await store.counts()
        self.revision += 1
        if fresh:
            words = f"{fresh} new folder{'s' if fresh > 1 else ''} for {SafeText(wish.query, 100)}"
            self._services.bus.publish("wish.found", "wishlist", words, wish=wish.wish_id, new=fresh)

    async def _became(self, wish: Wish, job_id: str, words: str) -> None:
        if wish.wish_id in self._wishes:
            await self._keep(replace(self._wishes[wish.wish_id], job_id=job_id, note=str(SafeText(words))))
        text = f"{SafeText(wish.query, 100)} is there: job {job_id[:8]}, {words}"
        self._services.bus.publish("wish.taken", "wishlist", text, job_id=job_id, wish=wish.wish_id)

    async def _say(self, wish: Wish, words: str) -> None:
        if wish.wish_id in self._wishes:
            await self._keep(replace(self._wishes[wish.wish_id], note=str(SafeText(words))))
        self._services.bus.publish("wish.failed", "wishlist", f"{SafeText(wish.query, 100)}: {words}", level="warning", wish=wish.wish_id)

    async def _filter(self, wish: Wish) -> Filter:
        return parse(wish.filter, await self._services.store.choices.under("filters.")) if wish.filter else NONE

    async def _keep(self, wish: Wish) -> None:
        self._wishes[wish.wish_id] = wish
        self.revision += 1
        await self._services.store.wishes.put(wish)

    def _wake(self) -> None:
        self.revision += 1
        self._changed.set()

    def _wall(self) -> float:
        return self._services.clock.wall().timestamp()

    def _now(self) -> str:
        return iso(self._services.clock.wall())


def words_for(release: Release) -> str:
    """What is searched for when a release is wished for."""
    queries = search_queries(release)
    return queries[0] if queries else f"{release.artist} {release.title}"


def _details(wish: Wish) -> dict[str, str]:
    return {"destination": wish.destination} if wish.destination else {}


def _albums(
    release: Release, replies: Sequence[SearchReply], wanted: Filter, wish: Wish
) -> tuple[list[FoundFolder], AlbumCandidate | None]:
    """Folders that hold at least half of the release and pass the filter whole, and the best of them that has all of it."""
    by_user = {reply.username: reply for reply in replies}
    fitting_ones = [
        each
        for each in album_candidates(release, replies, wish.constraints)
        if each.fit != "other"
        and 2 * len(each.files) >= len(release.tracks)
        and all(wanted.passes(by_user[file.username], file) for _, file in each.files)
    ]
    folders: list[FoundFolder] = []
    for each in fitting_ones:
        folders += folders_of(replace(by_user[each.username], files=tuple(file for _, file in each.files)))
    return in_order(folders), next((each for each in fitting_ones if each.complete), None)
