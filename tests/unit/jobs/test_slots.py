"""Who moves next, who may wait in a queue, and how many at once."""

from __future__ import annotations

import asyncio

from slskdn_tui.engine.jobs.track.slots import Pool, Slots, Ticket


def ticket(user: str, rank: int = 0) -> Ticket:
    return Ticket(user, lambda: (rank,))


def test_no_user_sends_more_files_at_once_than_allowed_and_others_use_the_rest() -> None:
    pool = Pool(3, per_user=1)
    anna, annas_second, ben = ticket("anna"), ticket("anna", 1), ticket("ben", 2)
    for each in (anna, annas_second, ben):
        pool.ask(each)
    assert pool.grant() == [anna, ben]
    pool.drop(anna)
    assert pool.grant() == [annas_second]
    assert pool.held == 2


def test_the_track_that_stands_first_now_has_the_place_that_falls_free() -> None:
    rank = {"a": 1, "b": 2, "c": 3}
    pool = Pool(1)
    tickets = {name: Ticket(name, lambda name=name: (rank[name],)) for name in rank}
    for each in tickets.values():
        pool.ask(each)
    assert pool.grant() == [tickets["a"]]
    rank["c"] = 0  # moved up while it waits
    pool.drop(tickets["a"])
    assert pool.grant() == [tickets["c"]]


def test_a_dropped_wish_never_gets_a_place() -> None:
    pool = Pool(1)
    first, second = ticket("a"), ticket("b")
    pool.ask(first)
    pool.ask(second)
    assert pool.grant() == [first]
    pool.drop(second)
    pool.drop(first)
    assert pool.grant() == [] and pool.held == 0


def test_moving_a_job_up_counts_while_its_tracks_wait() -> None:
    async def story() -> list[str]:
        slots, order, rank = Slots(1, 1, 1), [], {"a": 1, "b": 2, "c": 3}
        busy = asyncio.Event()

        async def track(name: str) -> None:
            async with slots.moving(name, lambda: (rank[name],)):
                order.append(name)
                await busy.wait()

        async with asyncio.TaskGroup() as group:
            for name in ("a", "b", "c"):
                group.create_task(track(name))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            rank["c"] = 0
            busy.set()
        return order

    assert asyncio.run(story()) == ["a", "c", "b"]


def test_a_cancelled_wait_gives_its_place_on() -> None:
    async def story() -> None:
        slots = Slots(1, 1, 1)
        entered = asyncio.Event()

        async def hold(until: asyncio.Event) -> None:
            async with slots.moving("anna", lambda: (0,)):
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
        async with asyncio.timeout(60):
            await waiting[2]
            async with slots.moving("anna", lambda: (0,)):
                pass

    asyncio.run(story())


def test_a_queue_place_given_back_early_is_given_back_once() -> None:
    async def story() -> None:
        slots = Slots(1, 1, 1)
        async with slots.queued("anna", lambda: (0,)) as place:
            place.leave()
            async with asyncio.timeout(60):
                async with slots.queued("ben", lambda: (0,)) as second:
                    place.leave()
                    third = asyncio.ensure_future(slots.queued("cleo", lambda: (0,)).__aenter__())
                    await asyncio.sleep(0)
                    assert not third.done()
                    second.leave()
                    await third

    asyncio.run(story())
