"""What is remembered of peers survives a restart, and a liar is avoided."""

import asyncio

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store.store import Store

LIAR, HONEST = "ab" * 32, "cd" * 32


def test_outcomes_survive_a_restart_and_heal_with_the_weeks(tmp_path):
    async def story() -> None:
        paths, clock = Paths.of(tmp_path), VirtualClock()
        paths.ensure()
        store = await Store.open(paths, clock)
        book = PeerBook(store.peers, clock)
        for _ in range(20):
            book.outcome(LIAR, ChunkOutcome.CORRUPTION)
            book.outcome(HONEST, ChunkOutcome.OK)
        await book.flush()
        await store.close()

        store = await Store.open(paths, clock)
        again = PeerBook(store.peers, clock)
        await again.load()
        assert again.avoided(LIAR) and not again.good(LIAR)
        assert again.good(HONEST) and not again.avoided(HONEST) and not again.good("ef" * 32)
        row = again.row(LIAR)
        assert row is not None and (row.corrupt_chunks, row.successful_chunks) == (20, 0) and row.local_reputation < 0.31
        await clock.advance(7 * 86_400)
        assert not again.avoided(LIAR) and again.reputation(LIAR) > 0.6
        await store.close()

    asyncio.run(story())
