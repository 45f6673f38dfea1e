"""Real sound through the worker: one recording in three codecs is one to the fingerprints, another tune is another."""

from __future__ import annotations

import asyncio
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile

from slskdn_tui.engine.audio.check import AudioChecker
from slskdn_tui.engine.audio.match import items, match

RATE, SECONDS = 22_050, 16


def song(seed: int) -> np.ndarray:
    """Chords of three notes with overtones, a new one each half second."""
    chance = np.random.default_rng(seed)
    time = np.arange(RATE // 2) / RATE
    out = []
    for _ in range(SECONDS * 2):
        chord = 110 * 2 ** (chance.choice(24, 3, replace=False) / 12)
        out.append(sum(np.sin(2 * np.pi * note * part * time) / part for note in chord for part in (1, 2, 3)) * np.exp(-2 * time))
    return np.concatenate(out) * 0.12


def test_one_recording_is_found_in_other_codecs_and_other_tunes_are_not(tmp_path: Path) -> None:
    files = {(seed, end): tmp_path / f"{seed}.{end}" for seed in range(3) for end in ("flac", "ogg", "mp3")}
    for (seed, _), path in files.items():
        soundfile.write(path, song(seed), RATE)

    async def told() -> list[str]:
        checker = AudioChecker()
        try:
            return [(await checker.analyse(path, want=("fingerprint",))).fingerprint for path in files.values()]
        finally:
            await checker.close()

    texts = asyncio.run(told())
    if not any(texts):
        pytest.skip("libchromaprint is not installed")
    for (first, a), (second, b) in combinations(zip(files, map(items, texts), strict=True), 2):
        best = match(a, b)
        assert best is not None and best.same == (first[0] == second[0]), (first, second, best)
