"""Answers as folders: grouped, filtered, in order."""

from __future__ import annotations

from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.filters import parse
from slskdn_tui.model.folders import folders_of, in_order


def reply(user: str, *paths: str, free: bool = True, queue: int = 0, speed: int = 1000) -> SearchReply:
    files = tuple(FoundFile(user, path, 1000 + number, path[-4:].lstrip("."), bitrate=320) for number, path in enumerate(paths))
    return SearchReply(user, free, speed, queue, files)


def test_both_separators_make_folders_and_files_keep_their_order() -> None:
    found = folders_of(reply("bob", "a\\X\\2.mp3", "a\\X\\1.mp3", "b/Y/1.mp3", "loose.mp3"))
    assert [(each.folder, [file.name for file in each.files]) for each in found] == [
        ("a\\X", ["1.mp3", "2.mp3"]),
        ("b/Y", ["1.mp3"]),
        ("", ["loose.mp3"]),
    ]
    assert found[0].size == 2001 and found[0].format == "MP3 320"


def test_a_filter_leaves_what_passes_and_no_empty_folder() -> None:
    found = folders_of(reply("bob", "a\\X\\1.mp3", "a\\X\\2.flac", "a\\Y\\3.mp3"), parse("ext:flac"))
    assert [(each.folder, len(each.files)) for each in found] == [("a\\X", 1)]


def test_a_discs_folder_is_named_with_its_album() -> None:
    (disc,) = folders_of(reply("bob", "Music\\Album\\CD 2\\1.mp3"))
    (album,) = folders_of(reply("bob", "Music\\Album\\1.mp3"))
    assert (disc.title, album.title) == ("Album / CD 2", "Album")


def test_the_best_comes_first_and_every_key_sorts() -> None:
    replies = (
        reply("ann", "x\\A\\1.mp3", free=False, queue=30, speed=5_000_000),
        reply("bob", "x\\B\\1.flac", speed=10),
        reply("cat", "x\\C\\1.mp3", speed=500),
    )
    folders = [folder for each in replies for folder in folders_of(each)]

    def users(sort: str, descending: bool = False) -> list[str]:
        return [folder.reply.username for folder in in_order(folders, sort, descending)]

    assert users("") == users("no such key") == ["bob", "cat", "ann"]
    assert users("quality", True)[0] == "bob" and users("speed", True) == ["ann", "cat", "bob"]
    assert users("title") == ["ann", "bob", "cat"] and users("title", True) == ["cat", "bob", "ann"]
    assert users("queue")[-1] == "ann"
