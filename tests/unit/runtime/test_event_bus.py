"""The event bus: readers that do not keep up lose the oldest events, and are told how many."""

import asyncio

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.events import EventBus


def run(work):
    async def timed():
        async with asyncio.timeout(30):
            await work()

    asyncio.run(timed())


def test_a_slow_reader_is_told_how_many_it_lost():
    async def work():
        bus = EventBus(VirtualClock(), queue=4)
        reader = bus.subscribe()
        for number in range(10):
            bus.publish("log", "swarm", f"event {number}")
        first = await anext(reader)
        assert (first.text, first.lost) == ("event 6", 6)
        assert [(await anext(reader)).lost for _ in range(3)] == [0, 0, 0]

    run(work)


def test_a_slow_reader_costs_the_others_nothing():
    async def work():
        bus = EventBus(VirtualClock(), queue=4)
        slow, quick = bus.subscribe(), bus.subscribe()
        for number in range(6):
            bus.publish("log", "swarm", f"event {number}")
            assert (await anext(quick)).text == f"event {number}"
        assert (await anext(slow)).lost == 2

    run(work)


def test_a_reader_waits_for_the_next_event_and_misses_none_since_it_subscribed():
    async def work():
        bus = EventBus(VirtualClock())
        reader = bus.subscribe()
        waiting = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0)
        bus.publish("rescue.started", "rescue", "asking\x1b[2J the mesh", job_id="j", track=7, peers=2)
        event = await waiting
        assert (event.name, event.track, event.data, event.time) == ("rescue.started", 7, {"peers": 2}, "2026-01-01T00:00:00Z")
        assert "\x1b" not in event.text

    run(work)


def test_a_cancelled_reader_is_forgotten():
    async def work():
        bus = EventBus(VirtualClock())
        waiting = asyncio.ensure_future(anext(bus.subscribe()))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        bus.publish("log", "swarm", "nobody hears")
        assert bus.count == 1 and not bus._readers

    run(work)


def test_history_keeps_the_newest_and_counts_all():
    bus = EventBus(VirtualClock(), keep=3)
    for number in range(5):
        bus.publish("log", "swarm", str(number))
    assert [(count, event.text) for count, event in bus.history] == [(3, "2"), (4, "3"), (5, "4")]
