"""Who is served next, and what those who wait are told, decided without a socket."""

from __future__ import annotations

import random

import pytest

from slskdn_tui.engine.soulseek.shares.index import Shared
from slskdn_tui.engine.soulseek.shares.packed import browse_message
from slskdn_tui.engine.soulseek.shares.query import shareable
from slskdn_tui.engine.soulseek.uploads.groups import Asker, GroupRules, Queue, Waiting, group_of, refusal
from slskdn_tui.engine.soulseek.uploads.stream import chunk

RULES = GroupRules(slots=1, friends_slots=0, leechers_slots=1)


def ask(arrival: int, username: str, group: str = "default", privileged: bool = False, path: str = "f") -> Waiting:
    return Waiting(Asker(username, group, privileged), arrival, path)


def names(found: list[Waiting]) -> list[str]:
    return [each.asker.username for each in found]


def test_within_a_rank_whoever_waits_longest_is_next() -> None:
    waiting = [ask(number, f"u{number}") for number in (4, 2, 3, 1)]
    assert names(Queue(RULES, waiting, []).starting()) == ["u1"]
    assert names(Queue(RULES, waiting, []).order()) == ["u1", "u2", "u3", "u4"]


def test_friends_overtake_and_privileged_users_come_before_all() -> None:
    waiting = [ask(1, "leech", "leechers"), ask(2, "anna"), ask(3, "friend", "friends"), ask(4, "paid", privileged=True)]
    assert names(Queue(RULES, waiting, [Asker("busy")]).order()) == ["paid", "friend", "anna", "leech"]


def test_slots_kept_for_friends_are_given_to_nobody_else() -> None:
    rules = GroupRules(slots=1, friends_slots=2)
    others = [ask(number, f"u{number}") for number in (1, 2, 3)]
    friends = [ask(10 + number, f"f{number}", "friends") for number in (1, 2, 3, 4)]
    assert names(Queue(rules, others, []).starting()) == ["u1"]
    assert names(Queue(rules, others + friends, []).starting()) == ["f1", "f2", "f3"]
    assert names(Queue(rules, others + friends, [Asker("u0")]).starting()) == ["f1", "f2"]
    busy = [Asker("f8", "friends"), Asker("f9", "friends")]
    assert names(Queue(rules, others, busy).starting()) == ["u1"], "friends in their own slots take none from the others"


def test_leechers_together_get_their_few_slots_and_the_others_the_rest() -> None:
    rules = GroupRules(slots=3, friends_slots=0, leechers_slots=1)
    waiting = [ask(number, f"l{number}", "leechers") for number in (1, 2, 3)] + [ask(9, "anna")]
    assert names(Queue(rules, waiting, []).starting()) == ["anna", "l1"]
    assert names(Queue(rules, waiting, [Asker("l0", "leechers")]).starting()) == ["anna"]
    assert names(Queue(GroupRules(slots=3, leechers_slots=0), waiting, []).starting()) == ["anna"]
    assert names(Queue(GroupRules(slots=3, leechers_slots=0), waiting, []).order()) == ["anna", "l1", "l2", "l3"]


def test_one_file_a_user_at_once_and_places_say_so() -> None:
    rules = GroupRules(slots=2, friends_slots=0)
    waiting = [ask(number, "greedy", path=f"g{number}") for number in range(1, 6)] + [ask(9, "late", path="l")]
    assert [each.path for each in Queue(rules, waiting, []).starting()] == ["g1", "l"]
    assert [each.path for each in Queue(rules, waiting, []).order()] == ["g1", "l", "g2", "g3", "g4", "g5"]
    active = [Asker("greedy")]
    assert next(each.path for each in Queue(rules, waiting, active).order()) == "l"
    assert Queue(rules, waiting, active).starting(lambda name: name != "late") == []


def test_places_are_the_order_in_which_files_start_when_each_takes_one_turn() -> None:
    """Played through, turn by turn, with the very rule that starts uploads."""
    rng = random.Random(7)
    for _ in range(50):
        rules = GroupRules(slots=rng.randint(1, 3), friends_slots=rng.randint(0, 2), leechers_slots=rng.randint(1, 2))
        users = [Asker(f"u{n}", rng.choice(["friends", "default", "leechers"]), rng.random() < 0.1) for n in range(6)]
        waiting = [Waiting(rng.choice(users), arrival, f"p{arrival}") for arrival in range(20)]
        told = Queue(rules, waiting, []).order()
        played, left = [], list(waiting)
        while left:
            turn = Queue(rules, left, []).starting()
            assert turn and len({each.asker.username for each in turn}) == len(turn) <= rules.total_slots
            played += turn
            left = [each for each in left if each not in turn]
        assert told == played


def test_groups_by_relation_and_shares() -> None:
    rules = GroupRules(leecher_files=10)
    assert group_of("friend", 0, False, rules) == "friends"
    assert group_of("banned", 5000, True, rules) == "banned"
    assert group_of("", 9, False, rules) == "leechers"
    assert group_of("", 9, True, rules) == "default", "whoever pays is no leecher"
    assert group_of("", None, False, rules) == "default", "nobody is a leecher before the server has said so"
    assert group_of("", 10, False, rules) == "default"
    assert group_of("", 0, False, GroupRules(leecher_files=0)) == "default"


def test_refusals_in_the_protocols_words() -> None:
    rules = GroupRules(queue_files=3, queue_bytes=1000, leechers_slots=0)
    assert refusal("banned", 0, 0, 0, rules) == "Banned"
    assert refusal("default", 2, 0, 0, rules) == ""
    assert refusal("default", 3, 0, 0, rules) == "Too many files"
    assert refusal("default", 1, 600, 401, rules) == "Too many megabytes"
    assert refusal("default", 1, 600, 400, rules) == ""
    assert "share nothing" in refusal("leechers", 0, 0, 0, rules)


def test_a_slot_is_told_free_only_to_whom_it_is() -> None:
    rules = GroupRules(slots=1, friends_slots=1, leechers_slots=1)
    queue = Queue(rules, [], [Asker("busy")])
    assert [queue.free_for(each) for each in ("friends", "default", "leechers", "banned")] == [True, False, False, False]
    assert [Queue(rules, [], []).free_for(each) for each in ("friends", "default", "leechers", "banned")] == [True, True, True, False]


@pytest.mark.parametrize(("left", "rates", "size"), [(10**9, (None, None), 256 * 1024), (5, (None,), 5), (10**9, (80_000, None), 10_000)])
def test_capped_uploads_go_out_in_eighths_of_a_second(left: int, rates: tuple[float | None, ...], size: int) -> None:
    assert chunk(left, *rates) == size
    assert chunk(10**9, 8.0, 10**9) == 1024


def test_names_a_user_wants_kept_are_not_shared() -> None:
    assert not shareable("Cover.NFO", ["*.nfo"]) and not shareable("Private", ["private"]) and shareable("private song.mp3", ["private"])


def test_the_browse_message_is_byte_for_byte_what_the_library_would_send() -> None:
    from aioslsk.protocol.messages import PeerSharesReply
    from aioslsk.protocol.primitives import Attribute, DirectoryData, FileData

    one = Shared("@@abcde\\M\\Ärger.flac", "Ärger.flac", "/x", 2**33, ((1, 200), (4, 44100)))
    two = Shared("@@abcde\\M\\noext", "noext", "/x", 1, ())
    theirs = [
        DirectoryData(
            "@@abcde\\M",
            [FileData(1, each.name, each.size, each.extension, [Attribute(*pair) for pair in each.attributes]) for each in (one, two)],
        )
    ]
    data = browse_message([("@@abcde\\M", [one, two])], 1)
    found = PeerSharesReply.Request.deserialize(0, data)
    assert found.directories == theirs and found.locked_directories == []
    with pytest.raises(ValueError, match="number"):
        browse_message([], 1)
