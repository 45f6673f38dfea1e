"""Pauses that double. Core."""

from __future__ import annotations


def doubled(first: float, times: int, most: float) -> float:
    """`first` seconds doubled so many times, at most `most`; for any count, where `2.0**times` overflows from 1024 on."""
    return min(most, first * 2.0 ** min(times, 64))
