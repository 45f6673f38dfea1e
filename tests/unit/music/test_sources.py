"""From whom an album comes: from one whole folder, from a part while the rest is waited for, or from several when the user allows it."""

from __future__ import annotations

from dataclasses import replace

from test_matching import PLONE, album

from slskdn_tui.engine.music.matching import album_candidates, holders
from slskdn_tui.engine.music.sources import Plan, plan
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.jobs import Constraints

STRICT, MIX = Constraints(), Constraints(allow_mixed_sources=True)
ALL = [track.position for track in PLONE.tracks]


def folder(user: str, tracks: list[int], **reply: int | bool) -> SearchReply:
    """This user's folder of the album, with these tracks of it; each user has a rip of his own."""
    whole = album(user, f"{user}\\Plone - For Beginner Piano", "{n:02} {t}.flac", **reply)
    size = sum(map(ord, user)) * 1000
    return replace(whole, files=tuple(replace(file, size=file.size + size) for at, file in enumerate(whole.files, start=1) if at in tracks))


def larger(user: str) -> SearchReply:
    reply = folder(user, ALL)
    extra = replace(reply.files[-1], path=reply.files[-1].path.replace("10 ", "11 ").replace("Summer Plays Out", "Bonus Song"), seconds=199)
    return replace(reply, files=(*reply.files, extra))


def planned(replies: list[SearchReply], constraints: Constraints = STRICT, **more: object) -> Plan:
    return plan(ALL, album_candidates(PLONE, replies, constraints), constraints, **more)  # type: ignore[arg-type]


def users(found: Plan) -> list[set[str]]:
    """Who may give each track."""
    return [{file.username for file in holders(track, found.candidates)} for track in PLONE.tracks]


def test_a_whole_folder_is_used_and_no_part_of_another() -> None:
    found = planned([folder("slow", ALL, free=False, queue=50), folder("fast", ALL[:9], speed=9_000_000)])
    assert found.kind == "whole" and users(found) == [{"slow"}] * 10 and not found.short


def test_a_whole_folder_beats_a_mix_even_where_mixing_is_allowed() -> None:
    found = planned([folder("slow", ALL, free=False, queue=50), folder("a", ALL[:5]), folder("b", ALL[5:])], MIX)
    assert found.kind == "whole" and users(found) == [{"slow"}] * 10


def test_other_whole_folders_and_the_same_bytes_elsewhere_are_there_to_fail_over_to() -> None:
    same = replace(folder("bob", ALL), username="carol")
    same = replace(same, files=tuple(replace(file, username="carol") for file in same.files[:4]))
    found = planned([folder("bob", ALL), folder("dave", ALL), same])
    assert users(found) == [{"bob", "dave", "carol"}] * 4 + [{"bob", "dave"}] * 6


def test_without_a_whole_folder_the_best_part_is_fetched_and_the_rest_waited_for() -> None:
    found = planned([folder("bob", ALL[:9]), folder("carol", ALL[4:])])
    assert found.kind == "part" and users(found) == [{"bob"}] * 9 + [set()]
    assert found.short == "no user has the whole album; 9 of 10 at bob"
    assert found.hint == "`--mix` would take the missing one from carol"


def test_what_was_begun_is_gone_on_with() -> None:
    bob, carol = folder("bob", ALL[:6]), folder("carol", ALL[1:])
    begun = {("bob", bob.files[0].path)}
    found = planned([bob, carol], begun=begun, done={1})
    assert found.kind == "part" and users(found)[1] == {"bob"} and users(found)[9] == set()
    whole = planned([bob, carol, folder("dave", ALL)], begun=begun, done={1})
    assert whole.kind == "whole" and users(whole) == [{"dave", "bob"}] * 6 + [{"dave"}] * 4
    gone = planned([carol], begun=begun, done={1})
    assert gone.kind == "none" and gone.candidates == () and "carol" in gone.short


def test_a_single_song_of_somewhere_is_no_part_of_the_album() -> None:
    found = planned([folder("bob", [3])])
    assert found.kind == "none" and found.candidates == ()


def test_a_larger_edition_is_not_taken_for_the_album_but_told() -> None:
    found = planned([larger("bob")])
    assert found.kind == "none" and found.candidates == ()
    assert "no user has this edition" in found.short and "another edition: 1 files more" in found.short
    assert found.hint == "`--mix` would take 1-10 from bob"


def test_a_mix_says_who_gives_what_and_takes_as_few_users_as_it_can() -> None:
    found = planned([folder("a", ALL[:3]), folder("b", ALL[:9]), folder("c", ALL[6:])], MIX)
    assert found.kind == "mix" and found.candidates[0].complete
    assert found.candidates[0].sources == (("b", tuple(ALL[:9])), ("c", (10,)))
    assert found.words == "no user has the whole album; mixed: 1-9 from b; 10 from c"


def test_a_mix_says_what_nobody_has() -> None:
    found = planned([folder("a", [1, 2, 3]), folder("b", [3, 4, 5])], MIX)
    assert found.kind == "mix" and not found.candidates[0].complete
    assert found.words == "no user has the whole album; mixed: 1-3 from a; 4-5 from b; nobody has 6-10"
    assert found.short == "no user has the whole album; nobody has 6-10"


def test_a_mix_takes_no_more_lossy_tracks_than_allowed() -> None:
    lossy = folder("b", ALL[5:])
    lossy = replace(lossy, files=tuple(replace(file, path=file.path.replace(".flac", ".mp3")) for file in lossy.files))
    allowed = replace(MIX, max_lossy_tracks_per_album=2)
    found = planned([folder("a", ALL[:5]), lossy], allowed)
    assert found.candidates[0].lossy_tracks == 2 and [position for position, _ in found.candidates[0].files] == [1, 2, 3, 4, 5, 6, 7]


def test_a_mix_takes_nothing_that_is_not_certain() -> None:
    wrong = folder("b", ALL)
    wrong = replace(wrong, files=tuple(replace(file, seconds=(file.seconds or 0) + 9) for file in wrong.files))
    assert planned([wrong], MIX).kind == "none"
    mono = folder("b", ALL)
    mono = replace(mono, files=tuple(replace(file, path=file.path.replace("Piano", "Piano (Mono)")) for file in mono.files))
    assert planned([mono], MIX).kind == "none"


def test_the_reasons_fit_a_narrow_screen() -> None:
    replies = [folder("bob", ALL, speed=123_456_789, queue=3000, free=False), larger("carol"), folder("dave", [1, 3, 5, 7, 9])]
    lines = [candidate.why for candidate in album_candidates(PLONE, replies, STRICT)]
    assert len(lines) == 3 and all(0 < len(line) <= 80 for line in lines), lines


def test_a_recording_wanted_alone_may_lie_in_any_folder() -> None:
    track = PLONE.tracks[3]
    alone = replace(PLONE, tracks=(track,))
    hits = album("bob", "Hits of 1999", "{n:02} {a} - {t}.flac")
    (best,) = album_candidates(alone, [hits], STRICT, alone=True)
    assert best.complete and [position for position, _ in best.files] == [4] and "Marbles" in best.files[0][1].path
    live = replace(hits, files=tuple(replace(file, seconds=(file.seconds or 0) + 40) for file in hits.files))
    assert not any(candidate.complete for candidate in album_candidates(alone, [live], STRICT, alone=True))
