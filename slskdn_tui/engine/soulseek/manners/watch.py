"""Core: whom the server is asked to tell us about, and how many messages a user may cost the server. Time (monotonic seconds) is passed in.

A user we wait for is *watched*: the server then says when that user comes and goes, and nothing is polled. Every message to the server about
a user is counted, those of connecting included, and a new attempt waits until there is room for all it may need.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

MESSAGES = 2
WINDOW_S = 60.0
LINGER_S = 300.0
"""A user nobody waits for any more is watched so much longer: the next file often comes at once."""
CONNECTING = 2
"""What one attempt to connect may cost: where is this user, and (firewalled) ask this user to connect."""


class Allowance:
    """At most `messages` a user in any `window` seconds."""

    def __init__(self, messages: int = MESSAGES, window: float = WINDOW_S) -> None:
        self._messages = messages
        self.window = window
        self._sent: dict[str, deque[float]] = {}

    def spend(self, username: str, now: float) -> None:
        """A message about this user was sent."""
        sent = self._sent.setdefault(username, deque(maxlen=self._messages))
        sent.append(now)
        if len(self._sent) > 4096:
            self._sent = {name: times for name, times in self._sent.items() if now - times[-1] < self.window}

    def wait(self, username: str, count: int, now: float) -> float:
        """Seconds until `count` more messages may be sent about this user; 0 for now."""
        sent = self._sent.get(username, deque())
        over = len(sent) + min(count, self._messages) - self._messages
        return max(0.0, sent[over - 1] + self.window - now) if over > 0 else 0.0

    def clear(self) -> None:
        self._sent.clear()


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to watch and whom no more, and in how many seconds to look again (None: when something changes)."""

    add: tuple[str, ...]
    drop: tuple[str, ...]
    again: float | None


class WatchList:
    """Who is watched at the server now. `plan` says what to change and takes it as done."""

    def __init__(self, allowance: Allowance, linger: float = LINGER_S) -> None:
        self._allowance = allowance
        self._linger = linger
        self._watched: dict[str, float | None] = {}  # since when nobody wants it

    def plan(self, wanted: Collection[str], now: float) -> Plan:
        add, drop, waits = [], [], []
        for username in wanted:
            if username in self._watched:
                self._watched[username] = None
            elif wait := self._allowance.wait(username, 1, now):
                waits.append(wait)
            else:
                self._allowance.spend(username, now)
                self._watched[username] = None
                add.append(username)
        for username, since in tuple(self._watched.items()):
            if username in wanted:
                continue
            if since is None:
                self._watched[username] = since = now
            wait = max(since + self._linger - now, self._allowance.wait(username, 1, now))
            if wait > 0:
                waits.append(wait)
            else:
                self._allowance.spend(username, now)
                del self._watched[username]
                drop.append(username)
        return Plan(tuple(add), tuple(drop), min(waits, default=None))

    def clear(self) -> None:
        """The session is another one: the server knows nothing of ours any more."""
        self._watched.clear()
        self._allowance.clear()
