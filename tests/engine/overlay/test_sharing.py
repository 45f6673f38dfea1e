"""A capped uplink over real sockets: kept to, and shared evenly whatever each peer asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from overlay_world import Collector, World, dial, offer, run, until, world

from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.model.variant import LEAF, Variant


class Hungry:
    """Asks for `leaves` at a time and always has `depth` such requests outstanding."""

    def __init__(self, peer: OverlayPeer, variant: Variant, leaves: int, depth: int) -> None:
        self.bytes = 0
        self._peer, self._variant, self._leaves = peer, variant, leaves
        self._at = 0
        peer.attach(variant.variant_id, self)
        for _ in range(depth):
            self._ask()

    def _ask(self) -> None:
        size = self._leaves * LEAF
        self._at = self._at % (self._variant.length // size)
        self._peer.request(self._variant.variant_id, self._at * size, size)
        self._at += 1

    def on_leaves(self, node_id: str, leaves: Sequence[tuple[int, memoryview]]) -> None:
        for _, data in leaves:
            self.bytes += len(data)
            if self.bytes % (self._leaves * LEAF) == 0:
                self._ask()

    def on_refused(self, node_id: str, offset: int, length: int, code: str) -> None:
        raise AssertionError(code)

    def on_lost(self, node_id: str, reason: str) -> None:
        pass


async def two(w: World, tmp_path: Path, **caps: Any) -> tuple[Mesh, Hungry, Hungry]:
    """A node that serves one who asks for 4 MiB at a time and one who asks for 128 KiB."""
    provider, variant, _ = await offer(tmp_path / "a", 8 * 1024 * 1024)
    server = await w.node(1, providers=[provider], **caps)
    peers = [await dial(await w.node(2 + n), server) for n in range(2)]
    for peer in peers:
        await peer.digests(variant)
    return server, Hungry(peers[0], variant, 16, 4), Hungry(peers[1], variant, 1, 2)


async def passed(server: Mesh, clock: VirtualClock, seconds: float) -> None:
    """So long on the server's clock, which goes on only while both wait for their turn: that a machine is slow costs nobody a share."""
    end = clock.now() + seconds
    while clock.now() < end:
        await until(lambda: all(peer.uploads._queue for peer in server.peers.values()))
        await clock.advance(0.005)


def test_one_who_asks_for_much_does_not_starve_one_who_asks_for_little(tmp_path: Path) -> None:
    async def body() -> None:
        clock = VirtualClock()
        async with world() as w:
            server, much, little = await two(w, tmp_path, clock=clock, upload_bytes_s=8_000_000)
            await passed(server, clock, 0.1)  # what was saved up has gone, to who came first
            before = much.bytes, little.bytes
            await passed(server, clock, 0.5)
            assert much.bytes - before[0] > 1_500_000
            assert little.bytes - before[1] == pytest.approx(much.bytes - before[0], rel=0.1)

    run(body)


def test_no_peer_gets_more_than_the_cap_of_one(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            begun = asyncio.get_running_loop().time()
            _, much, little = await two(w, tmp_path, peer_bytes_s=8_000_000)
            await until(lambda: min(much.bytes, little.bytes) > 6_000_000)  # far more than what was saved up
            spent = asyncio.get_running_loop().time() - begun
            for each in (much, little):  # what was saved up, the time there was, and a piece
                assert each.bytes <= 8_000_000 * (0.25 + spent) + 512 * 1024

    run(body)


@pytest.mark.slow
def test_the_cap_is_kept_and_shared_within_five_percent_over_ten_seconds(tmp_path: Path) -> None:
    async def body() -> None:
        clock = VirtualClock()
        async with world() as w:
            server, much, little = await two(w, tmp_path, clock=clock, upload_bytes_s=2_000_000)
            await passed(server, clock, 0.5)  # what was saved up has gone
            much_before, little_before = much.bytes, little.bytes
            await passed(server, clock, 10.0)
            shares = much.bytes - much_before, little.bytes - little_before
            assert sum(shares) / 10 == pytest.approx(2_000_000, rel=0.05)
            for share in shares:
                assert share == pytest.approx(sum(shares) / 2, rel=0.05)

    run(body)


def test_after_a_cancel_no_byte_more_comes_over_the_wire(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 16 * 1024 * 1024)
            server, client = await w.node(1, providers=[provider], upload_bytes_s=500_000), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            for first in range(0, variant.leaves, 16):
                peer.request(variant.variant_id, first * LEAF, 16 * LEAF)
            await until(lambda: len(got.got) >= 4)
            peer.cancel(variant.variant_id, reason="user_cancelled")
            await until(lambda: peer.outstanding == 0)
            quiet = peer.wire_bytes
            peer.request(variant.variant_id, 0, LEAF)
            await until(lambda: len(got.got) > 4 and got.got[-1] == 0)
            assert peer.wire_bytes - quiet == 9 + 8 + LEAF  # nothing but what was asked for after it

    run(body)


def test_a_request_deep_in_the_queue_is_told_its_deadline_passed(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 4 * 1024 * 1024)
            server, client = await w.node(1, providers=[provider], upload_bytes_s=65_536), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            peer.request(variant.variant_id, 0, 16 * LEAF, priority=5)  # 15 s of work before it
            peer.request(variant.variant_id, 16 * LEAF, LEAF, deadline_ms=50)
            await until(lambda: bool(got.refused))
            assert got.refused == [(16 * LEAF, LEAF, "timeout")]
            assert len(got.got) < 12  # told while what is before it is still being sent

    run(body)
