"""Many files wanted of few users: what it costs the server and those users, counted at the server and by the users, over half an hour that is shown fast."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest
from aioslsk.protocol.messages import CannotConnect, Login, PeerPlaceInQueueRequest, PeerTransferQueue, SetListenPort
from soulseek_world import Sink, World, blob, sha

from slskdn_tui.engine.soulseek.manners.manners import Manners
from slskdn_tui.engine.soulseek.manners.watch import Allowance
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.ports import OriginEnd, OriginState

ABOUT = ("GetPeerAddress", "ConnectToPeer", "AddUser", "RemoveUser", "GetUserStatus", "GetUserStats")


class FastClock:
    """A clock that runs so many times faster than the wall's."""

    def __init__(self, times: float) -> None:
        self.times = times
        self._began = time.monotonic()

    def now(self) -> float:
        return 1000.0 + (time.monotonic() - self._began) * self.times

    def wall(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.times)


class Costs:
    """What each user costs the server: messages it received about him, and when the downloader's allowance let each go, by the downloader's own clock.

    The clock runs 60 times as fast as the wall's, so that a busy machine's delay on the way to the server would be half a minute; what was let go is exact.
    """

    def __init__(self, world: World, asker: str, allowance: Allowance) -> None:
        self.received = Counter[str]()
        self.let_go: dict[str, list[float]] = defaultdict(list)
        self.unasked: list[str] = []
        record, spend = world.server._record, allowance.spend

        def noting(member: Any, name: str, message: Any) -> None:
            if member.username == asker and name in ABOUT:
                self.received[message.username] += 1
                if self.received[message.username] > len(self.let_go[message.username]):
                    self.unasked.append(f"{name} {message.username}")
            record(member, name, message)

        def spending(username: str, now: float) -> None:
            self.let_go[username].append(now)
            spend(username, now)

        world.server._record, allowance.spend = noting, spending

    def least_apart(self) -> float:
        """Seconds in which three messages about one user went, at the least."""
        return min(later - each for times in self.let_go.values() for each, later in zip(times, times[2:], strict=False))


class Ghost:
    """A user who is online at the server and cannot be reached by anybody. `leave` and `come` as users do."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self.name = name
        self._task: asyncio.Task[None] | None = None

    async def come(self) -> None:
        reader, self._writer = await asyncio.open_connection("127.1.0.1", self._world.server.port, local_addr=("127.1.9.1", 0))
        self._writer.write(Login.Request(self.name, "x", 175, "", 1).serialize() + SetListenPort.Request(1).serialize())
        await self._world.server.until(lambda: self.name in self._world.server.members)
        self._task = asyncio.ensure_future(self._refuse(reader))

    async def _refuse(self, reader: asyncio.StreamReader) -> None:
        while True:
            head = await reader.readexactly(4)
            body = await reader.readexactly(struct.unpack("<I", head)[0])
            if struct.unpack_from("<I", body)[0] == 18:
                ticket = struct.unpack_from("<I", body, len(body) - 13)[0]
                self._writer.write(CannotConnect.Request(ticket, "downloader").serialize())

    async def leave(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        await self._world.server.until(lambda: self.name not in self._world.server.members)


async def keep_at_it(plane: SoulseekPlane, file: FoundFile, places: Counter[str]) -> OriginEnd | None:
    """Wait for a file as a track does: in the queue, and when its user is away until that user is back."""
    origin = plane.origin(file)

    def told(state: OriginState, place: int | None, detail: str) -> None:
        if place is not None:
            places[file.path] = place

    try:
        while True:
            ended = await origin.queue(told)
            if ended is None or ended[0] is not OriginEnd.OFFLINE:
                return ended[0] if ended else None
            await plane.wait_back({file.username})
    finally:
        await origin.leave()


@pytest.mark.slow
def test_seven_hundred_waiting_files_cost_two_messages_a_user_and_minute_while_others_run(in_world) -> None:
    names = [f"{number:03}.flac" for number in range(500)]

    async def story(world: World) -> None:
        world.clock = FastClock(60.0)
        busy = await world.online("busy", 2, world.share("busy", dict.fromkeys(names, b"x")), upload_slots=1)
        await world.online("other", 4, world.share("other", {"tune.flac": blob(300_000)}))
        manners = Manners(moment=3.0, connect=3600.0, place_timeout=3600.0)  # a minute of the wall's
        down = await world.online("downloader", 3, manners=manners)
        tune = await world.find(down, "tune")
        assert tune.username == "other"
        first = await world.find(down, "000 flac")
        folder = first.path.removesuffix("000.flac")
        busy.transfers._initialize_upload = lambda transfer: asyncio.sleep(0)  # its slot never comes free
        requests, queued = Counter[str](), Counter[str]()
        for message, into in ((PeerPlaceInQueueRequest, requests), (PeerTransferQueue, queued)):
            stock = busy.transfers._MESSAGE_MAP[message.Request]

            async def count(message: Any, connection: Any, stock: Any = stock, into: Counter[str] = into) -> None:
                into[message.filename] += 1
                await stock(message, connection)

            busy.transfers._MESSAGE_MAP[message.Request] = count
        ghost = Ghost(world, "ghost")
        await ghost.come()
        costs = Costs(world, "downloader", down._client.transfers.allowance)
        places: Counter[str] = Counter()
        began = world.clock.now()
        waiting = [asyncio.ensure_future(keep_at_it(down, FoundFile("busy", folder + name, 1, "flac"), places)) for name in names] + [
            asyncio.ensure_future(keep_at_it(down, FoundFile("ghost", f"@@ghost\\{name}", 1000, "flac"), places)) for name in names[:200]
        ]
        sink = Sink()
        assert await down.origin(tune).fetch(sink) == (OriginEnd.COMPLETE, "")
        assert sha(bytes(sink.data)) == sha(blob(300_000))
        while world.clock.now() - began < 900:
            await asyncio.sleep(0.2)
        await ghost.leave()
        while world.clock.now() - began < 1200:
            await asyncio.sleep(0.2)
        await ghost.come()
        while world.clock.now() - began < 1500:
            await asyncio.sleep(0.2)
        minutes = (world.clock.now() - began) / 60
        assert not any(each.done() for each in waiting)
        assert costs.received["ghost"] and costs.received["busy"]
        assert costs.unasked == [] and costs.least_apart() >= 60
        assert max(costs.received.values()) <= 2 * (minutes + 1)
        assert costs.let_go["ghost"][-1] - began > 1200  # tried again when the user came back
        assert len(queued) == 500 and max(queued.values()) == 1  # each file asked for once
        assert sum(requests.values()) <= 4 * (minutes / 2 + 8)  # a few places every two minutes, after quicker first rounds
        assert len(places) == 500 and places[folder + names[250]] in range(230, 270)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await ghost.leave()

    in_world(story, timeout=400)
