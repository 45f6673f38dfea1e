"""The transcode test over a corpus of labelled FLACs (`masters/`, `neg/`, `fake/`, as the corpus maker leaves them): a table by class. `--help` says how."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from slskdn_tui.engine.audio.measure.spectrum import Spectrum
from slskdn_tui.engine.audio.transcode.judge import TranscodeTest
from slskdn_tui.model.audio import TranscodeVerdict

MORE: dict[str, tuple[str, str, str]] = {
    "mp2-192": ("twolame -b 192 {wav} {out}", "mp2", ""),
    "mp2-256": ("twolame -b 256 {wav} {out}", "mp2", ""),
    "mp3-320-to48": ("lame --quiet -b 320 {wav} {out}", "mp3", "-ar 48000"),
    "mp3-192-to48": ("lame --quiet -b 192 {wav} {out}", "mp3", "-af aresample=48000:dither_method=triangular"),
    "mp3-256-48to441": ("ffmpeg -v error -i {wav} -ar 48000 -c:a libmp3lame -b:a 256k {out}", "mp3", "-ar 44100"),
    "opus-128-441": ("opusenc --quiet --bitrate 128 {wav} {out}", "opus", "-ar 44100"),
    "wma-192": ("ffmpeg -v error -i {wav} -c:a wmav2 -b:a 192k {out}", "wma", ""),
}
FAMILIES = {"mp3": "MP3", "mp2": "MP2", "aac": "AAC", "vorbis": "Vorbis", "opus": "Opus"}


def make_more(corpus: Path) -> None:
    """What the corpus maker leaves out: MP2, and codecs resampled after decoding, into `extra/`."""
    (corpus / "extra").mkdir(exist_ok=True)
    for master in sorted((corpus / "masters").glob("*.flac")):
        with tempfile.TemporaryDirectory() as folder:
            wav, made = Path(folder, "in.wav"), Path(folder, "out.flac")
            subprocess.run(["flac", "-s", "-d", "-o", wav, master], check=True)
            for name, (encode, ending, decode) in MORE.items():
                coded = Path(folder, f"{name}.{ending}")
                subprocess.run([word.format(wav=wav, out=coded) for word in encode.split()], check=True, capture_output=True)
                words = ["ffmpeg", "-v", "error", "-y", "-i", str(coded), "-sample_fmt", "s16", *decode.split(), str(made)]
                subprocess.run(words, check=True)
                made.replace(corpus / "extra" / f"{master.stem}__{name}.flac")


def verdict(path: Path) -> TranscodeVerdict:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    test, spectrum = TranscodeTest(rate), Spectrum(rate)
    test.add(samples)
    spectrum.add(np.asfortranarray(samples))
    return test.verdict(spectrum.level())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--more", action="store_true", help="make MP2 and resampled copies first (twolame, lame, opusenc, ffmpeg, flac)")
    args = parser.parse_args()
    if args.more:
        make_more(args.corpus)
    paths = sorted(path for kind in ("masters", "neg", "fake", "extra") for path in (args.corpus / kind).glob("*.flac"))
    rows: dict[str, list[TranscodeVerdict]] = defaultdict(list)
    with ProcessPoolExecutor(2) as pool:
        for path, told in zip(paths, pool.map(verdict, paths, chunksize=4), strict=True):
            label = path.stem.partition("__")[2] or "master"
            rows[f"honest {label}" if path.parent.name in ("masters", "neg") else label].append(told)
    print(f"{'class':20} {'n':>4} {'confirmed':>9} {'named right':>11} {'suspect':>7} {'lowest':>7} {'highest':>7}")
    for label, found in sorted(rows.items()):
        kinds, family = Counter(each.kind for each in found), FAMILIES.get(label.partition("-")[0])
        right = sum(each.kind == "confirmed" and each.codec == family for each in found)
        levels = [each.measurement or 0.0 for each in found]
        print(f"{label:20} {len(found):4} {kinds['confirmed']:9} {right:11} {kinds['suspect']:7} {min(levels):7.1f} {max(levels):7.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
