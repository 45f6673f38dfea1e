"""Who may transfer next: a limited number of places, given to the waiting track that stands first *now*, so that moving a job in the queue counts at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

Rank = Callable[[], tuple[Any, ...]]


class Slots:
    """`count` places. Ranks are asked for when a place falls free; the least one has it."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[Rank, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def place(self, rank: Rank) -> AsyncIterator[None]:
        await self._take(rank)
        try:
            yield
        finally:
            self._free += 1
            self._give()

    async def _take(self, rank: Rank) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (rank, turn)
        self._waiting.append(entry)
        self._give()
        try:
            await turn
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif not turn.cancelled():  # the place came together with the cancellation
                self._free += 1
                self._give()
            raise

    def _give(self) -> None:
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        while self._free and self._waiting:
            first = min(self._waiting, key=lambda entry: entry[0]())
            self._waiting.remove(first)
            self._free -= 1
            first[1].set_result(None)
