"""One pass over real files in the worker: what is told of good ones, and of those that are damaged or pretend."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from slskdn_tui.engine.audio.check import WANTS, AudioChecker
from slskdn_tui.model.audio import AudioFacts

RATE, SECONDS = 44_100, 8


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of tones that change, as a FLAC."""
    time = np.arange(RATE * SECONDS) / RATE
    notes = 220 * 2 ** (np.floor(time * 2) * 5 % 12 / 12)
    wave = 0.3 * np.sin(2 * np.pi * np.cumsum(notes) / RATE) + 0.1 * np.sin(2 * np.pi * np.cumsum(notes * 3) / RATE)
    path = tmp_path_factory.mktemp("music") / "music.flac"
    soundfile.write(path, np.stack((wave, wave * 0.8), axis=1), RATE, "PCM_16")
    return path


def told(*paths: Path, wants: tuple[Collection[str], ...] = (WANTS,)) -> list[AudioFacts]:
    """By one worker, each path with each of `wants`."""

    async def run() -> list[AudioFacts]:
        checker = AudioChecker()
        async with asyncio.timeout(120):
            try:
                return [await checker.analyse(path, want=want) for path in paths for want in wants]
            finally:
                await checker.close()

    return asyncio.run(run())


def test_one_recording_in_four_formats_has_one_loudness_and_its_own_codec(music: Path, tmp_path: Path) -> None:
    samples, _ = soundfile.read(music)
    copies = [tmp_path / name for name in ("a.wav", "a.ogg", "a.mp3")]
    for copy in copies:
        soundfile.write(copy, samples, RATE)
    flac, wav, ogg, mp3 = facts = told(music, *copies)
    assert [item.codec for item in facts] == ["FLAC", "WAV", "Vorbis", "MP3"]
    assert [item.lossless for item in facts] == [True, True, False, False]
    assert not any(item.error for item in facts)
    assert flac.md5_ok is True and len(flac.audio_md5) == 32 and wav.md5_ok is None
    assert flac.codec_profile == "FLAC-16bit-44100Hz-2ch" and flac.duration_ms == SECONDS * 1000 and "libFLAC" in flac.encoder_signature
    assert mp3.bits is None and mp3.bitrate and f"MP3-{mp3.bitrate}kbps" in mp3.codec_profile
    assert flac.loudness_lufs is not None
    for item in (wav, ogg, mp3):
        assert item.loudness_lufs == pytest.approx(flac.loudness_lufs, abs=0.3)
    assert all(item.dynamic_range and item.has_clipping is False for item in facts)
    # Tones alone have too few lines to tell anything by; what is lossy is not asked whether it was.
    assert [item.verdict.kind for item in facts] == ["untestable", "untestable", "not_tested", "not_tested"]


def test_each_part_is_given_only_when_it_is_wanted(music: Path) -> None:
    head, printed = told(music, wants=(("headers",), ("fingerprint",)))
    assert (
        head.duration_ms == SECONDS * 1000
        and head.audio_md5
        and head.md5_ok is None
        and head.loudness_lufs is None
        and not head.fingerprint
    )
    assert printed.loudness_lufs is None and (printed.fingerprint_duration == SECONDS or not printed.fingerprint)


def test_damage_is_told_and_what_came_before_it_is_kept(music: Path, tmp_path: Path) -> None:
    whole = music.read_bytes()
    middle = len(whole) // 2
    contents = {
        "cut.flac": whole[:middle],
        "flipped.flac": whole[:middle] + bytes([whole[middle] ^ 0x55]) + whole[middle + 1 :],
        "page.flac": b"<html>not found</html>",
        "list.mp3": b"#EXTM3U\nhttp://127.0.0.1/\n",
        "empty.flac": b"",
        "noise.m4a": b"\0\0\0\x20ftypM4A " + os.urandom(4000),
        "noise.ape": b"MAC " + os.urandom(4000),
        "right.mp3": whole,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    with open(tmp_path / "sparse.flac", "wb") as sparse:
        sparse.truncate(5 * 1024**3)
    os.symlink(music, tmp_path / "link.flac")
    names = [*contents, "sparse.flac", "link.flac", "gone.flac"]
    facts = dict(zip(names, told(*(tmp_path / name for name in names)), strict=True))
    assert [name for name, item in facts.items() if not item.error] == ["right.mp3"] and facts["right.mp3"].codec == "FLAC"
    assert "empty" in facts["empty.flac"].error
    assert facts["cut.flac"].codec == "FLAC" and facts["cut.flac"].loudness_lufs is not None and facts["cut.flac"].md5_ok is None


def test_a_worker_killed_at_each_try_costs_that_file_only(music: Path) -> None:
    async def run() -> tuple[AudioFacts, AudioFacts]:
        checker = AudioChecker()
        ask: Callable[..., Awaitable[object]] = checker._ask

        async def dying(*args: object) -> object:
            await checker._started()
            assert checker.pid is not None
            os.kill(checker.pid, signal.SIGKILL)
            return await ask(*args)

        try:
            checker._ask = dying  # type: ignore[assignment,method-assign]
            first = await checker.analyse(music)
            checker._ask = ask  # type: ignore[assignment,method-assign]
            return first, await checker.analyse(music)
        finally:
            await checker.close()

    died, good = asyncio.run(run())
    assert "died" in died.error and not good.error and good.md5_ok


@pytest.mark.interop
@pytest.mark.parametrize(
    ("name", "options"), [("a.m4a", "-c:a aac"), ("b.m4a", "-c:a alac"), ("c.opus", "-c:a libopus"), ("d.wma", "-c:a wmav2"), ("e.wv", "")]
)
def test_what_ffmpeg_writes_is_read_to_its_end(name: str, options: str, music: Path, tmp_path: Path) -> None:
    import subprocess

    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / name
    subprocess.run(["ffmpeg", "-v", "error", "-i", music, *options.split(), path], check=True, timeout=60)
    original, facts = told(music, path)
    codec = {"a": "AAC", "b": "ALAC", "c": "Opus", "d": "WMA", "e": "WavPack"}[name[0]]
    assert not facts.error and facts.codec == codec and facts.lossless is (codec in ("ALAC", "WavPack")) and facts.duration_ms is not None
    assert abs(facts.duration_ms - SECONDS * 1000) < 120 and facts.loudness_lufs == pytest.approx(original.loudness_lufs, abs=0.5)


@pytest.mark.interop
def test_fpcalc_which_ends_with_code_3_is_heard_as_the_library_is(music: Path) -> None:
    from slskdn_tui.engine.audio.fingerprint import by_program

    if shutil.which("fpcalc") is None:
        pytest.skip("fpcalc is not installed")
    (facts,) = told(music, wants=(("fingerprint",),))
    assert facts.fingerprint and by_program(str(music)) == facts.fingerprint


STEPS = np.random.default_rng(5).uniform(-40, -8, 20)
SLOPE = np.concatenate([np.linspace(-30, -14, 5), np.full(15, -14.0)])
"""A tune that begins with a slope, on which one rank of a percentile is most of a LU."""


@pytest.mark.interop
@pytest.mark.parametrize("levels_db", [STEPS, SLOPE], ids=["steps", "slope"])
def test_loudness_and_range_are_those_of_ffmpegs_ebur128(tmp_path: Path, levels_db: npt.NDArray[np.float64]) -> None:
    import re
    import subprocess

    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    chance = np.random.default_rng(5)
    levels = np.repeat(10 ** (levels_db / 20), RATE)[:, None]
    path = tmp_path / "steps.flac"
    soundfile.write(path, levels * chance.uniform(-1, 1, (RATE * 20, 2)), RATE, "PCM_16")
    done = subprocess.run(
        ["ffmpeg", "-nostats", "-i", path, "-af", "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    summary = done.stderr[done.stderr.rindex("Summary") :]
    theirs = [float(re.search(rf"{name}:\s+(-?[\d.]+)", summary)[1]) for name in ("I", "LRA", "Peak")]  # type: ignore[index]
    (facts,) = told(path, wants=(("measures",),))
    assert facts.loudness_lufs == pytest.approx(theirs[0], abs=0.1) and facts.loudness_range == pytest.approx(theirs[1], abs=0.15)
    assert facts.true_peak is None or facts.true_peak == pytest.approx(theirs[2], abs=0.5)


def test_the_transcode_test_alone_gives_the_verdict_of_the_whole_pass(music: Path) -> None:
    whole, measured, tested = told(music, wants=(WANTS, ("measures", "fingerprint"), ("transcode",)))
    assert (tested.verdict, tested.loudness_lufs, tested.fingerprint) == (whole.verdict, None, "")
    assert (measured.verdict.kind, measured.loudness_lufs, measured.fingerprint) == ("not_tested", whole.loudness_lufs, whole.fingerprint)
