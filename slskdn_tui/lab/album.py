"""Synthesises the lab's album: a real release's tracklist as FLAC files full of made-up music. Shell; numpy does the work.

Chords, a bass, a beat and noise, all from a seed: the same bytes in every run with the same libraries, a few MB a track, as hard to compress as
music is. Tags carry the release's MusicBrainz ids.

    python -m slskdn_tui.lab.album OUT --seconds 20 [--retagged DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from slskdn_tui.lab.data import DEMO_RELEASE, MediumFact, ReleaseFact, TrackFact, credit_phrase, load_all, shortened

RATE = 44_100
SECONDS = 20.0
SEED = 2026
_UNSAFE = str.maketrans({"/": "_", "\\": "_", "\0": "_", ":": "_", "*": "_", "?": "_", '"': "_", "<": "_", ">": "_", "|": "_"})
_PROGRESSIONS = ((0, 5, 3, 4), (0, 3, 4, 4), (5, 3, 0, 4), (0, 4, 5, 3))
_SCALE = (0, 2, 4, 5, 7, 9, 11)


def folder_name(release: ReleaseFact) -> str:
    """`Artist - Album`."""
    return f"{release.artist_name} - {release.title}".translate(_UNSAFE)


def file_name(release: ReleaseFact, medium: MediumFact, track: TrackFact) -> str:
    """`01 Title.flac`, `1-01 Title.flac` where there are several discs."""
    disc = f"{medium.position}-" if len(release.media) > 1 else ""
    return f"{disc}{track.position:02} {track.title}.flac".translate(_UNSAFE)


def _audio(frames: int, key: str) -> Any:
    """int16 array (frames, 2) for a text key: the same for the same key."""
    import numpy as np

    chance = np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")))
    tempo = chance.uniform(84, 148)
    beat = int(RATE * 60 / tempo)
    root = 110.0 * 2 ** (chance.integers(-5, 7) / 12)
    progression = _PROGRESSIONS[chance.integers(len(_PROGRESSIONS))]
    time = np.arange(beat * 4, dtype=np.float32) / RATE
    fade = np.minimum(1, np.minimum(time * 40, (time[-1] - time) * 20 + 0.05)).astype(np.float32)
    bars = []
    for degree in progression:
        bar = np.zeros((len(time), 2), np.float32)
        for voice, step in enumerate((0, 2, 4, 7)):
            octave, note = divmod(degree + step, 7)
            pitch = root * 2 ** (octave + _SCALE[note] / 12)
            for partial, strength in ((1, 1.0), (2, 0.5), (3, 0.3), (5, 0.12)):
                wave = np.sin(2 * np.pi * pitch * partial * (1 + 0.001 * voice) * time + chance.uniform(0, 6.28)).astype(np.float32)
                pan = 0.5 + 0.4 * np.sin(voice * 2.1 + partial)
                bar += (wave * fade * (0.06 * strength))[:, None] * np.array([pan, 1 - pan], np.float32)
        octave, note = divmod(degree, 7)
        bass = np.sin(2 * np.pi * root / 2 * 2 ** (octave + _SCALE[note] / 12) * time).astype(np.float32)
        bars.append(bar + (np.tanh(3 * bass) * 0.16 * fade)[:, None])
    music = np.resize(np.concatenate(bars), (frames, 2)).copy()
    music *= (0.8 + 0.2 * np.sin(np.arange(frames, dtype=np.float32) * (2 * np.pi / frames)))[:, None]
    hit_length = RATE // 5
    decay = np.exp(-np.arange(hit_length, dtype=np.float32) / (RATE * 0.03))
    kick = np.sin(2 * np.pi * 55 * np.sqrt(np.arange(hit_length, dtype=np.float32) / RATE + 0.004) * 2).astype(np.float32) * decay * 0.4
    for count, start in enumerate(range(0, frames - hit_length, beat)):
        music[start : start + hit_length] += kick[:, None]
        if count % 2:
            # New noise every time: a repeated snare would let the file shrink.
            music[start : start + hit_length] += chance.standard_normal((hit_length, 2), np.float32) * (decay * 0.16)[:, None]
    music += chance.standard_normal((frames, 2), np.float32) * np.float32(0.02)
    edge = min(frames // 2, RATE // 20)
    ramp = np.linspace(0, 1, edge, dtype=np.float32)[:, None]
    music[:edge] *= ramp
    music[frames - edge :] *= ramp[::-1]
    return (np.clip(music, -0.98, 0.98) * 32767).astype(np.int16)


def _tag(path: Path, release: ReleaseFact, medium: MediumFact, track: TrackFact) -> None:
    from mutagen.flac import FLAC

    flac = FLAC(path)
    flac.clear()
    plain = [other for other in medium.tracks if not other.pregap]
    tags = {
        "TITLE": track.title,
        "ARTIST": credit_phrase(release.track_artist(track)),
        "ALBUM": release.title,
        "ALBUMARTIST": release.artist_name,
        "TRACKNUMBER": str(track.position),
        "TRACKTOTAL": str(len(plain)),
        "DISCNUMBER": str(medium.position),
        "DISCTOTAL": str(len(release.media)),
        "DATE": release.date,
        "LABEL": release.labels[0].name if release.labels else "",
        "MUSICBRAINZ_TRACKID": track.recording,
        "MUSICBRAINZ_RELEASETRACKID": track.mbid,
        "MUSICBRAINZ_ALBUMID": release.mbid,
        "MUSICBRAINZ_RELEASEGROUPID": release.group.mbid,
        "MUSICBRAINZ_ARTISTID": release.track_artist(track)[0].mbid,
    }
    for name, value in tags.items():
        if value:
            flac[name] = value
    flac.save(padding=lambda info: 1024)


def make_album(out_dir: Path, release: ReleaseFact, seconds: float = SECONDS, seed: int = SEED) -> tuple[Path, ...]:
    """Write the release below `out_dir` as `Artist - Album/01 Title.flac`; the mean track lasts `seconds`, as `shortened()` says. Paths in track order."""
    import soundfile

    short = shortened(release, seconds)
    folder = out_dir / folder_name(release)
    folder.mkdir(parents=True, exist_ok=True)

    def make(medium: MediumFact, track: TrackFact) -> Path:
        path = folder / file_name(release, medium, track)
        frames = (track.length or round(seconds * 1000)) * RATE // 1000
        soundfile.write(path, _audio(frames, f"{seed}:{track.recording}"), RATE, "PCM_16", format="FLAC")
        _tag(path, release, medium, track)
        return path

    wanted = [(medium, track) for medium in short.media for track in medium.tracks if not track.pregap and not track.video]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return tuple(pool.map(lambda pair: make(*pair), wanted))


def retag(source: Path, target: Path, *, comment: str = "ripped with love", keep_ids: bool = True) -> tuple[Path, ...]:
    """Copy a FLAC, or a folder of them, with other tags around the same audio: another size and hash, the same music.

    With `keep_ids` the copy still says which recording it is.
    """
    from mutagen.flac import FLAC

    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return tuple(
            path for file in sorted(source.glob("*.flac")) for path in retag(file, target / file.name, comment=comment, keep_ids=keep_ids)
        )
    shutil.copyfile(source, target)
    flac = FLAC(target)
    for name in [name for name in flac if not keep_ids and name.lower().startswith("musicbrainz_")]:
        del flac[name]
    flac["COMMENT"] = comment
    flac["GENRE"] = "Electronic"
    flac["ENCODED_BY"] = "another program"
    flac.save(padding=lambda info: 4096)
    return (target,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the album and print its files."""
    parser = argparse.ArgumentParser(prog="python -m slskdn_tui.lab.album", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="mean length of a track")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--retagged", type=Path, metavar="DIR", help="also write a copy with other tags")
    parser.add_argument("--release", default=DEMO_RELEASE, metavar="MBID")
    options = parser.parse_args(arguments)
    release = next((fact for fact in load_all() if fact.mbid == options.release), None)
    if release is None:
        parser.error(f"no facts of release {options.release}; known: {', '.join(fact.mbid for fact in load_all())}")
    paths = make_album(options.out, release, options.seconds, options.seed)
    if options.retagged is not None:
        for folder in dict.fromkeys(path.parent for path in paths):
            paths += retag(folder, options.retagged / folder.relative_to(options.out))
    for path in paths:
        sys.stdout.write(f"{path.stat().st_size:>10} {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
