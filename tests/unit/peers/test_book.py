"""What is remembered of peers survives a restart, and a liar is avoided."""

import asyncio

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store.store import Store

LIAR, HONEST = "ab" * 32, "cd" * 32


def test_one_proven_lie_is_enough_to_be_avoided_for_a_day(tmp_path):
    async def story() -> None:
        paths, clock = Paths.of(tmp_path), VirtualClock()
        paths.ensure()
        store = await Store.open(paths, clock)
        book = PeerBook(store.peers, clock)
        for _ in range(50):
            book.outcome(HONEST, ChunkOutcome.OK)
        assert not book.avoided(HONEST)
        book.outcome(HONEST, ChunkOutcome.CORRUPTION)
        assert book.avoided(HONEST) and book.reputation(HONEST) > 0.9 and not book.blocked(HONEST)
        await clock.advance(86_401)
        assert not book.avoided(HONEST)
        await store.close()

    asyncio.run(story())


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
        assert again.avoided(LIAR) == "sent wrong bytes less than a day ago" and not again.good(LIAR)
        assert again.good(HONEST) and not again.avoided(HONEST) and not again.good("ef" * 32)
        row = again.row(LIAR)
        assert row is not None and (row.corrupt_chunks, row.successful_chunks) == (20, 0) and row.local_reputation < 0.31
        await clock.advance(86_401)
        assert not again.avoided(LIAR)
        await clock.advance(6 * 86_400)
        assert again.reputation(LIAR) > 0.6
        await store.close()

    asyncio.run(story())
