"""What a user expects of the choice of sources: the whole album from one good folder, and nothing that is another recording."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.music import matching
from slskdn_tui.engine.music.assign import assign
from slskdn_tui.engine.music.matching import album_candidates, holders
from slskdn_tui.engine.music.queries import search_queries
from slskdn_tui.engine.music.titles import album_folder, alike, normal, read_name
from slskdn_tui.lab import data
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText


def as_release(fact: data.ReleaseFact) -> Release:
    tracks = []
    for medium in fact.media:
        for track in medium.tracks:
            if not track.pregap:
                artist = SafeText(data.credit_phrase(fact.track_artist(track)))
                tracks.append(
                    Track(len(tracks) + 1, medium.position, track.position, track.recording, SafeText(track.title), artist, track.length)
                )
    formats = tuple(medium.format for medium in fact.media)
    title, artist, label = SafeText(fact.title), SafeText(fact.artist_name), SafeText("")
    return Release(
        fact.mbid, fact.group.mbid, title, artist, "", fact.date, fact.country, fact.status, label, formats, len(fact.media), tuple(tracks)
    )


PLONE = as_release(data.demo_release())
SURRENDER = as_release(data.load("surrender")[0])
LOVE_BUG = as_release(data.load("the_love_bug")[0])
FLAC_ONLY = Constraints()


def file(user: str, path: str, track: Track | None = None, *, size: int = 30_000_000, off: int = 0) -> FoundFile:
    seconds = round(track.length_ms / 1000) + off if track and track.length_ms else None
    return FoundFile(user, path, size + (track.position if track else 0), path.rpartition(".")[2], seconds=seconds)


def album(user: str, folder: str, pattern: str, release: Release = PLONE, *, separator: str = "\\", **reply: int | bool) -> SearchReply:
    files = []
    for track in release.tracks:
        name = pattern.format(n=track.number, p=track.position, d=track.disc, t=track.title, a=track.artist, al=release.title)
        files.append(file(user, f"{folder.format(d=track.disc)}{separator}{name}", track))
    return SearchReply(user, bool(reply.get("free", True)), int(reply.get("speed", 500_000)), int(reply.get("queue", 0)), tuple(files))


def positions(candidate: matching.AlbumCandidate, release: Release) -> list[tuple[int, str]]:
    return [(position, release.tracks[position - 1].title) for position, _ in candidate.files]


@pytest.mark.parametrize(
    "pattern",
    [
        "{n:02} {t}.flac",
        "{n:02} - {t}.flac",
        "{n:02}. {a} - {t}.flac",
        "{a} - {t}.flac",
        "{a} - {al} - {n:02} - {t}.flac",
        "{a} - {al} - {n:02} {t}.FLAC",
        "{n:02}_{t}.flac",
        "[{n:02}] {t} [FLAC].flac",
        "1-{n:02} {t}.flac",
        "{n}. {t}.flac",
        "1{n:02} {t}.flac",
        "{t}.flac",
        "{n:02}.flac",
        "Track {n:02}.flac",
    ],
)
@pytest.mark.parametrize("separator", ["\\", "/"])
def test_common_ways_to_name_files_are_understood(pattern: str, separator: str) -> None:
    (best,) = album_candidates(PLONE, [album("ann", "@@x\\Music\\Plone", pattern, separator=separator)], FLAC_ONLY)
    assert best.complete and best.lossy_tracks == 0
    for position, found in best.files:
        assert found.seconds == round((PLONE.tracks[position - 1].length_ms or 0) / 1000), found.path


def test_a_file_takes_one_track_and_a_track_one_file() -> None:
    reply = album("ann", "a", "{n:02} {t}.flac")
    twice = replace(reply, files=(*reply.files, *(replace(f, path=f.path.replace("a\\", "a\\copy of ")) for f in reply.files)))
    (best,) = album_candidates(PLONE, [twice], FLAC_ONLY)
    assert len({found.path for _, found in best.files}) == len({position for position, _ in best.files}) == 10


def test_discs_in_folders_of_their_own_make_one_album() -> None:
    for folder in ("m\\Surrender\\CD{d}", "m/Surrender/Disc 0{d} - x", "m\\Surrender (Disc {d})", "m\\Surrender CD{d}"):
        (best,) = album_candidates(SURRENDER, [album("ann", folder, "{n:02} {t}.flac", SURRENDER)], FLAC_ONLY)
        assert best.complete and best.folder.endswith("Surrender"), folder
        assert [position for position, _ in best.files] == list(range(1, 16))
        first_of_second = dict(best.files)[12]
        assert "extended" in first_of_second.path


def test_numbers_that_run_through_both_discs_are_understood() -> None:
    (best,) = album_candidates(SURRENDER, [album("ann", "m\\Surrender", "{p:02}.flac", SURRENDER)], FLAC_ONLY)
    assert best.complete
    assert all(found.name == f"{position:02}.flac" for position, found in best.files)


def test_a_whole_folder_comes_before_a_better_looking_part() -> None:
    part = album("fast", "Plone - For Beginner Piano", "{n:02} {t}.flac", speed=9_000_000)
    part = replace(part, files=part.files[:9])
    whole = album("slow", "stuff", "{n:02} {t}.flac", free=False, queue=40, speed=10_000)
    best, second = album_candidates(PLONE, [part, whole], FLAC_ONLY)
    assert (best.username, best.complete, second.username, second.complete) == ("slow", True, "fast", False)
    assert "9 of 10 tracks" in second.why and "queue of 40" in best.why


def test_another_cut_of_a_track_is_not_taken() -> None:
    reply = album("ann", "a", "{n:02} {t}.flac")
    wrong = replace(reply, files=(replace(reply.files[0], seconds=(reply.files[0].seconds or 0) + 90), *reply.files[1:]))
    (best,) = album_candidates(PLONE, [wrong], FLAC_ONLY)
    assert not best.complete and 1 not in dict(best.files)


def test_a_remix_is_not_taken_for_the_song() -> None:
    files = tuple(
        FoundFile("ann", f"x\\{name}.flac", 1000 + i, "flac") for i, name in enumerate(["the Love Bug", "the Love Bug (Big Bug NYC remix)"])
    )
    (best,) = album_candidates(LOVE_BUG, [SearchReply("ann", True, 0, 0, files)], FLAC_ONLY)
    assert {position: found.name for position, found in best.files} == {1: "the Love Bug.flac", 2: "the Love Bug (Big Bug NYC remix).flac"}


def test_a_speed_that_nobody_knows_is_no_reason_to_choose_a_user() -> None:
    known, unknown = (album_candidates(PLONE, [album("ann", "a", "{n:02} {t}.flac", speed=speed)], FLAC_ONLY)[0] for speed in (42_000, 0))
    assert "42 KB/s" in known.why and "kB/s" not in unknown.why


def test_a_live_version_is_no_source_even_when_nothing_else_is_there() -> None:
    files = tuple(FoundFile("ann", f"x\\{t.number:02} {t.title} (live).flac", 1000, "flac") for t in PLONE.tracks if len(t.title) > 12)
    assert len(files) > 2
    assert album_candidates(PLONE, [SearchReply("ann", True, 0, 0, files)], FLAC_ONLY) == ()
    (same,) = album_candidates(PLONE, [album("ann", "a", "{n:02} {t} (live).flac")], FLAC_ONLY)
    assert same.complete, "the right lengths in the right order are the album, whatever was added to the names"


def test_another_album_of_the_artist_is_no_source() -> None:
    titles = ["Marmite", "Electric Sweetheart", "Swim Pool", "Day Trip", "Ringtones"]
    files = tuple(FoundFile("ann", f"Plone\\Other\\{i:02} Plone - {t}.flac", 1000, "flac", seconds=200) for i, t in enumerate(titles, 1))
    assert album_candidates(PLONE, [SearchReply("ann", True, 0, 0, files)], FLAC_ONLY) == ()


def test_lossy_files_are_taken_only_as_far_as_allowed() -> None:
    reply = album("ann", "a", "{n:02} {t}.flac")
    mixed = replace(reply, files=tuple(replace(f, path=f.path.replace(".flac", ".mp3")) if i < 3 else f for i, f in enumerate(reply.files)))
    (none,) = album_candidates(PLONE, [mixed], FLAC_ONLY)
    assert (len(none.files), none.lossy_tracks, none.complete) == (7, 0, False)
    (two,) = album_candidates(PLONE, [mixed], Constraints(max_lossy_tracks_per_album=2))
    assert (len(two.files), two.lossy_tracks, two.complete) == (9, 2, False)
    (all_,) = album_candidates(PLONE, [mixed], Constraints(max_lossy_tracks_per_album=3))
    assert (len(all_.files), all_.lossy_tracks, all_.complete) == (10, 3, True)
    assert "3 lossy" in all_.why


def test_the_preferred_codec_wins_in_a_folder_and_between_users() -> None:
    flac, mp3 = album("ann", "a", "{n:02} {t}.flac"), album("ann", "a", "{n:02} {t}.mp3")
    both = replace(flac, files=mp3.files + flac.files)
    allowed = Constraints(max_lossy_tracks_per_album=10)
    (best,) = album_candidates(PLONE, [both], allowed)
    assert best.lossy_tracks == 0
    ape = album("bob", "b", "{n:02} {t}.ape")
    assert [c.username for c in album_candidates(PLONE, [ape, flac], allowed)] == ["ann", "bob"]
    assert [c.username for c in album_candidates(PLONE, [ape, flac], Constraints(preferred_codecs=("ape", "FLAC")))] == ["bob", "ann"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [({"free": True}, {"free": False}), ({"speed": 2_000_000}, {"speed": 20_000}), ({"queue": 0}, {"queue": 200})],
)
def test_of_two_equal_folders_the_readier_user_comes_first(better: dict[str, int], worse: dict[str, int]) -> None:
    replies = [album("aaa", "x", "{n:02} {t}.flac", **worse), album("zzz", "x", "{n:02} {t}.flac", **better)]
    assert [c.username for c in album_candidates(PLONE, replies, FLAC_ONLY)] == ["zzz", "aaa"]


def test_own_history_with_a_user_counts() -> None:
    replies = [album("aaa", "x", "{n:02} {t}.flac"), album("zzz", "x", "{n:02} {t}.flac")]
    assert [c.username for c in album_candidates(PLONE, replies, FLAC_ONLY, {"aaa": 0.1, "zzz": 0.9}.__getitem__)] == ["zzz", "aaa"]


def test_holders_of_the_same_file_come_before_others() -> None:
    replies = [album(user, "x", "{n:02} {t}.flac", speed=2_000_000 - i * 300_000) for i, user in enumerate(["one", "two", "three"])]
    other = replace(replies[1], files=tuple(replace(f, size=f.size + 5) for f in replies[1].files))
    candidates = album_candidates(PLONE, [replies[0], other, replies[2]], replace(FLAC_ONLY, prefer_canonical_variants=False))
    track = PLONE.tracks[3]
    first = holders(track, candidates)
    assert [f.username for f in first] == ["one", "two", "three"] and all("Marbles" in f.name for f in first)
    assert [f.username for f in holders(track, candidates, like=first[0])] == ["one", "three", "two"]


def test_the_variant_that_most_users_have_comes_first_when_canonical_variants_are_preferred() -> None:
    rare = album("aaa", "x", "{n:02} {t}.flac")
    rare = replace(rare, files=tuple(replace(f, size=f.size + 5) for f in rare.files))
    replies = [rare, *(album(user, "x", "{n:02} {t}.flac", speed=-1) for user in ("mmm", "zzz"))]
    assert album_candidates(PLONE, replies, FLAC_ONLY)[0].username == "mmm"
    assert album_candidates(PLONE, replies, replace(FLAC_ONLY, prefer_canonical_variants=False))[0].username == "aaa"


def test_the_same_file_found_by_two_queries_counts_once() -> None:
    reply = album("ann", "a", "{n:02} {t}.flac")
    once, twice = album_candidates(PLONE, [reply], FLAC_ONLY), album_candidates(PLONE, [reply, reply], FLAC_ONLY)
    assert once == twice


def test_queries_hold_no_sign_that_means_something_to_a_client() -> None:
    assert search_queries(PLONE)[0] == "Plone For Beginner Piano"
    hostile = replace(PLONE, artist=SafeText("-Sunn O)))"), title=SafeText('Life—Metal *(deluxe) "2019"'))
    for query in search_queries(hostile):
        assert all(char.isalnum() or char == " " for char in query) and query
    assert search_queries(replace(PLONE, artist=SafeText("Sigur Rós"), title=SafeText("Ágætis byrjun")))[:2] == (
        "Sigur Rós Ágætis byrjun",
        "sigur ros agætis byrjun",
    )
    self_titled = search_queries(replace(PLONE, title=SafeText("Plone")))
    assert self_titled[0].startswith("Plone ") and self_titled[0] != "Plone Plone"
    assert len(set(search_queries(PLONE))) == len(search_queries(PLONE)) <= 5


def test_names_are_read_as_people_write_them() -> None:
    assert read_name("02 2 X 4.flac").titles[0] == "2 x 4"
    assert "2 x 4" in read_name("2 X 4.flac").titles
    assert (read_name("1-03 Plock.flac").disc, read_name("1-03 Plock.flac").number) == (1, 3)
    assert (read_name("203 Plock.flac").disc, read_name("203 Plock.flac").number) == (2, 3)
    assert read_name("A2. Plock.flac").number == 2
    assert normal("Café — Ünplugged’s") == "cafe unpluggeds"
    assert alike(normal("心の手紙"), normal("心の手紙")) == 1.0
    assert album_folder("music\\Plone\\cdj mixes") == ("music\\Plone\\cdj mixes", None)
    assert album_folder("CD1") == ("CD1", None)


@pytest.mark.parametrize(
    "folder", ["Music\\CD \u0131\u0131", "Music\\CD \u0130\u0130", "Music (Disc \u0130\u0130)", "Music\\Disc f\u0131ve"]
)
def test_a_disc_counted_in_turkish_letters_is_read_and_no_disc_is_made_of_it(folder: str) -> None:
    assert album_folder(folder) == (folder, None)
    found = FoundFile("ann", f"{folder}\\01 Plock.flac", 10, "flac", seconds=230)
    album_candidates(LOVE_BUG, [SearchReply("ann", True, -5, -1, (found,))], FLAC_ONLY)


@given(st.text(max_size=400), st.text(max_size=60))
def test_no_name_from_a_stranger_breaks_the_reader(name: str, folder: str) -> None:
    read_name(name, ("plone", "for beginner piano"))
    album_folder(folder)
    found = FoundFile("ann", f"{folder}\\{name}.flac", 10, "flac", seconds=230)
    album_candidates(LOVE_BUG, [SearchReply("ann", True, -5, -1, (found,))], FLAC_ONLY)


@given(st.integers(1, 5), st.integers(0, 2), st.randoms(use_true_random=False))
def test_the_assignment_is_the_cheapest_there_is(rows: int, more: int, chance: random.Random) -> None:
    columns = rows + more
    cost = [[chance.randint(0, 20) / 10 for _ in range(columns)] for _ in range(rows)]
    got = assign(cost)
    assert len(set(got)) == rows
    least = min(sum(cost[row][column] for row, column in enumerate(order)) for order in permutations(range(columns), rows))
    assert sum(cost[row][column] for row, column in enumerate(got)) == pytest.approx(least)


def test_ties_between_tracks_are_settled_for_the_whole_album(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    monkeypatch.setattr(matching, "assign", lambda cost: used.append(1) or assign(cost))
    # Two takes of one song: each file alone fits either; only together is it clear.
    take = replace(PLONE.tracks[0], length_ms=200_000)
    release = replace(
        PLONE, tracks=(replace(take, title=SafeText("Song")), replace(take, position=2, number=2, title=SafeText("Song Two")))
    )
    files = (file("ann", "x\\song two.flac", size=30_000_001), file("ann", "x\\song twoo.flac", size=30_000_002))
    files = tuple(replace(each, seconds=seconds) for each, seconds in zip(files, (203, 200), strict=True))
    (best,) = album_candidates(release, [SearchReply("ann", True, 0, 0, files)], FLAC_ONLY)
    assert best.complete and used


def known(release: Release, size: int, score: float, peers: int = 3) -> list[VariantChoice]:
    return [
        VariantChoice(track.recording_mbid, "FLAC", f"{size}", size + track.position, score, peers, False, score > 0.8)
        for track in release.tracks
    ]


def test_of_two_whole_albums_the_one_known_to_be_better_wins_over_the_faster_unless_that_is_not_to_count() -> None:
    fast = album("fast", "Plone", "{n:02} {t}.flac", speed=9_000_000)
    slow = album("slow", "Plone", "{n:02} {t}.flac", speed=1000, free=False, queue=50)
    slow = replace(slow, files=tuple(replace(each, size=each.size + 5_000_000) for each in slow.files))
    told = [*known(PLONE, 30_000_000, 0.5), *known(PLONE, 35_000_000, 0.9)]
    best, other = album_candidates(PLONE, [fast, slow], FLAC_ONLY, variants=told)
    assert (best.username, other.username) == ("slow", "fast") and "10 of 10 canonical" in best.why and "known score 0.50" in other.why
    best, _ = album_candidates(PLONE, [fast, slow], replace(FLAC_ONLY, prefer_canonical_variants=False), variants=told)
    assert best.username == "fast"


def test_a_file_known_to_be_a_fake_is_taken_after_one_nobody_knows() -> None:
    fake = album("fake", "Plone", "{n:02} {t}.flac", speed=9_000_000)
    unknown = album("unknown", "Plone", "{n:02} {t}.flac", speed=1000, free=False)
    unknown = replace(unknown, files=tuple(replace(each, size=each.size + 5_000_000) for each in unknown.files))
    best, _ = album_candidates(PLONE, [fake, unknown], FLAC_ONLY, variants=known(PLONE, 30_000_000, 0.05))
    assert best.username == "unknown"
