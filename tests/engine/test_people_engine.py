"""Users, share lists, friends, messages and the session through the seam: commands in, views out, against a plain aioslsk user."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from engine_world import Album, World, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.soulseek.wire import share_list
from slskdn_tui.model.finding import BrowseView, read_ref
from slskdn_tui.model.people import MessagesView, PeopleView, UserView
from slskdn_tui.model.views import StatusView, ViewKey
from slskdn_tui.seam import Command, EngineProtocol, Result

FILES = {"01 one.flac": b"x" * 30_000, "02 two.flac": b"y" * 20_000, "cover.jpg": b"z" * 500}


def in_world(tmp_path: Path, story: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(120), World(tmp_path, Album(tmp_path, tmp_path)) as world:
            await story(world)

    asyncio.run(main())


async def online(world: World, name: str = "me", **sections: Any) -> Engine:
    engine = await world.engine(name, overlay={"enabled": False}, **sections)
    await until(lambda: engine.soulseek.state == "online", f"{name} is online")
    return engine


async def answered(engine: EngineProtocol, key: ViewKey) -> Any:
    """The view once nobody is asked any more; the first look said so."""
    while True:
        view = await engine.snapshot(key)
        if view.state != "asking":
            return view
        await asyncio.sleep(0.02)


async def do(engine: EngineProtocol, name: str, **args: Any) -> Result:
    return await engine.submit(Command(name, args))


async def status(engine: Engine) -> StatusView:
    view = await engine.snapshot(ViewKey("status"))
    assert isinstance(view, StatusView)
    return view


def test_a_user_and_what_they_share_are_asked_for_by_looking(tmp_path) -> None:
    async def story(world: World) -> None:
        await world.holder("alice", FILES)
        engine = await online(world)
        first = await engine.snapshot(ViewKey("user", "alice"))
        assert isinstance(first, UserView) and first.state == "asking" and first.files is None
        user = await answered(engine, ViewKey("user", "alice"))
        assert (user.state, user.status, user.slots, user.username) == ("done", "online", 10, "alice")
        browse = await engine.snapshot(ViewKey("browse", "alice"))
        assert isinstance(browse, BrowseView) and browse.state == "asking"
        browse = await answered(engine, ViewKey("browse", "alice"))
        assert (browse.files, browse.bytes, browse.total) == (3, 50_500, len(browse.rows))
        (folder,) = [row for row in browse.rows if row.files]
        assert folder.title.endswith("/Plone - For Beginner Piano") and folder.level == 0 and folder.format == "FLAC"
        ref = read_ref(folder.ref)
        assert ref is not None and ref[0] == "alice" and ref[2]
        inside = await engine.snapshot(ViewKey("browse", f"alice\n{ref[1]}"))
        assert [(row.title, row.size, row.level) for row in inside.rows] == [
            ("01 one.flac", 30_000, 1), ("02 two.flac", 20_000, 1), ("cover.jpg", 500, 1),
        ]  # fmt: skip
        assert read_ref(inside.rows[0].ref) == ("alice", f"{ref[1]}\\01 one.flac", False)
        shown = await engine.snapshot(ViewKey("browse", f"alice\n{folder.title}"))
        assert [row.ref for row in shown.rows] == [row.ref for row in inside.rows], "the name as shown is taken, too"
        other = await online(world, "other")
        files = await other.soulseek.people.folder("alice", ref[1])
        assert sorted((each.name, each.size) for each in files) == [("01 one.flac", 30_000), ("02 two.flac", 20_000), ("cover.jpg", 500)]
        fewer = await engine.snapshot(ViewKey("browse", "alice", filter="ext:flac two"))
        assert (fewer.files, fewer.bytes, [row.files for row in fewer.rows]) == (1, 20_000, [1])
        bad = await engine.snapshot(ViewKey("browse", "alice", filter="bitrate>>"))
        assert bad.state == "failed" and bad.error
        gone = await engine.snapshot(ViewKey("browse", "alice\n@@nowhere"))
        assert gone.state == "failed" and "does not share this folder" in gone.error and gone.code == "not_found"
        again = await engine.snapshot(ViewKey("browse", "alice"))
        assert again.version == browse.version, "nothing changed, nothing is redrawn"

    in_world(tmp_path, story)


def test_what_cannot_be_answered_is_said(tmp_path) -> None:
    async def story(world: World) -> None:
        engine = await online(world)
        world.server.accounts["dave"] = "x"
        nobody = "there is no Soulseek user nobody; check the spelling (upper and lower case count)"
        for screen in ("user", "browse"):
            view = await answered(engine, ViewKey(screen, "nobody"))
            assert (view.state, view.error, view.code) == ("failed", nobody, "not_found")
        dave = await answered(engine, ViewKey("browse", "dave"))
        assert (dave.state, dave.error, dave.code) == ("failed", "dave is not online; try again later", "network")
        for name, args in (
            ("search.ask", {"query": "x", "user": "NAME"}),
            ("get.add", {"refs": ["slsk://NAME/%40%40x%5Cy/"]}),
            ("get.add", {"refs": ["slsk://NAME/%40%40x%5Cy.flac"]}),
        ):
            for user, code, words in (("nobody", "not_found", nobody), ("dave", "network", "dave is not online; try again later")):
                typed = {key: [each.replace("NAME", user) for each in value] if key == "refs" else value for key, value in args.items()}
                result = await do(engine, name, **(typed | ({"user": user} if "user" in args else {})))
                assert (result.code, f"{result.message}; {result.hint}") == (code, words), name
        assert world.server.count("FileSearch") + world.server.count("UserSearch") == 0

    in_world(tmp_path, story)


def test_a_capped_list_says_so(tmp_path, monkeypatch) -> None:
    from slskdn_tui.engine.soulseek.wire import hardening

    kept = hardening.LISTINGS[5]
    monkeypatch.setitem(hardening.LISTINGS, 5, (lambda body: share_list.read_shares(body, 2), kept[1]))

    async def story(world: World) -> None:
        await world.holder("alice", FILES)
        engine = await online(world)
        view = await answered(engine, ViewKey("browse", "alice"))
        assert view.state == "done" and view.files == 2 and "first 2 files" in view.error

    in_world(tmp_path, story)


def test_friends_and_bans_are_commands_lists_and_relations(tmp_path) -> None:
    async def story(world: World) -> None:
        engine = await online(world)
        added = await do(engine, "friends.add", user="alice", note="met in a queue")
        assert added.ok and "met in a queue" in added.message
        assert (await do(engine, "bans.add", user="bob")).ok
        view = await engine.snapshot(ViewKey("people"))
        assert isinstance(view, PeopleView)
        assert [(row.username, row.relation, row.note) for row in view.rows] == [
            ("alice", "friend", "met in a queue"), ("bob", "banned", ""),
        ]  # fmt: skip
        bans = await engine.snapshot(ViewKey("people", "bans"))
        assert [row.username for row in bans.rows] == ["bob"]
        user = await engine.snapshot(ViewKey("user", "alice"))
        assert (user.relation, user.note) == ("friend", "met in a queue")
        assert (await do(engine, "friends.remove", user="alice")).ok
        again = await do(engine, "friends.remove", user="alice")
        assert (again.code, again.ok) == ("not_found", False) and again.hint
        assert (await do(engine, "bans.add", user=" x ")).code == "usage"
        assert (await do(engine, "friends.remove", user="bob")).code == "not_found", "a ban is no friend"
        assert (await do(engine, "bans.remove", user="bob")).ok
        assert (await engine.snapshot(ViewKey("people"))).rows == () and (await do(engine, "bans.remove", user="bob")).code == "not_found"

    in_world(tmp_path, story)


def test_a_banned_friend_keeps_his_note_and_the_answer_says_what_he_was(tmp_path) -> None:
    async def story(world: World) -> None:
        engine = await online(world)
        await do(engine, "friends.add", user="alice", note="jazz")
        banned = await do(engine, "bans.add", user="alice")
        assert "(jazz); was a friend until now" in banned.message and banned.data["note"] == "jazz"
        assert "until now" not in (await do(engine, "bans.add", user="alice")).message
        assert "was banned until now" in (await do(engine, "friends.add", user="alice")).message

    in_world(tmp_path, story)


def test_a_new_friends_status_is_in_the_list_at_once(tmp_path) -> None:
    async def story(world: World) -> None:
        await world.holder("alice", FILES)
        world.server.accounts["dave"] = "x"
        engine = await online(world)
        for name in ("alice", "dave", "nobody"):
            assert (await do(engine, "friends.add", user=name)).ok
        view = await engine.snapshot(ViewKey("people", "friends"))
        assert [(row.username, row.status) for row in view.rows] == [("alice", "online"), ("dave", "offline"), ("nobody", "")]

    in_world(tmp_path, story)


def test_messages_are_counted_listed_whole_and_read(tmp_path) -> None:
    long = "la " * 900

    async def story(world: World) -> None:
        engine, other = await online(world), await online(world, "other")
        sent = await do(other, "message.send", user="me", text=["hello", "you"])
        assert sent.message == "sent to me"
        world.server.accounts["away"] = "x"
        kept = await do(other, "message.send", user="away", text=["hello"])
        assert kept.message == "sent to away; the server keeps it until they are online"
        assert (await do(other, "message.send", user="me", text=[long])).ok
        await until(lambda: engine.soulseek.people.unread == 2, "both messages came")
        assert (await status(engine)).unread == 2
        assert world.said("me", "message.received")[0] == "message from other: hello you"
        face = await world.attach("me")
        view = await face.snapshot(ViewKey("messages"))
        assert isinstance(view, MessagesView) and [(row.username, row.unread) for row in view.rows] == [("other", 2)]
        view = await face.snapshot(ViewKey("messages", "other"))
        assert [row.text for row in view.rows] == ["hello you", long.strip()], "a long one is not cut on its way to a face"
        assert (await do(engine, "message.read", user="other")).data["count"] == 2
        assert (await status(engine)).unread == 0
        assert (await do(engine, "message.send", user="nobody", text=["hi"])).code == "not_found"

    in_world(tmp_path, story)


def test_kicked_is_on_the_status_line_and_only_reconnect_logs_in_again(tmp_path) -> None:
    async def story(world: World) -> None:
        engine = await online(world)
        assert (await status(engine)).soulseek_words == ""
        again = await do(engine, "soulseek.reconnect")
        assert again.ok and "already" in again.message, "asked for while logged in it is no leave to fight over the account later"
        thief = await world.engine("thief", soulseek={"username": "me"}, overlay={"enabled": False})
        await until(lambda: engine.soulseek.state == "kicked", "the second login kicks the first")
        line = await status(engine)
        assert line.soulseek == "kicked" and "another place" in line.soulseek_words
        sent = await do(engine, "message.send", user="me", text=["hi"])
        assert sent.code == "auth" and "another place" in sent.message
        await asyncio.sleep(0.8)  # eight times the first wait
        assert world.server.count("Login", "me") == 2
        assert (await do(engine, "soulseek.reconnect")).ok
        await until(lambda: engine.soulseek.state == "online" and thief.soulseek.state == "kicked", "the user asked for it")
        assert world.server.count("Login", "me") == 3

    in_world(tmp_path, story)


def test_the_port_command_says_how_it_stands_and_what_to_do(tmp_path) -> None:
    async def story(world: World) -> None:
        engine = await online(world)
        result = await do(engine, "soulseek.port")
        assert result.ok and result.data["reach"] == "not proven" and result.message.startswith("not proven:")
        assert result.message.endswith(result.data["hint"]), "what to do is said"
        await world.holder("alice", FILES)
        other = await online(world, "other")
        await answered(other, ViewKey("browse", "me"))
        result = await do(engine, "soulseek.port")
        assert result.ok and result.data["reach"] == "reachable" and result.data["incoming"] >= 1
        off = await world.engine("off", soulseek={"enabled": False}, overlay={"enabled": False})
        assert (await do(off, "soulseek.port")).code == "port"
        assert "switched off" in (await do(off, "soulseek.reconnect")).message

    in_world(tmp_path, story)


@pytest.mark.parametrize("screen", ["user", "browse", "people", "messages"])
def test_with_soulseek_off_the_views_still_stand(tmp_path, screen) -> None:
    async def story(world: World) -> None:
        engine = await world.engine("me", soulseek={"enabled": False}, overlay={"enabled": False})
        view = await engine.snapshot(ViewKey(screen, "alice" if screen in ("user", "browse") else ""))
        if screen in ("user", "browse"):
            view = await answered(engine, ViewKey(screen, "alice"))
            assert view.state == "failed" and "switched off" in view.error
        assert view.kind == screen

    in_world(tmp_path, story)
