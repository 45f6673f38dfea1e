"""The three policies at their thresholds, the grace, what is held back for each, and how often a change is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Fairness
from slskdn_tui.engine.peers.governor import GB, Governor, Verdict, judge
from slskdn_tui.engine.peers.ledger import Ledger, LedgerTotals
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.store.store import Store

DAY = date(2026, 11, 26)


def verdict(
    slsk_up: float = 0, slsk_down: float = 0, mesh_up: float = 0, mesh_down: float = 0, today: float = 0, **rules: float
) -> Verdict:
    """Figures in GB."""
    week = LedgerTotals(*(int(figure * GB) for figure in (slsk_up, slsk_down, mesh_up, mesh_down)))
    return judge(week, LedgerTotals(mesh_down=int(today * GB)), Fairness.model_validate(rules), DAY)


def run(story: Callable[[AsyncExitStack], Awaitable[None]]) -> None:
    async def told() -> None:
        async with AsyncExitStack() as ends:
            await story(ends)

    asyncio.run(told())


def broken(found: Verdict) -> set[str]:
    return {policy.name for policy in found.broken}


def test_a_node_that_moved_nothing_is_healthy_and_nothing_is_held_back() -> None:
    found = verdict()
    assert found.healthy and not found.grace and found.enforced == () and found.why == ""
    assert (found.most_peers, found.down_kbps, found.may_upload, found.soulseek_first) == (None, 0, True, False)
    assert found.words == "nothing downloaded in 7 days"
    assert [(policy.name, policy.limit, policy.value) for policy in found.policies] == [
        ("min_ratio", 1.0, None),
        ("overlay_upload_cap", 5 * GB, 0.0),
        ("overlay_daily_cap", 50 * GB, 0.0),
    ]


def test_the_roadmaps_report_is_of_a_healthy_node() -> None:
    found = verdict(slsk_up=42.3, mesh_up=68.7, slsk_down=18.5, mesh_down=12.1)
    assert found.healthy and found.words == "uploaded 3.63 times what was downloaded in 7 days"


@pytest.mark.parametrize(
    ("up", "down", "is_broken", "is_excused"),
    [(0.0, 5.0, False, True), (0.0, 5.001, True, False), (5.0, 10.0, True, False), (10.0, 10.0, False, False), (9.999, 10.0, True, False)],
)
def test_the_ratio_counts_both_planes_and_is_asked_for_after_the_grace(up: float, down: float, is_broken: bool, is_excused: bool) -> None:
    for found in (
        verdict(slsk_up=up, slsk_down=down),
        verdict(slsk_up=up, mesh_down=down),
        verdict(slsk_up=up / 2, mesh_up=up / 2, slsk_down=down / 2, mesh_down=down / 2),
    ):
        ratio = found.policies[0]
        assert (ratio.broken, ratio.excused, found.grace) == (is_broken, is_excused, is_excused)
        assert found.healthy is not is_broken
        assert found.most_peers == (1 if is_broken else None) and found.down_kbps == (2000 if is_broken else 0)
        assert found.soulseek_first is is_broken and found.may_upload
        assert bool(found.enforced) is is_broken and ("less than 1.00" in found.words) is is_broken


def test_overlay_upload_stops_at_twice_the_soulseek_upload_and_goes_on_below() -> None:
    assert verdict(slsk_up=10, mesh_up=19.99).healthy
    at = verdict(slsk_up=10, mesh_up=20)
    assert broken(at) == {"overlay_upload_cap"} and not at.may_upload and at.most_peers == 1 and at.soulseek_first
    assert at.words == "overlay upload of 7 days 20.0 GB has reached its cap, 20.0 GB (2 times Soulseek upload)"
    assert "no overlay uploads" in at.enforced
    assert verdict(slsk_up=10.1, mesh_up=20).may_upload


def test_who_gives_nothing_on_soulseek_may_send_the_grace_over_the_overlay_and_no_more() -> None:
    found = verdict(mesh_up=4.9)
    assert found.healthy and found.grace and found.may_upload and found.policies[1].excused
    at = verdict(mesh_up=5)
    assert broken(at) == {"overlay_upload_cap"} and "beyond which it is 2 times Soulseek upload" in at.words
    assert verdict(mesh_up=5, slsk_up=2.6).healthy
    assert verdict(grace_gb=0).may_upload, "nothing was sent yet"
    assert not verdict(mesh_up=1e-6, grace_gb=0).may_upload


def test_after_fifty_gigabytes_a_day_nothing_more_comes_over_the_overlay_until_midnight() -> None:
    assert verdict(slsk_up=99, today=49.9).healthy
    found = verdict(slsk_up=99, today=50)
    assert broken(found) == {"overlay_daily_cap"} and found.most_peers == 0 and found.may_upload and found.soulseek_first
    assert found.enforced[0] == "no overlay downloads before 2026-11-27 00:00 UTC (fairness.daily_overlay_gb)"


def test_thresholds_are_settings_and_zero_switches_a_policy_off() -> None:
    assert verdict(mesh_down=9, min_ratio=0, daily_overlay_gb=0, today=999, mesh_up=99, overlay_upload_cap=0).healthy
    assert verdict(slsk_down=10, slsk_up=5, min_ratio=0.5).healthy and not verdict(slsk_down=10, slsk_up=4.9, min_ratio=0.5).healthy
    found = verdict(slsk_down=10, throttle_peers=3, throttle_kbps=800)
    assert (found.most_peers, found.down_kbps) == (3, 800)
    assert found.enforced[0] == "overlay downloads: at most 3 overlay peers a file and 800 kbit/s in all"


def test_days_roll_over_at_midnight_utc_and_leave_the_window_after_seven(tmp_path: Path) -> None:
    async def story(ends: AsyncExitStack) -> None:
        paths, clock = Paths.of(tmp_path), VirtualClock(wall=datetime(2026, 11, 26, 23, 59, 58, tzinfo=UTC))
        paths.ensure()
        store = await Store.open(paths, clock)
        ends.push_async_callback(store.close)
        ledger, bus = Ledger(store.ledger, clock), EventBus(clock)
        governor = Governor(Fairness(), ledger, clock, bus)
        ledger.add("mesh", "down", "ab" * 32, 51 * GB)
        ledger.add("slsk", "up", "anna", 20 * GB)
        assert broken(governor.verdict()) == {"min_ratio", "overlay_daily_cap"} and governor.verdict().most_peers == 0
        await clock.advance(1.9)
        assert "overlay_daily_cap" in broken(governor.verdict())
        await clock.advance(0.2)
        assert broken(governor.verdict()) == {"min_ratio"}, "another day, the same week"
        await clock.advance(6 * 86_400 - 1)
        assert broken(governor.verdict()) == {"min_ratio"}
        await clock.advance(1)
        assert governor.verdict().healthy and governor.verdict().words == "nothing downloaded in 7 days"
        await ledger.flush()

    run(story)


def test_a_breach_and_its_cure_are_told_once_and_at_most_once_a_minute(tmp_path: Path) -> None:
    async def story(ends: AsyncExitStack) -> None:
        paths, clock = Paths.of(tmp_path), VirtualClock()
        paths.ensure()
        store = await Store.open(paths, clock)
        ends.push_async_callback(store.close)
        ledger, bus = Ledger(store.ledger, clock), EventBus(clock)
        governor = Governor(Fairness(grace_gb=0), ledger, clock, bus)
        changes: list[bool] = []
        governor.on_change = lambda: changes.append(governor.verdict().healthy)
        task = asyncio.ensure_future(governor.run())
        await clock.advance(2)
        assert not bus.count
        ledger.add("slsk", "down", "anna", 100)
        await clock.advance(2)
        ledger.add("slsk", "up", "anna", 100)
        await clock.advance(2)
        assert changes == [False, True], "what is held back changes at once"
        assert [event.name for _, event in bus.history] == ["fairness.broken"]
        await clock.advance(60)
        assert [(event.name, event.level, event.data["policy"]) for _, event in bus.history] == [
            ("fairness.broken", "warning", "min_ratio"),
            ("fairness.cured", "info", "min_ratio"),
        ]
        told = [str(event.text) for _, event in bus.history]
        assert "less than 1.00" in told[0] and "at most 1 overlay peer a file" in told[0] and told[1].endswith("nothing is held back")
        task.cancel()
        await ledger.flush()

    run(story)
