"""A short segment at another rate, to a fraction of a sample. Core; loads numpy."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
SIDE = 32
"""The first output sample lies this far into the input: so far the filter reaches."""


@cache
def _filters(up: int, shift: float) -> npt.NDArray[np.float32]:
    """For each of `up` positions between two samples the windowed sinc around them, [up, 64]."""
    away = np.arange(1 - SIDE, SIDE + 1) - (np.arange(up) / up)[:, None] - shift
    rows = np.sinc(away) * np.i0(10 * np.sqrt(np.clip(1 - (away / SIDE) ** 2, 0, None))) / np.i0(10)
    return np.asarray(rows, np.float32)


def resampled(samples: Samples, up: int, down: int, count: int, shift: float = 0.0) -> Samples:
    """`count` samples at up / down of the rate, the first at input sample SIDE + `shift` (0 to 1); `samples` [n, channels]."""
    at = np.arange(count) * down
    whole, part = at // up, at % up
    rows = _filters(up, shift)[part]
    out = [np.einsum("ij,ij->i", np.lib.stride_tricks.sliding_window_view(column, 2 * SIDE)[whole + 1], rows) for column in samples.T]
    return np.stack(out, axis=1)
