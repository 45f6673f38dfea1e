"""The scanner's side of `HashDb`: what is known of each file of the library. Shells library.db (synchronous=NORMAL)."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.library.rows import FACTS_WRITTEN, KEYS, READ, WRITTEN, facts_values, file_of, key_of, values, verdict_of
from slskdn_tui.engine.store.records import keep_text, plain_text, read_text
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.library import Cursor, Identity, LibraryCounts, LibraryFile, Qualities, Sort, Stage, merged
from slskdn_tui.model.text import SafeText

_READ = ", ".join(READ)


class ScannedFiles:
    """Lists are pages by key (`after`: the cursor of the page before), each sort over an index of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def file(self, path: str) -> LibraryFile | None:
        """One file, offered or scanned."""
        rows = await self._database.fetch(f"SELECT {_READ} FROM HashDb WHERE path = ?", (keep_text(path),))
        return file_of(rows[0]) if rows else None

    async def page(
        self, sort: Sort = "path", *, descending: bool = False, after: Cursor | None = None, limit: int = BATCH
    ) -> tuple[list[LibraryFile], Cursor | None]:
        """(up to `limit` files of the library, where the next page begins or None). Those without the sorted value count as less than any."""
        key, sign, order = KEYS[sort], "<" if descending else ">", "DESC" if descending else "ASC"
        where, given = "stage > 0", list[Any]()
        if after is not None:
            where += f" AND path {sign} ?" if sort == "path" else f" AND ({key}, path) {sign} (?, ?)"
            given = [keep_text(after.path)] if sort == "path" else [after.key, keep_text(after.path)]
        orders = f"path {order}" if sort == "path" else f"{key} {order}, path {order}"
        rows = await self._database.fetch(f"SELECT {_READ} FROM HashDb WHERE {where} ORDER BY {orders} LIMIT ?", (*given, limit + 1))
        found = [file_of(row) for row in rows[:limit]]
        return found, Cursor(key_of(sort, found[-1]), found[-1].path) if len(rows) > limit else None

    async def folders(self, after: str = "", limit: int = BATCH) -> list[str]:
        """Folders that hold files of the library, by name, from the one behind `after`."""
        rows = await self._database.fetch(
            "SELECT DISTINCT folder FROM HashDb WHERE stage > 0 AND folder > ? ORDER BY folder LIMIT ?", (keep_text(after), limit)
        )
        return [read_text(row[0]) for row in rows]

    async def folder_states(self) -> dict[str, tuple[Any, ...]]:
        """For each folder a value that changes whenever files come, go, are read anew or decoded."""
        words = (
            "SELECT folder, count(*), max(scanned_at), sum(stage), sum(mtime_ns % 4294967291), sum(size) FROM HashDb"
            " WHERE stage > 0 AND missing_at IS NULL GROUP BY folder"
        )
        return {read_text(folder): tuple(state) for folder, *state in await self._database.fetch(words)}

    async def of_paths(self, paths: Iterable[str]) -> list[LibraryFile]:
        """Those of these files that are known, in no order."""
        found: list[LibraryFile] = []
        waiting = iter(paths)
        while batch := [keep_text(path) for path in itertools.islice(waiting, BATCH)]:
            found += await self._files(f"path IN ({', '.join('?' * len(batch))})", batch)
        return found

    async def of_folder(self, folder: str) -> list[LibraryFile]:
        """The files directly in it, by path; those gone from disk are left out."""
        return await self._files("stage > 0 AND missing_at IS NULL AND folder = ? ORDER BY path", (keep_text(folder),))

    async def of_recording(self, recording: str) -> list[LibraryFile]:
        """Files found to be this recording, by path; those gone from disk are left out."""
        return await self._files("mb_recording_id <> '' AND mb_recording_id = ? AND missing_at IS NULL ORDER BY path", (recording,))

    async def of_release(self, release: str) -> list[LibraryFile]:
        return await self._files("mb_release_id <> '' AND mb_release_id = ? AND missing_at IS NULL ORDER BY path", (release,))

    async def at_stage(self, stage: Stage, after: str = "", limit: int = BATCH) -> list[LibraryFile]:
        """Files that have come just so far, by path, from the one behind `after`: those gone from disk are left out."""
        words = "stage = ? AND stage > 0 AND missing_at IS NULL AND path > ? ORDER BY path LIMIT ?"
        return await self._files(words, (int(stage), keep_text(after), limit))

    async def fingerprints(self, paths: Iterable[str]) -> dict[str, tuple[str, int]]:
        """path to (compressed Chromaprint text, seconds of audio it covers); files without one are left out."""
        found: dict[str, tuple[str, int]] = {}
        waiting = iter(paths)
        while batch := [keep_text(path) for path in itertools.islice(waiting, BATCH)]:
            words = f"SELECT path, audio_fingerprint, duration FROM HashDbFingerprints WHERE path IN ({', '.join('?' * len(batch))})"
            found |= {read_text(path): (text, seconds or 0) for path, text, seconds in await self._database.fetch(words, batch)}
        return found

    def qualities(self, variants: Sequence[str]) -> dict[str, Qualities]:
        """variant_id to what is known of a file that is it. Synchronous: one indexed read for up to `BATCH` of them."""
        found: dict[str, Qualities] = {}
        for start in range(0, len(variants), BATCH):
            batch = variants[start : start + BATCH]
            words = (
                "SELECT f.variant_id, f.quality_score, f.verdict, f.dynamic_range, f.encoder_signature, coalesce(nullif(r.label, ''), f.label),"
                " coalesce(nullif(f.mb_release_id, ''), f.tag_release_id) FROM HashDb f LEFT JOIN Release r ON r.mb_release_id = f.mb_release_id"
                f" WHERE f.variant_id <> '' AND f.stage > 0 AND f.variant_id IN ({', '.join('?' * len(batch))})"
            )
            for variant, score, verdict, range_db, encoder, label, release in self._database.read_now(words, batch):
                if score is not None or variant not in found:
                    found[variant] = Qualities(score, verdict_of(verdict), range_db, SafeText(encoder or ""), SafeText(label), release)
        return found

    async def counts(self) -> LibraryCounts:
        words = (
            "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(stage = 1), 0), coalesce(sum(stage = 2), 0), coalesce(sum(stage = 3), 0),"
            " coalesce(sum(stage = 4), 0), coalesce(sum(scan_error <> ''), 0), coalesce(sum(missing_at IS NOT NULL), 0),"
            " coalesce(sum(transcode_suspect = 1), 0), coalesce(sum(mb_recording_id <> ''), 0) FROM HashDb WHERE stage > 0"
        )
        return LibraryCounts(*(await self._database.fetch(words))[0])

    async def put_scanned(self, files: Iterable[LibraryFile]) -> None:
        """Headers and tags as read now (stage TAGS). What else is known of a file stays where `merged` says that it still holds."""
        await self.put_rows([values(merged(None, file)) for file in files])

    async def put_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """The same of rows in the order of `rows.WRITTEN`, which the scan's process has made."""
        await self._each(rows, _put_rows)

    async def put_facts(self, path: str, stamp: tuple[int, int, int], facts: AudioFacts, stage: Stage, at: float) -> bool:
        """What decoding found, its score, and the stage reached. False, and nothing is written, when the file has another stamp by now."""

        def work(connection: sqlite3.Connection) -> bool:
            names = ", ".join(f"{name} = ?" for name in FACTS_WRITTEN)
            kept = keep_text(path)
            changed = connection.execute(
                f"UPDATE HashDb SET {names}, quality_score = ?, quality_reasons = ?, stage = ?, scanned_at = ?, scan_error = ?"
                " WHERE path = ? AND stage > 0 AND (mtime_ns, size, inode) = (?, ?, ?)",
                (
                    *facts_values(facts),
                    facts.quality_score,
                    _json(facts.score_reasons),
                    int(stage),
                    at,
                    plain_text(facts.error),
                    kept,
                    *stamp,
                ),
            ).rowcount
            if changed and facts.fingerprint:
                connection.execute(
                    "INSERT OR REPLACE INTO HashDbFingerprints VALUES (?, ?, ?)",
                    (kept, plain_text(facts.fingerprint), facts.fingerprint_duration),
                )
            return bool(changed)

        return await self._database.write(work)

    async def identify(self, found: Iterable[Identity]) -> None:
        """What files were found to be."""
        await self._database.write_many(
            "UPDATE HashDb SET mb_recording_id = ?, mb_release_id = ?, discogs_release_id = ?, identified = ? WHERE path = ?",
            ((one.recording, one.release, one.discogs_release, one.identified, keep_text(one.path)) for one in found),
        )

    async def placed(self, path: str, recording: str, release: str = "") -> None:
        """A job got this file as this recording, of this release if the whole of it was wanted: that outlives what its tags say."""
        await self._database.execute(
            "UPDATE HashDb SET download = 1, mb_recording_id = ?, mb_release_id = coalesce(nullif(?, ''), mb_release_id), "
            "identified = 'download' WHERE path = ?",
            (recording, release, keep_text(path)),
        )

    async def put_quality(self, scores: Iterable[tuple[str, float | None, Sequence[str]]]) -> None:
        """(path, quality_score, reasons) of files."""
        await self._database.write_many(
            "UPDATE HashDb SET quality_score = ?, quality_reasons = ? WHERE path = ?",
            ((score, _json(reasons), keep_text(path)) for path, score, reasons in scores),
        )

    async def rejudge(self, method: int) -> int:
        """Let the next decoding judge those anew that an older version of the transcode test judged; how many."""
        return await self._database.execute(
            "UPDATE HashDb SET stage = 3 WHERE stage = 4 AND verdict <> '' AND json_extract(verdict, '$.method_version') BETWEEN 1 AND ?",
            (method - 1,),
        )

    async def look_again(self, paths: Iterable[str]) -> None:
        """Let the next scan read these anew, whatever their stamps say."""
        await self._database.write_many(
            "UPDATE HashDb SET stage = 1, md5_ok = NULL WHERE path = ? AND stage > 0", ((keep_text(path),) for path in paths)
        )

    async def move(self, moves: Iterable[tuple[str, str]]) -> None:
        """(old path, new path) of files that were renamed: all that is known goes along."""
        await self._each(moves, _move)

    async def put_missing(self, paths: Iterable[str], at: float | None) -> None:
        """These are gone from disk since `at`, or (None) there again. They are kept."""
        await self._database.write_many(
            "UPDATE HashDb SET missing_at = CASE WHEN ?1 IS NULL THEN NULL ELSE coalesce(missing_at, ?1) END WHERE path = ?2",
            ((at, keep_text(path)) for path in paths),
        )

    async def forget(self, paths: Iterable[str]) -> None:
        """Drop all that is known of these."""
        await self._database.write_many("DELETE FROM HashDb WHERE path = ?", ((keep_text(path),) for path in paths))

    async def forget_missing(self) -> int:
        """Forget every file that is gone from disk; how many that were."""
        return await self._database.execute("DELETE FROM HashDb WHERE missing_at IS NOT NULL")

    async def _files(self, where: str, given: Sequence[Any]) -> list[LibraryFile]:
        return [file_of(row) for row in await self._database.fetch(f"SELECT {_READ} FROM HashDb WHERE {where}", given)]

    async def _each(self, items: Iterable[Any], work: Any) -> None:
        waiting = iter(items)
        while batch := list(itertools.islice(waiting, BATCH)):
            await self._database.write(partial(work, batch=batch))


def _json(reasons: Sequence[str]) -> str | None:

    return json.dumps([plain_text(reason) for reason in reasons]) if reasons else None


def _put_rows(connection: sqlite3.Connection, batch: Sequence[Sequence[Any]]) -> None:
    new = {_kept(row[_PATH]): row for row in batch}
    marks = ", ".join("?" * len(new))
    known = {row[_PATH]: file_of(row) for row in connection.execute(f"SELECT {_READ} FROM HashDb WHERE path IN ({marks})", list(new))}
    rows, changed, unmeasured = [], [], []
    for kept, row in new.items():
        old = known.get(kept)
        if old is not None:
            file = merged(old, file_of(tuple(row[: len(READ)])))
            row = values(replace(file, missing_at=None))
            if old.stamp != file.stamp:
                changed.append((kept,))
            if file.stage < Stage.MEASURED:
                unmeasured.append((kept,))
        rows.append((kept, *row[1:_FOLDER], _kept(row[_FOLDER]), *row[_FOLDER + 1 :]))
    names = ", ".join(WRITTEN)
    changes = ", ".join(f"{name} = excluded.{name}" for name in WRITTEN[1:])
    connection.executemany(
        f"INSERT INTO HashDb ({names}, offer) VALUES ({', '.join('?' * len(WRITTEN))}, 0)"
        f" ON CONFLICT (path) DO UPDATE SET {changes}, offer = CASE WHEN {_SAME} THEN offer ELSE 0 END,"
        f" region_id = CASE WHEN {_SAME} THEN region_id END",
        rows,
    )
    connection.executemany("DELETE FROM HashDbDigests WHERE path = ?", changed)
    connection.executemany("DELETE FROM HashDbFingerprints WHERE path = ?", unmeasured)


def _kept(path: str | bytes) -> str | bytes:
    return keep_text(path) if isinstance(path, str) else path


_PATH, _FOLDER = WRITTEN.index("path"), WRITTEN.index("folder")
_SAME = "(excluded.mtime_ns, excluded.size, excluded.inode) = (HashDb.mtime_ns, HashDb.size, HashDb.inode)"


def _move(connection: sqlite3.Connection, batch: Sequence[tuple[str, str]]) -> None:
    for old, new in batch:
        was, now, folder = keep_text(old), keep_text(new), keep_text(new.rpartition("/")[0])
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("DELETE FROM HashDb WHERE path = ?", (now,))
        connection.execute("UPDATE HashDb SET path = ?, folder = ?, missing_at = NULL WHERE path = ?", (now, folder, was))
        for table in ("HashDbDigests", "HashDbFingerprints"):
            connection.execute(f"UPDATE {table} SET path = ? WHERE path = ?", (now, was))
