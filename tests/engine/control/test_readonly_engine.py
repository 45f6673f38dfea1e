"""Looking at a profile while nothing runs: everything stored is shown, nothing is changed."""

import asyncio
import json
import subprocess
import sys

import pytest

from slskdn_tui.cli.present import render
from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.readonly import ReadOnlyEngine
from slskdn_tui.engine.store.records import JobRecord, LedgerRow, TraceEvent, TrackRecord
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobState, TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.part import Extent, PartRecord
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.trace_json import trace_document
from slskdn_tui.model.variant import LEAF
from slskdn_tui.model.views import Unchanged, ViewKey
from slskdn_tui.seam import Command
from tests.engine.control.control_world import look

JOB = "0f4de638-56f3-4a0f-b8fa-64f85c6b6a8f"
OTHER = "1f4de638-56f3-4a0f-b8fa-64f85c6b6a8f"


def release():
    titles = ("Only Shallow", "Loomer", "Touched")
    ids = [f"{n}" * 8 + "-0000-4000-8000-000000000000" for n in range(1, 4)]
    tracks = tuple(Track(n, 1, n, ids[n - 1], SafeText(titles[n - 1]), SafeText("MBV"), 1000) for n in range(1, 4))
    mbid = "c0d0c0a4-4a26-4d74-9c02-67c9321b3b22"
    return Release(
        mbid,
        mbid,
        SafeText("Loveless"),
        SafeText("My Bloody Valentine"),
        mbid,
        "1991",
        "GB",
        "Official",
        SafeText("Creation"),
        ("CD",),
        1,
        tracks,
    )


def fill(paths):
    async def work():
        store = await Store.open(paths)
        tracks = [
            TrackRecord(1, TrackState.DONE, "user", "a\\1.flac", 10 * LEAF, "/music/1.flac", "", "ab" * 32),
            TrackRecord(2, TrackState.ACTIVE, "us\x1ber", "a\\2.flac", 4 * LEAF, reason="no byte"),
            TrackRecord(3),
        ]
        await store.jobs.save(
            JobRecord(JOB, "mb_release", release(), state=JobState.ACTIVE, created_at="2026-01-01T00:00:00Z", tracks=tracks)
        )
        await store.jobs.save(
            JobRecord(OTHER, "mb_release", release(), state=JobState.COMPLETED, queue_position=1, tracks=[TrackRecord(1)])
        )
        await store.parts.put(PartRecord(f"{JOB}/2/{4 * LEAF}", "/x", 4 * LEAF, 2 * LEAF, (Extent(0, 2 * LEAF, "slsk:user"),)))
        await store.ledger.add(
            [LedgerRow("2026-01-01", "slsk", "up", "u", 30), LedgerRow("2026-01-01", "mesh", "down", "p", 10)], "2025-12-26"
        )
        await store.traces.append(
            [
                TraceEvent(JOB, 1.0, "job", words="started"),
                TraceEvent(JOB, 2.0, "chunk", 2, "ab" * 32, "mesh", "v", 0, LEAF, "ok", 5.0, 1e6),
            ]
        )
        await store.close()

    asyncio.run(work())
    paths.log_file.parent.mkdir(parents=True, exist_ok=True)
    paths.log_file.write_text(
        "2026-01-01T00:00:00 INFO    slskdn_tui.engine.swarm.track a\n2026-01-01T00:00:01 ERROR   slskdn_tui.engine.dht.node b\n"
    )


def submit(paths, command):
    async def work():
        engine = ReadOnlyEngine(paths)
        await engine.start()
        try:
            return await engine.submit(command)
        finally:
            await engine.stop()

    return asyncio.run(work())


@pytest.fixture
def paths(tmp_path):
    found = Paths.of(tmp_path)
    fill(found)
    return found


def test_jobs_and_their_progress_are_shown(paths):
    jobs, job, swarms, track = look(paths, ViewKey("jobs"), ViewKey("job", JOB[:6]), ViewKey("swarms"), ViewKey("track", f"{JOB}/2"))
    assert next((row.job_id, row.tracks_done, row.tracks_total, row.done) for row in jobs.rows) == (JOB, 1, 3, 0.5)
    assert [row.done for row in job.tracks] == [1.0, 0.5, 0.0] and job.tracks[0].path == "/music/1.flac"
    assert [(row.level, row.title) for row in swarms.rows] == [(0, "Loveless"), (1, "Only Shallow"), (1, "Loomer"), (1, "Touched")]
    assert "\x1b" not in swarms.rows[2].source
    assert (track.done, track.size, track.by_slsk, track.cells) == (2 * LEAF, 4 * LEAF, 2 * LEAF, "oo..")


def test_trace_log_and_status_are_shown(paths):
    trace, one, log, errors, status = look(
        paths, ViewKey("trace", JOB), ViewKey("trace", f"{JOB}/3"), ViewKey("log"), ViewKey("log", filter="level:error"), ViewKey("status")
    )
    assert [row.event for row in trace.rows] == ["job", "chunk"] and trace.tracks[1].sources[0].ranges == "0"
    assert [track.track for track in one.tracks] == [3]
    assert [(row.part, row.level) for row in log.rows] == [("swarm", "info"), ("dht", "error")] and len(errors.rows) == 1
    assert status.engine == "no engine runs for this profile; start `slskdn` or `slskdn serve`"
    assert "no engine runs" in status.soulseek_words, "the screens' first line says it"
    assert (status.soulseek, status.ratio, status.jobs_running, status.jobs_total) == ("offline", 3.0, 1, 2)


def test_a_finished_track_says_who_brought_it_as_its_trace_knows(paths):
    async def add():
        store = await Store.open(paths)
        peer = "cd" * 32
        await store.traces.append(
            [
                TraceEvent(JOB, 3.0, "chunk", 1, "slsk:user", "slsk", "v", 0, 6 * LEAF, "ok"),
                TraceEvent(JOB, 4.0, "chunk", 1, peer, "mesh", "v", 6 * LEAF, 4 * LEAF, "ok"),
            ]
        )
        await store.close()

    (before,) = look(paths, ViewKey("track", f"{JOB}/1"))
    assert "not known" in "\n".join(render.track(before, render.Look()))
    asyncio.run(add())
    (track,) = look(paths, ViewKey("track", f"{JOB}/1"))
    assert (track.done, track.by_slsk, track.by_mesh) == (10 * LEAF, 6 * LEAF, 4 * LEAF)


def test_windows_and_filters_of_the_list(paths):
    page, found = look(paths, ViewKey("jobs", start=1, count=1), ViewKey("jobs", filter="COMPLETED"))
    assert [row.job_id for row in page.rows] == [OTHER] and page.total == 2
    assert [row.job_id for row in found.rows] == [OTHER]


def test_an_unchanged_view_is_not_sent_again(paths):
    async def work():
        engine = ReadOnlyEngine(paths)
        await engine.start()
        first = await engine.snapshot(ViewKey("jobs"))
        assert await engine.snapshot(ViewKey("jobs"), first.version) == Unchanged(first.version)
        store = await Store.open(paths)
        record = await store.jobs.get(JOB)
        record.error = "disk full"
        await store.jobs.save(record)
        changed = await engine.snapshot(ViewKey("jobs"), first.version)
        assert changed.rows[0].error == "disk full" and changed.rows[1].version == first.rows[1].version
        await engine.stop()
        await store.close()

    asyncio.run(work())


@pytest.mark.parametrize(
    ("key", "code"),
    [(ViewKey("job", "ffff"), "not_found"), (ViewKey("track", f"{JOB}/9"), "not_found"), (ViewKey("candidates", "x"), "no_engine")],
)
def test_what_is_not_there_is_said(paths, key, code):
    with pytest.raises(UserError) as caught:
        look(paths, key)
    assert caught.value.code == code and caught.value.hint


def test_commands_need_an_engine_but_exports_do_not(paths, tmp_path):
    refused = submit(paths, Command("jobs.pause", {"job": JOB}))
    assert refused.code == "no_engine" and "slskdn serve" in refused.hint
    manifest = submit(paths, Command("jobs.export", {"job": JOB, "out": str(tmp_path / "job.yaml")}))
    assert manifest.ok and f"job_id: {JOB}" in (tmp_path / "job.yaml").read_text()
    assert "Loveless" in submit(paths, Command("jobs.export", {"job": JOB})).data["manifest"]
    trace = submit(paths, Command("trace.export", {"job": JOB[:4], "out": str(tmp_path / "trace.json")}))
    exported = json.loads((tmp_path / "trace.json").read_text())
    assert trace.ok and len(exported["events"]) == 2
    assert exported == json.loads(json.dumps(trace_document(*look(paths, ViewKey("trace", JOB))))), "as `debug job --json` prints it"
    again = submit(paths, Command("trace.export", {"job": JOB, "out": str(tmp_path / "trace.json")}))
    assert again.code == "disk" and "exists" in again.message
    assert submit(paths, Command("jobs.export", {"job": 5})).code == "usage"


def test_a_profile_that_was_never_used_shows_empty_lists_and_is_not_made(tmp_path):
    jobs, log, status = look(Paths.of(tmp_path / "new"), ViewKey("jobs"), ViewKey("log"), ViewKey("status"))
    assert (jobs.rows, log.rows, status.jobs_total) == ((), (), 0)
    assert not (tmp_path / "new").exists()


def test_reading_verbs_pull_in_neither_aioslsk_nor_audio_libraries():
    code = "import sys, slskdn_tui.engine.readonly, slskdn_tui.engine.remote; print([m for m in ('aioslsk', 'numpy', 'soundfile', 'textual', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[]\n"
