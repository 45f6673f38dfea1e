"""A warm cache among Soulseek users, and mesh nodes on 127.1.N.1 that ask it and fetch from it. Every byte is counted by who sends or gets it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import overlay_world
from engine_world import Album, World, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.lab.data import demo_release

TRACKS = demo_release().media[0].tracks


def recording(position: int) -> str:
    """The MBID of the release's track at this position, from 1."""
    return TRACKS[position - 1].recording


class CacheWorld(World):
    """As `World`; `peers` are mesh nodes of 127.1.N.1, each on a network of its own."""

    def __init__(self, root: Path, album: Album, tracks: int = 2) -> None:
        super().__init__(root, album, tracks)
        self.mesh = overlay_world.World()
        self._stack.push_async_callback(self.mesh.stop)

    async def cache(self, name: str = "cache", *, overlay: dict[str, Any] | None = None, **sections: Any) -> Engine:
        """An engine whose cache is on, for ten peers, with a slot for everybody."""
        warm = {"enabled": True, **sections.pop("warm_cache", {})}
        return await self.engine(name, warm_cache=warm, overlay={"upload_slots": 40, **(overlay or {})}, **sections)

    async def peers(self, engine: Engine, count: int, first: int = 1) -> list[OverlayPeer]:
        """So many nodes that are connected to the engine."""
        _, _, port = engine.settings.overlay.listen.rpartition(":")
        host = engine.settings.overlay.listen.rpartition(":")[0]
        return [await self._dial(await self.mesh.node(number), host, int(port)) for number in range(first, first + count)]

    @staticmethod
    async def _dial(node: Mesh, host: str, port: int) -> OverlayPeer:
        return await node.dial(host, port)


async def fetch(peer: OverlayPeer, mbid: str) -> str:
    """Fetch a recording from the peer over the overlay, every leaf checked; the sha256 of what came."""
    offered = [variant for variant in await peer.offers((mbid,)) if variant.kind == "file"]
    assert offered, "nothing is offered"
    variant = offered[0]
    got = overlay_world.Collector(variant, await peer.digests(variant))
    peer.attach(variant.variant_id, got)
    overlay_world.request_all(peer, variant)
    await until(lambda: got.complete or got.refused or got.lost or got.bad, "the file comes")
    peer.cancel(variant.variant_id, reason="complete")
    peer.detach(variant.variant_id)
    assert got.complete and not got.bad, (got.refused, got.lost, got.bad)
    return hashlib.sha256(got.data).hexdigest()


async def holds(engine: Engine, *mbids: str) -> None:
    """Until the cache holds these, and no job of its is left."""
    fetcher = engine.warm.fetcher
    assert fetcher is not None
    try:
        await until(
            lambda: all(engine.warm.shelf.file(mbid) is not None for mbid in mbids) and fetcher.job is None,
            "the cache holds them",
        )
    except AssertionError as error:
        said = [str(event.text) for _, event in engine.bus.history][-8:]
        wanted = await engine.store.popularity.wanted(1, 0.0)
        raise AssertionError(f"{error} {fetcher.words!r} {said} {wanted}") from None


async def ask(peers: Sequence[OverlayPeer], mbid: str) -> list[int]:
    """Each asks who has it; how many variants it was offered."""
    return [len(found) for found in await asyncio.gather(*(peer.offers((mbid,)) for peer in peers))]


__all__ = ["TRACKS", "CacheWorld", "ask", "fetch", "holds", "recording"]
