"""The recorder: callers never wait, everything is written in the end, old traces go."""

import asyncio

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.trace.recorder import TraceRecorder


class Broken:
    """A table on a full disk, until it is mended."""

    def __init__(self, table):
        self.table = table
        self.broken = True
        self.batches = []

    async def append(self, events):
        if self.broken:
            raise OSError(28, "no space")
        self.batches.append(len(events))
        await self.table.append(events)

    def __getattr__(self, name):
        return getattr(self.table, name)


def run(tmp_path, work):
    async def timed():
        clock = VirtualClock()
        store = await Store.open(Paths.of(tmp_path), clock)
        supervisor = Supervisor(clock)
        try:
            async with asyncio.timeout(60):
                return await work(store, clock, supervisor)
        finally:
            await supervisor.stop()
            await store.close()

    return asyncio.run(timed())


async def until(true):
    while not await true():
        await asyncio.sleep(0.01)


def test_events_are_on_disk_a_second_later_without_anybody_asking(tmp_path):
    async def work(store, clock, supervisor):
        recorder = TraceRecorder(store.traces, clock, supervisor)
        recorder.add(
            "j", kind="chunk", track_id=3, peer_id="slsk:a", source="slsk", chunk_offset=65536, chunk_length=65536, result="ok", extra=1
        )
        await clock.advance(0.5)
        assert await store.traces.last("j") == 0
        await clock.advance(0.6)

        async def written():
            return await store.traces.last("j")

        await until(written)
        (event,) = await store.traces.events("j")
        assert (event.time, event.track_id, event.chunk_offset, event.data) == (clock.wall().timestamp() - 1.1, 3, 65536, {"extra": 1})

    run(tmp_path, work)


def test_asking_for_a_trace_sees_what_happened_a_moment_ago(tmp_path):
    async def work(store, clock, supervisor):
        recorder = TraceRecorder(store.traces, clock, supervisor)
        for number in range(1203):
            recorder.add("j", kind="assign", words=str(number))
        events = await recorder.events("j")
        assert [event.words for event in events] == [str(number) for number in range(1203)]
        assert await recorder.last("j") == events[-1].seq

    run(tmp_path, work)


def test_what_waits_is_written_when_the_engine_stops(tmp_path):
    async def work(store, clock, supervisor):
        recorder = TraceRecorder(store.traces, clock, supervisor)
        recorder.add("j", kind="job", words="the end")
        await asyncio.sleep(0)
        await supervisor.stop()
        return [event.words for event in await store.traces.events("j")]

    assert run(tmp_path, work) == ["the end"]


def test_a_full_disk_loses_nothing_but_what_does_not_fit_in_memory(tmp_path):
    async def work(store, clock, supervisor):
        table = Broken(store.traces)
        recorder = TraceRecorder(table, clock, supervisor, limit=1000)
        for number in range(1200):
            recorder.add("j", kind="assign", words=str(number))
        await clock.advance(5)
        assert recorder.lost == 200
        table.broken = False
        await clock.advance(120)

        async def written():
            return len(await store.traces.events("j")) == 1000

        await until(written)
        assert [event.words for event in await store.traces.events("j")] == [str(number) for number in range(1000)]
        assert table.batches == [500, 500]

    run(tmp_path, work)


def test_only_the_last_jobs_keep_their_traces(tmp_path):
    async def work(store, clock, supervisor):
        recorder = TraceRecorder(store.traces, clock, supervisor, keep_jobs=3)
        for number in range(6):
            recorder.add(f"j{number}", kind="job")
            await recorder.flush()
        return await store.traces.jobs()

    assert run(tmp_path, work) == ["j5", "j4", "j3"]


def test_a_job_that_goes_on_for_weeks_keeps_only_its_newest_entries(tmp_path):
    async def work(store, clock, supervisor):
        recorder = TraceRecorder(store.traces, clock, supervisor, job_events=1000)
        recorder.add("other", kind="job")
        most = 0
        for number in range(8000):
            recorder.add("j", kind="assign", words=str(number))
            if number % 400 == 0:
                await recorder.flush()
                most = max(most, await store.traces.count("j"))
        events = await recorder.events("j")
        assert most <= 1600 and 1000 <= len(events) <= 1600, "bounded at all times, but for one batch"
        assert [event.words for event in events] == [str(number) for number in range(8000 - len(events), 8000)]
        again = TraceRecorder(store.traces, clock, supervisor, job_events=500)  # the engine was started anew
        again.add("j", kind="assign", words="last")
        assert [event.words for event in (await again.events("j"))[-2:]] == ["7999", "last"]
        assert await store.traces.count("j") == 500 and await store.traces.count("other") == 1

    run(tmp_path, work)
