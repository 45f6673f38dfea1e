"""A `PartStore` in memory, for `slskdn bench` and tests. It keeps what it is given and counts commits; nothing reaches a disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from slskdn_tui.model.part import BITMAP_PAGE, Extent, PartRecord


class MemoryPartStore:
    def __init__(self) -> None:
        self.records: dict[str, PartRecord] = {}
        self.commits = 0

    async def load(self, key: str) -> PartRecord | None:
        return self.records.get(key)

    async def put(self, record: PartRecord) -> None:
        self.records[record.key] = record

    async def commit(self, key: str, prefix: int, extents: tuple[Extent, ...], pages: Mapping[int, bytes]) -> None:
        """As the port says; LookupError when the record was dropped."""
        record = self.records[key]
        bitmap = bytearray(record.bitmap)
        for page, stored in pages.items():
            at = page * (BITMAP_PAGE // 8)
            bitmap.extend(bytes(max(0, at + len(stored) - len(bitmap))))
            bitmap[at : at + len(stored)] = stored
        self.records[key] = replace(record, prefix=prefix, extents=extents, bitmap=bytes(bitmap))
        self.commits += 1

    async def drop(self, key: str) -> None:
        self.records.pop(key, None)
