"""Jobs from a release group and a recording, other editions beside the right one, parts and mixes; told by what users sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_world import Album, World, completed, release_of, sha, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.sources import search
from slskdn_tui.lab.data import ReleaseFact, ws2
from slskdn_tui.seam import Command

pytestmark = pytest.mark.usefixtures("quick")
LONGER = "fbe4eb72-0f24-3875-942e-f581589713d4"


def editions(world: World) -> ReleaseFact:
    """Two editions with two tracks, one from 1999 and one from 2000, and a longer one of 1998; the first is the one to take."""
    short, long = release_of(2), release_of(3)
    later = replace(short, mbid="dd66bfdd-6097-32e3-91b6-67f47ba25d4c", date="2000-01-01")
    world.stub.world = ws2.World((later, replace(long, mbid=LONGER, date="1998-01-01"), short))
    return short


async def create(engine: Engine, reference: str, **args: Any) -> tuple[LiveJob, str]:
    result = await engine.submit(Command("jobs.create", {"reference": reference, **args}))
    assert result.ok, result
    return engine.runner.find(result.data["job_id"]), str(result.message)


async def trace_words(engine: Engine, job: LiveJob) -> list[str]:
    return [event.words for event in await engine.trace.events(job.job_id)]


@pytest.fixture
def one_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for single tracks would wait for users who have others."""
    monkeypatch.setattr(search, "MAX_QUERIES", 1)


@pytest.mark.parametrize("url", [True, False])
def test_a_release_group_becomes_the_edition_most_share_and_says_why(tmp_path: Path, album: Album, url: bool) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            fact = editions(world)
            right, bigger = await world.holder("right"), await world.holder("bigger", album.tracks(3))
            engine = await world.engine()
            group = fact.group.mbid
            job, message = await create(engine, f"https://musicbrainz.org/release-group/{group}" if url else group)
            assert job.record.release.mbid == fact.mbid and "2 tracks as 2 of 3 editions" in message
            assert job.record.details["edition"] in message
            await completed(job)
            assert world.music() == world.truth
            assert right.total > 0 and bigger.total == 0
            assert any("2 tracks as 2 of 3 editions" in words for words in await trace_words(engine, job))

    asyncio.run(main())


@pytest.mark.parametrize("url", [True, False])
def test_a_recording_is_fetched_alone_from_whatever_folder(tmp_path: Path, album: Album, url: bool) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            user = await world.holder("user")
            engine = await world.engine()
            track = release_of(3).media[0].tracks[1]
            job, message = await create(engine, f"https://musicbrainz.org/recording/{track.recording}" if url else track.recording)
            assert job.record.type == "mb_recording" and [live.track.position for live in job.tracks] == [2]
            assert track.title in message and "from the release For Beginner Piano" in message
            await completed(job)
            assert world.music() == [sha(album.tracks(3)[1])]
            assert list(user.sent) == [album.tracks(3)[1].name]

    asyncio.run(main())


def test_two_recordings_of_a_release_may_be_fetched_side_by_side_but_none_twice(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine(soulseek={"enabled": False})
            one, two = (track.recording for track in release_of(2).media[0].tracks)
            first, _ = await create(engine, one)
            await create(engine, two)
            again = await engine.submit(Command("jobs.create", {"reference": one}))
            assert again.code == "refused" and "already fetches" in again.message and again.data == {"job_id": first.job_id}
            more = await engine.submit(Command("jobs.create", {"reference": release_of(2).mbid}))
            assert more.code == "refused" and more.data == {}, "a job for one track of it is not a job for the release"

    asyncio.run(main())


def test_another_edition_is_not_taken_and_the_job_says_what_there_is(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            bigger = await world.holder("bigger", album.tracks(3))
            engine = await world.engine()
            job = await world.create(engine)
            await until(lambda: "another edition: 1 files more" in job.record.error, "the job says what there is", job)
            assert job.record.state == "searching" and bigger.total == 0 and world.music() == []
            assert "no source for 2 tracks: no user has this edition; nearest: bigger" in job.record.error
            assert job.record.error.endswith("`--mix` would take 1-2 from bigger")

    asyncio.run(main())


def test_without_a_whole_folder_the_best_part_comes_and_the_job_waits_for_the_rest_and_says_so(
    tmp_path: Path, album: Album, one_query: None
) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            await world.holder("bob", album.tracks(3)[:2])
            carol = await world.holder("carol", album.tracks(3, retagged=True)[1:])
            engine = await world.engine()
            job = await world.create(engine)
            await until(lambda: [live.state for live in job.tracks] == ["done", "done", "no src"], "what bob has is here", job)
            await until(lambda: "no source for 1 track" in job.record.error, "the job says what it lacks", job)
            assert world.music() == world.truth[:2] and carol.total == 0
            assert job.record.error == (
                "no source for 1 track: no user has the whole album; 2 of 3 at bob; searching again in 15 min; "
                "`--mix` would take the missing one from carol"
            )

    asyncio.run(main())


def test_a_mixed_job_ends_whole_and_tells_who_gave_what(tmp_path: Path, album: Album, one_query: None) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            bob = await world.holder("bob", album.tracks(3)[:2])
            carol = await world.holder("carol", album.tracks(3, retagged=True)[1:])
            engine = await world.engine()
            job = await world.create(engine, mix=True)
            await completed(job)
            both = [*album.tracks(3)[:2], *album.tracks(3, retagged=True)[2:]]
            others = [*album.tracks(3)[:1], *album.tracks(3, retagged=True)[1:]]
            assert world.music() in ([sha(path) for path in both], [sha(path) for path in others])
            assert bob.total > 0 and carol.total > 0
            words = await trace_words(engine, job)
            assert sum("of a mix" in line for line in words) == 2
            assert any("mixed: " in line and "from bob" in line and "from carol" in line for line in world.said("me", "job.search"))

    asyncio.run(main())


def test_a_search_that_shows_half_a_folder_is_followed_by_a_look_into_it(tmp_path: Path, album: Album) -> None:
    """The user's client shows one file of each folder to a search, and tells the whole folder when asked."""

    async def main() -> None:
        async with World(tmp_path, album, tracks=5) as world:
            user = await world.holder("user")
            query = user.shares.query

            def shy(*args: Any, **kwargs: Any) -> Any:
                visible, locked = query(*args, **kwargs)
                return visible[:1], locked

            user.shares.query = shy  # type: ignore[method-assign]
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth
            assert any("looked into the folders of user" in line for line in await trace_words(engine, job))

    asyncio.run(main())


def test_an_unknown_destination_is_told_before_anything_is_asked(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("user")
            vinyl = tmp_path / "vinyl"
            engine = await world.engine(downloads={"destinations": {"vinyl": str(vinyl)}})
            reference = release_of(1).mbid
            wrong = await engine.submit(Command("jobs.create", {"reference": reference, "destination": "tape"}))
            assert wrong.code == "not_found" and "vinyl" in wrong.hint and world.stub.seen == []
            job, _ = await create(engine, reference, destination="vinyl")
            await completed(job)
            assert [sha(path) for path in vinyl.rglob("*.flac")] == world.truth

    asyncio.run(main())
