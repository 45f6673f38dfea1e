"""Core: of many files waiting in one user's queue, whose place to ask for, and what the others' places must be about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ASKED = 4
"""Places asked for in one round, however many files wait."""


class PlaceRounds:
    """One user's queue. Files are named by their paths, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, queued: Sequence[str]) -> tuple[str, ...]:
        """The two at the front, the last one, and one of those between in turn: so each is asked for now and then, and a lost one is found."""
        if len(queued) <= ASKED:
            return tuple(queued)
        self._turn += 1
        between = queued[2 + self._turn % (len(queued) - 3)]
        return queued[0], queued[1], between, queued[-1]


def derived(queued: Sequence[str], told: Mapping[str, int]) -> dict[str, int]:
    """A place (from 1) for every file: as told, or on the line between its told neighbours. Empty while nothing was told."""
    known = [(index, told[path]) for index, path in enumerate(queued) if path in told]
    if not known:
        return {}
    places: dict[str, int] = {}
    for index, path in enumerate(queued):
        before = max((each for each in known if each[0] <= index), default=None)
        after = min((each for each in known if each[0] >= index), default=None)
        if before is not None and after is not None:
            span = after[0] - before[0]
            place = before[1] + ((after[1] - before[1]) * (index - before[0]) // span if span else 0)
        elif before is not None:
            place = before[1] + index - before[0]
        else:
            assert after is not None
            place = after[1] - (after[0] - index)
        places[path] = max(1, place)
    return places
