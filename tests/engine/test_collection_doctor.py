"""The Collection Doctor from end to end: a real folder, a real scan, the lab's users; found, fixed, and what was replaced can come back."""

from __future__ import annotations

import asyncio
import io
import shutil
from pathlib import Path

import pytest
import soundfile
from engine_world import Album, World, completed, sha
from mutagen.flac import FLAC

from slskdn_tui.engine.engine import Engine
from slskdn_tui.model.library_view import LibraryView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, Result

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]
COUNT = 4


def was_mp3(source: Path, target: Path) -> None:
    """The same music through an MP3, in a FLAC with the same tags."""
    samples, rate = soundfile.read(source, dtype="float32")
    lossy = io.BytesIO()
    soundfile.write(lossy, samples, rate, format="MP3", subtype="MPEG_LAYER_III")
    lossy.seek(0)
    again, rate = soundfile.read(lossy, dtype="float32")
    soundfile.write(target, again, rate, subtype="PCM_16")
    old, new = FLAC(source), FLAC(target)
    for key, value in old.tags:
        new[key] = [*new.get(key, []), value]
    new.save()


def shelf(world: World) -> Path:
    """An album of four: the first cut short, the second a fake, the third missing, the fourth with the title of the first."""
    folder = world.root / "library" / "Plone" / "Piano"
    folder.mkdir(parents=True)
    one, two, _, four = world.album.tracks(COUNT)
    whole = one.read_bytes()
    (folder / "a one.flac").write_bytes(whole[: len(whole) * 3 // 5])  # its header still says the MD5 of the whole sound
    was_mp3(two, folder / "b two.flac")
    shutil.copy2(four, folder / "d four.flac")
    wrong = FLAC(folder / "d four.flac")
    wrong["TITLE"], wrong["TRACKNUMBER"] = ["On My Bus"], ["1"]
    wrong.save()
    return folder


async def look(engine: Engine, subject: str = "") -> LibraryView:
    view = await engine.snapshot(ViewKey("library", subject))
    assert isinstance(view, LibraryView)
    return view


async def do(engine: Engine, name: str, **args: object) -> Result:
    result = await engine.submit(Command(name, dict(args)))
    assert result.ok, result
    return result


async def scanned(engine: Engine, *kinds: tuple[str, int]) -> LibraryView:
    """Scan, and wait until the checks that follow have found just this; in the order of the screen."""
    await do(engine, "library.scan")
    view = await look(engine)
    try:
        async with asyncio.timeout(90):
            while [(row.key, row.count) for row in view.kinds] != list(kinds) or view.scan.state != "idle" or view.checking:
                await asyncio.sleep(0.05)
                view = await look(engine)
    except TimeoutError:
        raise AssertionError(f"not {kinds} but {view}") from None
    return view


def test_what_is_bad_or_missing_is_found_fixed_and_the_old_file_can_come_back(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=COUNT) as world:
            mono = await world.holder("mono_lith")
            folder = shelf(world)
            fake = (folder / "b two.flac").read_bytes()
            engine = await world.engine(library={"folders": [str(tmp_path / "library")]})
            await scanned(engine, ("damaged", 1), ("transcode", 1), ("missing_tracks", 1), ("mis_tagged", 1))
            (bad,) = (await look(engine, "transcode")).rows
            assert bad.path == str(folder / "b two.flac") and (bad.score or 1) < 0.4 and any("MP3" in each for each in bad.evidence), bad

            # a retag is offered before a job, and written when agreed
            (wrong,) = (await look(engine, "mis_tagged")).rows
            offered = await do(engine, "library.fix", issue=[wrong.name])
            assert offered.data["jobs"] == [] and offered.data["to_write"] and FLAC(folder / "d four.flac")["TITLE"] == ["On My Bus"]
            assert (await do(engine, "library.fix", issue=[wrong.name], retag=True)).data["retags"]
            assert (
                sha(folder / "d four.flac") != world.truth[3] and FLAC(folder / "d four.flac")["TITLE"] == FLAC(album.tracks(4)[3])["TITLE"]
            )

            # one job gets exactly what is bad and what is missing
            begun = await do(engine, "library.fix", issue=["damaged", "transcode", "missing_tracks"])
            (job_id,) = begun.data["jobs"]
            await completed(engine.runner.find(job_id))
            assert sorted(mono.sent) == sorted(path.name for path in album.tracks(COUNT)[:3])
            assert sha(folder / "a one.flac") == world.truth[0]
            assert sha(folder / "b two.flac") == world.truth[1] and sha(folder / "03 Plock.flac") == world.truth[2]
            await scanned(engine, ("trash", 2))
            old = next(row for row in (await look(engine, "trash")).rows if row.path == str(folder / "b two.flac"))

            # and the old one can come back
            await do(engine, "trash.restore", entry=[old.name])
            assert (folder / "b two.flac").read_bytes() == fake
            await scanned(engine, ("transcode", 1), ("trash", 2))
            await do(engine, "library.dismiss", issue=[(await look(engine, "transcode")).rows[0].name])
            assert [row.key for row in (await look(engine)).kinds] == ["dismissed", "trash"]

    asyncio.run(main())
