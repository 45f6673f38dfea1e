"""A thousand hostile messages over real sockets against a plane in a process of its own: its memory stays, and everybody honest is still served."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hostile import attacks
from soulseek_world import Sink, World, blob, sha

from slskdn_tui.engine.soulseek.manners.watch import Allowance
from slskdn_tui.model.ports import OriginEnd

TOGETHER = 10
MOST_GROWTH = 200 * 1024 * 1024


def rss(pid: int) -> int:
    """Resident memory at its highest so far, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no such process")


class Victim:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port

    @classmethod
    async def open(cls, world: World, share: Path) -> Victim:
        here = Path(__file__).parent
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(here / "hostile_child.py"), str(world.server.port), str(share), str(world.tmp / "victim")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        victim = cls(process, 0)
        victim.port = (await victim.hear())["port"]
        return victim

    async def hear(self) -> Any:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, f"the process ended with {await self.process.wait()}"
        return json.loads(line)

    async def ask(self, word: str, *about: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word} {json.dumps(about[0] if len(about) == 1 else about)}\n".encode())
        return await self.hear()

    async def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert await self.process.wait() == 0


async def strike(victim: Victim, data: bytes, stay: bool, source: str, open_ones: list[asyncio.StreamWriter]) -> None:
    """One hostile connection; nothing of the answer is read."""
    try:
        _, writer = await asyncio.open_connection("127.1.2.1", victim.port, local_addr=(source, 0))
        writer.write(data)
        async with asyncio.timeout(5):  # nobody need read what a hostile one sends
            await writer.drain()
    except (OSError, TimeoutError):
        return
    if stay:
        open_ones.append(writer)
    else:
        writer.close()


async def honest_story(world: World, victim: Victim, data: bytes, number: int) -> None:
    """A search answered, a share browsed, a file sent and a file fetched, both right."""
    ours = world.planes[0]
    found = await world.find(ours, f"honest tune {'flac ' * number}")
    assert found.username == "victim"
    sink = Sink()
    assert await ours.origin(found).fetch(sink) == (OriginEnd.COMPLETE, "")
    assert sha(bytes(sink.data)) == sha(data)
    ours.people.shares.clear()
    listed = await ours.people.browse("victim")
    assert [name for folder in listed.folders for name, *_ in folder.files] == ["honest tune.flac"]
    mine = ours._reader.query("my own song")[0]
    fetched = await victim.ask("get", "honest", mine.remote, mine.size)
    assert fetched["end"] == "complete" and fetched["sha"] == sha(blob(40_000, 5))
    assert (await victim.ask("browse", "honest"))["names"] == ["my own song.flac"]


def run(in_world: Any, seed: int, count: int, timeout: float) -> None:
    data = blob(300_000, 4)

    async def story(world: World) -> None:
        honest = await world.online("honest", 3, world.share("ours", {"my own song.flac": blob(40_000, 5)}))
        honest.transfers.allowance = Allowance(10_000)  # its own patience with the server is not what is looked at
        victim = await Victim.open(world, world.share("theirs", {"honest tune.flac": data}))
        await honest_story(world, victim, data, 0)
        before = rss(victim.process.pid)
        open_ones: list[asyncio.StreamWriter] = []
        sent: Counter[str] = Counter()
        drawn = attacks(seed, count)
        for start in range(0, count, TOGETHER):
            some = drawn[start : start + TOGETHER]
            await asyncio.gather(
                *(
                    strike(victim, data, stay, f"127.1.{10 + number % 40}.1", open_ones)
                    for number, (_, data, stay) in enumerate(some, start)
                )
            )
            sent.update(kind for kind, _, _ in some)
            if start == count // 2:
                await honest_story(world, victim, data, 1)
        growth = rss(victim.process.pid) - before
        await honest_story(world, victim, data, 2)
        state = await victim.ask("how")
        assert state["state"] == "online" and state["failures"] == []
        growth = max(growth, rss(victim.process.pid) - before)
        assert growth < MOST_GROWTH, f"{growth >> 20} MiB after {dict(sent)}"
        assert sum(sent.values()) == count and len(sent) >= 12
        for each in open_ones:
            each.close()
        await victim.close()
        log = (world.tmp / "victim.log").read_text("utf-8")
        assert "\x1b" not in log and max(map(len, log.splitlines())) < 500
        assert not [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line]

    in_world(story, timeout=timeout)


def test_a_hundred_hostile_messages_cost_little_memory_and_no_honest_user_notices(in_world) -> None:
    run(in_world, seed=1, count=100, timeout=600)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_a_thousand_hostile_messages_cost_little_memory_and_no_honest_user_notices(in_world, seed: int) -> None:
    run(in_world, seed=seed, count=1000, timeout=600)
