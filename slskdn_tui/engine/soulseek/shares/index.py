"""Shell: the index of shared files in a small SQLite file of its own: the walk that fills it, and the read-only side that answers from it.

aioslsk asks its share questions synchronously, on the loop, and the server relays some twenty searches a second: every answer here is one or two
indexed statements on a read-only connection, at 100,000 files as at ten. The file is rebuildable; a newer or damaged one is made anew.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from slskdn_tui.engine.soulseek.shares.query import alias_of, excluded, match_expression, parse_query, remote_path, shareable, words_of
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

VERSION = 1
BATCH = 500
MAX_HITS = 250
MAX_LOOKED_AT = 2000

SCHEMA = """
CREATE TABLE root (alias TEXT PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE folder (id INTEGER PRIMARY KEY, remote TEXT NOT NULL UNIQUE);
CREATE TABLE file (
  id INTEGER PRIMARY KEY, remote TEXT NOT NULL UNIQUE, folder INTEGER NOT NULL, name TEXT NOT NULL, local BLOB NOT NULL,
  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, seen INTEGER NOT NULL,
  bitrate INTEGER, seconds INTEGER, vbr INTEGER, rate INTEGER, bits INTEGER
);
CREATE INDEX file_folder ON file (folder);
CREATE INDEX file_seen ON file (seen);
CREATE VIRTUAL TABLE term USING fts5 (words, sdrow, content='', detail=column, tokenize="unicode61 remove_diacritics 0");
CREATE TABLE reply (query TEXT PRIMARY KEY, wall REAL NOT NULL, replies TEXT NOT NULL);
CREATE TABLE asked (wall REAL NOT NULL, query TEXT NOT NULL);
CREATE TABLE scan (number INTEGER NOT NULL);
INSERT INTO scan VALUES (0);
"""
COLUMNS = "file.remote, file.name, file.local, file.size, file.bitrate, file.seconds, file.vbr, file.rate, file.bits"


@dataclass(frozen=True, slots=True)
class Shared:
    """One shared file. `attributes` are the network's pairs: 0 kbit/s, 1 seconds, 2 VBR, 4 Hz, 5 bits."""

    remote: str
    name: str
    local: str
    size: int
    attributes: tuple[tuple[int, int], ...]

    @property
    def extension(self) -> str:
        return os.path.splitext(self.name)[1][1:].lower()


def _shared(row: Sequence[Any]) -> Shared:
    pairs = tuple((key, value) for key, value in zip((0, 1, 2, 4, 5), row[4:9], strict=True) if value is not None)
    return Shared(row[0], row[1], os.fsdecode(row[2]), row[3], pairs)


def open_index(path: Path) -> sqlite3.Connection:
    """The writing connection, with the schema in place. A file that is no index of this version is replaced; sqlite3.Error when that fails too."""
    for attempt in (1, 2):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
                found = VERSION
            if found == VERSION:
                return db
            raise sqlite3.DatabaseError(f"version {found}")
        except sqlite3.DatabaseError as error:
            db.close()
            if attempt == 2:
                raise
            log.warning("the index of shared files is made anew: %s", error)
            for end in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(f"{path}{end}")
    raise AssertionError("unreachable")


def attributes_of(path: str) -> dict[str, int]:
    """bitrate (kbit/s), seconds, vbr, rate (Hz), bits as mutagen reads them; empty for what is no audio it knows, or damaged."""
    import mutagen

    try:
        found = mutagen.File(path)
    except (
        Exception
    ) as error:  # mutagen raises much more than its own errors on damaged files; one of them must not keep all others unshared
        log.info("what a shared file says of itself cannot be read: %s: %s", SafeText(path), type(error).__name__)
        return {}
    info = getattr(found, "info", None)
    if info is None:
        return {}
    out: dict[str, int] = {"seconds": int(getattr(info, "length", 0) or 0)}
    bits = int(getattr(info, "bits_per_sample", 0) or 0)
    if type(found).__name__ in ("FLAC", "WAVE", "AIFF") and bits:
        out |= {"rate": int(info.sample_rate), "bits": bits}
    elif bitrate := int(getattr(info, "bitrate", 0) or 0):
        out["bitrate"] = bitrate // 1000
        mode = int(getattr(info, "bitrate_mode", 0) or 0)
        if mode:
            out["vbr"] = int(mode != 1)
    return {key: value for key, value in out.items() if 0 <= value < 2**32}


_Seen = tuple[str, str, os.stat_result]
"""remote path, local path, stat"""


class ShareIndexer:
    """Walks the shared folders in whatever thread calls `scan`; incremental by size and mtime, in transactions of 500 files.

    Of `hidden` folders nothing is shared, though a shared folder lie in one; `passed` ones are not entered; `exclude` are patterns of names that are
    not shared."""

    def __init__(
        self,
        db: sqlite3.Connection,
        roots: Sequence[str],
        hidden: Sequence[Path] = (),
        exclude: Sequence[str] = (),
        passed: Sequence[Path] = (),
    ) -> None:
        self._db = db
        self._exclude = tuple(exclude)
        own = {os.path.realpath(path) for path in hidden}
        roots = list(dict.fromkeys(os.path.realpath(os.path.expanduser(root)) for root in roots))
        self._roots = [root for root in roots if not any(Path(root).is_relative_to(each) for each in own)]
        for root in set(roots) - set(self._roots):
            log.warning("a folder of this program's own is never shared: %s", root)
        self._hidden = own | {os.path.realpath(path) for path in passed}
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """A running scan ends soon, keeping what it has."""
        self._stop.set()

    def covers(self, path: Path) -> bool:
        """Whether this file lies in a shared folder, by its name alone."""
        return any(path.is_relative_to(root) for root in self._roots)

    def scan(self) -> int:
        """Bring the index up to date; the number of shared files. Blocking. Raises sqlite3.Error."""
        with self._lock:
            db = self._db
            number = db.execute("UPDATE scan SET number = number + 1 RETURNING number").fetchone()[0]
            roots = [root for root in self._roots if os.path.isdir(root)]
            for root in set(self._roots) - set(roots):
                log.warning("a shared folder does not exist: %s", root)
            batch: list[_Seen] = []
            for root in roots:
                alias = self._alias(root)
                for parts, path, stat in self._walk(root):
                    remote = remote_path(alias, os.path.basename(root), *parts, os.path.basename(path))
                    batch.append((remote, path, stat))
                    if len(batch) >= BATCH:
                        self._store(batch, number)
                        batch.clear()
            self._store(batch, number)
            if not self._stop.is_set():
                self._drop_unseen(number)
            return int(db.execute("SELECT count(*) FROM file").fetchone()[0])

    def _alias(self, root: str) -> str:
        row = self._db.execute("SELECT alias FROM root WHERE path = ?", (os.fsencode(root),)).fetchone()
        if row:
            return str(row[0])
        salt = 0
        while True:
            alias = alias_of(root + "\0" * salt, uuid.getnode())
            try:
                self._db.execute("INSERT INTO root VALUES (?, ?)", (alias, os.fsencode(root)))
                return alias
            except sqlite3.IntegrityError:
                salt += 1

    def _walk(self, root: str) -> Iterator[tuple[tuple[str, ...], str, os.stat_result]]:
        """Files that may be shared, with their folder's parts below the root. Links are not followed: they could lead anywhere."""
        stack: list[tuple[str, tuple[str, ...]]] = [(root, ())]
        while stack and not self._stop.is_set():
            path, parts = stack.pop()
            if path in self._hidden or (path != root and path in self._roots):
                continue
            try:
                with os.scandir(path) as entries:
                    for entry in entries:
                        if not shareable(entry.name, self._exclude):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            stack.append((entry.path, (*parts, entry.name)))
                        elif entry.is_file(follow_symlinks=False):
                            yield parts, entry.path, entry.stat(follow_symlinks=False)
            except OSError as error:
                log.warning("a shared folder cannot be read: %s", error)

    def _store(self, batch: Sequence[_Seen], number: int) -> None:
        """Two names may be one to others (what is no text in them is replaced): the first is shared."""
        db = self._db
        fresh: list[tuple[Any, ...]] = []
        kept: list[int] = []
        taken: set[str] = set()
        for remote, local, stat in batch:
            row = db.execute("SELECT id, size, mtime_ns, seen FROM file WHERE remote = ?", (remote,)).fetchone()
            if remote in taken or (row and row[3] == number):
                log.warning("a file is not shared: another one has its name for others: %s", SafeText(local))
            elif row and row[1:3] == (stat.st_size, stat.st_mtime_ns):
                taken.add(remote)
                kept.append(row[0])
            elif stat.st_size > 0:
                taken.add(remote)
                fresh.append((remote, local, stat, attributes_of(local), row[0] if row else None))
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany("UPDATE file SET seen = ? WHERE id = ?", [(number, each) for each in kept])
            for remote, local, stat, found, old in fresh:
                folder, _, name = remote.rpartition("\\")
                if old is not None:
                    self._delete(old, remote)
                db.execute("INSERT OR IGNORE INTO folder (remote) VALUES (?)", (folder,))
                cursor = db.execute(
                    "INSERT INTO file (remote, folder, name, local, size, mtime_ns, seen, bitrate, seconds, vbr, rate, bits)"
                    " VALUES (?, (SELECT id FROM folder WHERE remote = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(remote, folder, name, os.fsencode(local), stat.st_size, stat.st_mtime_ns, number),
                        *(found.get(key) for key in ("bitrate", "seconds", "vbr", "rate", "bits")),
                    ),
                )
                db.execute("INSERT INTO term (rowid, words, sdrow) VALUES (?, ?, ?)", (cursor.lastrowid, *_indexed(remote)))
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def _delete(self, row: int, remote: str) -> None:
        self._db.execute("INSERT INTO term (term, rowid, words, sdrow) VALUES ('delete', ?, ?, ?)", (row, *_indexed(remote)))
        self._db.execute("DELETE FROM file WHERE id = ?", (row,))

    def _drop_unseen(self, number: int) -> None:
        db = self._db
        while gone := db.execute("SELECT id, remote FROM file WHERE seen < ? LIMIT ?", (number, BATCH)).fetchall():
            db.execute("BEGIN IMMEDIATE")
            for row, remote in gone:
                self._delete(row, remote)
            db.execute("COMMIT")
        db.execute("DELETE FROM folder WHERE id NOT IN (SELECT folder FROM file)")


def _indexed(remote: str) -> tuple[str, str]:
    """The words of a remote path without its alias, and the same backwards for `*end` terms."""
    words = words_of(remote.partition("\\")[2])
    return " ".join(words), " ".join(word[::-1] for word in words)


class ShareReader:
    """Answers from a read-only connection; every call is a few indexed statements, made on the loop. `statements` counts them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        self.statements = 0

    def close(self) -> None:
        self._db.close()

    def _ask(self, sql: str, *values: Any) -> list[Any]:
        self.statements += 1
        return self._db.execute(sql, values).fetchall()

    def totals(self) -> tuple[int, int]:
        """(folders, files)."""
        return tuple(self._ask("SELECT (SELECT count(*) FROM folder), (SELECT count(*) FROM file)")[0])

    def find(self, remote: str) -> Shared | None:
        rows = self._ask(f"SELECT {COLUMNS} FROM file WHERE remote = ?", remote.encode("utf-8", "replace").decode())
        return _shared(rows[0]) if rows else None

    def query(self, query: str, phrases: Sequence[str] = (), limit: int = MAX_HITS) -> list[Shared]:
        """At most `limit` files whose path has all the words; none that an excluded phrase forbids."""
        expression = match_expression(parse_query(query))
        if not expression:
            return []
        sql = f"SELECT {COLUMNS} FROM term JOIN file ON file.id = term.rowid WHERE term MATCH ? LIMIT ?"
        self.statements += 1
        found: list[Shared] = []
        try:
            for row in self._db.execute(sql, (expression, MAX_LOOKED_AT if phrases else limit)):
                if not excluded(row[0].partition("\\")[2], phrases):
                    found.append(_shared(row))
                if len(found) >= limit:
                    break
        except sqlite3.OperationalError as error:  # a word of letters that SQLite does not know yet
            log.debug("a query that cannot be matched: %s", error)
            return []
        return found

    def folder(self, remote: str) -> list[Shared] | None:
        """A folder's own files in order of their names; None when nothing of that name is shared."""
        if not self._ask("SELECT id FROM folder WHERE remote = ?", remote.encode("utf-8", "replace").decode()):
            return None
        sql = f"SELECT {COLUMNS} FROM file WHERE folder = (SELECT id FROM folder WHERE remote = ?) ORDER BY name"
        return [_shared(row) for row in self._ask(sql, remote)]

    def all_folders(self) -> tuple[int, Iterator[tuple[str, list[Shared]]]]:
        """How many folders there are, and each with its files, for a browse reply. A connection of its own at one moment: it may run in a thread."""
        db = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
        db.execute("BEGIN")
        count = int(db.execute("SELECT count(DISTINCT folder) FROM file").fetchone()[0])

        def folders() -> Iterator[tuple[str, list[Shared]]]:
            with closing(db):
                sql = f"SELECT folder.remote, {COLUMNS} FROM folder JOIN file ON file.folder = folder.id ORDER BY folder.remote, file.name"
                for remote, rows in groupby(db.execute(sql), key=itemgetter(0)):
                    yield remote, [_shared(row[1:]) for row in rows]

        return count, folders()
