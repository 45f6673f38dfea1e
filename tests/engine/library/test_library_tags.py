"""Tags are read from every common container, and hostile ones are refused within bounds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy
import pytest
import soundfile
from mutagen.id3 import ID3, TALB, TIT2, TPE1, TPOS, TRCK, TXXX, UFID
from mutagen.oggvorbis import OggVorbis

from slskdn_tui.engine.library import tags as tags_module
from slskdn_tui.engine.library.tags import Tags, read_tags
from slskdn_tui.lab import data
from slskdn_tui.lab.album import make_album

RECORDING = "44704dda-b877-4551-a2a8-c1f764476e65"
RELEASE = data.DEMO_RELEASE


def read(path: Path) -> Tags:
    fd = os.open(path, os.O_RDONLY)
    try:
        return read_tags(fd, path.name)
    finally:
        os.close(fd)


def noise(path: Path) -> Path:
    soundfile.write(path, numpy.random.default_rng(1).uniform(-0.5, 0.5, (44_100, 2)), 44_100)
    return path


def test_flac(tmp_path: Path) -> None:
    path = make_album(tmp_path, data.demo_release(), seconds=0.5)[0]
    tags = read(path)
    assert (tags.said.recording, tags.said.release, tags.said.title, tags.said.artist, tags.said.album) == (
        RECORDING,
        RELEASE,
        "On My Bus",
        "Plone",
        "For Beginner Piano",
    )
    assert (tags.said.track, tags.said.disc, tags.facts.codec, tags.facts.codec_profile) == (1, 1, "FLAC", "FLAC-16bit-44100Hz-2ch")
    assert bytes.fromhex(tags.streaminfo) == path.read_bytes()[8:42] and tags.facts.duration_ms


def test_mp3(tmp_path: Path) -> None:
    path = noise(tmp_path / "a.mp3")
    id3 = ID3()
    for frame in (
        UFID(owner="http://musicbrainz.org", data=RECORDING.encode()),
        TXXX(encoding=3, desc="MusicBrainz Album Id", text=[RELEASE]),
        TIT2(encoding=3, text=["On My Bus\x1b[2J"]),
        TPE1(encoding=3, text=["Plone"]),
        TALB(encoding=3, text=["For Beginner Piano"]),
        TRCK(encoding=3, text=["3/10"]),
        TPOS(encoding=3, text=["1"]),
    ):
        id3.add(frame)
    id3.save(path)
    tags = read(path)
    assert (tags.said.recording, tags.said.release, tags.said.track, tags.said.disc, tags.said.artist) == (
        RECORDING,
        RELEASE,
        3,
        1,
        "Plone",
    )
    assert tags.said.title.startswith("On My Bus") and "\x1b" not in tags.said.title
    assert tags.facts.codec == "MP3" and tags.facts.codec_profile.endswith("44100Hz-2ch") and 900 < (tags.facts.duration_ms or 0) < 1200


def test_ogg(tmp_path: Path) -> None:
    path = noise(tmp_path / "a.ogg")
    ogg = OggVorbis(path)
    ogg["musicbrainz_trackid"], ogg["title"], ogg["tracknumber"] = RECORDING.upper(), "On My Bus", "x"
    ogg.save()
    tags = read(path)
    assert (tags.said.recording, tags.said.title, tags.said.track, tags.facts.codec) == (RECORDING, "On My Bus", None, "Vorbis")


def test_m4a(tmp_path: Path) -> None:
    def atom(name: bytes, body: bytes) -> bytes:
        return (len(body) + 8).to_bytes(4, "big") + name + body

    def item(name: bytes, kind: int, value: bytes) -> bytes:
        return atom(name, atom(b"data", kind.to_bytes(4, "big") + bytes(4) + value))

    def own(name: bytes, value: bytes) -> bytes:
        label = atom(b"mean", bytes(4) + b"com.apple.iTunes") + atom(b"name", bytes(4) + name)
        return atom(b"----", label + atom(b"data", (1).to_bytes(4, "big") + bytes(4) + value))

    items = (
        item(b"\xa9nam", 1, b"On My Bus")
        + item(b"trkn", 0, bytes([0, 0, 0, 4, 0, 10, 0, 0]))
        + own(b"MusicBrainz Track Id", RECORDING.encode())
    )
    header = bytes(4) + bytes(4) + bytes(4) + (1000).to_bytes(4, "big") + (2500).to_bytes(4, "big")
    sound = atom(b"mdhd", header) + atom(b"hdlr", bytes(8) + b"soun" + bytes(12)) + atom(b"minf", b"")
    meta = atom(b"meta", bytes(4) + atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9)) + atom(b"ilst", items))
    moov = atom(b"moov", atom(b"trak", atom(b"mdia", sound)) + atom(b"udta", meta))
    path = tmp_path / "a.m4a"
    path.write_bytes(atom(b"ftyp", b"M4A \0\0\0\0M4A mp42isom") + moov)
    tags = read(path)
    assert (tags.said.recording, tags.said.title, tags.said.track, tags.facts.duration_ms, tags.facts.codec) == (
        RECORDING,
        "On My Bus",
        4,
        2500,
        "AAC",
    )


def test_an_id_that_is_none_is_not_taken(tmp_path: Path) -> None:
    path = noise(tmp_path / "a.ogg")
    ogg = OggVorbis(path)
    ogg["musicbrainz_trackid"] = "../../etc/passwd"
    ogg.save()
    assert read(path).said.recording == ""


def test_tags_larger_than_any_real_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_album(tmp_path, data.load("the_love_bug")[0], seconds=0.5)[0]
    assert read(path).said.recording
    monkeypatch.setattr(tags_module, "MOST_READ", 500)
    with pytest.raises(ValueError, match="larger"):
        read(path)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"fLaC", b"ID3" + bytes(100), b"OggS" + bytes(100), b"\0\0\0\x20ftypM4A " + b"\xff" * 100, b"RIFF" * 40]
)
@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.m4a", "a.ogg", "a.ape"])
def test_broken_files_are_a_value_error_or_untagged(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        tags = read(path)
    except ValueError:
        return
    assert not tags.said.recording
