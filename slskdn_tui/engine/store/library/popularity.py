"""What is seen most: `LabelPopularity` and `MbidPopularity`, and their queries. Shells library.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Literal

from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.library.labels import counted_as, label_key
from slskdn_tui.engine.store.records import plain_text
from slskdn_tui.model.aggregates import LabelRelease, LabelSeen, Popularity
from slskdn_tui.model.text import SafeText

Sort = Literal["name", "peers"]
_LAST = "\U0010ffff"


class PopularityTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, labels: Sequence[tuple[tuple[str, str], LabelRelease | None]], mbids: Sequence[Popularity]) -> None:
        """Replace these counts; a None, or a count of nobody, goes."""

        def work(connection: sqlite3.Connection) -> None:
            for pair, seen in labels:
                if seen is None:
                    connection.execute("DELETE FROM LabelPopularity WHERE label_key = ? AND mb_release_id = ?", pair)
                    continue
                codecs = plain_text(",".join(("", *seen.codecs, "")))
                values = (pair[0], plain_text(seen.label), pair[1], seen.peers, seen.strangers, seen.score, codecs)
                connection.execute("INSERT OR REPLACE INTO LabelPopularity VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            for one in mbids:
                if one.peers or one.strangers:
                    connection.execute("INSERT OR REPLACE INTO MbidPopularity VALUES (?, ?, ?)", (one.mbid, one.peers, one.strangers))
                else:
                    connection.execute("DELETE FROM MbidPopularity WHERE mbid = ?", (one.mbid,))

        await self._database.write(work)

    async def labels(self, prefix: str = "", sort: Sort = "name", limit: int = 20) -> list[LabelSeen]:
        """Labels whose name begins so, whatever the case: an indexed range. `sort`: by name, or those seen most first."""
        begin = label_key(prefix) + (" " if prefix[-1:].isspace() and prefix.strip() else "")
        order = "label_key" if sort == "name" else "max(peer_count) DESC, max(stranger_count) DESC, label_key"
        rows = await self._database.fetch(
            "SELECT label_name, count(*), max(peer_count) FROM LabelPopularity WHERE label_key >= ? AND label_key < ?"
            f" GROUP BY label_key ORDER BY {order} LIMIT ?",
            (begin, begin + _LAST, limit),
        )
        return [LabelSeen(SafeText(name), releases, peers) for name, releases, peers in rows]

    async def releases(
        self, label: str, *, least_score: float = 0.0, codec: str = "", years: tuple[int, int] | None = None, limit: int = 1000
    ) -> list[LabelRelease]:
        """A label's releases, those seen by most first; of a spelling that counts as another label, that one's.

        `least_score` leaves out the unscored, too, and `years` (first, last) those whose year is not known.
        """
        key = label_key(label)
        if not await self._database.fetch("SELECT 1 FROM LabelPopularity WHERE label_key = ? LIMIT 1", (key,)):
            key = await self._database.read(lambda connection: counted_as(connection, key))
        where: list[str] = ["p.label_key = ?"]
        parameters: list[object] = [key]
        filters: Iterable[tuple[bool, str, Sequence[object]]] = (
            (least_score > 0, "p.avg_quality_score >= ?", (least_score,)),
            (bool(codec), "instr(upper(p.codecs), ',' || upper(?) || ',') > 0", (codec,)),
            (years is not None, "CAST(substr(r.date, 1, 4) AS INTEGER) BETWEEN ? AND ?", years or ()),
        )
        for wanted, words, given in filters:
            if wanted:
                where.append(words)
                parameters += given
        rows = await self._database.fetch(
            "SELECT p.label_name, p.mb_release_id, p.peer_count, p.stranger_count, p.avg_quality_score, p.codecs, substr(r.date, 1, 4)"
            f" FROM LabelPopularity p LEFT JOIN Release r ON r.mb_release_id = p.mb_release_id WHERE {' AND '.join(where)}"
            " ORDER BY p.peer_count DESC, p.stranger_count DESC, p.avg_quality_score DESC, p.mb_release_id LIMIT ?",
            (*parameters, limit),
        )
        return [
            LabelRelease(
                SafeText(name),
                release,
                peers,
                strangers,
                score,
                tuple(codecs.strip(",").split(",")) if codecs.strip(",") else (),
                _year(year),
            )
            for name, release, peers, strangers, score, codecs, year in rows
        ]

    async def popularity(self, mbid: str) -> Popularity:
        """How many have a recording or release, or ask for it: indexed."""
        rows = await self._database.fetch("SELECT peer_count, stranger_count FROM MbidPopularity WHERE mbid = ?", (mbid,))
        return Popularity(mbid, *rows[0]) if rows else Popularity(mbid)

    async def popular(self, least: int, limit: int = 100) -> list[Popularity]:
        """MBIDs of at least so many peers (strangers not counted), the most popular first: indexed."""
        rows = await self._database.fetch(
            "SELECT mbid, peer_count, stranger_count FROM MbidPopularity WHERE peer_count >= ? ORDER BY peer_count DESC, mbid LIMIT ?",
            (least, limit),
        )
        return [Popularity(*row) for row in rows]

    async def wanted(self, least: int, since: float, limit: int = 100) -> list[Popularity]:
        """Recordings that at least so many voices, strangers too, have or ask for, and somebody asked for `since` then (Unix seconds): indexed."""
        rows = await self._database.fetch(
            "SELECT p.mbid, p.peer_count, p.stranger_count FROM MbidPopularity p WHERE p.peer_count + p.stranger_count >= ?"
            " AND EXISTS (SELECT 1 FROM MbidWanted w WHERE w.mbid = p.mbid AND w.wanted_at >= ?)"
            " ORDER BY p.peer_count + p.stranger_count DESC, p.mbid LIMIT ?",
            (least, since, limit),
        )
        return [Popularity(*row) for row in rows]

    async def voices(self, mbids: Sequence[str]) -> dict[str, int]:
        """How many voices, strangers too, have each of these or ask for it; those that nobody names are left out. Indexed."""
        found: dict[str, int] = {}
        for at in range(0, len(mbids), BATCH):
            some = tuple(mbids[at : at + BATCH])
            words = f"SELECT mbid, peer_count + stranger_count FROM MbidPopularity WHERE mbid IN ({', '.join('?' * len(some))})"
            found |= dict(await self._database.fetch(words, some))
        return found


def _year(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
