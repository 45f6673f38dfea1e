"""Shell: every search of this program, one after the other through the gate, whoever asks.

The gate's window is kept by a `GateStore`. Replies of the last minutes are remembered on disk too, so that a restarted job, whose query the gate
would hold back for five minutes, has its answer at once and the network is asked nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aioslsk.events import SearchResultEvent
from aioslsk.protocol.messages import WishlistSearch
from aioslsk.search.model import SearchRequest, SearchType

from slskdn_tui.engine.runtime.clock import Clock, until
from slskdn_tui.engine.soulseek.client import Client
from slskdn_tui.engine.soulseek.search.found import Collection
from slskdn_tui.engine.soulseek.search.gate import Priority, SearchGate, asked_as, tidy
from slskdn_tui.engine.soulseek.search.memory import GateStore, SearchMemory
from slskdn_tui.model.candidates import SearchReply

log = logging.getLogger(__name__)

MAX_REPLIES = 500


@dataclass(slots=True)
class Listener:
    """Told how a search goes: its gate ticket while it waits, when it goes out (and for how many seconds answers are collected), each answer."""

    waits: Callable[[int], None] = lambda ticket: None
    begins: Callable[[float], None] = lambda seconds: None
    hears: Callable[[SearchReply], None] = lambda reply: None
    capped: Callable[[], None] = lambda: None


class SearchDesk:
    """Callers queue here; `search` returns what was answered within `wait_s` of the query going out. At most `results` users are heard."""

    def __init__(
        self,
        client: Client,
        gate: SearchGate,
        memory: SearchMemory,
        store: GateStore,
        clock: Clock,
        spawn: Callable[[str, Coroutine[Any, Any, None]], object],
        on_search: Callable[[str, int], None] = lambda query, waiting: None,
        results: int = MAX_REPLIES,
    ) -> None:
        self._client = client
        self._gate = gate
        self._memory = memory
        self._store = store
        self._clock = clock
        self._spawn = spawn
        self._on_search = on_search
        self._results = results
        self._epoch = clock.wall().timestamp() - clock.now()
        self._nudges: dict[int, asyncio.Event] = {}
        self._collecting: dict[int, Collection] = {}
        client.events.register(SearchResultEvent, self._on_result)

    @property
    def waiting(self) -> int:
        """How many searches wait at the gate."""
        return self._gate.waiting

    def hold(self, priority: Priority, query: str = "") -> float:
        """About how many seconds the next search of this priority would wait."""
        return self._gate.hold(priority, self._wall(), query)

    def forecast(self, count: int, lasts: float) -> float:
        """About how many seconds until `count` more searches of jobs, of `lasts` seconds each, have begun."""
        return self._gate.forecast(count, Priority.JOB, lasts, self._wall())

    def hold_of(self, ticket: int) -> float:
        """About how many seconds the waiting search with this ticket still will."""
        return self._gate.hold_of(ticket, self._wall())

    async def search(
        self,
        query: str,
        wait_s: float,
        ready: Callable[[], Any],
        *,
        priority: Priority = Priority.JOB,
        user: str = "",
        listener: Listener | None = None,
    ) -> tuple[SearchReply, ...]:
        """`ready()` is awaited before the query is sent (online?). Replies of the same query within the gate's repeat time are given again.

        `user` asks only that one; `Priority.WISHLIST` goes out as a wishlist search. Raises what `ready` raises.
        """
        query, listener = tidy(query), listener or Listener()
        if not query:
            return ()
        asked = asked_as(query, user)
        if (known := await self._recall(asked)) is not None:
            return self._tell_known(known, listener)
        ticket = self._gate.enter(asked, priority, wait_s)
        nudge = self._nudges[ticket] = asyncio.Event()
        listener.waits(ticket)
        try:
            while True:
                nudge.clear()  # before looking: what is told while the memory is read must not be missed
                await ready()
                if (known := await self._recall(asked)) is not None:
                    return self._tell_known(known, listener)
                began = self._wall()
                following = self._gate.next(began)
                if following == (ticket, 0.0):
                    self._gate.start(ticket, asked, began)
                    break
                await self._wait_turn(nudge, following[1] if following is not None and following[0] == ticket else None)
        finally:
            self._nudges.pop(ticket, None)
            self._gate.leave(ticket)
            if not self._gate.in_flight:
                self._nudge()
        asking = asyncio.ensure_future(self._ask(query, user, priority, wait_s, began, listener))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            if not asking.done():
                await self._see_through(asking)
            raise
        finally:
            self._gate.end()
            self._nudge()

    async def _see_through(self, asking: asyncio.Future[tuple[SearchReply, ...]]) -> None:
        """Who asked has left (a job paused in mid-search). The gate holds the query for five minutes now, so its answers are still collected, and
        whoever asks the same next has them; other searches need not wait for that."""

        async def rest() -> None:
            await asking

        try:
            self._spawn("answers nobody waits for", rest())
        except RuntimeError:  # all is being stopped
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _recall(self, asked: str) -> tuple[SearchReply, ...] | None:
        now = self._wall()
        if not self._gate.asked_lately(asked, now):
            return None
        return await self._memory.recall(asked, now - self._gate.rules.repeat_s)

    @staticmethod
    def _tell_known(known: tuple[SearchReply, ...], listener: Listener) -> tuple[SearchReply, ...]:
        for reply in known:
            listener.hears(reply)
        return known

    async def _wait_turn(self, nudge: asyncio.Event, seconds: float | None) -> None:
        """Until nudged; who is next also wakes by itself."""
        if seconds is None or seconds == float("inf"):
            await nudge.wait()
            return
        log.info("the search gate holds a query for %.1f s", seconds)
        await self._either(nudge, seconds)

    def _nudge(self, *more: int) -> None:
        """Who is next looks again, and so do `more`."""
        following = self._gate.next(self._wall())
        for ticket in (*more, *((following[0],) if following is not None else ())):
            if ticket in self._nudges:
                self._nudges[ticket].set()

    async def _ask(
        self, query: str, user: str, priority: Priority, wait_s: float, began: float, listener: Listener
    ) -> tuple[SearchReply, ...]:
        asked = asked_as(query, user)
        collection = Collection(self._results, listener.hears)
        ticket = 0
        try:
            # as the wall clock has it now: the gate's own time stood still while the machine slept, and is of no other run
            await self._store.record(self._clock.wall().timestamp(), asked)
            session = self._client.session
            request = await self._send(query, user, priority)
            ticket = request.ticket
            self._collecting[ticket] = collection
            self._on_search(query, self.waiting)
            listener.begins(wait_s)
            await self._wait(collection, wait_s)
            if collection.full.is_set():
                listener.capped()
            replies = collection.replies()
            if session is not None and self._client.session is session:  # one cut short is not what the network knows
                await self._memory.remember(asked, began, replies)
            return replies
        finally:
            self._collecting.pop(ticket, None)
            pending = self._client.searches.requests.pop(ticket, None)
            if pending is not None and pending.timer is not None:
                pending.timer.cancel()
            self._nudge(*self._gate.same(asked))

    async def _send(self, query: str, user: str, priority: Priority) -> SearchRequest:
        searches = self._client.searches
        if user:
            return await searches.search_user(user, query)
        if priority is not Priority.WISHLIST:
            return await searches.search(query)
        request = SearchRequest(next(searches._ticket_generator), query, search_type=SearchType.WISHLIST)
        await self._client.network.send_server_messages(WishlistSearch.Request(request.ticket, query))
        await searches._attach_request_timer_and_emit(request)
        return request

    async def _wait(self, collection: Collection, wait_s: float) -> None:
        await self._either(collection.full, wait_s)

    async def _either(self, event: asyncio.Event, seconds: float) -> None:
        """Until the event or the time."""
        await until(event, self._clock, seconds)

    def _wall(self) -> float:
        """The gate's time: Unix seconds when this run began, monotonic since, so that setting the clock opens no gate."""
        return self._epoch + self._clock.now()

    async def _on_result(self, event: SearchResultEvent) -> None:
        collection = self._collecting.get(event.result.ticket)
        if collection is not None:
            collection.add(event.result)
