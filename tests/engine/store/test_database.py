"""The databases: what a user keeps when things go wrong underneath."""

import asyncio
import errno
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store import migrate
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.migrate import Migration, copy_database
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.errors import UserError

ONE = Migration(1, "first", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);\nINSERT INTO t VALUES (0, 'kept');")
TWO = Migration(2, "second", "CREATE TABLE u (a);\nINSERT INTO u SELECT b FROM t;\nALTER TABLE t ADD COLUMN c;\nUPDATE t SET c = 1;")


def run(work):
    async def timed():
        async with asyncio.timeout(120):
            return await work()

    return asyncio.run(timed())


def pragma(database, name):
    async def ask():
        return (await database.write(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()))[0]

    return ask()


def test_what_cannot_be_rebuilt_is_synced_and_what_can_is_not(tmp_path):
    async def work():
        store = await Store.open(Paths.of(tmp_path))
        found = {}
        for database in (store.state, store.library):
            names = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "busy_timeout")
            found[database.path.name] = [await pragma(database, name) for name in names]
        await store.close()
        assert found == {"state.db": ["wal", 2, 1, 0, 5000], "library.db": ["wal", 1, 1, 0, 5000]}
        assert (tmp_path / "data" / "state.db").stat().st_mode & 0o777 == 0o600
        assert not (tmp_path / "data" / "state.db-wal").exists()

    run(work)


def test_a_database_of_a_newer_program_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "state.db"

    async def make():
        await (await Database.open(path, [ONE, TWO])).close()

    run(make)
    before = path.read_bytes()

    async def open_older():
        await Database.open(path, [ONE])

    with pytest.raises(UserError) as caught:
        run(open_older)
    assert caught.value.code == "config" and "newer" in caught.value.message and "put back" not in caught.value.hint
    assert path.read_bytes() == before and list(tmp_path.glob("*.damaged-*")) == []


def test_before_a_step_on_a_database_with_content_a_copy_is_kept(tmp_path):
    path = tmp_path / "state.db"

    async def work():
        await (await Database.open(path, [ONE])).close()
        assert not (tmp_path / "backups").exists()
        database = await Database.open(path, [ONE, TWO])
        assert await database.fetch("SELECT a FROM u") == [("kept",)]
        await database.close()

    run(work)
    with pytest.raises(UserError) as caught:  # an older program says where it lies
        run(lambda: Database.open(path, [ONE]))
    assert f"put back {tmp_path / 'backups' / 'state.v1.db'}" in caught.value.hint
    copy = sqlite3.connect(tmp_path / "backups" / "state.v1.db")
    assert copy.execute("SELECT b FROM t").fetchall() == [("kept",)]
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    copy.close()


KILLER = """
import asyncio, os, signal, sys
from pathlib import Path
from slskdn_tui.engine.store import migrate
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.migrate import Migration

path, at, *scripts = sys.argv[1:]
count, real = 0, migrate.statements

def counted(script):
    global count
    for statement in real(script):
        yield statement
        count += 1
        if count == int(at):
            os.kill(os.getpid(), signal.SIGKILL)

migrate.statements = counted
steps = [Migration(number, "step", script) for number, script in enumerate(scripts, 1)]

async def main():
    await (await Database.open(Path(path), steps)).close()

asyncio.run(main())
"""


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_kill_inside_a_migration_leaves_the_old_schema_and_the_next_start_finishes(tmp_path, at):
    path = tmp_path / "state.db"

    async def make():
        await (await Database.open(path, [ONE])).close()

    run(make)
    # Statements of step two run after `at` of them were carried out but nothing was committed.
    killed = subprocess.run([sys.executable, "-c", KILLER, str(path), str(at), ONE.sql, TWO.sql], timeout=120)
    assert killed.returncode == -9
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone() == (1,)
    assert raw.execute("SELECT name FROM sqlite_master WHERE name = 'u'").fetchall() == []
    raw.close()

    async def again():
        database = await Database.open(path, [ONE, TWO])
        rows = await database.fetch("SELECT b, c FROM t")
        await database.close()
        return rows, database.damage

    assert run(again) == ([("kept", 1)], None)


def damage(path, seed):
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(1000):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_database_is_set_aside_told_and_replaced(tmp_path, seed):
    paths = Paths.of(tmp_path)

    async def make():
        store = await Store.open(paths)
        for place in range(200):
            await store.gate.record(float(place), f"query {place}")
        await store.backup()
        await store.close()

    run(make)
    broken = damage(paths.state_db, seed)

    async def start():
        store = await Store.open(paths, VirtualClock())
        await store.gate.record(1000.0, "after")
        rows = await store.gate.load()
        await store.close()
        return store.damage, rows

    kept = [(float(place), f"query {place}") for place in range(200)]
    found, rows = run(start)
    assert len(found) == 1 and rows == [*kept, (1000.0, "after")], "the copy is in use"
    assert found[0].aside.name == "state.db.damaged-20260101T000000Z" and found[0].aside.read_bytes() == broken
    assert found[0].restored is not None and "set aside" in str(found[0]) and found[0].restored.name in str(found[0])
    assert run(start)[0] == ()


def number_of(path):
    return int.from_bytes(path.read_bytes()[60:64], "big", signed=True)


def renumber(path, number):
    """What a flipped bit in the file's header does."""
    data = bytearray(path.read_bytes())
    data[60:64] = number.to_bytes(4, "big", signed=True)
    path.write_bytes(data)


@pytest.mark.parametrize("bit", [None, 0, 1, 5, 20, 31])
@pytest.mark.parametrize(("name", "row"), [("state", "SearchGate VALUES (1.0, 'kept')"), ("library", "MbCache VALUES ('kept', '{}', 1.0)")])
def test_a_database_whose_schema_number_alone_is_damaged_goes_on_with_all_it_holds(tmp_path, name, row, bit):
    path, right = tmp_path / f"{name}.db", len(migrate.load_migrations(name))
    wrong = 0 if bit is None else right - (1 << 31) if bit == 31 else right ^ (1 << bit)

    async def work(opening, sql):
        database = await opening
        rows = await (database.fetch(sql) if sql.startswith("SELECT") else database.execute(sql))
        await database.close()
        return rows, database.damage

    def start(sql=f"SELECT * FROM {row.split()[0]}"):
        return run(lambda: work(Database.open(path, name, clock=VirtualClock(), restore=True), sql))

    start(f"INSERT INTO {row}")
    kept = start()[0]
    renumber(path, wrong)
    assert run(lambda: work(Database.open_read_only(path, name), f"SELECT * FROM {row.split()[0]}"))[0] == kept
    assert number_of(path) == wrong, "who only looks changes nothing"
    rows, damage = start()
    assert rows == kept and number_of(path) == right
    assert damage.mended and damage.restored is None and f" {wrong}," in str(damage) and "nothing lost" in str(damage)
    assert number_of(damage.aside) == wrong and damage.aside.stat().st_size == path.stat().st_size
    assert start() == (kept, None), "told once"


def test_a_database_of_no_schema_of_ours_with_an_impossible_number_is_set_aside(tmp_path):
    path = tmp_path / "state.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE odd (a)")
    raw.execute("PRAGMA user_version = -7")
    raw.commit()
    raw.close()

    async def start():
        database = await Database.open(path, [ONE])
        rows = await database.fetch("SELECT b FROM t")
        await database.close()
        return rows, database.damage

    rows, damage = run(start)
    assert rows == [("kept",)] and "-7" in str(damage)
    assert sqlite3.connect(damage.aside).execute("SELECT name FROM sqlite_master").fetchall() == [("odd",)]


@pytest.mark.parametrize("name", ["state", "library"])
def test_every_step_changes_the_schema_so_that_a_database_shows_its_number(name):
    steps = migrate.load_migrations(name)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for step in steps:
        assert migrate.recognise(connection, steps) == step.number - 1
        migrate.apply_step(connection, step)
    assert migrate.recognise(connection, steps) == len(steps)
    connection.execute("CREATE TABLE Later (a)")
    assert migrate.recognise(connection, steps) is None


def test_a_damaged_copy_is_passed_over_and_without_a_sound_one_a_fresh_database_is_used(tmp_path):
    paths = Paths.of(tmp_path)

    async def make():
        clock = VirtualClock()
        store = await Store.open(paths, clock)
        for query in ("first", "second"):
            await store.gate.record(1.0, query)
            await store.backup()
            await clock.advance(3600)
        await store.close()

    async def start():
        store = await Store.open(paths, VirtualClock())
        rows = await store.gate.load()
        await store.close()
        return store.damage, rows

    run(make)
    older, newer = sorted((paths.data / "backups").iterdir())
    os.utime(older, (1, 1))
    newer.write_bytes(b"rubbish" * 5000)
    damage(paths.state_db, 1)
    found, rows = run(start)
    assert rows == [(1.0, "first")] and found[0].restored == older
    older.write_bytes(b"rubbish" * 5000)
    damage(paths.state_db, 2)
    found, rows = run(start)
    assert rows == [] and found[0].restored is None and "a fresh one is in use" in str(found[0])


@pytest.mark.parametrize(
    "rubbish", [b"SQLite format 3\0" + bytes(84), bytes(2148), b"this was never a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database_is_set_aside(tmp_path, rubbish):
    path = tmp_path / "library.db"
    path.write_bytes(rubbish)

    async def work():
        database = await Database.open(path, "library", "NORMAL")
        await database.close()
        return database.damage

    assert run(work) is not None and path.with_name(path.name) in tmp_path.iterdir()
    assert [aside.read_bytes() for aside in tmp_path.glob("library.db.damaged-*")] == [rubbish]


def test_a_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path):
    (tmp_path / "data").write_text("a file where a folder should be")

    async def work():
        await Database.open(tmp_path / "data" / "state.db", "state")

    with pytest.raises(UserError) as caught:
        run(work)
    assert caught.value.code == "disk" and caught.value.hint


def test_a_failing_transaction_leaves_nothing(tmp_path):
    async def work():
        database = await Database.open(tmp_path / "a.db", [ONE])

        def half(connection):
            connection.execute("INSERT INTO t (a) VALUES (1)")
            raise LookupError("halfway")

        with pytest.raises(LookupError):
            await database.write(half)
        rows = await database.fetch("SELECT a FROM t")
        await database.close()
        assert rows == [(0,)]

    run(work)


def test_a_cancelled_writer_never_leaves_half_a_transaction(tmp_path):
    async def work():
        database = await Database.open(tmp_path / "a.db", [ONE])

        def both(connection):
            connection.execute("INSERT INTO t (a) VALUES (1)")
            connection.execute("INSERT INTO t (a) VALUES (2)")

        writing = asyncio.ensure_future(database.write(both))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await database.write(lambda connection: connection.execute("INSERT INTO t (a) VALUES (3)").rowcount)
        rows = await database.fetch("SELECT count(*) FROM t WHERE a IN (1, 2)")
        await database.close()
        assert rows in ([(0,)], [(2,)])

    run(work)


def test_a_full_disk_is_an_os_error_and_keeps_what_was_committed(tmp_path):
    async def work():
        database = await Database.open(tmp_path / "a.db", [ONE])
        await database.execute("PRAGMA max_page_count = 8")
        with pytest.raises(OSError) as caught:
            await database.execute("INSERT INTO t (a, b) VALUES (1, ?)", ("x" * 100_000,))
        assert caught.value.errno == errno.ENOSPC
        await database.execute("INSERT INTO t (a, b) VALUES (2, 'small')")
        rows = await database.fetch("SELECT a FROM t")
        await database.close()
        assert rows == [(0,), (2,)]

    run(work)


def test_bulk_writes_come_in_transactions_of_at_most_500_rows(tmp_path):
    async def work():
        database = await Database.open(tmp_path / "a.db", [ONE])
        rows = [(number, "x") for number in range(1, 1200)] + [(1, "twice")]
        with pytest.raises(sqlite3.IntegrityError):
            await database.write_many("INSERT INTO t (a, b) VALUES (?, ?)", rows)
        count = await database.fetch("SELECT count(*) FROM t")
        await database.close()
        assert count == [(1 + 1000,)]  # two whole batches; the third held the duplicate

    run(work)


def test_looking_at_a_profile_changes_nothing_and_sees_what_the_engine_wrote(tmp_path):
    paths = Paths.of(tmp_path)

    async def work():
        store = await Store.open(paths)
        looking = await Store.open_read_only(paths)
        await store.gate.record(5.0, "query")
        assert await looking.gate.load() == [(5.0, "query")]
        with pytest.raises(RuntimeError, match="read-only"):
            await looking.gate.record(6.0, "no")
        with pytest.raises(sqlite3.OperationalError):
            await looking.state.fetch("DELETE FROM SearchGate")
        await looking.close()
        await store.close()

    run(work)
    before = paths.state_db.read_bytes()

    async def look():
        looking = await Store.open_read_only(paths)
        rows = await looking.gate.load()
        await looking.close()
        return rows

    assert run(look) == [(5.0, "query")] and paths.state_db.read_bytes() == before


def test_only_the_newest_three_hourly_copies_stay(tmp_path):
    async def work():
        clock = VirtualClock()
        store = await Store.open(Paths.of(tmp_path), clock)
        for _ in range(5):
            last = await store.backup()
            await clock.advance(3600)
        await store.close()
        return last

    last = run(work)
    kept = sorted(last.parent.iterdir())
    assert [copy.name for copy in kept] == [f"state.at-20260101T0{hour}0000Z.db" for hour in (2, 3, 4)]
    assert sqlite3.connect(kept[0]).execute("PRAGMA quick_check").fetchone() == ("ok",)


def test_a_gap_in_the_numbers_is_a_programming_error(tmp_path, monkeypatch):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "0002_later.sql").write_text("SELECT 1;")
    monkeypatch.setattr(migrate, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match="numbered"):
        migrate.load_migrations("odd")


def test_a_copy_is_made_every_hour_and_soon_after_a_start_when_the_last_is_older(tmp_path):
    async def work():
        clock, paths = VirtualClock(wall=datetime.now(UTC)), Paths.of(tmp_path)
        paths.ensure()
        engine = Engine(paths, Settings(), password="", clock=clock)
        engine.store = await Store.open(paths, clock)
        made = []
        for early, late in ((59, 2), (3400, 300), (59, 2)):
            copying = asyncio.ensure_future(engine._back_up())
            await clock.advance(early)
            made.append(len(list((paths.data / "backups").glob("*.db"))))
            await clock.advance(late)
            await copying
            made.append(len(list((paths.data / "backups").glob("*.db"))))
            if len(made) == 4:  # the clock was ahead by a year when these were made, and is put right
                for copy in (paths.data / "backups").glob("*.db"):
                    os.utime(copy, (later := time.time() + 365 * 86_400, later))
        await engine.store.close()
        return made

    assert run(work) == [0, 1, 1, 2, 2, 3]


@pytest.mark.slow
def test_a_copy_is_made_though_somebody_goes_on_writing(tmp_path: Path) -> None:
    path, most, copied = tmp_path / "state.db", 20_000, threading.Event()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE T (a)")
        writer.execute("BEGIN")
        writer.executemany("INSERT INTO T VALUES (?)", [(bytes(4000),) for _ in range(10_000)])  # 40 MB
        writer.execute("COMMIT")
    made, under_way = [0], threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA synchronous = OFF")
            while made[0] < most and not copied.is_set():
                other.execute("INSERT INTO T VALUES (1)")
                made[0] += 1
                under_way.set()

    thread = threading.Thread(target=write)
    thread.start()
    under_way.wait()
    with closing(sqlite3.connect(path)) as reader:
        copy_database(reader, tmp_path / "backups" / "copy.db")
    copied.set()
    thread.join()
    assert made[0] < most, "begun anew at every commit, it ends only when nobody writes"
    with closing(sqlite3.connect(tmp_path / "backups" / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM T WHERE a <> 1").fetchone() == (10_000,)
