"""The audio region of a file stays the same bytes whatever stands around it: every kind of tag, by our own builders and by mutagen."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import mutagen.mp4
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.apev2 import APEv2

from slskdn_tui.engine.content.digests import LeafDigests
from slskdn_tui.engine.content.region import NeedMore, NoRegion, find, front
from tests.fakes.region_files import FTYP, ape, box, encoded, enhanced, flac_blocks, id3v1, id3v2, lyrics3, m4a, picture, reader, wide_box

PAGE = (Path(__file__).parents[2] / "docs/protocol/content.md").read_text()
ROWS = re.findall(r"^\| (\w+ region.*?) \| `([0-9a-f *]+)` \| (\d+) \| (\d+) \| `([0-9a-f]{64})` \|", PAGE, re.M)
AUDIO = picture(3000, 5)


def audio_of(data: bytes) -> bytes:
    region = find(reader(data), len(data))
    return data[region.start : region.start + region.length]


def unfold(text: str) -> bytes:
    """`00*34 616263` as bytes."""
    parts = (part.partition("*") for part in text.split())
    return b"".join(bytes.fromhex(what) * int(times or 1) for what, _, times in parts)


def test_the_page_has_a_vector_of_every_format() -> None:
    assert {what.split()[0] for what, *_ in ROWS} == {"FLAC", "MP3", "M4A"} and len(ROWS) >= 6


@pytest.mark.parametrize(("what", "text", "start", "length", "name"), ROWS)
def test_vectors(what: str, text: str, start: str, length: str, name: str) -> None:
    data = unfold(text)
    region = find(reader(data), len(data))
    assert (region.start, region.length) == (int(start), int(length)), what
    digests = LeafDigests()
    digests.update(data[region.start : region.start + region.length])
    assert digests.finish("region") == name


# Tags by our own builders ----------------------------------------------------------------------------------------

TAILS = st.lists(
    st.sampled_from(
        [b"", id3v1(), enhanced() + id3v1(), ape(50), ape(0, header=False), lyrics3(1) + id3v1(), lyrics3(2), id3v2(20, footer=True)]
    ),
    max_size=4,
).map(b"".join)
FRONTS = st.lists(st.sampled_from([b"", id3v2(0), id3v2(300), id3v2(40, footer=True), ape(10)]), max_size=3).map(b"".join)
BLOCKS = st.lists(st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 126]), st.binary(max_size=600)), max_size=5)


@settings(deadline=None)
@given(FRONTS, BLOCKS, TAILS)
def test_flac_under_any_tags_has_one_region(before: bytes, blocks: list[tuple[int, bytes]], behind: bytes) -> None:
    plain = encoded("flac", 0.05)
    data = before + flac_blocks(plain, *blocks) + behind
    assert audio_of(data) == audio_of(plain)
    assert bytes.fromhex(front(reader(data), len(data)).streaminfo) == plain[8:42]


@settings(deadline=None)
@given(FRONTS, st.sampled_from([0, 1, 500, 5000]), st.booleans(), TAILS)
def test_mp3_under_any_tags_has_one_region(before: bytes, zeros: int, info: bool, behind: bytes) -> None:
    plain = encoded("mp3", 0.3)
    audio = audio_of(plain)
    assert audio != plain and plain.endswith(audio), "the encoder writes a Xing or Info frame"
    data = before + bytes(zeros) + (plain if info else audio) + behind
    assert audio_of(data) == audio


@settings(deadline=None)
@given(st.binary(max_size=800), st.booleans(), st.booleans(), st.integers(0, 300))
def test_m4a_under_any_tags_has_one_region(tags: bytes, first: bool, wide: bool, free: int) -> None:
    assert audio_of(m4a(AUDIO, tags, first=first, wide=wide, free=free)) == AUDIO


@pytest.mark.parametrize("mark", [b"Xing", b"Info", b"VBRI"])
@pytest.mark.parametrize(("second", "side"), [(0xFB, 32), (0xF3, 17), (0xFA, 34)])
def test_the_frame_that_describes_an_mp3_is_no_audio(mark: bytes, second: int, side: int) -> None:
    header = bytes([0xFF, second, 0x90, 0x00])
    length = 417 if second & 8 else 261
    described = bytearray(header + bytes(length - 4))
    at = 36 if mark == b"VBRI" else 4 + side
    described[at : at + 4] = mark
    frame = header + picture(length - 4)
    assert audio_of(bytes(described) + frame * 3) == frame * 3
    assert audio_of(frame * 3) == frame * 3


def test_an_mdat_to_the_end_and_a_small_rest_behind_the_boxes() -> None:
    assert audio_of(FTYP + b"\0\0\0\0mdat" + AUDIO) == AUDIO
    assert audio_of(FTYP + box(b"mdat", AUDIO) + b"\0\0\0") == AUDIO
    assert audio_of(FTYP + box(b"mdat") + wide_box(b"mdat", AUDIO)) == AUDIO, "an empty one is passed over"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"fLaC",
        b"ID3" + bytes(200),
        b"RIFF" + bytes(500),
        bytes(100_000),
        id3v2(2_000_000)[:5000],
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(5000),
        b"fLaC\x80\0\0\x10" + bytes(100),
        b"fLaC" + (b"\0\0\0\x22" + bytes(34)) + b"\x04\xff\xff\xff",
        b"fLaC" + (b"\0\0\0\x22" + bytes(34)) + b"\0\0\0\x22" + bytes(34) + b"\x84\0\0\0abc",
        b"\xff\xfb\x90\0" + bytes(2000),
        encoded("mp3", 0.05)[:417],
        FTYP,
        FTYP + box(b"moov", bytes(50)),
        FTYP + box(b"mdat", AUDIO) + box(b"mdat", AUDIO),
        FTYP + b"\0\0\0\4mdat" + AUDIO,
        FTYP + b"\xff\xff\xff\xffmdat" + AUDIO,
        FTYP + b"\0\0\0\1mdat" + b"\xff" * 8 + AUDIO,
        FTYP + box(b"free") * 500 + box(b"mdat", AUDIO),
    ],
)
def test_what_has_no_region_is_refused(data: bytes) -> None:
    with pytest.raises(NoRegion):
        find(reader(data), len(data))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"", b"ID3\x03\0\0\0\0", b"fLaC\0\0\0\x22", b"APETAGEX", FTYP, b"\xff\xfb\x90\0", b"\0\0\0\1mdat"]),
    st.binary(max_size=400),
    st.sampled_from([b"", b"APETAGEX", b"LYRICS200", b"LYRICSEND", id3v1(), ape(3)[-32:]]),
)
def test_garbage_gives_a_region_inside_the_file_or_none(head: bytes, middle: bytes, tail: bytes) -> None:
    data = head + middle + tail
    try:
        region = find(reader(data), len(data))
    except NoRegion:
        return
    assert region.start >= 0 and region.length > 0 and region.start + region.length <= len(data)


@settings(deadline=None)
@given(st.sampled_from(["flac", "mp3", "m4a", "m4a first"]), st.integers(0, 5000))
def test_a_file_still_coming_says_where_its_region_starts_or_what_it_lacks(kind: str, have: int) -> None:
    data = {
        "flac": lambda: id3v2(100) + flac_blocks(encoded("flac", 0.05), (4, bytes(900)), (6, picture(2000)), (1, bytes(500))) + id3v1(),
        "mp3": lambda: id3v2(1500) + bytes(10) + encoded("mp3", 0.3) + id3v1(),
        "m4a": lambda: m4a(AUDIO, b"x" * 400, free=60),
        "m4a first": lambda: m4a(AUDIO, b"x" * 400, first=True),
    }[kind]()
    whole = find(reader(data), len(data))
    try:
        found = front(reader(data[:have]), len(data))
    except NeedMore as need:
        assert have < need.offset <= whole.start + 500
        return
    assert found.start == whole.start and found.length in (None, whole.length)


# Tags by mutagen -------------------------------------------------------------------------------------------------


def _flac(change: Callable[[Any], None], padding: int = 1024) -> Callable[[io.BytesIO], None]:
    def edit(file: io.BytesIO) -> None:
        flac = mutagen.flac.FLAC(file)
        change(flac)
        file.seek(0)
        flac.save(file, padding=lambda info: padding)

    return edit


def _cover(flac: Any) -> None:
    cover = mutagen.flac.Picture()
    cover.data, cover.mime = picture(90_000), "image/jpeg"
    flac.add_picture(cover)


def _id3(**how: Any) -> Callable[[io.BytesIO], None]:
    def edit(file: io.BytesIO) -> None:
        try:
            tags = mutagen.id3.ID3(file)
        except mutagen.id3.ID3NoHeaderError:
            tags = mutagen.id3.ID3()
        tags.add(mutagen.id3.TIT2(encoding=3, text=["a title", "another"]))
        tags.add(mutagen.id3.APIC(encoding=0, mime="image/png", type=3, desc="x", data=picture(how.pop("cover", 20))))
        if how.get("v2_version") == 3:
            tags.update_to_v23()
        file.seek(0)
        tags.save(file, **how)

    return edit


def _no_id3(file: io.BytesIO) -> None:
    file.seek(0)
    mutagen.id3.delete(file)


def _ape(file: io.BytesIO) -> None:
    tags = APEv2()
    tags["Title"], tags["Comment"] = "a title", "x" * 500
    file.seek(0)
    tags.save(file)


FLAC_EDITS = {
    "tags": _flac(lambda flac: flac.update(title="a title", comment="c" * 700)),
    "strip": _flac(lambda flac: (flac.clear(), flac.clear_pictures()), 0),
    "padding": _flac(lambda flac: None, 50_000),
    "no padding": _flac(lambda flac: None, 0),
    "picture": _flac(_cover),
    "ape": _ape,
}
MP3_EDITS = {
    "2.4": _id3(),
    "2.3": _id3(v2_version=3),
    "2.3 and 1": _id3(v2_version=3, v1=2),
    "picture": _id3(cover=90_000),
    "padding": _id3(padding=lambda info: 9000),
    "ape": _ape,
    "strip": _no_id3,
}


@pytest.mark.parametrize("kind", ["flac", "mp3"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_mutagen_changes_no_byte_of_the_region(kind: str, data: st.DataObject) -> None:
    edits = FLAC_EDITS if kind == "flac" else MP3_EDITS
    plain = encoded(kind, 0.2)
    file = io.BytesIO(plain)
    for name in data.draw(st.lists(st.sampled_from(sorted(edits)), min_size=1, max_size=5)):
        file.seek(0)
        edits[name](file)
    assert audio_of(file.getvalue()) == audio_of(plain)


@pytest.mark.parametrize("first", [False, True])
def test_mutagen_changes_no_byte_of_an_mdat(first: bool) -> None:
    file = io.BytesIO(m4a(AUDIO, first=first))
    for length in (10, 5000, 1):
        tags = mutagen.mp4.MP4Tags()
        tags["\xa9nam"], tags["covr"] = ["a title" * length], [mutagen.mp4.MP4Cover(picture(length * 3))]
        file.seek(0)
        tags.save(file)
        assert audio_of(file.getvalue()) == AUDIO
    assert len(file.getvalue()) != len(m4a(AUDIO, first=first))
