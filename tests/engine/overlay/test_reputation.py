"""Reputation on real sockets: who lies is driven to 0.3 and passed over, remembered over a restart, asked where nobody else is, and heals with the weeks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from overlay_world import RECORDING, World, dial, make_file, run, until, world

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.overlay.files import FileProvider
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import SystemClock, VirtualClock
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.plan.cost import Tunables
from slskdn_tui.engine.swarm.stall import RescueThresholds
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.variant import LEAF, Variant

SIZE = 64 * LEAF


@asynccontextmanager
async def stores(folder: Path, clock: VirtualClock) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
    """Opens the profile's store, anew at each call; the last one is closed at the end."""
    paths, opened = Paths.of(folder / "profile"), list[Store]()
    paths.ensure()

    async def again() -> Store:
        while opened:
            await opened.pop().close()
        opened.append(await Store.open(paths, clock))
        return opened[-1]

    try:
        yield again
    finally:
        while opened:
            await opened.pop().close()


class Lying:
    """A provider that changes the first byte of all it reads while `lies`."""

    def __init__(self, real: FileProvider) -> None:
        self.lies = True
        self._real = real

    def find(self, recordings: Sequence[str]) -> Sequence[Variant]:
        return self._real.find(recordings)

    def open(self, variant_id: str) -> Any:
        reader = self._real.open(variant_id)
        if reader is not None and self.lies:
            read = reader.read
            reader.read = lambda offset, length: bytes([read(offset, length)[0] ^ 0x55]) + read(offset, length)[1:]  # type: ignore[method-assign]
        return reader


class Fetches:
    """Files got from nodes one after the other, with one book behind all of them."""

    def __init__(self, folder: Path, made: World, variant: Variant) -> None:
        self.folder, self.variant, self.count = folder, variant, 0
        self.made = made
        self.book: PeerBook

    async def swarm(self) -> TrackSwarm:
        self.count += 1
        part = await PartFile.open(
            f"{self.folder}/{self.count}.part", self.variant.length, f"{self.count}", MemoryPartStore(), SystemClock()
        )
        return TrackSwarm(
            part,
            clock=SystemClock(),
            supervisor=self.made.supervisor,
            tunables=Tunables(),
            rescue=RescueThresholds(),
            reputation=self.book.reputation,
            observe=lambda event: None,
            on_outcome=self.book.outcome,
            guard=False,
        )

    async def lied_to_by(self, peer: OverlayPeer) -> None:
        """One file, until this peer was found out."""
        swarm = await self.swarm()
        task = asyncio.ensure_future(swarm.run())
        assert await swarm.add_peer(peer, self.variant) == ""
        await until(lambda: peer.node_id in swarm.bans)
        swarm.abort()
        await task
        await swarm.stop()

    async def whole(self, *peers: OverlayPeer) -> bytes:
        """One file, to its end."""
        swarm = await self.swarm()
        task = asyncio.ensure_future(swarm.run())
        for peer in peers:
            assert await swarm.add_peer(peer, self.variant) == ""
        assert await task is SwarmEnd.COMPLETE
        await swarm.stop()
        return (self.folder / f"{self.count}.part").read_bytes()


def sent(mesh: Mesh) -> int:
    return sum(peer.traffic.up for peer in mesh.peers.values())


async def nodes(made: World, folder: Path) -> tuple[Mesh, Mesh, Mesh, Lying, Variant, bytes]:
    """Me, an honest node, a liar with the same file."""
    data = make_file(folder / "file", SIZE)
    providers = [FileProvider(), FileProvider()]
    for provider in providers:
        variant = await provider.add(folder / "file", RECORDING)
    lying = Lying(providers[1])
    me, honest, liar = (
        await made.node(1),
        await made.node(2, providers=[providers[0]], upload_bytes_s=16_000_000),
        await made.node(3, providers=[lying]),
    )
    return me, honest, liar, lying, variant, data


def test_a_liar_is_driven_to_the_threshold_and_passed_over_and_seven_idle_days_halve_its_distance_to_one(tmp_path: Path) -> None:
    async def body() -> None:
        days = VirtualClock()
        async with world() as made, stores(tmp_path, days) as opened:
            store = await opened()
            me, honest, liar, lying, variant, data = await nodes(made, tmp_path)
            good, bad = await dial(me, honest), await dial(me, liar)
            fetches = Fetches(tmp_path, made, variant)
            book = fetches.book = PeerBook(store.peers, days)
            scores = []
            for _ in range(10):
                await fetches.lied_to_by(bad)
                scores.append(book.reputation(bad.node_id))
            assert scores == pytest.approx([1.0 - 0.07 * lies for lies in range(1, 11)]), "each lie costs"
            assert scores[-1] == pytest.approx(0.3, abs=1e-9)
            lying.lies = False
            await until(lambda: not bad.outstanding)
            before = sent(liar)
            assert await fetches.whole(good, bad) == data
            assert sent(liar) == before and sent(honest) >= SIZE, "it had every piece, and was asked for none"

            await book.flush()
            store = await opened()
            book = fetches.book = PeerBook(store.peers, days)
            await book.load()
            assert book.reputation(bad.node_id) == pytest.approx(0.3, abs=1e-9)
            assert await fetches.whole(good, bad) == data
            assert sent(liar) == before, "nor after a restart"
            honest.set_upload_rate(16 * LEAF)  # alone it would need four seconds: the other is there before

            await days.advance(7 * 86_400)
            assert book.reputation(bad.node_id) == pytest.approx(0.65, abs=1e-9), "seven idle days: half of the way back to 1.0"
            assert await fetches.whole(good, bad) == data
            assert sent(liar) > before, "it may serve again"

    run(body)


def test_who_is_avoided_still_serves_where_nobody_else_is_and_every_piece_is_verified(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as made, stores(tmp_path, VirtualClock()) as opened:
            store = await opened()
            me, _, liar, lying, variant, data = await nodes(made, tmp_path)
            bad = await dial(me, liar)
            fetches = Fetches(tmp_path, made, variant)
            book = fetches.book = PeerBook(store.peers, VirtualClock())
            for _ in range(10):
                book.outcome(bad.node_id, ChunkOutcome.CORRUPTION)
            assert book.avoided(bad.node_id)
            lying.lies = False
            assert await fetches.whole(bad) == data
            assert sent(liar) >= SIZE

    run(body)


def test_who_is_blocked_is_dropped_while_it_serves_and_neither_called_nor_let_in_again(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as made, stores(tmp_path, VirtualClock()) as opened:
            store = await opened()
            book = PeerBook(store.peers, VirtualClock())
            data = make_file(tmp_path / "file", SIZE)
            provider = FileProvider()
            variant = await provider.add(tmp_path / "file", RECORDING)
            me = await made.node(1, providers=[provider], blocked=book.blocked, upload_bytes_s=4 * LEAF)
            book.on_block = lambda node_id: me.drop(node_id, "blocked")
            other = await made.node(2)
            peer = await dial(other, me)
            fetches = Fetches(tmp_path, made, variant)
            fetches.book = PeerBook(store.peers, VirtualClock())
            swarm = await fetches.swarm()
            task = asyncio.ensure_future(swarm.run())
            assert await swarm.add_peer(peer, variant) == ""
            await until(lambda: sent(me) > 0)
            await book.block(other.identity.node_id, "enough")
            await until(lambda: peer.closed and not me.peers)
            assert swarm.status().done < len(data)
            swarm.abort()
            await task
            await swarm.stop()
            for one, two in ((other, me), (me, other)):
                with pytest.raises(ConnectionError):
                    await dial(one, two)
            assert await book.unblock(other.identity.node_id)
            assert (await dial(other, me)).node_id == me.identity.node_id

    run(body)
