"""What is shared, how it is found, and what it costs to answer with 100,000 files."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest
from soulseek_world import World, blob

from slskdn_tui.engine.soulseek.shares.index import ShareIndexer, ShareReader, _indexed, open_index


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"data of " + name.encode())


def index(tmp: Path, *roots: Path) -> tuple[ShareIndexer, ShareReader, sqlite3.Connection]:
    db = open_index(tmp / "profile" / "shares.db")
    return ShareIndexer(db, [str(each) for each in roots], hidden=[tmp / "profile"]), ShareReader(tmp / "profile" / "shares.db"), db


def test_hidden_and_incomplete_files_are_never_shared(tmp_path) -> None:
    root = tmp_path / "Music"
    make(
        root,
        "A/one.flac",
        ".hidden.flac",
        ".git/x.flac",
        "A/two.flac.part",
        "A/INCOMPLETE~three.mp3",
        "incomplete/four.mp3",
        "A/five.crdownload",
    )
    (root / "A" / "empty.flac").write_bytes(b"")
    (root / "A" / "link.flac").symlink_to("/etc/hostname")
    os.symlink("/etc", root / "etc")
    indexer, reader, _ = index(tmp_path, root)
    assert indexer.scan() == 1
    assert [each.name for each in reader.query("one")] == ["one.flac"]
    assert reader.totals() == (1, 1)


def test_the_profile_itself_is_not_shared_when_it_lies_in_a_shared_folder(tmp_path) -> None:
    make(tmp_path, "profile/incomplete-not/secret.flac", "Music/one.flac")
    indexer, reader, _ = index(tmp_path, tmp_path)
    assert indexer.scan() == 1 and reader.query("secret") == []


def test_caches_quarantine_and_partial_files_of_the_profile_are_not_shared_wherever_they_lie(tmp_path) -> None:
    make(
        tmp_path,
        "data/incomplete/a.flac",
        "data/quarantine/b.flac",
        "cache/chunks/c.flac",
        "state/d.flac",
        "config/e.flac",
        "Music/one.flac",
    )
    db = open_index(tmp_path / "data" / "shares.db")
    hidden = [tmp_path / name for name in ("data", "cache", "state", "config")]
    assert ShareIndexer(db, [str(tmp_path)], hidden).scan() == 1
    assert [each.name for each in ShareReader(tmp_path / "data" / "shares.db").query("flac")] == ["one.flac"]


def test_a_folder_of_the_caches_is_not_shared_though_the_settings_name_it_and_music_in_a_profile_is(tmp_path) -> None:
    make(tmp_path, "me/cache/chunks/a.flac", "me/data/incomplete/b.flac", "me/music/one.flac", "me/config.yaml")
    db = open_index(tmp_path / "me" / "data" / "shares.db")
    roots = [tmp_path / "me" / name for name in ("cache/chunks", "data/incomplete", "music", ".")]
    hidden = [tmp_path / "me" / name for name in ("data", "cache")]
    indexer = ShareIndexer(db, [str(each) for each in roots], hidden, passed=[tmp_path / "me"])
    assert indexer.scan() == 1
    assert [each.name for each in ShareReader(tmp_path / "me" / "data" / "shares.db").query("flac")] == ["one.flac"]


def test_a_pattern_that_is_added_takes_files_back(tmp_path) -> None:
    make(tmp_path, "Music/one.flac", "Music/two.nfo", "Music/Scans/three.jpg")
    db = open_index(tmp_path / "profile" / "shares.db")
    assert ShareIndexer(db, [str(tmp_path / "Music")]).scan() == 3
    assert ShareIndexer(db, [str(tmp_path / "Music")], exclude=["*.NFO", "scans"]).scan() == 1
    reader = ShareReader(tmp_path / "profile" / "shares.db")
    assert reader.query("three") == [] and reader.totals() == (1, 1)


def test_paths_are_stable_and_do_not_show_where_the_folder_lies(tmp_path) -> None:
    root = tmp_path / "deep" / "Music"
    make(root, "Band/tune.flac")
    indexer, reader, db = index(tmp_path, root)
    indexer.scan()
    first = reader.query("tune")[0].remote
    assert first.startswith("@@") and first[7:] == "\\Music\\Band\\tune.flac" and "deep" not in first
    indexer.scan()
    assert reader.query("tune")[0].remote == first
    reader.close()
    db.close()
    (tmp_path / "profile" / "shares.db").unlink()
    indexer, reader, _ = index(tmp_path, root)
    indexer.scan()
    assert reader.query("tune")[0].remote == first


def test_words_exclusions_and_word_ends(tmp_path) -> None:
    root = tmp_path / "Music"
    make(root, "AC-DC/High_Voltage/01 - It's a Long Way.mp3", "Die Ärzte/Männer sind Schweine (live).ogg", "Sigur Rós/( )/Untitled #1.flac")
    indexer, reader, _ = index(tmp_path, root)
    indexer.scan()

    def names(query: str) -> list[str]:
        return [each.name for each in reader.query(query)]

    assert names("ac/dc long VOLTAGE") == ["01 - It's a Long Way.mp3"]
    assert names("ärzte schweine") == ["Männer sind Schweine (live).ogg"]
    assert names("ärzte -live") == []
    assert names("*hweine") == ["Männer sind Schweine (live).ogg"]
    assert names("schwein") == []
    assert names("music rós untitled 1") == ["Untitled #1.flac"]
    assert names('" OR words : mp3 * ( -') == []
    assert names("--- ! ?") == []
    assert names("\U0001f600 𞤀𞤁") == []
    assert names("*e") == [] and names("*ne *ne *hwe *live") == [], "nearly everything is not looked for"


def test_changed_and_removed_files_are_noticed_and_unchanged_ones_not_read_again(tmp_path, monkeypatch) -> None:
    root = tmp_path / "Music"
    make(root, "a/one.flac", "a/two.flac", "b/three.flac")
    indexer, reader, _ = index(tmp_path, root)
    read: list[str] = []
    monkeypatch.setattr("slskdn_tui.engine.soulseek.shares.index.attributes_of", lambda path: read.append(os.path.basename(path)) or {})
    indexer.scan()
    assert sorted(read) == ["one.flac", "three.flac", "two.flac"]
    read.clear()
    (root / "a/one.flac").write_bytes(b"longer than it was before, by far")
    (root / "b/three.flac").unlink()
    assert indexer.scan() == 2
    assert read == ["one.flac"]
    assert reader.query("three") == [] and reader.folder(reader.query("one")[0].remote.rpartition("\\")[0]) is not None
    assert reader.totals() == (1, 2)
    assert reader.query("one")[0].size == 33


def test_a_damaged_index_is_made_anew(tmp_path) -> None:
    root = tmp_path / "Music"
    make(root, "one.flac")
    path = tmp_path / "profile" / "shares.db"
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    indexer, reader, _ = index(tmp_path, root)
    assert indexer.scan() == 1 and reader.query("one")


def test_a_name_that_is_not_text_is_shared_under_a_name_that_is(tmp_path) -> None:
    root = tmp_path / "Music"
    root.mkdir()
    raw = os.fsencode(root) + b"/caf\xe9 tune.flac"
    try:
        with open(raw, "wb") as handle:
            handle.write(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    indexer, reader, _ = index(tmp_path, root)
    assert indexer.scan() == 1
    found = reader.query("tune")[0]
    assert os.fsencode(found.local) == raw and found.remote.encode("utf-8") and found.name == "café tune.flac"
    assert reader.find(found.remote) == found


def test_names_that_are_one_to_others_or_a_folder_named_twice_keep_nothing_else_from_being_shared(tmp_path) -> None:
    root = tmp_path / "Music"
    make(root, "Band/a_b.flac", "Band/a\\b.flac", "Band/other.flac")
    db = open_index(tmp_path / "profile" / "shares.db")
    indexer = ShareIndexer(db, [str(root), f"{root}/", str(root / "Band" / "..")])
    for _ in range(2):  # the second time all are known
        assert indexer.scan() == 2
        assert sorted(each.name for each in ShareReader(tmp_path / "profile" / "shares.db").query("flac")) == ["a_b.flac", "other.flac"]


def test_a_damaged_file_keeps_no_other_from_being_shared(tmp_path) -> None:
    root = tmp_path / "Music"
    make(root, "Band/tune.flac")
    (root / "Band" / "cut.opus").write_bytes(b"OggS\0\2" + bytes(20) + b"\1\x0cOpusHead" + bytes(4))  # mutagen: struct.error
    indexer, reader, _ = index(tmp_path, root)
    assert indexer.scan() == 2 and len(reader.query("band tune")) == len(reader.query("band cut")) == 1


@pytest.fixture(scope="module")
def hundred_thousand(tmp_path_factory):
    """An index of 100,000 files as a scan would leave it, without the files."""
    tmp = tmp_path_factory.mktemp("large")
    path = tmp / "shares.db"
    db = open_index(path)
    db.execute("BEGIN")
    for number in range(100_000):
        folder = f"@@abcde\\Music\\Artist {number // 100}\\Album {number // 10}"
        if number % 10 == 0:
            db.execute("INSERT INTO folder (id, remote) VALUES (?, ?)", (number // 10 + 1, folder))
        remote = f"{folder}\\{number % 10:02} title{number}.flac"
        db.execute(
            "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, 0, 1, NULL, 200, NULL, 44100, 16)",
            (number + 1, remote, number // 10 + 1, remote.rpartition("\\")[2], b"/m/x", 30_000_000),
        )
        db.execute("INSERT INTO term (rowid, words, sdrow) VALUES (?, ?, ?)", (number + 1, *_indexed(remote)))
    db.execute("COMMIT")
    db.close()
    return path


def steps(reader: ShareReader, ask) -> tuple[int, int, object]:
    """(statements, thousands of SQLite virtual machine steps, answer)."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    reader._db.set_progress_handler(tick, 1000)
    before = reader.statements
    answer = ask()
    reader._db.set_progress_handler(None, 0)
    return reader.statements - before, count, answer


def test_every_share_question_is_one_or_two_indexed_statements_among_100_000_files(hundred_thousand) -> None:
    reader = ShareReader(hundred_thousand)
    one = "@@abcde\\Music\\Artist 500\\Album 5000\\03 title50003.flac"
    for ask, most, expected in (
        (lambda: reader.find(one) is not None, 1, True),
        (lambda: reader.find(one + "x"), 1, None),
        (lambda: len(reader.query("flac")), 1, 250),
        (lambda: len(reader.query("music flac", ["unspoken phrase"])), 1, 250),
        (lambda: len(reader.query("title50003")), 1, 1),
        (lambda: len(reader.query("artist 500 album 5000")), 1, 10),
        (lambda: len(reader.query("*tle50003")), 1, 1),
        (lambda: reader.query("nowhere"), 1, []),
        (lambda: len(reader.folder("@@abcde\\Music\\Artist 500\\Album 5000") or ()), 2, 10),
        (lambda: reader.folder("@@abcde\\Music\\Nobody"), 1, None),
    ):
        statements, thousands, answer = steps(reader, ask)
        assert answer == expected
        assert statements <= most
        assert thousands <= 60, "a scan of the table would be several hundred"
    plans = [row[3] for row in reader._db.execute("EXPLAIN QUERY PLAN SELECT * FROM file WHERE remote = 'x'").fetchall()]
    assert all("SCAN" not in plan for plan in plans)


def test_a_browse_reply_is_made_once_and_read_by_a_peer(in_world) -> None:
    async def story(world: World) -> None:
        up = await world.online("alice", 2, world.share("up", {"Band/tune.flac": blob(1000), "Band/two.flac": blob(500)}))
        down, third = await world.online("bob", 3), await world.online("carol", 4)
        made = 0
        make_reply = up._client.shares._make_browse_reply

        def counting() -> bytes:
            nonlocal made
            made += 1
            return make_reply()

        up._client.shares._make_browse_reply = counting
        for asker in (down, third):
            listed = await asker.people.browse("alice")
            assert [(each.path[7:], [file[0] for file in each.files]) for each in listed.folders] == [
                ("\\Music\\Band", ["tune.flac", "two.flac"])
            ]
        assert made == 1
        fourth = await world.online("dave", 5)
        files = await fourth.people.folder("alice", listed.folders[0].path)
        assert [(each.name, each.size) for each in files] == [("tune.flac", 1000), ("two.flac", 500)]
        assert up.shared == (1, 2)
        await world.server.until(lambda: world.server._stats_of("alice").shared_file_count == 2)

    in_world(story)


def test_a_new_file_is_found_after_a_rescan(in_world) -> None:
    async def story(world: World) -> None:
        folder = world.share("up", {"Band/old.flac": blob(10)})
        up = await world.online("alice", 2, folder)
        down = await world.online("bob", 3)
        assert await down.search("band fresh", wait_s=0.3) == ()
        (folder / "Band" / "fresh.flac").write_bytes(blob(2000))
        assert await up.rescan_shares() == 2
        assert (await world.find(down, "fresh")).size == 2000
        assert any(event == "soulseek.shares" for _, event, _ in world.events)
        await asyncio.sleep(0)

    in_world(story)
