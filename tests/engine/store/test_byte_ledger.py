"""Bytes given and taken, over seven UTC days, through restarts and full disks."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.peers.ledger import Ledger, LedgerTotals
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store.store import Store

DAY = 86_400


def run(tmp_path, work, clock=None):
    async def timed():
        kept = clock or VirtualClock()
        store = await Store.open(Paths.of(tmp_path), kept)
        try:
            async with asyncio.timeout(60):
                return await work(store, kept)
        finally:
            await store.close()

    return asyncio.run(timed())


def test_sums_by_plane_and_direction_and_their_ratio(tmp_path):
    async def work(store, clock):
        ledger = Ledger(store.ledger, clock)
        await ledger.load()
        assert ledger.ratio() is None
        ledger.add("slsk", "down", "a", 100)
        ledger.add("mesh", "down", "b", 300)
        ledger.add("slsk", "up", "a", 500)
        ledger.add("mesh", "up", "c", 100)
        assert ledger.totals() == LedgerTotals(500, 100, 100, 300) and ledger.ratio() == 1.5
        assert ledger.by_peer()["slsk", "a"] == LedgerTotals(slsk_up=500, slsk_down=100)
        with pytest.raises(ValueError):
            ledger.add("slsk", "up", "a", -1)

    run(tmp_path, work)


def test_a_restart_goes_on_counting(tmp_path):
    async def before(store, clock):
        ledger = Ledger(store.ledger, clock)
        await ledger.load()
        ledger.add("mesh", "down", "b", 300)
        await ledger.flush()
        await ledger.flush()

    async def after(store, clock):
        ledger = Ledger(store.ledger, clock)
        await ledger.load()
        ledger.add("mesh", "down", "b", 7)
        await ledger.flush()
        return ledger.totals(), await store.ledger.totals()

    run(tmp_path, before)
    totals, kept = run(tmp_path, after)
    assert totals.mesh_down == 307 and kept["overlay_download_bytes"] == 307


def test_days_are_utc_and_the_eighth_falls_out(tmp_path):
    async def work(store, clock):
        ledger = Ledger(store.ledger, clock)
        await ledger.load()
        ledger.add("slsk", "down", "a", 1)
        await clock.advance(30)
        ledger.add("slsk", "down", "a", 10)  # past midnight UTC
        assert (ledger.totals().down, ledger.today().down) == (11, 10)
        await clock.advance(6 * DAY)
        ledger.add("slsk", "down", "a", 100)
        assert (ledger.totals().down, ledger.totals(2).down) == (110, 100)
        await ledger.flush()
        return await store.ledger.totals()

    clock = VirtualClock(wall=datetime(2026, 1, 1, 23, 59, 45, tzinfo=UTC))
    assert run(tmp_path, work, clock)["soulseek_download_bytes"] == 110


def test_counting_goes_on_by_itself_and_survives_a_disk_that_is_full_for_a_while(tmp_path):
    async def work(store, clock):
        ledger = Ledger(store.ledger, clock)
        await ledger.load()
        for number in range(1200):
            ledger.add("mesh", "up", f"peer{number}", 1)
        real, calls = store.ledger.add, []

        async def fails_second(rows, start):
            calls.append(len(rows))
            if len(calls) == 2:
                raise OSError(28, "no space")
            await real(rows, start)

        store.ledger.add = fails_second
        with pytest.raises(OSError):
            await ledger.flush()
        await ledger.flush()
        assert calls == [500, 500, 500, 200]
        return await store.ledger.totals()

    assert run(tmp_path, work)["overlay_upload_bytes"] == 1200


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["slsk", "mesh"]),
            st.sampled_from(["up", "down"]),
            st.sampled_from(["a", "b", "ü\udce9"]),
            st.integers(0, 2**40),
        ),
        max_size=12,
    )
)
def test_nothing_is_lost_or_counted_twice(tmp_path_factory, moves):
    async def work(store, clock):
        ledger = Ledger(store.ledger, clock)
        await ledger.load()
        for place, (plane, direction, peer, count) in enumerate(moves):
            ledger.add(plane, direction, peer, count)
            if place % 3 == 0:
                await ledger.flush()
        await ledger.flush()
        again = Ledger(store.ledger, clock)
        await again.load()
        assert again.totals() == ledger.totals()
        assert again.totals().up + again.totals().down == sum(count for *_, count in moves)
        assert again.by_peer() == ledger.by_peer() and again.by_day() == ledger.by_day()

    run(tmp_path_factory.mktemp("ledger"), work)


def test_what_left_the_window_leaves_the_stored_totals_though_nothing_moves_any_more(tmp_path):
    async def work(store, clock):
        ledger = Ledger(store.ledger, clock)
        await ledger.load()
        ledger.add("mesh", "down", "b", 300)
        keeps = asyncio.ensure_future(ledger.run())
        while (await store.ledger.totals())["overlay_download_bytes"] != 300:
            await clock.advance(3)
        await clock.advance(7 * DAY)
        while (await store.ledger.totals())["overlay_download_bytes"]:
            await clock.advance(3)
        assert not ledger._peers
        keeps.cancel()

    run(tmp_path, work)
