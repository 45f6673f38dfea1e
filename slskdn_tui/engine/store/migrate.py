"""Numbered migrations of a database. Shells SQLite: plain calls on a `sqlite3` connection, run in the database's own thread.

Each step is one transaction that also raises `user_version`, so a kill leaves the old schema or the new one. Before a step on a database
with content a copy is written beside it (`backups/NAME.vN.db`).
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from slskdn_tui.model.errors import UserError

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """Step `number` (from 1, without gaps) with its SQL script."""

    number: int
    name: str
    sql: str


def load_migrations(database: str) -> tuple[Migration, ...]:
    """The steps shipped for `state` or `library`, in order. ValueError when a number is missing or twice there."""
    found = []
    for entry in (files("slskdn_tui.engine.store.migrations") / database).iterdir():
        if match := _NAME.fullmatch(entry.name):
            found.append(Migration(int(match.group(1)), match.group(2), entry.read_text("utf-8")))
    found.sort(key=lambda step: step.number)
    if [step.number for step in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations of {database} are not numbered 1, 2, ...: {[step.number for step in found]}")
    return tuple(found)


def statements(script: str) -> Iterator[str]:
    """The script's statements one by one; `executescript` would commit between them."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered.strip()
            gathered = ""
    if re.sub(r"--[^\n]*", "", gathered).strip():
        raise ValueError(f"statement without its semicolon: {gathered.strip()[:60]!r}")


def schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(path: Path, version: int, known: int) -> None:
    """UserError when a later program has written this database."""
    if version > known:
        copies = (copy_before(path, number) for number in range(known, 0, -1))
        older = next((f", or put back {copy}, which was kept before the change" for copy in copies if copy.exists()), "")
        raise UserError(
            "config",
            f"{path} was written by a newer slskdn-tui (schema {version}; this one knows {known})",
            f"install that version again{older}; nothing was changed",
        )


def copy_before(path: Path, version: int) -> Path:
    """Where the copy lies that was made before a database left this schema."""
    return path.parent / "backups" / f"{path.stem}.v{version}.db"


def recognise(connection: sqlite3.Connection, steps: Sequence[Migration]) -> int | None:
    """After how many steps a database has exactly these tables, None where it is after none of them. Every step changes the schema, so one number fits.

    `user_version` is four bytes without a checksum: what the tables say holds.
    """
    there = _schema(connection)
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        found = 0 if not there else None
        for step in steps:
            apply_step(fresh, step)
            if _schema(fresh) == there:
                found = step.number
        return found
    finally:
        fresh.close()


def _schema(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    return set(connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"))


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> int:
    """Bring the database to the last step and return how many steps were run. UserError for a newer schema."""
    version = schema_version(connection)
    refuse_newer(path, version, len(steps))
    for step in steps[version:]:
        if version:  # a database made just now has nothing to lose
            copy_database(connection, copy_before(path, step.number - 1))
        apply_step(connection, step)
    return len(steps) - version


def apply_step(connection: sqlite3.Connection, step: Migration) -> None:
    """One step in one transaction. The connection is in autocommit mode (`isolation_level=None`)."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(step.sql):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step.number:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def copy_database(connection: sqlite3.Connection, target: Path) -> None:
    """A consistent copy at `target`, there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = target.with_name(target.name + ".new")
    fresh.unlink(missing_ok=True)
    copy = sqlite3.connect(fresh)
    try:
        connection.backup(copy)  # in one step: between two, any commit makes SQLite begin anew
        # The copy carries WAL mode in its header; DELETE mode leaves one file that can be moved.
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
    with fresh.open("rb") as handle:
        os.fsync(handle.fileno())
    os.replace(fresh, target)
