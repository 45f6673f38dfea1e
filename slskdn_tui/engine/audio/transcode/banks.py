"""The filter banks that are tried. Core; loads numpy."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from slskdn_tui.engine.audio.transcode import mdct, mpeg
from slskdn_tui.engine.audio.transcode.grid import Bank, bank

LOW_HZ, HIGH_HZ = 2500, 17_500
OPUS_LOW_HZ, OPUS_HIGH_HZ = 4000, 19_800
"""CELT codes up to 20 kHz, and has the fewest pulses a line at the top."""
RATES = (32_000, 44_100, 48_000)
OPUS_RATE = 48_000


def _lines(hop: int, rate: int, step: int, low: int = LOW_HZ, high: int = HIGH_HZ) -> npt.NDArray[np.int64]:
    width = rate / 2 / hop
    return np.arange(int(low / width), int(min(high, 0.45 * rate) / width), step)


def _opus(hop: int, lines: npt.NDArray[np.int64]) -> Bank:
    return bank("Opus", hop, mdct.rows(mdct.celt(2 * hop), lines), undo=0.85)


@cache
def opus_between() -> Bank:
    """Opus at 48 kHz for a file that lies a part of a sample beside it: the top, where that matters most, left out."""
    return _opus(960, _lines(960, OPUS_RATE, 3))


@cache
def banks(rate: int) -> tuple[Bank, ...]:
    """All codecs that know `rate`; none for a rate that no lossy codec has."""
    if rate not in RATES:
        return ()
    windows = (("AAC", mdct.kbd(2048)), ("AAC", mdct.sine(2048)), ("Vorbis", mdct.vorbis(2048)))
    found = [
        bank("MP3", 576, mpeg.hybrid()[_lines(576, rate, 2)]),
        bank("MP2", 32, mpeg.subbands()[_lines(32, rate, 1)]),
        *(bank(codec, 1024, mdct.rows(window, _lines(1024, rate, 3))) for codec, window in windows),
    ]
    if rate == OPUS_RATE:
        for hop, step in ((120, 1), (960, 3)):  # blocks of 2.5 ms, which frames with an attack are made of, and whole frames of 20 ms
            found.append(_opus(hop, _lines(hop, rate, step, OPUS_LOW_HZ, OPUS_HIGH_HZ)))
    return tuple(found)
