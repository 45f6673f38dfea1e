"""What a user does to a running job: pause, resume, cancel, run again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import LEAF, Album, World, act, completed, until

from slskdn_tui.model.jobs import JobState, TrackState

pytestmark = pytest.mark.usefixtures("quick")


def test_an_album_is_fetched_from_soulseek_alone_and_is_bit_identical(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            assert not job.candidates, "hundreds of ended jobs must not keep what their searches found"
            assert world.music() == world.truth
            known, _ = await engine.store.files.page()
            assert {(file.path, file.recording, file.identified, file.download) for file in known} == {
                (str(Path(track.record.placed).resolve()), track.track.recording_mbid, "download", True) for track in job.tracks
            }
            assert mono.total == sum(path.stat().st_size for path in album.tracks(2))

    asyncio.run(main())


def test_a_paused_job_keeps_its_bytes_and_a_resumed_one_goes_on_after_them(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(5 * LEAF)
            engine = await world.engine(rescue={"no_bytes_s": 60.0})
            job = await world.create(engine)
            await until(lambda: mono.total == 5 * LEAF, "five leaves are sent", job)
            await until(lambda: job.tracks[0].done * album.tracks(1)[0].stat().st_size >= 5 * LEAF, "five leaves have come", job)
            assert (await act(engine, "pause", job)).ok
            assert job.record.state == "paused" and not job.runs
            assert not (await act(engine, "rerun", job)).ok
            mono.let_go()
            assert (await act(engine, "resume", job)).ok
            await completed(job)
            assert world.music() == world.truth
            (name,) = mono.starts
            assert mono.starts[name] == [0, 4 * LEAF]  # one leaf of overlap is compared

    asyncio.run(main())


def test_a_cancelled_job_leaves_no_partial_file_and_keeps_finished_tracks(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            mono.hold(5 * LEAF, which="02 ")
            engine = await world.engine(rescue={"no_bytes_s": 60.0})
            job = await world.create(engine)
            await until(lambda: job.tracks[0].record.state == "done" and mono.total % LEAF, "one track is there, one is halfway", job)
            assert (await act(engine, "cancel", job)).ok
            assert world.music() == world.truth[:1]
            assert not [path for path in world.paths("me").incomplete.rglob("*") if path.is_file()]
            refused = await act(engine, "resume", job)
            assert refused.code == "refused" and "cancelled" in refused.message

    asyncio.run(main())


def test_a_job_run_again_fetches_only_the_file_that_was_deleted(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            Path(job.tracks[1].record.placed).unlink()
            before = dict(mono.sent)
            assert (await act(engine, "rerun", job)).ok
            await until(lambda: job.record.state == "completed", "the job is complete again", job)
            first, second = (path.name for path in album.tracks(2))
            assert world.music() == world.truth
            assert mono.sent[first] == before[first] and mono.sent[second] == 2 * before[second]

    asyncio.run(main())


def test_jobs_that_were_running_go_on_by_themselves_when_the_engine_starts_again(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(6 * LEAF)
            settings = world.settings("me", rescue={"no_bytes_s": 60.0})
            engine = await world.start("me", settings)
            job = await world.create(engine)
            await until(lambda: mono.total == 6 * LEAF, "six leaves are sent", job)
            await until(lambda: job.tracks[0].done * album.tracks(1)[0].stat().st_size >= 6 * LEAF, "six leaves have come", job)
            await engine.stop()
            mono.let_go()
            again = await world.start("me", settings)
            await completed(again.runner.find(job.job_id))
            assert world.music() == world.truth
            assert mono.starts[album.tracks(1)[0].name] == [0, 5 * LEAF]

    asyncio.run(main())


def test_a_file_placed_just_before_a_crash_is_found_and_not_fetched_again(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            settings = world.settings("me")
            engine = await world.start("me", settings)
            job = await world.create(engine)
            await completed(job)
            # as a kill between the move of the file and the record of it leaves the database
            track = job.record.tracks[0]
            track.state, track.placed = TrackState.VERIFYING, ""
            job.record.state = JobState.ACTIVE
            await engine.store.jobs.save(job.record)
            await engine.stop()
            sent = mono.total
            again = await world.start("me", settings)
            await completed(again.runner.find(job.job_id))
            assert world.music() == world.truth and mono.total == sent

    asyncio.run(main())
