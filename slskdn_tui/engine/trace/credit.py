"""Who has the credit for which bytes of a file: a name for each byte, kept as runs. Core."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

NOBODY = ""


class Credit:
    """Bytes [0, ∞), all nobody's at first. A change costs what it touches, and neighbours of one name are one run."""

    def __init__(self) -> None:
        self._starts = [0]
        self._names = [NOBODY]

    def fill(self, start: int, stop: int, name: str) -> None:
        """What is nobody's of [start, stop) is `name`'s now."""
        self._change(start, stop, lambda old: old or name)

    def give(self, start: int, stop: int, name: str) -> None:
        self._change(start, stop, lambda _: name)

    def take(self, start: int, stop: int, name: str) -> None:
        """What is `name`'s of [start, stop) is nobody's again."""
        self._change(start, stop, lambda old: NOBODY if old == name else old)

    def whole(self, start: int, stop: int) -> bool:
        """Whether every byte of [start, stop) is somebody's."""
        first, last = bisect_right(self._starts, start) - 1, bisect_right(self._starts, stop - 1)
        return all(self._names[first:last])

    def runs(self) -> Iterator[tuple[int, int, str]]:
        """(start, stop, name) of what is somebody's, in order."""
        for place, name in enumerate(self._names[:-1]):
            if name:
                yield self._starts[place], self._starts[place + 1], name

    def _change(self, start: int, stop: int, to: Callable[[str], str]) -> None:
        if stop <= start:
            return
        first, last = self._cut(start), self._cut(stop)
        for place in range(first, last):
            self._names[place] = to(self._names[place])
        for place in range(last, max(first, 1) - 1, -1):
            if self._names[place] == self._names[place - 1]:
                del self._names[place], self._starts[place]

    def _cut(self, at: int) -> int:
        """The number of the run that begins at `at`; made when there is none."""
        place = bisect_right(self._starts, at) - 1
        if self._starts[place] != at:
            place += 1
            self._starts.insert(place, at)
            self._names.insert(place, self._names[place - 1])
        return place
