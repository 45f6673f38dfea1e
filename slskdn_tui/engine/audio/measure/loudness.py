"""EBU R128: integrated loudness (ITU-R BS.1770-4) and loudness range (EBU Tech 3342), a block at a time. Core; loads numpy and scipy."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.signal import sosfilt

_ABSOLUTE = -70.0
_OFFSET = -0.691


def k_weighting(rate: int) -> npt.NDArray[np.float64]:
    """The two biquads of BS.1770 (high shelf, high pass) for any rate, as second-order sections [2, 6].

    The standard gives them for 48 kHz; the analogue values behind these are known, and the bilinear transform gives the rest.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0,
        *(1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0),
    ]
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return np.array([shelf, [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]])


def channel_weights(channels: int) -> npt.NDArray[np.float64]:
    """Left, right, centre 1; the LFE 0; surrounds 1.41. Layouts of five and more channels are taken as 5.0 or (with LFE) 5.1."""
    weights = np.ones(channels)
    if channels == 5:
        weights[3:] = 1.41
    elif channels > 5:
        weights[3], weights[4:] = 0.0, 1.41
    return weights


def _lufs(energy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return _OFFSET + 10 * np.log10(np.maximum(energy, 1e-20))


class Loudness:
    """`add` blocks [n, channels] of any length, then read `integrated()` (LUFS) and `range()` (LU); None when all is below the gate."""

    def __init__(self, rate: int, channels: int) -> None:
        self._hop = max(1, round(rate / 10))
        self._weights = channel_weights(channels)
        self._sections = k_weighting(rate)
        self._state = np.zeros((2, 2, channels))
        self._rest = np.zeros(0)
        self._energies: list[npt.NDArray[np.float64]] = []

    def add(self, block: npt.NDArray[np.float32]) -> None:
        filtered, self._state = sosfilt(self._sections, block, axis=0, zi=self._state)  # float64, as its state is
        parts = [self._rest, np.zeros(len(block))]
        for column, weight in zip(filtered.T, self._weights, strict=True):
            parts[1] += weight * np.square(column, out=column)
        power = np.concatenate(parts)
        whole = len(power) // self._hop * self._hop
        if whole:
            self._energies.append(power[:whole].reshape(-1, self._hop).mean(axis=1))
        self._rest = power[whole:].copy()

    def _windows(self, hops: int) -> npt.NDArray[np.float64]:
        """Mean energy of windows of so many 100 ms, one each 100 ms."""
        energies = np.concatenate(self._energies) if self._energies else np.zeros(0)
        if len(energies) < hops:
            return np.zeros(0)
        sums = np.concatenate(([0.0], np.cumsum(energies)))
        return np.asarray((sums[hops:] - sums[:-hops]) / hops, np.float64)

    def integrated(self) -> float | None:
        energy = self._windows(4)
        energy = energy[_lufs(energy) > _ABSOLUTE]
        if not len(energy):
            return None
        gate = float(_lufs(energy.mean(keepdims=True))[0]) - 10
        return float(_lufs(energy[_lufs(energy) > gate].mean(keepdims=True))[0])

    def range(self) -> float | None:
        energy = self._windows(30)
        energy = energy[_lufs(energy) >= _ABSOLUTE]
        if not len(energy):
            return None
        gate = float(_lufs(energy.mean(keepdims=True))[0]) - 20
        levels = np.sort(_lufs(energy[_lufs(energy) >= gate]))
        # Nearest rank, as ffmpeg has it: one rank more, as in EBU's own example, is 0.7 LU where 20 s of music begin with a slope.
        low, high = (levels[max(0, int(len(levels) * share + 0.5) - 1)] for share in (0.10, 0.95))
        return float(high - low)
