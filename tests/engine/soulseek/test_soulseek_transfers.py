"""Files move between two users of this program over real sockets and a real server."""

from __future__ import annotations

import asyncio
import os
import struct
from dataclasses import replace

import pytest
from soulseek_world import QUICK, Sink, World, blob, search, sha

from slskdn_tui.engine.soulseek.uploads.groups import GroupRules
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.ports import OriginEnd, OriginState

SIZE = 3 * 1024 * 1024 + 17
NAME = "Lab Band/First Album/01 - Opening Song.flac"


async def two(world: World, data: bytes, **more):
    """An uploader that shares one file, and a downloader that has found it."""
    up = await world.online("uploader", 2, world.share("up", {NAME: data}), **more)
    down = await world.online("downloader", 3)
    return up, down, await world.find(down, "opening song")


def test_a_searched_file_arrives_bit_identical(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        _, down, found = await two(world, data)
        assert found.username == "uploader" and found.size == SIZE and found.extension == "flac"
        assert found.path.endswith("\\Music\\Lab Band\\First Album\\01 - Opening Song.flac")
        sink = Sink()
        assert await down.origin(found).fetch(sink) == (OriginEnd.COMPLETE, "")
        assert sha(bytes(sink.data)) == sha(data)
        assert sink.has(OriginState.CONNECTING) and sink.has(OriginState.ACTIVE)
        assert sink.states[-1][0] == OriginState.ENDED
        assert world.moved["downloader", "uploader", "down"] == SIZE
        assert world.moved["uploader", "downloader", "up"] == SIZE
        assert down.transfers.transfers == []

    in_world(story)


def test_bytes_beyond_what_was_promised_are_not_taken(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up, down, found = await two(world, data)
        stock = up.transfers._send

        async def generous(transfer, connection) -> None:
            await stock(transfer, connection)
            await connection.send_data(blob(100_000, seed=2))

        up.transfers._send = generous
        sink = Sink()
        assert await down.origin(found).fetch(sink) == (OriginEnd.COMPLETE, "")
        assert len(sink.data) == SIZE and sha(bytes(sink.data)) == sha(data)

    in_world(story)


def test_a_resumed_file_starts_at_its_offset_and_no_byte_comes_twice(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        _, down, found = await two(world, data)
        sink = Sink(start=1_000_003)
        end, _ = await down.origin(found).fetch(sink)
        assert end == OriginEnd.COMPLETE
        assert bytes(sink.data) == data[1_000_003:]
        assert world.moved["downloader", "uploader", "down"] == SIZE - 1_000_003

    in_world(story)


def test_the_speed_that_is_told_is_of_the_bytes_that_were_sent(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up, down, found = await two(world, data)
        up.set_limits(0, 1600)  # 200 kB/s: a slow machine is slower still
        assert (await down.origin(found).fetch(Sink(start=SIZE - 100_000)))[0] == OriginEnd.COMPLETE
        await world.server.until(lambda: world.server.count("SendUploadSpeed", "uploader") == 1)
        told = world.server._stats_of("uploader").avg_speed
        assert 0 < told < 1_000_000, "100 kB in a third of a second, not the 3 MB of the file"
        assert (await search(down, "first album"))[0].speed == told

    in_world(story)


def test_a_huge_file_that_somebody_has_already_silences_no_search_answer(in_world) -> None:
    async def story(world: World) -> None:
        folder = world.share("up", {"Lab Band/image.bin": b"x", NAME: blob(5000)})
        os.truncate(folder / "Lab Band" / "image.bin", 2**36)  # nothing is written to the disk
        await world.online("uploader", 2, folder)
        down = await world.online("downloader", 3)
        found = await world.find(down, "image")
        assert (await down.origin(found).fetch(Sink(start=found.size)))[0] == OriginEnd.COMPLETE
        assert (await search(down, "opening song"))[0].username == "uploader"

    in_world(story)


def test_a_sink_that_has_enough_ends_well_and_the_uploader_sees_one_try(in_world) -> None:
    data = blob(24 * 1024 * 1024)

    async def story(world: World) -> None:
        up, down, found = await two(world, data)
        sink = Sink(enough_at=500_000)
        end, _ = await down.origin(found).fetch(sink)
        assert end == OriginEnd.ENOUGH
        assert bytes(sink.data) == data[: len(sink.data)] and 500_000 <= len(sink.data) < 2_000_000
        assert sink.starts == 1
        while any(each.state in ("active", "starting", "queued") for each in up.uploads()):
            await asyncio.sleep(0.02)
        started = [text for who, event, text in world.events if who == "uploader" and event == "soulseek.upload" and "active" in text]
        assert len(started) == 1
        assert down.transfers.transfers == []
        # nothing asks for it again: the next management cycles find an empty list
        asked = world.server.count("GetPeerAddress", "downloader")
        await asyncio.sleep(0.6)  # time in which it would be asked for again
        assert world.server.count("GetPeerAddress", "downloader") == asked
        assert len([1 for who, event, text in world.events if event == "soulseek.upload" and "active" in text]) == 1
        # and the rest may be had later, from the same user
        rest = Sink(start=len(sink.data))
        assert (await down.origin(found).fetch(rest))[0] == OriginEnd.COMPLETE
        assert bytes(sink.data + rest.data) == data

    in_world(story)


def test_two_uploaders_with_one_ticket_number_are_not_mixed_up(in_world) -> None:
    first, second = blob(SIZE, 1), blob(SIZE, 2)

    async def story(world: World) -> None:
        uploaders = []
        for name, number, data in (("one", 2, first), ("two", 3, second)):
            plane = await world.online(name, number, world.share(name, {f"{name} tune.flac": data}))
            plane.transfers._ticket_generator = iter(range(7, 100))
            uploaders.append(plane)
        down = await world.online("downloader", 4)
        files = [await world.find(down, query) for query in ("one tune", "two tune")]

        both = asyncio.Event()

        def wait_for_both(network) -> None:
            connect = network.create_peer_connection

            async def connect_late(username: str, typ: str, **more):
                while typ == "F" and not both.is_set():
                    if len(down.transfers._expected_files) == 2:
                        both.set()
                    await asyncio.sleep(0.01)
                return await connect(username, typ, **more)

            network.create_peer_connection = connect_late

        for plane in uploaders:
            wait_for_both(plane._client.network)
        sinks = [Sink(), Sink()]
        fetches = [asyncio.ensure_future(down.origin(each).fetch(sink)) for each, sink in zip(files, sinks, strict=True)]
        while not all(sink.has(OriginState.ACTIVE) for sink in sinks):
            await asyncio.sleep(0.01)
        for plane in uploaders:
            del plane._client.network.create_peer_connection
        assert [end for end, _ in await asyncio.gather(*fetches)] == [OriginEnd.COMPLETE] * 2
        assert [sha(bytes(each.data)) for each in sinks] == [sha(first), sha(second)]

    in_world(story)


def test_waiting_users_are_told_their_place_and_served_oldest_first(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up = await world.online("uploader", 2, world.share("up", {NAME: data}), upload_slots=1)
        up.set_limits(0, 80)
        sinks, tasks, order = [], [], []
        for number in (3, 4, 5):
            down = await world.online(f"user{number}", number)
            found = await world.find(down, f"opening song {'flac ' * (number - 3)}")
            sink = Sink()
            sinks.append(sink)

            async def fetch(down=down, found=found, sink=sink, number=number) -> None:
                assert (await down.origin(found).fetch(sink))[0] == OriginEnd.COMPLETE
                order.append(number)

            tasks.append(asyncio.ensure_future(fetch()))
            expected = OriginState.ACTIVE if number == 3 else OriginState.QUEUED
            await sink.until(lambda sink=sink, expected=expected: sink.has(expected))
        await sinks[1].until(lambda: (OriginState.QUEUED, 1) in sinks[1].states)
        await sinks[2].until(lambda: (OriginState.QUEUED, 2) in sinks[2].states)
        assert up.uploads_queued == 2 and [each.state for each in up.uploads()][:1] == ["active"]
        up.set_limits(0, 0)
        await asyncio.gather(*tasks)
        assert order == [3, 4, 5]
        assert all(sha(bytes(each.data)) == sha(data) for each in sinks)

    in_world(story)


def test_a_user_who_is_not_online_is_said_to_be_offline(in_world) -> None:
    async def story(world: World) -> None:
        up, down, found = await two(world, blob(1000))
        await up.stop()
        world.planes.remove(up)
        await world.server.until(lambda: "uploader" not in world.server.members)
        end, words = await down.origin(found).fetch(Sink())
        assert end == OriginEnd.OFFLINE and "uploader is not online" in words
        end, words = await down.origin(FoundFile("nobody", "x\\y.flac", 10, "flac")).fetch(Sink())
        assert end == OriginEnd.OFFLINE and "nobody is not online" in words

    in_world(story)


def test_a_file_that_is_not_shared_is_denied_in_the_uploaders_words(in_world) -> None:
    async def story(world: World) -> None:
        _, down, found = await two(world, blob(1000))
        wrong = FoundFile("uploader", found.path + "x", 1000, "flac")
        end, words = await down.origin(wrong).fetch(Sink())
        assert end == OriginEnd.DENIED and "File not shared." in words

    in_world(story)


def test_a_file_of_another_size_is_a_mismatch_and_nothing_is_received(in_world) -> None:
    async def story(world: World) -> None:
        _, down, found = await two(world, blob(1000))
        sink = Sink()
        end, words = await down.origin(FoundFile("uploader", found.path, 999, "flac")).fetch(sink)
        assert end == OriginEnd.MISMATCH and "1000 bytes" in words and not sink.data and not sink.starts

    in_world(story)


def test_a_sink_that_refuses_the_overlap_ends_as_a_mismatch_and_a_full_disk_reaches_the_caller(in_world) -> None:
    class Refusing(Sink):
        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

        async def write(self, data: bytes) -> bool:
            raise self.error

    async def story(world: World) -> None:
        _, down, found = await two(world, blob(SIZE))
        assert await down.origin(found).fetch(Refusing(ValueError("the overlap differs"))) == (OriginEnd.MISMATCH, "the overlap differs")
        with pytest.raises(OSError, match="full"):
            await down.origin(found).fetch(Refusing(OSError("disk full")))
        assert down.transfers.transfers == []

    in_world(story)


def test_cancelling_while_it_flows_closes_the_connection_and_the_rest_can_be_had(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up, down, found = await two(world, data)
        up.set_limits(0, 800)
        sink = Sink()
        task = asyncio.ensure_future(down.origin(found).fetch(sink))
        await sink.until(lambda: len(sink.data) > 100_000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert down.transfers.transfers == []
        kept = bytes(sink.data)
        up.set_limits(0, 0)
        rest = Sink(start=len(kept))
        assert (await down.origin(found).fetch(rest))[0] == OriginEnd.COMPLETE
        assert kept + bytes(rest.data) == data

    in_world(story)


def test_a_read_cap_holds_until_it_is_lifted(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        _, down, found = await two(world, data)
        origin = down.origin(found)
        origin.set_rate(64 * 1024)
        sink = Sink()
        task = asyncio.ensure_future(origin.fetch(sink))
        await sink.until(lambda: len(sink.data) >= 16 * 1024)
        began = world.clock.now()
        await sink.until(lambda: len(sink.data) >= 80 * 1024)
        assert world.clock.now() - began >= 0.7  # 64 KiB at 64 KiB/s, less one read: a cap can only be shown by time not being shorter
        assert len(sink.data) < 200 * 1024
        origin.set_rate(None)
        assert (await task)[0] == OriginEnd.COMPLETE
        assert sha(bytes(sink.data)) == sha(data)

    in_world(story)


def test_twenty_files_of_an_unreachable_user_cost_a_handful_of_server_messages(in_world) -> None:
    async def story(world: World) -> None:
        down = await world.online("downloader", 3)
        # online at the server, but nobody listens on the port it tells
        reader, writer = await asyncio.open_connection("127.1.0.1", world.server.port, local_addr=("127.1.9.1", 0))
        from aioslsk.protocol.messages import Login, SetListenPort

        writer.write(Login.Request("ghost", "x", 175, "", 1).serialize() + SetListenPort.Request(1).serialize())
        await world.server.until(lambda: world.server.count("SetListenPort", "ghost") == 1)

        async def refuse_indirect() -> None:
            from aioslsk.protocol.messages import CannotConnect

            while True:
                head = await reader.readexactly(4)
                body = await reader.readexactly(struct.unpack("<I", head)[0])
                if struct.unpack_from("<I", body)[0] == 18:
                    ticket = struct.unpack_from("<I", body, len(body) - 13)[0]
                    writer.write(CannotConnect.Request(ticket, "downloader").serialize())

        refusing = asyncio.ensure_future(refuse_indirect())
        before = sum(count for (who, _), count in world.server.counters.items() if who == "downloader")
        files = [FoundFile("ghost", f"@@ghost\\{number}.flac", 1000, "flac") for number in range(20)]
        ends = await asyncio.gather(*(down.origin(each).fetch(Sink()) for each in files))
        assert {end for end, _ in ends} == {OriginEnd.OFFLINE}
        again = await asyncio.gather(*(down.origin(each).fetch(Sink()) for each in files))
        assert {end for end, _ in again} == {OriginEnd.OFFLINE}
        assert "next try in" in again[0][1]
        after = sum(count for (who, _), count in world.server.counters.items() if who == "downloader")
        assert world.server.count("GetPeerAddress", "downloader") <= 2
        assert after - before <= 10
        refusing.cancel()
        writer.close()

    in_world(story)


def test_a_lost_queue_message_is_sent_again(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up, down, found = await two(world, data)
        down.transfers.manners, forgotten = replace(QUICK, place_timeout=0.5), 0
        stock = up.transfers._on_peer_transfer_queue
        from aioslsk.protocol.messages import PeerTransferQueue

        async def forget_the_first(message, connection) -> None:
            nonlocal forgotten
            forgotten += 1
            if forgotten > 1:
                down.transfers.manners = QUICK  # on a busy machine two answers more could take longer than that
                await stock(message, connection)

        up.transfers._MESSAGE_MAP[PeerTransferQueue.Request] = forget_the_first
        sink = Sink()
        assert (await down.origin(found).fetch(sink))[0] == OriginEnd.COMPLETE
        assert forgotten == 2 and sha(bytes(sink.data)) == sha(data)

    in_world(story)


def test_a_connection_that_closes_under_the_request_is_not_taken_for_queued(in_world) -> None:
    async def story(world: World) -> None:
        _, down, found = await two(world, blob(1000))
        network = down._client.network
        lost = 0

        async def losing(username: str, typ: str = "P"):
            connection = await type(network).get_peer_connection(network, username, typ)

            async def lose(message) -> None:
                nonlocal lost
                lost += 1
                await connection.disconnect()

            connection.send_message = lose
            return connection

        network.get_peer_connection = losing
        end, words = await down.origin(found).fetch(Sink())
        assert end == OriginEnd.OFFLINE and "cannot be reached" in words and lost == 2

    in_world(story)


def test_the_same_file_is_not_fetched_twice_at_once(in_world) -> None:
    async def story(world: World) -> None:
        up, down, found = await two(world, blob(SIZE))
        up.set_limits(0, 80)
        sink = Sink()
        first = asyncio.ensure_future(down.origin(found).fetch(sink))
        await sink.until(lambda: sink.has(OriginState.ACTIVE))
        end, words = await down.origin(found).fetch(Sink())
        assert end == OriginEnd.DENIED and "already" in words
        up.set_limits(0, 0)
        assert (await first)[0] == OriginEnd.COMPLETE

    in_world(story)


def test_an_uploader_that_goes_away_midway_is_lost_and_what_came_is_kept(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        up, down, found = await two(world, data)
        up.set_limits(0, 800)
        sink = Sink()
        task = asyncio.ensure_future(down.origin(found).fetch(sink))
        await sink.until(lambda: len(sink.data) > 100_000)
        await up.stop()
        world.planes.remove(up)
        end, words = await task
        assert end == OriginEnd.LOST and words
        assert bytes(sink.data) == data[: len(sink.data)]

    in_world(story)


def test_manners_in_tests_are_only_shorter_waits() -> None:
    assert QUICK.backoff == (60.0, 120.0, 300.0, 900.0, 1800.0)


def test_a_connection_closed_by_a_late_search_answer_does_not_make_its_user_unreachable(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        _, down, found = await two(world, data)
        network, closed = down._client.network, 0

        async def closing_once(username: str, typ: str = "P"):
            nonlocal closed
            connection = await type(network).get_peer_connection(network, username, typ)
            if closed == 0:
                closed += 1
                await connection.disconnect()
            return connection

        network.get_peer_connection = closing_once
        sink = Sink()
        assert (await down.origin(found).fetch(sink))[0] == OriginEnd.COMPLETE
        assert closed == 1 and sha(bytes(sink.data)) == sha(data)

    in_world(story)


def test_one_user_cannot_fill_the_upload_queue(in_world) -> None:
    async def story(world: World) -> None:
        up, down, found = await two(world, blob(1000))
        up.transfers.set_rules(GroupRules(queue_files=0))
        end, words = await down.origin(found).fetch(Sink())
        assert end == OriginEnd.DENIED and "Too many files" in words
        assert up.uploads() == ()

    in_world(story)
