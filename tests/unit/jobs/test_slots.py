"""Moving a job up the queue decides who transfers next."""

import asyncio

from slskdn_tui.engine.jobs.slots import Slots


def test_the_track_that_stands_first_when_a_place_falls_free_has_it():
    async def story() -> list[str]:
        slots, order, rank = Slots(1), [], {"a": 1, "b": 2, "c": 3}
        busy = asyncio.Event()

        async def track(name: str) -> None:
            async with slots.place(lambda: (rank[name],)):
                order.append(name)
                await busy.wait()

        async with asyncio.TaskGroup() as group:
            for name in ("a", "b", "c"):
                group.create_task(track(name))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            rank["c"] = 0  # moved up while it waits
            busy.set()
        return order

    assert asyncio.run(story()) == ["a", "c", "b"]


def test_a_cancelled_wait_gives_its_place_on():
    async def story() -> None:
        slots = Slots(1)
        entered = asyncio.Event()

        async def hold(until: asyncio.Event) -> None:
            async with slots.place(lambda: (0,)):
                entered.set()
                await until.wait()

        done = asyncio.Event()
        first = asyncio.ensure_future(hold(done))
        await entered.wait()
        waiting = [asyncio.ensure_future(hold(done)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        first.cancel()
        waiting[1].cancel()  # given the place in the same turn of the loop
        await asyncio.sleep(0)
        done.set()
        async with asyncio.timeout(5):
            await waiting[2]
            async with slots.place(lambda: (0,)):
                pass

    asyncio.run(story())
