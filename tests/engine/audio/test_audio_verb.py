"""`slskdn audio inspect` on real files, through the worker."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from slskdn_tui.cli.present.audio import fact_lines
from slskdn_tui.cli.present.render import Look
from slskdn_tui.main import main
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.text import SafeText

KEYS = "quality_score transcode_suspect verdict codec evidence bitrate dynamic_range loudness_lufs loudness_range true_peak has_clipping encoder_signature"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`2.flac` (clipped), `a/1.flac`, a text file, and a link back to the top."""
    top = tmp_path_factory.mktemp("music")
    (top / "a").mkdir()
    noise = np.random.default_rng(1).uniform(-0.2, 0.2, (44_100 * 4, 2))
    soundfile.write(top / "a" / "1.flac", noise, 44_100, "PCM_16")
    noise[5000:5040] = 1.0
    soundfile.write(top / "2.flac", noise, 44_100, "PCM_16")
    (top / "notes.txt").write_text("no audio")
    os.symlink(top, top / "a" / "loop")
    return top


def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: object) -> tuple[int, str, str]:
    code = main(["--profile", str(tmp_path / "profile"), "audio", "inspect", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_folder_is_walked_and_each_file_is_one_json_line_with_the_roadmaps_keys(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, tmp_path, folder, "--json")
    clipped, plain = (json.loads(line) for line in out.splitlines())
    assert code == 0 and [clipped["path"], plain["path"]] == [str(folder / "2.flac"), str(folder / "a" / "1.flac")]
    assert set(KEYS.split()) | {"path", "reasons", "fingerprint"} <= set(plain)
    assert (clipped["has_clipping"], plain["has_clipping"]) == (True, False) and plain["md5_ok"] is True
    assert plain["verdict"] == "untestable" and plain["transcode_suspect"] is None
    assert 0.5 < clipped["quality_score"] < plain["quality_score"] <= 1 and any(
        "clipped in 2 places" in reason for reason in clipped["reasons"]
    )
    assert "shorter than 8 s" in str(plain["reasons"]) and plain["evidence"]["method_version"] == 2


def test_damaged_and_absent_files_are_named_and_the_others_are_told_all_the_same(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.flac"
    bad.write_bytes((folder / "2.flac").read_bytes()[:60_000])
    os.symlink(folder / "2.flac", tmp_path / "link.flac")
    code, out, _ = run(capsys, tmp_path, bad, tmp_path / "link.flac")
    assert code == 1 and f"{bad}\n  error: " in out and "clipped in 2 places" in out and max(map(len, out.splitlines())) <= 200
    code, out, err = run(capsys, tmp_path, tmp_path / "gone.flac", folder / "notes.txt")
    assert code == 4 and "gone.flac is not there" in err and "notes.txt\n  error: not decodable" in out


def test_the_text_fits_80_columns_and_shows_a_verdict_with_its_evidence() -> None:
    facts = AudioFacts(
        *("FLAC", "FLAC-16bit-44100Hz-2ch", "FLAC", 44_100, 16, 2, 243_000, 912, True, -9.84, 5.2, 0.31, 6.1, True, 12, 20_100),
        encoder_signature=SafeText("reference libFLAC 1.4.2 20221022 " + "with many words " * 5),
        verdict=TranscodeVerdict(
            "confirmed", "MP3", 93.0, 15.0, 1, (SafeText("many lines of MP3's filterbank fall to zero at one offset"),)
        ),
    )
    lines = fact_lines("x.flac", facts, Look(80))
    text = "\n".join(lines)
    assert "quality score not known" in " ".join(line.strip() for line in lines)
    assert max(map(len, lines)) <= 80 and all(line.startswith("  ") for line in lines[1:])
    for words in (
        "loudness -9.8 LUFS",
        "true peak +0.3 dBTP",
        "4:03",
        "clipped in 12 places",
        "lossy confirmed (MP3: measured 93.0, threshold 15.0)",
    ):
        assert words in text
