"""Of two complete candidates a job takes the one that is known to be better; told not to look at that, the faster one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import Album, World, completed, release_of, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.model.finding import SearchView
from slskdn_tui.model.heard import HeardVariant, Voice
from slskdn_tui.model.variant import Variant
from slskdn_tui.model.views import TrackView, ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.usefixtures("quick")
PROFILE = "FLAC-16bit-44100Hz-2ch"


async def told(engine: Engine, album: Album, better: float, worse: float) -> None:
    """Three known peers of the mesh score the true files `better`, those with other tags `worse`."""
    assert engine.aggregates is not None
    recordings = [track.recording for medium in release_of(2).media for track in medium.tracks]
    heard = [
        HeardVariant(Variant(f"{at}{retagged:d}".ljust(64, "0"), "file", path.stat().st_size, recordings[at], "FLAC", PROFILE, score=score))
        for retagged, score in ((False, better), (True, worse))
        for at, path in enumerate(album.tracks(2, retagged))
    ]
    for number in range(1, 4):
        node = f"{number:02x}" * 32
        engine.book.outcome(node, ChunkOutcome.OK)
        engine.aggregates.advertised(Voice(node, f"127.9.{number}.1"), heard, (), whole=True)
    await engine.aggregates.flush()


def test_the_better_candidate_is_taken_or_the_faster_where_quality_is_not_to_count(tmp_path: Path, album: Album) -> None:
    async def main(canonical: bool, root: Path) -> tuple[int, int, str]:
        async with World(root, album) as world:
            fast = await world.holder("a_fast", album.tracks(2, retagged=True))
            good = await world.holder("b_good")
            fast.transfers.get_average_upload_speed = lambda: 5e6  # type: ignore[method-assign]
            engine = await world.engine()
            await told(engine, album, 0.9, 0.5)
            job = await world.create(engine, canonical=canonical)
            await completed(job)
            track = await engine.snapshot(ViewKey("track", f"{job.job_id}/1"))
            assert isinstance(track, TrackView)
            return fast.total, good.total, track.canonical

    fast, good, badge = asyncio.run(main(True, tmp_path / "1"))
    assert fast == 0 and good > 0 and badge == "canonical 0.90, 3 peers agree"
    fast, good, badge = asyncio.run(main(False, tmp_path / "2"))
    assert fast > 0 and good == 0 and badge == ""


def test_a_search_marks_the_files_that_known_peers_hold_for_canonical(tmp_path: Path, album: Album) -> None:
    async def main() -> list[tuple[str, str]]:
        async with World(tmp_path, album) as world:
            await world.holder("b_good")
            engine = await world.engine()
            await told(engine, album, 0.94, 0.5)
            await engine.soulseek.wait_online()
            result = await engine.submit(Command("search.ask", {"query": "plone piano"}))
            search = engine.soulseek.searches.get(result.data["search"])
            await until(lambda: bool(search.replies), "somebody answered")
            view = await engine.snapshot(ViewKey("search", result.data["search"]))
            assert isinstance(view, SearchView)
            return [(row.user, row.badge) for row in view.rows]

    rows = asyncio.run(main())
    assert rows == [("b_good", "2 of 2 canonical"), *[("b_good", "canonical 0.94, 3 peers agree")] * 2]
