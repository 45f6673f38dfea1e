"""The filter banks that are tried. Core; loads numpy."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from slskdn_tui.engine.audio.transcode import mdct, mpeg
from slskdn_tui.engine.audio.transcode.grid import Bank, bank

LOW_HZ, HIGH_HZ = 2500, 17_500
RATES = (32_000, 44_100, 48_000)
OPUS_RATE = 48_000


def _lines(hop: int, rate: int, step: int) -> npt.NDArray[np.int64]:
    width = rate / 2 / hop
    return np.arange(int(LOW_HZ / width), int(min(HIGH_HZ, 0.45 * rate) / width), step)


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
        found.append(bank("Opus", 960, mdct.rows(mdct.celt(1920), _lines(960, rate, 3)), undo=0.85))
    return tuple(found)
