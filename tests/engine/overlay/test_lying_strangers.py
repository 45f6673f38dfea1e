"""Twenty nodes over sockets, four of them strangers that lie: what the others say together stays what it is."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from overlay_world import RECORDING, Collector, dial, offer, request_all, run, until, world

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.discovery.aggregates import Aggregates
from slskdn_tui.engine.discovery.standing import trust_in
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.aggregates import CanonicalStats, LabelRelease
from slskdn_tui.model.heard import HeardVariant
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF
from tests.fakes.heard import FilledStock

FLAC, RELEASE = "FLAC 16/44.1 2ch", "c0d0c0a4-4a26-4d74-9c02-67c9321b3b22"
HONEST, LIARS = 16, 4


async def told(folder: Path, liars: int) -> tuple[CanonicalStats, list[LabelRelease], int]:
    """(statistics, the label's releases, popularity) at a node that got bytes from the honest ones, and only words from the liars."""
    folder.mkdir()
    clock = SystemClock()
    store = await Store.open(Paths.of(folder), clock)
    try:
        async with world() as there:
            book = PeerBook(store.peers, clock)
            me = NodeIdentity.ephemeral()
            mesh_says = Aggregates(store.voices, store.popularity, clock, trust_in(book), me.node_id)
            ear = Gossip(me.node_id, me, FilledStock(), clock, random.Random(1), [mesh_says])
            observer = await there.node(100, identity=me, talk=ear)
            (folder / "files").mkdir()
            provider, variant, _ = await offer(folder / "files" / "a.flac", LEAF, codec="FLAC", codec_profile=FLAC, duration_ms=200_000)
            for number in range(1, HONEST + liars + 1):
                lies = number > HONEST
                who = NodeIdentity.ephemeral()
                # Honest scores differ a little; their mean is 0.9.
                score = 0.0 if lies else 0.9 + (0.05 if number % 2 else -0.05)
                label = SafeText("Lies" if lies else "Creation")
                says = HeardVariant(
                    replace(variant, score=score), "confirmed" if lies else "no_evidence", label=label, release_mbid=RELEASE
                )
                talk = Gossip(who.node_id, who, FilledStock([says]), clock, random.Random(number), [])
                node = await there.node(number, identity=who, talk=talk, providers=[provider])
                peer = await dial(observer, node)
                book.seen(peer.node_id, f"{peer.host}:{node.port}")
                talk.round()
                if not lies:  # one leaf, held against its digest
                    taking = Collector(variant, await peer.digests(variant))
                    peer.attach(variant.variant_id, taking)
                    request_all(peer, variant)
                    await until(lambda taking=taking: taking.complete)  # type: ignore[misc]
                    book.outcome(peer.node_id, ChunkOutcome.OK)
            await until(lambda: ear.counters["adverts new"] == HONEST + liars)
            await mesh_says.flush()
            await mesh_says.recount()
            stats = await mesh_says.canonical_stats(RECORDING, FLAC)
            return stats, await store.popularity.releases("Creation"), (await store.popularity.popularity(RECORDING)).peers
    finally:
        await store.close()


@pytest.mark.slow
def test_four_lying_strangers_among_twenty_move_statistics_and_label_counts_by_less_than_5_percent(tmp_path: Path) -> None:
    async def main() -> None:
        silent, labels_silent, popular_silent = await told(tmp_path / "silent", 0)
        assert (silent.peers, silent.strangers, silent.suspected, popular_silent) == (HONEST, 0, 0.0, HONEST), "all of it arrives"
        assert silent.score == pytest.approx(0.9, rel=0.01)
        assert [(one.release_mbid, one.peers) for one in labels_silent] == [(RELEASE, HONEST)]
        stats, labels, popular = await told(tmp_path / "lying", LIARS)
        assert (stats.peers, stats.strangers, popular) == (HONEST, LIARS, HONEST)
        assert stats.score == pytest.approx(silent.score, rel=0.05) and stats.suspected is not None and 0 < stats.suspected < 0.05
        assert [(one.release_mbid, one.peers) for one in labels] == [(RELEASE, HONEST)]
        assert labels[0].score == pytest.approx(labels_silent[0].score, rel=0.05)

    run(main)
