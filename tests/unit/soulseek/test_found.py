"""What peers answer, at the door: bounded, and one answer a user."""

from __future__ import annotations

from aioslsk.protocol.primitives import Attribute, FileData
from aioslsk.search.model import SearchResult

from slskdn_tui.engine.soulseek.search.found import MAX_FILES, MAX_FILES_A_USER, Collection, found_file, search_reply


def data(name: str, size: int = 1000, **claims: int) -> FileData:
    keys = {"bitrate": 0, "seconds": 1, "rate": 4, "bits": 5}
    return FileData(1, name, size, name.rpartition(".")[2], [Attribute(keys[key], value) for key, value in claims.items()])


def result(user: str, count: int) -> SearchResult:
    return SearchResult(1, user, True, 1000, 0, [data(f"m\\{number}.mp3") for number in range(count)])


def test_a_user_gets_only_so_many_lines_and_only_one_answer() -> None:
    heard = []
    collection = Collection(500, heard.append)
    collection.add(result("ann", MAX_FILES_A_USER + 50))
    collection.add(result("ann", 5))
    (reply,) = collection.replies()
    assert len(reply.files) == MAX_FILES_A_USER and heard == [reply]


def test_it_is_full_by_users_or_by_files_and_then_hears_nothing() -> None:
    by_users = Collection(2)
    for name in ("ann", "bob", "cat"):
        by_users.add(result(name, 1))
    assert by_users.full.is_set() and [each.username for each in by_users.replies()] == ["ann", "bob"]
    by_files = Collection(5000)
    for number in range(2 * MAX_FILES // MAX_FILES_A_USER):
        by_files.add(result(f"user{number}", MAX_FILES_A_USER))
    assert by_files.full.is_set() and sum(len(each.files) for each in by_files.replies()) == MAX_FILES


def test_empty_files_endless_paths_and_mad_claims_are_left_out() -> None:
    assert found_file("u", data("a.mp3", 0)) is None and found_file("u", data("x" * 3000)) is None
    assert found_file("u", data("a\0b.mp3")) is None and found_file("u", data("a.mp3", 2**63)) is None
    file = found_file("u", data("m\\a.mp3", bitrate=320, seconds=2**31, rate=44100))
    assert file is not None and (file.bitrate, file.seconds, file.sample_rate) == (320, None, 44100)
    assert search_reply(SearchResult(1, "x" * 61, shared_items=[data("a.mp3")])) is None
    assert search_reply(SearchResult(1, "ann", shared_items=[data("a.mp3", 0)])) is None


def test_files_that_are_locked_cannot_be_had_and_are_left_out() -> None:
    mixed = SearchResult(1, "ann", shared_items=[data("a.mp3")], locked_results=[data("b.mp3")])
    reply = search_reply(mixed)
    assert reply is not None and [each.path for each in reply.files] == ["a.mp3"]
    assert search_reply(SearchResult(1, "ann", locked_results=[data("b.mp3")])) is None
