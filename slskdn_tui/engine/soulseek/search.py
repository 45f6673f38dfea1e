"""Shell: every search of this program, one after the other through the gate; replies become values at this door.

The gate's window is kept by a `GateStore`. Replies of the last minutes are remembered on disk too, so that a restarted job, whose query the gate
would hold back for five minutes, has its answer at once and the network is asked nothing.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from aioslsk.events import SearchResultEvent
from aioslsk.search.model import SearchResult
from pydantic import TypeAdapter

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.soulseek.client import Client
from slskdn_tui.engine.soulseek.gate import SearchGate, query_key, tidy
from slskdn_tui.model.candidates import FoundFile, SearchReply

log = logging.getLogger(__name__)

MAX_REPLIES = 500
MAX_FILES = 20_000
MAX_FILES_A_USER = 2_000
MAX_PATH = 2_000
MAX_NAME = 60
MAX_REMEMBERED_BYTES = 4 * 1024 * 1024
REPLIES: TypeAdapter[tuple[SearchReply, ...]] = TypeAdapter(tuple[SearchReply, ...])


class GateStore(Protocol):
    """Where the gate's window lives across restarts; wall seconds since the epoch."""

    async def load(self, since: float) -> Sequence[tuple[float, str]]: ...
    async def record(self, wall: float, query: str) -> None: ...


class SearchMemory:
    """The gate's window and recent replies in the share index's file; a `GateStore`. Its own connection; calls run in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self, since: float) -> Sequence[tuple[float, str]]:
        rows = await self._run("SELECT wall, query FROM asked WHERE wall >= ?", since)
        return [(float(wall), str(query)) for wall, query in rows]

    async def record(self, wall: float, query: str) -> None:
        await self._run("INSERT INTO asked VALUES (?, ?)", wall, query)
        await self._run("DELETE FROM asked WHERE wall < ?", wall - 3600)

    async def recall(self, query: str, since: float) -> tuple[SearchReply, ...] | None:
        """Replies to this query since then; None when it was not asked, or not answered to the end."""
        rows = await self._run("SELECT replies FROM reply WHERE query = ? AND wall >= ?", query_key(query), since)
        return REPLIES.validate_json(rows[0][0]) if rows else None

    async def remember(self, query: str, wall: float, replies: tuple[SearchReply, ...]) -> None:
        text = REPLIES.dump_json(replies).decode("utf-8", "replace")
        if len(text) <= MAX_REMEMBERED_BYTES:
            await self._run("INSERT OR REPLACE INTO reply VALUES (?, ?, ?)", query_key(query), wall, text)
        await self._run("DELETE FROM reply WHERE wall < ?", wall - 3600)

    async def _run(self, sql: str, *values: Any) -> list[Any]:
        return await asyncio.to_thread(self._execute, sql, values)

    def _execute(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        db = sqlite3.connect(self._path, timeout=10)
        try:
            with db:
                return db.execute(sql, values).fetchall()
        finally:
            db.close()


def _clean(text: str) -> str:
    """Lone surrogates would break JSON and SQLite later on."""
    return text.encode("utf-8", "replace").decode("utf-8")


def found_file(username: str, data: Any) -> FoundFile | None:
    """A file of a reply as a value; None when it is out of bounds."""
    path = data.filename
    if not path or len(path) > MAX_PATH or "\0" in path or not 0 < data.filesize < 2**62:
        return None
    attributes = {each.key: each.value for each in data.attributes[:16]}
    extension = data.extension if 0 < len(data.extension) <= 8 else path.rpartition(".")[2] if "." in path[-9:] else ""
    return FoundFile(
        username,
        _clean(path),
        data.filesize,
        _clean(extension.lower().lstrip(".")),
        seconds=attributes.get(1),
        bitrate=attributes.get(0),
        sample_rate=attributes.get(4),
        bit_depth=attributes.get(5),
    )


def search_reply(result: SearchResult) -> SearchReply | None:
    """A user's answer as a value; locked files are left out, since they cannot be had. None when nothing is left."""
    if not result.username or len(result.username) > MAX_NAME:
        return None
    found = [found_file(result.username, each) for each in result.shared_items[:MAX_FILES_A_USER]]
    files = tuple(each for each in found if each is not None)
    return SearchReply(result.username, bool(result.has_free_slots), result.avg_speed, result.queue_size, files) if files else None


class SearchDesk:
    """Callers queue here; `search` returns what was answered within `wait_s` of the query going out."""

    def __init__(
        self,
        client: Client,
        gate: SearchGate,
        memory: SearchMemory,
        store: GateStore,
        clock: Clock,
        on_search: Callable[[str, int], None] = lambda query, waiting: None,
    ) -> None:
        self._client = client
        self._gate = gate
        self._memory = memory
        self._store = store
        self._clock = clock
        self._on_search = on_search
        self._turn = asyncio.Lock()
        self._collecting: dict[int, _Collection] = {}
        self.waiting = 0
        client.events.register(SearchResultEvent, self._on_result)

    async def search(self, query: str, wait_s: float, ready: Callable[[], Any]) -> tuple[SearchReply, ...]:
        """`ready()` is awaited before the query is sent (online?). Replies of the same query within the gate's repeat time are given again."""
        query = tidy(query)
        if not query:
            return ()
        self.waiting += 1
        try:
            async with self._turn:
                known = await self._memory.recall(query, self._wall() - self._gate.rules.repeat_s)
                if known is not None:
                    return known
                await self._wait_turn(query, ready)
                return await self._ask(query, wait_s)
        finally:
            self.waiting -= 1

    async def _wait_turn(self, query: str, ready: Callable[[], Any]) -> None:
        while True:
            await ready()
            wait = self._gate.wait_for(query, self._wall())
            if wait <= 0:
                return
            log.info("the search gate holds a query for %.1f s", wait)
            await self._clock.sleep(wait)

    async def _ask(self, query: str, wait_s: float) -> tuple[SearchReply, ...]:
        began = self._wall()
        self._gate.begin(query, began)
        collection = _Collection()
        ticket = 0
        try:
            await self._store.record(began, query)
            request = await self._client.searches.search(query)
            ticket = request.ticket
            self._collecting[ticket] = collection
            self._on_search(query, self.waiting - 1)
            await self._wait(collection, wait_s)
            replies = collection.replies()
            await self._memory.remember(query, began, replies)
            return replies
        finally:
            self._gate.end()
            self._collecting.pop(ticket, None)
            pending = self._client.searches.requests.pop(ticket, None)
            if pending is not None and pending.timer is not None:
                pending.timer.cancel()

    async def _wait(self, collection: _Collection, wait_s: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(wait_s))
        full = asyncio.ensure_future(collection.full.wait())
        try:
            await asyncio.wait((timer, full), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (timer, full):
                each.cancel()
            await asyncio.gather(timer, full, return_exceptions=True)

    def _wall(self) -> float:
        return self._clock.wall().timestamp()

    async def _on_result(self, event: SearchResultEvent) -> None:
        collection = self._collecting.get(event.result.ticket)
        if collection is not None:
            collection.add(event.result)


class _Collection:
    """Replies to one query: one a user, capped in users and files."""

    def __init__(self) -> None:
        self._by_user: dict[str, SearchReply] = {}
        self._files = 0
        self.full = asyncio.Event()

    def add(self, result: SearchResult) -> None:
        reply = search_reply(result)
        if reply is None or reply.username in self._by_user or self.full.is_set():
            return
        self._by_user[reply.username] = reply
        self._files += len(reply.files)
        if len(self._by_user) >= MAX_REPLIES or self._files >= MAX_FILES:
            self.full.set()

    def replies(self) -> tuple[SearchReply, ...]:
        return tuple(self._by_user.values())
