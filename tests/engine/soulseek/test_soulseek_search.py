"""Searching: through the gate, remembered, capped; and what strangers may send."""

from __future__ import annotations

import asyncio
import random
import resource
import struct
import zlib
from datetime import datetime, timedelta

from soulseek_world import QUICK, World, blob, search

from slskdn_tui.config.settings import Soulseek
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.plane import SoulseekPlane


def test_searches_of_all_callers_go_out_one_after_the_other(in_world) -> None:
    async def story(world: World) -> None:
        down = await world.online("bob", 3)
        flying: list[str] = []
        most = 0
        real = down._client.searches.search

        async def noting(query: str):
            nonlocal most
            flying.append(query)
            most = max(most, len(down._desk._collecting) + 1)
            return await real(query)

        down._client.searches.search = noting
        await asyncio.gather(*(down.search(f"query {number}", wait_s=0.05) for number in range(5)))
        assert sorted(flying) == [f"query {number}" for number in range(5)] and most == 1

    in_world(story)


async def restarted(world: World, plane: SoulseekPlane) -> SoulseekPlane:
    """The same profile in a new run."""
    await plane.stop()
    world.planes.remove(plane)
    supervisor = Supervisor(world.clock)
    again = SoulseekPlane(
        Soulseek(**(plane._settings.model_dump() | {"password": plane._settings.password})),
        password="secret",
        share_db=plane._share_db,
        clock=world.clock,
        supervisor=supervisor,
        rng=random.Random(9),
        on_event=lambda *event: None,
        on_bytes=lambda *count: None,
        manners=QUICK,
    )
    world.planes.append(again)
    world.supervisors.append(supervisor)
    await again.start()
    return again


def test_the_same_query_again_asks_the_network_nothing_even_after_a_restart(in_world) -> None:
    async def story(world: World) -> None:
        await world.online("alice", 2, world.share("up", {"Band/Some Tune.flac": blob(5000)}))
        down = await world.online("bob", 3)
        first = await search(down, "some tune")
        assert first == await down.search("  Tune SOME ")
        again = await restarted(world, down)
        assert await again.search("some tune") == first
        assert world.server.count("FileSearch", "bob") == 1

    in_world(story)


def test_a_machine_that_slept_forgets_nothing_of_what_was_asked_since(in_world) -> None:
    class Slept(SystemClock):
        ahead = timedelta()

        def wall(self) -> datetime:
            return super().wall() + self.ahead

    async def story(world: World) -> None:
        await world.online("alice", 2, world.share("up", {"Band/Some Tune.flac": blob(5000)}))
        clock = world.clock = Slept()
        down = await world.online("bob", 3)
        clock.ahead = timedelta(hours=8)  # the clock that waits are counted by has stood still
        await search(down, "some tune")
        again = await restarted(world, down)
        assert again.search_hold(query="tune some") > 0, "the same query within five minutes"

    in_world(story)


def test_an_empty_query_is_never_sent(in_world) -> None:
    async def story(world: World) -> None:
        down = await world.online("bob", 3)
        assert await down.search(" \t\x07 ") == ()
        assert world.server.count("FileSearch") == 0

    in_world(story)


def test_attributes_come_along(in_world) -> None:
    import io

    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, [[0.1, -0.1]] * 44100 * 3, 44100, format="FLAC", subtype="PCM_16")

    async def story(world: World) -> None:
        await world.online("alice", 2, world.share("up", {"Band/Tone.flac": buffer.getvalue()}))
        down = await world.online("bob", 3)
        found = await world.find(down, "band tone")
        assert (found.seconds, found.sample_rate, found.bit_depth) == (3, 44100, 16)
        replies = await search(down, "tone band")
        assert replies[0].free_slot and replies[0].queue == 0

    in_world(story)


def test_excluded_phrases_keep_files_out_of_answers_whatever_their_case(in_world) -> None:
    async def story(world: World) -> None:
        world.server.excluded[:] = ["Forbidden BAND"]
        await world.online("alice", 2, world.share("up", {"forbidden Band/tune.flac": blob(100), "Fine Band/tune.flac": blob(100)}))
        down = await world.online("bob", 3)
        replies = await search(down, "band tune")
        assert [file.path.split("\\")[-2] for reply in replies for file in reply.files] == ["Fine Band"]

    in_world(story)


async def stranger(port: int, address: str):
    reader, writer = await asyncio.open_connection(address, port)
    name = b"stranger"
    body = b"\x01" + struct.pack("<I", len(name)) + name + struct.pack("<I", 1) + b"P" + struct.pack("<I", 0)
    writer.write(struct.pack("<I", len(body)) + body)
    return reader, writer


def peer_message(code: int, body: bytes) -> bytes:
    return struct.pack("<II", len(body) + 4, code) + body


def zip_bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9)
    piece = b"\0" * (1024 * 1024)
    return b"".join(packer.compress(piece) for _ in range(mebibytes)) + packer.flush()


def test_a_zip_bomb_is_refused_even_from_whom_an_answer_is_expected(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("bob", 3)
        network = plane._client.network
        network.asked_for_replies.add("stranger")
        bomb = zip_bomb(300)
        searching = asyncio.ensure_future(plane.search("anything", wait_s=30.0))
        while not plane._desk._collecting:
            await asyncio.sleep(0.01)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for code in (9, 5, 37):
            reader, writer = await stranger(plane._settings.listen_port, "127.1.3.1")
            writer.write(peer_message(code, bomb) + peer_message(4, b""))
            # the damaged message is dropped; the next one on the same connection is answered (it asks for our shares)
            assert struct.unpack_from("<I", await reader.readexactly(8), 4)[0] == 5
            writer.close()
        searching.cancel()
        await asyncio.gather(searching, return_exceptions=True)
        # RSS is in KiB: 64 MiB is the largest cap, and what the bombs would have become is 300
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 160 * 1024
        assert plane.state == "online"

    in_world(story)


def test_answers_nobody_asked_for_are_refused_unread(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("bob", 3)
        for code in (9, 5, 37, 16):
            reader, writer = await stranger(plane._settings.listen_port, "127.1.3.1")
            writer.write(peer_message(code, zip_bomb(1)))
            assert await reader.read() == b""
            writer.close()

    in_world(story)


def test_a_length_over_its_cap_closes_the_connection_before_it_is_read(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("bob", 3)
        port = plane._settings.listen_port
        for head in (struct.pack("<I", 2**31), struct.pack("<II", 20 * 1024 * 1024, 5), struct.pack("<II", 300 * 1024, 43)):
            reader, writer = await stranger(port, "127.1.3.1")
            writer.write(head)
            assert await reader.read() == b""
            writer.close()
        asking = asyncio.ensure_future(plane.search("some tune", wait_s=600.0))
        while not plane._desk._collecting:
            await asyncio.sleep(0.01)
        reader, writer = await stranger(port, "127.1.3.1")
        writer.write(struct.pack("<II", 1024 * 1024 + 1, 9))  # an answer, as long as a share list may be
        async with asyncio.timeout(45):  # one that says no more is left after 60 s
            assert await reader.read() == b"" and not asking.done()
        writer.close()
        next(iter(plane._desk._collecting.values())).full.set()
        assert await asking == ()
        reader, writer = await asyncio.open_connection("127.1.3.1", port)
        writer.write(struct.pack("<I", 5000))
        writer.write(b"\x01123")
        assert await reader.read() == b""
        writer.close()

    in_world(story)
