"""Where files land: names that attack a file system, templates that would lose tracks, collisions."""

import errno
import os
import shutil
import string
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.config.settings import Downloads
from slskdn_tui.engine.jobs.placing import place as place_module
from slskdn_tui.engine.jobs.placing.place import file_blake3, place
from slskdn_tui.engine.jobs.placing.placement import check_downloads, fill_in, relative_path, safe_name
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText


def job(*tracks: Track, title: str = "Loveless", artist: str = "My Bloody Valentine", discs: int = 1, **more: object) -> JobRecord:
    release = Release(
        "m", "g", SafeText(title), SafeText(artist), "a", "1991-11-04", "GB", "Official", SafeText("Creation"), ("CD",), discs, tracks
    )
    return JobRecord("0f4de638-56f3-4a0f-b8fa-64f85c6b6a8f", str(more.get("type", JobType.RELEASE)), release)


def track(title: str = "Loomer", number: int = 2, disc: int = 1, position: int | None = None) -> Track:
    return Track(position or number, disc, number, "r", SafeText(title), SafeText("MBV"), 178000)


def extra(title: str, position: int, disc: int = 0) -> Track:
    return Track(position, disc, 0, "", SafeText(title), SafeText("MBV"), None, optional=True)


def paths(record: JobRecord, settings: Downloads | None = None, ext: str = ".flac") -> list[str]:
    return [
        relative_path(
            record, settings or Downloads(), each.position, "." + each.title.rsplit(".", 1)[-1].lower() if "." in each.title else ext
        )
        for each in record.release.tracks
    ]


def test_the_default_template_makes_artist_album_year_and_numbered_titles():
    assert paths(job(track())) == ["My Bloody Valentine/Loveless (1991)/02 Loomer.flac"]
    assert paths(job(track(disc=2), discs=2)) == ["My Bloody Valentine/Loveless (1991)/CD 2/02 Loomer.flac"]


def test_the_covers_of_two_discs_and_of_the_album_get_three_places():
    covers = (extra("cover.jpg", 3), extra("cover.jpg", 4, disc=1), extra("Cover.JPG", 5, disc=2))
    album = "My Bloody Valentine/Loveless (1991)"
    made = paths(job(track(), track(disc=2, position=9), *covers, discs=2))
    assert made[2:] == [f"{album}/cover.jpg", f"{album}/CD 1/cover.jpg", f"{album}/CD 2/Cover.jpg"]
    flat = Downloads(extras_template="{album}/{name}{ext}", template="{album}/{track:02} {title}{ext}")
    made = paths(job(track(), track(disc=2, position=9), *covers, discs=2), flat)
    assert made == [
        "Loveless/02 Loomer.flac", "Loveless/02 Loomer (2).flac",
        "Loveless/cover.jpg", "Loveless/cover (2).jpg", "Loveless/Cover (3).jpg",
    ]  # fmt: skip


def test_a_name_that_looks_numbered_already_is_not_given_twice():
    flat = Downloads(extras_template="{name}{ext}")
    made = paths(job(extra("a (2).jpg", 1), extra("a.jpg", 2), extra("a.jpg", 3), extra("a.png", 4), extra("a.jpg", 5)), flat)
    assert made == ["a (2).jpg", "a.jpg", "a (3).jpg", "a.png", "a (4).jpg"]


def test_files_of_a_user_keep_the_tree_below_the_folder_asked_for():
    files = (track("01 Song.flac", 1), track("CD1/01 Song.flac", 2), track("../../x/evil.sh", 3), track("README", 4))
    record = job(*files, title="Album", artist="dj kode", type=JobType.FILES)
    made = [relative_path(record, Downloads(), n, ext) for n, ext in ((1, ".flac"), (2, ".flac"), (3, ".sh"), (4, ""))]
    assert made == ["dj kode/Album/01 Song.flac", "dj kode/Album/CD1/01 Song.flac", "dj kode/Album/_/_/x/evil.sh", "dj kode/Album/README"]


def test_changed_settings_do_not_split_a_job_that_began():
    record = job(track())
    fill_in(record, Downloads(folder="/a", destinations={"vinyl": "/v"}))
    assert record.folder == "/a" and paths(record, Downloads(template="{track}{ext}")) == [
        "My Bloody Valentine/Loveless (1991)/02 Loomer.flac"
    ]
    named = job(track())
    named.details["destination"] = "vinyl"
    fill_in(named, Downloads(destinations={"vinyl": "/v"}))
    assert named.folder == "/v"
    named.folder, named.details["destination"] = "", "tape"
    with pytest.raises(UserError, match="vinyl"):
        fill_in(named, Downloads(destinations={"vinyl": "/v"}))


@given(st.text(max_size=600), st.text(max_size=400), st.booleans())
def test_no_name_leaves_the_folder_or_is_refused_by_a_file_system(title, artist, optional):
    every = {JobType.RELEASE: 3, JobType.FILES: None}
    for kind, depth in every.items():
        each = Track(1, 1, 1, "", SafeText(title), SafeText(""), None, optional)
        path = relative_path(job(each, title=title, artist=artist, type=kind), Downloads(), 1, ".flac")
        parts = path.split("/")
        assert depth is None or len(parts) == depth
        for part in parts:
            assert part not in ("", ".", "..") and not part.startswith(".") and len(part.encode()) <= 255
            assert not set(part) & set('\\:*?"<>|\x00') and part == part.rstrip(". ")
            assert all(unicodedata.category(char) not in ("Cc", "Cs") for char in part)


@pytest.mark.parametrize("name", ["CON", "nul.txt", "..", ".", "", " . ", "a/../b", "x\x1b]52;c;AA\x07"])
def test_reserved_and_hostile_names_become_harmless(name):
    made = safe_name(name)
    assert made not in ("", ".", "..") and "/" not in made and "\x1b" not in made
    assert made.lower() not in ("con", "nul", "nul.txt")


@pytest.mark.parametrize(
    ("key", "template"),
    [
        *(
            ("template", each)
            for each in ("{nope}{track}{ext}", "/abs/{track}{ext}", "{track} {title}", "../{track}{ext}", "{track}{ext}{")
        ),
        *(("template", each) for each in ("{artist}{ext}", "{ext}/{track}{ext}", "{track:x}{ext}", "{title!r}{ext}", "~/{track}{ext}")),
        *(("extras_template", each) for each in ("{album}{ext}", "{name}", "{track}{ext}", "a/../{name}{ext}")),
        *(("files_template", each) for each in ("{user}{ext}", "{artist}/{name}{ext}", "/{name}{ext}")),
    ],
)
def test_a_template_that_would_lose_files_is_refused_with_what_to_do(key, template):
    with pytest.raises(UserError) as caught:
        check_downloads(Downloads(**{key: template}))
    assert caught.value.code == "config" and caught.value.hint and f"downloads.{key}" in caught.value.message


def test_collisions_follow_the_policy_and_nothing_is_overwritten_unasked(tmp_path: Path):
    folder, parts = tmp_path / "out", tmp_path / "parts"
    folder.mkdir(), parts.mkdir()

    def put(text: str, policy: str):
        source = parts / "x.part"
        source.write_text(text)
        return place(source, folder, "a/b.flac", policy, file_blake3(source))

    assert put("one", "rename").path == folder / "a/b.flac"
    assert put("one", "rename").note == "already there"
    assert put("two", "rename").path == folder / "a/b (2).flac"
    assert put("three", "skip").note == "kept the existing file"
    assert (folder / "a/b.flac").read_text() == "one"
    assert put("four", "overwrite").path.read_text() == "four"
    assert list(parts.iterdir()) == []


def test_files_that_begin_alike_are_copied_to_another_disk_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        folder = Path(other)
        texts = {f"{'Johann Sebastian Bach - The Well-Tempered Clavier ' * 3}{n}.flac": f"prelude {n}" * 9 for n in (1, 2)}
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        names, copy = list(texts), shutil.copyfileobj

        def put(name: str) -> Path:
            return place(tmp_path / name, folder, name, "rename", file_blake3(tmp_path / name)).path

        def while_the_other_is_copied(reader: Any, writer: Any, length: int) -> None:
            monkeypatch.setattr(shutil, "copyfileobj", copy)
            put(names[1])
            copy(reader, writer, length)

        monkeypatch.setattr(shutil, "copyfileobj", while_the_other_is_copied)
        put(names[0])
        assert {path.name: path.read_text() for path in folder.iterdir()} == texts
        assert list(tmp_path.iterdir()) == []


def test_a_symlink_that_leads_out_of_the_folder_is_refused(tmp_path: Path):
    folder, outside = tmp_path / "out", tmp_path / "outside"
    folder.mkdir(), outside.mkdir()
    (folder / "a").symlink_to(outside)
    source = tmp_path / "x.part"
    source.write_text("data")
    with pytest.raises(UserError, match="leads outside"):
        place(source, folder, "a/b.flac", "rename", file_blake3(source))
    assert source.exists() and list(outside.iterdir()) == []


def test_a_file_from_another_disk_comes_whole_or_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        source, music = Path(other) / "001-9.part", tmp_path / "music"
        source.write_bytes(b"whole" * 1000)

        def full(reader, writer, length):
            writer.write(reader.read(100))
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch, pytest.raises(UserError, match="No space left"):
            patch.setattr(place_module.shutil, "copyfileobj", full)
            place(source, music, "Plone/01.flac", "rename", file_blake3(source))
        assert source.exists() and [path for path in music.rglob("*") if path.is_file()] == []
        placed = place(source, music, "Plone/01.flac", "rename", file_blake3(source))
        assert placed.path.read_bytes() == b"whole" * 1000 and not source.exists()
        assert [path for path in music.rglob("*") if path.is_file()] == [music / "Plone" / "01.flac"]


def test_every_printable_ascii_name_survives_readably():
    assert safe_name("Sigur Rós – ( )") == "Sigur Rós – ( )"
    assert safe_name(string.ascii_letters) == string.ascii_letters
