"""`slskdn library scan` on a whole engine: what it answers, and what the status says meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

from engine_world import Album, World, put, until

from slskdn_tui.model.views import StatusView, ViewKey
from slskdn_tui.seam import Command


def test_a_library_folder_is_scanned_on_command_and_the_status_says_so_in_words(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            music = tmp_path / "mine"
            put(music, album.tracks(2))
            engine = await world.engine(soulseek={"enabled": False}, library={"folders": [str(music)]})
            cast(Any, engine.scanner)._decode = asyncio.Event().wait  # not before the commands have come

            async def words() -> str:
                status = await engine.snapshot(ViewKey("status"))
                assert isinstance(status, StatusView)
                return next((str(part.words) for part in status.parts if part.name == "library"), "")

            assert await words() == ""
            told = await engine.submit(Command("library.scan", {"status": True}))
            assert told.ok and told.message == "not scanned yet: `slskdn library scan`" and told.data["state"] == "idle"
            begun = await engine.submit(Command("library.scan"))
            assert begun.ok and begun.message == "the scan begins"
            await until(lambda: any(event.name == "library.scanned" for event in world.events["me"]), "the folders are looked through")
            paused = await engine.submit(Command("library.scan", {"pause": True}))
            assert paused.ok and (await words()).startswith("paused: 2 files, 2 not decoded yet")
            again = await engine.submit(Command("library.scan", {"now": True}))
            assert again.message == "the scan goes on"
            ended = await engine.submit(Command("library.scan", {"cancel": True}))
            assert ended.ok and (await words()).startswith("2 files")
            both = await engine.submit(Command("library.scan", {"pause": True, "cancel": True}))
            assert both.code == "usage" and "--pause and --cancel" in both.message
            forgot = await engine.submit(Command("library.scan", {"forget": True}))
            assert forgot.message == "0 files forgotten"

    asyncio.run(main())


def test_a_folder_that_is_only_shared_is_named_as_one_that_no_scan_looks_through(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            music, shared = tmp_path / "mine", tmp_path / "shared"
            put(music / "inner", album.tracks(1))
            put(shared, album.tracks(2))
            share = [str(music / "inner"), str(shared)]
            engine = await world.engine(soulseek={"enabled": False, "share": share}, library={"folders": [str(music)]})
            told = await engine.submit(Command("library.scan", {"status": True}))
            assert f"; shared but not looked through: {shared} (" in told.message and "inner" not in told.message
            assert told.data["apart"] and told.message.endswith(told.data["apart"])

    asyncio.run(main())


def test_when_the_library_is_scanned_is_a_command_and_outlives_the_engine(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            settings = world.settings("me", soulseek={"enabled": False}, library={"folders": [str(tmp_path)]})
            engine = await world.start("me", settings)
            planned = await engine.submit(Command("library.schedule", {"when": "daily  04:00"}))
            assert planned.ok and planned.message == "the library is scanned daily 04:00" and planned.data["next_at"].endswith(":00:00Z")
            wrong = await engine.submit(Command("library.schedule", {"when": "now and then"}))
            assert wrong.code == "usage" and engine.scanner.schedule == "daily 04:00"
            await engine.stop()
            again = await world.start("me", settings)
            assert again.scanner.schedule == "daily 04:00"
            assert (await again.submit(Command("library.schedule", {"when": "off"}))).message == "the library is scanned by hand"
            assert (await again.submit(Command("library.schedule", {"when": "settings"}))).ok and again.scanner.schedule == ""

    asyncio.run(main())
