"""Loudness and loudness range of every file of corpora beside ffmpeg's ebur128, which tells tenths: how far apart at worst. `--help` says how."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from slskdn_tui.engine.audio.analyse import analyse

ENDINGS = frozenset({".flac", ".mp3", ".mp2", ".m4a", ".ogg", ".opus", ".wma"})
GOALS = {"loudness LU": 0.1, "range LU": 0.5}
QUIETEST = -69.0
"""LUFS; ffmpeg says -70 of what has no block above its gate, for which we say nothing."""


class Pair(NamedTuple):
    path: Path
    loudness: float
    range: float
    why: str = ""


def theirs(path: Path) -> tuple[float, float]:
    words = ["ffmpeg", "-nostats", "-hide_banner", "-threads", "1", "-i", str(path), "-map", "0:a:0", "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    said = said[said.rindex("Summary:") :]
    found = [re.search(rf"\b{name}:\s+(-?[\d.]+)", said) for name in ("I", "LRA")]
    assert found[0] and found[1], said
    return float(found[0][1]), float(found[1][1])


def compared(path: Path) -> Pair:
    loudness, range_ = theirs(path)
    ours = analyse(str(path), want=("measures",))
    if ours.error:
        return Pair(path, 0.0, 0.0, f"we cannot read it: {ours.error}")
    if ours.loudness_lufs is None:
        return Pair(path, 0.0, 0.0, "" if loudness < QUIETEST else f"we say nothing, they {loudness}")
    return Pair(path, ours.loudness_lufs - loudness, (ours.loudness_range or 0.0) - range_)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="corpora, as the corpus maker leaves them")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    paths = sorted(each for folder in args.folders for each in folder.rglob("*") if each.suffix in ENDINGS and each.is_file())
    with ThreadPoolExecutor(args.workers) as pool:  # most of the time is ffmpeg's, and numpy's, which hold no lock
        pairs = list(pool.map(compared, paths))
    odd = [each for each in pairs if each.why]
    for each in odd:
        print(f"{each.path}: {each.why}")
    print(f"{len(pairs)} files, {len(odd)} not compared")
    good = not odd
    for name, value in (("loudness LU", lambda pair: abs(pair.loudness)), ("range LU", lambda pair: abs(pair.range))):
        worst = max(pairs, key=value)
        above = sum(value(pair) > GOALS[name] for pair in pairs)
        good &= not above
        print(f"{name:12} goal {GOALS[name]:.1f}, worst {value(worst):.3f} ({worst.path}), beyond the goal: {above}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
