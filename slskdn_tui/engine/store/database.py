"""One SQLite file with one writer and its readers. Shells SQLite through aiosqlite's threads.

A transaction is one function that runs in the writer's thread between BEGIN IMMEDIATE and COMMIT. So transactions never interleave, and
cancelling the one who waits never leaves half of one behind.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import aiosqlite

from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.store.damage import (
    ALWAYS_CHECK,
    Damage,
    aside_name,
    backups,
    bring_back,
    find_damage,
    is_damage,
    newest_backup,
    set_aside,
    stopped_uncleanly,
)
from slskdn_tui.engine.store.migrate import Migration, copy_database, load_migrations, migrate, recognise, refuse_newer, schema_version
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

BATCH = 500
"""Rows a transaction at most, so that nobody waits long behind a bulk write."""
KEEP_BACKUPS = 3
SMALLEST = 4096
"""Bytes of the first page: a database of ours that is not empty is no smaller."""
Synchronous = Literal["FULL", "NORMAL"]
Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]


class _Thread(aiosqlite.Connection):
    """An aiosqlite connection that also runs whole functions in its thread: one round trip a transaction instead of one a statement."""

    async def run(self, work: Work[Result]) -> Result:
        outcome: Result = await self._execute(lambda: work(self._conn))  # type: ignore[no-untyped-call, unused-ignore]
        return outcome

    @classmethod
    async def open(cls, connect: Callable[[], sqlite3.Connection]) -> _Thread:
        """Connect in a new thread. What `connect` raises is raised here, after the thread has ended; left to aiosqlite it may outlive the loop."""
        failed: list[Exception] = []

        def attempt() -> sqlite3.Connection:
            try:
                return connect()
            except Exception as error:  # handed on below
                failed.append(error)
                return sqlite3.connect(":memory:")

        thread = cls(attempt, 64)
        await thread
        if failed:
            await thread.close()
            raise failed[0]
        return thread


class Database:
    """An open database. `damage` tells when the file was found broken at the start and replaced by a fresh one."""

    def __init__(self, path: Path, writer: _Thread | None, readers: Sequence[_Thread], damage: Damage | None = None) -> None:
        self.path = path
        self.damage = damage
        self._writer = writer
        self._readers = tuple(readers)
        self._turn = itertools.count()
        self._direct: sqlite3.Connection | None = None
        self._direct_lock = threading.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        migrations: str | Sequence[Migration],
        synchronous: Synchronous = "FULL",
        *,
        readers: int = 1,
        clock: Clock | None = None,
        restore: bool = False,
    ) -> Database:
        """Open for writing, checked and at the newest schema. `migrations` is `state`, `library` or the steps themselves.

        A damaged one is set aside; with `restore` its newest sound copy takes its place, else (or without one) a fresh one does. One whose schema
        number alone is wrong goes on, and a copy of it as it was is kept.

        Raises UserError: `config` for a newer schema, `disk` when the file cannot be opened or written.
        """
        steps = load_migrations(migrations) if isinstance(migrations, str) else tuple(migrations)
        moment = (clock or SystemClock()).wall()
        found: list[Damage] = []

        def connect() -> sqlite3.Connection:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                try:
                    return _connect(path, steps, synchronous, found, moment)
                except _Damaged as damaged:
                    found[:] = []
                    found.append(set_aside(path, str(damaged), moment))
                    for copy in backups(path) if restore else ():
                        try:
                            bring_back(path, copy)
                            connection = _connect(path, steps, synchronous, [], moment)
                        except _Damaged as worse:
                            log.error("%s is damaged, too: %s", copy, worse)
                            continue
                        found[0] = replace(found[0], restored=copy)
                        return connection
                    path.unlink(missing_ok=True)
                    return _connect(path, steps, synchronous, [], moment)
            except (sqlite3.Error, OSError, _Damaged) as error:
                raise UserError(
                    "disk", f"cannot open the database {path}: {error}", "check that its folder can be written and the disk has room"
                ) from error

        writer = await _Thread.open(connect)
        opened: list[_Thread] = []
        try:
            for _ in range(readers):
                opened.append(await _Thread.open(lambda: _connect_read_only(path)))
        except BaseException:
            for thread in (*opened, writer):
                await thread.close()
            raise
        return cls(path, writer, opened, found[0] if found else None)

    @classmethod
    async def open_read_only(cls, path: Path, migrations: str) -> Database:
        """Open beside an engine, or without one, without changing a byte. UserError when there is no such file, or its schema is another one."""
        steps = load_migrations(migrations)
        known = len(steps)
        if not path.is_file():
            raise UserError("not_found", f"there is no database at {path}", "start `slskdn` once, or name the right --profile")

        def connect() -> sqlite3.Connection:
            try:
                connection = _connect_read_only(path)
                version = schema_version(connection)
                if version != known and recognise(connection, steps) == known:
                    version = known  # the number alone is damaged; the next start puts it right
            except sqlite3.Error as error:
                raise UserError(
                    "disk", f"cannot read the database {path}: {error}", "start `slskdn`: it sets a damaged one aside"
                ) from error
            try:
                refuse_newer(path, version, known)
                if version < known:
                    raise UserError(
                        "config", f"{path} has an older schema ({version} of {known})", "start `slskdn` once: it is brought up to date"
                    )
            except UserError:
                connection.close()
                raise
            return connection

        return cls(path, None, (await _Thread.open(connect),))

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` as one transaction; it has reached the disk as `synchronous` says when this returns.

        Raises OSError (ENOSPC, EIO) when the disk is full or fails; nothing of the transaction is kept then.
        """
        if self._writer is None:
            raise RuntimeError(f"{self.path.name} was opened read-only")
        return await self._writer.run(lambda connection: _transaction(connection, work))

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """One statement as a transaction of its own; returns how many rows it changed."""
        return await self.write(lambda connection: connection.execute(sql, parameters).rowcount)

    async def write_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One statement over many rows, at most `BATCH` of them a transaction."""
        waiting = iter(rows)
        while batch := list(itertools.islice(waiting, BATCH)):
            await self.write(partial(_many, sql=sql, rows=batch))

    async def read(self, work: Work[Result]) -> Result:
        """Run `work` on a read connection; it sees everything whose `write` has returned."""
        reader = self._readers[next(self._turn) % len(self._readers)]
        return await reader.run(work)

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, from a read connection."""
        return await self.read(lambda connection: connection.execute(sql, parameters).fetchall())

    def read_now(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one indexed query, read on the calling thread: for ports that must answer at once. Its connection is opened at the first call."""
        with self._direct_lock:
            if self._closed:
                raise RuntimeError(f"{self.path.name} is closed")
            if self._direct is None:
                self._direct = _connect_read_only(self.path)
            return self._direct.execute(sql, parameters).fetchall()

    async def backup(self, moment: str, keep: int = KEEP_BACKUPS) -> Path:
        """A copy in `backups/`, named by `moment` (no separators), of which the `keep` made last stay. Written from a read connection."""
        folder = self.path.parent / "backups"
        target = folder / f"{self.path.stem}.at-{moment}.db"
        await self.read(lambda connection: copy_database(connection, target))
        # One that is named by a later moment than this one was made before it, by a clock that was ahead.
        for old in sorted(folder.glob(f"{self.path.stem}.at-*.db"), key=lambda copy: (copy.name <= target.name, copy.name))[:-keep]:
            old.unlink(missing_ok=True)
        return target

    async def close(self) -> None:
        """Fold the journal into the file and let go of it. Work that was queued is done first."""
        with self._direct_lock:
            self._closed = True
            if self._direct is not None:
                self._direct.close()
        for reader in self._readers:
            await reader.close()
        if self._writer is not None:
            try:
                await self._writer.run(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
            except sqlite3.Error as error:
                log.warning("%s: the journal stays: %s", self.path.name, error)
            await self._writer.close()


class _Damaged(Exception):
    """The file is no sound database; the message says what was found."""


def _connect(path: Path, steps: Sequence[Migration], synchronous: Synchronous, found: list[Damage], moment: datetime) -> sqlite3.Connection:
    """A write connection with the house's pragmas, its file checked and migrated; what was mended is added to `found`.

    Raises _Damaged, UserError, sqlite3.Error.
    """
    if path.exists() and 0 < path.stat().st_size < SMALLEST:
        raise _Damaged("the file is cut short")  # SQLite would take it for an empty one
    check = stopped_uncleanly(path) or (path.exists() and path.stat().st_size <= ALWAYS_CHECK)
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        os.chmod(path, 0o600)
        connection.execute("PRAGMA trusted_schema = OFF")
        number = schema_version(connection)
        tables = number if number == len(steps) else recognise(connection, steps)
        if tables is None and number < 0:
            raise _Damaged(f"its schema number is {number}")
        if tables is None and number > len(steps):
            if reason := find_damage(connection):
                raise _Damaged(reason)
            refuse_newer(path, number, len(steps))
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            log.warning("%s: this file system cannot hold a WAL journal; %s is used, which is slower", path.name, mode)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA journal_size_limit = 8388608")
        if check and (reason := find_damage(connection)):
            raise _Damaged(reason)
        if tables is not None and tables != number:
            found.append(_renumber(connection, path, number, tables, moment))
        migrate(connection, path, steps)
    except UnicodeDecodeError as error:  # SQLite quotes the schema it cannot read, and Python the quotation
        connection.close()
        raise _Damaged("its schema cannot be read") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        if is_damage(error):
            raise _Damaged(str(error)) from error
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _renumber(connection: sqlite3.Connection, path: Path, number: int, tables: int, moment: datetime) -> Damage:
    """Keep a copy of the database as it is, then give it the schema number its tables have."""
    aside = aside_name(path, moment)
    copy_database(connection, aside)
    connection.execute(f"PRAGMA user_version = {tables:d}")
    words = SafeText(f"its schema number was {number}, its tables are those of {tables}")
    damage = Damage(path.name, words, aside, newest_backup(path), mended=True)
    log.error("%s", damage)
    return damage


def _connect_read_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5.0, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _many(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    connection.executemany(sql, rows)


def _transaction(connection: sqlite3.Connection, work: Work[Result]) -> Result:
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcome = work(connection)
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        name = getattr(error, "sqlite_errorname", "") or ""
        if name == "SQLITE_FULL":
            raise OSError(errno.ENOSPC, "the disk with the database is full") from error
        if name.startswith("SQLITE_IOERR"):
            raise OSError(errno.EIO, f"the disk with the database fails ({name})") from error
        raise
    return outcome
