"""`Damage`, and the reader that bounds what looking for it may cost. Core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from slskdn_tui.engine.content.region_tags import at

Read = Callable[[int, int], bytes]
"""(offset, length) to the bytes there: fewer only at the end of the file."""
MOST_READ = 70_000
"""Bytes read of one file at most."""
WINDOW = 64 * 1024
"""Of these, so much of its end."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong: a stable `code` (`truncated damaged empty wrong_name`), what was looked at, what was seen, what was expected."""

    code: str
    what: str
    seen: str
    expected: str = ""

    @property
    def words(self) -> str:
        return f"{self.what}: {self.seen}" + (f", expected {self.expected}" if self.expected else "")


class Unjudged(ValueError):
    """Nothing can be said of this file within the bound, or its format says nothing of its end."""


class Ends:
    """A file of `size` bytes behind `pread`; at most `MOST_READ` bytes of it are read: Unjudged beyond that. `used` counts them."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self.size = size
        self.used = 0

    def __call__(self, offset: int, length: int) -> bytes:
        if self.used + length > MOST_READ:
            raise Unjudged("its ends are larger than may be read")
        data = self._read(offset, length)
        self.used += len(data)
        return data

    def at(self, offset: int, length: int) -> bytes:
        """As far as the file goes. NeedMore (a NoRegion) when it has become shorter meanwhile."""
        return at(self, self.size, offset, length)
