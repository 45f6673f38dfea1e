"""DR14 and runs of clipped samples, a block at a time. Core; loads numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CLIP_LEVEL = 1 - 1.5 / 32768
"""Full scale of 16 bits, its lower neighbour still counted: resampled or attenuated by a hair is clipped all the same."""
CLIP_SAMPLES = 4


class Dynamics:
    """The DR14 meter: 3 s blocks; per channel the RMS (a sine's is its peak) of the loudest fifth against the second highest peak.

    `value()` is the mean over channels in dB, None for silence. At 44.1 kHz a block is 3 x 44,160 samples, as in the original meter.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._length = 3 * (44_160 if rate == 44_100 else rate)
        self._filled = 0
        self._square = np.zeros(channels)
        self._peak = np.zeros(channels)
        self._squares: list[npt.NDArray[np.float64]] = []
        self._peaks: list[npt.NDArray[np.float64]] = []

    def add(self, block: npt.NDArray[np.float32]) -> None:
        while len(block):
            part, block = block[: self._length - self._filled], block[self._length - self._filled :]
            self._square += [float(np.dot(column, column)) for column in part.T]
            self._peak = np.maximum(self._peak, np.maximum(part.max(axis=0), -part.min(axis=0)))
            self._filled += len(part)
            if self._filled == self._length:
                self._close()

    def _close(self) -> None:
        self._squares.append(2 * self._square / self._filled)
        self._peaks.append(self._peak)
        self._filled, self._square, self._peak = 0, np.zeros_like(self._square), np.zeros_like(self._peak)

    def value(self) -> float | None:
        """Call once, after the last block."""
        if self._filled:
            self._close()
        if not self._squares:
            return None
        squares, peaks = np.sort(np.array(self._squares), axis=0), np.sort(np.array(self._peaks), axis=0)
        loudest = squares[-max(1, round(len(squares) * 0.2)) :].mean(axis=0)
        second = peaks[-2 if len(peaks) > 1 else -1]
        heard = (loudest > 0) & (second > 0)
        if not heard.any():
            return None
        return float(np.mean(20 * np.log10(second[heard] / np.sqrt(loudest[heard]))))


class Clipping:
    """`runs`: stretches of at least four neighbouring samples of one channel at full scale, of one sign."""

    def __init__(self, channels: int) -> None:
        self._open = np.zeros((2, channels), np.int64)
        self.runs = 0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        for sign in (0, 1):
            extreme = block.max(axis=0) if sign == 0 else -block.min(axis=0)
            for channel, most in enumerate(extreme):
                if most < CLIP_LEVEL:
                    self._open[sign, channel] = 0
                    continue
                column = block[:, channel]
                self._count(column >= CLIP_LEVEL if sign == 0 else column <= -CLIP_LEVEL, sign, channel)

    def _count(self, full: npt.NDArray[np.bool_], sign: int, channel: int) -> None:
        before = int(self._open[sign, channel])
        edges = np.diff(np.concatenate(([0], full.view(np.int8), [0])))
        starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        lengths = ends - starts
        if starts[0] == 0 and before:
            lengths[0] += before
        # A run that goes on from the last block and was long enough there has been counted.
        self.runs += int((lengths >= CLIP_SAMPLES).sum()) - int(starts[0] == 0 and before >= CLIP_SAMPLES)
        self._open[sign, channel] = lengths[-1] if ends[-1] == len(full) else 0
