"""The loopback server over real swarms: a player reads a track while it arrives, and nobody else reads anything."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path

import pytest
from engine_world import Album, World, completed, until

from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.variant import LEAF
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command
from tests.engine.playback.listening import HOST, Rig, go, till
from tests.engine.swarm.world import FakeOrigin, FakePeer, some_bytes
from tests.fakes.ports import free_port


def test_a_player_gets_the_bytes_while_they_arrive_from_soulseek(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(700_001)
        async with Rig(tmp_path, len(data)) as rig:
            origin = FakeOrigin("anna", data, stall_at=204_800)
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            stream = await rig.stream()
            reader, writer = await rig.ask(stream)
            await origin.stalled.wait()
            head = await reader.readuntil(b"\r\n\r\n")
            assert (
                head.startswith(b"HTTP/1.1 200 OK\r\n")
                and b"Content-Type: audio/flac\r\n" in head
                and b"Content-Length: 700001\r\n" in head
            )
            assert await reader.readexactly(204_800) == data[:204_800]
            await till(lambda: [each.at for each in stream.readers if each.waits])
            assert [each.at for each in stream.readers] == [204_800], "nothing beyond what is there"
            rig.swarm.use_origin(FakeOrigin("berta", data))
            assert await reader.read(-1) == data[204_800:]
            writer.close()
            assert await run is SwarmEnd.COMPLETE

    go(story())


def test_a_seek_past_what_is_there_is_fetched_first_and_then_answered(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(200 * LEAF)
        async with Rig(tmp_path, len(data)) as rig:
            origin = FakeOrigin("anna", data, queued=True)
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            await origin.asked.wait()
            stream = await rig.stream()
            peer = FakePeer("a1", data, rate=4e6)
            assert await rig.swarm.add_peer(peer, peer.variant) == ""
            at = 40 * LEAF + 1000
            head, body = await rig.answers(stream, f"Range: bytes={at}-{at + LEAF - 1}")
            assert head.startswith(b"HTTP/1.1 206 ") and body == data[at : at + LEAF]
            asked = [offset // LEAF for offset, _ in peer.asked]
            assert asked.index(40) < 16, asked[:40]
            assert not rig.swarm.part.pieces.complete, "the rest was still under way"
            head, _ = await rig.answers(stream, f"Range: bytes={len(data)}-")
            assert head.startswith(b"HTTP/1.1 416 ") and f"Content-Range: bytes */{len(data)}".encode() in head
            run.cancel()

    go(story())


def test_head_and_tail_are_asked_for_before_anybody_listens(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(100 * LEAF)
        async with Rig(tmp_path, len(data)) as rig:
            origin = FakeOrigin("anna", data, queued=True)
            rig.swarm.use_origin(origin)
            await rig.stream()
            run = asyncio.ensure_future(rig.swarm.run())
            await origin.asked.wait()
            peer = FakePeer("a1", data, rate=1e6)
            assert await rig.swarm.add_peer(peer, peer.variant) == ""
            await till(lambda: len(peer.asked) >= 3)
            assert [offset // LEAF for offset, _ in peer.asked[:3]] == [0, 1, 99]
            run.cancel()

    go(story())


@pytest.mark.parametrize("reset", [False, True], ids=["by closing", "by a reset, as one that is killed with bytes unread"])
def test_a_player_that_leaves_is_forgotten_and_its_windows_with_it(tmp_path: Path, reset: bool) -> None:
    async def story() -> None:
        data = some_bytes(40 * LEAF)
        async with Rig(tmp_path, len(data)) as rig:
            origin = FakeOrigin("anna", data, stall_at=2 * LEAF)
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            stream = await rig.stream()
            reader, writer = await rig.ask(stream)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2 * LEAF)
            await till(lambda: rig.swarm.scheduler.windows and len(stream.windows()) > 2)
            if reset:
                left = writer.get_extra_info("socket")
                left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            await till(lambda: not stream.readers)
            assert len(stream.windows()) == 2, "head and tail alone"
            rig.playback.close(stream)
            await till(lambda: rig.swarm.scheduler.windows == ())
            assert (await rig.answers(stream, path=f"/stream/{stream.token}/track.flac"))[0].startswith(b"HTTP/1.1 404 "), "its URL is void"
            run.cancel()

    go(story())


def test_foreign_hosts_wrong_tokens_and_other_methods_get_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(3 * LEAF)
        async with Rig(tmp_path, len(data)) as rig:
            rig.swarm.use_origin(FakeOrigin("anna", data))
            assert await rig.swarm.run() is SwarmEnd.COMPLETE
            stream = await rig.stream()
            good = f"/stream/{stream.token}/track.flac"
            refused = {
                403: [{"host": "evil.example"}, {"host": f"evil.example:{rig.playback.port}"}, {"host": "10.0.0.1"}],
                404: [
                    {"path": "/"},
                    {"path": "/stream/"},
                    {"path": f"/stream/{stream.token[:-1]}/track.flac"},
                    {"path": f"/{stream.token}"},
                ],
                405: [{"method": "POST"}, {"method": "OPTIONS"}, {"method": "PUT"}, {"method": "DELETE"}],
            }
            for status, ways in refused.items():
                for way in ways:
                    head, body = await rig.answers(stream, "Origin: http://evil.example", **{"path": good, **way})
                    assert head.startswith(f"HTTP/1.1 {status} ".encode()), (status, way, head)
                    assert not body and b"access-control" not in head.lower()
            assert (await rig.answers(stream, "X: " + "y" * 9000))[0].startswith(b"HTTP/1.1 431 ")
            head, body = await rig.answers(stream, method="HEAD")
            assert head.startswith(b"HTTP/1.1 200 ") and not body
            assert (await rig.answers(stream))[1] == data

    go(story())


def test_several_readers_at_once_get_each_its_range_and_a_ninth_is_turned_away(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(20 * LEAF)
        async with Rig(tmp_path, len(data)) as rig:
            origin = FakeOrigin("anna", data, stall_at=16 * LEAF)
            rig.swarm.use_origin(origin)
            run = asyncio.ensure_future(rig.swarm.run())
            await origin.stalled.wait()
            stream = await rig.stream()
            many = [await rig.ask(stream, f"Range: bytes={at * LEAF}-") for at in range(8)]
            for at, (reader, _) in enumerate(many):
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly((16 - at) * LEAF) == data[at * LEAF : 16 * LEAF]
            assert await rig.answers(stream) == (b"", b"")
            for _, writer in many:
                writer.transport.abort()
            await till(lambda: not stream.readers)
            assert (await rig.answers(stream, "Range: bytes=0-9"))[1] == data[:10]
            run.cancel()

    go(story())


def test_a_file_that_is_there_is_streamed_and_anything_else_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(200_000)
        (tmp_path / "a.mp3").write_bytes(data)
        os.mkfifo(tmp_path / "fifo.mp3")
        async with Rig(tmp_path, len(data)) as rig:
            stream = await rig.playback.file(str(tmp_path / "a.mp3"))
            assert rig.playback.url(stream).endswith("/track.mp3")
            assert (await rig.answers(stream, "Range: bytes=-10"))[1] == data[-10:]
            assert await rig.playback.file(str(tmp_path / "a.mp3")) is stream
            for bad in ("none.mp3", "fifo.mp3", ""):
                with pytest.raises(UserError):
                    await rig.playback.file(str(tmp_path / bad))

    go(story())


@pytest.mark.usefixtures("quick")
def test_a_jobs_track_is_listened_to_from_its_queue_until_it_is_placed(tmp_path: Path, album: Album) -> None:
    """`slskdn stream JOB TRACK` on a whole engine: the URL is there before the first byte, and gives the very file that is placed."""

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            holder = await world.holder("anna")
            holder.hold(5 * LEAF)
            engine = await world.engine(playback={"listen": f"{HOST}:{free_port(HOST)}", "player": "no-such-player", "lead_s": 90.0})
            job = await world.create(engine)
            result = await engine.submit(Command("playback.stream", {"job": job.job_id[:8], "track": 1}))
            assert result.ok and result.data["url"] == str(result.message), result
            url = result.data["url"]
            reader, writer = await asyncio.open_connection(HOST, engine.playback.port)
            writer.write(f"GET /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(5 * LEAF) == path.read_bytes()[: 5 * LEAF]
            (stream,) = engine.playback.streams.values()
            await until(lambda: any(each.waits for each in stream.readers), "the player waits", job)
            view = await engine.snapshot(ViewKey("playback"))
            assert isinstance(view, PlaybackView) and (view.job_id, view.track, view.url) == (job.job_id, 1, url)
            assert (
                80_000 < view.buffer_needed_ms <= 90_000
                and view.playback_position_ms < 4000
                and view.state in ("starting", "playing", "buffering")
            )
            holder.let_go()
            await completed(job)
            assert await reader.read(-1) == path.read_bytes()[5 * LEAF :]
            writer.close()
            view = await engine.snapshot(ViewKey("playback"))
            assert isinstance(view, PlaybackView) and view.state == "stopped", "nobody listens"
            played = await engine.submit(Command("playback.play", {"subject": job.job_id, "track": 1}))
            assert played.ok and played.data["text"] == url and "not installed" in played.message, (
                "no player: the URL, and what to do with it"
            )
            for name in ("playback.pause", "playback.seek"):
                refused = await engine.submit(Command(name, {"to": "1:00"} if name.endswith("seek") else {}))
                assert refused.code == "refused" and "nothing plays" in refused.message
            for args, code in (({"job": job.job_id, "track": 9}, "not_found"), ({"job": "ffff", "track": 1}, "not_found")):
                assert (await engine.submit(Command("playback.stream", args))).code == code

    asyncio.run(main())
