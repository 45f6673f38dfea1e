"""An album that a job has placed: MusicBrainz rows and searches say so, and it is not fetched again without a word."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import Album, World, completed

from slskdn_tui.engine.engine import Engine
from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.finding import SearchView
from slskdn_tui.model.views import CandidatesView, ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.usefixtures("quick")


async def owned(engine: Engine, subject: str) -> list[float]:
    view = await engine.snapshot(ViewKey("candidates", subject=subject))
    assert isinstance(view, CandidatesView) and not view.error, view
    return [row.owned for row in view.rows if row.mbid == DEMO_RELEASE]


def test_an_album_that_is_here_is_shown_as_owned_and_fetched_again_only_when_told_so(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            assert await owned(engine, DEMO_RELEASE) == [0.0]
            job = await world.create(engine)
            await completed(job)
            asked = len(world.stub.seen)
            assert await owned(engine, DEMO_RELEASE) == [1.0]
            assert len(world.stub.seen) == asked, "MusicBrainz was not asked for it"
            assert await owned(engine, "Plone - For Beginner Piano") == [1.0]
            sent = mono.total
            again = Command("jobs.create", {"reference": DEMO_RELEASE})
            result = await engine.submit(again)
            assert result.code == "refused" and f"(job {job.job_id[:8]})" in result.message, result
            assert str(Path(job.tracks[0].record.placed).parent) in result.message
            assert f"jobs rerun {job.job_id[:8]}" in result.hint and "--again" in result.hint
            assert mono.total == sent and len(engine.runner.jobs()) == 1
            anew = await world.create(engine, again=True)
            assert anew is not job
            await completed(anew)
            assert mono.total == 2 * sent
            Path(job.tracks[1].record.placed).unlink()
            assert await owned(engine, DEMO_RELEASE) == [0.5]
            assert (await engine.submit(again)).ok, "half of it is no album"

    asyncio.run(main())


def test_another_copy_of_the_album_with_other_tags_is_shown_as_owned_too(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            await completed(await world.create(engine))
            await world.holder("retagged", album.tracks(2, retagged=True))
            result = await engine.submit(Command("search.ask", {"query": "Beginner Piano"}))
            assert result.ok, result
            search = engine.soulseek.searches.get("")
            async with asyncio.timeout(240):
                while len(search.replies) < 2:
                    await asyncio.sleep(0.05)
            view = await engine.snapshot(ViewKey("search"))
            assert isinstance(view, SearchView)
            folders = {row.username: row.owned for row in view.rows if row.level == 0}
            assert folders == {"mono_lith": 1.0, "retagged": 1.0} and mono.total

    asyncio.run(main())
