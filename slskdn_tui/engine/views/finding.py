"""Searches, saved filters and wishes as views. Shell over the running engine; the grouping is done in a thread and kept until something changed."""

from __future__ import annotations

import asyncio
import functools
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from slskdn_tui.engine.jobs.wanted.copies import held_tracks, is_track
from slskdn_tui.engine.jobs.wanted.held import Held, base_name, held_files, is_owned
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.views.found_rows import folder_rows
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.filters import Filter, parse
from slskdn_tui.model.finding import FilterRow, FiltersView, SearchRow, SearchTab, SearchView, WishesView, WishRow
from slskdn_tui.model.folders import FoundFolder, folders_of, in_order
from slskdn_tui.model.jobs import TrackState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey

MADE = 6
"""So many arrangements (search, filter, order) are kept."""
WISH = "wish/"
_NO_BADGE = SafeText("")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Made:
    """One search under one filter in one order, as far as it has come: `taken` answers of it, and the rows made of each folder."""

    taken: int = 0
    folders: list[FoundFolder] = field(default_factory=list)
    users: int = 0
    files: int = 0
    order: list[FoundFolder] = field(default_factory=list)
    rows: dict[str, tuple[tuple[tuple[bool, ...], tuple[SafeText, ...]], tuple[SearchRow, ...]]] = field(default_factory=dict)

    def take(self, replies: Sequence[SearchReply], wanted: Filter, sort: str, descending: bool) -> None:
        """Group what came since, and sort anew; answers are only ever added."""
        for reply in replies[self.taken :]:
            found = folders_of(reply, wanted)
            self.folders += found
            self.users += bool(found)
            self.files += sum(len(folder.files) for folder in found)
        self.order, self.taken = in_order(self.folders, sort, descending), len(replies)

    @property
    def total(self) -> int:
        return len(self.folders) + self.files

    def window(self, start: int, count: int) -> tuple[list[FoundFolder], int]:
        """(folders that the rows `start` ... touch, how many rows of the first lie before the window)."""
        at, chosen, skip = 0, list[FoundFolder](), 0
        for folder in self.order:
            after = at + 1 + len(folder.files)
            if after > start:
                if not chosen:
                    skip = start - at
                chosen.append(folder)
            at = after
            if at >= start + count:
                break
        return chosen, skip


class FindingViews:
    """`search`, `filters` and `wishes`."""

    def __init__(self, engine: Parts) -> None:
        self._engine = engine
        self._made: OrderedDict[tuple[str, str, str, bool], _Made] = OrderedDict()
        self._busy = asyncio.Lock()

    # -- searches

    async def search(self, key: ViewKey) -> SearchView:
        """UserError `not_found` for a search or wish that is not there (any more)."""
        wanted, error = await self._filter(key.filter)
        if key.subject.startswith(WISH):
            return await self._wish(key, wanted, error)
        if self._engine.soulseek.state == "off":
            return SearchView(0, error=SafeText(error or self._engine.soulseek.state_words))
        searches = self._engine.soulseek.searches
        tabs = tuple(
            SearchTab(each.search_id, SafeText(_named(each.query, each.user)), each.state, each.folders) for each in searches.all()
        )
        if not key.subject and not tabs:
            return SearchView(0, error=SafeText(error))
        search = searches.get(key.subject)
        made = await self._arranged(search.search_id, search.replies, key, wanted) if wanted is not None else _Made()
        return SearchView(
            0,
            search.search_id,
            SafeText(_named(search.query, search.user)),
            search.state,
            wait_s=float(math.ceil(searches.wait_s(search))),
            left_s=float(math.ceil(searches.left_s(search))),
            users=len(search.replies),
            files=search.files,
            shown_users=made.users,
            shown_files=made.files,
            rows=await self._rows(made, key.start, key.count),
            total=made.total,
            tabs=tabs,
            error=SafeText(error or search.error),
            capped=search.capped,
        )

    async def _wish(self, key: ViewKey, wanted: Filter | None, error: str) -> SearchView:
        wish = self._engine.wishlist.find(key.subject.removeprefix(WISH))
        hits = await self._engine.wishlist.hits(wish.wish_id)
        replies = [hit.reply for hit in hits]
        made = (
            await self._arranged(f"{key.subject}@{self._engine.wishlist.revision}", replies, key, wanted) if wanted is not None else _Made()
        )
        return SearchView(
            0,
            key.subject,
            SafeText(wish.query),
            "done",
            users=len({reply.username for reply in replies}),
            files=sum(len(reply.files) for reply in replies),
            shown_users=len({folder.reply.username for folder in made.folders}),
            shown_files=made.files,
            rows=await self._rows(made, key.start, key.count),
            total=made.total,
            error=SafeText(error),
        )

    async def _filter(self, text: str) -> tuple[Filter | None, str]:
        """(the filter, why it cannot be read)."""
        try:
            return parse(text, await self._saved() if "@" in text else {}), ""
        except UserError as error:
            return None, f"{error.message}; {error.hint}"

    async def _saved(self) -> Mapping[str, str]:
        return {name: str(text) for name, text in (await self._engine.store.choices.under("filters.")).items()}

    async def _arranged(self, search: str, replies: Sequence[SearchReply], key: ViewKey, wanted: Filter) -> _Made:
        words = f"{key.filter}\0{await self._saved()}" if "@" in key.filter else key.filter
        mark = (search, words, key.sort, key.descending)
        made = self._made.setdefault(mark, _Made())
        self._made.move_to_end(mark)
        while len(self._made) > MADE:
            self._made.popitem(last=False)
        known = tuple(replies)
        async with self._busy:
            if made.taken != len(known):
                await self._in_thread(functools.partial(made.take, known, wanted, key.sort, key.descending))
        return made

    async def _rows(self, made: _Made, start: int, count: int) -> tuple[SearchRow, ...]:
        folders, skip = made.window(max(0, start), max(0, count))
        if not folders:
            return ()
        held, records = await self._held(folders), [job.record for job in self._engine.runner.jobs()]
        known = await self._engine.variants.of_sizes({file.size for folder in folders for file in folder.files})

        def work() -> list[SearchRow]:
            rows: list[SearchRow] = []
            tracks = held_tracks(records)
            for folder in folders:
                owned = tuple(is_owned(file, held) or is_track(file, tracks) for file in folder.files)
                badges = tuple(known[file.size].badge if file.size in known else _NO_BADGE for file in folder.files)
                kept = made.rows.get(folder.key)
                if kept is None or kept[0] != (owned, badges):
                    kept = made.rows[folder.key] = ((owned, badges), folder_rows(folder, owned, badges))
                rows += kept[1]
            return rows

        async with self._busy:
            rows = await self._in_thread(work)
        return tuple(rows[skip : skip + count])

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._engine.disk, work)

    async def _held(self, folders: Sequence[FoundFolder]) -> Held:
        placed: dict[int, list[str]] = {}
        for job in self._engine.runner.jobs():
            for track in job.record.tracks:
                if track.state is TrackState.DONE and track.placed:
                    placed.setdefault(track.size, []).extend((base_name(track.placed), base_name(track.path)))
        sizes = {file.size for folder in folders for file in folder.files}
        return await held_files(self._engine.store.files, sizes, placed)

    # -- filters and wishes

    async def filters(self, key: ViewKey) -> FiltersView:
        return FiltersView(
            0, tuple(FilterRow(name, 0, SafeText(name), SafeText(text)) for name, text in sorted((await self._saved()).items()))
        )

    async def wishes(self, key: ViewKey) -> WishesView:
        wishlist = self._engine.wishlist
        following = wishlist.next_searches()
        rows = []
        for wish in wishlist.wishes():
            new, found = wishlist.count(wish.wish_id)
            rows.append(
                WishRow(
                    wish.wish_id, 0, wish.wish_id, SafeText(wish.query), SafeText(wish.filter), wish.auto, new, found, wish.created_at,
                    wish.last_at, _rounded(following.get(wish.wish_id)), wish.job_id, SafeText(wish.note),
                )
            )  # fmt: skip
        wanted = key.filter.casefold()
        rows = [row for row in rows if wanted in f"{row.query} {row.filter}".casefold()]
        return WishesView(0, tuple(rows[key.start : key.start + key.count]), wishlist.interval, self._engine.settings.wishlist.enabled)


def _named(query: str, user: str) -> str:
    return f"{query} @ {user}" if user else query


def _rounded(seconds: float | None) -> float | None:
    """Whole minutes from two on, so that a list of wishes is not redrawn every second."""
    return None if seconds is None else float(math.ceil(seconds / 60) * 60) if seconds >= 120 else float(math.ceil(seconds))
