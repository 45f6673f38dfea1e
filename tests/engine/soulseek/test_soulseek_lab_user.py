"""The lab's server and sharing users as the demo runs them: child processes with their own addresses and counters."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from soulseek_world import Sink, World, blob, sha

from slskdn_tui.model.ports import OriginEnd, OriginState
from tests.fakes.ports import free_port

ROOT = Path(__file__).resolve().parents[3]


async def child(module: str, *args: str) -> asyncio.subprocess.Process:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", f"slskdn_tui.lab.{module}", *args, env=env, cwd=ROOT)


async def read_until(path: Path, condition) -> dict:
    while True:
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError):
            found = {}
        if found and condition(found):
            return found
        await asyncio.sleep(0.05)


async def end(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await process.wait()


def test_a_sharing_user_sends_at_its_rate_and_counts_what_it_sent(in_world) -> None:
    data = blob(400_000)

    async def story(world: World) -> None:
        folder = world.share("carol", {"Lab Album/02 - Slow Song.flac": data})
        stats = world.tmp / "carol.json"
        listen = f"127.1.7.1:{free_port('127.1.7.1')}"
        args = ("--server", world.address, "--user", "carol", "--password", "p", "--listen", listen, "--share", str(folder))
        process = await child("soulseek_user", *args, "--rate", "2000000", "--stats", str(stats))
        try:
            await read_until(stats, lambda found: found["ready"])
            assert world.server.addresses["carol"] == "127.1.7.1"
            down = await world.online("bob", 3)
            found = await world.find(down, "slow song")
            sink = Sink()
            assert (await down.origin(found).fetch(sink))[0] == OriginEnd.COMPLETE
            assert sha(bytes(sink.data)) == sha(data)
            report = await read_until(stats, lambda found: found["total"] >= len(data))
            assert report["sent"] == {found.path: len(data)} and report["uploads"] == {found.path: 1} and not report["stalled"]
        finally:
            assert await end(process) == 0

    in_world(story)


def test_a_stalling_user_sends_so_many_bytes_and_holds_the_connection(in_world) -> None:
    data = blob(900_000)

    async def story(world: World) -> None:
        folder = world.share("carol", {"Lab Album/01 - Stalling Song.flac": data})
        stats = world.tmp / "carol.json"
        listen = f"127.1.7.1:{free_port('127.1.7.1')}"
        args = ("--server", world.address, "--user", "carol", "--password", "p", "--listen", listen, "--share", str(folder))
        process = await child("soulseek_user", *args, "--stall-after", "300000", "--stats", str(stats))
        try:
            await read_until(stats, lambda found: found["ready"])
            down = await world.online("bob", 3)
            found = await world.find(down, "stalling song")
            sink = Sink()
            task = asyncio.ensure_future(down.origin(found).fetch(sink))
            await sink.until(lambda: len(sink.data) == 300_000)
            await read_until(stats, lambda report: report["stalled"].get(found.path) == 1)
            await asyncio.sleep(0.5)  # time in which more bytes would come
            assert len(sink.data) == 300_000 and not task.done() and sink.states[-1][0] == OriginState.ACTIVE
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # resumed, it sends as many again and stalls again
            rest = Sink(start=300_000)
            again = asyncio.ensure_future(down.origin(found).fetch(rest))
            await rest.until(lambda: len(rest.data) == 300_000)
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)
            assert bytes(sink.data + rest.data) == data[:600_000]
        finally:
            assert await end(process) == 0

    in_world(story)


def test_the_server_alone_keeps_its_stats_file_current(in_world) -> None:
    async def story(world: World) -> None:
        stats = world.tmp / "server.json"
        process = await child("soulseek_server", "--listen", "127.1.0.9:0", "--stats", str(stats), "--account", "alice:right")
        try:
            port = (await read_until(stats, lambda found: found["port"]))["port"]
            plane = await world.online("alice", 2, server=f"127.1.0.9:{port}", password="right")
            report = await read_until(stats, lambda found: "alice" in found["online"] and found["online"]["alice"]["port"])
            assert report["online"]["alice"] == {"address": "127.1.2.1", "port": plane._settings.listen_port}
            assert report["requests"]["alice"]["Login"] == 1
        finally:
            assert await end(process) == 0

    in_world(story)
