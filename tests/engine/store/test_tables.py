"""Each table gives back what it was given, odd names included, also after a restart."""

import asyncio

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store.records import JobRecord, LedgerRow, TraceEvent, TrackRecord
from slskdn_tui.engine.store.state.peers import PeerRow
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.files import FileEntry
from slskdn_tui.model.jobs import Constraints, JobState, TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

ODD = "/music/caf\udce9/\U0001f3b5 \x1b[2J.flac"
"""Not UTF-8, and hostile: exactly as the file system or a peer gave it."""


def on_store(tmp_path, *steps):
    """Run each step on the store, opened afresh for each; returns the last one's result."""

    async def once(step):
        store = await Store.open(Paths.of(tmp_path), VirtualClock())
        try:
            async with asyncio.timeout(60):
                return await step(store)
        finally:
            await store.close()

    result = None
    for step in steps:
        result = asyncio.run(once(step))
    return result


def release(mbid="m", count=2):
    tracks = tuple(
        Track(n, 1, n, f"r{n}", SafeText(f"Title {n}"), SafeText("Someone"), 1000 * n if n > 1 else None) for n in range(1, count + 1)
    )
    return Release(
        mbid,
        "g",
        SafeText("Loveless"),
        SafeText("My Bloody Valentine"),
        "a",
        "1991",
        "GB",
        "Official",
        SafeText("Creation"),
        ("CD",),
        1,
        tracks,
    )


def job(job_id="j1", place=1):
    tracks = [TrackRecord(1, TrackState.DONE, "üser", ODD, 5, ODD, "", "ab" * 32), TrackRecord(2, TrackState.RESCUE, reason="stalled")]
    wanted = Constraints(("FLAC", "MP3"), 1, False, False, 3000)
    return JobRecord(job_id, "mb_release", release(), wanted, JobState.ACTIVE, place, "2026-01-01T00:00:00Z", "", "why", tracks, ODD)


def test_a_job_comes_back_as_it_was_saved(tmp_path):
    async def save(store):
        await store.jobs.save(job())
        await store.jobs.save(job("j0", 0))

    async def load(store):
        return await store.jobs.load_all(), await store.jobs.get("j1"), await store.jobs.get("nobody")

    listed, one, nobody = on_store(tmp_path, save, load)
    assert listed == [job("j0", 0), job()] and one == job() and nobody is None
    assert isinstance(one.state, JobState) and isinstance(one.tracks[1].state, TrackState)


def test_saving_again_replaces_the_tracks_and_dropping_takes_them_along(tmp_path):
    async def work(store):
        await store.jobs.save(job())
        changed = job()
        changed.state, changed.tracks = JobState.COMPLETED, changed.tracks[:1]
        await store.jobs.save(changed)
        assert await store.jobs.get("j1") == changed
        await store.jobs.drop("j1")
        return await store.jobs.load_all(), await store.state.fetch("SELECT count(*) FROM Tracks")

    assert on_store(tmp_path, work) == ([], [(0,)])


def test_a_job_is_saved_whole_or_not_at_all(tmp_path):
    async def work(store):
        await store.jobs.save(job())
        bad = job()
        bad.error, bad.tracks = "changed", [TrackRecord(1), TrackRecord(1)]
        with pytest.raises(Exception, match="UNIQUE"):
            await store.jobs.save(bad)
        return await store.jobs.get("j1")

    assert on_store(tmp_path, work) == job()


def test_searches_sent_are_remembered_for_a_day(tmp_path):
    async def save(store):
        for wall, query in ((10.0, "old"), (90_000.0, "new"), (90_001.0, "odd \udce9")):
            await store.gate.record(wall, query)

    async def load(store):
        return await store.gate.load(), await store.gate.load(since=90_001.0)

    assert on_store(tmp_path, save, load) == ([(90_000.0, "new"), (90_001.0, "odd \udce9")], [(90_001.0, "odd \udce9")])


def test_what_is_remembered_of_a_peer_survives(tmp_path):
    rows = [
        PeerRow("ab" * 32, "mesh", "2026-01-02T00:00:00Z", 0.25, 10, 2, 3, 4, b"ootc", "2026-01-02T00:00:00Z", True, "lied", "1.2.3.4:5"),
        PeerRow("üser\udce9", "slsk", "2026-01-01T00:00:00Z"),
    ]

    async def save(store):
        await store.peers.save([PeerRow("gone", "mesh"), *rows])
        await store.peers.drop(["gone"])

    async def load(store):
        return await store.peers.all(), await store.peers.get("üser\udce9"), await store.peers.get("gone")

    assert on_store(tmp_path, save, load) == (rows, rows[1], None)


def test_the_ledger_adds_up_by_day_and_keeps_the_roadmaps_totals(tmp_path):
    async def work(store):
        await store.ledger.add(
            [LedgerRow("2025-12-20", "mesh", "up", "p", 1000), LedgerRow("2026-01-01", "mesh", "up", "p", 5)], "2025-12-26"
        )
        await store.ledger.add(
            [LedgerRow("2026-01-01", "mesh", "up", "p", 7), LedgerRow("2026-01-01", "slsk", "down", "u", 3)], "2025-12-26"
        )
        return await store.ledger.load("2026-01-01"), await store.ledger.totals()

    rows, totals = on_store(tmp_path, work)
    assert rows == [LedgerRow("2026-01-01", "mesh", "up", "p", 12), LedgerRow("2026-01-01", "slsk", "down", "u", 3)]
    assert totals == {"overlay_upload_bytes": 12, "overlay_download_bytes": 0, "soulseek_upload_bytes": 0, "soulseek_download_bytes": 3}


def test_the_routing_table_is_replaced_as_a_whole(tmp_path):
    async def work(store):
        await store.dht_nodes.save([(b"a" * 20, "1.2.3.4", 1, 1.0)])
        await store.dht_nodes.save([(b"b" * 20, "1.2.3.4", 2, 2.0), (b"c" * 20, "1.2.3.5", 3, 3.0)])
        return await store.dht_nodes.load()

    assert on_store(tmp_path, work) == [(b"c" * 20, "1.2.3.5", 3, 3.0), (b"b" * 20, "1.2.3.4", 2, 2.0)]


REGION = {"region_id": "r" * 64, "region_start": 2**33, "region_length": 5}


def entry(path, digests=b"d" * 64, **more):
    return FileEntry(path, 1_700_000_000_123_456_789, 2**40, 2**62, "r1", "FLAC", "flac 16/44.1", 1000, "ab", "v" * 64, digests, **more)


def test_local_files_are_listed_without_digests_and_digests_are_at_hand(tmp_path):
    async def save(store):
        await store.files.put([entry(ODD, download=True, region_digests=b"r" * 32, **REGION), entry("/b"), entry("/gone")])
        await store.files.put([entry("/b", b"")])
        await store.files.drop(["/gone", "/never"])

    async def load(store):
        listed = await store.files.entries()
        return listed, [store.files.digests(path) for path in (ODD, "/b", "/gone")], store.files.digests(ODD, "region")

    listed, digests, inner = on_store(tmp_path, save, load)
    assert {row.path: row for row in listed} == {ODD: entry(ODD, b"", download=True, **REGION), "/b": entry("/b", b"")}
    assert digests == [b"d" * 64, b"", b""] and inner == b"r" * 32


def test_a_rescan_keeps_what_other_work_found_out(tmp_path):
    async def work(store):
        await store.files.put([entry("/a")])
        await store.library.execute("UPDATE HashDb SET quality_score = 0.9")
        await store.files.put([entry("/a")] * 2)
        return await store.library.fetch("SELECT quality_score FROM HashDb")

    assert on_store(tmp_path, work) == [(0.9,)]


def test_a_release_keeps_its_tracklist(tmp_path):
    async def work(store):
        await store.releases.put(release(count=3))
        await store.releases.put(release(count=2))
        return await store.releases.get("m"), await store.releases.get("other"), await store.releases.of_recording("r2")

    assert on_store(tmp_path, work) == (release(), None, ["m"])


def test_the_musicbrainz_cache_tells_the_age_in_wall_time(tmp_path):
    async def work(store):
        await store.mb_cache.put("k", '{"a": 1}')
        await store.clock.advance(90)
        found, missing = await store.mb_cache.get("k"), await store.mb_cache.get("other")
        await store.mb_cache.put("k", "[]")
        return found, missing, await store.mb_cache.get("k")

    assert on_store(tmp_path, work) == (('{"a": 1}', 90.0), None, ("[]", 0.0))


def test_a_timeline_keeps_its_order_and_old_jobs_traces_go(tmp_path):
    def happened(job_id, at):
        return TraceEvent(job_id, at, "chunk", 3, "slsk:\udce9", "slsk", "v", 65536, 65536, "ok", 12.5, None, "words", {"n": 1})

    async def work(store):
        for number in range(5):
            await store.traces.append([happened(f"j{number}", 1.0), happened(f"j{number}", 0.5)])
        await store.traces.append([happened("j0", 2.0)])
        assert await store.traces.trim(2) == 3
        return await store.traces.jobs(), await store.traces.events("j0"), await store.traces.events("j1"), await store.traces.last("j0")

    jobs, events, gone, last = on_store(tmp_path, work)
    assert jobs == ["j0", "j4"] and gone == [] and [each.time for each in events] == [1.0, 0.5, 2.0]
    assert events[-1].seq == last and events[0].data == {"n": 1} and events[0].rtt_ms == 12.5 and events[0].throughput_bps is None
