"""A whole engine: its music folder is scanned, and the files are known by what MusicBrainz says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine_world import Album, World, put, until

from slskdn_tui.lab.album import retag
from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.library_view import LibraryView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command


def test_after_a_scan_the_files_are_identified_and_the_command_says_so(tmp_path: Path, album: Album) -> None:
    folder = tmp_path / "library" / "Plone"
    put(folder, album.tracks(3))

    async def story() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            engine = await world.engine(soulseek={"enabled": False}, library={"folders": [str(folder.parent)]})
            assert (await engine.submit(Command("library.scan", {}))).ok
            await until(lambda: world.said("me", "identify.done"), "the library is identified")
            assert world.said("me", "identify.done") == ["1 album looked at: 1 identified"]
            files = await engine.store.files.of_release(DEMO_RELEASE)
            wanted = [track.recording for track in world.stub.world.releases[0].media[0].tracks]
            assert [file.recording for file in files] == wanted and len(world.stub.seen) == 1
            said = await engine.submit(Command("library.identify", {"status": True}))
            assert said.ok and "1 album: 1 identified" in said.message and said.data["albums"] == {"exact": 1} and said.data["open"] == []
            confirmed = await engine.submit(Command("library.identify", {"folder": str(folder), "release": DEMO_RELEASE}))
            assert confirmed.ok and confirmed.data["files"] == 3
            refused = await engine.submit(Command("library.identify", {"folder": str(folder)}))
            assert refused.code == "usage" and len(world.stub.seen) == 1
            bare = folder.parent / "Bare"
            bare.mkdir()
            for path in album.tracks(3):
                retag(path, bare / path.name, keep_ids=False)
            assert (await engine.submit(Command("library.scan", {}))).ok
            await until(
                lambda: len(world.said("me", "identify.done")) >= 2 or world.said("me", "identify.stopped"), "the other is looked at"
            )
            assert not world.said("me", "identify.stopped")
            listed = await engine.submit(Command("library.identify", {"status": True}))
            why = "probably Plone - For Beginner Piano: too few lengths are known to tell it without ids"
            assert listed.data["text"] == f"{bare}: {why}" and listed.data["open"][0]["class"] == "probable"
            assert "1 identified, 1 probably" in listed.message

            async def unsure() -> LibraryView:
                view = await engine.snapshot(ViewKey("library", "unsure"))
                assert isinstance(view, LibraryView)
                return view

            view = await unsure()
            (row,) = view.rows
            assert [kind.key for kind in view.kinds] == ["unsure"] and (row.path, row.words, row.fix) == (str(bare), why, "confirm")
            assert len(row.evidence) == 3 and "track 1" in row.evidence[0] and row.release == DEMO_RELEASE
            said = await engine.submit(Command("library.identify", {"folder": row.name, "release": row.release}))
            assert said.ok and said.data["files"] == 3 and (await unsure()).rows == ()
            first = await engine.store.files.file(str(bare / album.tracks(3)[0].name))
            assert first is not None and first.recording == wanted[0]

    asyncio.run(story())
