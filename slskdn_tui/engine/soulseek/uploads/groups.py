"""Core: who is served next, from which slots, and at which place in the queue everybody else stands. No I/O, no clock.

Three groups: friends have slots of their own and may use the others; default users share the rest; leechers (who share fewer files than asked) get at
most so many of those. One active upload a user. Within a slot's queue privileged users (as the server says) come first, then friends, default, leechers;
within such a rank whoever waits longest. What is told as a place is the order in which files will start if each takes equally long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

FRIENDS, DEFAULT, LEECHERS, BANNED = "friends", "default", "leechers", "banned"
GROUPS = (FRIENDS, DEFAULT, LEECHERS)
ORDER = (*GROUPS, BANNED)


@dataclass(frozen=True, slots=True)
class GroupRules:
    """Slots and limits. `slots` are for everybody, `friends_slots` come on top; caps in bytes a second, 0 for none; `queue_bytes` 0 for no limit."""

    slots: int = 2
    friends_slots: int = 2
    leechers_slots: int = 1
    leecher_files: int = 1
    queue_files: int = 500
    queue_bytes: int = 0
    caps: Mapping[str, int] = field(default_factory=dict)

    @property
    def total_slots(self) -> int:
        return self.slots + self.friends_slots

    def slots_of(self, group: str) -> int:
        """The most slots a group may have at once."""
        return {FRIENDS: self.total_slots, DEFAULT: self.slots, LEECHERS: min(self.slots, self.leechers_slots)}.get(group, 0)


@dataclass(frozen=True, slots=True)
class Asker:
    """A user as the queue sees him."""

    username: str
    group: str = DEFAULT
    privileged: bool = False

    @property
    def rank(self) -> tuple[bool, int]:
        return (not self.privileged, ORDER.index(self.group))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued file; `arrival` counts up."""

    asker: Asker
    arrival: int
    path: str


def group_of(relation: str, shared_files: int | None, privileged: bool, rules: GroupRules) -> str:
    """`relation` is "", "friend" or "banned"; `shared_files` as the server counts, None when it has not said. A privileged user is no leecher."""
    if relation == "banned":
        return BANNED
    if relation == "friend":
        return FRIENDS
    if shared_files is not None and shared_files < rules.leecher_files and not privileged:
        return LEECHERS
    return DEFAULT


def refusal(group: str, files: int, size: int, more: int, rules: GroupRules) -> str:
    """Why a further file of `more` bytes is not queued for a user of whom `files` files of `size` bytes wait; "" when it is."""
    if group == BANNED:
        return "Banned"
    if group == LEECHERS and not rules.leechers_slots:
        return "Users who share nothing are not served"
    if files >= rules.queue_files:
        return "Too many files"
    if rules.queue_bytes and size + more > rules.queue_bytes:
        return "Too many megabytes"
    return ""


class _Slots:
    """Slots in use, and who may have the next."""

    def __init__(self, rules: GroupRules, active: Iterable[Asker]) -> None:
        self._rules = rules
        self._used = dict.fromkeys(GROUPS, 0)
        for each in active:
            if each.group in self._used:
                self._used[each.group] += 1

    def free(self, group: str) -> bool:
        used, rules = self._used, self._rules
        if group == FRIENDS and used[FRIENDS] < rules.friends_slots:
            return True
        if group == LEECHERS and used[LEECHERS] >= rules.leechers_slots:
            return False
        return max(0, used[FRIENDS] - rules.friends_slots) + used[DEFAULT] + used[LEECHERS] < rules.slots

    def take(self, group: str) -> None:
        self._used[group] += 1


class Queue:
    """The queue at one moment. `waiting` in any order; users in `active` are being sent a file."""

    def __init__(self, rules: GroupRules, waiting: Iterable[Waiting], active: Iterable[Asker]) -> None:
        self._rules = rules
        self._active = {each.username: each for each in active}
        self._files: dict[str, deque[Waiting]] = {}
        for each in sorted(waiting, key=lambda each: each.arrival):
            self._files.setdefault(each.asker.username, deque()).append(each)

    def starting(self, ready: Callable[[str], bool] = lambda username: True) -> list[Waiting]:
        """What is to start now, best first; only users that are `ready` (online, not being left alone)."""
        users = [name for name in self._files if name not in self._active and ready(name)]
        return self._round(_Slots(self._rules, self._active.values()), self._heaps(users))

    def order(self) -> list[Waiting]:
        """All that wait, in the order in which they will start. Who has no slot to hope for stands at the end."""
        heaps = self._heaps(name for name in self._files if name not in self._active)
        slots = _Slots(self._rules, self._active.values())
        out: list[Waiting] = []
        waits = set(self._active) & set(self._files)
        while True:
            served = self._round(slots, heaps)
            out += served
            for name in {each.asker.username for each in served} | waits:
                if files := self._files[name]:
                    heappush(heaps[files[0].asker.group], self._entry(files[0]))
            if not served and not waits:
                break
            waits, slots = set(), _Slots(self._rules, ())
        return out + sorted((each for files in self._files.values() for each in files), key=lambda each: (each.asker.rank, each.arrival))

    def free_for(self, group: str) -> bool:
        """Whether a user of this group would get a slot at once."""
        return group != BANNED and _Slots(self._rules, self._active.values()).free(group)

    @staticmethod
    def _entry(first: Waiting) -> tuple[bool, int, str]:
        return (not first.asker.privileged, first.arrival, first.asker.username)

    def _heaps(self, users: Iterable[str]) -> dict[str, list[tuple[bool, int, str]]]:
        heaps: dict[str, list[tuple[bool, int, str]]] = {group: [] for group in GROUPS}
        for name in users:
            first = self._files[name][0]
            if first.asker.group in heaps:
                heaps[first.asker.group].append(self._entry(first))
        for heap in heaps.values():
            heapify(heap)
        return heaps

    def _round(self, slots: _Slots, heaps: dict[str, list[tuple[bool, int, str]]]) -> list[Waiting]:
        """Fill the free slots, one file a user; the files leave the queue."""
        out: list[Waiting] = []
        while heads := [(heap[0][0], index, heap[0]) for index, group in enumerate(GROUPS) if (heap := heaps[group]) and slots.free(group)]:
            _, index, (_, _, name) = min(heads)
            heappop(heaps[GROUPS[index]])
            slots.take(GROUPS[index])
            out.append(self._files[name].popleft())
        return out
