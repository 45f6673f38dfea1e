"""From a folder to its issues, by the engine's own scanner, identification and doctor."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from engine_world import Album, World, completed
from mutagen.flac import FLAC

from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.health import HealthView
from slskdn_tui.model.views import StatusView, ViewKey
from slskdn_tui.seam import Command
from tests.fakes.sound_files import cut, spoil

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]


def test_a_scan_ends_in_a_check_that_finds_what_is_wrong_with_a_real_folder(tmp_path: Path, album: Album) -> None:
    async def main() -> tuple[HealthView, str]:
        async with World(tmp_path, album, tracks=5) as world:
            folder = tmp_path / "library" / "Plone"
            folder.mkdir(parents=True)
            one, two, three, four, _ = album.tracks(5)
            for path in (one, two, three, four):
                shutil.copy(path, folder)
            cut(folder / two.name, 0.6)
            spoil(folder / three.name, 0.5)
            (folder / four.name).unlink()
            engine = await world.engine(library={"folders": [str(folder.parent)]})
            assert (await engine.submit(Command("library.scan"))).ok

            async def found() -> HealthView:
                view = await engine.snapshot(ViewKey("health"))
                assert isinstance(view, HealthView)
                return view

            view = await found()
            async with asyncio.timeout(120):
                while len(view.rows) < 3 or view.checking:
                    await asyncio.sleep(0.1)
                    view = await found()
            status = await engine.snapshot(ViewKey("status"))
            assert isinstance(status, StatusView)
            return view, next(str(part.words) for part in status.parts if part.name == "library")

    view, words = asyncio.run(main())
    assert [row.issue.kind for row in view.rows] == ["damaged", "damaged", "missing_tracks"]
    assert {Path(row.issue.path).name[:2] for row in view.rows[:2]} == {"02", "03"}
    assert len(view.rows[2].issue.fix.recordings) == 2 and "2 damaged files, 1 release missing tracks" in words


def test_a_track_that_is_lost_of_a_downloaded_album_is_missed_whatever_its_tags_say(tmp_path: Path, album: Album) -> None:
    async def main() -> HealthView:
        async with World(tmp_path, album, tracks=3) as world:
            bare = tmp_path / "bare"
            bare.mkdir()
            for path in album.tracks(3):
                FLAC(shutil.copy(path, bare)).delete()
            await world.holder("mono_lith", sorted(bare.iterdir()))
            downloads = tmp_path / "downloads"
            engine = await world.engine(downloads={"folder": str(downloads)}, library={"folders": [str(downloads)]})
            job = await world.create(engine)
            await completed(job)
            assert not FLAC(job.tracks[0].record.placed).tags
            Path(job.tracks[1].record.placed).unlink()
            assert (await engine.submit(Command("library.scan"))).ok
            async with asyncio.timeout(120):
                while True:
                    view = await engine.snapshot(ViewKey("health"))
                    assert isinstance(view, HealthView)
                    if [row for row in view.rows if row.issue.kind == "missing_tracks"]:
                        return view
                    await asyncio.sleep(0.1)

    view = asyncio.run(main())
    (lost,) = [row.issue for row in view.rows if row.issue.kind == "missing_tracks"]
    assert "1 track of 3 missing" in lost.words and lost.fix.release == DEMO_RELEASE and len(lost.fix.recordings) == 1
