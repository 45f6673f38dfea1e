"""What the Search screen is given: grouped, filtered, in order, in windows, and silent while nothing changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from engine_world import Album, World, completed, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.soulseek.search.searches import LiveSearch
from slskdn_tui.engine.views import finding
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.finding import FiltersView, SearchView, read_ref
from slskdn_tui.model.folders import folders_of
from slskdn_tui.model.views import StatusView, Unchanged, ViewKey
from slskdn_tui.seam import Command

Story = Callable[[World, Engine], Awaitable[None]]


def play(tmp_path: Path, album: Album, story: Story) -> None:
    async def main() -> None:
        async with asyncio.timeout(120), World(tmp_path, album, tracks=2) as world:
            engine = await world.engine()
            await engine.soulseek.wait_online()
            await story(world, engine)

    asyncio.run(main())


async def look(engine: Engine, subject: str = "", **key: Any) -> SearchView:
    view = await engine.snapshot(ViewKey("search", subject, **key))
    assert isinstance(view, SearchView)
    return view


async def opened(engine: Engine, query: str, *replies: SearchReply) -> LiveSearch:
    """A search as if these users had answered it."""
    result = await engine.submit(Command("search.ask", {"query": query}))
    assert result.ok, result
    search = engine.soulseek.searches.get(result.data["search"])
    await until(lambda: search.state == "searching", "it is in flight")
    for reply in replies:
        search.hear(reply)
    return search


def reply(user: str, *paths: str, **facts: Any) -> SearchReply:
    files = tuple(
        FoundFile(user, path, 9_700_000 + number, path.rpartition(".")[2], 240, 320 if path.endswith("mp3") else None)
        for number, path in enumerate(paths)
    )
    return SearchReply(user, facts.get("free", True), facts.get("speed", 1000), facts.get("queue", 0), files)


def test_folders_with_their_files_filtered_sorted_and_in_windows(tmp_path: Path, album: Album) -> None:
    async def story(world: World, engine: Engine) -> None:
        assert (await look(engine)).state == "none"
        await opened(
            engine,
            "band",
            reply("ann", "m\\Band\\One\\1.mp3", "m\\Band\\One\\2.mp3", "m\\Band\\Two\\1.mp3", free=False, queue=7, speed=9000),
            reply("bob", "m/Band/One/1.flac", "m/Band/One/cover.jpg"),
        )
        whole = await look(engine)
        assert (whole.users, whole.files, whole.shown_users, whole.shown_files, whole.total) == (2, 5, 2, 5, 8)
        assert [(row.level, row.user, row.title) for row in whole.rows] == [
            (0, "bob", "One"),
            (1, "bob", "1.flac"),
            (1, "bob", "cover.jpg"),
            (0, "ann", "One"),
            (1, "ann", "1.mp3"),
            (1, "ann", "2.mp3"),
            (0, "ann", "Two"),
            (1, "ann", "1.mp3"),
        ]
        assert read_ref(whole.rows[0].ref) == ("bob", "m/Band/One", True)
        assert read_ref(whole.rows[5].ref) == ("ann", "m\\Band\\One\\2.mp3", False)
        assert (whole.rows[3].format, whole.rows[3].files, whole.rows[3].queue, whole.rows[3].free) == ("MP3 320", 2, 7, False)
        (tab,) = whole.tabs
        assert (tab.query, tab.folders) == ("band", 3)
        for start in range(8):
            part = await look(engine, start=start, count=3)
            assert [row.key for row in part.rows] == [row.key for row in whole.rows[start : start + 3]] and part.total == 8
        lossless = await look(engine, filter="lossless")
        assert [row.title for row in lossless.rows] == ["One", "1.flac"] and (lossless.shown_users, lossless.shown_files) == (1, 1)
        fast = await look(engine, sort="speed", descending=True)
        assert [row.user for row in fast.rows if row.level == 0] == ["ann", "ann", "bob"]

    play(tmp_path, album, story)


def test_a_filter_that_cannot_be_read_says_so_and_shows_nothing_else(tmp_path: Path, album: Album) -> None:
    async def story(world: World, engine: Engine) -> None:
        await opened(engine, "band", reply("ann", "m\\One\\1.mp3"))
        bad = await look(engine, filter="bitrat>=256")
        assert "bitrat>=256" in bad.error and not bad.rows and bad.files == 1
        assert not (await engine.submit(Command("filters.save", {"name": "bad", "filter": ["bitrat>=256"]}))).ok
        assert not (await engine.submit(Command("filters.save", {"name": "a b", "filter": ["lossless"]}))).ok
        assert not (await engine.submit(Command("filters.save", {"name": "self", "filter": ["@self"]}))).ok
        assert "loud" in (await look(engine, filter="@loud")).error
        assert (await engine.submit(Command("filters.save", {"name": "loud", "filter": ["lossless", "free>0"]}))).ok
        assert (await look(engine, filter="@loud")).shown_files == 0
        assert (await engine.submit(Command("filters.save", {"name": "loud", "filter": ["lossy"]}))).ok
        assert (await look(engine, filter="@loud")).shown_files == 1
        saved = await engine.snapshot(ViewKey("filters"))
        assert isinstance(saved, FiltersView) and [(row.name, row.filter) for row in saved.rows] == [("loud", "lossy")]
        assert (await engine.submit(Command("filters.drop", {"name": "@loud"}))).ok
        assert (await engine.submit(Command("filters.drop", {"name": "loud"}))).code == "not_found"

    play(tmp_path, album, story)


def test_two_hundred_filters_are_saved_and_no_more(tmp_path: Path, album: Album) -> None:
    async def story(world: World, engine: Engine) -> None:
        for number in range(200):
            assert (await engine.submit(Command("filters.save", {"name": f"f{number}", "filter": ["lossless"]}))).ok
        full = await engine.submit(Command("filters.save", {"name": "one-more", "filter": ["lossless"]}))
        assert full.code == "refused" and "200 filters are saved" in full.message
        assert (await engine.submit(Command("filters.save", {"name": "f7", "filter": ["lossy"]}))).ok, "one that is there may change"
        assert (await engine.submit(Command("filters.drop", {"name": "f8"}))).ok
        assert (await engine.submit(Command("filters.save", {"name": "one-more", "filter": ["lossless"]}))).ok
        saved = await engine.snapshot(ViewKey("filters"))
        assert isinstance(saved, FiltersView) and len(saved.rows) == 200

    play(tmp_path, album, story)


def test_of_ways_to_look_at_a_search_six_are_kept(tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World, engine: Engine) -> None:
        grouped: list[int] = []

        def noting(*args: Any) -> Any:
            grouped.append(1)
            return folders_of(*args)

        monkeypatch.setattr(finding, "folders_of", noting)
        await opened(engine, "band", reply("ann", "m\\One\\1.mp3"))
        for number in range(6):
            await look(engine, filter=f"size>{number}")
        assert len(grouped) == 6
        for number in range(6):
            await look(engine, filter=f"size>{number}")
        assert len(grouped) == 6, "six ways are all kept"
        await look(engine, filter="size>6")
        await look(engine, filter="size>0")
        assert len(grouped) == 8, "with a seventh the oldest was let go, and is made anew"

    play(tmp_path, album, story)


def test_nothing_is_drawn_again_until_an_answer_comes_and_then_only_what_is_new(tmp_path: Path, album: Album) -> None:
    async def story(world: World, engine: Engine) -> None:
        search = await opened(engine, "band", reply("ann", "m\\One\\1.mp3"))
        search.state = "done"
        first = await look(engine)
        assert isinstance(await engine.snapshot(ViewKey("search"), since=first.version), Unchanged)
        search.hear(reply("bob", "m\\Two\\1.flac"))
        second = await look(engine)
        versions = {row.key: row.version for row in first.rows}
        assert len(second.rows) == 4 and {row.key: row.version for row in second.rows if row.user == "ann"} == versions

    play(tmp_path, album, story)


def test_twenty_thousand_files_are_grouped_off_the_loop_and_only_once(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, engine: Engine) -> None:
        search = await opened(engine, "band")
        threads: list[int] = []

        def noting(*args: Any) -> Any:
            threads.append(threading.get_ident())
            return folders_of(*args)

        monkeypatch.setattr(finding, "folders_of", noting)
        for number in range(400):
            search.hear(reply(f"user{number}", *(f"m\\Band\\Album {track % 5}\\{track}.flac" for track in range(50))))
        view = await look(engine, count=500)
        assert view.files == 20_000 and view.total == 22_000 and len(view.rows) == 500
        assert len(threads) == 400 and threading.get_ident() not in threads
        await look(engine, count=500)
        await look(engine, start=500, count=500)
        assert len(threads) == 400

    play(tmp_path, album, story)


@pytest.mark.usefixtures("quick")
def test_what_a_job_placed_shows_as_owned(tmp_path: Path, album: Album) -> None:
    async def story(world: World, engine: Engine) -> None:
        mono = await world.holder("mono_lith")
        job = await world.create(engine)
        await completed(job)
        search = engine.soulseek.searches.get((await engine.submit(Command("search.ask", {"query": "plone beginner"}))).data["search"])
        await until(lambda: search.replies, "mono_lith answers")
        view = await look(engine)
        assert [row.owned for row in view.rows] == [1.0, 1.0, 1.0] and mono.total > 0
        other = reply("eve", "m\\Other\\01 Something Else.flac")
        search.hear(other)
        assert [row.owned for row in (await look(engine)).rows if row.user == "eve"] == [0.0, 0.0]

    play(tmp_path, album, story)


def test_the_status_line_says_what_the_gate_holds(tmp_path: Path, album: Album) -> None:
    async def story(world: World, engine: Engine) -> None:
        await opened(engine, "band")
        waiting = await engine.submit(Command("search.ask", {"query": "another"}))
        assert waiting.ok and "the search gate holds it" in waiting.message
        search = engine.soulseek.searches.get(waiting.data["search"])
        assert (await look(engine, search.search_id)).wait_s >= 1 and search.state == "waiting"
        status = await engine.snapshot(ViewKey("status"))
        assert isinstance(status, StatusView) and status.searches_waiting == 1 and status.search_wait > 15
        assert (await engine.submit(Command("search.close", {"search": search.search_id}))).ok
        await until(lambda: engine.soulseek.searches_waiting == 0, "its place is given up")
        assert (await engine.submit(Command("search.close", {"search": search.search_id}))).code == "not_found"
        assert (await engine.submit(Command("search.ask", {"query": " - "}))).code == "usage"

    play(tmp_path, album, story)
