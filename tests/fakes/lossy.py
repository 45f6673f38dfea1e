"""Music made of numbers, and a lossy codec in twenty lines: an MDCT whose lines are rounded coarsely, most of them to zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 44_100
Wave = npt.NDArray[np.float64]


def music(seconds: float = 9.0, seed: int = 1, rate: int = RATE) -> Wave:
    """Stereo [n, 2]: plucked chords with many partials, a noisy beat, and hiss up to half the rate."""
    chance, at = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    beat = at * 4 % 1
    wave = np.zeros((len(at), 2))
    for _ in range(5):
        note = 55 * 2 ** (chance.integers(0, 40) / 12)
        pan, decay = chance.uniform(0.2, 0.8), chance.uniform(1, 5)
        steps = np.cumsum(note * 2 ** (np.floor(at * 2) * chance.integers(1, 7) % 12 / 12)) / rate
        tone = sum(np.sin(2 * np.pi * part * steps + part) / part for part in range(1, 40))
        wave += 0.04 * (tone * np.exp(-beat * decay))[:, None] * [pan, 1 - pan]
    wave += (0.06 * np.exp(-beat * 12))[:, None] * chance.normal(size=wave.shape)
    return wave + 0.003 * chance.normal(size=wave.shape)


def rounded(wave: Wave, bits: int = 16, dither: bool = False, seed: int = 2) -> npt.NDArray[np.float32]:
    """To so many bits, as a file would hold it."""
    full = 2.0 ** (bits - 1)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, *wave.shape)).sum(axis=0) if dither else 0
    return np.asarray(np.clip(np.round(wave * full + noise), -full, full - 1) / full, np.float32)


def lossy(wave: Wave, step: float = 0.02, hop: int = 1024, window: Wave | None = None) -> Wave:
    """Encoded and decoded: each line of each frame is a whole number of steps, a step growing with frequency."""
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)) if window is None else window
    basis = np.cos(np.pi / hop * np.outer(np.arange(2 * hop) + 0.5 + hop / 2, np.arange(hop) + 0.5)) * np.sqrt(2 / hop)
    steps = step * np.linspace(0.5, 2, hop)
    out = np.zeros((len(wave) + 3 * hop, 2))
    padded = np.concatenate((np.zeros((hop, 2)), wave, np.zeros((2 * hop, 2))))
    for channel in range(2):
        frames = np.lib.stride_tricks.sliding_window_view(padded[:, channel], 2 * hop)[::hop]
        lines = np.round((frames * window) @ basis / steps) * steps
        for at, frame in enumerate((lines @ basis.T) * window):
            out[at * hop : at * hop + 2 * hop, channel] += frame
    return out[hop : hop + len(wave)]
