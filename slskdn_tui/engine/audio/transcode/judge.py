"""The transcode test's verdict on a lossless file. Core; loads numpy and scipy.

A verdict of "confirmed" rests on the codec's own filter bank alone; a steep end of the spectrum makes a file suspect at most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from slskdn_tui.engine.audio.transcode.banks import banks
from slskdn_tui.engine.audio.transcode.cliff import Cliff, cliff
from slskdn_tui.engine.audio.transcode.grid import Grid, Samples, measure
from slskdn_tui.engine.audio.transcode.segments import Segments
from slskdn_tui.model.audio import TranscodeVerdict
from slskdn_tui.model.text import SafeText

VERSION = 1
Z, EXCESS = 15.0, 0.01
"""What confirms: the best offset stands out by so many robust deviations, and so large a share more of the lines is zero there."""
LEAST_LINES, LEAST_SECONDS = 150, 8
LOW_RANGE_DB = 6.0


class TranscodeTest:
    """`add` a lossless file's blocks [n, channels] of -1..1 at `rate`, then `verdict()`; holds at most 8 MB of them."""

    def __init__(self, rate: int) -> None:
        self._rate, self._segments, self._samples = rate, Segments(rate), 0

    def add(self, block: Samples) -> None:
        self._samples += len(block)
        self._segments.add(block[:, :2])

    def verdict(self, level: npt.NDArray[np.float64], dynamic_range: float | None = None) -> TranscodeVerdict:
        """`level`: the long-term spectrum in dB against full scale, from 0 to half the rate."""
        return decide(self._segments.chosen(), self._rate, self._samples / self._rate, cliff(level, self._rate), dynamic_range)


def decide(
    parts: Sequence[tuple[int, Samples]], rate: int, seconds: float, end: Cliff, dynamic_range: float | None = None
) -> TranscodeVerdict:
    found = [measure(parts, bank) for bank in banks(rate)] if parts else []
    reasons = []
    if dynamic_range is not None and dynamic_range < LOW_RANGE_DB:
        reasons.append(f"the dynamic range is below {LOW_RANGE_DB:.0f} dB, which is a matter of mastering and no proof")
    best = max(found, key=lambda grid: grid.z, default=None)
    hits = [grid for grid in found if grid.z >= Z and grid.excess >= EXCESS]
    if hits:
        hit = max(hits, key=lambda grid: grid.z)
        return _told("confirmed", hit, [_trace(hit), *reasons])
    if end.of_an_encoder:
        return _told(
            "suspect", best, [f"the spectrum falls by {end.db:.0f} dB at {end.hz / 1000:.1f} kHz, where encoders end it", *reasons]
        )
    if best is None or seconds < LEAST_SECONDS:
        return _told("untestable", best, [f"it is shorter than {LEAST_SECONDS} s", *reasons])
    if max(grid.lines for grid in found) < LEAST_LINES:
        return _told("untestable", best, ["it is too quiet or has too little treble", *reasons])
    return _told("no_evidence", best, reasons)


def _trace(hit: Grid) -> str:
    return (
        f"{100 * hit.excess:.1f} % more of {hit.codec}'s spectral lines are zero at one frame offset ({hit.offset}) than at the others: "
        "its quantiser leaves that trace"
    )


def _told(kind: str, grid: Grid | None, reasons: list[str]) -> TranscodeVerdict:
    return TranscodeVerdict(
        kind,  # type: ignore[arg-type]
        grid.codec if grid and kind == "confirmed" else "",
        round(grid.z, 1) if grid else None,
        Z if grid else None,
        VERSION,
        tuple(map(SafeText, reasons)),
    )
