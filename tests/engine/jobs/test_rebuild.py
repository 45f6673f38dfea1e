"""A profile whose database is gone goes on from its manifests."""

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_world import LEAF, Album, World, act, completed, until

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.jobs.manifests import manifests
from slskdn_tui.engine.jobs.manifests.manifest_files import ManifestFiles
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.jobs import JobState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText


def record() -> JobRecord:
    tracks = tuple(Track(n, 1, n, f"0000000{n}-0000-4000-8000-000000000000", SafeText(f"T{n}"), SafeText("A"), 1000) for n in (1, 2))
    release = Release(DEMO_RELEASE, "", SafeText("No"), SafeText("Yes: 1e3"), "", "1999", "", "", SafeText(""), (), 1, tracks)
    return JobRecord(
        "0f4de638-56f3-4a0f-b8fa-64f85c6b6a8f",
        "mb_release",
        release,
        created_at="2026-01-01T00:00:00Z",
        tracks=[TrackRecord(1), TrackRecord(2)],
    )


def test_a_manifest_lives_in_one_folder_and_says_what_state_the_job_is_in(tmp_path):
    files, job = ManifestFiles(tmp_path), record()
    for state, folder in (
        (JobState.ACTIVE, "active"),
        (JobState.CANCELLED, "cancelled"),
        (JobState.ACTIVE, "active"),
        (JobState.COMPLETED, "completed"),
    ):
        job.state = state
        files.keep(job)
        assert [path.parent.name for path in tmp_path.rglob("*.yaml")] == [folder]
    assert files.unfinished() == []


def test_titles_that_yaml_would_read_as_something_else_survive(tmp_path):
    text = manifests.write(record())
    again = manifests.read(text, "x.yaml").record
    assert (again.release.title, again.release.artist) == ("No", "Yes: 1e3")
    assert manifests.write(again) == text


def gone(paths: Paths) -> None:
    paths.state_db.unlink()


def both_gone(paths: Paths) -> None:
    paths.state_db.unlink()
    paths.library_db.unlink()


def cut(paths: Paths) -> None:
    os.truncate(paths.state_db, paths.state_db.stat().st_size // 2 + 100)


def scribbled(paths: Paths) -> None:
    data, chance = bytearray(paths.state_db.read_bytes()), random.Random(4)
    for page in range(4096, len(data), 4096):
        data[page : page + 64] = chance.randbytes(64)
    paths.state_db.write_bytes(data)


@pytest.mark.parametrize("harm", [gone, both_gone, cut, scribbled])
def test_a_job_whose_database_is_lost_goes_on_with_the_holder_and_the_bytes_it_had(
    tmp_path: Path, album: Album, quick: None, harm: Callable[[Paths], None]
) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(4 * LEAF)
            settings = world.settings("me", rescue={"no_bytes_s": 60.0})
            engine = await world.start("me", settings)
            job = await world.create(engine)
            first = job.tracks[0]
            await until(lambda: first.swarm and first.swarm.part.pieces.prefix == 4 * LEAF, "it is begun", job)
            await engine.stop()
            harm(world.paths("me"))
            await world.holder("anna", album.tracks(1, retagged=True))  # who has another file, and what is begun is not hers
            mono.let_go()
            engine = await world.start("me", settings)
            job = engine.runner.find(job.job_id)
            await completed(job)
            assert world.music() == world.truth
            assert list(mono.starts.values()) == [[0, 3 * LEAF]], "the overlap of one leaf, and nothing before it"
            assert mono.total == album.tracks(1)[0].stat().st_size + LEAF
            (said,) = world.said("me", "job.rebuilt")
            assert said == "rebuilt from its manifest: 1 track going on from partial files"
            told = world.said("me", "store.damaged")
            assert len(told) == (harm in (cut, scribbled)) and all("set aside" in words for words in told)
            assert list(world.paths("me").incomplete.iterdir()) == []

    asyncio.run(main())


@pytest.mark.parametrize("since", ["fetched more", "completed", "cancelled"])
def test_a_database_brought_back_from_a_copy_is_mended_by_what_is_on_disk(tmp_path: Path, album: Album, quick: None, since: str) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(2 * LEAF)
            settings = world.settings("me", rescue={"no_bytes_s": 60.0})
            engine = await world.start("me", settings)
            job = await world.create(engine)
            (first,) = job.tracks
            await until(lambda: first.swarm and first.swarm.part.pieces.prefix == 2 * LEAF, "it is begun", job)
            await engine.store.backup()
            match since:
                case "fetched more":
                    mono.let_go()
                    mono.hold(6 * LEAF)
                    await until(lambda: first.swarm and first.swarm.part.pieces.prefix == 6 * LEAF, "it went on", job)
                case "completed":
                    mono.let_go()
                    await completed(job)
                case "cancelled":
                    assert (await act(engine, "cancel", job)).ok
            await engine.stop()
            scribbled(world.paths("me"))
            if since != "fetched more":  # as a kill leaves it between the end of a job and the deletion of its parts
                left = world.paths("me").incomplete / job.job_id
                left.mkdir()
                (left / "001-5.part").write_bytes(b"12345")
                (left / "001-5.part.sidecar").write_bytes(b"")
            sent = mono.total
            mono.let_go()
            engine = await world.start("me", settings)
            job = engine.runner.find(job.job_id)
            assert "is in use; jobs go on from what is on disk" in world.said("me", "store.damaged")[0]
            if since == "cancelled":
                assert job.record.state == "cancelled"
            else:
                await completed(job)
                assert world.music() == world.truth and max(mono.starts.popitem()[1]) in (0, 5 * LEAF)
            assert list(world.paths("me").incomplete.iterdir()) == [], "no part and no sidecar stays behind"
            if since != "fetched more":
                assert mono.total == sent and not job.runs and not world.said("me", "job.completed")

    asyncio.run(main())
