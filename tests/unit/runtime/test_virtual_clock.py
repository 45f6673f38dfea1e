"""Time that tests move by hand."""

import asyncio

from slskdn_tui.engine.runtime.clock import VirtualClock, iso


def test_sleepers_wake_in_order_and_wall_time_goes_along():
    async def work():
        clock, woken = VirtualClock(), []

        async def sleeper(seconds):
            await clock.sleep(seconds)
            woken.append((seconds, iso(clock.wall())))

        async with asyncio.TaskGroup() as group:
            for seconds in (90, 30, 60):
                group.create_task(sleeper(seconds))
            await clock.advance(59)
            assert woken == [(30, "2026-01-01T00:00:30Z")]
            await clock.advance(31)
        assert [seconds for seconds, _ in woken] == [30, 60, 90]

    asyncio.run(work())
