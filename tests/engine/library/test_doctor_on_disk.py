"""The collection doctor over folders on disk: real files through the real scanner, its decoders, the table and the rules."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.audio.ends.look import look
from slskdn_tui.engine.library.health import probe
from slskdn_tui.engine.library.health.doctor import Doctor
from slskdn_tui.engine.library.scan.scanner import Scanner
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.views.health import health_view
from slskdn_tui.model.health import Issue
from slskdn_tui.model.views import ViewKey
from tests.fakes.shelved import Shelved
from tests.fakes.sound_files import cut, spoil

pytestmark = pytest.mark.slow


class Clinic:
    def __init__(self, store: Store, scanner: Scanner, doctor: Doctor) -> None:
        self.store, self.scanner, self.doctor = store, scanner, doctor
        self.looked, self.decoded = asyncio.Event(), asyncio.Event()
        scanner.looked, scanner.scanned = self.looked.set, self.decoded.set

    async def scan(self, *, decode: bool) -> None:
        scanner = cast(Any, self.scanner)
        really, scanner._decode = scanner._decode, scanner._decode if decode else asyncio.Event().wait
        await scanner.start()
        await asyncio.wait_for((self.decoded if decode else self.looked).wait(), 240)
        if not decode:
            await scanner.cancel()
        scanner._decode = really

    async def issues(self) -> list[Issue]:
        await self.doctor.check()
        view = await health_view(self.store, ViewKey("health", "", count=5000))
        assert view.total == len(view.rows)
        return [row.issue for row in view.rows]


@contextlib.asynccontextmanager
async def clinic(tmp_path: Path, shelf: Shelved) -> AsyncIterator[Clinic]:
    clock = SystemClock()
    store = await Store.open(Paths.of(tmp_path / "profile"), clock)
    for release in shelf.releases:
        await store.releases.put(release)
    supervisor = Supervisor(clock)
    scanner = Scanner(
        store.files, store.choices, store.library.path, lambda: [str(shelf.folder)], clock, EventBus(clock), supervisor, workers=2
    )
    await scanner.load()
    try:
        with ThreadPoolExecutor(1) as disk:
            supervisor.keep("library", scanner.run)
            yield Clinic(store, scanner, Doctor(store, clock, disk))
    finally:
        await supervisor.stop()
        scanner.close()
        await store.close()


def test_nothing_is_said_of_two_thousand_clean_files(tmp_path: Path) -> None:
    """All are read, their ends looked at, and those of three albums decoded: of two thousand that takes minutes."""
    shelf = Shelved(tmp_path / "music", albums=200, tracks=10).make()

    async def main() -> tuple[int, list[Issue], list[Issue]]:
        async with clinic(tmp_path, shelf) as here:
            await here.scan(decode=False)
            read = await here.issues()
            few = ", ".join(f"'{name}'" for album in (1, 2, 3) for name in (str(shelf.path(album, number)) for number in range(1, 11)))
            await here.store.library.execute(f"UPDATE HashDb SET stage = 4 WHERE path NOT IN ({few})")
            await here.scan(decode=True)
            files = [await here.store.files.file(str(shelf.path(album, number))) for album in range(1, 201) for number in range(1, 11)]
            measured = [file for file in files if file is not None and file.facts.loudness_lufs is not None]
            assert len(files) == 2000 and all(file is not None and file.recording and file.release for file in files)
            return len(measured), read, await here.issues()

    assert asyncio.run(main()) == (30, [], [])


def test_every_fault_is_found_and_the_files_beside_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelved(tmp_path / "music", albums=6, tracks=5).make()  # MP3: albums 1 and 4, Ogg: 2 and 5, FLAC: 3 and 6
    truncated = {cut(shelf.path(album, number), share) for album in (3, 4) for number, share in ((1, 0.01), (2, 0.5), (3, 0.99))}
    bit, hole = spoil(shelf.path(6, 1), 0.4), spoil(shelf.path(6, 2), 0.3, 4096, zero=True)
    renamed = shelf.path(6, 3)
    other = shutil.copy(shelf.path(1, 3), tmp_path / "other.mp3")
    shelf.tag(other, shelf.releases[5], shelf.releases[5].tracks[2])
    other.rename(renamed)
    shelf.exchange(5, 2, 5)
    copy = shelf.path(1, 4).with_name("again.mp3")
    shutil.copy(shelf.path(1, 4), copy)
    os.remove(shelf.path(2, 3))
    used: dict[str, int] = {}

    def counted(read: Callable[[int, int], bytes], size: int, name: str) -> object:
        def counting(offset: int, length: int) -> bytes:
            data = read(offset, length)
            used[name] = used.get(name, 0) + len(data)
            return data

        return look(counting, size, name)

    monkeypatch.setattr(probe, "look", counted)

    async def main() -> tuple[list[Issue], list[Issue]]:
        async with clinic(tmp_path, shelf) as here:
            await here.scan(decode=False)
            read = await here.issues()
            await here.scan(decode=True)
            return read, await here.issues()

    read, issues = asyncio.run(main())
    assert {each.path for each in read if each.kind == "damaged"} == {*map(str, truncated), str(renamed)}
    assert max(used.values()) <= 70_000 and set(used) >= {str(path) for path in truncated}
    found = {(each.kind, each.path) for each in issues}
    assert found == {
        *(("damaged", str(path)) for path in (*truncated, bit, hole, renamed)),
        *(("mis_tagged", str(shelf.path(5, number))) for number in (2, 5)),
        ("duplicate", str(copy)),
        *(("missing_tracks", str(shelf.path(album, 1).parent)) for album in (2, 3, 4)),  # at 1 % its tags are cut off, too
    }
