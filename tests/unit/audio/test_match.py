"""Fingerprints: read from their text as the library reads them, and matched only when they are one recording."""

from __future__ import annotations

import random

import pytest

from slskdn_tui.engine.audio.match import Match, items, match


def tune(seed: int, count: int = 400) -> list[int]:
    """Random items that change slowly, as real ones do: each differs from the last in some bits."""
    chance, item, out = random.Random(seed), 0, []
    item = chance.getrandbits(32)
    for _ in range(count):
        item ^= chance.getrandbits(32) & chance.getrandbits(32)
        out.append(item)
    return out


def noisy(line: list[int], share: float, seed: int = 9) -> list[int]:
    chance = random.Random(seed)
    return [item ^ sum(1 << bit for bit in range(32) if chance.random() < share) for item in line]


def found(first: list[int], second: list[int]) -> Match:
    best = match(first, second)
    assert best is not None
    return best


def test_a_copy_with_flipped_bits_is_the_same_recording_and_one_beyond_the_threshold_is_not() -> None:
    line = tune(1)
    assert found(line, line) == Match(0, 0.0, 400, True)
    assert found(line, noisy(line, 0.12)).same
    assert not found(line, noisy(line, 0.26)).same, "one tune under two soundfonts differs in so many bits"


@pytest.mark.parametrize("offset", [-330, -43, 24, 161, 330])
def test_a_copy_that_begins_elsewhere_is_found_at_its_place(offset: int) -> None:
    line = tune(2)
    other = noisy(line[offset:] if offset > 0 else [*tune(3, -offset), *line], 0.03)
    best = found(line, other)
    assert (best.offset, best.same) == (offset, True) and best.overlap == (400 - offset if offset > 0 else 400)


def test_different_tunes_never_match() -> None:
    lines = [tune(seed, 120) for seed in range(100, 130)]
    pairs = [found(a, b) for i, a in enumerate(lines) for b in lines[:i]]
    assert len(pairs) == 435 and not any(pair.same for pair in pairs) and min(pair.ber for pair in pairs) > 0.3


def test_silence_and_fragments_tell_nothing() -> None:
    assert not found([0] * 400, [0] * 400).same
    assert match(tune(4)[:59], tune(4)) is None and match([], []) is None


def test_the_text_is_read_as_the_library_reads_it() -> None:
    chromaprint = pytest.importorskip("chromaprint", exc_type=ImportError, reason="libchromaprint is not installed")
    for line in (tune(5), [0] * 9, [0xFFFFFFFF, 1 << 31, 1, 0x80000001], noisy([0] * 50, 0.04)):
        signed = [item - (1 << 32) if item >> 31 else item for item in line]
        text = chromaprint.encode_fingerprint(signed, 1)
        assert list(items(text.decode("ascii"))) == line


def test_a_text_from_fpcalc_is_read() -> None:
    assert items(
        "AQAAGws7RY2EH8179Nj_4j_EJ1XQl-nQPMKP58eZS0Jl6ZiScNGJ5BfyoDkThmD4DVt2PNORJ0hYJRte_Nhj8CsaNwMHgDJBCAGEAMgRQgwhxEilACKAMnKsMwA"
    )[:6] == (1444319372, 1443278988, 1980014780, 906272940, 1946591912, 1950802472)


@pytest.mark.parametrize("text", ["", "AQ", "AQAAO", "!!!!", "AQD___8A", "é", "AQAAAf___w"])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a fingerprint"):
        items(text)


def test_no_text_breaks_the_reader() -> None:
    chance = random.Random(6)
    for _ in range(2000):
        text = "AQAA" + "".join(chance.choices("ABCDEFGHIJabcdefghij0123456789-_", k=chance.randrange(60)))
        try:
            assert all(0 <= item < 1 << 32 for item in items(text))
        except ValueError as error:
            assert "not a fingerprint" in str(error)
