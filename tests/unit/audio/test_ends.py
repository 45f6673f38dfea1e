"""Files that are cut short or not what they are called, found from their two ends; whole ones are left alone."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TIT2

from slskdn_tui.engine.audio.ends.damage import MOST_READ, Damage, Unjudged
from slskdn_tui.engine.audio.ends.flac import crc8, crc16
from slskdn_tui.engine.audio.ends.look import look
from tests.fakes.sound_files import cut, spoil, write


def seen(path: Path) -> Damage | str | None:
    """What is found, "unjudged" for nothing to be said; at most 70 KB are read."""
    used = 0
    with path.open("rb") as file:

        def read(offset: int, length: int) -> bytes:
            nonlocal used
            file.seek(offset)
            data = file.read(length)
            used += len(data)
            return data

        try:
            return look(read, path.stat().st_size, path.name)
        except Unjudged:
            return "unjudged"
        finally:
            assert used <= MOST_READ <= 70_000


def damage(path: Path) -> Damage:
    found = seen(path)
    assert isinstance(found, Damage), found
    return found


def picture(path: Path, size: int) -> None:
    """A large cover in front of the audio."""
    if path.suffix == ".flac":
        file = FLAC(path)
        cover = Picture()
        cover.data = b"\xff\xf8" * (size // 2)
        file.add_picture(cover)
        file.save()
    else:
        tags = ID3()
        tags.add(TIT2(encoding=3, text="x"))
        tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=b"\xff\xfb" * (size // 2)))
        tags.save(path)


FORMATS = [("a.flac", None), ("a.flac", "PCM_24"), ("a.mp3", None), ("a.ogg", None), ("a.opus", "OPUS"), ("a.wav", None), ("a.aiff", None)]


@pytest.mark.parametrize(("name", "subtype"), FORMATS)
def test_a_file_cut_anywhere_is_found_and_the_whole_one_is_not_accused(name: str, subtype: str | None, tmp_path: Path) -> None:
    rate = 48_000 if name.endswith("opus") else 44_100
    whole = write(tmp_path / name, 4.0, rate=rate, subtype=subtype)
    assert seen(whole) is None
    data = whole.read_bytes()
    for share in (0.01, 0.5, 0.99):
        whole.write_bytes(data)
        assert damage(cut(whole, share)).code in ("truncated", "damaged"), share
    for missing in (*range(1, 12), 127, 128, 129, 1000, 2345):
        if name.endswith(("wav", "aiff")) and missing == 1:
            continue  # a pad byte that is not there is common
        whole.write_bytes(data[:-missing])
        assert seen(whole), missing


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_tags_of_any_size_around_the_audio_are_neither_read_nor_taken_for_damage(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name)
    picture(path, 3_000_000)
    assert seen(path) is None
    bare = path.read_bytes()
    ape = bytes(1968) + b"APETAGEX" + b"".join(number.to_bytes(4, "little") for number in (2000, 2000, 1, 0)) + bytes(8)
    for behind in (b"TAG" + bytes(125), bytes(5000), ape):
        path.write_bytes(bare + behind)
        assert seen(path) is None, behind[:8]
    path.write_bytes(bare)
    for share in (0.3, 0.97, 0.999):
        path.write_bytes(bare)
        assert damage(cut(path, share))


def test_a_front_tag_does_not_hide_a_flac(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac")
    tags = ID3()
    tags.add(TIT2(encoding=3, text="x"))
    tags.save(path)
    assert path.read_bytes()[:3] == b"ID3" and seen(path) is None and damage(cut(path, 0.9)).code == "truncated"


def test_an_mp3_called_flac_an_empty_file_and_a_file_of_zeros_are_named(tmp_path: Path) -> None:
    mp3 = write(tmp_path / "a.mp3").rename(tmp_path / "a.flac")
    assert damage(mp3).words == "content: it is MP3, expected FLAC"
    empty = tmp_path / "b.mp3"
    empty.touch()
    assert damage(empty).code == "empty"
    for name in ("c.flac", "c.mp3"):
        (tmp_path / name).write_bytes(bytes(100_000))
        assert damage(tmp_path / name).code == "damaged"
    assert damage(write(tmp_path / "d.flac").rename(tmp_path / "d.mp3")).code == "wrong_name"


def test_a_tail_of_zeros_as_an_aborted_download_leaves_it_is_found(tmp_path: Path) -> None:
    path = spoil(write(tmp_path / "a.flac"), 0.8, 1 << 20, zero=True)
    found = damage(path)
    assert found.code == "truncated" and "expected sample 132300" in found.words


def test_a_spoilt_last_frame_or_header_is_found(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.flac").read_bytes()
    path = tmp_path / "b.flac"
    path.write_bytes(whole)
    assert "checksum" in damage(spoil(path, 1 - 50 / len(whole))).words
    path.write_bytes(whole[:12] + bytes(30) + whole[42:])
    assert damage(path).what == "header"


def test_frames_larger_than_the_window_are_not_judged_and_a_format_that_says_nothing_neither(tmp_path: Path) -> None:
    raw = bytearray(write(tmp_path / "a.flac").read_bytes())
    raw[12:18] = b"\0\0\0" + (1 << 20).to_bytes(3, "big")  # STREAMINFO: frames up to 1 MiB
    path = tmp_path / "b.flac"
    path.write_bytes(bytes(raw[:9000]) + b"\x55" * 200_000)
    assert seen(path) == "unjudged"
    (tmp_path / "a.ape").write_bytes(b"MAC \x96\x0f" + bytes(5000))
    assert seen(tmp_path / "a.ape") == "unjudged"


def test_blocks_of_several_lengths_numbered_as_if_they_had_one_are_not_accused(tmp_path: Path) -> None:
    raw = bytearray(write(tmp_path / "a.flac").read_bytes())
    raw[8:10] = (16).to_bytes(2, "big")  # STREAMINFO: blocks from 16 samples on
    path = tmp_path / "b.flac"
    path.write_bytes(raw)
    assert seen(path) is None and damage(cut(path, 0.9))


def test_the_checksums_are_the_standards() -> None:
    assert crc8(b"123456789") == 0xF4 and crc16(b"123456789") == 0xFEE8


@pytest.mark.interop
def test_files_of_other_programs_are_whole_to_us_and_cut_ones_are_not(tmp_path: Path) -> None:
    wav = write(tmp_path / "a.wav", 5.0)
    made = {
        "flac8.flac": ["flac", "-s", "-8", wav, "-o"],
        "flac0.flac": ["flac", "-s", "-0", "--lax", "--blocksize=16384", wav, "-o"],
        "ff.flac": ["ffmpeg", "-v", "error", "-i", wav],
        "cbr.mp3": ["lame", "--quiet", "-b", "320", wav],
        "vbr.mp3": ["lame", "--quiet", "-V0", "--add-id3v2", "--tt", "x", wav],
        "abr.mp3": ["lame", "--quiet", "--abr", "150", "-m", "m", "--resample", "22.05", "--id3v1-only", "--tt", "x", wav],
        "ff.mp3": ["ffmpeg", "-v", "error", "-i", wav],
        "ff.m4a": ["ffmpeg", "-v", "error", "-i", wav],
        "ff.opus": ["ffmpeg", "-v", "error", "-i", wav],
        "xiph.ogg": ["oggenc", "-Q", wav, "-o"],
    }
    for name, words in made.items():
        path = tmp_path / name
        subprocess.run([*words, path], check=True)
        assert seen(path) is None, name
        data = path.read_bytes()
        for share in (0.01, 0.5, 0.99):
            path.write_bytes(data)
            assert damage(cut(path, share)), (name, share)


def test_no_bytes_break_it(tmp_path: Path) -> None:
    """Every prefix of a file, and files with bytes exchanged, end in an answer."""
    for name, step in itertools.product(("a.flac", "a.mp3", "a.ogg", "a.wav"), (1, 7)):
        data = write(tmp_path / name, 0.2).read_bytes()[:3000]
        path = tmp_path / f"x{name}"
        for length in range(0, min(len(data), 600), 11 * step):
            path.write_bytes(data[:length])
            seen(path)
            broken = bytearray(data)
            broken[length : length + step] = b"\xff" * step
            path.write_bytes(broken)
            seen(path)
