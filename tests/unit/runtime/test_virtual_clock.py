"""Time that tests move by hand."""

import asyncio

from slskdn_tui.engine.runtime.clock import VirtualClock, iso, until


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


def test_a_wait_ends_with_the_event_or_the_time_and_leaves_nothing_running() -> None:
    async def main() -> None:
        clock, event, ends = VirtualClock(), asyncio.Event(), list[float]()

        async def wait(seconds: float | None) -> None:
            await until(event, clock, seconds)
            ends.append(clock.now())

        waits = [asyncio.ensure_future(wait(seconds)) for seconds in (5.0, 60.0, None)]
        await clock.advance(10.0)
        assert ends == [1005.0]
        event.set()
        await clock.advance(1.0)
        assert ends == [1005.0, 1010.0, 1010.0] and all(each.done() for each in waits)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
