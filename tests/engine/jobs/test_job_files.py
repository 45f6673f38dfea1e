"""Files of a user without a release: folders and single files, what is wrong with a reference, and manifests of such a job."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import Album, World, act, completed, put, until
from files_world import ALBUM, get, got, placed, put_more, remote, shared

from slskdn_tui.engine.jobs.sources import files_job
from slskdn_tui.model.finding import make_ref
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.views import SwarmsView, ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.usefixtures("quick")


def test_a_folder_ends_bit_identical_below_the_users_name_with_what_is_no_music(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            await put_more(
                world, mono, {f"{ALBUM}/info.nfo": b"made with love", f"{ALBUM}/empty.txt": b"", f"{ALBUM}/back: cover?.jpg": b"x" * 9}
            )
            engine = await world.engine()
            job = await got(engine, make_ref("mono_lith", remote(mono, ALBUM), folder=True))
            assert job.record.type == JobType.FILES and job.record.release.artist == "mono_lith" and len(job.tracks) == 4
            await completed(job)
            assert world.said("me", "job.completed") == [f"{ALBUM} of mono_lith: complete, 4 files got whole"]
            assert not any("verified" in line for line in world.said("me", "track.done"))
            swarms = await engine.snapshot(ViewKey("swarms"))
            assert isinstance(swarms, SwarmsView) and (swarms.rows[0].title, swarms.rows[0].source) == (ALBUM, "mono_lith")
            wanted = placed(shared(world, "mono_lith"))
            del wanted[f"{ALBUM}/empty.txt"]
            wanted[f"{ALBUM}/back_ cover_.jpg"] = wanted.pop(f"{ALBUM}/back: cover?.jpg")
            assert placed(tmp_path / "me" / "music") == {f"mono_lith/{name}": digest for name, digest in wanted.items()}
            assert mono.total == sum(path.stat().st_size for path in shared(world, "mono_lith").rglob("*.*") if path.is_file())

    asyncio.run(main())


def test_another_copy_of_an_album_that_is_all_here_is_got_only_when_asked_for_again(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            retagged = {f"{ALBUM} [other tags]/{path.name}": path.read_bytes() + b"\0" * 7 for path in album.tracks(2)}
            await put_more(world, mono, {**retagged, f"{ALBUM} [other tags]/cover.jpg": b"x" * 9})
            ref = make_ref("mono_lith", remote(mono, f"{ALBUM} [other tags]"), folder=True)
            refused = await get(engine, ref)
            assert refused.code == "refused" and refused.data == {"had_by": "library"}, refused
            assert "all 2 files already, in other copies" in refused.message and job.tracks[0].record.placed in refused.message
            Path(job.tracks[1].record.placed).unlink()
            anew = await get(engine, ref)
            assert anew.ok, "one of them is gone: nothing of the other copy is left out"
            assert len(engine.runner.find(anew.data["job_id"]).tracks) == 3

    asyncio.run(main())


def test_files_that_are_here_already_are_left_out_unless_asked_for_again(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            one, two = album.tracks(2)
            mine = tmp_path / "library" / "x" / f"Plone - {one.name}"
            put(mine.parent, {mine.name: one.read_bytes()})
            engine = await world.engine(library={"folders": [str(tmp_path / "library")]})
            await engine.scanner.arrived(mine)
            folder = await get(engine, make_ref("mono_lith", remote(mono, ALBUM), folder=True))
            assert folder.ok and "1 file left out, here already" in folder.message
            await completed(engine.runner.find(folder.data["job_id"]))
            assert mono.sent == {two.name: two.stat().st_size}
            single = make_ref("mono_lith", remote(mono, ALBUM, one.name))
            refused = await get(engine, single)
            assert refused.code == "refused" and str(mine) in refused.message and "--again" in refused.hint
            await completed(await got(engine, single, again=True))
            assert mono.sent[one.name] == one.stat().st_size

    asyncio.run(main())


def test_one_file_found_by_asking_for_its_folder_goes_to_the_destination_named(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            mono.hold(0)
            engine = await world.engine(downloads={"destinations": {"vinyl": str(tmp_path / "vinyl")}})
            name = album.tracks(2)[1].name
            ref = make_ref("mono_lith", remote(mono, ALBUM, name))
            job = await got(engine, ref, destination="vinyl")
            again = await get(engine, ref)
            assert again.ok and again.message == f"being got already: job {job.job_id[:8]}"
            assert again.data["job_id"] == job.job_id and len(engine.runner.jobs()) == 1
            mono.let_go()
            await completed(job)
            assert placed(tmp_path / "vinyl") == {f"mono_lith/{ALBUM}/{name}": world.truth[1]} and world.music() == []
            assert mono.sent == {name: album.tracks(2)[1].stat().st_size}

    asyncio.run(main())


def test_a_folder_as_shown_and_a_files_name_after_its_folders_reference_are_found(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            name, shown = album.tracks(2)[1].name, remote(mono, ALBUM).replace("\\", "/")
            one = await got(engine, f"{make_ref('mono_lith', remote(mono, ALBUM), folder=True)}{name}")
            await completed(one)
            assert [track.path for track in one.record.tracks] == [remote(mono, ALBUM, name)]
            folder = await got(engine, f"slsk://mono_lith/{shown}/")
            await completed(folder)
            assert {Path(track.placed).parent.name for track in folder.record.tracks} == {ALBUM}
            assert folder.record.details["folder"] == remote(mono, ALBUM)

    asyncio.run(main())


def test_a_reference_that_leads_nowhere_says_why(tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            world.server.accounts["away"] = "x"
            engine = await world.engine()
            await engine.soulseek.wait_online()
            file = make_ref("mono_lith", remote(mono, ALBUM, "gone.flac"))
            for ref, code, words in (
                ("mono_lith/x.flac", "usage", "is no reference"),
                (file, "not_found", "does not share"),
                (make_ref("mono_lith", remote(mono, "Other"), folder=True), "not_found", "shares no files in"),
                (make_ref("nobody", "@@x\\y", folder=True), "not_found", "no Soulseek user nobody"),
                (make_ref("away", "@@x\\y", folder=True), "network", "away is not online"),
            ):
                result = await get(engine, ref)
                assert (result.code, words in result.message, bool(result.hint)) == (code, True, True), result
            assert (await get(engine, file, destination="tape")).code == "not_found"
            monkeypatch.setattr(files_job, "MOST_FILES", 1)
            much = await get(engine, make_ref("mono_lith", remote(mono, ALBUM), folder=True))
            assert much.code == "refused" and "that is 2 files" in much.message
            assert engine.runner.jobs() == [] and mono.total == 0

    asyncio.run(main())


def test_a_files_job_comes_back_from_its_manifest_and_takes_only_what_is_missing(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            await put_more(world, mono, {f"{ALBUM}/Scans/back: cover?.jpg": b"paper" * 1000, f"{ALBUM}/back.jpg": b"more" * 900})
            engine = await world.engine()
            refs = [
                make_ref("mono_lith", remote(mono, ALBUM), folder=True),
                make_ref("mono_lith", remote(mono, ALBUM, "Scans"), folder=True),
            ]
            job = await got(engine, *refs)
            await completed(job)
            before = placed(tmp_path / "me" / "music")
            assert f"mono_lith/{ALBUM}/Scans/back_ cover_.jpg" in before and len(before) == 4
            text = engine.runner.manifest(job)
            await engine.stop()
            Path(job.tracks[0].record.placed).unlink()
            (tmp_path / "me" / "music" / "mono_lith" / ALBUM / "Scans" / "back_ cover_.jpg").unlink()
            sent = dict(mono.sent)
            other = await world.engine("other", downloads={"folder": str(tmp_path / "me" / "music")})
            path = tmp_path / "files.yaml"
            path.write_text(text, encoding="utf-8")
            result = await other.submit(Command("jobs.import", {"file": str(path)}))
            assert result.ok and "2 of 4 tracks are here already" in result.message
            await completed(other.runner.find(job.job_id))
            assert placed(tmp_path / "me" / "music") == before
            missing = {Path(job.tracks[0].record.path.replace("\\", "/")).name, "back: cover?.jpg"}
            assert {name for name, count in mono.sent.items() if count != sent[name]} == missing

    asyncio.run(main())


def test_a_file_whose_holder_leaves_is_gone_on_with_from_another_user_who_has_it(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            name, size = album.tracks(1)[0].name, album.tracks(1)[0].stat().st_size
            mono.hold(size // 2)
            engine = await world.engine()
            job = await got(engine, make_ref("mono_lith", remote(mono, ALBUM, name)))
            await until(lambda: mono.sent.get(name, 0) > size // 3, "half of it came", job)
            other = await world.holder("bluenote59")
            await mono.stop()
            await completed(job)
            assert placed(tmp_path / "me" / "music") == {f"mono_lith/{ALBUM}/{name}": world.truth[0]}
            assert 0 < other.sent[name] < size  # from where the other one stopped, and an overlap
            assert (await act(engine, "rerun", job)).ok

    asyncio.run(main())
