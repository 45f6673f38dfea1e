"""Long-term spectrum and where it ends. Core; loads numpy and scipy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft
from scipy.signal.windows import blackmanharris

SIZE = 4096
MOST = 1200
FLOOR_DB = -108.0
"""Per bin, against a full-scale sine: 12 dB above the noise of 16 dithered bits, which every CD has up to half its rate."""
_SMOOTH_HZ = 200


class Spectrum:
    """Power spectra of the mono sum at even distances, at most 1,200: when there are more, every other one goes and the distance doubles."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._window = blackmanharris(SIZE).astype(np.float32)
        self._scale = np.float32(2 / float(self._window.sum()))
        self._rest = np.zeros(0, np.float32)
        self._skip = 0
        self._stride = SIZE
        self._rows: list[npt.NDArray[np.float32]] = []
        self._level: npt.NDArray[np.float64] | None = None

    def add(self, block: npt.NDArray[np.float32]) -> None:
        mono = np.concatenate((self._rest, block.sum(axis=1, dtype=np.float32) * np.float32(1 / block.shape[1])))
        at = self._skip
        while at + SIZE <= len(mono):
            line = rfft(mono[at : at + SIZE] * self._window) * self._scale
            self._rows.append(line.real**2 + line.imag**2)
            at += self._stride
            if len(self._rows) >= MOST:
                del self._rows[1::2]
                self._stride *= 2
        keep = min(at, len(mono))
        self._rest, self._skip = mono[keep:].copy(), at - keep

    def level(self) -> npt.NDArray[np.float64]:
        """Call after the last block. 98th percentile over time in dB against a full-scale sine, bins of rate / 4096 Hz from 0; empty when there was under one frame."""
        if self._level is None:
            rows = np.array(self._rows or np.zeros((1, 0)))
            self._level = np.asarray(10 * np.log10(np.percentile(np.ascontiguousarray(rows.T), 98, axis=1) + 1e-20), np.float64)
        return self._level

    def cutoff_hz(self) -> int | None:
        """The highest frequency above the noise floor of 16 bits, to some 100 Hz; None for silence."""
        level = self.level()
        if not len(level):
            return None
        width = max(1, round(_SMOOTH_HZ * SIZE / self._rate))
        smooth = np.convolve(np.pad(level, width, "edge"), np.ones(width) / width, "same")[width:-width]
        above = np.flatnonzero(smooth > FLOOR_DB)
        if not len(above):
            return None
        top = int(above[-1])
        return round(self._rate / 2 if top >= len(level) - width else top * self._rate / SIZE)
