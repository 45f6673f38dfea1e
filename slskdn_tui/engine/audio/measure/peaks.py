"""True peak (ITU-R BS.1770-4 annex 2: four times oversampled), only where samples come near it. Core; loads numpy."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

NEAR = 0.5
"""Below -6 dBFS no sample is looked at: between samples music does not rise by that much."""
_SIDE = 12
_RISE = 0.8


def _filters() -> npt.NDArray[np.float32]:
    """Windowed sinc for a quarter, a half and three quarters of a sample after tap 12 of 24: [24, 3]."""
    taps = np.arange(1 - _SIDE, _SIDE + 1)[:, None] - np.array([0.25, 0.5, 0.75])
    rows = np.sinc(taps) * np.i0(6 * np.sqrt(np.maximum(0, 1 - (taps / _SIDE) ** 2))) / np.i0(6)
    return np.asarray(rows / rows.sum(axis=0), np.float32)


class TruePeak:
    """The highest peak lies beside a sample nearly as high, so only the neighbours of samples over 0.8 of the peak so far are computed."""

    def __init__(self, channels: int) -> None:
        self._filters = _filters()
        self._before = np.zeros((2 * _SIDE, channels), np.float32)
        self.sample_peak = 0.0
        self._peak = 0.0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        if not len(block):
            return
        self.sample_peak = max(self.sample_peak, float(block.max()), -float(block.min()))
        self._look(np.concatenate((self._before, block)))
        self._before = np.concatenate((self._before, block[-2 * _SIDE :]))[-2 * _SIDE :].copy()

    def _look(self, joined: npt.NDArray[np.float32]) -> None:
        level = max(NEAR, _RISE * self.sample_peak)
        for column in joined.T:
            at = np.flatnonzero(np.abs(column[_SIDE:-_SIDE]) >= level) + _SIDE
            if not len(at):
                continue
            at = np.union1d(at, at - 1)  # both gaps beside a sample
            line = np.ascontiguousarray(column)
            windows = np.lib.stride_tricks.sliding_window_view(line, 2 * _SIDE)
            for part in np.array_split(at, 1 + len(at) // 8192):
                rows = windows[np.clip(part + 1 - _SIDE, 0, len(windows) - 1)]
                self._peak = max(self._peak, float(np.abs(rows @ self._filters).max()))

    def value(self) -> float | None:
        """dBTP; None when no sample came near full scale. Call once, after the last block."""
        if self.sample_peak < NEAR:
            return None
        self._look(np.concatenate((self._before, np.zeros_like(self._before))))
        return 20 * math.log10(max(self._peak, self.sample_peak))
