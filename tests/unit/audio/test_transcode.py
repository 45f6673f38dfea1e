"""The transcode test on music made of numbers: a lossy copy is known by its codec's grid whatever was done to it since, an honest file never."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import firwin, lfilter, oaconvolve, resample_poly

from slskdn_tui.engine.audio.measure.measures import Measures
from slskdn_tui.engine.audio.transcode.judge import OPUS_Z, TranscodeTest, Z
from slskdn_tui.engine.audio.transcode.method import METHOD
from slskdn_tui.model.audio import TranscodeVerdict
from tests.fakes.lossy import RATE, Wave, lossy, music, rounded


def judge(samples: npt.NDArray[np.float32], rate: int) -> TranscodeVerdict:
    measures = Measures(rate, samples.shape[1], lossless=True)
    measures.add(samples)
    verdict: TranscodeVerdict = measures.values()["verdict"]
    return verdict


@cache
def honest() -> Wave:
    return music()


@cache
def decoded() -> Wave:
    return lossy(honest())


def low_passed(wave: Wave, hz: float, taps: int = 2047, rate: int = RATE) -> Wave:
    return np.stack([oaconvolve(column, firwin(taps, hz, fs=rate), "same") for column in wave.T], axis=1)


LATER: dict[str, Callable[[Wave], Wave]] = {
    "as it was decoded": lambda wave: wave,
    "1.7 dB quieter": lambda wave: wave * 10 ** (-1.7 / 20),
    "cut at the front": lambda wave: wave[12_345:],
    "in mono": lambda wave: np.ascontiguousarray(wave[:, :1]),
    "left and right changed": lambda wave: wave[:, ::-1],
}


@pytest.mark.parametrize("later", LATER)
def test_a_decoded_lossy_copy_is_confirmed_whatever_was_done_to_it_since(later: str) -> None:
    verdict = judge(rounded(LATER[later](decoded())), RATE)
    assert verdict.kind == "confirmed" and verdict.codec == "AAC" and verdict.method_version == METHOD
    assert (
        verdict.measurement
        and verdict.threshold
        and verdict.measurement > verdict.threshold
        and "zero at one frame offset" in verdict.reasons[0]
    )


@pytest.mark.parametrize(("bits", "dither"), [(16, True), (24, False)])
def test_dither_and_more_bits_do_not_hide_it(bits: int, dither: bool) -> None:
    assert judge(rounded(decoded(), bits, dither), RATE).kind == "confirmed"


def celt_like(wave: Wave, step: float = 0.01, hop: int = 960) -> Wave:
    """As Opus does it: frames of 20 ms (or blocks of 2.5) with short slopes, treble raised before and lowered after."""
    slope, side = np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(120) + 0.5) / 240) ** 2), (hop - 120) // 2
    half = np.concatenate((np.zeros(side), slope, np.ones(side)))
    raised = lfilter([1, -0.85], 1, wave, axis=0)
    return np.asarray(lfilter([1], [1, -0.85], lossy(raised, step, hop, np.concatenate((half, half[::-1]))), axis=0))


@cache
def opus_like() -> Wave:
    return celt_like(low_passed(music(rate=48_000), 18_500, rate=48_000))


def to(wave: Wave, up: int, down: int) -> Wave:
    return np.asarray(resample_poly(wave, up, down, window=firwin(64 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 10.0))))


RESAMPLED: dict[str, tuple[int, str, Callable[[], Wave]]] = {
    "at 48 kHz, where Opus has its own rate": (48_000, "Opus", opus_like),
    "in blocks of 2.5 ms, as Opus has them at attacks": (48_000, "Opus", lambda: celt_like(music(rate=48_000), 0.005, 120)),
    "from 44.1 to 48 kHz": (48_000, "AAC", lambda: to(decoded(), 160, 147)),
    "from 48 to 44.1 kHz": (44_100, "Opus", lambda: to(opus_like(), 147, 160)),
    "from 48 to 44.1 kHz and cut": (44_100, "Opus", lambda: to(opus_like(), 147, 160)[13_834:]),
    "from 48 to 96 kHz": (96_000, "Opus", lambda: to(opus_like(), 2, 1)),
}


@pytest.mark.parametrize("later", RESAMPLED)
def test_resampling_does_not_hide_it(later: str) -> None:
    rate, codec, made = RESAMPLED[later]
    verdict = judge(rounded(made()), rate)
    assert (verdict.kind, verdict.codec) == ("confirmed", codec)
    assert ("before it was resampled" in verdict.reasons[0]) == (rate != 48_000 or codec == "AAC")


def test_opus_that_rounded_few_lines_to_nothing_is_confirmed_in_more_of_the_file_and_the_honest_one_is_far_below() -> None:
    wave = np.tile(music(5.0, rate=48_000), (3, 1))
    weak, sound = judge(rounded(celt_like(wave, 0.00018)[:, :1]), 48_000), judge(rounded(wave[:, :1]), 48_000)
    assert (weak.kind, weak.codec, weak.threshold) == ("confirmed", "Opus", OPUS_Z)
    assert weak.measurement and OPUS_Z < weak.measurement < Z
    assert sound.kind == "no_evidence" and sound.measurement and sound.threshold and sound.measurement < sound.threshold / 2


@pytest.mark.parametrize(
    ("rate", "made", "kind"),
    [
        (48_000, lambda: to(honest(), 160, 147), "no_evidence"),
        (96_000, lambda: to(honest(), 320, 147), "no_evidence"),
        (96_000, lambda: np.random.default_rng(1).normal(0, 0.1, (96_000 * 9, 1)), "untestable"),
    ],
)
def test_an_honest_file_that_was_resampled_or_has_sound_no_codec_has_is_never_confirmed(
    rate: int, made: Callable[[], Wave], kind: str
) -> None:
    assert judge(rounded(made()), rate).kind == kind


HARD: dict[str, Callable[[Wave], Wave]] = {
    "as it is": lambda wave: wave,
    "low-passed at 15 kHz": lambda wave: low_passed(wave, 15_000),
    "a brick wall at 16 kHz": lambda wave: low_passed(wave, 16_000, 8191),
    "of 8 bits": lambda wave: np.round(wave * 128) / 128,
    "both channels the same": lambda wave: np.repeat(wave.mean(axis=1, keepdims=True), 2, axis=1),
    "quiet": lambda wave: wave * 10 ** (-30 / 20),
    "clipped hard": lambda wave: np.clip(wave * 6, -1, 1),
    "once at 32 kHz": lambda wave: resample_poly(resample_poly(wave, 320, 441), 441, 320),
}


@pytest.mark.parametrize("hard", HARD)
def test_an_honest_file_is_never_confirmed_as_lossy(hard: str) -> None:
    verdict = judge(rounded(HARD[hard](honest())), RATE)
    assert verdict.kind != "confirmed" and not verdict.codec
    assert verdict.measurement is not None and verdict.threshold and verdict.measurement < verdict.threshold / 2


def test_a_steep_end_where_encoders_have_theirs_is_suspect_and_no_more() -> None:
    verdict = judge(rounded(low_passed(honest(), 16_000, 8191)), RATE)
    assert verdict.kind == "suspect" and verdict.transcode_suspect and "16.0 kHz, where encoders end it" in verdict.reasons[0]
    assert judge(rounded(low_passed(honest(), 13_000, 8191)), RATE).kind == "no_evidence"


def test_what_is_too_short_or_too_quiet_is_untestable_and_never_praised() -> None:
    short, quiet = judge(rounded(honest()[: RATE * 5]), RATE), judge(rounded(honest() * 1e-4), RATE)
    assert (short.kind, quiet.kind) == ("untestable", "untestable") and short.transcode_suspect is None
    assert "shorter than 8 s" in short.reasons[0] and "quiet" in quiet.reasons[0]
    assert judge(np.zeros((0, 2), np.float32), RATE).kind == "untestable"
    assert "authentic" not in str((short, quiet))


@pytest.mark.parametrize("rate", [8_000, 47_999, 50_000, 192_000])
def test_a_file_of_any_rate_gets_a_verdict(rate: int) -> None:
    noise = low_passed(np.random.default_rng(1).normal(0, 0.1, (rate * 9, 1)), min(13_500, rate * 0.4), 255, rate)
    verdict = judge(rounded(noise), rate)
    assert verdict.kind in ("no_evidence", "untestable") and verdict.method_version == METHOD
    assert (verdict.kind == "no_evidence") == (rate > 50_000)


def test_a_low_dynamic_range_is_told_and_changes_nothing() -> None:
    def told(dynamic_range: float) -> TranscodeVerdict:
        test = TranscodeTest(RATE)
        test.add(rounded(honest()))
        return test.verdict(np.zeros(0), dynamic_range)

    low, high = told(4.2), told(12.0)
    assert low.kind == high.kind == "no_evidence" and "no proof" in low.reasons[0] and not high.reasons


def test_the_blocks_a_file_comes_in_do_not_change_the_verdict() -> None:
    samples = rounded(decoded())
    whole, pieces = TranscodeTest(RATE), TranscodeTest(RATE)
    whole.add(samples)
    for at in range(0, len(samples), 4097):
        pieces.add(samples[at : at + 4097])
    assert whole.verdict(np.zeros(0)) == pieces.verdict(np.zeros(0))


def test_of_a_long_file_little_is_held_and_each_third_is_heard() -> None:
    from slskdn_tui.engine.audio.transcode.segments import Segments

    segments, block = Segments(RATE), np.full((RATE * 10, 2), 0.1, np.float32)
    for at in range(60):
        block[:: 7 + at] *= -1
        segments.add(block)
    starts = [start for start, _ in segments.chosen(3)]
    assert len(segments._held) <= 48 and [3 * start // (RATE * 600) for start in starts] == [0, 1, 2]
