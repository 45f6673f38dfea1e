"""Chromaprint of the first 120 s, through the system's libchromaprint or else the `fpcalc` program. Shell; only the worker uses it."""

from __future__ import annotations

import json
import logging
import os
import subprocess

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)
SECONDS = 120
_FPCALC_S = 60
_ITEMS_BEGIN = 8
"""A text of so few characters holds a head and no item: the audio was too short."""


class Fingerprint:
    """`add` blocks, then `text()`: Chromaprint's compressed form, "" for audio of under some three seconds. ImportError without the library."""

    def __init__(self, rate: int, channels: int) -> None:
        import chromaprint

        self._printer = chromaprint.Fingerprinter()
        self._printer.start(rate, channels)
        self._left = rate * SECONDS

    @property
    def full(self) -> bool:
        return self._left <= 0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        part = block[: max(0, self._left)]
        if len(part):
            self._left -= len(part)
            scaled = np.ascontiguousarray(part) * np.float32(32767)
            np.clip(np.rint(scaled, out=scaled), -32768, 32767, out=scaled)
            self._printer.feed(scaled.astype("<i2").tobytes())

    def text(self) -> str:
        made = self._printer.finish().decode("ascii")
        return made if len(made) > _ITEMS_BEGIN else ""


def by_program(path: str) -> str:
    """What `fpcalc` prints; "" when it is not there or fails. Its exit code 3 with a fingerprint is a success (acoustid/chromaprint#137)."""
    try:
        done = subprocess.run(
            ["fpcalc", "-json", "-length", str(SECONDS), os.path.abspath(path)],
            capture_output=True,
            timeout=_FPCALC_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        made = json.loads(done.stdout)["fingerprint"] if done.returncode in (0, 3) else ""
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        log.info("fpcalc gave no fingerprint: %s", error)
        return ""
    return made if isinstance(made, str) and len(made) > _ITEMS_BEGIN else ""
