"""How users served us is still known after a restart, and counts in ranking."""

from __future__ import annotations

import asyncio
from pathlib import Path

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.jobs.sources.history import UserHistory
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.store.store import Store


def test_what_users_did_is_added_up_and_comes_back_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        paths = Paths.of(tmp_path)
        paths.ensure()
        store = await Store.open(paths)
        history = UserHistory(store.user_history, SystemClock())
        await history.note("anna\udcff", done=1, size=3000, seconds=2.0)
        await history.note("anna\udcff", done=1, size=1000, seconds=2.0)
        await history.note("ben", failed=1)
        assert history.score("anna\udcff") == 1.0 > history.score("ben") == 0.5
        await store.close()

        store = await Store.open(paths)
        again = UserHistory(store.user_history, SystemClock())
        await again.load()
        assert again.score("ben") == 0.5 and again.score("nobody") == 1.0
        facts = await store.user_history.get("anna\udcff")
        assert (facts.done, facts.failed, facts.bytes, facts.speed) == (2, 0, 4000, 1000.0) and facts.last_at
        assert (await store.user_history.get("nobody")).speed is None
        await store.close()

    asyncio.run(main())
