"""Whose turn it is on the wishlist, and what of the answers is kept."""

from __future__ import annotations

import random
from dataclasses import replace

from slskdn_tui.engine.jobs.wishlist.wish_round import fitting, in_turn, interval_of, keep, wait_for
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.store.state.wishes import Wish, WishHit
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.filters import NONE, parse


def when(second: float) -> str:
    from datetime import UTC, datetime

    return iso(datetime.fromtimestamp(1_700_000_000 + second, UTC))


def wish(number: int, created: float = 0.0, last: float | None = None, job: str = "") -> Wish:
    return Wish(str(number), f"wish {number}", created_at=when(created), last_at="" if last is None else when(last), job_id=job)


def reply(user: str, *names: str) -> SearchReply:
    return SearchReply(
        user, True, 1000, 0, tuple(FoundFile(user, f"Music\\Album\\{name}", 5000, name[-4:].lstrip("."), bitrate=320) for name in names)
    )


def test_what_was_never_searched_for_goes_first_and_then_who_waited_longest() -> None:
    wishes = [wish(1, 0, 900), wish(2, 0, 100), wish(3, 500), wish(4, 0, 50, job="abc"), wish(10, 0, 100)]
    assert [each.wish_id for each in in_turn(wishes)] == ["3", "2", "10", "1"]


def test_a_round_with_wishes_coming_and_going_serves_everybody_once() -> None:
    rng = random.Random(3)
    wishes = {str(number): wish(number, number) for number in range(1, 8)}
    served: list[str] = []
    for step in range(70):
        now = 1000.0 + step * 720
        if step == 20:
            wishes["50"] = wish(50, now - 1)
        first = in_turn(list(wishes.values()))[0]
        served.append(first.wish_id)
        wishes[first.wish_id] = replace(first, last_at=when(now))
        if step == 40:
            del wishes[rng.choice(sorted(set(wishes) - {"50"}))]
    assert served[:7] == served[7:14] == ["1", "2", "3", "4", "5", "6", "7"]
    assert served.index("50") == 20  # at once, and then like the others
    for start in range(43, 60):
        assert len(set(served[start : start + 7])) == 7


def test_the_interval_is_the_servers_within_reason() -> None:
    assert interval_of(None) is None and interval_of(120) == 120.0
    assert interval_of(0) == interval_of(-5) == 720.0 and interval_of(10**9) == 86_400.0


def test_waiting_goes_on_over_a_restart_and_a_clock_set_back_costs_one_interval() -> None:
    assert wait_for(1000.0, 720.0, 1100.0) == 620.0 and wait_for(1000.0, 720.0, 5000.0) == 0.0
    assert wait_for(9_000_000.0, 720.0, 1100.0) == 720.0


def test_only_folders_with_music_that_pass_the_filter_fit() -> None:
    replies = [reply("ann", "1.mp3", "cover.jpg"), reply("bob", "1.flac"), reply("cat", "cover.jpg")]
    assert [each.reply.username for each in fitting(replies, NONE)] == ["bob", "ann"]
    assert [each.reply.username for each in fitting(replies, parse("lossless"))] == ["bob"]


def test_what_is_found_again_is_not_new_again_and_the_list_stays_short() -> None:
    first, fresh = keep([], fitting([reply("ann", "1.mp3"), reply("bob", "1.flac")], NONE), "day 1", 3)
    assert fresh == 2 and not any(hit.seen for hit in first)
    seen = [replace(hit, seen=True) for hit in first]
    second, fresh = keep(seen, fitting([reply("ann", "1.mp3"), reply("cat", "1.mp3"), reply("dot", "1.mp3")], NONE), "day 2", 3)
    assert fresh == 2
    assert [(hit.reply.username, hit.found_at, hit.seen) for hit in second] == [
        ("cat", "day 2", False),
        ("dot", "day 2", False),
        ("ann", "day 1", True),
    ]
    third, fresh = keep(second, [], "day 3", 3)
    assert third == second and fresh == 0


def test_no_more_are_told_as_new_than_are_kept() -> None:
    found = fitting([reply(f"user{number}", "1.mp3") for number in range(9)], NONE)
    kept, fresh = keep([WishHit("x\nold", "day 0", True, reply("x", "1.mp3"))], found, "day 1", 4)
    assert len(kept) == 4 and fresh == 4
