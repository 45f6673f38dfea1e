"""The transcode test through `slskdn audio inspect`, on what real encoders make. Marked interop: ffmpeg is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import soundfile

from slskdn_tui.main import main
from tests.fakes.lossy import RATE, music, rounded

pytestmark = pytest.mark.interop

MADE = {
    "mp3-128": ("MP3", "mp3", "-c:a libmp3lame -b:a 128k", ""),
    "mp3-320": ("MP3", "mp3", "-c:a libmp3lame -b:a 320k", ""),
    "mp3-quieter-and-cut": ("MP3", "mp3", "-c:a libmp3lame -q:a 0", "-ss 0.777 -af volume=-1.7dB"),
    "mp3-dithered": ("MP3", "mp3", "-c:a libmp3lame -b:a 192k", "-af aresample=osf=s16:dither_method=triangular"),
    "mp3-24-bit": ("MP3", "mp3", "-c:a libmp3lame -b:a 256k", "-sample_fmt s32"),
    "mp2-192": ("MP2", "mp2", "-c:a mp2 -b:a 192k", ""),
    "aac-128": ("AAC", "m4a", "-c:a aac -b:a 128k", ""),
    "aac-256": ("AAC", "m4a", "-c:a aac -b:a 256k", ""),
    "vorbis-q5": ("Vorbis", "ogg", "-c:a libvorbis -q:a 5", ""),
    "opus-128": ("Opus", "opus", "-c:a libopus -b:a 128k", ""),
    "opus-to-44.1": ("Opus", "opus", "-c:a libopus -b:a 128k", "-ar 44100"),
    "mp3-to-48": ("MP3", "mp3", "-c:a libmp3lame -b:a 320k", "-ar 48000"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`honest.flac`, and one FLAC for each of MADE, of the audio an encoder and a decoder have been over."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    top = tmp_path_factory.mktemp("fakes")
    soundfile.write(top / "honest.flac", rounded(music(10.0)), RATE, "PCM_16")
    for name, (_, ending, encode, decode) in MADE.items():
        middle = top / f"middle.{ending}"
        depth = [] if "-sample_fmt" in decode else ["-sample_fmt", "s16"]
        for words in (
            [top / "honest.flac", *encode.split(), middle],
            [middle, *decode.split(), *depth, top / f"{name}.flac"],
        ):
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", *words], check=True, timeout=60)
        middle.unlink()
    return top


def told(capsys: pytest.CaptureFixture[str], tmp_path: Path, *paths: Path) -> dict[str, dict[str, object]]:
    assert main(["--profile", str(tmp_path / "profile"), "audio", "inspect", "--json", *map(str, paths)]) == 0
    return {Path(line["path"]).stem: line for line in map(json.loads, capsys.readouterr().out.splitlines())}


def test_what_real_encoders_made_is_confirmed_with_its_codec_and_the_original_is_not(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = told(capsys, tmp_path, folder)
    honest = answers.pop("honest")
    assert honest["verdict"] == "no evidence" and honest["transcode_suspect"] is False
    found = {name: (line["verdict"], line["evidence"]["codec"]) for name, line in answers.items()}  # type: ignore[index]
    assert found == {name: ("lossy confirmed", codec) for name, (codec, *_) in MADE.items()}


def test_neither_container_nor_flac_level_changes_the_verdict(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copies = []
    for name in ("honest", "mp3-320"):
        for ending, options in (
            ("wav", ""),
            ("wv", ""),
            ("m4a", "-c:a alac"),
            ("flac", "-compression_level 0"),
            ("flac", "-compression_level 12"),
        ):
            copies.append(tmp_path / f"{name}{len(copies)}.{ending}")
            subprocess.run(["ffmpeg", "-v", "error", "-i", folder / f"{name}.flac", *options.split(), copies[-1]], check=True, timeout=60)
    answers = list(told(capsys, tmp_path, *copies).values())
    evidence = [(line["verdict"], line["evidence"]["codec"], line["evidence"]["measurement"]) for line in answers]  # type: ignore[index]
    assert (
        len(set(evidence[:5])) == 1
        and len(set(evidence[5:])) == 1
        and evidence[0][0] == "no evidence"
        and evidence[5][:2] == ("lossy confirmed", "MP3")
    )
