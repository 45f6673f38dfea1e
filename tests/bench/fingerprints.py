"""Does the matcher know one recording in every codec, and keep apart different tunes, and one tune under two soundfonts?

    python tests/bench/fingerprints.py MIDI_FOLDER [--tunes 60] [--seconds 40] [--jobs 1]

Each MIDI file below the folder is rendered by FluidSynth under two soundfonts (Debian: fluidsynth fluid-soundfont-gm timgm6mb-soundfont); the
first rendering becomes MP3, AAC, Vorbis, Opus and a quieter, resampled FLAC (ffmpeg). All are decoded and fingerprinted as the scanner does it.
Prints counts and the nearest miss of each kind as JSON; exit code 1 when one pair is judged wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from slskdn_tui.engine.audio.analyse import analyse
from slskdn_tui.engine.audio.match import items, match

FONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf2/TimGM6mb.sf2")
CODECS = {
    "mp3": ["-c:a", "libmp3lame", "-b:a", "128k"],
    "m4a": ["-c:a", "aac", "-b:a", "128k"],
    "ogg": ["-c:a", "libvorbis", "-q:a", "4"],
    "opus": ["-c:a", "libopus", "-b:a", "96k"],
    "flac": ["-ar", "48000", "-af", "volume=-4dB"],
}
Print = tuple[int, ...]


def sound(path: Path) -> Print:
    found = analyse(str(path), want=frozenset({"fingerprint"}))
    return items(found.fingerprint) if found.fingerprint else ()


def renderings(midi: Path, work: Path, seconds: int) -> tuple[dict[str, Print], Print] | None:
    """Fingerprints of the first rendering by codec, and of the second; None for a tune that is too short or cannot be played."""
    name = hashlib.sha256(midi.read_bytes()).hexdigest()[:12]
    played = []
    for number, font in enumerate(FONTS):
        raw, cut = work / f"{name}-{number}.raw.wav", work / f"{name}-{number}.wav"
        subprocess.run(
            ["fluidsynth", "-ni", "-q", "-g", "0.5", "-r", "44100", "-F", raw, font, midi], capture_output=True, timeout=120, check=False
        )
        if not raw.exists():
            return None
        run("-t", str(seconds), "-i", str(raw), str(cut))
        raw.unlink()
        played.append(cut)
    prints = {"wav": sound(played[0])}
    for ending, options in CODECS.items():
        coded = work / f"{name}.{ending}"
        run("-i", str(played[0]), *options, str(coded))
        prints[ending] = sound(coded)
        coded.unlink()
    other = sound(played[1])
    for path in played:
        path.unlink()
    return (prints, other) if min(map(len, (*prints.values(), other))) >= 100 else None


def run(*options: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *options], check=True, stdin=subprocess.DEVNULL)


def judged(pairs: Iterator[tuple[Print, Print]]) -> tuple[int, int, list[float]]:
    """(pairs, of them the same recording, their BER in order)."""
    found = [match(*pair) for pair in pairs]
    return len(found), sum(each is not None and each.same for each in found), sorted(each.ber for each in found if each is not None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("midi", type=Path)
    parser.add_argument("--tunes", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    files = {hashlib.sha256(path.read_bytes()).digest(): path for path in sorted(options.midi.rglob("*.mid"))}
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(options.jobs) as pool:
        made = pool.map(lambda path: renderings(path, Path(work), options.seconds), files.values())
        tunes = list(itertools.islice((each for each in made if each is not None), options.tunes))
        pool.shutdown(cancel_futures=True)
    same = judged(pair for prints, _ in tunes for pair in itertools.combinations(prints.values(), 2))
    fonts = judged((prints["wav"], other) for prints, other in tunes)
    apart = judged((first[0][codec], second[0][codec]) for first, second in itertools.combinations(tunes, 2) for codec in first[0])
    print(
        json.dumps(
            {
                "tunes": len(tunes),
                "same recording, other codec": {"pairs": same[0], "matched": same[1], "highest BER": round(same[2][-1], 3)},
                "one tune, two soundfonts": {"pairs": fonts[0], "matched": fonts[1], "lowest BER": round(fonts[2][0], 3)},
                "different tunes": {"pairs": apart[0], "matched": apart[1], "lowest BER": round(apart[2][0], 3)},
            }
        )
    )
    return 0 if same[0] == same[1] and not fonts[1] and not apart[1] else 1


if __name__ == "__main__":
    sys.exit(main())
