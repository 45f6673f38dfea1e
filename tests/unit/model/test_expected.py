"""What a remote file promises, and what does not add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.expected import expect, format_words, formats_words


def file(name: str, size: int = 30_000_000, **claims: int | None) -> FoundFile:
    return FoundFile("bob", f"Music\\Band\\Album\\{name}", size, name.rpartition(".")[2], **claims)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (file("a.flac", bit_depth=24, sample_rate=96000), file("a.flac", bit_depth=16, sample_rate=44100)),
        (file("a.flac"), file("a.mp3", bitrate=320)),
        (file("a.mp3", bitrate=320), file("a.mp3", bitrate=256)),
        (file("a.mp3", bitrate=192), file("a.mp3", bitrate=128)),
        (file("a.opus", bitrate=128), file("a.mp3", bitrate=128)),
        (file("a.flac", bit_depth=16, sample_rate=44100), file("a.flac", bit_depth=8, sample_rate=22050)),
    ],
)
def test_better_claims_promise_more(better: FoundFile, worse: FoundFile) -> None:
    one, other = expect(better).quality, expect(worse).quality
    assert one is not None and other is not None and one > other


def test_the_figures_that_filters_name() -> None:
    assert (expect(file("a.flac", bit_depth=16, sample_rate=44100)).quality or 0) > 0.8
    assert (expect(file("a.mp3", bitrate=320)).quality or 1) < 0.8
    assert expect(file("a.mp3")).quality is None and expect(file("cover.jpg")).quality is None


@pytest.mark.parametrize(
    "found",
    [
        file("a.flac", 9_600_000, seconds=240, bit_depth=16, sample_rate=44100),  # an MP3 of 320 kbit/s under another name
        file("a.flac", 60_000_000, seconds=240, bit_depth=16, sample_rate=44100),
        file("a.mp3", 3_900_000, seconds=240, bitrate=320),
        file("a.mp3", 30_000_000, seconds=240, bitrate=128),
        file("a.wav", 9_600_000, seconds=240),
    ],
)
def test_a_size_that_fits_neither_length_nor_codec_is_told(found: FoundFile) -> None:
    assert "kbit/s" in expect(found).warning


@pytest.mark.parametrize(
    "found",
    [
        file("a.flac", 25_000_000, seconds=240, bit_depth=16, sample_rate=44100),
        file("a.flac", 12_500_000, seconds=240, bit_depth=16, sample_rate=44100),  # quiet music
        file("a.flac", 42_000_000, seconds=240, bit_depth=16, sample_rate=44100),  # loud, with pictures
        file("a.mp3", 9_700_000, seconds=240, bitrate=320),
        file("a.mp3", 14_000_000, seconds=240, bitrate=320),  # a large picture in it
        file("a.mp3", 6_000_000, seconds=240),
        file("a.wav", 42_400_000, seconds=240),
        file("a.dsf", 200_000_000, seconds=240),
    ],
)
def test_honest_files_are_not_accused(found: FoundFile) -> None:
    assert expect(found).warning == ""


def test_an_m4a_too_rich_for_aac_is_alac() -> None:
    assert expect(file("a.m4a", bitrate=880)).lossless and not expect(file("a.m4a", bitrate=256)).lossless


def test_formats_are_told_in_few_words() -> None:
    def words(*files: FoundFile) -> str:
        return formats_words((each, expect(each)) for each in files)

    flac = file("a.flac", bit_depth=16, sample_rate=44100)
    assert words(flac, file("cover.jpg")) == "FLAC 16/44.1"
    assert words(file("a.flac", bit_depth=24, sample_rate=96000)) == "FLAC 24/96"
    assert words(file("a.mp3", bitrate=320)) == "MP3 320"
    assert words(file("a.mp3", bitrate=320), file("b.mp3", bitrate=192)) == "MP3 192-320"
    assert words(flac, flac, file("b.mp3", bitrate=192)) == "FLAC + MP3"
    assert format_words(file("cover.jpg"), expect(file("cover.jpg"))) == "jpg"


@given(
    st.sampled_from(["flac", "mp3", "m4a", "wav", "dsf", "opus", "jpg", ""]),
    st.integers(1, 2**62),
    *[st.one_of(st.none(), st.integers(0, 2**32 - 1)) for _ in range(4)],
)
def test_no_claim_makes_it_fail(
    ending: str, size: int, seconds: int | None, bitrate: int | None, rate: int | None, bits: int | None
) -> None:
    found = FoundFile("u", f"x\\y.{ending}", size, ending, seconds, bitrate, rate, bits)
    quality = expect(found).quality
    assert quality is None or 0 <= quality <= 1
    assert isinstance(format_words(found, expect(found)), str)
