"""Searches that a user watches, and who goes first: counted at the lab server."""

from __future__ import annotations

import asyncio

import pytest
from aioslsk.protocol import messages as m
from soulseek_world import World, blob

from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.engine.soulseek.search import searches as live
from slskdn_tui.engine.soulseek.search.gate import Priority
from slskdn_tui.engine.soulseek.search.searches import LiveSearch
from slskdn_tui.model.errors import UserError

SEARCHES = ("FileSearch", "WishlistSearch", "UserSearch")


def asked(world: World, user: str) -> list[tuple[str, str]]:
    """(kind, query) of this user's searches in the order they reached the server."""
    return [(each.name, each.message.query) for each in world.server.log if each.username == user and each.name in SEARCHES]


async def until(condition) -> None:
    async with asyncio.timeout(240):
        while not condition():
            await asyncio.sleep(0.01)


def end_early(plane: SoulseekPlane) -> None:
    """The search in flight has its answers."""
    for collection in tuple(plane._desk._collecting.values()):
        collection.full.set()


async def sharers(world: World, *names: str) -> None:
    for number, name in enumerate(names, start=10):
        await world.online(name, number, world.share(name, {f"Band/Album/{name} tune.flac": blob(5000 + number)}))


def test_answers_stream_in_while_the_search_is_still_open(in_world) -> None:
    async def story(world: World) -> None:
        await sharers(world, "ann", "bea")
        plane = await world.online("bob", 3)
        search = plane.searches.get(plane.searches.ask("band tune"))
        await until(lambda: len(search.replies) == 2)
        assert search.state == "searching" and search.files == 2 and plane.searches.left_s(search) > 0
        revision = search.revision
        end_early(plane)
        await until(lambda: search.state == "done")
        assert search.revision > revision and {each.username for each in search.replies} == {"ann", "bea"}

    in_world(story)


def test_an_answer_too_many_is_not_read_and_the_search_says_so(in_world) -> None:
    async def story(world: World) -> None:
        await sharers(world, "ann", "bea", "cat", "dot")
        plane = await world.online("bob", 3, search_results=2)
        search = plane.searches.get(plane.searches.ask("band tune"))
        await until(lambda: search.state == "done")  # long before its time: it is full
        assert len(search.replies) == 2 and search.capped

    in_world(story)


def test_one_user_alone_can_be_asked(in_world) -> None:
    async def story(world: World) -> None:
        await sharers(world, "ann", "bea")
        plane = await world.online("bob", 3)
        search = plane.searches.get(plane.searches.ask("band tune", "bea"))
        await until(lambda: search.replies)
        assert [each.username for each in search.replies] == ["bea"] and asked(world, "bob") == [("UserSearch", "band tune")]

    in_world(story)


def test_a_users_search_overtakes_waiting_jobs_and_a_wish_comes_last(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("bob", 3)
        first = asyncio.ensure_future(plane.search("first job", wait_s=60.0))
        await until(lambda: plane._desk._collecting)
        others = [
            asyncio.ensure_future(plane.search("a wish", wait_s=60.0, priority=Priority.WISHLIST)),
            asyncio.ensure_future(plane.search("second job", wait_s=60.0)),
        ]
        await until(lambda: plane.searches_waiting == 2)
        mine = plane.searches.get(plane.searches.ask("my search"))
        await until(lambda: plane.searches_waiting == 3)
        assert mine.state == "waiting" and 0 < plane.searches.wait_s(mine) <= 60 and plane.search_hold(Priority.USER) > 60
        while not all(each.done() for each in (first, *others)) or mine.state != "done":
            end_early(plane)
            await asyncio.sleep(0.01)
        assert asked(world, "bob") == [
            ("FileSearch", "first job"),
            ("FileSearch", "my search"),
            ("FileSearch", "second job"),
            ("WishlistSearch", "a wish"),
        ]

    in_world(story)


def test_an_answer_that_comes_while_the_memory_is_read_is_not_missed(in_world) -> None:
    async def story(world: World) -> None:
        await sharers(world, "ann")
        plane = await world.online("bob", 3)
        first = asyncio.ensure_future(plane.search("band tune", wait_s=60.0))
        await until(lambda: any(each.replies() for each in plane._desk._collecting.values()))
        memory, reads = plane._desk._memory, 0
        recall = memory.recall

        async def late(asked: str, since: float) -> object:
            nonlocal reads
            found, reads = await recall(asked, since), reads + 1
            if reads == 2:  # the second who asks has read that nothing is known, and only then the first is done
                end_early(plane)
                await asyncio.wait({first})
            return found

        memory.recall = late
        search = plane.searches.get(plane.searches.ask("band tune"))
        await until(lambda: search.state == "done")
        assert reads > 2 and len(search.replies) == 1 and len(asked(world, "bob")) == 1

    in_world(story)


def test_two_who_ask_the_same_at_once_cost_one_message(in_world) -> None:
    async def story(world: World) -> None:
        await sharers(world, "ann")
        plane = await world.online("bob", 3)
        first = asyncio.ensure_future(plane.search("band tune", wait_s=60.0))
        await until(lambda: plane._desk._collecting)
        search = plane.searches.get(plane.searches.ask("tune band"))
        await until(lambda: any(each.replies() for each in plane._desk._collecting.values()))
        end_early(plane)
        assert len(await first) == 1
        await until(lambda: search.state == "done")
        assert len(search.replies) == 1 and asked(world, "bob") == [("FileSearch", "band tune")]
        again = plane.searches.get(plane.searches.ask("band TUNE"))
        await until(lambda: again.state == "done")
        assert again.replies == search.replies and len(asked(world, "bob")) == 1

    in_world(story)


def test_answers_to_a_search_whose_asker_left_are_there_for_who_asks_the_same_next(in_world) -> None:
    async def story(world: World) -> None:
        await sharers(world, "ann")
        plane = await world.online("bob", 3)
        first = asyncio.ensure_future(plane.search("band tune", wait_s=60.0))
        await until(lambda: plane._desk._collecting)
        first.cancel()
        other = asyncio.ensure_future(plane.search("something else", wait_s=60.0))  # it need not wait for the one that was left
        second = asyncio.ensure_future(plane.search("tune band", wait_s=60.0))
        await until(lambda: len(plane._desk._collecting) == 2 and any(each.replies() for each in plane._desk._collecting.values()))
        end_early(plane)
        assert len(await second) == 1 and await other == () and first.cancelled()
        assert asked(world, "bob") == [("FileSearch", "band tune"), ("FileSearch", "something else")]
        last = asyncio.ensure_future(plane.search("left at the end", wait_s=60.0))
        await until(lambda: plane._desk._collecting)
        last.cancel()  # the program may stop while answers are collected that nobody waits for

    in_world(story)


def test_a_closed_search_gives_up_its_place_and_twenty_are_kept(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("bob", 3)
        first = asyncio.ensure_future(plane.search("first", wait_s=60.0))
        await until(lambda: plane._desk._collecting)
        numbers = [plane.searches.ask(f"search {number}") for number in range(live.KEPT + 2)]
        await until(lambda: plane.searches_waiting == live.KEPT)
        assert [each.search_id for each in plane.searches.all()] == numbers[2:]
        for number in numbers[2:]:
            plane.searches.close(number)
        await until(lambda: plane.searches_waiting == 0)
        with pytest.raises(UserError):
            plane.searches.get(numbers[0])
        end_early(plane)
        await first
        assert len(asked(world, "bob")) == 1

    in_world(story)


def test_a_search_while_kicked_says_why_it_failed_and_a_query_without_a_word_is_refused(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("bob", 3)
        await world.plane("bob", 4)  # takes the account over
        await until(lambda: plane.state == "kicked")
        search = plane.searches.get(plane.searches.ask("anything"))
        await until(lambda: search.state == "failed")
        assert "another place" in search.error
        with pytest.raises(UserError, match="no word"):
            plane.searches.ask(" -- ")

    in_world(story)


def test_what_a_lost_connection_cut_short_is_not_remembered_as_the_networks_answer(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("bob", 3, reconnect_s=0.1)
        first = asyncio.ensure_future(plane.search("band tune", wait_s=60.0))
        await until(lambda: plane._desk._collecting)
        world.server.drop("bob")
        await until(lambda: world.server.count("Login", "bob") == 2)
        end_early(plane)
        assert await first == ()
        assert await plane._desk._recall("band tune") is None

    in_world(story)


def test_a_second_wishlist_interval_in_a_session_changes_it_and_breaks_nothing(in_world) -> None:
    async def story(world: World) -> None:
        await sharers(world, "ann")
        plane = await world.online("bob", 3)
        assert plane.wishlist_interval == 720
        for seconds in (300, 120):
            world.server.members["bob"].send(m.WishlistInterval.Response(seconds))
        await until(lambda: plane.wishlist_interval == 120)
        assert (await world.find(plane, "band tune")).name == "ann tune.flac"

    in_world(story)


def test_a_live_search_counts_its_folders() -> None:
    from slskdn_tui.model.candidates import FoundFile, SearchReply

    search = LiveSearch("1", "x")
    search.hear(SearchReply("bob", True, 0, 0, (FoundFile("bob", "a\\1.mp3", 1, "mp3"), FoundFile("bob", "b\\2.mp3", 1, "mp3"))))
    assert (search.folders, search.files, search.revision) == (2, 2, 1)
