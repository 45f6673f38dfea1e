"""Core: the search gate. Every search of this program passes it: one in flight, a gap, a window, no quick repeats, and an order among those who wait.

Time is wall-clock seconds since the epoch, passed in, because the window is kept across restarts. The server bans an address for
30 minutes for "too many operations at once"; the figures are field practice (docs/protocol/soulseek.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

MAX_QUERY = 250
OVERTAKES = 5
"""So many searches in a row may overtake a class that waits; then one of it goes, or a busy user would starve the jobs."""


class Priority(IntEnum):
    """Whose search goes first; within one, who came first."""

    USER = 0
    JOB = 1
    WISHLIST = 2
    DOCTOR = 3


@dataclass(frozen=True, slots=True)
class GateRules:
    """`gap_s` between two searches, at most `window` in `window_s`, the same query not within `repeat_s`."""

    gap_s: float = 3.0
    window: int = 30
    window_s: float = 220.0
    repeat_s: float = 300.0


@dataclass(frozen=True, slots=True)
class _Entry:
    ticket: int
    key: str
    priority: Priority
    lasts: float


def tidy(query: str) -> str:
    """The query as it is sent: printable, single spaces, at most 250 characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in query).split())[:MAX_QUERY].strip()


def query_key(query: str) -> str:
    """Two queries with one key are the same search: case and word order do not matter to the network."""
    return " ".join(sorted(tidy(query).casefold().split()))


def asked_as(query: str, user: str = "") -> str:
    """How a search is remembered: a search of one user's files is another search than that of everybody's."""
    return f"user:{user} {query}" if user else query


class SearchGate:
    """When may which search go? `history` is (wall seconds, query) of earlier searches, of this run or one before it.

    A caller enters, looks at `next` until it names its ticket with no wait, starts, and ends; or leaves.
    """

    def __init__(self, rules: GateRules, history: Iterable[tuple[float, str]] = ()) -> None:
        self.rules = rules
        self._asked: deque[tuple[float, str]] = deque(sorted((wall, query_key(query)) for wall, query in history))
        self._waiting: dict[int, _Entry] = {}
        self._overtaken: dict[Priority, int] = {}
        self._tickets = 0
        self._busy_until = 0.0
        self.in_flight = False

    # -- one query

    def wait_for(self, query: str, now: float) -> float:
        """Seconds until this query may be sent, were it alone; 0 for now, `inf` while another is in flight."""
        if self.in_flight:
            return float("inf")
        return max(0.0, max(self._free_at(now), self._repeat_at(query_key(query), now)) - now)

    def begin(self, query: str, now: float, lasts: float = 0.0) -> None:
        """The query is being sent; answers are collected for `lasts` seconds. Raises RuntimeError when it was not its turn."""
        if self.wait_for(query, now) > 0:
            raise RuntimeError("a search went round the gate")
        self.in_flight, self._busy_until = True, now + lasts
        self._asked.append((now, query_key(query)))

    def end(self) -> None:
        self.in_flight, self._busy_until = False, 0.0

    def asked_lately(self, query: str, now: float) -> bool:
        """Whether the repeat rule holds this query, so that an answer may be remembered."""
        self._forget(now)
        return self._repeat_at(query_key(query), now) > now

    # -- the queue

    def enter(self, query: str, priority: Priority, lasts: float = 0.0) -> int:
        """Wait in line; the answer is the place's ticket."""
        self._tickets += 1
        self._waiting[self._tickets] = _Entry(self._tickets, query_key(query), priority, lasts)
        return self._tickets

    def leave(self, ticket: int) -> None:
        """Give the place up (answered otherwise, or nobody wants it any more)."""
        if self._waiting.pop(ticket, None) is not None:
            self._overtaken = {each: self._overtaken[each] for each in self._overtaken if self._has(each)}

    def next(self, now: float) -> tuple[int, float] | None:
        """(ticket, seconds) of who goes next and when, were nobody else to come; `inf` while one is in flight. None when nobody waits."""
        if not self._waiting:
            return None
        free_at = self._free_at(now)
        held = {key: at for at, key in self._held(now)}
        ready = [each for each in self._waiting.values() if held.get(each.key, 0.0) <= free_at]
        if ready:
            first, at = min(ready, key=self._rank), free_at
        else:
            first = min(self._waiting.values(), key=lambda each: (held.get(each.key, 0.0), self._rank(each)))
            at = held[first.key]
        return first.ticket, float("inf") if self.in_flight else max(0.0, at - now)

    def start(self, ticket: int, query: str, now: float) -> None:
        """`begin` for a place in the line, which is given up. Raises RuntimeError when it was not its turn."""
        if self.next(now) != (ticket, 0.0):
            raise RuntimeError("a search went before its turn")
        entry = self._waiting[ticket]
        self.begin(query, now, entry.lasts)
        del self._waiting[ticket]
        behind = {each.priority for each in self._waiting.values()}
        self._overtaken = {
            each: self._overtaken.get(each, 0) + 1 if each > entry.priority else self._overtaken.get(each, 0)
            for each in behind
            if each != entry.priority
        }

    def same(self, query: str) -> tuple[int, ...]:
        """Tickets that wait for this very query."""
        key = query_key(query)
        return tuple(each.ticket for each in self._waiting.values() if each.key == key)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def hold(self, priority: Priority, now: float, query: str = "") -> float:
        """About how many seconds a search of this priority would wait, did it come now: those before it and the rules reckoned in."""
        return self._reckon([each for each in self._line() if each.priority <= priority], query_key(query), now)

    def hold_of(self, ticket: int, now: float) -> float:
        """About how many seconds a search that waits still will; 0 when it does not."""
        entry = self._waiting.get(ticket)
        if entry is None:
            return 0.0
        return self._reckon([each for each in self._line() if self._rank(each) < self._rank(entry)], entry.key, now)

    def forecast(self, count: int, priority: Priority, lasts: float, now: float) -> float:
        """About how many seconds until the last of `count` searches that are still to come has begun; 0 for none."""
        if count <= 0:
            return 0.0
        before = [each for each in self._line() if each.priority <= priority]
        return self._reckon([*before, *(_Entry(0, "", priority, lasts) for _ in range(count - 1))], "", now)

    # -- within

    def _line(self) -> list[_Entry]:
        return sorted(self._waiting.values(), key=self._rank)

    def _rank(self, entry: _Entry) -> tuple[int, int]:
        """A class that was overtaken often enough goes before all others."""
        due = self._overtaken.get(entry.priority, 0) >= OVERTAKES
        return (-1 if due else int(entry.priority), entry.ticket)

    def _has(self, priority: Priority) -> bool:
        return any(each.priority == priority for each in self._waiting.values())

    def _reckon(self, before: list[_Entry], key: str, now: float) -> float:
        """Seconds until a search after those goes; the overtaken classes' turns between are not foreseen."""
        rules = self.rules
        free_at = max(self._free_at(now), self._busy_until)
        times = [wall for wall, _ in self._asked]
        for entry in before:
            times.append(free_at)
            free_at = max(free_at + entry.lasts, free_at + rules.gap_s)
            if len(times) >= rules.window:
                free_at = max(free_at, times[-rules.window] + rules.window_s)
        return max(0.0, max(free_at, self._repeat_at(key, now)) - now)

    def _free_at(self, now: float) -> float:
        """When gap and window let the next search go."""
        self._forget(now)
        rules, until = self.rules, now
        if self._asked:
            until = max(until, self._asked[-1][0] + rules.gap_s)
        recent = [wall for wall, _ in self._asked if wall > now - rules.window_s]
        if len(recent) >= rules.window:
            until = max(until, recent[-rules.window] + rules.window_s)
        return until

    def _held(self, now: float) -> list[tuple[float, str]]:
        """(until when, key) of the queries asked lately, oldest first."""
        return [(wall + self.rules.repeat_s, key) for wall, key in self._asked if wall + self.rules.repeat_s > now]

    def _repeat_at(self, key: str, now: float) -> float:
        return max((at for at, asked in self._held(now) if asked == key), default=now)

    def _forget(self, now: float) -> None:
        """Drop what no rule looks at; a time in the future (the clock was set back) counts as now, so that nobody waits for years."""
        oldest = now - max(self.rules.window_s, self.rules.repeat_s)
        if any(wall > now for wall, _ in self._asked):
            self._asked = deque(sorted((min(wall, now), key) for wall, key in self._asked))
        while self._asked and self._asked[0][0] <= oldest:
            self._asked.popleft()
