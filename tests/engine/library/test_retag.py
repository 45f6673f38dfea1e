"""A retag writes the fields asked for and nothing else, can be taken back, and touches no file outside the library."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, PRIV, TIT2, TRCK, TYER
from mutagen.oggvorbis import OggVorbis

from slskdn_tui.engine.library.fix.retag import Change, Retagger
from slskdn_tui.model.errors import UserError
from tests.fakes.region_files import FTYP, box, encoded

AT = "2026-11-26T08:00:00Z"
RECORDING = "44704dda-b877-4551-a2a8-c1f764476e65"
WANTED = {"title": "Un Jour – 日", "tracknumber": "7", "musicbrainz_trackid": RECORDING}


def flac(path: Path) -> None:
    path.write_bytes(encoded("flac"))
    file = FLAC(path)
    file["title"], file["tracknumber"], file["genre"], file["replaygain_track_gain"] = ["Old"], ["3/11"], ["A", "B"], ["-3 dB"]
    picture = Picture()
    picture.data, picture.mime = b"\x89PNG" + bytes(5000), "image/png"
    file.add_picture(picture)
    file.save()


def mp3(path: Path, version: int = 3) -> None:
    path.write_bytes(encoded("mp3"))
    tags: Any = ID3()
    for frame in (
        TIT2(encoding=1, text=["Old"]),
        TRCK(encoding=0, text=["3/11"]),
        COMM(encoding=1, lang="eng", desc="", text=["mine"]),
        APIC(encoding=0, mime="image/png", type=3, desc="", data=bytes(3000)),
        PRIV(owner="x", data=b"y"),
    ):
        tags.add(frame)
    if version == 3:
        tags.add(TYER(encoding=0, text=["1999"]))
    tags.save(path, v2_version=version)
    with path.open("ab") as out:
        out.write(b"TAG" + b"Old".ljust(30, b"\0") + bytes(64) + b"only in v1".ljust(30, b"\0") + b"\x11")


def ogg(path: Path) -> None:
    import numpy
    import soundfile

    soundfile.write(path, numpy.random.default_rng(1).uniform(-0.4, 0.4, (22_050, 2)), 44_100)
    file = OggVorbis(path)
    file["title"], file["tracknumber"], file["genre"] = ["Old"], ["3/11"], ["A", "B"]
    file.save()


MAKERS: dict[str, Callable[[Path], None]] = {"flac": flac, "mp3": mp3, "ogg": ogg}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "music" / "Plone").mkdir(parents=True)
    return tmp_path / "music"


def retagger(root: Path) -> Retagger:
    return Retagger([root], root.parent / "retags")


def tags_of(path: Path) -> dict[str, str]:
    if path.suffix == ".mp3":
        return {key: repr(frame) for key, frame in ID3(path, translate=False).items()}
    return {key: repr(value) for key, value in (mutagen.File(path).tags or {}).items()}


@pytest.mark.parametrize("kind", MAKERS)
def test_the_fields_asked_for_are_written_and_all_else_stays_and_it_can_be_taken_back(root: Path, kind: str) -> None:
    path = root / "Plone" / f"a.{kind}"
    MAKERS[kind](path)
    path.chmod(0o640)
    before, tags, names = path.read_bytes(), retagger(root), tags_of(path)
    seen = tags.preview(str(path), WANTED)
    assert [(each.field, each.old, each.new) for each in seen] == [
        ("title", ("Old",), ("Un Jour – 日",)),
        ("tracknumber", ("3/11",), ("7/11",)),
        ("musicbrainz_trackid", (), (RECORDING,)),
    ]
    assert path.read_bytes() == before, "a preview writes nothing"
    made = tags.apply(str(path), WANTED, "aaaa", AT)
    assert made is not None and made.changes == seen and tags.preview(str(path), WANTED) == ()
    after = tags_of(path)
    changed = {key for key in names | after if names.get(key) != after.get(key)}
    assert len(changed) == 3 and path.stat().st_mode & 0o777 == 0o640
    if kind == "flac":
        assert len(FLAC(path).pictures[0].data) == 5004
    if kind == "mp3":
        assert path.read_bytes()[-128:] == before[-128:] and ID3(path, translate=False).version == (2, 3, 0)
    assert tags.apply(str(path), WANTED, "bbbb", AT) is None
    _, left = tags.undo("last")
    assert left == () and tags_of(path) == names and tags.entries() == []
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_mp3_without_any_tag_gets_one_and_loses_it_no_more_than_asked(root: Path) -> None:
    path = root / "a.mp3"
    path.write_bytes(encoded("mp3"))
    tags = retagger(root)
    assert tags.apply(str(path), {"title": "x", "date": "1999"}, "aaaa", AT)
    assert ID3(path)["TIT2"].text == ["x"] and path.read_bytes().endswith(encoded("mp3"))
    tags.undo("aaaa")
    assert not ID3(path).keys()


def tagged_m4a(audio: bytes) -> bytes:
    """The audio behind a `moov` whose chunk offset points at it, with a title."""

    def moov(offset: int) -> bytes:
        stco = box(b"stco", bytes(4), (1).to_bytes(4, "big"), offset.to_bytes(4, "big"))
        header = box(b"mdhd", bytes(12), (1000).to_bytes(4, "big"), (2500).to_bytes(4, "big"))
        sound = box(b"mdia", header, box(b"hdlr", bytes(8), b"soun", bytes(12)), box(b"minf", box(b"stbl", stco)))
        title = box(b"\xa9nam", box(b"data", (1).to_bytes(4, "big"), bytes(4), b"Old"))
        number = box(b"trkn", box(b"data", bytes(4), bytes(4), bytes([0, 0, 0, 3, 0, 11, 0, 0])))
        genre = box(b"\xa9gen", box(b"data", (1).to_bytes(4, "big"), bytes(4), b"A"))
        meta = box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"mdirappl", bytes(9)), box(b"ilst", title, number, genre))
        return box(b"moov", box(b"trak", sound), box(b"udta", meta))

    return FTYP + moov(len(FTYP) + len(moov(0)) + 8) + box(b"mdat", audio)


def test_an_m4a_keeps_its_audio_where_its_table_says(root: Path) -> None:
    path, audio = root / "a.m4a", bytes(range(256)) * 40
    path.write_bytes(tagged_m4a(audio))
    tags, names = retagger(root), tags_of(path)
    made = tags.apply(str(path), WANTED, "aaaa", AT)
    assert made is not None and [each.old for each in made.changes] == [("Old",), ("3/11",), ()]
    data = path.read_bytes()
    table = data.index(b"stco") + 12
    assert data[int.from_bytes(data[table : table + 4], "big") :] == audio
    assert tags.undo("aaaa")[1] == () and tags_of(path) == names


def test_undoing_leaves_what_was_changed_since(root: Path) -> None:
    path = root / "Plone" / "a.flac"
    flac(path)
    tags = retagger(root)
    tags.apply(str(path), WANTED, "aaaa", AT)
    file = FLAC(path)
    file["title"] = ["By hand"]
    file.save()
    _, left = tags.undo("aaaa")
    assert left == ("title",)
    assert (FLAC(path)["title"], FLAC(path)["tracknumber"]) == (["By hand"], ["3/11"]) and "musicbrainz_trackid" not in FLAC(path)


@pytest.mark.parametrize("at", ["replace", "fsync"])
def test_killed_before_the_exchange_the_old_file_stands_and_the_next_try_works(
    root: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    path = root / "Plone" / "a.flac"
    flac(path)
    before, tags = path.read_bytes(), retagger(root)
    real = getattr(os, at)

    class Killed(BaseException):
        pass

    def kill(*args: Any, **more: Any) -> Any:
        if more or (at == "fsync" and "retag-" in os.readlink(f"/proc/self/fd/{args[0]}")):
            raise Killed
        return real(*args, **more)

    monkeypatch.setattr(os, at, kill)
    with pytest.raises(Killed):
        tags.apply(str(path), WANTED, "aaaa", AT)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert tags.apply(str(path), WANTED, "bbbb", AT) is not None
    tags.undo("aaaa")
    assert FLAC(path)["title"] == ["Old"], "the journal of the killed one holds what was there before"


def test_outside_the_library_or_behind_a_link_nothing_is_written(root: Path, tmp_path: Path) -> None:
    flac(tmp_path / "mine.flac")
    (root / "link.flac").symlink_to(tmp_path / "mine.flac")
    (root / "way").symlink_to(tmp_path)
    before = (tmp_path / "mine.flac").read_bytes()
    for path in (tmp_path / "mine.flac", root / "link.flac", root / "way" / "mine.flac"):
        with pytest.raises(UserError):
            retagger(root).apply(str(path), WANTED, "aaaa", AT)
    assert (tmp_path / "mine.flac").read_bytes() == before


@pytest.mark.parametrize(
    "fields",
    [{"comment": "x"}, {"tracknumber": "x"}, {"musicbrainz_trackid": "x"}, {"title": "a\nb"}, {"title": ""}, {"title": "x" * 1001}],
)
def test_values_no_field_can_hold_are_refused(root: Path, fields: dict[str, str]) -> None:
    flac(root / "a.flac")
    with pytest.raises(UserError) as caught:
        retagger(root).preview(str(root / "a.flac"), fields)
    assert caught.value.code == "usage"


@pytest.mark.parametrize(
    "content", [b"", b"fLaC" + bytes(40), b"ID3\x03\0\0\0\0\x0f\x7f", b"RIFF" * 40], ids=["empty", "flac", "id3", "riff"]
)
@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.ogg", "a.wav"])
def test_a_broken_file_stays_as_it_is(root: Path, name: str, content: bytes) -> None:
    path = root / name
    path.write_bytes(content)
    with pytest.raises(UserError):
        retagger(root).apply(str(path), {"title": "x"}, "aaaa", AT)
    assert path.read_bytes() == content and [each.name for each in root.iterdir() if each.is_file()] == [name]


@pytest.mark.parametrize(
    ("old", "new"),
    [("\u00b2/9", "7/9"), ("0" * 5000 + "8/9", "7/9"), ("07/9", "07/9"), ("/9", "7/9")],
    ids=["raised", "long", "same", "none"],
)
def test_a_track_number_that_is_none_is_written_over_and_its_total_stays(root: Path, old: str, new: str) -> None:
    flac(root / "a.flac")
    file = FLAC(root / "a.flac")
    file["tracknumber"] = [old]
    file.save()
    changes = retagger(root).preview(str(root / "a.flac"), {"tracknumber": "7"})
    assert [change.new for change in changes] == ([(new,)] if old != new else [])


def test_a_value_that_is_there_as_it_is_wanted_changes_nothing(root: Path) -> None:
    flac(root / "a.flac")
    assert retagger(root).preview(str(root / "a.flac"), {"tracknumber": "3", "title": "Old"}) == ()
    assert retagger(root).preview(str(root / "a.flac"), {"title": "New"}) == (Change("title", ("Old",), ("New",)),)
