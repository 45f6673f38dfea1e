"""Time, passed in. `now` is monotonic seconds for rates and time-outs; `wall` is UTC for display and stored dates."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol


class Clock(Protocol):
    def now(self) -> float: ...
    def wall(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


class Waited(Protocol):
    """An event, or what can be waited for like one."""

    def wait(self) -> Coroutine[Any, Any, Any]: ...


async def until(event: Waited, clock: Clock, seconds: float | None) -> None:
    """Wait for the event, or so many seconds at most; None waits for the event alone."""
    if seconds is None:
        await event.wait()
        return
    waits = asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


async def when_woken(woken: asyncio.Event, clock: Clock, retry_s: float, once: Callable[[], Awaitable[bool]]) -> None:
    """For ever: `once` whenever woken, and again after `retry_s`, unless woken before, where it did not come to its end (False)."""
    while True:
        await woken.wait()
        woken.clear()
        try:
            ended = await once()
        except Exception:  # whatever it was: the supervisor logs it, and after its back-off what was asked for is still to be done
            woken.set()
            raise
        if not ended:
            await until(woken, clock, retry_s)
            woken.set()


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as dates are stored and shown."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class SystemClock:
    """The real one."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class VirtualClock:
    """Time that passes only when `advance` is called: tests of long waits take none."""

    def __init__(self, start: float = 1000.0, wall: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._wall_at_start = wall.timestamp() - start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self._wall_at_start + self._now, UTC)

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking sleepers in order and letting each run before the next."""
        end = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            when, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, when)
            if not future.done():
                future.set_result(None)
            await self._settle()
        self._now = end
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
