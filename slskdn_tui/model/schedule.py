"""Speed limits by day and time: the grammar of `downloads.schedule`, which rule holds at a moment, and when that changes next; and that of
`library.schedule`. Core.

`DAYS HH:MM-HH:MM DOWN/UP`: days `mon-fri`, `sat,sun`, `fri-mon`, `all`; kilobits a second, 0 for none. A range that ends before it begins lasts
overnight and belongs to the day it begins on. Times are local ones; the time zone is passed in (None: the system's).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GRAMMAR = "`DAYS HH:MM-HH:MM DOWN/UP` in kilobits a second, e.g. `mon-fri 08:00-18:00 2000/500` or `sat,sun 22:00-06:00 0/0`"
MOST_KBPS = 100_000_000
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: on `days` (0 is Monday) from minute `start` up to `stop` (at most 1440; below `start`: of the next day) these limits hold."""

    days: frozenset[int]
    start: int
    stop: int
    down_kbps: int
    up_kbps: int
    text: str

    def covers(self, local: datetime) -> bool:
        """Whether the rule holds at a local time."""
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.stop:
            return day in self.days and self.start <= minute < self.stop
        return (day in self.days and minute >= self.start) or ((day - 1) % 7 in self.days and minute < self.stop)


def parse_rule(text: str) -> Rule:
    """A line of the schedule; ValueError names the part that is wrong."""
    parts = text.split()
    if len(parts) != 3:
        raise ValueError(f"it has {len(parts)} parts, not three: days, times, limits")
    days, times, limits = parts
    start_text, dash, stop_text = times.partition("-")
    if not dash:
        raise ValueError(f"times `{times[:20]}` want a dash, e.g. 08:00-18:00")
    start, stop = _minute(start_text, last=_DAY - 1), _minute(stop_text, last=_DAY)
    if start == stop:
        raise ValueError(f"times `{times[:20]}` last no time; a whole day is 00:00-24:00")
    down_text, slash, up_text = limits.partition("/")
    if not slash:
        raise ValueError(f"limits `{limits[:20]}` want a slash: DOWN/UP, e.g. 2000/500")
    return Rule(_days(days.lower()), start, stop, _kbps(down_text), _kbps(up_text), " ".join(parts))


def _days(text: str) -> frozenset[int]:
    if text == "all":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        for name in (first, last) if dash else (first,):
            if name not in DAYS:
                raise ValueError(f"day `{name[:20]}` is none of {' '.join(DAYS)} or all")
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)


def _minute(text: str, last: int) -> int:
    match = re.fullmatch(r"(\d{1,2}):(\d\d)", text)
    minute = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else -1
    if not 0 <= minute <= last:
        raise ValueError(f"time `{text[:20]}` is not HH:MM between 00:00 and {last // 60:02}:{last % 60:02}")
    return minute


def _kbps(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or int(text) > MOST_KBPS:
        raise ValueError(f"limit `{text[:20]}` is not a whole number of kilobits a second, 0 for none")
    return int(text)


def rule_at(rules: Sequence[Rule], local: datetime) -> Rule | None:
    """The first rule that holds at a local time."""
    return next((rule for rule in rules if rule.covers(local)), None)


def next_change(rules: Sequence[Rule], now: datetime, zone: tzinfo | None = None) -> tuple[datetime, Rule | None] | None:
    """When after `now` (aware) another rule holds, in local time, and which (None: no rule); None when it never changes.

    Looked for among the rules' own times, and the quarter hours at which clocks are put forward or back.
    """
    here = now.astimezone(zone)
    current = rule_at(rules, here)
    for moment in sorted(_moments(rules, now, zone)):
        local = moment.astimezone(zone)
        rule = rule_at(rules, local)
        if moment > now and rule != current:
            return local, rule
    return None


def _moments(rules: Sequence[Rule], now: datetime, zone: tzinfo | None) -> set[datetime]:
    """Every moment of the next eight days, in UTC, at which a rule may begin or end."""
    if not rules:
        return set()
    minutes = {minute % _DAY for rule in rules for minute in (rule.start, rule.stop)}
    first = now.astimezone(zone).date()
    found: set[datetime] = set()
    for day in range(9):
        for minute in minutes:
            naive = datetime.combine(first + timedelta(days=day), time(minute // 60, minute % 60))
            # A time that a clock change repeats is two moments; one that it leaves out becomes the moment of the change.
            found.update(naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    quarter = now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    shifts = [quarter + timedelta(minutes=15 * step) for step in range(9 * 96)]
    found.update(later for earlier, later in pairwise(shifts) if earlier.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset())
    return found


START_GRAMMAR = "`daily HH:MM` or `DAYS HH:MM`, e.g. `daily 04:00` or `sat,sun 03:30`"


@dataclass(frozen=True, slots=True)
class Start:
    """`daily 04:00`: something begins on `days` (0 is Monday) at `minute` of the day, local time."""

    days: frozenset[int]
    minute: int

    def after(self, now: datetime, zone: tzinfo | None = None) -> datetime:
        """The first such moment after `now` (aware), in UTC."""
        first = now.astimezone(zone).date()
        for day in range(9):
            date = first + timedelta(days=day)
            moment = datetime.combine(date, time(self.minute // 60, self.minute % 60)).replace(tzinfo=zone).astimezone(UTC)
            if date.weekday() in self.days and moment > now:
                return moment
        raise AssertionError("a week has every day")


def parse_start(text: str) -> Start:
    """`library.schedule`; ValueError names the part that is wrong."""
    parts = text.lower().split()
    if len(parts) != 2:
        raise ValueError(f"`{text[:40]}` wants two parts: {START_GRAMMAR}")
    return Start(_days("all" if parts[0] == "daily" else parts[0]), _minute(parts[1], last=_DAY - 1))
