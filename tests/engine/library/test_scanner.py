"""The scanner on real folders, with its real process: what comes into the table, and that nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy
import pytest
import soundfile
from mutagen.flac import FLAC

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.audio.transcode.method import METHOD
from slskdn_tui.engine.library.scan.process import scan_folders
from slskdn_tui.engine.library.scan.scanner import JUDGED, KEY, QUIET_S, SHUT, Scanner, _changed
from slskdn_tui.engine.runtime.clock import Clock, SystemClock, VirtualClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.library import LibraryFile, Stage

RECORDING = "44704dda-b877-4551-a2a8-c1f764476e65"
ODD = os.fsdecode(b"caf\xe9 \x1b[2J.flac")


def flac(path: Path, title: str = "Title", seconds: float = 0.1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = numpy.random.default_rng(sum(os.fsencode(path))).uniform(-0.5, 0.5, (int(44_100 * seconds), 2))
    made = path.parent / ".made"  # soundfile knows no names that are not UTF-8
    soundfile.write(made, noise, 44_100, format="FLAC")
    tags = FLAC(made)
    tags["title"], tags["album"], tags["tracknumber"], tags["tracktotal"] = title, "Album", "3", "9"
    tags["musicbrainz_trackid"], tags["date"], tags["albumartist"] = RECORDING, "1999-12-31", "Artist"
    tags.save()
    made.rename(path)
    return path


class World:
    """A library folder, its store, and a scanner that runs."""

    def __init__(self, store: Store, scanner: Scanner, bus: EventBus, clock: Clock) -> None:
        self.store, self.scanner, self.bus, self.clock = store, scanner, bus, clock
        self.ended = asyncio.Event()
        scanner.scanned = self.ended.set

    async def looked(self) -> None:
        """A scan, until its headers are read; nothing is decoded."""
        events, scanner = self.bus.subscribe(), cast(Any, self.scanner)
        decode, scanner._decode = scanner._decode, asyncio.Event().wait
        await scanner.start()
        await heard(events, "library.scanned")
        await scanner.cancel()
        scanner._decode = decode

    async def files(self) -> dict[str, LibraryFile]:
        rows, _ = await self.store.files.page()
        return {os.path.basename(file.path): file for file in rows}

    async def titles(self) -> dict[str, str]:
        return {name: str(file.tags.title) for name, file in (await self.files()).items()}


async def heard(events: AsyncIterator[object], name: str) -> None:
    async with asyncio.timeout(60):
        async for event in events:
            if event.name == name:  # type: ignore[attr-defined]
                return


@contextlib.asynccontextmanager
async def world(tmp_path: Path, clock: Clock | None = None, **more: object) -> AsyncIterator[World]:
    clock = clock or SystemClock()
    store = await Store.open(Paths.of(tmp_path / "profile"), clock)
    bus, supervisor = EventBus(clock), Supervisor(clock)
    root = str(tmp_path / "music")
    scanner = Scanner(store.files, store.choices, store.library.path, lambda: [root], clock, bus, supervisor, workers=1, zone=UTC, **more)  # type: ignore[arg-type]
    await scanner.load()
    try:
        supervisor.keep("library", scanner.run)
        yield World(store, scanner, bus, clock)
    finally:
        await supervisor.stop()
        scanner.close()
        await store.close()


def test_a_first_scan_knows_what_each_file_says_of_itself_and_survives_what_is_none(tmp_path: Path) -> None:
    music = tmp_path / "music"
    flac(music / "Album" / "01.flac")
    flac(music / "Album" / ODD, "Odd")
    flac(music / ".hidden" / "x.flac")
    flac(music / "Album" / "y.flac.part")
    mp3 = music / "called.flac"
    soundfile.write(mp3, numpy.zeros((44_100, 2)), 44_100, format="MP3")
    (music / "empty.flac").touch()
    (music / "words.flac").write_text("no audio at all")
    with (music / "huge.wav").open("wb") as huge:
        huge.truncate(5 * 1024**3)
    (music / "Album" / "loop").symlink_to(music)
    (music / "out.flac").symlink_to("/etc/passwd")

    async def run() -> dict[str, LibraryFile]:
        async with world(tmp_path) as here:
            await here.looked()
            return await here.files()

    files = asyncio.run(run())
    assert set(files) == {"01.flac", ODD, "called.flac", "empty.flac", "words.flac", "huge.wav"}
    one = files["01.flac"]
    assert (one.tags.title, one.tags.album_artist, one.tags.track, one.tags.track_total, one.tags.date) == (
        "Title",
        "Artist",
        3,
        9,
        "1999-12-31",
    )
    assert (one.facts.codec_profile, one.facts.duration_ms, len(one.facts.audio_md5)) == ("FLAC-16bit-44100Hz-2ch", 100, 32)
    assert (one.recording, one.identified, one.stage, one.size) == (
        RECORDING,
        "tags",
        Stage.TAGS,
        (music / "Album" / "01.flac").stat().st_size,
    )
    assert files[ODD].tags.title == "Odd" and files[ODD].path == str(music / "Album" / ODD)
    assert (files["called.flac"].facts.codec, files["empty.flac"].error) == ("MP3", "the file is empty")
    assert files["words.flac"].error and files["huge.wav"].size == 5 * 1024**3


def test_an_unreadable_file_is_named_and_tried_again_by_the_next_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = flac(tmp_path / "music" / "1.flac")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything: the scan's process runs without that right
        assert shutil.which("setpriv"), "setpriv (util-linux) is not installed"
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nexec setpriv --bounding-set=-dac_override,-dac_read_search {sys.executable} "$@"\n')
        python.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(python))

    async def run() -> None:
        async with world(tmp_path) as here:
            await here.looked()
            shut = (await here.files())["1.flac"]
            assert (shut.stage, shut.error, shut.size) == (Stage.NEW, "cannot be read: Permission denied", path.stat().st_size)
            path.chmod(0o600)
            await here.looked()
            opened = (await here.files())["1.flac"]
            assert (opened.stage, opened.error, opened.tags.title) == (Stage.TAGS, "", "Title")

    asyncio.run(run())


def test_a_rescan_reads_only_what_changed_and_keeps_a_renamed_file(tmp_path: Path) -> None:
    music = tmp_path / "music"
    for number in range(6):
        flac(music / f"{number}.flac", f"Title {number}")

    async def run() -> tuple[dict[str, str], str, int | None]:
        async with world(tmp_path) as here:
            await here.looked()
            await here.store.library.execute("UPDATE HashDb SET dynamic_range = 9.0 WHERE path LIKE '%/1.flac'")
            flac(music / "new.flac", "New")
            flac(music / "0.flac", "Other", 0.2)
            (music / "1.flac").rename(music / "renamed.flac")
            (music / "2.flac").unlink()
            await here.looked()
            words = next(event.text for _, event in reversed(here.bus.history) if event.name == "library.scanned")
            return await here.titles(), words, (await here.files())["renamed.flac"].facts.dynamic_range

    titles, words, kept = asyncio.run(run())
    assert titles == {"0.flac": "Other", "renamed.flac": "Title 1", "new.flac": "New"} | {f"{n}.flac": f"Title {n}" for n in (3, 4, 5)}
    assert words.endswith("6 files, 2 new or changed, 1 renamed, 1 gone") and kept == 9.0


def test_a_flac_moved_from_another_file_system_keeps_what_decoding_found(tmp_path: Path) -> None:
    music = tmp_path / "music"
    for number in range(6):
        flac(music / f"{number}.flac", f"Title {number}", 0.1 + number / 100)

    async def run() -> tuple[dict[str, LibraryFile], str, int]:
        async with world(tmp_path) as here:
            await here.looked()
            await here.store.library.execute("UPDATE HashDb SET stage = 4, md5_ok = 1, dynamic_range = 9.0")
            for number in range(5):  # as `mv` does between file systems: a copy, which is another inode, and then no original
                data = (music / f"{number}.flac").read_bytes()
                (music / f"{number}.flac").unlink()
                (music / "there").mkdir(exist_ok=True)
                (music / "there" / f"{number}.flac").write_bytes(data)
            (music / "copy.flac").write_bytes((music / "5.flac").read_bytes())  # whether a copy is whole is not known
            await here.looked()
            words = next(event.text for _, event in reversed(here.bus.history) if event.name == "library.scanned")
            return await here.files(), words, here.scanner.status().missing

    files, words, missing = asyncio.run(run())
    assert {name: (file.stage, file.facts.dynamic_range) for name, file in files.items()} == {
        **{f"{number}.flac": (Stage.TESTED, 9.0) for number in range(6)},
        "copy.flac": (Stage.TAGS, None),
    }
    assert (
        files["0.flac"].path == str(music / "there" / "0.flac") and words.endswith("7 files, 6 new or changed, 5 renamed") and not missing
    )


def test_a_share_that_vanishes_is_not_forgotten_before_the_user_says_so(tmp_path: Path) -> None:
    music, away = tmp_path / "music", tmp_path / "away"
    for number in range(5):
        flac(music / f"{number}.flac")

    async def run() -> None:
        async with world(tmp_path) as here:
            await here.looked()
            music.rename(away)
            await here.looked()  # not there at all
            assert len(await here.files()) == 5 and here.scanner.status().missing == 0
            music.mkdir()
            await here.looked()  # an empty mount point
            assert len(await here.files()) == 5 and here.scanner.status().missing == 5
            assert "5 files are gone from disk" in here.scanner.status().words
            assert any(event.name == "library.asks" for _, event in here.bus.history)
            music.rmdir()
            away.rename(music)
            await here.looked()
            assert here.scanner.status().missing == 0 and all(file.missing_at is None for file in (await here.files()).values())
            (music / "0.flac").unlink()
            (music / "1.flac").unlink()
            await here.looked()
            assert await here.scanner.forget() == 2 and set(await here.files()) == {"2.flac", "3.flac", "4.flac"}

    asyncio.run(run())


def test_files_that_go_away_while_they_are_read_are_neither_errors_nor_forgotten(tmp_path: Path) -> None:
    music = tmp_path / "music"
    first = flac(music / "000.flac")
    for number in range(1, 600):
        os.link(first, music / f"{number:03}.flac")

    async def run() -> tuple[list[str], int]:
        async with world(tmp_path) as here:
            rows, left = [], 0
            async with contextlib.aclosing(scan_folders(here.store.library.path, [str(music)], here.scanner._thread)) as messages:
                async for message in messages:
                    if message["say"] == "walked":
                        shutil.rmtree(music)  # it reads on only as far as its pipe takes rows
                    if message["say"] == "read":
                        rows += [row[7] for row in message["rows"]]
                        left = message["left"]
            return rows, left

    errors, left = asyncio.run(run())
    assert left > 0 and len(errors) + left == 600 and set(errors) <= {""}


def test_a_scan_that_is_cancelled_leaves_no_process_and_what_it_found(tmp_path: Path) -> None:
    first = flac(tmp_path / "music" / "000.flac")
    for number in range(1, 2000):
        os.link(first, tmp_path / "music" / f"{number:04}.flac")

    def children() -> set[str]:
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())

    async def run() -> tuple[int, set[str]]:
        async with world(tmp_path) as here:
            scanner, some = cast(Any, here.scanner), asyncio.Event()
            take = scanner._take

            async def taken(message: dict[str, Any], asked: dict[str, int]) -> None:
                await take(message, asked)
                if message["say"] == "read":
                    some.set()
                    await asyncio.Event().wait()

            scanner._take = taken
            await scanner.start()
            async with asyncio.timeout(60):
                await some.wait()
            await scanner.cancel()
            return (await here.store.files.counts()).files, children()

    before = children()  # of other tests of this process
    files, left = asyncio.run(run())
    assert 0 < files < 2000 and left <= before


def test_a_scan_that_was_killed_goes_on_by_itself_and_a_paused_one_does_not(tmp_path: Path) -> None:
    flac(tmp_path / "music" / "1.flac")

    async def run() -> None:
        async with world(tmp_path) as here:
            await here.store.choices.put(KEY, "running")  # as a kill leaves it
        async with world(tmp_path) as here:
            await heard(here.bus.subscribe(), "library.scanned")
            await here.scanner.pause()
            assert here.scanner.status().state == "paused" and set(await here.files()) == {"1.flac"}
        flac(tmp_path / "music" / "2.flac")
        async with world(tmp_path) as here:
            assert here.scanner.status().state == "paused" and here.scanner.status().words.startswith("paused: 1 file")
            await here.looked()
            assert set(await here.files()) == {"1.flac", "2.flac"}

    asyncio.run(run())


KILLED = """
import os, sys
from slskdn_tui.engine.library.scan import worker
say = worker._say
def said(what, **more):
    say(what, **more)
    if what == "read":
        os.kill(os.getpid(), 9)
worker._say = said
sys.exit(worker.main())
"""
"""The scan's process, killed as soon as it has told of its first files."""


def test_a_scan_whose_process_is_killed_says_so_and_the_next_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = flac(tmp_path / "music" / "0000.flac")
    for number in range(1, 1000):
        os.link(first, tmp_path / "music" / f"{number:04}.flac")
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{KILLED}")
    python.chmod(0o700)

    async def run() -> None:
        async with world(tmp_path) as here:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "executable", str(python))
                await here.scanner.start()
                async with asyncio.timeout(60):
                    while "failed" not in here.scanner.status().words or here.scanner.status().state != "idle":
                        await asyncio.sleep(0.005)
            assert 0 < len(await here.files()) < 1000
            await here.looked()
            assert (await here.store.files.counts()).files == 1000 and "failed" not in here.scanner.status().words

    asyncio.run(run())


def test_a_scheduled_scan_starts_at_its_time_and_one_that_was_missed_at_the_next_start(tmp_path: Path) -> None:
    flac(tmp_path / "music" / "1.flac")

    async def run() -> None:
        clock = VirtualClock(wall=datetime(2026, 1, 1, 12, tzinfo=UTC))
        async with world(tmp_path, clock, schedule="daily 04:00") as here:
            assert here.scanner.status().next_at == "2026-01-02T04:00:00Z"
            events = here.bus.subscribe()
            await clock.advance(16 * 3600 - 60)
            assert here.scanner.status().state == "idle" and not await here.files()
            await clock.advance(60)
            await heard(events, "library.scanned")
            assert set(await here.files()) == {"1.flac"} and here.scanner.status().next_at == "2026-01-03T04:00:00Z"
            await here.scanner.cancel()
        flac(tmp_path / "music" / "2.flac")
        late = VirtualClock(wall=datetime(2026, 1, 9, 12, tzinfo=UTC))
        async with world(tmp_path, late, schedule="daily 04:00") as here:
            await heard(here.bus.subscribe(), "library.scanned")
            assert set(await here.files()) == {"1.flac", "2.flac"}

    asyncio.run(run())


def test_a_watched_folder_is_looked_through_again_once_something_in_it_changed(tmp_path: Path) -> None:
    album = tmp_path / "music" / "Album"
    flac(album / "1.flac")
    os.utime(album / "1.flac", (1e9, 1e9))

    async def run() -> None:
        clock = VirtualClock()
        async with world(tmp_path, clock, watch_s=900.0) as here:
            await clock.advance(3600)
            assert not await here.files()  # nobody has asked for this folder yet
            await here.looked()
            events, before = here.bus.subscribe(), here.bus.count
            flac(album / "2.flac")
            await clock.advance(900)
            await heard(events, "library.scanned")
            assert set(await here.files()) == {"1.flac", "2.flac"} and here.bus.count == before + 1
            await here.scanner.cancel()

    asyncio.run(run())


def test_watching_notices_a_changed_and_a_vanished_folder_and_nothing_else(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    seen = {str(path): path.stat().st_mtime_ns for path in (tmp_path, inner.parent, inner)}
    assert not _changed(seen)
    (inner / "x").touch()
    os.utime(inner, (1e9, 1e9))
    assert _changed(seen)
    os.utime(inner, ns=(seen[str(inner)], seen[str(inner)]))
    assert not _changed(seen)
    (inner / "x").unlink()
    inner.rmdir()
    assert _changed({str(inner): 1}) and not _changed({str(inner): SHUT})
    inner.mkdir()
    assert _changed({str(inner): SHUT})


def test_a_placed_file_is_in_the_table_at_once_as_the_recording_it_was_got_as(tmp_path: Path) -> None:
    other = "b84ee12a-09ef-421b-82de-0441a926375b"

    async def run() -> None:
        async with world(tmp_path, VirtualClock()) as here:
            path = flac(tmp_path / "music" / "1.flac")
            await here.scanner.arrived(path, other)
            await here.scanner.arrived(flac(tmp_path / "elsewhere" / "2.flac"), other)
            (file,) = (await here.files()).values()
            assert (file.recording, file.tags.recording, file.identified, file.download) == (other, RECORDING, "download", True)
            path.unlink()
            await here.scanner.arrived(path)
            assert not await here.files()

    asyncio.run(run())


@pytest.mark.slow
def test_new_files_are_decoded_once_they_lie_still_and_a_scan_ends_with_every_file_measured(tmp_path: Path) -> None:
    async def run() -> None:
        clock = VirtualClock()
        async with world(tmp_path, clock) as here:
            await here.scanner.arrived(flac(tmp_path / "music" / "1.flac", seconds=5), RECORDING)
            flac(tmp_path / "music" / "2.flac", seconds=5)
            (tmp_path / "music" / "bad.flac").write_bytes(b"fLaC" + bytes(100))
            await clock.advance(QUIET_S - 1)
            assert here.scanner.status().state == "idle"
            await clock.advance(1)
            async with asyncio.timeout(60):
                await here.ended.wait()
            assert {name: file.stage for name, file in (await here.files()).items()} == {"1.flac": Stage.TESTED}
            here.ended.clear()
            await here.scanner.start()
            async with asyncio.timeout(60):
                await here.ended.wait()
            files = await here.files()
            assert all(file.stage == Stage.TESTED for file in files.values()) and len(files) == 3
            assert files["2.flac"].facts.loudness_lufs is not None and files["2.flac"].facts.md5_ok is True and files["bad.flac"].error
            assert files["2.flac"].facts.verdict.kind == "untestable" and files["2.flac"].quality_score is not None
            prints = await here.store.files.fingerprints(file.path for file in files.values())
            assert {os.path.basename(path) for path in prints} == {"1.flac", "2.flac"}

    asyncio.run(run())


@pytest.mark.slow
def test_what_an_older_version_of_the_transcode_test_judged_is_judged_anew_and_what_else_is_known_stays(tmp_path: Path) -> None:
    path = flac(tmp_path / "music" / "1.flac", seconds=9)

    async def judged(here: World) -> LibraryFile:
        async with asyncio.timeout(60):
            await here.ended.wait()
        return (await here.files())[path.name]

    async def run() -> None:
        async with world(tmp_path) as here:
            await here.scanner.start()
            before = await judged(here)
            assert (before.stage, before.facts.verdict.kind, before.facts.verdict.method_version) == (Stage.TESTED, "no_evidence", METHOD)
            old = "json_set(verdict, '$.method_version', ?, '$.kind', 'suspect')"
            await here.store.library.execute(f"UPDATE HashDb SET verdict = {old}, transcode_suspect = 1", (METHOD - 1,))
            await here.store.choices.put(JUDGED, METHOD - 1)  # as that version left it
        clock = VirtualClock()
        async with world(tmp_path, clock) as here:
            await clock.advance(QUIET_S)
            assert await judged(here) == replace(before, scanned_at=clock.wall().timestamp())
        async with world(tmp_path, clock) as here:  # and only once
            await clock.advance(QUIET_S)
            assert here.scanner.status().state == "idle" and not here.ended.is_set()

    asyncio.run(run())
