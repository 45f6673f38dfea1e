"""Friends, bans and private messages in state.db: odd names, bounds, repeats, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.state.messages import LONGEST, MessagesTable
from slskdn_tui.engine.store.state.people import PeopleTable, Person

ODD = "na\udce9me \x1b[2J"


def on_state(tmp_path: Path, *steps: Callable[[Database], Awaitable[Any]]) -> Any:
    """Each step on the database, opened afresh for each."""

    async def once(step: Callable[[Database], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(30):
            database = await Database.open(tmp_path / "state.db", "state")
            try:
                return await step(database)
            finally:
                await database.close()

    for step in steps:
        result = asyncio.run(once(step))
    return result


def test_people_come_back_as_they_were_one_relation_each(tmp_path) -> None:
    async def put(database: Database) -> None:
        table = PeopleTable(database)
        await table.put(Person("bob", "banned", "rude", "2026-01-01T00:00:00Z"))
        await table.put(Person(ODD, "friend", "a\udcffb", "2026-01-02T00:00:00Z"))
        await table.put(Person("bob", "friend", "not so rude", "2026-01-03T00:00:00Z"))
        await table.put(Person("gone", "friend"))
        await table.drop("gone")

    async def read(database: Database) -> list[Person]:
        return await PeopleTable(database).all()

    found = on_state(tmp_path, put, read)
    assert {(each.username, each.relation, each.note) for each in found} == {("bob", "friend", "not so rude"), (ODD, "friend", "a?b")}


def test_a_repeated_message_is_kept_once_and_another_with_the_same_id_too(tmp_path) -> None:
    async def work(database: Database) -> list[bool]:
        table = MessagesTable(database)
        letters = [("a", 1.0, 7, "hi"), ("a", 1.0, 7, "hi"), ("a", 1.0, 7, "other"), ("a", 2.0, 7, "hi"), ("b", 1.0, 7, "hi")]
        return [await table.received(*letter, known=True) for letter in letters]

    assert on_state(tmp_path, work) == [True, False, True, True, True]


def test_a_stranger_keeps_few_messages_and_who_was_written_to_keeps_all(tmp_path) -> None:
    async def work(database: Database) -> tuple[list[str], int, int]:
        table = MessagesTable(database, keep=100, keep_of_stranger=3)
        await table.sent("pen friend", 1.0, "hello")
        for number in range(10):
            await table.received("stranger", float(number), number, f"{number}", known=False)
            await table.received("pen friend", float(number), number, f"{number}", known=False)
            await table.received("friend", float(number), number, f"{number}", known=True)
        texts = [each.text for each in await table.with_user("stranger", 0, 50)]
        return texts, len(await table.with_user("pen friend", 0, 50)), len(await table.with_user("friend", 0, 50))

    assert on_state(tmp_path, work) == (["7", "8", "9"], 11, 10)


def test_the_oldest_of_all_messages_go_when_there_are_too_many(tmp_path) -> None:
    async def work(database: Database) -> tuple[int, str]:
        table = MessagesTable(database, keep=20)
        for number in range(50):
            await table.received(f"user {number % 5}", float(number), number, f"{number}", known=True)
        rows = await database.fetch("SELECT text FROM Messages ORDER BY id")
        return len(rows), rows[0][0]

    assert on_state(tmp_path, work) == (20, "30")


def test_windows_conversations_and_unread_counts(tmp_path) -> None:
    async def fill(database: Database) -> None:
        table = MessagesTable(database)
        for number in range(6):
            await table.received("a", float(number), number, f"a{number}", known=True)
        await table.received(ODD, 9.0, 9, "x" * (LONGEST + 5), known=True)
        await table.sent("a", 10.0, "answer")

    async def look(database: Database) -> None:
        table = MessagesTable(database)
        assert [each.text for each in await table.with_user("a", 0, 3)] == ["a4", "a5", "answer"]
        assert [each.text for each in await table.with_user("a", 2, 2)] == ["a3", "a4"]
        first, second = await table.conversations(0, 10)
        assert (first.username, first.text, first.direction, first.unread) == ("a", "answer", "out", 6)
        assert (second.username, len(second.text), second.unread) == (ODD, LONGEST, 1)
        assert await table.unread() == 7
        assert (await table.mark_read("a"), await table.unread()) == (6, 1)
        assert (await table.mark_read(), await table.unread(), await table.mark_read("a")) == (1, 0, 0)

    on_state(tmp_path, fill, look)
