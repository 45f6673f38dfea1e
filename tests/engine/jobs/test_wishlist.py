"""Wishes on real sockets: searches counted at the lab server, bytes at the uploader."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import pytest
from engine_world import Album, World, completed, sha, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.wishlist import wishlist
from slskdn_tui.engine.soulseek import plane
from slskdn_tui.engine.soulseek.search.gate import GateRules
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.finding import SearchView, WishesView
from slskdn_tui.model.views import StatusView, ViewKey
from slskdn_tui.seam import Command, Result

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same query may go out again after half a second and is given up after one: a round of one wish takes no five minutes."""
    monkeypatch.setattr(plane, "GateRules", functools.partial(GateRules, repeat_s=0.5))
    monkeypatch.setattr(wishlist, "COLLECT_S", 1.0)


async def wish(engine: Engine, query: str, **args: object) -> Result:
    result = await engine.submit(Command("wishlist.add", {"query": query.split(), **args}))
    assert result.ok, result
    return result


def wishes(world: World) -> list[str]:
    """The wishlist searches that reached the server, in order."""
    return [each.message.query for each in world.server.log if each.name == "WishlistSearch"]


async def listed(engine: Engine) -> WishesView:
    view = await engine.snapshot(ViewKey("wishes"))
    assert isinstance(view, WishesView)
    return view


def test_wishes_take_turns_and_nothing_is_sent_in_a_burst(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            world.server.wishlist_interval = 1
            engine = await world.engine()
            for query in ("first thing", "second thing", "third thing"):
                await wish(engine, query)
            await until(lambda: len(wishes(world)) >= 3, "each was searched for")
            await until(lambda: (first := engine.wishlist.wishes()[0]).last_at > first.created_at, "the first has its turn again")
            # in turn, and none again: the gate lets no query be repeated within five minutes, whatever the interval
            assert wishes(world) == ["first thing", "second thing", "third thing"]
            assert world.server.count("FileSearch", "me") == 0

    asyncio.run(main())


def test_the_servers_interval_holds_over_a_restart_and_over_new_wishes(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:  # the lab server gives 720 s
            settings = world.settings("me")
            engine = await world.start("me", settings)
            await wish(engine, "first thing")
            await until(lambda: wishes(world) == ["first thing"], "the first wish is searched for")
            await wish(engine, "second thing")
            view = await listed(engine)
            assert view.interval_s == 720 and len(view.rows) == 2
            assert view.rows[1].next_s == 720 and view.rows[0].next_s == 1440  # what was never searched for comes first
            await engine.stop()
            again = await world.start("me", settings)
            await again.soulseek.wait_online()
            await again.soulseek.search("something else", wait_s=0.2)  # a whole round trip after the login
            assert wishes(world) == ["first thing"]
            assert [row.next_s for row in (await listed(again)).rows] == [1440, 720]

    asyncio.run(main())


def test_what_was_found_is_new_until_it_is_seen(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            await world.holder("mono_lith", {"01 Song.mp3": b"x" * 9000, "02 Song.flac": b"y" * 9000})
            engine = await world.engine()
            await wish(engine, "beginner piano", filter="ext:flac")
            await until(lambda: engine.wishlist.new == 1, "something is found")
            status = await engine.snapshot(ViewKey("status"))
            assert isinstance(status, StatusView) and status.wishes_new == 1
            (row,) = (await listed(engine)).rows
            assert (row.new, row.found, row.filter) == (1, 1, "ext:flac") and row.last
            view = await engine.snapshot(ViewKey("search", "wish/1"))
            assert isinstance(view, SearchView)
            assert [line.title for line in view.rows] == ["Plone - For Beginner Piano", "02 Song.flac"]
            assert (await engine.submit(Command("wishlist.seen", {"wish": "1"}))).ok
            (row,) = (await listed(engine)).rows
            assert (row.new, row.found) == (0, 1)
            assert (await engine.submit(Command("wishlist.remove", {"wish": "1"}))).ok
            assert (await listed(engine)).rows == ()

    asyncio.run(main())


def test_an_automatic_wish_takes_the_folder_that_passes_its_filter(tmp_path: Path, album: Album, repeats: None) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            world.server.wishlist_interval = 1
            (song,) = album.tracks(1)
            poor = await world.holder("poor", {"01 Song.mp3": b"x" * 9000})
            engine = await world.engine()
            await wish(engine, "beginner piano", filter="lossless size>100K", auto=True)
            await until(lambda: len(wishes(world)) >= 2, "it was searched for twice")
            assert not engine.runner.jobs()
            rich = await world.holder("rich", [song])
            await until(lambda: engine.runner.jobs(), "a job is made")
            (job,) = engine.runner.jobs()
            await completed(job)
            assert world.music() == [sha(song)] and rich.total == song.stat().st_size and poor.total == 0
            (row,) = (await listed(engine)).rows
            assert row.job_id == job.job_id and "rich" in row.note
            asked = len(wishes(world))
            await wish(engine, "another thing")
            await until(lambda: len(wishes(world)) > asked + 1, "the other wish has its turns")
            assert set(wishes(world)[asked:]) == {"another thing"}  # what became a job is not searched for any more

    asyncio.run(main())


def test_a_wish_taken_back_while_it_is_being_fulfilled_stays_away(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            await world.holder("rich", album.tracks(1))
            engine = await world.engine()
            add = engine.runner.add

            async def meanwhile(record: JobRecord) -> LiveJob:
                assert (await engine.submit(Command("wishlist.remove", {"wish": "1"}))).ok
                return await add(record)

            engine.runner.add = meanwhile  # type: ignore[method-assign]
            await wish(engine, "beginner piano", auto=True)
            await until(lambda: world.said("me", "wish.taken"), "its job is made all the same")
            assert engine.wishlist.wishes() == () and await engine.store.wishes.all() == []

    asyncio.run(main())


def test_an_automatic_wish_for_a_release_waits_for_the_whole_album(tmp_path: Path, album: Album, repeats: None) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            world.server.wishlist_interval = 1
            part = await world.holder("part", album.tracks(2))
            engine = await world.engine()
            await wish(engine, f"https://musicbrainz.org/release/{DEMO_RELEASE}", auto=True)
            await until(
                lambda: len(wishes(world)) >= 2 and engine.wishlist.count("1")[1] == 1, "it was searched for twice, and part was found"
            )
            assert not engine.runner.jobs()
            (row,) = (await listed(engine)).rows
            assert row.found == 1 and "Beginner Piano" in row.query  # the part is shown, not taken
            whole = await world.holder("whole")
            await until(lambda: engine.runner.jobs(), "a job is made")
            (job,) = engine.runner.jobs()
            await completed(job)
            assert world.music() == world.truth and whole.total > 0
            assert job.record.type == "mb_release" and part.total + whole.total >= sum(path.stat().st_size for path in album.tracks(3))

    asyncio.run(main())


def test_wishes_that_cannot_be_are_refused_with_a_reason(tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine()
            await wish(engine, "some band")
            for args, words in (
                ({"query": ["band", "some"]}, "already"),
                ({"query": ["x"], "filter": "bitrat>3"}, "bitrat>3"),
                ({"query": ["--"]}, "no word"),
                ({"query": ["https://musicbrainz.org/artist/6a5f7a1e-8d2f-4d1a-9d51-2f3a3c1d2b11"]}, "artist"),
                ({"query": ["y"], "destination": "nowhere"}, "nowhere"),
            ):
                result = await engine.submit(Command("wishlist.add", args))
                assert not result.ok and words in result.message, result
            monkeypatch.setattr(wishlist, "MOST_WISHES", 1)
            assert "there are 1 wishes" in (await engine.submit(Command("wishlist.add", {"query": ["z"]}))).message
            for name in ("wishlist.remove", "wishlist.seen"):
                assert (await engine.submit(Command(name, {"wish": "99"}))).code == "not_found"

    asyncio.run(main())
