"""A partial file's durable record, and the port that keeps it. Core.

Order of every commit (docs/architecture.md, "Durability"): write bytes, `fdatasync`, then `commit`. A leaf counts only when `commit` has returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from slskdn_tui.model.variant import LEAF, Variant

BITMAP_PAGE = 4096
"""Leaves in one stored page of the verified-leaf bitmap (512 bytes)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the leaves of a variant lie in a file of `size` bytes: in [start, start + length).

    A `file` variant covers it all; around a `region` stand the *head* [0, start) and the *tail* [stop, size), which have no digests and come from Soulseek.
    """

    size: int
    start: int
    length: int

    @classmethod
    def whole(cls, size: int) -> Layout:
        return cls(size, 0, size)

    @property
    def stop(self) -> int:
        return self.start + self.length

    @property
    def tail(self) -> int:
        """Bytes behind the leaves."""
        return self.size - self.stop

    @property
    def leaves(self) -> int:
        return -(-self.length // LEAF)

    def span(self, leaf: int) -> tuple[int, int]:
        """Bytes [start, stop) of the file that are this leaf."""
        start = self.start + leaf * LEAF
        return start, min(start + LEAF, self.stop)

    def at(self, offset: int) -> tuple[int | None, int]:
        """The leaf that holds byte `offset` of the file (None in head and tail), and where that piece ends."""
        if offset < self.start:
            return None, self.start
        if offset >= self.stop:
            return None, self.size
        leaf = (offset - self.start) // LEAF
        return leaf, self.span(leaf)[1]

    def touched(self, start: int, stop: int) -> range:
        """Leaves of which some byte lies in [start, stop)."""
        first, last = max(start, self.start) - self.start, min(stop, self.stop) - self.start
        return range(first // LEAF, -(-last // LEAF)) if first < last else range(0)

    def within(self, start: int, stop: int) -> range:
        """Leaves that lie in [start, stop) wholly."""
        first = -(-max(start - self.start, 0) // LEAF)
        last = self.leaves if stop >= self.stop else max(stop - self.start, 0) // LEAF
        return range(first, last)


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes [start, stop) that came unverified from `source` (`slsk:USERNAME`)."""

    start: int
    stop: int
    source: str


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What is known to be on disk: the origin prefix [0, prefix), where it came from, and the verified leaves of `variant`.

    `digests` are the variant's leaf digests joined (b"" when unknown); `bitmap` has bit i (least significant first in byte i // 8) set for a verified leaf i.
    `start` is where the variant's leaves begin in the file, `head` the BLAKE3 in hex of the bytes before them as they came ("" where there are none).
    """

    key: str
    path: str
    size: int
    prefix: int = 0
    extents: tuple[Extent, ...] = ()
    variant: Variant | None = None
    digests: bytes = b""
    bitmap: bytes = b""
    start: int = 0
    head: str = ""

    @property
    def layout(self) -> Layout:
        return Layout.whole(self.size) if self.variant is None else Layout(self.size, self.start, self.variant.length)


class PartStore(Protocol):
    """Keeps part records. Every method has reached the disk (synchronous=FULL) when it returns."""

    async def load(self, key: str) -> PartRecord | None: ...

    async def put(self, record: PartRecord) -> None:
        """Write the whole record (new part, new variant, variant dropped)."""
        ...

    async def commit(self, key: str, prefix: int, extents: tuple[Extent, ...], pages: Mapping[int, bytes]) -> None:
        """The prefix, its extents and changed bitmap pages, in one transaction."""
        ...

    async def drop(self, key: str) -> None: ...
