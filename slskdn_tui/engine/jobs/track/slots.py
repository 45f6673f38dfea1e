"""Who may move and who may wait in somebody's queue: two pools of places, each given to the track that stands first *now*.

Core: `Pool`. `Slots` shells it with futures. A track that waits in a user's queue holds a place of the second pool only, so that many files can be
asked for at once, as is good manners on Soulseek; what moves at once, in all and from one user, is the first pool's to say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Rank = Callable[[], tuple[Any, ...]]


@dataclass(eq=False, slots=True)
class Ticket:
    """One wish for a place, of a file at `user`. `rank` is asked for whenever a place falls free; the least one has it."""

    user: str
    rank: Rank


class Pool:
    """`count` places, at most `per_user` of them for one user (None: as many as there are)."""

    def __init__(self, count: int, per_user: int | None = None) -> None:
        self._count = count
        self._per_user = per_user
        self._waiting: dict[Ticket, None] = {}
        self._held: dict[Ticket, None] = {}
        self._users: Counter[str] = Counter()

    @property
    def held(self) -> int:
        return len(self._held)

    def ask(self, ticket: Ticket) -> None:
        self._waiting[ticket] = None

    def drop(self, ticket: Ticket) -> None:
        """It waits no more, or gives its place back."""
        self._waiting.pop(ticket, None)
        if ticket in self._held:
            del self._held[ticket]
            self._users[ticket.user] -= 1
            if not self._users[ticket.user]:
                del self._users[ticket.user]

    def grant(self) -> list[Ticket]:
        """Give what is free; the tickets that have a place now."""
        granted: list[Ticket] = []
        while len(self._held) < self._count:
            fits = [each for each in self._waiting if self._per_user is None or self._users[each.user] < self._per_user]
            if not fits:
                break
            first = min(fits, key=lambda each: each.rank())
            del self._waiting[first]
            self._held[first] = None
            self._users[first.user] += 1
            granted.append(first)
        return granted


class Slots:
    """`moving(user, rank)` and `queued(user, rank)` are entered when a place is had and give it back at the end."""

    def __init__(self, moving: int, per_user: int, queued: int) -> None:
        self._moving = _Waiter(Pool(moving, per_user))
        self._queued = _Waiter(Pool(queued))

    def moving(self, user: str, rank: Rank) -> Place:
        return Place(self._moving, Ticket(user, rank))

    def queued(self, user: str, rank: Rank) -> Place:
        return Place(self._queued, Ticket(user, rank))


class _Waiter:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turns: dict[Ticket, asyncio.Future[None]] = {}

    async def take(self, ticket: Ticket) -> None:
        turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
        self._pool.ask(ticket)
        self._give()
        try:
            await turn
        except asyncio.CancelledError:
            self.leave(ticket)  # also when the place came together with the cancellation
            raise

    def leave(self, ticket: Ticket) -> None:
        self._turns.pop(ticket, None)
        self._pool.drop(ticket)
        self._give()

    def _give(self) -> None:
        for ticket in self._pool.grant():
            turn = self._turns.pop(ticket)
            if not turn.done():
                turn.set_result(None)


class Place:
    """An async context manager; `leave` may be called early."""

    def __init__(self, waiter: _Waiter, ticket: Ticket) -> None:
        self._waiter = waiter
        self._ticket = ticket

    async def __aenter__(self) -> Place:
        await self._waiter.take(self._ticket)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.leave()

    def leave(self) -> None:
        self._waiter.leave(self._ticket)
