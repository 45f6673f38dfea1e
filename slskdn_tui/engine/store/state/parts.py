"""Records of partial files: the `Transfers` tables behind `model.part.PartStore`. Shells state.db (synchronous=FULL)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from pydantic import TypeAdapter

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import keep_text, read_text
from slskdn_tui.model.part import BITMAP_PAGE, Extent, PartRecord
from slskdn_tui.model.variant import Variant

PAGE_BYTES = BITMAP_PAGE // 8
_VARIANT: TypeAdapter[Variant] = TypeAdapter(Variant)


class PartsTable:
    """A `PartStore`. A bitmap page is a row of its own, so a commit writes what changed and no more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, key: str) -> PartRecord | None:
        """The record; its bitmap is as long as the variant's leaves need, or as what was put when there is no variant."""
        return await self._database.read(lambda connection: _load(connection, key))

    async def load_all(self) -> list[tuple[PartRecord, bool]]:
        """Every record without its digests, and whether it has them: for progress bars, which need no megabytes."""

        def work(connection: sqlite3.Connection) -> list[tuple[PartRecord, bool]]:
            listed = {row[0] for row in connection.execute("SELECT key FROM TransferDigests")}
            keys = [row[0] for row in connection.execute("SELECT key FROM Transfers ORDER BY key")]
            return [(record, key in listed) for key in keys if (record := _load(connection, key, digests=False)) is not None]

        return await self._database.read(work)

    async def put(self, record: PartRecord) -> None:
        await self._database.write(lambda connection: _put(connection, record))

    async def commit(self, key: str, prefix: int, extents: tuple[Extent, ...], pages: Mapping[int, bytes]) -> None:
        """As the port says. LookupError when the record has been dropped: a late commit must not bring it back."""
        rows = [(key, page, bytes(bits)) for page, bits in pages.items()]
        if any(page < 0 or not 0 < len(bits) <= PAGE_BYTES for _, page, bits in rows):
            raise ValueError(f"a bitmap page has 1 to {PAGE_BYTES} bytes")
        reach = max((page * PAGE_BYTES + len(bits) for _, page, bits in rows), default=0)
        text = _extents_text(extents)

        def work(connection: sqlite3.Connection) -> None:
            changed = connection.execute(
                "UPDATE Transfers SET prefix = ?, extents = ?, bitmap_bytes = max(bitmap_bytes, ?) WHERE key = ?",
                (prefix, text, reach, key),
            )
            if changed.rowcount != 1:
                raise LookupError(f"no partial file {key!r}")
            connection.executemany("INSERT OR REPLACE INTO TransferPages (key, page, bits) VALUES (?, ?, ?)", rows)

        await self._database.write(work)

    async def drop(self, key: str) -> None:
        await self._database.execute("DELETE FROM Transfers WHERE key = ?", (key,))


def _put(connection: sqlite3.Connection, record: PartRecord) -> None:
    connection.execute("DELETE FROM Transfers WHERE key = ?", (record.key,))  # its pages and digests go with it
    variant = None if record.variant is None else _VARIANT.dump_json(record.variant).decode()
    connection.execute(
        "INSERT INTO Transfers (key, path, size, prefix, extents, variant, bitmap_bytes, region_start, region_head) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.key,
            keep_text(record.path),
            record.size,
            record.prefix,
            _extents_text(record.extents),
            variant,
            len(record.bitmap),
            record.start,
            record.head,
        ),
    )
    if record.digests:
        connection.execute("INSERT INTO TransferDigests (key, digests) VALUES (?, ?)", (record.key, record.digests))
    pages = range(-(-len(record.bitmap) // PAGE_BYTES))
    connection.executemany(
        "INSERT INTO TransferPages (key, page, bits) VALUES (?, ?, ?)",
        [(record.key, page, record.bitmap[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]) for page in pages],
    )


def _load(connection: sqlite3.Connection, key: str, digests: bool = True) -> PartRecord | None:
    # One transaction, so that a commit in between cannot pair an old prefix with new pages.
    connection.execute("BEGIN")
    try:
        row = connection.execute(
            "SELECT path, size, prefix, extents, variant, bitmap_bytes, region_start, region_head FROM Transfers WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        listed = connection.execute("SELECT digests FROM TransferDigests WHERE key = ?", (key,)).fetchone() if digests else None
        pages = connection.execute("SELECT page, bits FROM TransferPages WHERE key = ?", (key,)).fetchall()
    finally:
        connection.execute("COMMIT")
    path, size, prefix, extents, variant_text, length, first, head = row
    variant = None if variant_text is None else _VARIANT.validate_json(variant_text)
    bitmap = bytearray(length if variant is None else -(-variant.leaves // 8))
    for page, bits in pages:
        start = page * PAGE_BYTES
        kept = bits[: max(0, len(bitmap) - start)]
        bitmap[start : start + len(kept)] = kept
    known = b"" if listed is None else bytes(listed[0])
    return PartRecord(key, read_text(path), size, prefix, _read_extents(extents), variant, known, bytes(bitmap), first, head)


def _extents_text(extents: tuple[Extent, ...]) -> str:
    return json.dumps([[extent.start, extent.stop, extent.source] for extent in extents])


def _read_extents(text: str) -> tuple[Extent, ...]:
    return tuple(Extent(start, stop, source) for start, stop, source in json.loads(text))
