"""What a running swarm says to its peers of what its scheduler decided: what is urgent, what is not wanted any more; and whose silence it is when this
program itself was held up. Time passes only as each test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from world import FakeOrigin, FakePeer, World, some_bytes

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.ports import HIGH, Window
from slskdn_tui.model.variant import LEAF


class Stopping(VirtualClock):
    """A clock that goes on while the program stands still, as when the machine was busy or asleep."""

    def stand_still(self, seconds: float) -> None:
        self._now += seconds


class Listener(FakePeer):
    """Notes what it is told, and sends what the test says."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(name, data)
        self.priority: dict[int, int] = {}  # leaf -> what it was asked for with, last
        self.unwanted: dict[int, str] = {}  # leaf -> why it is not wanted any more

    def request(self, variant_id: str, offset: int, length: int, *, priority: int = 0, deadline_ms: int = 0) -> None:
        self.priority.update((at // LEAF, priority) for at in range(offset, offset + length, LEAF))

    def cancel(self, variant_id: str, offset: int | None = None, length: int | None = None, *, reason: str = "swarm_rebalanced") -> None:
        if offset is not None and length is not None:
            self.unwanted.update((at // LEAF, reason) for at in range(offset, offset + length, LEAF))

    def send(self, *leaves: int, wrong: int = -1) -> None:
        """All at once; `wrong` is sent as zeros."""
        came = [(leaf * LEAF, memoryview(bytes(LEAF) if leaf == wrong else self.data[leaf * LEAF :][:LEAF])) for leaf in leaves]
        self._receivers[self.variant.variant_id].on_leaves(self.node_id, came)


@asynccontextmanager
async def asked(
    folder: Path, leaves: int, *names: str, **settings: Any
) -> AsyncIterator[tuple[World, Stopping, TrackSwarm, list[Listener]]]:
    """A swarm over these peers, which have been asked for what they are asked at first."""
    data, clock = some_bytes(leaves * LEAF), Stopping()
    world = World(folder, len(data), guard=False, clock=clock, **settings)
    swarm = await world.open()
    peers = [Listener(name, data) for name in names]
    for peer in peers:
        assert await swarm.add_peer(peer, peer.variant) == ""
    run = asyncio.ensure_future(swarm.run())
    await clock.advance(0.5)
    try:
        yield world, clock, swarm, peers
    finally:
        swarm.abort()
        await run
        await swarm.stop()


def go(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


def test_while_this_program_itself_stands_still_no_peer_is_taken_for_silent(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, 8, "a1") as (world, clock, _, (peer,)):
            first = set(peer.priority)
            assert first and not peer.unwanted
            clock.stand_still(60.0)
            await clock.advance(0.2)
            assert not world.told("take_back") and not world.outcomes, "a minute of our own is nobody's silence"
            peer.send(*first)
            await clock.advance(0.2)
            assert [name for _, name in world.outcomes] and {name for _, name in world.outcomes} == {"OK"}

    go(story)


def test_of_leaves_that_came_at_once_those_before_a_wrong_one_count_and_are_where_they_belong(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, 8, "a1") as (world, clock, swarm, (peer,)):
            while len(peer.priority) < 4:
                await clock.advance(0.1)
            peer.send(2, 3, 0, 1, 0)
            await clock.advance(0.1)
            assert swarm.part.pieces.codes()[:4] == b"mmmm" and world.bytes()[: 4 * LEAF] == peer.data[: 4 * LEAF]
            assert swarm.status().duplicate_bytes == LEAF and not swarm.status().bans, "the same leaf again is no lie"
            while len(peer.priority) < 7:
                await clock.advance(0.1)
            peer.send(6, 5, 4, wrong=5)
            assert (
                swarm.part.pieces.codes()[4:] == b".xm."
                and set(swarm.status().bans)
                and world.bytes()[6 * LEAF : 7 * LEAF] == peer.data[6 * LEAF : 7 * LEAF]
            )
            assert swarm.status().done == 5 * LEAF

    go(story)


def test_who_falls_silent_is_told_that_what_it_was_asked_for_is_not_wanted_any_more(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, 8, "a1") as (world, clock, _, (peer,)):
            first = set(peer.priority)
            while not world.told("take_back"):
                await clock.advance(0.5)
            assert peer.unwanted == dict.fromkeys(first, "timeout")

    go(story)


def test_of_two_who_are_asked_for_one_leaf_the_later_one_is_told_that_it_has_come(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, 1, "a1", "b2") as (_, clock, _, (quick, slow)):
            while not (quick.priority and slow.priority):
                await clock.advance(0.1)
            quick.send(0)
            assert slow.unwanted == {0: "swarm_rebalanced"} and not quick.unwanted

    go(story)


def test_what_is_urgent_is_asked_for_before_the_rest(tmp_path: Path) -> None:
    class Playing:
        def windows(self) -> tuple[Window, ...]:
            return (Window(3 * LEAF, 5 * LEAF, HIGH),)

    async def story() -> None:
        async with asked(tmp_path, 64, "a1") as (_, clock, swarm, (peer,)):
            swarm.set_windows(Playing())
            sent: set[int] = set()
            while len(sent) < 64:
                await clock.advance(0.05)
                peer.send(*(set(peer.priority) - sent))
                sent = set(peer.priority)
            await clock.advance(0.05)
            late = {leaf: priority for leaf, priority in peer.priority.items() if leaf >= 32}
            assert set(late.values()) == {1}, "the last 2 MiB"
            assert [peer.priority[leaf] for leaf in (3, 4)] == [HIGH, HIGH], "what is played"
            assert 0 in {peer.priority[leaf] for leaf in range(5, 32)}, "and the rest behind them"

    go(story)


def test_what_soulseek_brings_itself_is_called_off_at_the_peer(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, 2, "a1") as (_, _, swarm, (peer,)):
            assert set(peer.priority) == {0, 1}
            swarm.use_origin(FakeOrigin("anna", peer.data))
            while len(peer.unwanted) < 2:
                await asyncio.sleep(0.01)
            assert peer.unwanted == {0: "swarm_rebalanced", 1: "swarm_rebalanced"}

    go(story)


def test_who_sent_a_wrong_leaf_is_not_taken_in_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, 8, "a1") as (_, _, swarm, (liar,)):
            liar.data = bytes(len(liar.data))
            liar.send(0)
            liar.priority.clear()
            assert (await swarm.add_peer(liar, liar.variant)).startswith("banned: ")
            assert not liar.priority, "it is asked for nothing more"

    go(story)


def test_how_a_request_ended_counts_in_what_the_next_ones_cost(tmp_path: Path) -> None:
    standing = {"now": 1.0}

    async def story() -> None:
        async with asked(tmp_path, 64, "a1", reputation=lambda node: standing["now"]) as (_, _, swarm, (peer,)):
            (source,) = swarm.status().sources
            assert source.reputation == 1.0
            standing["now"] = 0.4
            peer.send(*peer.priority)
            (source,) = swarm.status().sources
            assert source.reputation == 0.4

    go(story)
