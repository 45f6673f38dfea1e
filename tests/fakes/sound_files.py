"""Small audio files made on the spot, and what may happen to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 44_100
_FORMATS = {".opus": "OGG"}


def tone(seconds: float = 3.0, seed: int = 1, rate: int = RATE) -> npt.NDArray[np.float64]:
    """A stereo chord with some noise, another one for each seed."""
    chance = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * pitch * time) for pitch in chance.uniform(110, 1760, 4)) / 8
    return np.stack([sound, sound[::-1]], axis=1) + chance.normal(0, 0.01, (len(time), 2))


def write(path: Path, seconds: float = 3.0, seed: int = 1, rate: int = RATE, subtype: str | None = None) -> Path:
    """A file in the format its name says; FLAC of 16 bits unless told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(seconds, seed, rate), rate, subtype, format=_FORMATS.get(path.suffix))
    return path


def cut(path: Path, share: float) -> Path:
    """The same file, ending at `share` of its bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def spoil(path: Path, share: float, length: int = 1, *, zero: bool = False) -> Path:
    """Flip one bit at `share` of the file, or make `length` bytes there zero."""
    data = bytearray(path.read_bytes())
    at = int(len(data) * share)
    if zero:
        data[at : at + length] = bytes(len(data[at : at + length]))
    else:
        data[at] ^= 0x10
    path.write_bytes(data)
    return path
