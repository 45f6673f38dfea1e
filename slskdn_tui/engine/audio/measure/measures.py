"""All measures of a file together. Core; loads numpy and scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from slskdn_tui.engine.audio.measure.dynamics import Clipping, Dynamics
from slskdn_tui.engine.audio.measure.loudness import Loudness
from slskdn_tui.engine.audio.measure.peaks import TruePeak
from slskdn_tui.engine.audio.measure.spectrum import Spectrum
from slskdn_tui.engine.audio.transcode.judge import TranscodeTest
from slskdn_tui.model.audio import TranscodeVerdict


class Measures:
    """`add` blocks [n, channels] of -1..1, then `values()` once: fields of `AudioFacts` by name."""

    def __init__(self, rate: int, channels: int, *, lossless: bool = False) -> None:
        """With `lossless` the transcode test is made, too."""
        self._test = TranscodeTest(rate) if lossless else None
        self._loudness, self._dynamics = Loudness(rate, channels), Dynamics(rate, channels)
        self._clipping, self._peaks, self._spectrum = Clipping(channels), TruePeak(channels), Spectrum(rate)
        self._heard = False

    def add(self, block: npt.NDArray[np.float32]) -> None:
        if not len(block):
            return
        self._heard = True
        block = np.asfortranarray(block)  # a channel's samples side by side: all meters are several times faster so
        if not np.isfinite(block.sum()):  # a float file may hold such numbers, and one would spoil all
            block = np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        for meter in (self._loudness, self._dynamics, self._clipping, self._peaks, self._spectrum):
            meter.add(block)
        if self._test:
            self._test.add(block)

    def values(self) -> dict[str, Any]:
        dynamic_range = _round(self._dynamics.value())
        return {
            "loudness_lufs": _round(self._loudness.integrated()),
            "loudness_range": _round(self._loudness.range()),
            "true_peak": _round(self._peaks.value()),
            "dynamic_range": dynamic_range,
            "has_clipping": self._clipping.runs > 0 if self._heard else None,
            "clipping_runs": self._clipping.runs if self._heard else None,
            "cutoff_hz": self._spectrum.cutoff_hz(),
            "verdict": self._test.verdict(self._spectrum.level(), dynamic_range) if self._test else TranscodeVerdict(),
        }


class Tested:
    """The transcode test alone, for a lossless file whose other measures are known: used as `Measures`."""

    def __init__(self, rate: int, channels: int) -> None:
        self._test, self._dynamics, self._spectrum = TranscodeTest(rate), Dynamics(rate, channels), Spectrum(rate)

    def add(self, block: npt.NDArray[np.float32]) -> None:
        if len(block):
            block = np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            for meter in (self._dynamics, self._spectrum, self._test):
                meter.add(block)

    def values(self) -> dict[str, Any]:
        return {"verdict": self._test.verdict(self._spectrum.level(), _round(self._dynamics.value()))}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
