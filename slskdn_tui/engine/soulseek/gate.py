"""Core: the search gate. Every search of this program passes it: one in flight, a gap, a window, no quick repeats.

Time is wall-clock seconds since the epoch, passed in, because the window is kept across restarts. The server bans an address for
30 minutes for "too many operations at once"; the figures are field practice (docs/protocol/soulseek.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

MAX_QUERY = 250


@dataclass(frozen=True, slots=True)
class GateRules:
    """`gap_s` between two searches, at most `window` in `window_s`, the same query not within `repeat_s`."""

    gap_s: float = 3.0
    window: int = 30
    window_s: float = 220.0
    repeat_s: float = 300.0


def tidy(query: str) -> str:
    """The query as it is sent: printable, single spaces, at most 250 characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in query).split())[:MAX_QUERY].strip()


def query_key(query: str) -> str:
    """Two queries with one key are the same search: case and word order do not matter to the network."""
    return " ".join(sorted(tidy(query).casefold().split()))


class SearchGate:
    """When may the next search go? `history` is (wall seconds, query) of earlier searches, of this run or one before it."""

    def __init__(self, rules: GateRules, history: Iterable[tuple[float, str]] = ()) -> None:
        self.rules = rules
        self._asked: deque[tuple[float, str]] = deque(sorted((wall, query_key(query)) for wall, query in history))
        self.in_flight = False

    def wait_for(self, query: str, now: float) -> float:
        """Seconds until this query may be sent; 0 for now, `inf` while another is in flight."""
        if self.in_flight:
            return float("inf")
        self._forget(now)
        rules, key = self.rules, query_key(query)
        until = now
        if self._asked:
            until = max(until, self._asked[-1][0] + rules.gap_s)
        recent = [wall for wall, _ in self._asked if wall > now - rules.window_s]
        if len(recent) >= rules.window:
            until = max(until, recent[-rules.window] + rules.window_s)
        for wall, asked in self._asked:
            if asked == key:
                until = max(until, wall + rules.repeat_s)
        return max(0.0, until - now)

    def begin(self, query: str, now: float) -> None:
        """The query is being sent. Raises RuntimeError when it was not its turn."""
        if self.wait_for(query, now) > 0:
            raise RuntimeError("a search went round the gate")
        self.in_flight = True
        self._asked.append((now, query_key(query)))

    def end(self) -> None:
        self.in_flight = False

    def _forget(self, now: float) -> None:
        """Drop what no rule looks at; a time in the future (the clock was set back) counts as now, so that nobody waits for years."""
        oldest = now - max(self.rules.window_s, self.rules.repeat_s)
        if any(wall > now for wall, _ in self._asked):
            self._asked = deque(sorted((min(wall, now), key) for wall, key in self._asked))
        while self._asked and self._asked[0][0] <= oldest:
            self._asked.popleft()
