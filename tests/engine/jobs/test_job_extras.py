"""Artwork and the like of an album: where it lands, that two discs keep their own, and that it never decides about the album."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engine_world import Album, Holder, SkippingClock, World, completed, release_of, sha, until
from files_world import placed, put_more, shared

from slskdn_tui.engine.jobs import driver
from slskdn_tui.engine.jobs.sources.holders import Holders
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.jobs import TrackState

pytestmark = pytest.mark.usefixtures("quick")
TREE = "Plone/For Beginner Piano (1999)"


class TwoDiscs(World):
    """The demo's release as two discs of two tracks."""

    def __init__(self, root: Path, album: Album) -> None:
        super().__init__(root, album, tracks=4)
        whole = release_of(4)
        (medium,) = whole.media
        media = []
        for disc in (1, 2):
            tracks = medium.tracks[2 * disc - 2 : 2 * disc]
            media.append(
                replace(
                    medium,
                    position=disc,
                    tracks=tuple(replace(track, position=n, number=str(n)) for n, track in enumerate(tracks, start=1)),
                )
            )
        self.stub = MusicBrainzStub((replace(whole, media=tuple(media)),))

    async def discs(self, name: str, extra: dict[str, bytes]) -> Holder:
        """A user with the album in two disc folders, and what else lies in the album's."""
        user = await self.holder(name, {})
        files = dict(extra)
        for index, path in enumerate(self.album.tracks(4)):
            title = path.name.partition(" ")[2]
            files[f"CD{index // 2 + 1}/{index % 2 + 1:02} {title}"] = path.read_bytes()
        await put_more(self, user, {f"Plone - For Beginner Piano/{path}": data for path, data in files.items()})
        return user


def extras_until(monkeypatch: pytest.MonkeyPatch, seen: Callable[[], Any]) -> None:
    """The patience with extras ends once this is so, and not after a time that a busy machine may need itself."""

    async def wait(tasks: Any, timeout: float | None = None, **more: Any) -> Any:
        if timeout == driver.EXTRAS_S:
            return await until(seen, "what comes of the extras came")
        return await asyncio.wait(tasks, timeout=timeout, **more)

    monkeypatch.setattr(driver, "asyncio", SimpleNamespace(**{**vars(asyncio), "wait": wait}))


COVERS = {"cover.jpg": b"album" * 100, "CD1/cover.jpg": b"one" * 100, "CD2/cover.jpg": b"two" * 100, "back.PNG": b"back" * 100}


@pytest.mark.parametrize("collision", ["rename", "overwrite"])
def test_an_album_of_two_discs_lands_with_the_artwork_of_each(tmp_path: Path, album: Album, collision: str) -> None:
    async def main() -> None:
        async with TwoDiscs(tmp_path, album) as world:
            mono = await world.discs("mono_lith", {**COVERS, "rip.log": b"log", "empty.jpg": b""})
            engine = await world.engine(downloads={"collision": collision})
            job = await world.create(engine)
            await completed(job)
            there = placed(tmp_path / "me" / "music")
            tracks = [name for name in there if name.endswith(".flac")]
            assert [name.rsplit("/", 1)[0] for name in sorted(tracks)] == [f"{TREE}/CD 1"] * 2 + [f"{TREE}/CD 2"] * 2
            assert [there[name] for name in sorted(tracks)] == world.truth
            assert {name: digest for name, digest in there.items() if name not in tracks} == {
                f"{TREE}/cover.jpg": sha(COVERS["cover.jpg"]),
                f"{TREE}/CD 1/cover.jpg": sha(COVERS["CD1/cover.jpg"]),
                f"{TREE}/CD 2/cover.jpg": sha(COVERS["CD2/cover.jpg"]),
                f"{TREE}/back.png": sha(COVERS["back.PNG"]),
            }
            assert "rip.log" not in mono.sent and len(job.required) == 4

    asyncio.run(main())


def test_flat_templates_keep_both_covers_under_two_names(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with TwoDiscs(tmp_path, album) as world:
            await world.discs("mono_lith", {"CD1/cover.jpg": b"one", "CD2/cover.jpg": b"two"})
            flat = {"template": "{album}/{track:02} {title}{ext}", "extras_template": "{album}/{name}{ext}", "collision": "overwrite"}
            job = await world.create(await world.engine(downloads=flat))
            await completed(job)
            there = placed(tmp_path / "me" / "music" / "For Beginner Piano")
            assert (there.pop("cover.jpg"), there.pop("cover (2).jpg")) == (sha(b"one"), sha(b"two"))
            assert sorted(there.values()) == sorted(world.truth)

    asyncio.run(main())


def test_a_cover_that_is_there_already_follows_the_collision_policy(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        for policy, kept in (("skip", {"cover.jpg": b"mine"}), ("rename", {"cover.jpg": b"mine", "cover (2).jpg": b"theirs"})):
            root = tmp_path / policy
            async with World(root, album, tracks=1) as world:
                mono = await world.holder("mono_lith")
                await put_more(world, mono, {"Plone - For Beginner Piano/cover.jpg": b"theirs"})
                folder = root / "me" / "music" / TREE
                folder.mkdir(parents=True)
                (folder / "cover.jpg").write_bytes(b"mine")
                await completed(await world.create(await world.engine(downloads={"collision": policy})))
                assert {path.name: path.read_bytes() for path in folder.glob("*.jpg")} == kept

    asyncio.run(main())


def test_an_nfo_that_is_never_sent_does_not_fail_or_hold_up_the_album(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            await put_more(
                world, mono, {f"Plone - For Beginner Piano/{name}": name.encode() for name in ("gone.nfo", "held.nfo", "cover.jpg")}
            )
            mono.hold(0, "held")
            mono.hold(0, ".flac")
            engine = await world.engine(downloads={"extras": ["nfo", "JPG"]})
            job = await world.create(engine)
            await until(lambda: len(job.tracks) == 5, "the folder was told", job)
            extras_until(monkeypatch, lambda: any(live.state is TrackState.DONE for live in job.tracks if live.track.optional))
            (shared(world, "mono_lith") / "Plone - For Beginner Piano" / "gone.nfo").unlink()
            mono.let_go()
            mono.hold(0, "held")
            await completed(job)
            assert world.music() == world.truth
            assert sorted(path.name for path in (tmp_path / "me" / "music").rglob("*.*") if path.suffix in (".nfo", ".jpg")) == [
                "cover.jpg"
            ]
            left_out = world.said("me", "extra.failed")
            assert len(left_out) == 2 and all("For Beginner Piano is whole without it" in text for text in left_out)

    asyncio.run(main())


def test_a_cover_of_another_size_than_told_is_refused_and_the_album_stands(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            await put_more(world, mono, {"Plone - For Beginner Piano/cover.jpg": b"x" * 5000})
            mono.hold(0)
            job = await world.create(await world.engine())
            await until(lambda: len(job.tracks) == 2, "the folder was told", job)
            extras_until(monkeypatch, lambda: job.tracks[1].record.reason)
            (shared(world, "mono_lith") / "Plone - For Beginner Piano" / "cover.jpg").write_bytes(b"y" * 3000)
            mono.let_go()
            await completed(job)
            assert placed(tmp_path / "me" / "music").keys() == {f"{TREE}/01 {job.tracks[0].track.title}.flac"}
            assert job.tracks[1].track.optional and job.tracks[1].record.state == "failed" and "cover.jpg" not in mono.sent
            assert "3000 bytes" in world.said("me", "extra.failed")[0]

    asyncio.run(main())


def test_a_cover_whose_holder_broke_off_is_waited_for_at_rest_and_comes(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns of the loop are counted, not time: what waits looks again when its time has come, and not at each turn."""

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono, clock = await world.holder("mono_lith"), SkippingClock()
            looks: list[float | None] = []
            await put_more(world, mono, {"Plone - For Beginner Piano/cover.jpg": b"x" * 5000})
            upload, next_at = mono.transfers._upload_file, Holders.next_at

            async def breaks_off_once(transfer: Any, connection: Any) -> None:
                if not transfer.remote_path.endswith("cover.jpg"):
                    return await upload(transfer, connection)
                mono.transfers._upload_file = upload
                await connection.disconnect()
                await transfer.state.fail()

            def counted(self: Holders, files: Any) -> float | None:
                looks.append(next_at(self, files))
                return looks[-1]

            monkeypatch.setattr(mono.transfers, "_upload_file", breaks_off_once)
            monkeypatch.setattr(Holders, "next_at", counted)
            job = await world.create(await world.engine(clock=clock))
            await until(lambda: looks and looks[-1] is not None, "the cover's holder rests", job)
            for _ in range(300):
                await asyncio.sleep(0)
            assert len(looks) < 10
            clock.skip(60.0)
            await completed(job)
            assert (tmp_path / "me" / "music" / TREE / "cover.jpg").read_bytes() == b"x" * 5000

    asyncio.run(main())
