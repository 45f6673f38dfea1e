"""Background parts: they come back after a failure, ever more slowly, and whoever asks is told."""

import asyncio
import itertools

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.supervise import Supervisor


def run(work):
    async def timed():
        async with asyncio.timeout(30):
            await work()

    asyncio.run(timed())


def test_a_failing_part_is_restarted_with_growing_waits_and_told_each_time():
    async def work():
        clock, starts, told = VirtualClock(), [], []
        supervisor = Supervisor(clock, lambda part, error: told.append((part.name, str(error))))

        async def fails():
            starts.append(clock.now())
            raise OSError("no cable")

        supervisor.keep("dht", fails, first=1.0, most=8.0)
        await clock.advance(60)
        waits = [b - a for a, b in itertools.pairwise(starts)]
        assert waits[:4] == sorted(waits[:4]) and waits[0] < waits[2]
        assert max(waits) <= 8.0 and waits[-1] == 8.0
        assert told[0] == ("dht", "no cable") and len(told) == len(starts)
        await supervisor.stop()

    run(work)


def test_a_part_that_ran_well_for_a_minute_starts_again_soon():
    async def work():
        clock, starts = VirtualClock(), []
        supervisor = Supervisor(clock)

        async def lives_long():
            starts.append(clock.now())
            await clock.sleep(120)
            raise OSError("in the end")

        supervisor.keep("overlay", lives_long, first=1.0, most=60.0)
        await clock.advance(1000)
        assert {b - a for a, b in itertools.pairwise(starts)} == {121.0}
        await supervisor.stop()

    run(work)


def test_stopping_waits_until_every_part_has_let_go():
    async def work():
        clock, released = VirtualClock(), []
        supervisor = Supervisor(clock)

        async def holds():
            try:
                await clock.sleep(3600)
            finally:
                await asyncio.sleep(0)
                released.append(True)

        supervisor.spawn("file", holds())
        supervisor.keep("slot", holds)
        await asyncio.sleep(0)
        await supervisor.stop()
        assert released == [True, True] and supervisor.parts == ()

    run(work)


def test_nothing_starts_while_stopping():
    async def work():
        supervisor = Supervisor(VirtualClock())
        await supervisor.stop()

        async def late():
            raise AssertionError("must not run")

        try:
            supervisor.spawn("late", late())
        except RuntimeError as error:
            assert "stopping" in str(error)
        else:
            raise AssertionError("a task was started")

    run(work)


def test_a_failed_task_is_told_and_its_result_is_none():
    async def work():
        told = []
        supervisor = Supervisor(VirtualClock(), lambda part, error: told.append(part.error))

        async def fails():
            raise ValueError("odd frame")

        assert await supervisor.spawn("client", fails()) is None
        assert told == ["ValueError: odd frame"]

    run(work)


def test_a_part_is_restarted_when_what_it_waited_for_was_cancelled_and_ends_when_it_is_itself():
    async def main():
        clock, told, begun = VirtualClock(), [], 0

        async def waits_for_another():
            nonlocal begun
            begun += 1
            other = asyncio.ensure_future(asyncio.Event().wait())
            if begun == 1:
                other.cancel()
            await other

        supervisor = Supervisor(clock, lambda part, error: told.append(part.error))
        task = supervisor.keep("part", waits_for_another)
        await clock.advance(0.0)
        await clock.advance(1.0)
        assert begun == 2 and told == ["CancelledError: "]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() and begun == 2

    asyncio.run(main())
