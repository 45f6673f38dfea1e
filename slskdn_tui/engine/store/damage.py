"""Finding a damaged database and setting it aside. Shells SQLite and the file system."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from slskdn_tui.engine.runtime.durable import replace_durably
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

ALWAYS_CHECK = 64 * 1024 * 1024
"""A database up to this size is checked at every start (it takes a fraction of a second), a larger one after an unclean stop."""
_CORRUPT = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged file: what was found, where it lies now, the newest copy there is, and the copy that is in use in its place (None where there is none).

    `mended`: all of it is in use; what was wrong could be told from the rest, and `aside` is a copy of it as it was.
    """

    database: str
    reason: SafeText
    aside: Path
    backup: Path | None
    restored: Path | None = None
    mended: bool = False

    def __str__(self) -> str:
        """One line for the status and the log, with what to do."""
        if self.mended:
            return f"{self.database} was damaged ({self.reason}): put right with nothing lost; as it was, it is kept as {self.aside.name}"
        if self.restored is not None:
            return f"{self.database} was damaged ({self.reason}): set aside as {self.aside.name}, the copy {self.restored.name} is in use; jobs go on from what is on disk"
        copy = f"; a copy from before lies at {self.backup}" if self.backup else ""
        return f"{self.database} was damaged ({self.reason}): set aside as {self.aside.name}, a fresh one is in use{copy}"


def is_damage(error: sqlite3.Error) -> bool:
    """True when SQLite says the file itself is broken, and not that it is locked, full or unwritable."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(_CORRUPT)


def stopped_uncleanly(path: Path) -> bool:
    """A journal with something in it: the last engine did not close the database."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def find_damage(connection: sqlite3.Connection) -> str:
    """What `quick_check` objects to, in one line; empty when it is content."""
    try:
        rows = connection.execute("PRAGMA quick_check(3)").fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return str(error)
    words = "; ".join(str(row[0]) for row in rows)
    return "" if words == "ok" else words.replace("\n", " ")


def backups(path: Path) -> list[Path]:
    """Copies of this database in `backups/`, the newest first; those of a clock that was ahead of today's last."""
    copies = [copy for copy in (path.parent / "backups").glob(f"{path.stem}.*.db") if copy.is_file()]
    now = time.time_ns()
    times = {copy: copy.stat().st_mtime_ns for copy in copies}
    return sorted(copies, key=lambda copy: (times[copy] <= now, times[copy]), reverse=True)


def newest_backup(path: Path) -> Path | None:
    """The latest copy of this database, if any."""
    return next(iter(backups(path)), None)


def bring_back(path: Path, copy: Path) -> None:
    """Put a copy in the database's place. Raises OSError."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    replace_durably(path, copy.read_bytes())


def aside_name(path: Path, moment: datetime) -> Path:
    """`NAME.damaged-DATE` beside the file, one that is not there yet."""
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    aside, count = path.with_name(f"{path.name}.damaged-{stamp}"), 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{count}")
    return aside


def set_aside(path: Path, reason: str, moment: datetime) -> Damage:
    """Rename the file and its journals to `NAME.damaged-DATE`; nothing is deleted."""
    aside = aside_name(path, moment)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            os.replace(part, aside.with_name(aside.name + suffix))
    damage = Damage(path.name, SafeText(reason), aside, newest_backup(path))
    log.error("%s", damage)
    return damage
