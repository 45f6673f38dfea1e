"""Keeps of a long file the few short segments that the transcode test looks at. Core; loads numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_EVERY = 4
_MOST = 48
_LOUDEST = 0.999

Samples = npt.NDArray[np.float32]


def span(rate: int) -> int:
    """Samples a segment, 0.21 s: a whole number of them at 44.1 kHz is one at 48 kHz, so that a resampled segment keeps its place in the file."""
    return max(round(rate * 16 / 75), 8192)


class Segments:
    """`add` blocks [n, channels], then `chosen(3)`: of each third of the file the segment with the most treble, and where it begins.

    One segment in four is looked at; while the length is unknown the best of each stretch is held, at most 48 of them.
    """

    def __init__(self, rate: int) -> None:
        self._size = span(rate)
        self._held: list[tuple[float, int, Samples]] = []
        self._stretch, self._count = 1, 0
        self._rest: list[Samples] = []
        self._resting = 0
        self._at = 0

    def add(self, block: Samples) -> None:
        """`block` may be written over afterwards."""
        while len(block):
            period = self._at % (self._size * _EVERY)
            if period >= self._size:  # between two segments
                skipped = min(len(block), self._size * _EVERY - period)
            else:
                skipped = min(len(block), self._size - period)
                self._rest.append(block[:skipped].copy())
                self._resting += skipped
                if self._resting == self._size:
                    self._weigh(np.concatenate(self._rest))
                    self._rest, self._resting = [], 0
            self._at += skipped
            block = block[skipped:]

    def _weigh(self, samples: Samples) -> None:
        treble = np.diff(samples, 2, axis=0)
        weight = float(np.einsum("ij,ij->", treble, treble))
        if np.abs(samples).max() >= _LOUDEST:
            weight *= 1e-3  # clipped: what was decoded is not all there
        found = (weight, self._count * self._size * _EVERY, samples)
        if self._count % self._stretch or not self._held:
            self._held = [*self._held[:-1], max(self._held[-1], found, key=_weight)] if self._held else [found]
        else:
            self._held.append(found)
        self._count += 1
        if len(self._held) > _MOST:
            self._held = [max(self._held[at : at + 2], key=_weight) for at in range(0, len(self._held), 2)]
            self._stretch *= 2

    def chosen(self, count: int) -> list[tuple[int, Samples]]:
        """At most one for each of `count` equal parts of the file, in order; none of a file shorter than a segment."""
        bests: dict[int, tuple[float, int, Samples]] = {}
        for found in self._held:
            part = min(count - 1, count * found[1] // max(1, self._at))
            bests[part] = max(bests.get(part, found), found, key=_weight)
        return [(start, samples) for _, (_, start, samples) in sorted(bests.items())]


def _weight(found: tuple[float, int, Samples]) -> float:
    return found[0]
