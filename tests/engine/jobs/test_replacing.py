"""A job of the doctor's: exactly the tracks asked for, into the album that is there; what they replace goes into the trash and can come back."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from pathlib import Path

import pytest
from engine_world import LEAF, Album, World, completed, sha, until
from mutagen.flac import FLAC

from slskdn_tui.config.settings import MusicBrainz
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.handlers.mending import start_fix
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.wanted.fixes import details_of, fix_details
from slskdn_tui.engine.jobs.wanted.left_out import leave_out
from slskdn_tui.engine.library.fix.trash import stamp_of
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.engine.store.store import Store
from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.fix import FixRequest, FixTrack, TrashView
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release
from slskdn_tui.model.views import JobsView, JobView, ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.usefixtures("quick")


def shelf(world: World) -> Path:
    """A library of three tracks: the first is bad, the second fine, the third missing."""
    folder = world.root / "library" / "Plone"
    folder.mkdir(parents=True)
    _, second, _ = world.album.tracks(3)
    (folder / "one.flac").write_bytes(b"bad" * 1000)
    shutil.copy2(second, folder / "two.flac")
    return folder


def request(folder: Path) -> FixRequest:
    bad = str(folder / "one.flac")
    stamp = stamp_of(bad)
    assert stamp is not None
    return FixRequest(
        DEMO_RELEASE,
        str(folder),
        (FixTrack(1, "one", bad, stamp), FixTrack(3, "03 three")),
        here=((2, str(folder / "two.flac")),),
    )


async def fix(engine: Engine, asked: FixRequest) -> LiveJob:
    job = await start_fix(engine, asked, Constraints())
    await completed(job)
    return job


def test_only_what_is_bad_or_missing_is_fetched_and_the_old_file_can_come_back(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            mono = await world.holder("mono_lith")
            folder = shelf(world)
            engine = await world.engine(library={"folders": [str(folder.parent)]})
            job = await fix(engine, request(folder))
            assert sorted(mono.sent) == sorted(path.name for path in (album.tracks(3)[0], album.tracks(3)[2])), "the fine one is left alone"
            assert [sha(folder / name) for name in ("one.flac", "two.flac", "03 three.flac")] == world.truth
            jobs = await engine.snapshot(ViewKey("jobs"))
            assert isinstance(jobs, JobsView) and (jobs.rows[0].tracks_done, jobs.rows[0].tracks_total) == (2, 2)
            view = await engine.snapshot(ViewKey("trash"))
            assert isinstance(view, TrashView) and [row.path for row in view.rows] == [str(folder / "one.flac")]
            assert view.rows[0].job_id == job.job_id
            result = await engine.submit(Command("trash.restore", {"entry": [view.rows[0].entry]}))
            assert result.ok and (folder / "one.flac").read_bytes() == b"bad" * 1000, result
            again = await engine.submit(Command("trash.restore", {"entry": result.data["swapped"]}))
            assert again.ok and sha(folder / "one.flac") == world.truth[0], again
            assert (await engine.submit(Command("trash.empty", {"yes": True}))).data["files"] == 1
            assert (await engine.submit(Command("jobs.rerun", {"job": job.job_id}))).ok
            await completed(job)
            assert len(mono.starts) == 2 and all(len(starts) == 1 for starts in mono.starts.values()), "nothing is fetched twice"

    asyncio.run(main())


def test_a_job_that_replaces_does_so_when_its_database_was_lost_and_tells_nobody_else_of_files_here(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            mono = await world.holder("mono_lith")
            mono.hold(LEAF)
            folder = shelf(world)
            settings = world.settings("me", library={"folders": [str(folder.parent)]}, rescue={"no_bytes_s": 60.0})
            engine = await world.start("me", settings)
            job = await start_fix(engine, request(folder), Constraints())
            await until(lambda: mono.total >= LEAF, "it is begun", job)
            await engine.stop()
            world.paths("me").state_db.unlink()
            kept = {path.suffix: path.read_text() for path in (world.paths("me").jobs / "active").iterdir()}
            assert str(folder) in kept[".fix"] and str(folder) not in kept[".yaml"]
            mono.let_go()
            engine = await world.start("me", settings)
            await completed(engine.runner.find(job.job_id))
            assert [sha(folder / name) for name in ("one.flac", "two.flac", "03 three.flac")] == world.truth
            assert [entry.path for entry in engine.trash.entries()] == [str(folder / "one.flac")]
            assert [path.suffix for path in world.paths("me").jobs.rglob(f"{job.job_id}*")] == [".yaml"]

    asyncio.run(main())


@pytest.mark.parametrize("text", ["[]", "{", '{"folder": 1}', '{"folder": "/m", "tracks": [{"position": 1}]}'])
def test_a_note_of_what_a_job_replaces_that_is_damaged_rebuilds_no_other_job(text: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        fix_details(text)


def test_the_very_file_that_is_to_be_replaced_is_no_replacement(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            folder = shelf(world)
            shutil.copy2(album.tracks(1)[0], folder / "one.flac")  # it was judged bad, and this is what others have
            mono = await world.holder("mono_lith")
            engine = await world.engine(library={"folders": [str(folder.parent)]})
            job = await start_fix(engine, request(folder), Constraints())
            await until(lambda: world.said("me", "track.quarantined"), "it is set aside", job)
            assert "the very file" in world.said("me", "track.quarantined")[0] and mono.total
            assert sha(folder / "one.flac") == world.truth[0] and engine.trash.entries() == []

    asyncio.run(main())


def test_tracks_that_the_library_has_are_left_out_of_every_job(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            mono = await world.holder("mono_lith")
            folder = shelf(world)
            (folder / "one.flac").unlink()
            engine = await world.engine(library={"folders": [str(folder.parent)]})
            await engine.scanner.arrived(folder / "two.flac")
            result = await engine.submit(Command("jobs.create", {"reference": DEMO_RELEASE}))
            assert "1 here already" in result.message, result
            await completed(job := engine.runner.find(result.data["job_id"]))
            assert sorted(mono.sent) == [album.tracks(3)[0].name, album.tracks(3)[2].name]
            assert job.tracks[1].record.placed == str(folder / "two.flac") and job.tracks[1].record.reason == "here already"
            for path in (tmp_path / "me" / "music").rglob("*.flac"):
                await engine.scanner.arrived(path)
            await engine.store.jobs.drop(job.job_id)
            engine.runner._jobs.clear()
            refused = await engine.submit(Command("jobs.create", {"reference": DEMO_RELEASE}))
            assert refused.code == "refused" and refused.data["had_by"] == "library", refused
            anew = await engine.submit(Command("jobs.create", {"reference": DEMO_RELEASE, "again": True}))
            await completed(engine.runner.find(anew.data["job_id"]))
            assert len(mono.sent) == 3

    asyncio.run(main())


@pytest.mark.slow
def test_an_engine_killed_at_any_moment_of_an_exchange_ends_with_the_new_files_and_the_old_one_in_the_trash(
    tmp_path: Path, album: Album
) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            mono = await world.holder("mono_lith")
            mono.rate = 400_000
            folder = shelf(world)
            paths = world.configure("me", library={"folders": [str(folder.parent)], "identify": False}, rescue={"no_bytes_s": 60.0})
            asked = request(folder)
            store = await Store.open(paths)
            record = JobRecord(str(uuid.uuid4()), "mb_release", await release_of_world(world, store), details=details_of(asked))
            leave_out(record, dict(asked.here))
            record.created_at, record.folder = "2026-11-26T08:00:00Z", str(folder)
            await store.jobs.save(record)
            await store.close()
            sizes = sum(path.stat().st_size for path in (album.tracks(3)[0], album.tracks(3)[2]))
            for share in (0.3, 0.7, 1.0):
                child = await world.serve("me")
                await until(lambda share=share: mono.total >= share * sizes, f"{share} of it is sent")
                child.process.kill()
                await child.process.wait()
                assert (folder / "one.flac").exists(), "the track is there at any moment"
            await world.serve("me")
            engine = await world.attach("me")
            async with asyncio.timeout(240):
                while True:
                    view = await engine.snapshot(ViewKey("job", record.job_id))
                    assert isinstance(view, JobView)
                    if view.job.state == "completed":
                        break
                    await asyncio.sleep(0.1)
            assert [sha(folder / name) for name in ("one.flac", "two.flac", "03 three.flac")] == world.truth
            trash = await engine.snapshot(ViewKey("trash"))
            assert isinstance(trash, TrashView) and [row.path for row in trash.rows] == [str(folder / "one.flac")]
            kept = list((folder.parent / ".slskdn-trash").rglob("file.flac"))
            assert [path.read_bytes() for path in kept] == [b"bad" * 1000]

    asyncio.run(main())


async def release_of_world(world: World, store: Store) -> Release:
    """The world's release as MusicBrainz has it."""
    settings = MusicBrainz(url=world.stub.url, contact="test@localhost", rate_s=0.0)
    client = MusicBrainzClient(settings, clock=SystemClock(), cache=store.mb_cache)
    try:
        return await client.release(DEMO_RELEASE)
    finally:
        client.close()


def test_tags_are_shown_written_and_taken_back_by_command(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            path = shelf(world) / "two.flac"
            engine = await world.engine(library={"folders": [str(path.parent.parent)]}, soulseek={"enabled": False})
            before = path.read_bytes()
            asked = {"path": [str(path)], "set": "title=One, two,tracknumber=9"}
            shown = await engine.submit(Command("library.retag", asked))
            assert "title: " in shown.data["text"] and "-> One, two" in shown.data["text"] and path.read_bytes() == before
            done = await engine.submit(Command("library.retag", {**asked, "apply": True}))
            assert FLAC(path)["title"] == ["One, two"] and len(done.data["retags"]) == 1, done
            known = await engine.submit(Command("library.retag", {}))
            assert str(path) in known.data["text"] and done.data["retags"][0] in known.data["text"]
            assert (await engine.submit(Command("library.retag", {"undo": "last"}))).ok
            assert FLAC(path).tags[:] == FLAC(album.tracks(2)[1]).tags[:]
            for wrong in ({"path": [str(path)]}, {"path": [str(path)], "set": "colour=red"}, {"path": ["/etc/passwd"], "set": "title=x"}):
                assert not (await engine.submit(Command("library.retag", wrong))).ok

    asyncio.run(main())


def test_a_file_that_was_changed_since_it_was_judged_is_the_users_and_stays(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            await world.holder("mono_lith")
            folder = shelf(world)
            asked = request(folder)
            (folder / "one.flac").write_bytes(b"mine")
            engine = await world.engine(library={"folders": [str(folder.parent)]})
            job = await fix(engine, asked)
            assert (folder / "one.flac").read_bytes() == b"mine" and sha(folder / "one (2).flac") == world.truth[0]
            assert "not the file that was judged" in job.tracks[0].record.reason
            assert engine.trash.entries() == []

    asyncio.run(main())


@pytest.mark.parametrize("name", ["one.flac", "uno.mp3"], ids=["same name", "other name"])
def test_an_engine_that_died_after_the_file_was_placed_finishes_the_exchange(tmp_path: Path, album: Album, name: str) -> None:
    """The record is as a kill leaves it: the digest is stored, the file is placed, and nothing else is known."""

    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            await world.holder("mono_lith")
            folder = shelf(world)
            os.rename(folder / "one.flac", folder / name)
            old = (folder / name).read_bytes()
            os.link(folder / name, tmp_path / "old")
            stamp = stamp_of(str(folder / name))
            assert stamp is not None
            asked = FixRequest(DEMO_RELEASE, str(folder), (FixTrack(1, "one", str(folder / name), stamp),), here=((2, "x"), (3, "y")))
            sections = {"library": {"folders": [str(folder.parent)]}}
            engine = await world.engine(**sections)
            job = await fix(engine, asked)
            record = job.record
            assert record.tracks[0].placed == str(folder / "one.flac")
            if name == "uno.mp3":  # killed before the old one went: it stands, and nothing is in the trash
                engine.trash.empty(engine.trash.entries())
                os.link(tmp_path / "old", folder / name)
            record.state, record.finished_at = type(record.state)("new"), ""
            record.tracks[0].state, record.tracks[0].placed = type(record.tracks[0].state)("verify"), ""
            await engine.store.jobs.save(record)
            await engine.stop()
            after = await world.start("me", world.settings("me", **sections))
            job = after.runner.find(job.job_id)
            await completed(job)
            assert sha(folder / "one.flac") == world.truth[0] and (name == "one.flac" or not (folder / name).exists())
            (there,) = after.trash.entries()
            assert Path(there.kept).read_bytes() == old

    asyncio.run(main())
