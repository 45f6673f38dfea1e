"""Where the spectrum breaks off, and how steeply: a reason for suspicion, never a proof. Core; loads numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEEP_DB = 30.0
SILENT_DB = -105.0
_LOW_HZ, _HIGH_HZ = 9_000, 21_200
_NEAR_HZ, _FAR_HZ = 150, 750
SHELVES_HZ = ((15_400, 16_100), (17_000, 17_300), (18_600, 19_200), (19_500, 20_100), (20_300, 20_600))
"""Where encoders' low passes end."""
_BESIDE_HZ = 350


_TOP = 0.945
_CD_HZ = 22_700


@dataclass(frozen=True, slots=True)
class Cliff:
    """The steepest fall in `db` between what lies below and above `hz`; `residue_db` the level from there on, per bin.

    `top_empty`: nothing in the last twentieth below half the rate; `above_cd_empty`: nothing above 22.7 kHz.
    """

    db: float = 0.0
    hz: int = 0
    residue_db: float = 0.0
    top_empty: bool = False
    above_cd_empty: bool = False

    @property
    def of_an_encoder(self) -> bool:
        beside = any(low - _BESIDE_HZ <= self.hz <= high + _BESIDE_HZ for low, high in SHELVES_HZ)
        return self.db >= STEEP_DB and beside and self.residue_db < SILENT_DB


def cliff(level: npt.NDArray[np.float64], rate: int) -> Cliff:
    """`level` in dB, bins evenly from 0 to half the rate."""
    if not len(level):
        return Cliff()
    bin_hz = rate / 2 / (len(level) - 1)
    near, far = round(_NEAR_HZ / bin_hz), round(_FAR_HZ / bin_hz)
    sums = np.concatenate(([0.0], np.cumsum(level)))
    at = np.arange(max(far, round(_LOW_HZ / bin_hz)), min(len(level) - far - 1, round(_HIGH_HZ / bin_hz)))
    if not len(at):
        return Cliff()
    below = (sums[at - near + 1] - sums[at - far]) / (far - near + 1)
    above = (sums[at + far + 1] - sums[at + near]) / (far - near + 1)
    best = int((below - above).argmax())
    rest, top, above_cd = level[at[best] + near :], level[int(_TOP * len(level)) :], level[int(_CD_HZ / bin_hz) :]
    return Cliff(
        float((below - above)[best]),
        round(int(at[best]) * bin_hz),
        float(np.median(rest)),
        float(np.median(top)) < SILENT_DB,
        bool(len(above_cd)) and float(np.median(above_cd)) < SILENT_DB,
    )
