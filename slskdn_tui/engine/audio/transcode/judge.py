"""The transcode test's verdict on a lossless file. Core; loads numpy and scipy.

A verdict of "confirmed" rests on the codec's own filter bank alone; a steep end of the spectrum makes a file suspect at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slskdn_tui.engine.audio.transcode.banks import OPUS_RATE, banks, opus_between
from slskdn_tui.engine.audio.transcode.cliff import Cliff, cliff
from slskdn_tui.engine.audio.transcode.grid import FFT, Bank, Grid, Samples, measure
from slskdn_tui.engine.audio.transcode.method import METHOD
from slskdn_tui.engine.audio.transcode.resample import SIDE, resampled
from slskdn_tui.engine.audio.transcode.segments import Segments
from slskdn_tui.model.audio import TranscodeVerdict, VerdictKind
from slskdn_tui.model.text import SafeText

Z, EXCESS = 15.0, 0.01
"""What confirms: the best offset stands out by so many robust deviations, and so large a share more of the lines is zero there."""
OPUS_Z, OPUS_EXCESS = 9.0, 0.005
"""The same for Opus, whose pulses leave fewer zeros, when as many as MOST_SEGMENTS were looked at: honest files stand at 4.1 there at the most."""
WORTH, SURE = 4.0, 40.0
"""A trace between these is looked at again in more of the file, which then decides: what a few segments have by chance does not last."""
SEGMENTS, MOST_SEGMENTS = 3, 16
ROOM_DB = 12.0
"""Where a 44.1 kHz file's spectrum falls by this, or is empty at the top, it may have been at 48 kHz."""
LEAST_LINES, LEAST_SECONDS = 150, 8
LOW_RANGE_DB = 6.0
_BETWEEN = (0.25, 0.5, 0.75)
_CD_RATE = 44_100
OPUS = "Opus"


@dataclass(frozen=True, slots=True)
class Trial:
    """One bank at one rate; a file that was resampled and then cut lies a part of a sample (`shift`) beside the codec's grid."""

    bank: Bank
    rate: int
    shift: float = 0.0

    @property
    def segments(self) -> int:
        return MOST_SEGMENTS if self.bank.codec == OPUS and not self.shift else SEGMENTS


class TranscodeTest:
    """`add` a lossless file's blocks [n, channels] of -1..1 at `rate`, then `verdict()`; holds some seconds of them."""

    def __init__(self, rate: int) -> None:
        self._rate, self._segments, self._samples = rate, Segments(rate), 0

    def add(self, block: Samples) -> None:
        self._samples += len(block)
        self._segments.add(block[:, :2])

    def verdict(self, level: npt.NDArray[np.float64], dynamic_range: float | None = None) -> TranscodeVerdict:
        """`level`: the long-term spectrum in dB against full scale, from 0 to half the rate."""
        end = cliff(level, self._rate)
        found = self._traces(end)
        notes = []
        if dynamic_range is not None and dynamic_range < LOW_RANGE_DB:
            notes.append(f"the dynamic range is below {LOW_RANGE_DB:.0f} dB, which is a matter of mastering and no proof")
        best = max(found, key=lambda item: item[1].z, default=None)
        grid = best[1] if best else None
        if hits := [item for item in found if _confirms(item[1])]:
            trial, hit = max(hits, key=lambda item: item[1].z)
            return _told("confirmed", hit, [_trace(hit, trial, self._rate), *notes])
        if end.of_an_encoder:
            return _told(
                "suspect", grid, [f"the spectrum falls by {end.db:.0f} dB at {end.hz / 1000:.1f} kHz, where encoders end it", *notes]
            )
        if self._samples < LEAST_SECONDS * self._rate:
            return _told("untestable", grid, [f"it is shorter than {LEAST_SECONDS} s", *notes])
        if grid is None:
            return _told("untestable", grid, [f"no codec that is looked for makes what it holds at {self._rate} Hz", *notes])
        if max(grid.lines for _, grid in found) < LEAST_LINES:
            return _told("untestable", grid, ["it is too quiet or has too little treble", *notes])
        return _told("no_evidence", grid, notes)

    def _traces(self, end: Cliff) -> list[tuple[Trial, Grid]]:
        """Each codec at the file's own rate; then, where the spectrum leaves room for it, at the rate it may have been resampled from."""
        found = self._settled([Trial(bank, self._rate) for bank in banks(self._rate)])
        if _done(found):
            return found
        room = {_CD_RATE: end.top_empty or end.db > ROOM_DB, OPUS_RATE: True}.get(self._rate, end.above_cd_empty)
        usual = self._rate % _CD_RATE == 0 or self._rate % OPUS_RATE == 0  # an odd rate has no short period in common with them
        others = [rate for rate in (OPUS_RATE, _CD_RATE) if rate != self._rate and usual and room]
        found += self._settled([Trial(bank, rate) for rate in others for bank in banks(rate)])
        if OPUS_RATE in others and not _done(found):
            found += self._between(opus_between())
        return found

    def _settled(self, trials: list[Trial]) -> list[tuple[Trial, Grid]]:
        """All of them measured, the best in more of the file when it is worth it."""
        found = self._tried(trials)
        if found:
            at = max(range(len(found)), key=lambda index: found[index][1].z)
            trial, grid = found[at]
            if WORTH <= grid.z < SURE and trial.segments < MOST_SEGMENTS:
                found[at] = (trial, measure(self._parts(trial, MOST_SEGMENTS), trial.bank))
        return found

    def _tried(self, trials: list[Trial]) -> list[tuple[Trial, Grid]]:
        found = []
        for trial in trials:
            if parts := self._parts(trial, trial.segments):
                found.append((trial, measure(parts, trial.bank)))
        return found

    def _between(self, bank: Bank) -> list[tuple[Trial, Grid]]:
        """The Opus grid a quarter of a sample apart, then closer around the best."""
        found = self._tried([Trial(bank, OPUS_RATE, shift) for shift in _BETWEEN])
        best, grid = max(found, key=lambda item: item[1].z, default=(Trial(bank, OPUS_RATE), None))
        if grid is None or grid.z < WORTH:
            return found
        return self._settled([Trial(bank, OPUS_RATE, best.shift + step) for step in (-0.125, 0.0, 0.125)])

    def _parts(self, trial: Trial, count: int) -> list[tuple[int, Samples]]:
        chosen = self._segments.chosen(count)
        if trial.rate == self._rate:
            return chosen
        common = int(np.gcd(trial.rate, self._rate))
        up, down = trial.rate // common, self._rate // common
        skipped = -(-SIDE // down)  # so that the first sample lies on both rates' grids
        return [
            ((start // down + skipped) * up, resampled(samples[skipped * down - SIDE :], up, down, FFT, trial.shift))
            for start, samples in chosen
        ]


def _bar(grid: Grid) -> tuple[float, float]:
    return (OPUS_Z, OPUS_EXCESS) if grid.codec == OPUS and grid.segments >= MOST_SEGMENTS else (Z, EXCESS)


def _confirms(grid: Grid) -> bool:
    z, excess = _bar(grid)
    return grid.z >= z and grid.excess >= excess


def _done(found: list[tuple[Trial, Grid]]) -> bool:
    return any(_confirms(grid) for _, grid in found)


def _trace(hit: Grid, trial: Trial, rate: int) -> str:
    before = f", at {trial.rate} Hz before it was resampled" if trial.rate != rate else ""
    return (
        f"{100 * hit.excess:.1f} % more of {hit.codec}'s spectral lines are zero at one frame offset ({hit.offset}{before}) "
        "than at the others: its quantiser leaves that trace"
    )


def _told(kind: VerdictKind, grid: Grid | None, reasons: list[str]) -> TranscodeVerdict:
    return TranscodeVerdict(
        kind,
        grid.codec if grid and kind == "confirmed" else "",
        round(grid.z, 1) if grid else None,
        _bar(grid)[0] if grid else None,
        METHOD,
        tuple(map(SafeText, reasons)),
    )
