"""With an AcoustID key the cache keeps only what sounds like the recording it was fetched as."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from cache_world import TRACKS, CacheWorld, ask, fetch, holds, recording
from engine_world import Album, put, release_of, sha, until
from test_cache_better import agree, in_folder

from slskdn_tui.engine.audio.check import AudioChecker
from slskdn_tui.engine.cache.shelf import COMING, MARK
from slskdn_tui.engine.engine import Engine
from slskdn_tui.lab.acoustid import KEY
from slskdn_tui.lab.album import make_album, retag
from slskdn_tui.lab.data import ReleaseFact, shortened
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub

pytestmark = pytest.mark.slow
SECONDS = 16.0
"""Less is no sound that AcoustID could tell."""


@dataclasses.dataclass(frozen=True)
class Sounding:
    """Three tracks long enough to be known by their sound."""

    album: Album
    release: ReleaseFact
    prints: tuple[str, ...]

    def path(self, position: int) -> Path:
        return self.album.tracks(3)[position - 1]

    def seconds(self, position: int) -> int:
        return round((self.release.media[0].tracks[position - 1].length or 0) / 1000)


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Sounding:
    root = tmp_path_factory.mktemp("sounding")
    release = shortened(release_of(3), SECONDS)
    paths = make_album(root, release, SECONDS)

    async def heard() -> list[str]:
        checker = AudioChecker()
        try:
            return [(await checker.analyse(path, want=("fingerprint",))).fingerprint for path in paths]
        finally:
            await checker.close()

    return Sounding(Album(paths[0].parent, paths[0].parent), release, tuple(asyncio.run(heard())))


class SoundWorld(CacheWorld):
    """`hear(at, as_)`: AcoustID takes the track at one position for the recording at another."""

    def __init__(self, root: Path, sounding: Sounding) -> None:
        super().__init__(root, sounding.album, tracks=3)
        self.sounding = sounding
        self.stub = MusicBrainzStub((sounding.release,))

    def hear(self, at: int, as_: int) -> None:
        self.stub.sounds.hear(self.sounding.prints[at - 1], self.sounding.seconds(at), recording(as_), sources=9)

    async def keyed(self, key: str = KEY, **sections: Any) -> Engine:
        warm = {"min_popularity_threshold": 1, **sections.pop("warm_cache", {})}
        return await self.cache(warm_cache=warm, acoustid={"url": self.stub.url, "key": key}, rescue={"no_bytes_s": 60.0}, **sections)

    @property
    def asked(self) -> int:
        return sum(seen.path == "/v2/lookup" for seen in self.stub.seen)


def test_what_acoustid_takes_for_another_recording_is_not_kept_and_what_it_does_not_know_is(
    tmp_path: Path, sounding: Sounding, prompt: None
) -> None:
    async def story() -> None:
        async with SoundWorld(tmp_path, sounding) as world:
            origin = await world.holder("mono_lith")
            world.hear(1, as_=3)
            world.hear(2, as_=2)
            for _ in range(2):
                world.hear(2, as_=3)  # more users link it to that one, too
            engine = await world.keyed()
            (one,) = await world.peers(engine, 1)
            await ask([one], recording(1))
            await until(lambda: world.said("cache", "cache.refused"), "it is refused")
            (words,) = world.said("cache", "cache.refused")
            assert recording(3) in words and "by its sound" in words and TRACKS[0].title in words, words
            await until(lambda: engine.warm.fetcher is not None and engine.warm.fetcher.job is None, "its job is gone")
            assert in_folder(engine) == {MARK} and await ask([one], recording(1)) == [0]
            assert engine.warm.fetcher is not None
            sent = origin.total
            await engine.warm.fetcher.look()
            assert engine.runner.jobs() == [] and origin.total == sent, "it rests"
            # known as what it is; and not known at all, so that the mesh alone decides
            for position, words in ((2, "AcoustID knows its sound"), (3, "nobody else tells")):
                await ask([one], recording(position))
                await holds(engine, recording(position))
                file = engine.warm.shelf.file(recording(position))
                assert file is not None and words in file.consensus and ("AcoustID" in file.consensus) is (position == 2)
                assert await fetch(one, recording(position)) == world.truth[position - 1]
            assert world.asked == 3

    asyncio.run(story())


def test_without_a_key_nobody_is_asked_and_where_acoustid_cannot_answer_the_mesh_decides(
    tmp_path: Path, sounding: Sounding, prompt: None
) -> None:
    async def story() -> None:
        async with SoundWorld(tmp_path, sounding) as world:
            await world.holder("mono_lith")
            world.hear(1, as_=3)
            for name, key, asked in (("keyless", "", 0), ("refused", "another-key", 1)):
                engine = await world.keyed(key, name=name)
                (one,) = await world.peers(engine, 1, first=2 if key else 1)
                await ask([one], recording(1))
                await holds(engine, recording(1))
                file = engine.warm.shelf.file(recording(1))
                assert file is not None and file.consensus == "nobody else tells of this very copy"
                assert world.asked == asked and not world.said(name, "cache.refused")
                await engine.stop()

    asyncio.run(story())


def test_a_better_copy_that_sounds_like_another_recording_does_not_replace_the_one_held(
    tmp_path: Path, sounding: Sounding, prompt: None
) -> None:
    async def story() -> None:
        async with SoundWorld(tmp_path, sounding) as world:
            origin = await world.holder("mono_lith")
            held, better = tmp_path / "held", world.sounding.path(1).read_bytes()
            held.mkdir()
            (old,) = retag(world.sounding.path(1), held / "old.flac", keep_ids=False)
            put(world.paths("cache").data / "warm", {f"{recording(1)}.flac": old.read_bytes()})
            engine = await world.keyed("")
            await until(lambda: engine.warm.shelf.recordings() == [recording(1)], "it is offered")
            await engine.stop()
            world.hear(1, as_=3)
            engine = await world.keyed()
            await agree(engine, better)
            await until(lambda: world.said("cache", "cache.refused"), "it is refused")
            assert recording(3) in world.said("cache", "cache.refused")[0]
            await holds(engine, recording(1))
            (one,) = await world.peers(engine, 1)
            assert await fetch(one, recording(1)) == sha(old) and in_folder(engine) == {MARK, f"{recording(1)}.flac"}
            assert not list((engine.warm.shelf.folder / COMING).iterdir()) and origin.total == len(better)

    asyncio.run(story())
