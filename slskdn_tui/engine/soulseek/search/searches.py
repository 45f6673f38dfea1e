"""Shell: the searches a user asked for, kept in memory with their answers while they stream in: what the Search screen shows.

The last 20 are kept. Answers are capped by the desk (users, files, files a user); filters are applied when a view is made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.search.gate import Priority, tidy
from slskdn_tui.engine.soulseek.search.search import Listener, SearchDesk
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText

KEPT = 20
COLLECT_S = 15.0
"""Answers come for about ten seconds; slow and distant users need a little longer."""


@dataclass(slots=True)
class LiveSearch:
    """One search: `revision` grows with each answer; `ends_at` is monotonic seconds, 0 before it goes out."""

    search_id: str
    query: str
    user: str = ""
    state: Literal["waiting", "searching", "done", "failed"] = "waiting"
    replies: list[SearchReply] = field(default_factory=list)
    files: int = 0
    folders: int = 0
    revision: int = 0
    ticket: int = 0
    ends_at: float = 0.0
    capped: bool = False
    error: str = ""

    def hear(self, reply: SearchReply) -> None:
        self.replies.append(reply)
        self.files += len(reply.files)
        self.folders += len({file.folder for file in reply.files})
        self.revision += 1


class Searches:
    """`ask` answers at once with the search's number; its answers are looked at with `get`."""

    def __init__(self, desk: SearchDesk, ready: Callable[[], Awaitable[None]], clock: Clock, supervisor: Supervisor) -> None:
        self._desk = desk
        self._ready = ready
        self._clock = clock
        self._supervisor = supervisor
        self._kept: dict[str, LiveSearch] = {}
        self._tasks: dict[str, Callable[[], object]] = {}
        self._count = 0

    def ask(self, query: str, user: str = "") -> str:
        """Begin a search of everybody, or of one user's files. UserError `usage` for a query without a word."""
        query = tidy(query)
        if not any(char.isalnum() for char in query):
            raise UserError("usage", "the search has no word", "give a title, an artist, or both")
        self._count += 1
        search = LiveSearch(str(self._count), query, user.strip())
        self._kept[search.search_id] = search
        for old in list(self._kept)[:-KEPT]:
            self.close(old)
        task = self._supervisor.spawn(f"search {search.search_id}", self._run(search))
        self._tasks[search.search_id] = task.cancel
        task.add_done_callback(lambda done: self._tasks.pop(search.search_id, None))
        return search.search_id

    def close(self, search_id: str) -> None:
        """Forget a search; one that waits gives up its place. UserError `not_found`."""
        search = self.get(search_id)
        cancel = self._tasks.pop(search_id, None)
        if cancel is not None:
            cancel()
        del self._kept[search.search_id]

    def get(self, search_id: str = "") -> LiveSearch:
        """The search of this number, or the newest. UserError `not_found`."""
        search = self._kept.get(search_id) if search_id else next(reversed(self._kept.values()), None)
        if search is None:
            raise UserError("not_found", f"no search {search_id!r}" if search_id else "nothing was searched for yet", "ask for something")
        return search

    def all(self) -> tuple[LiveSearch, ...]:
        """Oldest first."""
        return tuple(self._kept.values())

    def wait_s(self, search: LiveSearch) -> float:
        """About how long the gate still holds it; 0 once it is out."""
        if search.state != "waiting":
            return 0.0
        return self._desk.hold_of(search.ticket) if search.ticket else self._desk.hold(Priority.USER)

    def left_s(self, search: LiveSearch) -> float:
        """How long answers are still collected."""
        return max(0.0, search.ends_at - self._clock.now()) if search.state == "searching" else 0.0

    async def _run(self, search: LiveSearch) -> None:
        def waits(ticket: int) -> None:
            search.ticket = ticket

        def begins(seconds: float) -> None:
            search.state, search.ends_at = "searching", self._clock.now() + seconds
            search.revision += 1

        def capped() -> None:
            search.capped = True

        listener = Listener(waits, begins, search.hear, capped)
        try:
            await self._desk.search(search.query, COLLECT_S, self._ready, priority=Priority.USER, user=search.user, listener=listener)
            search.state = "done"
        except UserError as error:
            search.state, search.error = "failed", str(SafeText(f"{error.message}; {error.hint}" if error.hint else error.message))
        except Exception as error:
            search.state, search.error = "failed", str(SafeText(f"{type(error).__name__}: {error}"))
            raise
        finally:
            search.revision += 1
