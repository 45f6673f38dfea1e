"""What the doctor saw: the ends of files, and the issues of its last run. Shells library.db (synchronous=NORMAL)."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache

from pydantic import TypeAdapter

from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.records import keep_text, read_text
from slskdn_tui.model.health import Issue, IssueKind

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class HealthRun:
    """The last run that ended: `checked_at` Unix seconds, `files` looked at."""

    run: int = 0
    checked_at: float = 0.0
    files: int = 0


class HealthTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def probes(self, paths: Iterable[str], version: int) -> dict[str, tuple[Stamp, dict[str, str]]]:
        """path to (stamp, damage found or {}) of files whose ends were looked at by `version`."""
        found: dict[str, tuple[Stamp, dict[str, str]]] = {}
        waiting = iter(paths)
        while batch := [keep_text(path) for path in itertools.islice(waiting, BATCH)]:
            words = f"SELECT path, mtime_ns, size, inode, damage FROM HealthProbes WHERE version = ? AND path IN ({', '.join('?' * len(batch))})"
            for path, mtime_ns, size, inode, damage in await self._database.fetch(words, (version, *batch)):
                found[read_text(path)] = (mtime_ns, size, inode), json.loads(damage or "{}")
        return found

    async def put_probes(self, rows: Iterable[tuple[str, Stamp, dict[str, str]]], version: int) -> None:
        await self._database.write_many(
            "INSERT OR REPLACE INTO HealthProbes VALUES (?, ?, ?, ?, ?, ?)",
            ((keep_text(path), *stamp, version, json.dumps(damage) if damage else "") for path, stamp, damage in rows),
        )

    async def region(self, path: str) -> str:
        """What the audio region of a file is named, "" for none."""
        rows = await self._database.fetch("SELECT region_id FROM HashDb WHERE path = ?", (keep_text(path),))
        return (rows[0][0] or "") if rows else ""

    async def last(self) -> HealthRun:
        rows = await self._database.fetch("SELECT run, checked_at, files FROM HealthRuns ORDER BY run DESC LIMIT 1")
        return HealthRun(*rows[0]) if rows else HealthRun()

    async def put(self, run: int, issues: Iterable[Issue]) -> None:
        """Issues of a run that goes on."""
        await self._database.write_many(
            "INSERT INTO HealthIssues VALUES (?, ?, ?, ?, ?, ?)",
            (
                (run, f"{each.rank[0]}{each.rank[1]:02}", each.key, each.kind, keep_text(each.path), json.dumps(asdict(each)))
                for each in issues
            ),
        )

    async def begin(self) -> int:
        """The number of a new run; what an interrupted one left is dropped."""

        def work(connection: sqlite3.Connection) -> int:
            last = connection.execute("SELECT coalesce(max(run), 0) FROM HealthRuns").fetchone()[0]
            connection.execute("DELETE FROM HealthIssues WHERE run > ?", (last,))
            return int(last) + 1

        return await self._database.write(work)

    async def end(self, run: HealthRun) -> None:
        """From now on this run's issues are shown, and those before it are gone, as are looks at files that are not in the library any more."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO HealthRuns VALUES (?, ?, ?)", (run.run, run.checked_at, run.files))
            connection.execute("DELETE FROM HealthRuns WHERE run < ?", (run.run,))
            connection.execute("DELETE FROM HealthIssues WHERE run < ?", (run.run,))
            connection.execute("DELETE FROM HealthProbes WHERE NOT EXISTS (SELECT 1 FROM HashDb WHERE HashDb.path = HealthProbes.path)")

        await self._database.write(work)

    async def index(self, run: int) -> list[tuple[int, str, IssueKind]]:
        """(row, key, kind) of every issue of a run, the worst first."""
        return await self._database.fetch("SELECT rowid, key, kind FROM HealthIssues WHERE run = ? ORDER BY rank, path, rowid", (run,))

    async def issues(self, rows: Sequence[int]) -> list[Issue]:
        """These rows, in this order; rows that are gone are left out."""
        found: dict[int, Issue] = {}
        for at in range(0, len(rows), BATCH):
            batch = rows[at : at + BATCH]
            words = f"SELECT rowid, json FROM HealthIssues WHERE rowid IN ({', '.join('?' * len(batch))})"
            found |= {row: _read(text) for row, text in await self._database.fetch(words, batch)}
        return [found[row] for row in rows if row in found]

    async def named(self, name: str) -> list[Issue]:
        """Issues of the last run by their key, its beginning, or an absolute path; the worst first."""
        run = (await self.last()).run
        if name.startswith("/"):
            rows = await self._database.fetch(
                "SELECT rowid FROM HealthIssues WHERE run = ? AND path = ? ORDER BY rank", (run, keep_text(name))
            )
            return await self.issues([row[0] for row in rows])
        return await self.issues([row for row, key, _ in await self.index(run) if name and key.startswith(name)])


@cache
def _adapter() -> TypeAdapter[Issue]:
    return TypeAdapter(Issue)


def _read(text: str) -> Issue:
    return _adapter().validate_python(json.loads(text))
