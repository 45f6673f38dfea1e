"""Uploads by group, counted by those who receive: who overtakes whom, who gets how much, and what those who wait are told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from soulseek_world import Sink, World, blob, search, sha

from slskdn_tui.config.settings import Uploads
from slskdn_tui.engine.handlers.sharing import SHARING as HANDLERS
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.engine.soulseek.uploads import sharing as sharing_module
from slskdn_tui.engine.soulseek.uploads import uploads as uploads_module
from slskdn_tui.engine.views.uploads import uploads_view
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ports import OriginEnd, OriginState
from slskdn_tui.model.views import ViewKey

SIZE = 2 * 1024 * 1024
ACTIVE, QUEUED = OriginState.ACTIVE, OriginState.QUEUED


class Getter:
    """One download of one user: its sink, its end."""

    def __init__(self, plane: SoulseekPlane, file: FoundFile) -> None:
        self.sink = Sink()
        self.task = asyncio.ensure_future(plane.origin(file).fetch(self.sink))

    async def until(self, state: OriginState, place: int | None = None) -> None:
        await self.sink.until(lambda: (state, place) in self.sink.states)

    @property
    def moving(self) -> bool:
        return self.sink.has(ACTIVE) and not self.task.done()


async def uploader(world: World, files: dict[str, bytes], slots: int = 1, friends_slots: int = 0, **more: Any) -> SoulseekPlane:
    return await world.online(
        "uploader", 2, world.share("up", files), upload_slots=slots, uploads=Uploads(friends_slots=friends_slots, **more)
    )


async def file_named(world: World, plane: SoulseekPlane, words: str) -> FoundFile:
    return await world.find(plane, words)


async def reply_of(world: World, plane: SoulseekPlane, words: str) -> SearchReply:
    """The first whole answer to a search, as soon as it is there."""
    return (await search(plane, words))[0]


def test_a_friend_overtakes_those_who_wait_and_all_are_told_their_new_places(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": data}, leecher_files=0)
        await up.people.relate("pal", "friend")
        up.set_limits(0, 80)
        getters, order = {}, []
        for name, number in (("first", 3), ("second", 4), ("pal", 5)):
            down = await world.online(name, number)
            getter = getters[name] = Getter(down, await file_named(world, down, f"long tune {'flac ' * (number - 3)}"))
            getter.task.add_done_callback(lambda done, name=name: order.append(name))
            await getter.until(*((ACTIVE, None) if name == "first" else (QUEUED, 1)))
        await getters["second"].until(QUEUED, 2)
        row = next(each for each in up.sharing.uploads() if each.username == "pal")
        assert (row.group, row.place, row.state) == ("friends", 1, "queued")
        up.set_limits(0, 0)
        await asyncio.gather(*(each.task for each in getters.values()))
        assert order == ["first", "pal", "second"]
        assert all(sha(bytes(each.sink.data)) == sha(data) for each in getters.values())

    in_world(story)


def test_a_leecher_waits_beside_a_free_slot_that_a_sharing_user_gets_at_once(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": data}, slots=2, leecher_files=1, leechers_slots=1)
        up.set_limits(0, 80)
        leechers = []
        for name, number in (("leech1", 3), ("leech2", 4)):
            down = await world.online(name, number)
            leechers.append(Getter(down, await file_named(world, down, f"long tune {'flac ' * (number - 3)}")))
            await leechers[-1].until(*((ACTIVE, None) if number == 3 else (QUEUED, 1)))
        giver = await world.online("giver", 5, world.share("giver", {"something.mp3": blob(500)}))
        await world.server.until(lambda: world.server._stats_of("giver").shared_file_count == 1)
        third = Getter(giver, await file_named(world, giver, "tune long"))
        await third.until(ACTIVE)
        assert leechers[0].moving and not leechers[1].moving
        assert {each.name: (each.slots, each.used, each.queued) for each in up.sharing.groups()} == {
            "friends": (2, 0, 0), "default": (2, 1, 0), "leechers": (1, 1, 1),
        }  # fmt: skip
        up.set_limits(0, 0)
        ends = await asyncio.gather(third.task, *(each.task for each in leechers))
        assert [end for end, _ in ends] == [OriginEnd.COMPLETE] * 3

    in_world(story)


def test_who_was_a_leecher_is_asked_about_again(in_world, monkeypatch) -> None:
    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": blob(SIZE)}, leecher_files=1, leechers_slots=1)
        up.set_limits(0, 80)
        down = await world.online("leech", 3)
        getter = Getter(down, await file_named(world, down, "long tune"))
        await getter.until(ACTIVE)
        asked = world.server.count("GetUserStats", "uploader")
        monkeypatch.setattr(uploads_module, "ASK_AGAIN_S", 0.0)
        up.sharing.relations_changed()  # what else makes uploads be looked at: a change, or time
        await world.server.until(lambda: world.server.count("GetUserStats", "uploader") > asked)
        up.set_limits(0, 0)
        await getter.task

    in_world(story)


def test_leechers_get_nothing_and_are_told_why_when_they_have_no_slots(in_world) -> None:
    async def story(world: World) -> None:
        await uploader(world, {"tune.flac": blob(1000)}, leecher_files=1, leechers_slots=0)
        down = await world.online("leech", 3)
        end, words = await Getter(down, await file_named(world, down, "tune")).task
        assert end == OriginEnd.DENIED and "share nothing" in words

    in_world(story)


def test_one_file_a_user_at_once_however_many_slots_are_free(in_world) -> None:
    files = {f"tune {number}.flac": blob(SIZE // 8, number) for number in range(4)}

    async def story(world: World) -> None:
        up = await uploader(world, files, slots=4, leecher_files=0)
        up.set_limits(0, 16_000)
        down = await world.online("greedy", 3)
        found = (await reply_of(world, down, "tune")).files
        getters = [Getter(down, each) for each in found]
        most = 0
        while not all(each.task.done() for each in getters):
            await asyncio.wait([each.task for each in getters if not each.task.done()], timeout=0.02)
            most = max(most, sum(each.moving for each in getters))
        assert len(getters) == 4 and most == 1
        # asked for one by one or together, the server heard of this user once and was not told that we no longer care
        assert world.server.counters["uploader", "AddUser"] <= 2 and world.server.counters["uploader", "RemoveUser"] == 0

    in_world(story)


def test_caps_of_groups_hold_side_by_side_and_the_cap_of_all_follows_at_once(in_world) -> None:
    data = blob(8 * SIZE)

    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": data}, friends_slots=1, leecher_files=0, friends_kbps=8000, default_kbps=2000)
        await up.people.relate("pal", "friend")
        getters = {}
        for name, number in (("pal", 3), ("other", 4)):
            down = await world.online(name, number)
            getters[name] = Getter(down, await file_named(world, down, f"long tune {'flac ' * (number - 3)}"))
        pal, other = getters["pal"].sink, getters["other"].sink
        await other.until(lambda: len(other.data) > 64 * 1024 and len(pal.data) > 64 * 1024)
        marks = len(pal.data), len(other.data)
        await other.until(lambda: len(other.data) - marks[1] > 200 * 1024)
        ratio = (len(pal.data) - marks[0]) / (len(other.data) - marks[1])
        assert 1.6 < ratio < 8, "8,000 kbit/s to friends beside 2,000 to the others; alike it would be 1"
        # one cap over both groups, set while they run, and below either of theirs: now they share it alike
        up.set_limits(0, 1000)
        await other.until(lambda: len(other.data) - marks[1] > 260 * 1024)  # what was on its way has come
        marks = len(pal.data), len(other.data)
        await other.until(lambda: len(other.data) - marks[1] > 150 * 1024)
        ratio = (len(pal.data) - marks[0]) / (len(other.data) - marks[1])
        assert 0.3 < ratio < 3, "by the groups' caps alone it would be 4"
        for each in getters.values():
            each.task.cancel()
        await asyncio.gather(*(each.task for each in getters.values()), return_exceptions=True)

    in_world(story)


def test_a_queue_has_a_size_in_files_and_in_megabytes(in_world) -> None:
    files = {f"tune {number}.flac": blob(800 * 1024, number) for number in range(3)}

    async def story(world: World) -> None:
        up = await uploader(world, files, queue_mib=1, leecher_files=0)
        up.set_limits(0, 100)
        down = await world.online("greedy", 3)
        first, second, third = (await reply_of(world, down, "tune")).files
        getter = Getter(down, first)
        await getter.until(ACTIVE)
        end, words = await Getter(down, second).task
        assert end == OriginEnd.DENIED and "Too many megabytes" in words
        getter.task.cancel()
        await asyncio.gather(getter.task, return_exceptions=True)
        up.set_limits(0, 0)
        while any(each.state == "active" for each in up.uploads()):
            await asyncio.sleep(0.02)
        assert (await Getter(down, third).task)[0] == OriginEnd.COMPLETE

    in_world(story)


def test_a_search_answer_tells_each_asker_the_slots_of_his_group(in_world) -> None:
    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": blob(SIZE)}, friends_slots=1, leecher_files=0)
        await up.people.relate("pal", "friend")
        await up.people.relate("foe", "banned")
        up.set_limits(0, 200)
        first = await world.online("first", 3)
        getter = Getter(first, await file_named(world, first, "long tune"))
        await getter.until(ACTIVE)
        pal, other, foe = [await world.online(name, number) for name, number in (("pal", 4), ("other", 5), ("foe", 6))]
        waiting = Getter(other, (await reply_of(world, other, "tune long")).files[0])
        await waiting.until(QUEUED, 1)
        told = {plane: await reply_of(world, plane, words) for plane, words in ((pal, "tune flac"), (other, "flac long"))}
        assert (told[pal].free_slot, told[pal].queue) == (True, 0)
        assert (told[other].free_slot, told[other].queue) == (False, 1)
        assert await foe.search("long tune flac", wait_s=0.5) == ()
        end, words = await Getter(foe, FoundFile("uploader", told[pal].files[0].path, SIZE, "flac")).task
        assert end == OriginEnd.DENIED and "Banned" in words
        for each in (getter, waiting):
            each.task.cancel()
        await asyncio.gather(getter.task, waiting.task, return_exceptions=True)

    in_world(story)


def test_banning_ends_what_is_being_sent_and_stopping_refuses_until_later(in_world) -> None:
    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": blob(SIZE)}, slots=2, leecher_files=0)
        up.set_limits(0, 80)
        getters = []
        for name, number in (("foe", 3), ("other", 4)):
            down = await world.online(name, number)
            getters.append(Getter(down, await file_named(world, down, f"long tune {'flac ' * (number - 3)}")))
            await getters[-1].until(ACTIVE)
        await up.people.relate("foe", "banned")
        up.sharing.relations_changed()
        end, _ = await getters[0].task
        assert end in (OriginEnd.LOST, OriginEnd.DENIED) and getters[1].moving
        assert await up.sharing.stop("other") == 1
        assert (await getters[1].task)[0] in (OriginEnd.LOST, OriginEnd.DENIED)
        up.set_limits(0, 0)
        path = up.uploads()[0].path
        end, words = await Getter(world.planes[2], FoundFile("uploader", path, SIZE, "flac")).task
        assert end == OriginEnd.DENIED and "Cancelled" in words
        assert await up.sharing.stop("nobody") == 0

    in_world(story)


def test_a_file_that_changed_or_went_is_not_shared_until_it_is_looked_at_again(in_world, monkeypatch) -> None:
    monkeypatch.setattr(sharing_module, "SETTLE_S", 0.05)

    async def story(world: World) -> None:
        up = await uploader(world, {"band/tune one.flac": blob(1000, 1), "band/tune two.flac": blob(1000, 2)}, leecher_files=0)
        root = Path(world.tmp / "up" / "Music" / "band")
        down = await world.online("down", 3)
        one, two = sorted((await reply_of(world, down, "tune")).files, key=lambda each: each.path)
        (root / "tune one.flac").write_bytes(blob(3000, 3))
        (root / "tune two.flac").unlink()
        for each in (one, two):
            end, words = await Getter(down, each).task
            assert end == OriginEnd.DENIED and "File not shared." in words
        while up.shared != (1, 1):
            await asyncio.sleep(0.02)
        again = Getter(down, FoundFile("uploader", one.path, 3000, "flac"))
        assert (await again.task)[0] == OriginEnd.COMPLETE and bytes(again.sink.data) == blob(3000, 3)

    in_world(story)


def test_a_downloader_that_never_says_from_where_does_not_keep_the_slot(in_world, monkeypatch) -> None:
    monkeypatch.setattr(uploads_module, "OFFSET_S", 0.3)

    async def story(world: World) -> None:
        await uploader(world, {"long tune.flac": blob(1000)}, leecher_files=0)
        silent = await world.online("silent", 3)
        honest = await world.online("honest", 4)
        file = await file_named(world, silent, "long tune")
        asked, gate = asyncio.Event(), asyncio.Event()

        async def never(transfer: Any) -> int:
            asked.set()
            await gate.wait()
            return 0

        silent.transfers._calculate_offset = never
        stuck = Getter(silent, file)
        await asked.wait()
        for _ in range(10):  # the uploader has its turns to begin its wait
            await asyncio.sleep(0)
        monkeypatch.setattr(uploads_module, "OFFSET_S", 60.0)  # the honest one may take longer on a busy machine
        getter = Getter(honest, file)
        assert (await getter.task)[0] == OriginEnd.COMPLETE
        gate.set()
        stuck.task.cancel()
        await asyncio.gather(stuck.task, return_exceptions=True)

    in_world(story)


def test_a_downloader_that_wants_to_begin_past_the_end_gets_nothing(in_world) -> None:
    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": blob(1000)}, leecher_files=0)
        greedy = await world.online("greedy", 3)

        async def past(transfer: Any) -> int:
            return 1005

        file = await file_named(world, greedy, "long tune")
        greedy.transfers._calculate_offset = past
        getter = Getter(greedy, file)
        while not any("asks for byte 1005 of 1000" in each.reason for each in up.sharing.uploads()):
            await asyncio.sleep(0.02)
        assert not getter.sink.data
        getter.task.cancel()
        await asyncio.gather(getter.task, return_exceptions=True)

    in_world(story)


def test_hidden_excluded_and_forbidden_files_are_neither_found_nor_browsed_nor_sent(in_world) -> None:
    files = {
        "Band/Good Song.flac": blob(500),
        "Band/notes.NFO": blob(100),
        "Band/.secret song.flac": blob(100),
        "Band/song.flac.part": blob(100),
        "Private/song of mine.flac": blob(100),
        "Band/Lab FILLER song.flac": blob(100),
    }

    async def story(world: World) -> None:
        world.server.excluded = ["Lab Filler"]
        up = await world.online("uploader", 2, world.share("up", files), share_exclude=["*.nfo", "private"])
        down = await world.online("down", 3)
        assert [each.name for each in (await reply_of(world, down, "song")).files] == ["Good Song.flac"]
        down._client.network.asked_for_replies.add("uploader")
        listed = await down.people.browse("uploader")
        assert sorted(name for folder in listed.folders for name, *_ in folder.files) == ["Good Song.flac", "Lab FILLER song.flac"]
        folder = listed.folders[0].path
        for name in (".secret song.flac", "song.flac.part", "notes.NFO"):
            end, words = await Getter(down, FoundFile("uploader", f"{folder}\\{name}", 100, "flac")).task
            assert end == OriginEnd.DENIED and "File not shared." in words
        assert up.shared == (1, 2)

    in_world(story)


@pytest.mark.parametrize("inside", [True, False])
def test_a_finished_file_is_shared_soon_when_its_folder_is(in_world, monkeypatch, inside: bool) -> None:
    monkeypatch.setattr(sharing_module, "SETTLE_S", 0.05)

    async def story(world: World) -> None:
        up = await uploader(world, {"old.flac": blob(100)})
        place = (world.tmp / "up" / "Music" if inside else world.tmp) / "new tune.flac"
        place.write_bytes(blob(200))
        scans = len([1 for _, event, _ in world.events if event == "soulseek.shares"])
        up.sharing.file_arrived(place)
        if inside:
            while up.shared != (1, 2):
                await asyncio.sleep(0.02)
        else:
            await asyncio.sleep(0.2)  # four times the wait before a scan
            assert len([1 for _, event, _ in world.events if event == "soulseek.shares"]) == scans

    in_world(story)


def test_the_uploads_view_and_the_commands_on_it(in_world) -> None:
    async def story(world: World) -> None:
        up = await uploader(world, {"long tune.flac": blob(SIZE)}, leecher_files=0, default_kbps=400, friends_kbps=800, leechers_kbps=80)
        engine: Any = SimpleNamespace(soulseek=up, mesh=None)
        getters = []
        for name, number in (("first", 3), ("second", 4)):
            down = await world.online(name, number)
            getters.append(Getter(down, await file_named(world, down, f"long tune {'flac ' * (number - 3)}")))
            await getters[-1].until(*((ACTIVE, None) if number == 3 else (QUEUED, 1)))
        view = uploads_view(engine, ViewKey("uploads"), str)
        assert [(each.user, each.state, each.place, each.group, each.title) for each in view.rows] == [
            ("first", "active", 0, "default", "long tune.flac"),
            ("second", "queued", 1, "default", "long tune.flac"),
        ]
        default = next(each for each in view.groups if each.name == "default")
        assert (default.slots, default.used, default.queued, default.cap) == (1, 1, 1, 50_000.0)
        assert {each.name: each.cap for each in view.groups} == {"friends": 100_000.0, "default": 50_000.0, "leechers": 10_000.0}
        assert (view.shared_files, view.shared_folders, view.total) == (1, 1, 2) and view.scanned_at.endswith("Z")
        assert [each.user for each in uploads_view(engine, ViewKey("uploads", filter="QUEUED tune"), str).rows] == ["second"]
        assert (await HANDLERS["uploads.stop"](engine, {"user": "second", "path": None})).data == {"count": 1}
        assert (await getters[1].task)[0] == OriginEnd.DENIED
        with pytest.raises(UserError, match="nothing goes to second"):
            await HANDLERS["uploads.stop"](engine, {"user": "second", "path": None})
        (world.tmp / "up" / "Music" / "more.flac").write_bytes(b"x")
        assert (await HANDLERS["shares.scan"](engine, {})).data == {"files": 2, "folders": 1}
        getters[0].task.cancel()
        await asyncio.gather(getters[0].task, return_exceptions=True)

    in_world(story)
