"""Rescues are counted once a track, whatever order things happen in, and the figures are still there after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.store.store import Store


def test_each_outcome_counts_once_a_track_and_stays(tmp_path: Path) -> None:
    async def main() -> None:
        paths = Paths.of(tmp_path)
        paths.ensure()
        store = await Store.open(paths)
        count = store.rescues.count
        assert await store.rescues.totals() == (0, 0, 0)
        assert not await count("job", 1, "succeeded"), "nothing was begun"
        assert [await count("job", 1, "refused") for _ in range(3)] == [True, False, False]
        assert [await count("job", 1, "started") for _ in range(3)] == [True, False, False]
        assert await count("job", 12, "started") and await count("other", 1, "started")
        assert [await count("job", 12, "succeeded") for _ in range(2)] == [True, False]
        assert await store.rescues.totals() == (3, 1, 1)
        assert await store.ledger.totals() == dict.fromkeys(await store.ledger.totals(), 0), "the ledger's totals are others"
        await store.close()
        again = await Store.open(paths)
        assert await again.rescues.totals() == (3, 1, 1)
        assert await again.rescues.count("job", 2, "started")
        rows = await again.state.fetch("SELECT key FROM HashDbState WHERE key LIKE 'rescue.mark.%'")
        assert [key for (key,) in rows] == ["rescue.mark.job.2"], "marks of jobs that are gone are forgotten"
        await again.close()

    asyncio.run(main())
