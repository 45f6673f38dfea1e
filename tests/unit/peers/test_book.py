"""What is remembered of peers survives a restart, and a liar is avoided."""

import asyncio

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.peers import book as book_module
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store.store import Store


def run(tmp_path, story):
    """`story(store, clock)` may close the store; it returns the one it opened in its place."""

    async def told() -> None:
        paths, clock = Paths.of(tmp_path), VirtualClock()
        paths.ensure()
        store = await Store.open(paths, clock)
        try:
            store = await story(store, clock) or store
        finally:
            await store.close()

    asyncio.run(told())


LIAR, HONEST = "ab" * 32, "cd" * 32


def test_one_proven_lie_is_enough_to_be_avoided_for_a_day(tmp_path):
    async def story(store, clock) -> None:
        book = PeerBook(store.peers, clock)
        for _ in range(50):
            book.outcome(HONEST, ChunkOutcome.OK)
        assert not book.avoided(HONEST)
        book.outcome(HONEST, ChunkOutcome.CORRUPTION)
        assert book.avoided(HONEST) and book.reputation(HONEST) > 0.9 and not book.blocked(HONEST)
        await clock.advance(86_401)
        assert not book.avoided(HONEST)

    run(tmp_path, story)


def test_outcomes_survive_a_restart_and_heal_with_the_weeks(tmp_path):
    async def story(store, clock):
        book = PeerBook(store.peers, clock)
        for _ in range(20):
            book.outcome(LIAR, ChunkOutcome.CORRUPTION)
            book.outcome(HONEST, ChunkOutcome.OK)
        await book.flush()
        await store.close()
        store = await Store.open(Paths.of(tmp_path), clock)
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
        return store

    run(tmp_path, story)


def test_a_block_a_reset_and_their_undoing_survive_a_restart(tmp_path):
    async def story(store, clock):
        book = PeerBook(store.peers, clock)
        dropped: list[str] = []
        book.on_block = dropped.append
        for _ in range(10):
            book.outcome(LIAR, ChunkOutcome.CORRUPTION)
        book.seen(HONEST, "127.0.0.1:50400")
        assert book.reputation(LIAR) < 0.31 and not await book.reset("ef" * 32) and not await book.unblock(HONEST)
        await book.block(HONEST, "too loud")
        await book.block("ef" * 32)
        assert await book.reset(LIAR)
        assert dropped == [HONEST, "ef" * 32]
        await store.close()
        store = await Store.open(Paths.of(tmp_path), clock)
        again = PeerBook(store.peers, clock)
        await again.load()
        assert again.blocked(HONEST) and again.blocked("ef" * 32) and not again.blocked(LIAR)
        assert again.reputation(LIAR) == 1.0 and not again.avoided(LIAR)
        rows = {row.peer_id: row for row in again.rows()}
        assert len(rows) == 3 and rows[LIAR].corrupt_chunks == 0
        assert (rows[HONEST].block_reason, rows[HONEST].address) == ("too loud", "127.0.0.1:50400")
        assert await again.unblock(HONEST) and not again.blocked(HONEST)
        return store

    run(tmp_path, story)


def test_what_a_soulseek_user_sent_counts_under_the_users_name(tmp_path):
    async def story(store, clock) -> None:
        book = PeerBook(store.peers, clock)
        book.outcome("slsk:anna", ChunkOutcome.CORRUPTION)
        (row,) = book.rows()
        assert (row.peer_id, row.plane, row.corrupt_chunks) == ("anna", "slsk", 1)
        assert book.reputation("anna") < 1.0, "where the ranking of candidates looks"
        await clock.advance(7 * 86_400)
        assert book.rows()[0].local_reputation > row.local_reputation, "as of now, not as it was stored"

    run(tmp_path, story)


def test_strangers_without_number_are_forgotten_and_nobody_else(tmp_path, monkeypatch):
    monkeypatch.setattr(book_module, "MOST_PEERS", 20)

    async def story(store, clock) -> None:
        book = PeerBook(store.peers, clock)
        book.outcome(LIAR, ChunkOutcome.CORRUPTION)
        await book.block(HONEST)
        for number in range(30):
            await clock.advance(1)
            book.seen(f"{number:064x}", "127.0.0.1:1")
        await book.flush()
        await book._forget()
        kept = [row.peer_id for row in book.rows()]
        assert len(kept) == 20 and {LIAR, HONEST} < set(kept) and kept[:18] == [f"{number:064x}" for number in range(29, 11, -1)]
        assert sorted(row.peer_id for row in await store.peers.all()) == sorted(kept)

    run(tmp_path, story)


def test_a_stranger_forgotten_while_a_write_fails_does_not_stop_the_book_from_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(book_module, "MOST_PEERS", 1)

    async def story(store, clock) -> None:
        class Failing:
            """The table, whose first write fails once a stranger was forgotten."""

            all, drop, gone = store.peers.all, store.peers.drop, None

            async def save(self, rows) -> None:
                if self.gone is None:
                    self.gone = True
                    await book._forget()
                    raise OSError("no space")
                await store.peers.save(rows)

        book = PeerBook(Failing(), clock)
        book.seen(f"{1:064x}", "127.0.0.1:1")
        await clock.advance(1)
        book.seen(HONEST, "127.0.0.1:1")
        with pytest.raises(OSError):
            await book.flush()
        await book.flush()
        assert [row.peer_id for row in await store.peers.all()] == [HONEST]

    run(tmp_path, story)
