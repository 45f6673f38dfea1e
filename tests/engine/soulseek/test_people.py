"""Other users on real sockets: messages, friends, bans, browsing, who they are. Counted at the lab server and at the other user."""

from __future__ import annotations

import asyncio
import threading
import zlib
from typing import Any

import pytest
from aioslsk.protocol.messages import PeerSharesReply, PeerTransferQueue, PeerTransferQueueFailed, PrivateChatMessage
from aioslsk.protocol.primitives import DirectoryData, FileData
from soulseek_world import World, blob

from slskdn_tui.engine.runtime.clock import SystemClock, VirtualClock
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.engine.soulseek.wire import hardening, share_list
from slskdn_tui.model.errors import UserError


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def said(plane: SoulseekPlane, user: str) -> list[tuple[str, str]]:
    assert plane.people.messages is not None
    return [(each.direction, each.text) for each in await plane.people.messages.with_user(user, 0, 100)]


# -- messages


def test_a_message_goes_both_ways_and_is_acknowledged_once_it_is_kept(in_world) -> None:
    async def story(world: World) -> None:
        alice, bob = await world.online("alice", 2, kept=True), await world.online("bob", 3, kept=True)
        await alice.people.send("bob", "hello  \n there")
        await until(lambda: bob.people.unread == 1)
        await bob.people.send("alice", "hello yourself \x1b[2J")
        await until(lambda: alice.people.unread == 1)
        assert await said(alice, "bob") == [("out", "hello there"), ("in", "hello yourself \x1b[2J")]
        assert await said(bob, "alice") == [("in", "hello there"), ("out", "hello yourself \x1b[2J")]
        await world.server.until(lambda: not any(world.server.mail.values()))
        told = [text for who, name, text in world.events if who == "alice" and name == "message.received"]
        assert len(told) == 1 and "bob" in told[0] and "\x1b" not in told[0]
        assert await alice.people.mark_read("bob") == 1 and alice.people.unread == 0
        (last,) = await alice.people.messages.conversations(0, 10)
        assert (last.username, last.unread) == ("bob", 0)

    in_world(story)


def test_a_message_to_somebody_who_is_away_arrives_once_when_they_are_back(in_world) -> None:
    async def story(world: World) -> None:
        world.server.accounts["bob"] = "secret"
        alice = await world.online("alice", 2, kept=True)
        await alice.people.send("bob", "see you later")
        await world.server.until(lambda: len(world.server.mail.get("bob", {})) == 1)
        bob = await world.online("bob", 3, kept=True)
        await until(lambda: bob.people.unread == 1)
        await world.server.until(lambda: not world.server.mail["bob"])
        for logins in (2, 3):  # the acknowledgement is lost: the server brings the message again, and it is kept once
            world.server.mail["bob"][7] = PrivateChatMessage.Response(7, 1_700_000_000, "alice", "again", is_direct=False)
            world.server.drop("bob")
            await world.server.until(lambda wanted=logins: world.server.count("Login", "bob") == wanted)
            await world.server.until(lambda: not world.server.mail["bob"])
        assert await said(bob, "alice") == [("in", "see you later"), ("in", "again")]

    in_world(story)


def test_messages_and_what_is_unread_survive_a_restart(in_world) -> None:
    async def story(world: World) -> None:
        alice, bob = await world.online("alice", 2, kept=True), await world.online("bob", 3, kept=True)
        await alice.people.send("bob", "one")
        await alice.people.send("bob", "two")
        await until(lambda: bob.people.unread == 2)
        await bob.stop()
        again = await world.online("bob", 3, kept=True)
        assert again.people.unread == 2
        assert await said(again, "alice") == [("in", "one"), ("in", "two")]

    in_world(story)


def test_a_message_that_cannot_be_stored_is_not_acknowledged(in_world) -> None:
    async def story(world: World) -> None:
        bob = await world.online("bob", 3, kept=True)
        keep = bob.people.messages.received
        asked = asyncio.Event()

        async def full(*args: Any) -> bool:
            asked.set()
            raise OSError(28, "the disk with the database is full")

        bob.people.messages.received = full
        world.server.write("alice", "bob", "keep this")
        await asked.wait()
        bob.people.messages.received = keep
        await bob.people.send("bob", "a note to myself")  # answered on the same connection, so the first one was dealt with
        await until(lambda: bob.people.unread == 1)
        assert [each.message for each in world.server.mail["bob"].values()] == ["keep this"]

    in_world(story)


def test_a_user_who_floods_is_told_of_ten_times_a_minute_and_what_is_kept_of_many_users_is_bounded(in_world) -> None:
    async def story(world: World) -> None:
        bob = await world.online("bob", 3, kept=True, clock=VirtualClock())

        def told(of: str) -> int:
            return sum(1 for who, name, text in world.events if (who, name) == ("bob", "message.received") and f" {of}" in text)

        for number in range(15):
            world.server.write("eve", "bob", f"buy {number}")
        await until(lambda: bob.people.unread == 15 and told("eve: ") == 10)
        for number in range(200):  # so many others, and eve's count is let go: an endless crowd takes no endless memory
            world.server.write(f"user{number}", "bob", "hello")
        await until(lambda: told("user") == 200)
        assert told("eve: ") == 10
        world.server.write("eve", "bob", "again")
        await until(lambda: told("eve: ") == 11)

    in_world(story)


def test_a_message_to_nobody_or_while_offline_is_refused_with_words(in_world) -> None:
    async def story(world: World) -> None:
        alice = await world.online("alice", 2, kept=True)
        for text, user, code in (
            ("hi", "nobody", "not_found"),
            ("", "alice", "usage"),
            ("x" * 4001, "alice", "usage"),
            ("hi", " a", "usage"),
        ):
            with pytest.raises(UserError) as caught:
                await alice.people.send(user, text)
            assert caught.value.code == code
        assert world.server.count("PrivateChatMessage") == 0
        await world.server.stop()
        await until(lambda: alice.state == "offline")
        with pytest.raises(UserError) as caught:
            await alice.people.send("alice", "hi")
        assert caught.value.code == "network"

    in_world(story)


# -- friends and bans


def test_a_banned_user_gets_no_search_answer_no_file_no_list_and_no_message_through(in_world) -> None:
    async def story(world: World) -> None:
        folder = world.share("up", {"Band/tune.flac": blob(1000)})
        alice = await world.online("alice", 2, folder, kept=True)
        bob, carol = await world.online("bob", 3), await world.online("carol", 4)
        path = (await world.find(bob, "band tune")).path
        await alice.people.relate("bob", "banned", "takes all, shares nothing")
        # carol's answer shows that the query was dealt with; bob's came before hers
        assert await bob.search("tune band flac", wait_s=0.5) == ()
        assert (await world.find(carol, "band tune flac")).username == "alice"
        network = bob._client.network
        refused = network.create_peer_response_future("alice", PeerTransferQueueFailed.Request)
        await network.send_peer_messages("alice", PeerTransferQueue.Request(path))
        assert (await refused)[1].reason == "Banned"
        await bob.people.send("alice", "why?")
        await carol.people.send("alice", "hello")
        await until(lambda: alice.people.unread == 1)
        assert await said(alice, "bob") == [] and await said(alice, "carol") == [("in", "hello")]
        await world.server.until(lambda: not world.server.mail["alice"])
        await alice.people.unrelate("bob", "banned")
        assert (await world.find(bob, "tune")).username == "alice"

    in_world(story)


def test_friends_bans_and_notes_are_there_after_a_restart_and_friends_are_watched(in_world) -> None:
    async def story(world: World) -> None:
        world.server.accounts |= {"bob": "secret", "carol": "secret"}
        alice = await world.online("alice", 2, kept=True)
        await alice.people.relate("bob", "friend", "met in a queue")
        await alice.people.relate("carol", "friend")
        await alice.people.relate("carol", "banned")
        await alice.stop()
        again = await world.online("alice", 2, kept=True)
        assert [(each.username, each.relation, each.note) for each in again.people.listed()] == [
            ("bob", "friend", "met in a queue"),
            ("carol", "banned", ""),
        ]
        assert (again.people.relation("bob"), again.people.relation("carol"), again.people.relation("dave")) == ("friend", "banned", "")
        await until(lambda: again.people.status("bob") == "offline")
        await world.online("bob", 3)
        await until(lambda: again.people.status("bob") == "online")
        with pytest.raises(UserError) as caught:
            await again.people.unrelate("bob", "banned")
        assert caught.value.code == "not_found"

    in_world(story)


# -- who is it, what does it share


def test_a_user_is_shown_with_what_the_server_and_the_user_say(in_world) -> None:
    async def story(world: World) -> None:
        world.server.privileged.add("alice")
        await world.online("alice", 2, world.share("up", {"Band/tune.flac": blob(1000)}))
        await world.server.until(lambda: world.server._stats_of("alice").shared_file_count == 1)
        world.planes[0]._client.settings.credentials.info.picture = b"\x89PNG" + bytes(5000)
        bob = await world.online("bob", 3)
        kept = bob._client.users.get_user_object("alice")
        info = await bob.people.user("alice")
        assert kept.upload_slots == 2 and kept.picture is None, "a picture of whatever size is not kept"
        assert (info.status, info.files, info.folders, info.privileged) == ("online", 1, 1, True)
        assert (info.slots, info.free, info.queue) == (2, True, 0) and info.description and not info.error
        asked = world.server.count("AddUser", "bob")
        await bob.people.user("alice")
        assert world.server.count("AddUser", "bob") == asked, "it is kept for a while"
        world.server.drop("alice")
        with pytest.raises(UserError) as caught:
            await bob.people.user("nobody")
        assert caught.value.code == "not_found" and "nobody" in str(caught.value)

    in_world(story)


def test_a_user_who_is_offline_or_silent_is_said_so_in_time(in_world, monkeypatch) -> None:
    from slskdn_tui.engine.soulseek.people import people

    monkeypatch.setattr(people, "INFO_S", 0.3)

    async def story(world: World) -> None:
        world.server.accounts["dave"] = "secret"
        bob, mute = await world.online("bob", 3), await world.online("mute", 4)
        assert (await bob.people.user("dave")).status == "offline"
        mute._client.settings.users.blocked = {"bob": people.BlockingFlag.INFO}
        info = await bob.people.user("mute")
        assert info.status == "online" and info.slots is None and "did not answer" in info.error
        with pytest.raises(UserError) as caught:
            await bob.people.browse("dave")
        assert caught.value.code == "network" and "not online" in str(caught.value)

    in_world(story)


def test_of_many_lists_asked_for_at_once_the_last_waits_for_its_turn(in_world, monkeypatch) -> None:
    from slskdn_tui.engine.soulseek.people import people

    monkeypatch.setattr(people, "BROWSES", (1, 50.0))
    waits = asyncio.Event()

    class Held(SystemClock):
        async def sleep(self, seconds: float) -> None:
            if 40 < seconds <= 50:
                waits.set()
                await asyncio.Event().wait()
            await super().sleep(seconds)

    async def story(world: World) -> None:
        first, second = [
            await world.online(name, number, world.share(name, {"a.flac": blob(9)})) for name, number in (("ann", 2), ("bea", 3))
        ]
        bob = await world.online("bob", 4, clock=Held())
        assert (await bob.people.browse("ann")).files == 1 and first._client.shares._browse is not None
        browsing = asyncio.ensure_future(bob.people.browse("bea"))
        await waits.wait()
        assert second._client.shares._browse is None and not browsing.done()
        browsing.cancel()

    in_world(story)


def test_a_folder_is_asked_for_alone_and_taken_from_a_list_that_is_here(in_world) -> None:
    async def story(world: World) -> None:
        files = {"Band/One/01.flac": blob(1000), "Band/One/02.flac": blob(500), "Band/Two/01.flac": blob(10)}
        alice, bob = await world.online("alice", 2, world.share("up", files)), await world.online("bob", 3)
        made = 0
        reply = alice._client.shares.create_directory_reply

        def counting(path: str) -> Any:
            nonlocal made
            made += 1
            return reply(path)

        alice._client.shares.create_directory_reply = counting
        path = (await world.find(bob, "band one")).folder
        found = await bob.people.folder("alice", path)
        assert [(each.username, each.path, each.size) for each in found] == [
            ("alice", f"{path}\\01.flac", 1000),
            ("alice", f"{path}\\02.flac", 500),
        ]
        with pytest.raises(UserError) as caught:
            await bob.people.folder("alice", f"{path}\\nothing")
        assert caught.value.code == "not_found"
        listed = await bob.people.browse("alice")
        assert (listed.files, listed.size, listed.capped) == (3, 1510, False)
        other = next(each.path for each in listed.folders if each.path.endswith("Two"))
        assert [each.size for each in await bob.people.folder("alice", other)] == [10]
        assert made == 2, "the third folder was in the list"

    in_world(story)


def huge(folders: int, files: int) -> bytes:
    listed = [FileData(1, f"{number:03} a title of usual length.flac", 30_000_000, "flac", []) for number in range(files)]
    return PeerSharesReply.Request([DirectoryData(f"@@abcde\\Music\\Album {number}", listed) for number in range(folders)]).serialize()


def test_a_huge_list_is_capped_and_the_loop_goes_on_while_it_is_read(in_world, monkeypatch) -> None:
    monkeypatch.setattr(share_list, "MOST_FILES", 50_000)
    reading, read = threading.Event(), threading.Event()
    ticks: list[int] = []

    def noted(body: bytes) -> Any:
        reading.set()
        found = share_list.read_shares(body, 50_000)
        read.set()
        return found

    code = PeerSharesReply.Request.MESSAGE_ID
    monkeypatch.setitem(hardening.LISTINGS, code, (noted, hardening.LISTINGS[code][1]))

    async def story(world: World) -> None:
        alice, bob = await world.online("alice", 2), await world.online("bob", 3)
        message = huge(600, 100)

        async def reply() -> bytes:
            return message

        alice._client.shares.browse_reply = reply

        async def beat() -> None:
            while not read.is_set():
                if reading.is_set():
                    ticks.append(1)
                await asyncio.sleep(0)

        beating = asyncio.ensure_future(beat())
        listed = await bob.people.browse("alice")
        await beating
        assert listed.capped and listed.files == 50_000
        assert len(ticks) > 10, "the loop stood still while the list was read"

    in_world(story)


def test_a_damaged_list_is_an_answer_that_never_came(in_world, monkeypatch) -> None:
    from slskdn_tui.engine.soulseek.people import people

    monkeypatch.setattr(people, "BROWSE_S", 0.5)

    async def story(world: World) -> None:
        alice, bob = await world.online("alice", 2), await world.online("bob", 3)
        body = zlib.compress(b"\xff\xff\xff\xff" * 4)
        code = PeerSharesReply.Request.MESSAGE_ID

        async def reply() -> bytes:
            return (len(body) + 4).to_bytes(4, "little") + code.to_bytes(4, "little") + body

        alice._client.shares.browse_reply = reply
        with pytest.raises(UserError) as caught:
            await bob.people.browse("alice")
        assert "did not answer" in str(caught.value)
        assert (await bob.people.user("alice")).slots == 2, "the connection goes on"

    in_world(story)
