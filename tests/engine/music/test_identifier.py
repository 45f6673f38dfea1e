"""What the files of a library are found to be, asked of the lab's MusicBrainz and AcoustID over real sockets."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.sounds import other_codec, text, tune
from fakes.tagged import Library, album_files, lab_key, local, play
from test_musicbrainz_client import ON_MY_BUS, PLONE, PLONE_VINYL

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.lab import data
from slskdn_tui.lab.data import MediumFact, ReleaseFact, TrackFact
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.library import FileTags, LibraryFile
from slskdn_tui.model.text import SafeText

FOLDER = "/music/Plone/For Beginner Piano"


def plone() -> ReleaseFact:
    return data.demo_release()


def plain(files: list[LibraryFile]) -> list[tuple[LibraryFile, str]]:
    return [(file, "") for file in files]


def sounding(library: Library, release: ReleaseFact, files: list[LibraryFile]) -> list[tuple[LibraryFile, str]]:
    """The files with fingerprints AcoustID knows as the release's recordings."""
    tracks = [track for medium in release.media for track in medium.tracks]
    out = []
    for seed, (file, track) in enumerate(zip(files, tracks, strict=False), start=1):
        library.stub.sounds.hear(text(tune(seed, 80)), round((track.length or 0) / 1000), track.recording, sources=20)
        out.append((file, text(other_codec(tune(seed, 80)))))
    return out


async def matched(library: Library, folder: str = FOLDER) -> list[tuple[str, str, str]]:
    return [(row.match.kind, row.match.release, row.match.by) for row in await library.store.matches.of_folder(folder)]


def test_an_album_tagged_with_ids_costs_one_request_and_the_second_pass_none(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        fact = library.stub.world.by_id[PLONE]
        library.stub.world.by_id[PLONE] = replace(fact, discogs="1722")
        await library.add(plain(album_files(plone(), FOLDER, ids=True)))
        progress = await library.identifier.run()
        assert library.asked == [f"/ws/2/release/{PLONE}"]
        assert await matched(library) == [("exact", PLONE, "tags")]
        assert (progress.albums, progress.files, progress.kinds, progress.stopped) == (1, 10, {"exact": 1}, "")
        first = await library.store.files.file(f"{FOLDER}/01 On My Bus.flac")
        assert first is not None
        assert (first.recording, first.release, first.discogs_release, first.identified) == (ON_MY_BUS, PLONE, "1722", "tags")
        kept = await library.store.releases.get(PLONE)
        assert kept is not None and len(kept.tracks) == 10 and kept.discogs == "1722"
        for identifier in (library.identifier, library.restarted()):
            again = await identifier.run()
            assert len(library.asked) == 1 and again.kinds == {}

    play(tmp_path, story)


def test_an_album_with_names_alone_is_found_by_searching_and_laid_on_it_file_by_file(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        await library.add(plain(album_files(plone(), FOLDER)))
        await library.identifier.run()
        ((kind, release, by),) = await matched(library)
        assert (kind, by) == ("exact", "match") and release in {hit.mbid for hit in data.load("for_beginner_piano")}
        assert (await library.recordings())[f"{FOLDER}/01 On My Bus.flac"] == ON_MY_BUS
        assert library.asked[0] == "/ws/2/release/" and len(library.asked) <= 4
        count = len(library.asked)
        await library.restarted().run()
        assert len(library.asked) == count

    play(tmp_path, story)


def test_nameless_files_without_tags_are_recognised_by_their_sound(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = album_files(plone(), "/music/unsorted", names=False)
        await library.add(sounding(library, plone(), files))
        await library.identifier.run()
        ((kind, release, by),) = await matched(library, "/music/unsorted")
        assert (kind, by) == ("exact", "acoustid") and release in {hit.mbid for hit in data.load("for_beginner_piano")}
        found = await library.recordings()
        assert [found[file.path] for file in files] == [track.recording for track in plone().media[0].tracks]
        assert library.asked.count("/v2/lookup") == 1 and len(library.asked) <= 6
        file = await library.store.files.file(files[0].path)
        assert file is not None and file.identified == "acoustid"

    play(tmp_path, story, key=lab_key())


def test_without_a_key_no_sound_is_sent_anywhere(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        await library.add(sounding(library, plone(), album_files(plone(), "/music/unsorted", names=False)))
        await library.identifier.run()
        assert library.asked == [] and await matched(library, "/music/unsorted") == [("none", "", "")]
        assert set((await library.recordings()).values()) == {""} and library.told == []

    play(tmp_path, story)


def test_a_wrong_key_is_told_once_and_names_are_still_looked_up(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        await library.add(sounding(library, plone(), album_files(plone(), FOLDER)))
        for place in range(50):  # more than are asked for at once
            await library.add([(local(f"/music/{place:02}/x.flac", 1000), text(tune(900 + place, 80)))])
        await library.identifier.run()
        assert len(library.told) == 1 and "key" in library.told[0]
        assert (await matched(library))[0][0] == "exact" and library.asked.count("/v2/lookup") == 1

    play(tmp_path, story, key="another")


def test_a_loose_file_is_named_by_its_sound_and_not_when_its_tags_say_otherwise(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        library.stub.sounds.hear(text(tune(1, 80)), 267, ON_MY_BUS, sources=20)
        print_ = text(other_codec(tune(1, 80)))
        other = FileTags(title=SafeText("Something Else Entirely"))
        await library.add([(local("/music/heap/x.mp3", 267_000, codec="MP3"), print_), (local("/music/b/y.mp3", 267_000, other), print_)])
        await library.identifier.run()
        assert await library.recordings() == {"/music/heap/x.mp3": ON_MY_BUS, "/music/b/y.mp3": ""}

    play(tmp_path, story, key=lab_key())


def test_tags_that_name_another_recording_than_the_sound_are_not_taken_for_certain(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = album_files(plone(), FOLDER, ids=False)
        heard = sounding(library, plone(), files)
        swapped = [(file, heard[{1: 4, 4: 1}.get(place, place)][1]) for place, (file, _) in enumerate(heard)]
        library.stub.sounds._sounds[1].seconds = library.stub.sounds._sounds[4].seconds = round((files[1].facts.duration_ms or 0) / 1000)
        await library.add(swapped)
        await library.identifier.run()
        ((kind, _, _),) = await matched(library)
        found = await library.recordings()
        assert kind != "exact" and found[files[1].path] != plone().media[0].tracks[1].recording

    play(tmp_path, story, key=lab_key())


def test_a_file_whose_sound_is_known_as_another_recording_is_not_what_its_name_and_length_say(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        release = plone()
        tracks = [track for medium in release.media for track in medium.tracks]
        elsewhere = sorted(set(library.stub.world.recordings) - {track.recording for track in tracks})[0]
        files = album_files(release, FOLDER, ids=False)
        rows = sounding(library, release, files)
        library.stub.sounds._sounds[1].links = {elsewhere: 20}
        await library.add(rows)
        await library.identifier.run()
        ((kind, _, _),) = await matched(library)
        found = await library.recordings()
        assert kind != "exact" and found[files[1].path] != tracks[1].recording
        assert [found[file.path] for file in files[2:]] == [track.recording for track in tracks[2:]]

    play(tmp_path, story, key=lab_key())


def test_bonus_tracks_make_it_another_edition_whose_release_is_not_written_down(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = album_files(plone(), FOLDER)
        extra = [
            local(
                f"{FOLDER}/{number} Bonus {number}.flac",
                150_000 + number,
                replace(files[0].tags, title=SafeText(f"Bonus {number}"), track=number),
            )
            for number in (11, 12)
        ]
        await library.add(plain([*files, *extra]))
        await library.identifier.run()
        (row,) = await library.store.matches.of_folder(FOLDER)
        assert row.match.kind == "other_edition" and "2 files more" in row.match.words and len(row.match.files) == 10
        assert set((await library.recordings()).values()) == {""}

    play(tmp_path, story)


def test_two_recordings_of_an_album_that_fit_as_well_are_told_and_none_is_taken(tmp_path: Path) -> None:
    release = plone()
    tracks = tuple(replace(track, recording=f"00000000-0000-4000-8000-0000000000{track.position:02}") for track in release.media[0].tracks)
    twin = replace(release, mbid="00000000-0000-4000-8000-000000000099", country="US", media=(replace(release.media[0], tracks=tracks),))

    async def story(library: Library) -> None:
        await library.add(plain(album_files(release, FOLDER)))
        await library.identifier.run()
        (row,) = await library.store.matches.of_folder(FOLDER)
        assert row.match.kind == "ambiguous" and "fit as well" in row.match.words
        assert set((await library.recordings()).values()) == {""}

    play(tmp_path, story, [release, twin])


def test_an_album_that_lacks_tracks_is_known_for_what_it_is(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = album_files(plone(), FOLDER)
        await library.add(plain(files[:3] + files[4:]))
        await library.identifier.run()
        (row,) = await library.store.matches.of_folder(FOLDER)
        assert row.match.kind == "exact" and row.match.words == "lacks 4" and len(row.match.files) == 9

    play(tmp_path, story)


def test_a_release_that_is_gone_is_looked_for_by_name(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = album_files(plone(), FOLDER, ids=True)
        gone = "00000000-0000-4000-8000-000000000001"
        files = [replace(file, tags=replace(file.tags, release=gone)) for file in files]
        await library.add(plain(files))
        await library.identifier.run()
        ((kind, release, by),) = await matched(library)
        assert (kind, by) == ("exact", "tags") and release != gone

    play(tmp_path, story)


def test_an_outage_stops_the_pass_says_so_and_loses_nothing(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        await library.add(plain(album_files(plone(), FOLDER, ids=True)))
        vinyl = next(each for each in data.load("for_beginner_piano") if each.mbid == PLONE_VINYL)
        await library.add(plain(album_files(vinyl, "/music/Vinyl", ids=True)))
        library.stub.fail("reset", 2)
        progress = await library.identifier.run()
        assert progress.stopped and not progress.running and len(library.told) == 1
        assert await library.store.matches.counts() == {}
        await library.identifier.run()
        assert await library.store.matches.counts() == {"exact": 2}

    play(tmp_path, story)


def test_a_file_that_is_retagged_is_looked_at_again_and_its_neighbours_are_not(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = album_files(plone(), FOLDER, ids=True)
        await library.add(plain(files))
        love_bug = data.load("the_love_bug")[0]
        await library.add(plain(album_files(love_bug, "/music/Love Bug", ids=True)))
        await library.identifier.run()
        title = replace(files[0], mtime_ns=2, tags=replace(files[0].tags, title=SafeText("On my Bus")))
        await library.add(plain([title]))
        progress = await library.identifier.run()
        assert progress.kinds == {"exact": 1} and len(library.asked) == 2, "its release was kept"

    play(tmp_path, story)


def test_the_user_may_say_which_release_it_is_and_that_stays(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = album_files(plone(), "/music/x", names=False)
        await library.add(plain(files))
        await library.identifier.run()
        assert await matched(library, "/music/x") == [("none", "", "")]
        with pytest.raises(UserError, match="no file in /music/x fits"):
            await library.identifier.confirm("/music/x", data.load("surrender")[0].mbid)
        with pytest.raises(UserError, match="no files are known"):
            await library.identifier.confirm("/music/y", PLONE)
        (match,) = await library.identifier.confirm("/music/x", PLONE)
        assert (match.kind, len(match.files)) == ("exact", 10)
        assert (await library.recordings())[files[0].path] == ON_MY_BUS
        await library.restarted().run()
        assert await matched(library, "/music/x") == [("exact", PLONE, "match")]

    play(tmp_path, story)


def test_what_a_job_got_is_known_and_its_release_is_learned_so_that_a_track_can_be_missed(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        files = [replace(file, download=True) for file in album_files(plone(), FOLDER, ids=True)]
        bare = [replace(file, tags=FileTags()) for file in files]  # as most of Soulseek has them
        await library.add(plain(bare))
        for file, tagged in zip(bare, files, strict=True):
            await library.store.files.placed(file.path, tagged.tags.recording, PLONE)
        await library.music.release(PLONE)  # as the job did
        assert len(library.asked) == 1
        progress = await library.identifier.run()
        assert len(library.asked) == 1 and progress.learned == 1 and library.told == ["tracklists kept of 1 downloaded album"]
        kept = await library.store.releases.get(PLONE)
        assert kept is not None and len(kept.tracks) == 10
        first = await library.store.files.file(bare[0].path)
        assert first is not None and (first.release, first.recording, first.identified) == (PLONE, ON_MY_BUS, "download")
        again = await library.restarted().run()
        assert len(library.asked) == 1 and again.learned == 0

    play(tmp_path, story)


def test_a_woken_pass_that_was_stopped_is_made_again_later(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        await library.add(plain(album_files(plone(), FOLDER, ids=True)))
        library.stub.fail("reset", 2)
        keeping = asyncio.create_task(library.identifier.keep())
        library.identifier.wake()
        while await library.store.matches.counts() != {"exact": 1}:
            await asyncio.sleep(0.01)
        keeping.cancel()
        assert library.told and len(library.asked) == 3

    play(tmp_path, story)


def test_a_pass_asked_for_after_one_was_stopped_begins_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(library: Library) -> None:
        await library.add(plain(album_files(plone(), FOLDER, ids=True)))
        library.stub.fail("reset", 2)
        standing = VirtualClock()
        monkeypatch.setattr(library.identifier, "_clock", standing)
        keeping = asyncio.create_task(library.identifier.keep())
        library.identifier.wake()
        while not standing._sleepers:  # it was stopped, and waits to try again
            await asyncio.sleep(0.01)
        library.identifier.wake()
        while await library.store.matches.counts() != {"exact": 1}:
            await asyncio.sleep(0.01)
        keeping.cancel()

    play(tmp_path, story)


def test_a_pass_that_failed_is_made_again_without_being_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(library: Library) -> None:
        await library.add(plain(album_files(plone(), FOLDER, ids=True)))

        async def full() -> dict[str, tuple[object, ...]]:
            raise sqlite3.OperationalError("database or disk is full")

        library.identifier.wake()
        with monkeypatch.context() as patch, pytest.raises(sqlite3.OperationalError):
            patch.setattr(library.store.files, "folder_states", full)
            await library.identifier.keep()
        keeping = asyncio.create_task(library.identifier.keep())  # as the supervisor does
        while await library.store.matches.counts() != {"exact": 1}:
            await asyncio.sleep(0.01)
        keeping.cancel()

    play(tmp_path, story)


def test_a_pass_reads_only_the_albums_whose_files_changed(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        await library.add(plain(album_files(plone(), FOLDER, ids=True)))
        bug = album_files(data.load("the_love_bug")[0], "/music/Love Bug", ids=True)
        await library.add(plain(bug[:2]))
        await library.identifier.run()
        read: list[str] = []
        of_folder = library.store.files.of_folder

        async def watched(folder: str) -> list[LibraryFile]:
            read.append(folder)
            return await of_folder(folder)

        library.store.files.of_folder = watched  # type: ignore[method-assign]
        await library.identifier.run()
        assert read == []
        await library.add(plain(bug))
        progress = await library.identifier.run()
        assert read == ["/music/Love Bug"] and progress.kinds == {"exact": 1} and (progress.albums, progress.total) == (2, 2)
        assert (await library.recordings())[bug[2].path] == bug[2].tags.recording

    play(tmp_path, story)


def test_an_album_tagged_with_another_release_is_found_by_its_sound(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        surrender = data.load("surrender")[0].mbid
        files = [replace(file, tags=FileTags(release=surrender)) for file in album_files(plone(), "/music/x", names=False)]
        await library.add(sounding(library, plone(), files))
        await library.identifier.run()
        ((kind, release, by),) = await matched(library, "/music/x")
        assert (kind, by) == ("exact", "acoustid") and release != surrender
        assert (await library.recordings())[files[0].path] == ON_MY_BUS

    play(tmp_path, story, key=lab_key())


def test_discs_in_folders_are_one_album_and_two_albums_in_a_folder_are_two(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        surrender = data.load("surrender")[0]
        await library.add(plain(album_files(surrender, "/music/Surrender", ids=True)))
        both = album_files(plone(), "/music/heap", ids=True) + [
            replace(file, path=file.path.replace(".flac", " (bug).flac"))
            for file in album_files(data.load("the_love_bug")[0], "/music/heap", ids=True)
        ]
        await library.add(plain(both))
        await library.identifier.run()
        assert await matched(library, "/music/Surrender") == [("exact", surrender.mbid, "tags")]
        assert sorted(kind for kind, _, _ in await matched(library, "/music/heap")) == ["exact", "exact"]

    play(tmp_path, story)


def box(count: int) -> ReleaseFact:
    """One release of so many tracks on one disc, lengths all about alike."""
    release = plone()
    colours = ["Red", "Blue", "Green", "Gold", "Grey"]
    tracks = tuple(
        TrackFact(
            place, str(place), f"{colours[place % 5]} Study no. {place}", 180_000 + 1000 * (place % 40), mbid(1, place), mbid(2, place)
        )
        for place in range(1, count + 1)
    )
    return replace(release, title="All Studies", media=(MediumFact("", 1, "Digital Media", tracks),))


def test_260_tracks_without_ids_are_matched(tmp_path: Path) -> None:
    release = box(260)

    async def story(library: Library) -> None:
        await library.add(plain(album_files(release, "/music/Studies")))
        await library.identifier.run()
        (row,) = await library.store.matches.of_folder("/music/Studies")
        assert row.match.kind == "exact" and len(row.match.files) == 260
        found = await library.recordings()
        assert all(found[path] for path in found)

    play(tmp_path, story, [release])


@pytest.mark.parametrize("albums", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_tagged_library_costs_at_most_a_request_per_ten_tracks_and_nothing_the_second_time(tmp_path: Path, albums: int) -> None:
    releases = [numbered(place, 8 + place % 5 + place % 2) for place in range(albums)]

    async def story(library: Library) -> None:
        files = [file for place, release in enumerate(releases) for file in album_files(release, f"/music/{place:04}", ids=True)]
        await library.add(plain(files))
        progress = await library.identifier.run()
        assert progress.kinds == {"exact": albums} and progress.files == len(files)
        assert len(library.asked) * 10 <= len(files), f"{len(library.asked)} requests for {len(files)} tracks"
        await library.restarted().run()
        assert len(library.asked) == albums

    play(tmp_path, story, releases, limit_s=300)


def mbid(kind: int, place: int, track: int = 0) -> str:
    return f"{kind}{place:07}-{track:04}-4000-8000-000000000000"


def numbered(place: int, count: int) -> ReleaseFact:
    """Album number `place`, of so many tracks."""
    release = plone()
    tracks = tuple(TrackFact(n, str(n), f"Song {n}", 100_000 + 7000 * n, mbid(3, place, n), mbid(4, place, n)) for n in range(1, count + 1))
    group = replace(release.group, mbid=mbid(2, place))
    return replace(release, mbid=mbid(1, place), title=f"Album {place}", group=group, media=(MediumFact("", 1, "CD", tracks),))


def test_an_outage_that_lasts_is_told_once_and_another_reason_or_the_next_outage_again(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        await library.add(plain(album_files(plone(), FOLDER, ids=True)))
        library.stub.fail("reset", 1000)
        for _ in range(3):
            assert (await library.identifier.run()).stopped
        assert len(library.told) == 1
        library.stub._faults.clear()
        library.stub.fail("not_xml", 1000)
        for _ in range(3):
            assert (await library.identifier.run()).stopped
        assert len(library.told) == 2 and library.told[0] != library.told[1]
        library.stub._faults.clear()
        assert not (await library.identifier.run()).stopped
        await library.add(plain(album_files(data.load("the_love_bug")[0], "/music/Love Bug", ids=True)))
        library.stub.fail("not_xml", 1000)
        assert (await library.identifier.run()).stopped and len(library.told) == 3

    play(tmp_path, story)


def test_a_service_of_sounds_that_cannot_be_asked_is_told_once_until_it_can(tmp_path: Path) -> None:
    async def story(library: Library) -> None:
        for place in range(3):
            await library.add([(local(f"/music/{place:02}/x.flac", 1000), text(tune(900 + place, 80)))])
            await library.identifier.run()
        assert len(library.told) == 1 and "key" in library.told[0]

    play(tmp_path, story, key="another")
