"""A partial file's durable record, and the port that keeps it. Core.

Order of every commit (docs/architecture.md, "Durability"): write bytes, `fdatasync`, then `commit`. A leaf counts only when `commit` has returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from slskdn_tui.model.variant import Variant

BITMAP_PAGE = 4096
"""Leaves in one stored page of the verified-leaf bitmap (512 bytes)."""


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
    """

    key: str
    path: str
    size: int
    prefix: int = 0
    extents: tuple[Extent, ...] = ()
    variant: Variant | None = None
    digests: bytes = b""
    bitmap: bytes = b""


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
