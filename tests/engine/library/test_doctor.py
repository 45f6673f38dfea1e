"""The collection doctor over real files: every injected fault is found, clean files are left alone, and what was dismissed stays so."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.library.health import doctor as room
from slskdn_tui.engine.library.health.doctor import Doctor
from slskdn_tui.engine.runtime.clock import SystemClock, VirtualClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.views.health import health_view
from slskdn_tui.main import main
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.health import HealthView, Issue
from slskdn_tui.model.library import FileTags, Identity, LibraryFile, Stage
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, Result
from tests.fakes.collection import Collection, mbid, paths
from tests.fakes.sound_files import cut, spoil

T = TypeVar("T")
Work = Callable[[Store, Doctor], Awaitable[T]]


def on(tmp_path: Path, work: Work[T]) -> T:
    async def run() -> T:
        store = await Store.open(Paths.of(tmp_path / "profile"))
        with ThreadPoolExecutor(1) as disk:
            try:
                return await work(store, Doctor(store, SystemClock(), disk))
            finally:
                await store.close()

    return asyncio.run(run())


async def found(store: Store, doctor: Doctor, subject: str = "") -> list[Issue]:
    await doctor.check()
    view = await health_view(store, ViewKey("health", subject, count=5000))
    assert view.total == len(view.rows)
    return [row.issue for row in view.rows]


def checked(tmp_path: Path, library: Collection) -> list[Issue]:
    async def work(store: Store, doctor: Doctor) -> list[Issue]:
        await library.scan(store)
        return await found(store, doctor)

    return on(tmp_path, work)


@pytest.fixture
def library(tmp_path: Path) -> Collection:
    return Collection(tmp_path / "music").make()


def test_nothing_is_said_of_clean_files(tmp_path: Path) -> None:
    library = Collection(tmp_path / "music", albums=6, tracks=8, formats=("flac", "mp3", "ogg")).make()
    assert checked(tmp_path, library) == []


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_cut_files_are_found_whatever_their_format_and_their_release_does_not_lack_them(
    tmp_path: Path, library: Collection, share: float
) -> None:
    flac, mp3 = library.path(2, 2), library.path(1, 3)
    cut(flac, share)
    cut(mp3, share)
    issues = checked(tmp_path, library)
    assert paths(issues) == {"02.flac", "03.mp3"} and {each.kind for each in issues} == {"damaged"}
    assert {each.fix.kind for each in issues} == {"replace"} and all(each.evidence and each.severity == "high" for each in issues)


@pytest.mark.slow  # what measures decoded audio takes long to load
def test_a_flipped_bit_and_a_hole_of_zeros_are_found_once_the_audio_was_decoded(tmp_path: Path) -> None:
    library = Collection(tmp_path / "music", albums=2, formats=("flac",), seconds=2.0).make()
    bit, hole = spoil(library.path(1, 1), 0.4), spoil(library.path(1, 2), 0.3, 4096, zero=True)
    library.decoded = {str(bit), str(hole), str(library.path(1, 3))}
    issues = checked(tmp_path, library)
    assert paths(issues) == {"01.flac", "02.flac"} and {each.kind for each in issues} == {"damaged"}


def test_an_mp3_that_is_called_flac_is_named(tmp_path: Path, library: Collection) -> None:
    shutil.copy(library.path(1, 2), library.path(2, 2))
    (issue,) = checked(tmp_path, library)
    assert issue.kind == "damaged" and issue.evidence[0].words == "content: it is MP3, expected FLAC"


def test_exchanged_tags_are_found_by_their_lengths(tmp_path: Path, library: Collection) -> None:
    one, other = library.path(2, 1), library.path(2, 3)
    release = next(each for each in library.releases.values() if each.title == "Album 2")
    library.tag(one, release, release.tracks[2])
    library.tag(other, release, release.tracks[0])
    library.lasts(one, 30_400)
    library.lasts(other, 89_700)
    issues = checked(tmp_path, library)
    assert paths(issues) == {"01.flac", "03.flac"} and {each.kind for each in issues} == {"mis_tagged"}
    assert any(
        each.what == "the track of that length" and str(release.tracks[0].title) in each.seen for issue in issues for each in issue.evidence
    )


def test_titles_exchanged_under_the_right_recordings_are_found_with_what_a_retag_would_write(tmp_path: Path, library: Collection) -> None:
    one, other = library.path(2, 1), library.path(2, 3)
    titles = [library.files[str(path)].tags.title for path in (one, other)]
    library.change(one, title=titles[1], track=3)
    library.change(other, title=titles[0], track=1)
    issues = checked(tmp_path, library)
    assert paths(issues) == {"01.flac", "03.flac"} and {(each.kind, each.fix.kind) for each in issues} == {("mis_tagged", "retag")}
    first = next(each for each in issues if each.path.endswith("01.flac"))
    assert dict(first.fix.tags)["title"] == titles[0] and dict(first.fix.tags)["tracknumber"] == "1"


def test_a_recording_that_is_not_on_its_release_is_mis_tagged(tmp_path: Path, library: Collection) -> None:
    library.change(library.path(2, 2), recording="aaaaaaaa-0000-4000-8000-000000000000", title=SafeText("quite another thing"))
    (issue,) = checked(tmp_path, library)
    assert issue.kind == "mis_tagged" and issue.severity == "medium"


def test_a_file_that_sounds_like_another_recording_than_its_tags_say_is_mis_tagged_and_its_track_is_missing(
    tmp_path: Path, library: Collection
) -> None:
    other = "aaaaaaaa-0000-4000-8000-000000000000"
    path = str(library.path(2, 2))

    async def work(store: Store, doctor: Doctor) -> list[Issue]:
        await library.scan(store)
        await store.files.identify([Identity(path, other, library.files[path].release, identified="acoustid")])
        return await found(store, doctor)

    mis_tagged, missing = on(tmp_path, work)
    assert (mis_tagged.kind, mis_tagged.severity, mis_tagged.path) == ("mis_tagged", "high", path)
    assert other in mis_tagged.evidence[0].seen and missing.kind == "missing_tracks"


def test_missing_tracks_are_named_and_a_job_would_get_exactly_those(tmp_path: Path, library: Collection) -> None:
    os.remove(library.path(2, 2))
    (issue,) = checked(tmp_path, library)
    release = next(each for each in library.releases.values() if each.title == "Album 2")
    assert issue.kind == "missing_tracks" and issue.path == str(library.folder / "Album 2") and "1 track of 3 missing" in issue.words
    assert (issue.fix.kind, issue.fix.release, issue.fix.recordings) == ("get", release.mbid, (release.tracks[1].recording_mbid,))


def test_an_album_that_lacks_tracks_is_named_where_most_of_it_lies_and_of_like_copies_the_numbered_one_is_kept(
    tmp_path: Path, library: Collection
) -> None:
    release, album = library.releases[mbid(2, 2)], library.folder / "Album 2"
    for number in (1, 2):
        (album / f"CD{number}").mkdir()
        moved = album / f"CD{number}" / f"{number:02}.flac"
        library.path(2, number).rename(moved)
        library.files[str(moved)] = replace(library.files.pop(str(library.path(2, number))), path=str(moved))
    os.remove(library.path(2, 3))
    copy = library.folder / "Heap" / "x.flac"
    copy.parent.mkdir()
    shutil.copy(album / "CD1" / "01.flac", copy)
    library.files[str(copy)] = replace(library.files[str(album / "CD1" / "01.flac")], path=str(copy))
    issues = {each.kind: each for each in checked(tmp_path, library)}
    assert set(issues) == {"missing_tracks", "duplicate"}
    assert issues["missing_tracks"].path == str(album) and issues["missing_tracks"].fix.release == release.mbid
    assert issues["duplicate"].fix.paths == (str(copy),)


def test_files_that_are_another_edition_in_full_lack_nothing(tmp_path: Path, library: Collection) -> None:
    os.remove(library.path(2, 3))
    release = next(each for each in library.releases.values() if each.title == "Album 2")
    shorter = replace(release, mbid="bbbbbbbb-0000-4000-8000-000000000000", tracks=release.tracks[:2])
    library.releases[shorter.mbid] = shorter
    assert checked(tmp_path, library) == []


def test_duplicates_are_told_and_the_better_copy_is_kept(tmp_path: Path, library: Collection) -> None:
    copy = library.path(2, 1).with_name("again.flac")
    shutil.copy(library.path(2, 1), copy)
    library.files[str(copy)] = replace(library.files[str(library.path(2, 1))], path=str(copy))

    async def work(store: Store, doctor: Doctor) -> list[Issue]:
        await library.scan(store)
        await store.files.put_quality([(str(library.path(2, 1)), 0.9, ()), (str(copy), 0.8, ())])
        return await found(store, doctor)

    (issue,) = on(tmp_path, work)
    assert (issue.kind, issue.fix.kind) == ("duplicate", "trash") and len(issue.paths) == 2
    assert issue.fix.paths == (str(copy),)


def test_a_wrong_length_and_missing_tags_are_found(tmp_path: Path, library: Collection) -> None:
    library.lasts(library.path(2, 2), 20_000)
    library.change(library.path(1, 1), artist=SafeText(""), album=SafeText(""))
    wrong, untagged = checked(tmp_path, library)
    assert wrong.kind == "wrong_duration" and wrong.evidence[0].words == "length: 0:20.0, expected 1:00.0 as MusicBrainz has it"
    assert untagged.kind == "missing_metadata" and untagged.words == "has no artist, album" and untagged.severity == "low"


def test_a_confirmed_transcode_is_worse_than_a_suspicion_and_shows_what_was_measured(tmp_path: Path, library: Collection) -> None:
    async def work(store: Store, doctor: Doctor) -> list[Issue]:
        await library.scan(store)
        for number, kind in ((1, "confirmed"), (2, "suspect"), (3, "untestable")):
            file = await store.files.file(str(library.path(2, number)))
            assert file is not None
            verdict = TranscodeVerdict(kind, "MP3" if number == 1 else "", 93.0, 15.0, 1, (SafeText("lines fall to zero"),))  # type: ignore[arg-type]
            facts = replace(file.facts, verdict=verdict)
            assert await store.files.put_facts(file.path, file.stamp, facts, Stage.TESTED, 1.0)
        return await found(store, doctor)

    confirmed, suspect = on(tmp_path, work)
    assert (confirmed.severity, suspect.severity) == ("high", "medium") and {confirmed.kind, suspect.kind} == {"transcode"}
    assert "measured: 93.0, expected below 15.0" in [each.words for each in confirmed.evidence]


def test_changes_that_come_together_are_checked_once_and_a_long_check_is_followed_by_a_rest(
    tmp_path: Path, library: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> list[float]:
        clock = VirtualClock()
        store = await Store.open(Paths.of(tmp_path / "profile"))
        with ThreadPoolExecutor(1) as disk:
            doctor, checks = Doctor(store, clock, disk), []

            async def takes_three_seconds() -> None:
                checks.append(clock.now())
                await clock.sleep(3.0)

            monkeypatch.setattr(doctor, "check", takes_three_seconds)
            task = asyncio.create_task(doctor.run())
            try:
                for _ in range(3):
                    doctor.due()
                while len(checks) < 3:
                    await clock.advance(1.0)
                    doctor.due()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await store.close()
        return [round(later - earlier) for earlier, later in itertools.pairwise(checks)]

    assert asyncio.run(main()) == [63, 63]


def test_a_check_that_failed_is_made_again_without_being_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        clock, checks = VirtualClock(), 0
        store = await Store.open(Paths.of(tmp_path / "profile"))
        with ThreadPoolExecutor(1) as disk:
            doctor = Doctor(store, clock, disk)

            async def check() -> None:
                nonlocal checks
                checks += 1
                if checks == 1:
                    raise sqlite3.OperationalError("database or disk is full")

            monkeypatch.setattr(doctor, "check", check)
            supervisor = Supervisor(clock)
            supervisor.keep("library doctor", doctor.run)
            doctor.due()
            try:
                async with asyncio.timeout(60):
                    while checks < 2:
                        await clock.advance(1.0)
            finally:
                await supervisor.stop()
                await store.close()

    asyncio.run(main())


def test_a_file_is_looked_at_again_only_when_it_changed(tmp_path: Path, library: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = room.probe_all
    monkeypatch.setattr(room, "probe_all", lambda paths: looked.extend(paths) or real(paths))

    async def work(store: Store, doctor: Doctor) -> tuple[int, list[str], list[Issue]]:
        await library.scan(store)
        await doctor.check()
        first = len(looked)
        cut(library.path(2, 2), 0.7)
        looked.clear()
        await library.scan(store)
        return first, looked, await found(store, doctor)

    first, second, issues = on(tmp_path, work)
    assert first == 6 and second == [str(library.path(2, 2))] and paths(issues) == {"02.flac"}


def test_a_dismissed_issue_stays_away_through_rescans_other_tags_and_a_restored_file_and_database(
    tmp_path: Path, library: Collection
) -> None:
    flac, mp3 = library.path(2, 2), library.path(1, 2)
    library.lasts(flac, 20_000)
    library.lasts(mp3, 20_000)
    odd = library.path(2, 1)
    library.change(odd, title=SafeText("quite another thing"))

    async def work(store: Store, doctor: Doctor) -> tuple[list[Issue], HealthView]:
        await library.scan(store)
        before = await found(store, doctor)
        assert len(before) == 3
        await doctor.dismiss(before)
        assert await found(store, doctor) == []
        # other tags, read anew
        for path in (flac, mp3, odd):
            os.utime(path, ns=(5, 5))
        library.change(odd, album=SafeText("Renamed"), date=SafeText("2001"))
        library.change(flac, label=SafeText("Another"))
        await library.scan(store)
        assert await found(store, doctor) == []
        # away and back again, under another inode
        shutil.copy(flac, tmp_path / "kept.flac")
        os.remove(flac)
        await library.scan(store)
        await doctor.check()
        shutil.copy(tmp_path / "kept.flac", flac)
        await library.scan(store)
        assert await found(store, doctor) == []
        backup = await store.backup()
        # the tag that it is about changes again: it is shown again
        library.change(odd, title=SafeText("something else again"))
        await library.scan(store)
        shown = await found(store, doctor)
        view = await health_view(store, ViewKey("health", "dismissed"))
        shutil.copy(backup, tmp_path / "profile.db")
        return shown, view

    shown, view = on(tmp_path, work)
    assert paths(shown) == {"01.flac"} and paths(row.issue for row in view.rows) == {"02.flac", "02.mp3"}
    assert all(row.issue.dismissed for row in view.rows)
    state = Paths.of(tmp_path / "profile").state_db
    shutil.copy(tmp_path / "profile.db", state)

    async def later(store: Store, doctor: Doctor) -> list[Issue]:
        return await found(store, doctor)

    assert paths(on(tmp_path, later)) == {"01.flac"}


def test_a_thousand_dismissals_hold_through_a_rescan_other_tags_and_a_restored_database_and_can_be_taken_back(tmp_path: Path) -> None:
    def rows(mtime: int, album: str) -> list[LibraryFile]:
        facts = AudioFacts("APE", duration_ms=1000)
        tags = FileTags(artist=SafeText("a"), album=SafeText(album), date=SafeText(str(1990 + mtime)), track=1)
        named = [replace(tags, title=SafeText(f"t{n}" if n % 2 else "")) for n in range(1000)]  # no album at first, or no title
        return [LibraryFile(f"/m/{n:04}.ape", mtime, 5, n, Stage.TAGS, each, facts) for n, each in enumerate(named)]

    async def shown(store: Store, doctor: Doctor, subject: str = "") -> HealthView:
        await doctor.check()
        return await health_view(store, ViewKey("health", subject, count=10))

    async def work(store: Store, doctor: Doctor) -> None:
        await store.files.put_scanned(rows(1, ""))
        await doctor.check()
        issues = [row.issue for row in (await health_view(store, ViewKey("health", count=2000))).rows]
        assert len(issues) == 1000
        await doctor.dismiss(issues)
        await store.files.put_scanned(rows(2, ""))  # read anew, with another date
        hidden = await shown(store, doctor)
        assert (hidden.total, hidden.counts, hidden.words) == (0, (), "nothing wrong was found")
        shutil.copy(await store.backup(), tmp_path / "kept.db")
        await doctor.recall([issues[7].key])
        after = await shown(store, doctor)
        assert after.total == 1 and dict(after.counts) == {"missing_metadata": 1}
        dismissed = await shown(store, doctor, "dismissed")
        assert (dismissed.total, len(dismissed.rows)) == (999, 10)

    on(tmp_path, work)
    paths = Paths.of(tmp_path / "profile")
    for leftover in paths.state_db.parent.glob("state.db-*"):
        leftover.unlink()
    shutil.copy(tmp_path / "kept.db", paths.state_db)

    async def later(store: Store, doctor: Doctor) -> None:
        await store.files.put_scanned(rows(3, ""))
        assert (await shown(store, doctor)).total == 0 and (await shown(store, doctor, "dismissed")).total == 1000
        await store.files.put_scanned(rows(4, "An album"))  # what half of them lacked is there, so that issue is another one
        assert {row.issue.words for row in (await shown(store, doctor)).rows} == {"has no title"}

    on(tmp_path, later)


def test_names_that_are_not_utf8_are_checked_and_shown_safely(tmp_path: Path, library: Collection) -> None:
    odd = os.fsdecode(os.fsencode(str(library.folder / "Album 2")) + b"/caf\xe9 \x1b[31m.flac")
    old = str(library.path(2, 3))
    os.rename(old, odd)
    cut(Path(odd), 0.5)
    library.files[odd] = replace(library.files.pop(old), path=odd)
    (issue,) = checked(tmp_path, library)
    assert issue.kind == "damaged" and "\x1b" not in issue.path and isinstance(issue.path, SafeText)


def test_an_interrupted_check_leaves_the_last_one_on_screen(tmp_path: Path, library: Collection) -> None:
    cut(library.path(2, 2), 0.5)

    async def work(store: Store, doctor: Doctor) -> list[Issue]:
        await library.scan(store)
        await doctor.check()
        run = await store.health.begin()
        issues = await store.health.issues([row for row, _, _ in await store.health.index(run - 1)])
        await store.health.put(run, issues * 3)
        view = await health_view(store, ViewKey("health"))
        assert view.total == 1
        return await found(store, doctor)

    assert len(on(tmp_path, work)) == 1


def test_the_command_line_checks_lists_dismisses_and_needs_no_engine_to_read(
    tmp_path: Path, library: Collection, capsys: pytest.CaptureFixture[str]
) -> None:
    cut(library.path(2, 2), 0.5)
    library.change(library.path(1, 1), artist=SafeText(""))
    profile = tmp_path / "profile"
    address = f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}.9"
    off = {
        "library": {"folders": [str(library.folder)]},
        "soulseek": {"enabled": False},
        "overlay": {"enabled": False, "listen": f"{address}:0"},
        "dht": {"enabled": False},
    }
    settings = Settings.model_validate({**off, "downloads": {"folder": str(tmp_path / "downloads")}})

    async def work() -> tuple[Result, Result, Result, Result]:
        engine = Engine(Paths.of(profile), settings, password="")
        await engine.start()
        try:
            await library.scan(engine.store)
            told = await engine.submit(Command("library.check"))
            none = await engine.submit(Command("library.dismiss", {"issue": ["transcode:"]}))
            gone = await engine.submit(Command("library.dismiss", {"issue": [str(library.path(1, 1))]}))
            again = await engine.submit(Command("library.dismiss", {"issue": ["missing_meta"], "undo": True}))
            await engine.submit(Command("library.dismiss", {"issue": ["missing_meta"]}))
            engine.trash.settle(engine.trash.hold(str(library.path(2, 3)), "abcd1234", reason="a copy", at="2026-01-01T00:00:00Z"), "")
            return told, none, gone, again
        finally:
            await engine.stop()

    told, none, gone, again = asyncio.run(work())
    assert told.message == "6 files checked: 1 damaged file, 1 file without tags; 6 not decoded yet, which a scan does" and told.data[
        "counts"
    ] == {
        "damaged": 1,
        "missing_metadata": 1,
    }
    assert none.code == "not_found" and gone.message == "1 issue dismissed" and again.message == "1 issue will be shown again"
    assert main(["--profile", str(profile), "library", "health"]) == 0
    text = capsys.readouterr().out
    assert "6 files checked" in text and "; 1 issue dismissed" in text and "high    damaged file: it ends early" in text
    assert f"  {library.path(2, 2)}\n" in text and "  fix: get another copy by a job" in text and "without tags" not in text
    assert main(["--profile", str(profile), "library", "health", "dismissed", "--json"]) == 0
    (issue,) = json.loads(capsys.readouterr().out)
    assert issue["kind"] == "missing_metadata" and issue["dismissed"] and issue["path"] == str(library.path(1, 1))
    (tmp_path / "profile" / "config.yaml").write_text(f"library:\n  folders: [{library.folder}]\n")
    assert main(["--profile", str(profile), "library", "show", "damaged"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("6 files") and "it ends early" in text and "dismissed" in text and "in the trash" in text
    assert main(["--profile", str(profile), "library", "show", str(library.path(1, 2)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["codec"].startswith("MP3")
    assert main(["--profile", str(profile), "library", "trash", "list"]) == 0
    assert "abcd1234" in capsys.readouterr().out
