"""The one pass over audio files, in times real time a core, beside fpcalc and ffmpeg's ebur128 on the same files. `--help` says how."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from slskdn_tui.engine.audio.analyse import analyse
from slskdn_tui.engine.audio.transcode.banks import banks
from slskdn_tui.engine.audio.transcode.grid import measure
from slskdn_tui.engine.audio.transcode.segments import Segments


def generated(folder: Path, seconds: int) -> list[Path]:
    """Four minutes (or as told) of chords with noise and loud peaks, lossless and lossy."""
    chance, rate = np.random.default_rng(1), 44_100
    at, parts = np.arange(rate) / rate, []
    for _ in range(seconds):
        notes = 110 * 2 ** (chance.choice(36, 4, replace=False) / 12)
        wave = sum(np.sin(2 * np.pi * note * part * at) / part for note in notes for part in range(1, 6)) * np.exp(
            -at * chance.uniform(0, 4)
        )
        parts.append(np.clip(wave[:, None] * chance.uniform(0.05, 0.35) + chance.normal(0, 0.01, (rate, 2)), -0.99, 0.99))
    samples = np.concatenate(parts)
    paths = [folder / name for name in ("made.flac", "made.mp3", "made.ogg")]
    for path in paths:
        with soundfile.SoundFile(path, "w", rate, 2) as file:
            for start in range(0, len(samples), rate):  # libsndfile's Vorbis encoder fails on one large write
                file.write(samples[start : start + rate])
    return paths


def rival_cpu(path: Path) -> float:
    """CPU seconds of fpcalc and of ffmpeg's ebur128 together."""
    total = 0.0
    for words in (
        ["fpcalc", "-length", "120", str(path)],
        ["ffmpeg", "-nostats", "-v", "error", "-i", str(path), "-af", "ebur128", "-f", "null", "-"],
    ):
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(child.pid, 0)
        child.returncode = 0
        total += used.ru_utime + used.ru_stime
    return total


def print_banks(path: Path, runs: int) -> None:
    """CPU seconds each codec's filter bank takes for a file, of whatever length: three segments of it."""
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    segments = Segments(48_000)
    segments.add(samples)
    print("transcode test, CPU seconds a bank and file:", end="")
    for bank in banks(48_000):
        used = []
        for _ in range(runs):
            before = time.process_time()
            measure(segments.chosen(3), bank)
            used.append(time.process_time() - before)
        print(f" {bank.codec} {min(used):.3f}", end="")
    print()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="files to read; none: made here")
    parser.add_argument("--seconds", type=int, default=240, help="length of what is made")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = args.files or generated(Path(folder), args.seconds)
        analyse(str(files[0]), want=("measures", "fingerprint"))  # loads the libraries
        print_banks(files[0], args.runs)
        print(f"load {os.getloadavg()[0]:.1f}; CPU seconds, the least of {args.runs} runs, in one process")
        print(f"{'file':24} {'s':>6} {'ours':>7} {'x':>6} {'rivals':>7} {'x':>6} {'ratio':>6}")
        for path in files:
            ours, theirs = [], []
            for _ in range(args.runs):
                before = time.process_time()
                facts = analyse(str(path), want=("measures", "fingerprint"))
                ours.append(time.process_time() - before)
                theirs.append(rival_cpu(path))
            if facts.error or not facts.duration_ms:
                print(f"{path.name:24} {facts.error}")
                continue
            seconds, own, other = facts.duration_ms / 1000, min(ours), min(theirs)
            print(f"{path.name:24} {seconds:6.0f} {own:7.2f} {seconds / own:6.0f} {other:7.2f} {seconds / other:6.0f} {own / other:6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
