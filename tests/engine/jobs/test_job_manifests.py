"""A job leaves as a manifest and comes back: the same files, an edited one with its edits, and nothing hostile gets in."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_world import Album, World, act, completed, sha, until

from slskdn_tui.engine.jobs.manifests.recovery import Recovered, Recovery
from slskdn_tui.seam import Command, Result

pytestmark = pytest.mark.usefixtures("quick")


def edited(text: str, change: Callable[[dict], None]) -> str:
    data = yaml.safe_load(text)
    change(data)
    return yaml.safe_dump(data, sort_keys=False)


async def bring(engine, folder: Path, text: str) -> Result:
    path = folder / f"manifest-{sha(text.encode())[:8]}.yaml"
    path.write_text(text, encoding="utf-8")
    return await engine.submit(Command("jobs.import", {"file": str(path)}))


def test_an_exported_job_imported_on_an_empty_profile_ends_in_the_same_files(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            out = tmp_path / "job.yaml"
            assert (await act(engine, "export", job, out=str(out))).ok
            again = await act(engine, "export", job, out=str(out))
            assert again.code == "disk" and "exists" in again.message
            await engine.stop()
            other = await world.engine("other")
            result = await other.submit(Command("jobs.import", {"file": str(out)}))
            assert result.ok and result.data["job_id"] == job.job_id
            await completed(other.runner.find(job.job_id))
            assert world.music("other") == world.music("me") == world.truth
            assert mono.total == 2 * sum(path.stat().st_size for path in album.tracks(2))

    asyncio.run(main())


def test_an_album_that_is_read_whole_for_its_import_keeps_no_other_job_waiting(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading what is on the disk already may take minutes."""
    reading, read, take_up = threading.Event(), threading.Event(), Recovery.take_up

    def slow(recovery: Recovery, *args: Any) -> Recovered:
        reading.set()
        assert read.wait(240)
        return take_up(recovery, *args)

    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine(soulseek={"enabled": False})
            job = await world.create(engine)
            text = edited(engine.runner.manifest(job), lambda data: data.update(job_id=str(uuid.uuid4())))
            assert (await act(engine, "cancel", job)).ok
            monkeypatch.setattr(Recovery, "take_up", slow)
            coming = asyncio.create_task(bring(engine, tmp_path, text))
            try:
                await until(reading.is_set, "the album is being read")
                await world.create(engine)
            finally:
                read.set()
            assert (await coming).ok

    asyncio.run(main())


def test_a_manifest_is_kept_current_and_moves_to_completed(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            mono.hold(0, "02 ")
            engine = await world.engine(rescue={"no_bytes_s": 60.0})
            job = await world.create(engine)
            active, done = (world.paths("me").jobs / name / f"{job.job_id}.yaml" for name in ("active", "completed"))
            assert yaml.safe_load(active.read_text())["status"]["pending_tracks"] == [1, 2]
            await until(
                lambda: yaml.safe_load(active.read_text())["status"]["completed_tracks"] == [1], "track one is in the manifest", job
            )
            assert yaml.safe_load(active.read_text())["tracks"][0]["size"] == album.tracks(1)[0].stat().st_size
            mono.let_go()
            await completed(job)
            await until(lambda: done.exists() and not active.exists(), "the manifest is among the completed ones")
            assert yaml.safe_load(done.read_text())["status"]["completed_tracks"] == [1, 2]

    asyncio.run(main())


def test_a_job_imported_where_its_files_are_goes_on_from_them(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            text = engine.runner.manifest(job)
            await engine.stop()
            Path(job.tracks[1].record.placed).unlink()
            before = dict(mono.sent)
            # the database is gone, the music folder is there
            other = await world.engine("other", downloads={"folder": str(tmp_path / "me" / "music")})
            result = await bring(other, tmp_path, text)
            assert result.ok and "1 of 2 tracks are here already" in result.message
            await completed(other.runner.find(job.job_id))
            assert world.music() == world.truth
            first, second = (path.name for path in album.tracks(2))
            assert mono.sent[first] == before[first] and mono.sent[second] == 2 * before[second]

    asyncio.run(main())


def test_an_edited_manifest_is_imported_with_its_edits(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            text = engine.runner.manifest(job)
            await engine.stop()

            def edit(data: dict) -> None:
                del data["tracks"][1]
                data["constraints"]["use_overlay"] = False
                data["constraints"]["max_lossy_tracks_per_album"] = 2

            other = await world.engine("other")
            assert (await bring(other, tmp_path, edited(text, edit))).ok
            back = other.runner.find(job.job_id)
            assert [live.track.position for live in back.tracks] == [1, 3]
            assert not back.record.constraints.use_overlay and back.record.constraints.max_lossy_tracks_per_album == 2
            await completed(back)
            assert world.music("other") == [world.truth[0], world.truth[2]]

    asyncio.run(main())


def test_an_unfinished_job_is_not_imported_over_itself(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine()
            job = await world.create(engine)
            result = await bring(engine, tmp_path, engine.runner.manifest(job))
            assert result.code == "refused" and "cancel it first" in result.hint
            assert (await act(engine, "cancel", job)).ok
            assert (await bring(engine, tmp_path, engine.runner.manifest(job))).ok
            assert len(engine.runner.jobs()) == 1

    asyncio.run(main())


HOSTILE: list[tuple[str, Callable[[str], str], str]] = [
    ("an unknown key", lambda text: text + "command: rm -rf /\n", "command"),
    ("a job id that is a path", lambda text: edited(text, lambda data: data.update(job_id="../../../../etc/cron.d/x-0000-0000-000000000000")), "job_id"),
    ("a wrong recording id", lambda text: edited(text, lambda data: data["tracks"][1].update(mb_recording_id="../x")), "tracks 2: mb_recording_id"),
    ("a path for a track", lambda text: edited(text, lambda data: data["tracks"][0].update(path="/etc/passwd")), "tracks 1: path"),
    ("two tracks in one place", lambda text: edited(text, lambda data: data["tracks"][1].update(position=1)), "tracks"),
    ("no track", lambda text: edited(text, lambda data: data.update(tracks=[])), "tracks"),
    ("a negative cap", lambda text: edited(text, lambda data: data["constraints"].update(overlay_bandwidth_kbps=-1)), "overlay_bandwidth_kbps"),
    ("a newer schema", lambda text: edited(text, lambda data: data.update(schema_version=2)), "schema_version"),
    ("a key twice", lambda text: text + "title: again\n", "title"),
    ("an alias bomb", lambda text: text + "bomb: &a [x, x]\nmore: [*a, *a]\n", "anchor"),
    ("a tag", lambda text: text + "x: !!python/object/apply:os.system [id]\n", "tag"),
]  # fmt: skip


def test_hostile_manifests_are_refused_with_line_and_key(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine()
            job = await world.create(engine)
            text = engine.runner.manifest(job)
            assert (await act(engine, "cancel", job)).ok
            for what, change, key in HOSTILE:
                result = await bring(engine, tmp_path, change(text))
                assert result.code == "config", what
                assert key in result.message and "line " in result.message and result.hint, (what, result)
            assert len(engine.runner.jobs()) == 1
            missing = await engine.submit(Command("jobs.import", {"file": str(tmp_path / "nowhere.yaml")}))
            assert missing.code in ("not_found", "disk", "config") and "nowhere.yaml" in missing.message

    asyncio.run(main())


def test_a_title_that_climbs_out_of_the_folder_stays_inside(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            text = engine.runner.manifest(job)
            assert (await act(engine, "cancel", job)).ok
            climb = {"artist": "../../../Plone", "title": "../For Beginner Piano"}
            assert (await bring(engine, tmp_path, edited(text, lambda data: data.update(climb)))).ok
            back = engine.runner.find(job.job_id)
            await completed(back)
            music = tmp_path / "me" / "music"
            placed = Path(back.tracks[0].record.placed)
            assert placed.resolve().is_relative_to(music) and world.music() == world.truth

    asyncio.run(main())
