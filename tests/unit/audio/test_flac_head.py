"""FLAC heads: what is read from the first bytes, and that no bytes break the reader."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.audio.flac import NeedMore, id3_length, parse_head, parse_streaminfo
from slskdn_tui.model.codec import codec_of, codec_profile, codec_rank

MD5 = bytes(range(16))


def streaminfo(rate: int = 44100, channels: int = 2, bits: int = 16, samples: int = 44100 * 3, md5: bytes = MD5) -> bytes:
    packed = rate << 44 | channels - 1 << 41 | bits - 1 << 36 | samples
    return struct.pack(">HH", 4096, 4096) + b"\0" * 6 + packed.to_bytes(8, "big") + md5


def block(kind: int, body: bytes, last: bool = False) -> bytes:
    return bytes([kind | (0x80 if last else 0)]) + len(body).to_bytes(3, "big") + body


PLAIN = b"fLaC" + block(0, streaminfo()) + block(4, b"v" * 100) + block(1, b"\0" * 50, last=True) + b"\xff\xf8audio"


def test_streaminfo_is_read_to_the_last_field() -> None:
    info = parse_head(PLAIN).streaminfo
    assert (info.rate, info.channels, info.bits, info.samples, info.md5) == (44100, 2, 16, 132300, MD5)
    assert (info.duration_ms, info.profile, info.has_md5) == (3000, "FLAC-16bit-44100Hz-2ch", True)
    big = parse_streaminfo(streaminfo(rate=655350, channels=8, bits=32, samples=(1 << 36) - 1, md5=bytes(16)))
    assert (big.rate, big.channels, big.bits, big.samples, big.has_md5) == (655350, 8, 32, (1 << 36) - 1, False)
    assert parse_streaminfo(streaminfo(samples=0)).duration_ms is None


def test_the_audio_begins_after_the_last_block() -> None:
    head = parse_head(PLAIN)
    assert head.metadata_end is not None and PLAIN[head.metadata_end :] == b"\xff\xf8audio"
    cut = parse_head(PLAIN[:60])
    assert cut.metadata_end is None and cut.next_block == 42 + 104


def test_an_id3_tag_in_front_is_stepped_over() -> None:
    tag = b"ID3\x03\0\0" + bytes([0, 0, 1, 72]) + b"x" * 200
    assert id3_length(tag) == 210
    head = parse_head(tag + PLAIN)
    assert head.start == 210 and head.streaminfo.md5 == MD5 and head.metadata_end == 210 + len(PLAIN) - 7


def test_too_few_bytes_say_how_many_are_needed() -> None:
    for length in range(42):
        with pytest.raises(NeedMore) as caught:
            parse_head(PLAIN[:length])
        assert caught.value.offset >= length
    assert parse_head(PLAIN[:42]).metadata_end is None


@pytest.mark.parametrize(
    "data", [b"RIFF" + b"\0" * 60, b"fLaC" + block(4, b"x" * 40), b"fLaC" + block(0, streaminfo(rate=0)), b"OggS" * 20]
)
def test_what_is_no_flac_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_head(data)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: PLAIN[:42] + tail)))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        head = parse_head(data)
    except ValueError:
        return
    assert head.next_block >= 42 and head.streaminfo.rate


def test_codecs_are_known_by_their_extension() -> None:
    assert [codec_of(name) for name in ("a/b.FLAC", "x\\y.mp3", ".ogg", "opus", "cover.jpg", "noext", "")] == [
        *("FLAC", "MP3", "Vorbis", "Opus", "", "", "")
    ]
    assert codec_rank("FLAC", ("mp3", "flac")) == 1 and codec_rank("Vorbis", ("ogg",)) == 0 and codec_rank("WMA", ("FLAC",)) is None
    assert codec_profile("MP3", rate=44100, channels=2, kbps=320) == "MP3-320kbps-44100Hz-2ch"
