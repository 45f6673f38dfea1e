"""Basis functions of the MDCT codecs, AAC, Vorbis and Opus's CELT: one row a spectral line. Core; loads numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]
CELT_OVERLAP = 120


def sine(size: int) -> Rows:
    return np.asarray(np.sin(np.pi * (np.arange(size) + 0.5) / size))


def vorbis(size: int) -> Rows:
    return np.asarray(np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2))


def kbd(size: int, alpha: float = 4.0) -> Rows:
    """The Kaiser-Bessel derived window of ISO 14496-3."""
    half = size // 2
    kaiser = np.cumsum(np.kaiser(half + 1, np.pi * alpha))
    rising = np.sqrt(kaiser[:half] / kaiser[half])
    return np.asarray(np.concatenate((rising, rising[::-1])))


def celt(size: int) -> Rows:
    """CELT's low-overlap window (RFC 6716): the slopes are Vorbis' of 120 samples on each side, flat between, nothing outside."""
    slope = vorbis(2 * CELT_OVERLAP)[:CELT_OVERLAP]
    side = (size // 2 - CELT_OVERLAP) // 2
    rising = np.concatenate((np.zeros(side), slope, np.ones(side)))
    return np.asarray(np.concatenate((rising, rising[::-1])))


def rows(window: Rows, lines: npt.NDArray[np.int64]) -> Rows:
    """The basis functions [line, sample] of an MDCT with this window; the hop is half of it."""
    hop = len(window) // 2
    at = np.arange(2 * hop) + 0.5 + hop / 2
    return np.asarray(window * np.cos(np.pi / hop * np.outer(lines + 0.5, at)))
