"""How users served us so far, in memory for ranking and in the store for the next start. Shell over the store; `score` is the core."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace

from slskdn_tui.engine.runtime.clock import Clock, iso
from slskdn_tui.engine.store.state.user_history import UserFacts, UserHistoryTable

log = logging.getLogger(__name__)


def score(facts: UserFacts) -> float:
    """1.0 for a user who never failed us, 0.5 for one failure and nothing else, rising again with each file that came whole."""
    return (1 + facts.done) / (1 + facts.done + facts.failed)


class UserHistory:
    def __init__(self, table: UserHistoryTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._users: dict[str, UserFacts] = {}

    async def load(self) -> None:
        self._users = {facts.username: facts for facts in await self._table.all()}

    def score(self, username: str) -> float:
        """0-1, see `score`."""
        return score(self._users.get(username, UserFacts(username)))

    async def note(self, username: str, *, done: int = 0, failed: int = 0, size: int = 0, seconds: float = 0.0) -> None:
        """Add to what is known. A store that fails costs the figure, not the transfer."""
        new = UserFacts(username, done, failed, size, seconds, iso(self._clock.wall()))
        old = self._users.get(username, UserFacts(username))
        self._users[username] = replace(
            new, done=old.done + done, failed=old.failed + failed, bytes=old.bytes + size, seconds=old.seconds + seconds
        )
        try:
            await self._table.add(new)
        except (OSError, sqlite3.Error) as error:
            log.warning("what %r did could not be noted: %s", username, error)
