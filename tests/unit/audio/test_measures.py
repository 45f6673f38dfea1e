"""What is measured of decoded audio, against signals whose values are known, and against a plain second way of computing them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from slskdn_tui.engine.audio.measure.dynamics import Clipping, Dynamics
from slskdn_tui.engine.audio.measure.loudness import Loudness
from slskdn_tui.engine.audio.measure.peaks import TruePeak
from slskdn_tui.engine.audio.measure.spectrum import Spectrum

RATE = 48_000


def sine(db: float, seconds: float, hertz: float = 1000.0, rate: int = RATE, channels: int = 2, phase: float = 0.0) -> np.ndarray:
    wave = 10 ** (db / 20) * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate + phase)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def fed(meter, samples: np.ndarray, block: int = 10_007):  # type: ignore[no-untyped-def]
    for at in range(0, len(samples), block):
        meter.add(samples[at : at + block])
    return meter


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_tones_of_ebu_3341_have_the_loudness_it_says(rate: int) -> None:
    assert fed(Loudness(rate, 2), sine(-23, 5, rate=rate)).integrated() == pytest.approx(-23.0, abs=0.05)
    gated = np.concatenate([sine(db, seconds, rate=rate, channels=2) for db, seconds in ((-36, 2), (-23, 20), (-36, 2))])
    assert fed(Loudness(rate, 2), gated).integrated() == pytest.approx(-23.0, abs=0.1)


def test_the_tones_of_ebu_3342_have_the_range_it_says() -> None:
    for first, second in ((-20, -30), (-20, -15)):
        samples = np.concatenate([sine(first, 10, rate=24_000), sine(second, 10, rate=24_000)])
        assert fed(Loudness(24_000, 2), samples).range() == pytest.approx(abs(first - second), abs=0.2)


def test_the_low_frequency_channel_does_not_count_and_silence_has_no_loudness() -> None:
    six = np.zeros((RATE * 2, 6), np.float32)
    assert fed(Loudness(RATE, 6), six).integrated() is None and fed(Loudness(RATE, 6), six).range() is None
    six[:, 3] = sine(-6, 2)[:, 0]
    assert fed(Loudness(RATE, 6), six).integrated() is None
    six[:, 2] = sine(-20, 2)[:, 0]
    assert fed(Loudness(RATE, 6), six).integrated() == pytest.approx(-23.0, abs=0.1)


def plain_dr14(samples: np.ndarray, rate: int) -> float:
    """The published procedure in plain Python, from the whole file."""
    length, found = 3 * (44_160 if rate == 44_100 else rate), []
    for channel in samples.astype(float).T:
        blocks = [channel[at : at + length] for at in range(0, len(channel), length)]
        rms = sorted((math.sqrt(2 * math.fsum(x * x for x in block) / len(block)) for block in blocks), reverse=True)
        peaks = sorted((max(abs(x) for x in block) for block in blocks), reverse=True)
        top = rms[: max(1, round(len(rms) * 0.2))]
        found.append(-20 * math.log10(math.sqrt(sum(x * x for x in top) / len(top)) / peaks[1]))
    return sum(found) / len(found)


def test_dynamic_range_is_what_the_plain_procedure_gives() -> None:
    chance = np.random.default_rng(3)
    for rate, pieces, channels in ((2_000, 40, 2), (44_100, 4, 1)):
        steps = 10 ** (chance.uniform(-30, 0, pieces) / 20)
        samples = np.concatenate([step * chance.uniform(-1, 1, (rate * 6 // 5, channels)) for step in steps]).astype(np.float32)
        assert fed(Dynamics(rate, channels), samples).value() == pytest.approx(plain_dr14(samples, rate), abs=0.001)
    assert fed(Dynamics(RATE, 2), sine(-10, 7)).value() == pytest.approx(0.0, abs=0.01)
    assert fed(Dynamics(RATE, 2), np.zeros((RATE, 2), np.float32)).value() is None


@pytest.mark.parametrize("block", [1, 3, 7, 1000])
def test_clipped_runs_are_counted_once_wherever_blocks_end(block: int) -> None:
    samples = np.zeros((60, 2), np.float32)
    samples[3:7, 0] = 1.0  # four: a run
    samples[10:13, 0] = 1.0  # three: none
    samples[20:40, 1] = -1.0  # long
    samples[40:44, 1] = 1.0  # the other sign: another
    samples[50:60, 0] = 1.3  # above full scale, to the end
    assert fed(Clipping(2), samples, block).runs == 4


def test_a_peak_between_samples_is_found() -> None:
    between = sine(0, 0.2, RATE / 4, phase=math.pi / 4)
    assert fed(TruePeak(2), between).sample_peak == pytest.approx(math.sqrt(0.5), abs=0.001)
    assert fed(TruePeak(2), between[:-100], 997).value() == pytest.approx(0.0, abs=0.3)
    assert fed(TruePeak(2), sine(-1, 0.5)).value() == pytest.approx(-1.0, abs=0.05)
    assert fed(TruePeak(2), sine(-9, 0.5)).value() is None


@pytest.mark.parametrize("cut", [11_000, 16_000, 20_000])
def test_the_end_of_a_spectrum_is_where_it_was_cut(cut: int) -> None:
    noise = np.fft.rfft(np.random.default_rng(cut).standard_normal((44_100 * 4, 1)), axis=0)
    noise[cut * 4 :] = 0
    samples = np.round(np.fft.irfft(noise, axis=0) * 3000) / 32768
    assert fed(Spectrum(44_100), samples.astype(np.float32)).cutoff_hz() == pytest.approx(cut, abs=150)


def test_full_band_noise_ends_at_half_the_rate_and_silence_nowhere() -> None:
    assert fed(Spectrum(44_100), np.random.default_rng(1).uniform(-0.3, 0.3, (44_100, 2)).astype(np.float32)).cutoff_hz() == 22_050
    assert fed(Spectrum(44_100), np.zeros((44_100, 2), np.float32)).cutoff_hz() is None


def test_a_long_file_keeps_no_more_spectra_than_a_short_one() -> None:
    meter = fed(Spectrum(8_000), np.random.default_rng(2).uniform(-0.3, 0.3, (4096 * 1500, 1)).astype(np.float32), 65_536)
    assert 600 <= len(meter._rows) <= 1200 and meter.cutoff_hz() == 4_000
