"""Looks for the one frame offset at which many lines of a codec's filter bank fall to nothing: the trace its quantiser leaves. Core; loads numpy and scipy.

A lossy decoder builds each frame from lines of which many were quantised to zero. When the encoder's filter bank is laid over the decoded
samples at the right offset, those lines are zero again but for the rounding to 16 bits; at every other offset they are not. (J. Herre and
M. Schug, "Analysis of Decompressed Audio: the Inverse Decoder", AES 109, 2000.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft

FFT = 8192
LSB = 32768.0
ZERO = 1.0
"""A line below this (in steps of 16 bits, filters of unit norm) is nothing: rounding alone leaves 0.3, with dither 0.5."""
LOUD = 5.0
"""Only lines whose usual magnitude is above this are looked at: of others it says nothing to be zero."""
_SMOOTH = 65
_FLOOR = 5e-4
"""Added to the spread, so that a tiny bump over a perfectly even ground is no peak."""
_AT_ONCE = 16

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bank:
    """A codec's filter bank at `rate`: `hop` samples a frame, the spectra of its lines' basis functions [lines, 4097], their `length`.

    `undo` the factor of a first-order pre-emphasis that the decoder's de-emphasis must be undone with, 0 for none.
    """

    codec: str
    hop: int
    length: int
    spectra: npt.NDArray[np.complex64]
    undo: float = 0.0


@dataclass(frozen=True, slots=True)
class Grid:
    """How far the best offset stands out: `z` in robust deviations, `excess` in share of lines; `lines` how many were loud enough.

    `segments`: how many parts of the file it was seen in.
    """

    codec: str
    z: float
    excess: float
    offset: int
    lines: float
    segments: int


def bank(codec: str, hop: int, rows: npt.NDArray[np.float64], undo: float = 0.0) -> Bank:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return Bank(codec, hop, rows.shape[1], np.conj(rfft(unit, FFT, axis=1)).astype(np.complex64), undo)


def measure(parts: Sequence[tuple[int, Samples]], bank: Bank) -> Grid:
    """`parts`: where each begins in the file, and its samples [at least 8192, 1 or 2 channels] of -1..1."""
    total, count, lines = np.zeros(bank.hop), np.zeros(bank.hop), 0.0
    for start, samples in parts:
        share, loud = _zeros(samples, bank)
        lines += loud / len(parts)
        if not loud:
            continue
        where = (start + np.arange(len(share))) % bank.hop
        total += np.bincount(where, share, bank.hop)
        count += np.bincount(where, minlength=bank.hop)
    if not count.any():
        return Grid(bank.codec, 0.0, 0.0, 0, lines, len(parts))
    mean = total / np.maximum(count, 1)
    usual = float(np.median(mean))
    spread = 1.4826 * float(np.median(np.abs(mean - usual))) + _FLOOR
    best = int(mean.argmax())
    return Grid(bank.codec, (float(mean[best]) - usual) / spread, float(mean[best]) - usual, best, lines, len(parts))


def _zeros(samples: Samples, bank: Bank) -> tuple[npt.NDArray[np.float64], float]:
    """For each position the share of loud lines that are zero there, above its neighbourhood; and how many lines are loud."""
    scaled = samples[:FFT].T * np.float32(LSB)
    if bank.undo:
        scaled = np.concatenate((scaled[:, :1], scaled[:, 1:] - np.float32(bank.undo) * scaled[:, :-1]), axis=1)
    spectra = rfft(scaled, FFT, axis=1)
    valid = FFT - bank.length + 1
    pairs = (
        [spectra] if len(spectra) < 2 else [spectra, np.stack((spectra[0] + spectra[1], spectra[0] - spectra[1])) * np.float32(0.5**0.5)]
    )
    best, most = np.full(valid, -1.0), 0
    for pair in pairs:
        zeros, loud = np.zeros(valid), 0
        for spectrum in pair:
            for at in range(0, len(bank.spectra), _AT_ONCE):
                values = np.abs(irfft(spectrum * bank.spectra[at : at + _AT_ONCE], FFT, axis=1)[:, :valid])
                kept = np.median(values[:, ::16], axis=1) > LOUD
                loud += int(kept.sum())
                zeros += (values[kept] < ZERO).view(np.uint8).sum(axis=0, dtype=np.uint8)
        if loud:
            share = zeros / loud
            padded = np.pad(share, _SMOOTH // 2, "reflect")
            sums = np.cumsum(np.concatenate(([0.0], padded)))
            best = np.maximum(best, share - (sums[_SMOOTH:] - sums[:-_SMOOTH]) / _SMOOTH)
            most = max(most, loud)
    return best, most
