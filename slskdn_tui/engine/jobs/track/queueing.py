"""Waiting in one holder's queue: until the file is offered, the wait is over, the user wants another holder, or it is time for help. Shell over an origin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from slskdn_tui.engine.jobs.live import LiveTrack, Waiting
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.runtime.clock import Clock, until
from slskdn_tui.model.ports import OriginEnd, OriginState, QueuedOrigin


class Waited(Enum):
    OFFERED = auto()
    ENDED = auto()
    NEXT = auto()  # the user wants another holder
    TIME = auto()  # the deadline has come, or the user wants the mesh asked


@dataclass(frozen=True, slots=True)
class Wait:
    """How a wait ended; `end` and `words` where the origin ended it."""

    how: Waited
    end: OriginEnd | None = None
    words: str = ""


class Queueing:
    """Waits for one track; what the origin tells is kept in `live.waiting`."""

    def __init__(self, clock: Clock, live: LiveTrack, tell: Teller) -> None:
        self._clock = clock
        self._live = live
        self._tell = tell

    async def wait(self, origin: QueuedOrigin, deadline: Callable[[Waiting | None], float]) -> Wait:
        """`deadline` says in monotonic seconds when TIME comes, and is asked again whenever the origin's state changes.

        The place in the peer's queue is kept whatever this returns, but for ENDED.
        """
        live, turned = self._live, asyncio.Event()

        def told(state: OriginState, place: int | None, detail: str) -> None:
            old = live.waiting
            if old is None or old.state is not state or (place is not None and old.place is None):
                words = f"place {place}" if place is not None else detail
                self._tell.trace("origin", source=f"slsk:{origin.username}", result=str(state), words=words)
            since = old.since if old is not None and old.state is state else self._clock.now()
            live.waiting = Waiting(state, since, place, detail)
            if since != (old.since if old is not None else None):
                turned.set()

        async def until_time() -> None:
            while (left := deadline(live.waiting) - self._clock.now()) > 0:
                turned.clear()
                await until(turned, self._clock, left)

        queue = asyncio.ensure_future(origin.queue(told))
        asked = [asyncio.ensure_future(each.wait()) for each in (live.next_asked, live.rescue_asked)]
        timer = asyncio.ensure_future(until_time())
        tasks = (queue, timer, *asked)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not queue.cancelled():
            ended = queue.result()
            return Wait(Waited.OFFERED) if ended is None else Wait(Waited.ENDED, *ended)
        if live.next_asked.is_set():
            live.next_asked.clear()
            return Wait(Waited.NEXT)
        return Wait(Waited.TIME)
