"""Login, refusal, kick, reconnect: what the user is told, and what the server sees."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from soulseek_world import World, blob

from slskdn_tui.engine.soulseek.client import MINOR_VERSION
from slskdn_tui.model.errors import UserError
from tests.fakes.ports import free_port


async def until_state(plane, *states: str) -> None:
    while plane.state not in states:
        await asyncio.sleep(0.01)


def test_login_shows_the_server_our_own_version_from_our_own_address(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("alice", 2)
        assert plane.state == "online" and "alice" in plane.state_words and plane.error is None
        login = next(each.message for each in world.server.log if each.name == "Login")
        assert (login.client_version, login.minor_version) == (175, MINOR_VERSION) and MINOR_VERSION not in (1, 157)
        assert world.server.addresses["alice"] == "127.1.2.1"
        assert ("alice", "soulseek.online") in [(who, event) for who, event, _ in world.events]

    in_world(story)


def test_a_wrong_password_is_said_and_not_tried_again(in_world) -> None:
    async def story(world: World) -> None:
        world.server.accounts["alice"] = "right"
        plane = await world.plane("alice", 2, password="wrong")
        with pytest.raises(UserError) as caught:
            await plane.wait_online()
        assert caught.value.code == "auth" and "INVALIDPASS" in caught.value.message and "soulseek.password" in caught.value.hint
        assert plane.state == "refused" and "password is wrong" in plane.state_words
        await asyncio.sleep(0.5)  # five times the wait before another try
        assert world.server.count("Login refused") == 1
        with pytest.raises(UserError):
            await plane.search("anything")

    in_world(story)


def test_an_empty_account_is_refused_before_anything_is_sent(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.plane("", 2, username="")
        await until_state(plane, "refused")
        assert "slskdn init" in plane.state_words and plane.error is not None and plane.error.code == "auth"
        assert not world.server.log

    in_world(story)


def test_an_unreachable_server_is_a_state_and_it_is_tried_again(in_world) -> None:
    async def story(world: World) -> None:
        port = free_port("127.1.0.2")
        plane = await world.plane("alice", 2, server=f"127.1.0.2:{port}")
        await until_state(plane, "offline")
        assert "(nothing listens there)" in plane.state_words and "soulseek.server" in plane.state_words
        assert plane.error is not None and plane.error.code == "network"
        late = type(world.server)()
        await late.start("127.1.0.2", port)
        await plane.wait_online()
        await late.stop()

    in_world(story)


def test_being_kicked_stays_kicked_until_asked(in_world) -> None:
    async def story(world: World) -> None:
        first = await world.online("alice", 2)
        second = await world.online("alice", 3)
        await until_state(first, "kicked")
        assert "another place" in first.state_words and first.error is not None and first.error.code == "auth"
        await asyncio.sleep(0.5)  # five times the wait before another try
        assert world.server.count("Login", "alice") == 2 and second.state == "online"
        first.reconnect()
        await first.wait_online()
        await until_state(second, "kicked")

    in_world(story)


def test_after_the_server_closes_without_a_word_the_session_comes_back(in_world) -> None:
    async def story(world: World) -> None:
        folder = world.share("up", {"Band/tune.flac": blob(1000)})
        up = await world.online("alice", 2, folder)
        down = await world.online("bob", 3)
        world.server.drop("alice")
        await until_state(up, "offline")
        assert "closed the connection" in up.state_words and "reconnecting in" in up.state_words
        await up.wait_online()
        assert world.server.count("Login", "alice") == 2
        assert (await world.find(down, "band tune")).username == "alice"

    in_world(story)


def test_a_listen_port_that_is_taken_is_named_and_freed_later(in_world) -> None:
    async def story(world: World) -> None:
        taken = socket.socket()
        taken.bind(("127.1.2.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        plane = await world.plane("alice", 2, listen_port=port)
        await until_state(plane, "offline")
        assert f"127.1.2.1:{port}" in plane.state_words and "soulseek.listen_port" in plane.state_words
        assert plane.error is not None and plane.error.code == "port"
        taken.close()
        await plane.wait_online()

    in_world(story)


def test_a_server_that_closes_at_login_may_have_banned_us_and_is_not_hammered(in_world) -> None:
    async def story(world: World) -> None:
        connections = 0

        async def close_at_once(reader, writer) -> None:
            nonlocal connections
            connections += 1
            writer.close()

        mute = await asyncio.start_server(close_at_once, "127.1.0.3", 0)
        plane = await world.plane("alice", 2, server=f"127.1.0.3:{mute.sockets[0].getsockname()[1]}", reconnect_s=30.0)
        await until_state(plane, "offline")
        assert "banned" in plane.state_words and connections == 1
        mute.close()

    in_world(story)


def test_switched_off_means_no_connection(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.plane("alice", 2, enabled=False)
        assert plane.state == "off" and "soulseek.enabled" in plane.state_words
        assert plane.uploads() == () and plane.down_speed == 0.0 and plane.uploads_queued == 0
        with pytest.raises(UserError):
            await plane.search("x")
        assert not world.server.log

    in_world(story)


def test_neither_the_loop_nor_stderr_belongs_to_aioslsk_afterwards(in_world, capfd) -> None:
    async def story(world: World) -> None:
        loop = asyncio.get_running_loop()
        mine = loop.get_exception_handler()
        await world.online("alice", 2)
        assert loop.get_exception_handler() is mine
        logging.getLogger("aioslsk.transfer.manager").error("a message of %d bytes : %r", 7, b"x" * 100_000)
        logging.getLogger("aioslsk.events").warning("all is well")

    in_world(story)
    captured = capfd.readouterr()
    assert "xxxx" not in captured.err and "all is well" not in captured.err


def test_environment_variables_with_common_names_do_not_reach_aioslsk(in_world, monkeypatch) -> None:
    monkeypatch.setenv("DEBUG", "yes")
    monkeypatch.setenv("NETWORK", "eth0")

    async def story(world: World) -> None:
        assert (await world.online("alice", 2)).state == "online"

    in_world(story)


def test_peers_see_our_own_address_too(in_world) -> None:
    async def story(world: World) -> None:
        folder = world.share("up", {"Band/tune.flac": blob(1000)})
        up = await world.online("alice", 2, folder)
        down = await world.online("bob", 3)
        seen: set[str] = set()
        listening = down._client.network.listening_connections[0]
        accept = listening.accept

        async def noting(reader, writer) -> None:
            seen.add(writer.get_extra_info("peername")[0])
            await accept(reader, writer)

        listening._server.close()
        listening.accept = noting
        await listening.connect()
        await world.find(down, "band tune")
        assert seen == {"127.1.2.1"} and up.state == "online"

    in_world(story)
