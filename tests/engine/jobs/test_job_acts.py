"""What a user does to a running job: pause, resume, cancel, run again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import LEAF, Album, World, act, completed, release_of, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.lab.data import DEMO_RELEASE, load
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobState, TrackState
from slskdn_tui.model.parents import Member, ParentRecord, ParentType
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command

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


def test_the_next_holder_goes_on_when_the_user_says_so(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            holders = {name: await world.holder(name) for name in ("mono_lith", "dj_kode")}
            for holder in holders.values():
                holder.hold(5 * LEAF)
            engine = await world.engine(rescue={"no_bytes_s": 60.0})
            job = await world.create(engine)
            await until(lambda: any(holder.total == 5 * LEAF for holder in holders.values()), "one of them is sending", job)
            first = job.tracks[0].record.username
            next(holder for name, holder in holders.items() if name != first).let_go()
            result = await engine.submit(Command("swarms.next", {"job": job.job_id}))
            assert result.ok and "trying the next holder for 1 track" in result.message
            await completed(job)
            assert world.music() == world.truth and job.tracks[0].record.username != first
            ended = await engine.submit(Command("swarms.next", {"job": job.job_id}))
            assert ended.code == "refused" and "nothing of that is moving" in ended.message

    asyncio.run(main())


def test_jobs_are_moved_in_the_queue_past_what_has_ended_and_toggled(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        there = World(tmp_path, album, tracks=1)
        releases = (release_of(1), *(load(name)[0] for name in ("the_love_bug", "surrender")))
        there.stub = MusicBrainzStub(releases)
        async with there as world:
            engine = await world.engine()
            first, ended, last = [await world.create(engine, reference=each.mbid) for each in releases]
            assert (await act(engine, "cancel", ended)).ok

            def order(engine: Engine) -> list[str]:
                return [job.job_id for job in engine.runner.jobs() if job is not ended]

            assert order(engine) == [first.job_id, last.job_id]
            assert (await engine.submit(Command("swarms.up", {"job": last.job_id}))).ok
            assert order(engine) == [last.job_id, first.job_id]
            again = await engine.submit(Command("swarms.up", {"job": last.job_id}))
            assert again.code == "refused" and "the first in the queue" in again.message
            assert (await engine.submit(Command("swarms.down", {"job": last.job_id}))).ok
            assert order(engine) == [first.job_id, last.job_id]
            assert "paused" in (await act(engine, "toggle", last)).message and last.record.state == "paused"
            assert "resumed" in (await act(engine, "toggle", last)).message and last.runs
            shown = [row.state for row in (await engine.snapshot(ViewKey("swarms"))).rows if row.key == last.job_id]
            assert shown and shown[0] in ("starting", "searching", "active"), "nothing about a job that goes on is new"

    asyncio.run(main())


def test_the_same_album_asked_for_twice_at_once_is_one_job(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine()
            asked = Command("jobs.create", {"reference": DEMO_RELEASE})
            results = await asyncio.gather(engine.submit(asked), engine.submit(asked))
            (job,) = engine.runner.jobs()
            assert sorted(result.code for result in results) == ["ok", "refused"]
            manifest = Command("jobs.import", {"file": str(tmp_path / "a.yaml")})
            (tmp_path / "a.yaml").write_text(engine.runner.manifest(job))
            (folder := engine.paths.incomplete / job.job_id).mkdir()
            (folder / "notes.part").write_bytes(b"")  # somebody else's, and no reason to fail
            assert (await act(engine, "cancel", job)).ok and not folder.exists()
            results = await asyncio.gather(engine.submit(manifest), engine.submit(manifest))
            assert sorted(result.code for result in results) == ["ok", "refused"]

            crates = [ParentRecord("", ParentType.CRATE, "Warp", SafeText("Warp"), "10", members=[Member(DEMO_RELEASE)]) for _ in "ab"]
            parents = await asyncio.gather(*map(engine.parents.create, crates), return_exceptions=True)
            assert [isinstance(parent, UserError) for parent in parents] == [False, True] and len(engine.parents.all()) == 1

    asyncio.run(main())
