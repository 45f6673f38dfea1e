"""The control socket: several windows and scripts on one engine, and none of them can harm it."""

import asyncio
import os
import stat
import struct

import pytest

from slskdn_tui.engine import control
from slskdn_tui.engine.control_wire import MAX_REPLY, MAX_REQUEST
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import JobsView, LogRow, LogView, Unchanged, ViewKey
from slskdn_tui.seam import Command
from tests.engine.control.control_world import FakeEngine, RawClient, busy_swarms, served


def run(work):
    async def timed():
        async with asyncio.timeout(60):
            await work()

    asyncio.run(timed())


async def until(true):
    while not true():
        await asyncio.sleep(0.01)


def test_an_attached_window_sees_and_acts_as_if_the_engine_were_here(tmp_path):
    async def work():
        async with served(tmp_path / "s") as (engine, _):
            remote = RemoteEngine(tmp_path / "s")
            await remote.start()
            assert remote.description == f"attached to pid {os.getpid()}"
            assert await remote.snapshot(ViewKey("jobs")) == engine.views["jobs"]
            assert await remote.snapshot(ViewKey("jobs"), 7) == Unchanged(7)
            result = await remote.submit(Command("jobs.pause", {"job": "0f4de638"}))
            assert result.ok and result.data == {"job_id": "0f4de638"}
            assert engine.commands == [Command("jobs.pause", {"job": "0f4de638"})]
            assert (await remote.submit(Command("jobs.pause", {"job": "ffff"}))).code == "not_found"
            with pytest.raises(UserError) as caught:
                await remote.snapshot(ViewKey("job", "ffff"))
            assert (caught.value.code, caught.value.hint) == ("not_found", "`slskdn jobs list` shows them")
            await remote.stop()

    run(work)


def test_200_tracks_with_3_sources_come_over_whole(tmp_path):
    async def work():
        async with served(tmp_path / "s") as (engine, _):
            remote = RemoteEngine(tmp_path / "s")
            await remote.start()
            view = await remote.snapshot(ViewKey("swarms", count=1000))
            assert view == engine.views["swarms"] == busy_swarms() and len(view.rows) == 800
            await remote.stop()

    run(work)


def test_two_windows_see_the_same_and_each_its_own_events(tmp_path):
    async def work():
        async with served(tmp_path / "s") as (engine, server):
            windows = [RemoteEngine(tmp_path / "s") for _ in range(2)]
            for window in windows:
                await window.start()
            streams = [window.events() for window in windows]
            assert [await window.snapshot(ViewKey("jobs")) for window in windows] == [engine.views["jobs"]] * 2
            engine.tell("rescued")
            assert [(await anext(stream)).text for stream in streams] == ["rescued"] * 2
            await windows[0].stop()
            assert (await windows[1].submit(Command("jobs.pause", {"job": "x"}))).ok
            engine.tell("again")
            assert (await anext(streams[1])).text == "again"
            await until(lambda: server.clients == 1)
            await windows[1].stop()

    run(work)


def test_an_event_caused_by_the_next_command_is_not_missed(tmp_path):
    async def work():
        async with served(tmp_path / "s") as (engine, _):
            remote = RemoteEngine(tmp_path / "s")
            await remote.start()
            first, second = remote.events(), remote.events()
            await remote.submit(Command("jobs.pause", {"job": "x"}))
            engine.tell("paused")
            assert [(await anext(stream)).text for stream in (first, second)] == ["paused", "paused"]
            await remote.stop()

    run(work)


def test_when_the_engine_goes_away_everybody_is_told_what_to_do(tmp_path):
    async def work():
        engine = FakeEngine()
        engine.gate = asyncio.Event()
        remote = RemoteEngine(tmp_path / "s")
        async with served(tmp_path / "s", engine):
            await remote.start()
            stream = remote.events()
            asking = asyncio.ensure_future(remote.submit(Command("jobs.pause", {"job": "x"})))
            listening = asyncio.ensure_future(anext(stream))
            await until(lambda: engine.waiting)
        for waiting in (asking, listening):
            with pytest.raises(UserError) as caught:
                await waiting
            assert caught.value.code == "no_engine" and "slskdn serve" in caught.value.hint
        with pytest.raises(UserError, match="stopped"):
            await remote.snapshot(ViewKey("jobs"))
        with pytest.raises(UserError):
            await anext(remote.events())
        await remote.stop()
        with pytest.raises(UserError) as caught:
            await RemoteEngine(tmp_path / "s").start()
        assert caught.value.code == "no_engine"

    run(work)


def test_a_slow_command_does_not_hold_up_the_screen(tmp_path):
    async def work():
        engine = FakeEngine()
        engine.gate = asyncio.Event()
        async with served(tmp_path / "s", engine):
            remote = RemoteEngine(tmp_path / "s")
            await remote.start()
            slow = asyncio.ensure_future(remote.submit(Command("jobs.create", {"reference": "x"})))
            await until(lambda: engine.waiting)
            assert isinstance(await remote.snapshot(ViewKey("jobs")), JobsView)
            assert not slow.done()
            engine.gate.set()
            assert (await slow).ok
            await remote.stop()

    run(work)


def test_a_command_is_carried_out_though_its_sender_has_left(tmp_path):
    async def work():
        engine = FakeEngine()
        engine.gate = asyncio.Event()
        async with served(tmp_path / "s", engine) as (_, server):
            client = await RawClient.connect(tmp_path / "s")
            client.send({"id": 1, "op": "submit", "command": {"name": "jobs.pause", "args": {"job": "x"}}})
            await until(lambda: engine.waiting)
            client.close()
            await until(lambda: server.clients == 0)
            engine.gate.set()
            await until(lambda: engine.commands)

    run(work)


def test_a_client_that_sends_more_than_16_requests_at_once_is_answered_in_the_end(tmp_path):
    async def work():
        engine = FakeEngine()
        engine.gate = asyncio.Event()
        async with served(tmp_path / "s", engine):
            client = await RawClient.connect(tmp_path / "s")
            for number in range(40):
                client.send({"id": number, "op": "submit", "command": {"name": "jobs.pause", "args": {}}})
            await until(lambda: engine.waiting == 16)
            await client.writer.drain()
            assert engine.waiting == 16
            engine.gate.set()
            assert sorted([(await client.receive())["id"] for _ in range(40)]) == list(range(40))

    run(work)


def test_a_reader_that_sleeps_loses_events_counted_and_stays_connected(tmp_path):
    async def work():
        async with served(tmp_path / "s") as (engine, server):
            client = await RawClient.connect(tmp_path / "s")
            client.reader._limit = 1024  # the client's own buffer stays small: what it does not read stays with the engine
            assert (await client.ask({"id": 1, "op": "events"}))["ok"]
            for number in range(20_000):
                engine.tell(f"{number} " + "x" * 400)
                if number % 100 == 99:
                    await asyncio.sleep(0)

            async def tick():
                while True:  # what was lost is told with the next event that gets through
                    engine.tell("the last")
                    await asyncio.sleep(0.01)

            ticking = asyncio.ensure_future(tick())
            seen = lost = 0
            text = ""
            while text != "the last":
                event = (await client.receive())["event"]
                seen, lost, text = seen + 1, lost + event["lost"], event["text"]
            ticking.cancel()
            assert seen < 10_000 and seen + lost > 20_000 and server.clients == 1

    run(work)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (struct.pack(">I", MAX_REQUEST + 1), "over the limit"),
        (struct.pack(">I", 0xFFFFFFFF), "over the limit"),
        (struct.pack(">I", 4) + b"nope", "not JSON"),
        (struct.pack(">I", 2) + b"[]", "an object"),
        (struct.pack(">I", 200_000) + b"[" * 200_000, "JSON"),
        (struct.pack(">I", 3) + b'"\xff"', "not JSON"),
        (struct.pack(">I", 19) + b'{"id": [], "op": 1}', "an object"),
    ],
)
def test_a_broken_frame_is_answered_and_ends_only_that_connection(tmp_path, raw, words):
    async def work():
        async with served(tmp_path / "s") as (_, server):
            client, other = await RawClient.connect(tmp_path / "s"), await RawClient.connect(tmp_path / "s")
            client.writer.write(raw)
            reply = await client.receive()
            assert (reply["id"], reply["ok"], reply["error"]["code"]) == (None, False, "usage") and words in reply["error"]["message"]
            assert await client.ended()
            assert (await other.ask({"id": 1, "op": "ping"}))["ok"]
            await until(lambda: server.clients == 1)

    run(work)


def test_events_are_kept_for_nobody_who_has_left(tmp_path):
    async def work():
        async with served(tmp_path / "s") as (engine, server):
            for last in ({"id": 1, "op": "events"}, {"id": 2, "op": "ping"}):  # gone before the first event is waited for, and while it is
                client = await RawClient.connect(tmp_path / "s")
                client.send({"id": 1, "op": "events"})
                if last["id"] > 1:
                    assert (await client.receive())["ok"] and (await client.ask(last))["ok"]
                client.close()
            while server.clients or engine.bus.readers:
                await asyncio.sleep(0.005)

    run(work)


def test_a_bug_in_the_engine_is_an_answer_and_not_a_silence(tmp_path):
    async def work():
        async with served(tmp_path / "s"):
            client = await RawClient.connect(tmp_path / "s")
            reply = await client.ask({"id": 1, "op": "snapshot", "view": {"screen": "track"}})
            assert reply["error"]["code"] == "failed" and "RuntimeError" in reply["error"]["message"]
            assert (await client.ask({"id": 2, "op": "ping"}))["ok"]

    run(work)


@pytest.mark.parametrize(
    "request_",
    [{"op": "snapshot"}, {"op": "snapshot", "view": 5}, {"op": "submit", "command": {"args": {}}}, {"op": "submit", "command": []}, {}],
)
def test_a_malformed_request_is_told_apart(tmp_path, request_):
    async def work():
        async with served(tmp_path / "s"):
            client = await RawClient.connect(tmp_path / "s")
            reply = await client.ask({"id": 1, **request_})
            assert (reply["id"], reply["error"]["code"]) == (1, "usage")
            assert (await client.ask({"id": 2, "op": "ping"}))["ok"]

    run(work)


def test_an_answer_that_is_too_large_is_refused_with_advice(tmp_path):
    async def work():
        engine = FakeEngine()
        rows = tuple(LogRow(str(n), 1, "", "log", "info", SafeText("ä" * 500)) for n in range(20_000))
        engine.views["log"] = LogView(1, rows)
        async with served(tmp_path / "s", engine):
            remote = RemoteEngine(tmp_path / "s")
            await remote.start()
            with pytest.raises(UserError) as caught:
                await remote.snapshot(ViewKey("log"))
            assert str(MAX_REPLY) in caught.value.message and "fewer rows" in caught.value.hint
            await remote.stop()

    run(work)


def test_another_version_is_refused(tmp_path):
    async def work():
        async with served(tmp_path / "s"):
            client = await RawClient.connect(tmp_path / "s")
            reply = await client.ask({"id": 1, "op": "hello", "version": 99})
            assert reply["error"]["code"] == "usage" and "version" in reply["error"]["message"]

    run(work)


def test_the_socket_is_private_replaces_a_dead_one_and_goes_with_the_engine(tmp_path):
    async def work():
        path = tmp_path / "run" / "engine.sock"
        path.parent.mkdir()
        path.touch()
        async with served(path):
            mode = path.stat().st_mode
            assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
            assert [entry.name for entry in path.parent.iterdir()] == ["engine.sock"]
        assert list(path.parent.iterdir()) == []

    run(work)


def test_a_profile_with_a_very_long_path_works_too(tmp_path):
    async def work():
        path = tmp_path / ("a" * 120) / ("b" * 120) / "engine.sock"
        async with served(path):
            remote = RemoteEngine(path)
            await remote.start()
            assert isinstance(await remote.snapshot(ViewKey("jobs")), JobsView)
            await remote.stop()

    run(work)


def test_more_clients_than_allowed_are_turned_away(tmp_path, monkeypatch):
    monkeypatch.setattr(control, "MAX_CLIENTS", 2)

    async def work():
        async with served(tmp_path / "s") as (_, server):
            clients = [await RawClient.connect(tmp_path / "s") for _ in range(2)]
            assert all([(await client.ask({"id": 1, "op": "ping"}))["ok"] for client in clients])
            third = await RawClient.connect(tmp_path / "s")
            assert await third.ended() and server.clients == 2

    run(work)


def test_a_client_that_never_takes_its_answers_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(control, "FRAME_S", 0.05)

    async def work():
        async with served(tmp_path / "s") as (_, server):
            client = await RawClient.connect(tmp_path / "s")
            client.writer.transport.pause_reading()
            for number in range(64):
                client.send({"id": number, "op": "snapshot", "view": {"screen": "swarms"}})
            await until(lambda: server.clients == 1)
            await until(lambda: server.clients == 0)

    run(work)
