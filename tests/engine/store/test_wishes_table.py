"""Wishes and their hits come back as they were."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.store.state.wishes import Wish, WishHit
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.jobs import Constraints


def test_a_wish_with_all_it_says_survives_and_its_hits_go_with_it(tmp_path: Path) -> None:
    reply = SearchReply("üser", False, 5, 2, (FoundFile("üser", "Müsic\\Ålbum\\1.flac", 9, "flac", 3, None, 44100, 16),))
    wish = Wish(
        "1",
        "some band",
        "ref",
        "lossless",
        True,
        Constraints(("MP3", "FLAC"), 2, allow_mixed_sources=True),
        "vinyl",
        "2026-01-01T00:00:00Z",
    )

    async def main() -> None:
        paths = Paths.of(tmp_path)
        paths.ensure()
        store = await Store.open(paths)
        await store.wishes.put(wish)
        await store.wishes.put(Wish("2", "other", created_at="2026-01-02T00:00:00Z"))
        await store.wishes.put(replace(wish, last_at="2026-01-03T00:00:00Z", note="said"))
        await store.wishes.keep_hits("1", [WishHit("a", "2026", False, reply), WishHit("b", "2027", True, reply)])
        await store.close()
        store = await Store.open(paths)
        assert await store.wishes.all() == [
            replace(wish, last_at="2026-01-03T00:00:00Z", note="said"),
            Wish("2", "other", created_at="2026-01-02T00:00:00Z"),
        ]
        assert await store.wishes.hits("1") == [WishHit("b", "2027", True, reply), WishHit("a", "2026", False, reply)]
        assert await store.wishes.counts() == {"1": (1, 2)}
        await store.wishes.see("1")
        assert await store.wishes.counts() == {"1": (0, 2)}
        await store.wishes.drop("1")
        assert await store.wishes.hits("1") == [] and [each.wish_id for each in await store.wishes.all()] == ["2"]
        await store.close()

    asyncio.run(main())
