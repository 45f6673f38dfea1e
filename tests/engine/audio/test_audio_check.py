"""The decoder's process on real files: whole, damaged, hostile, and when the process itself dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy
import pytest
import soundfile

from slskdn_tui.engine.audio import worker
from slskdn_tui.engine.audio.check import AudioChecker, check_flac
from slskdn_tui.lab import data
from slskdn_tui.lab.album import make_album, retag


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_album(tmp_path_factory.mktemp("album"), data.load("the_love_bug")[0], seconds=3)[0]


def noise(path: Path, subtype: str | None = None, rate: int = 48000) -> Path:
    samples = numpy.random.default_rng(1).uniform(-0.5, 0.5, (30_000, 2))
    soundfile.write(path, samples, rate, subtype)
    return path


def play(story: Callable[[AudioChecker], Awaitable[None]]) -> None:
    async def run() -> None:
        checker = AudioChecker()
        async with asyncio.timeout(120):
            try:
                await story(checker)
            finally:
                await checker.close()

    asyncio.run(run())


def test_good_files_of_every_kind_pass_and_one_worker_does_them_all(song: Path, tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.flac"
    tagged.write_bytes(b"ID3\x03\0\0\0\0\x02\x00" + bytes(256) + song.read_bytes())

    async def story(checker: AudioChecker) -> None:
        result = await checker.check(song)
        assert result.ok and result.checked and result.md5 == result.stored_md5 != "" and result.samples == soundfile.info(song).frames
        assert (result.rate, result.channels, result.bits) == (44100, 2, 16) and result.md5 in result.words
        pid = checker.pid
        assert (await checker.check(tagged)).md5 == result.md5
        for subtype, bits in (("PCM_S8", 8), ("PCM_16", 16), ("PCM_24", 24)):
            other = await checker.check(noise(tmp_path / f"{subtype}.flac", subtype))
            assert other.ok and other.bits == bits and other.md5 == other.stored_md5, other.words
        for name in ("a.ogg", "a.mp3", "a.wav"):
            lossy = await checker.check(noise(tmp_path / name))
            assert lossy.ok and lossy.checked and "no checksum" in lossy.words and not lossy.md5
        assert checker.pid == pid and checker.restarts == 0

    play(story)


def test_every_sort_of_damage_is_told(song: Path, tmp_path: Path) -> None:
    whole = song.read_bytes()
    stored = whole.index(b"fLaC") + 8 + 18
    middle = len(whole) // 2
    cases = {
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 0x55]) + whole[middle + 1 :],
        "swapped": whole[:stored] + bytes(15) + b"1" + whole[stored + 16 :],
        "zeros": whole[:middle] + bytes(65536) + whole[middle + 65536 :],
        "page": b"<html>not found</html>",
        "empty": b"",
    }

    async def story(checker: AudioChecker) -> None:
        for name, content in cases.items():
            path = tmp_path / f"{name}.flac"
            path.write_bytes(content)
            result = await checker.check(path)
            assert not result.ok and result.checked and result.words, name
        # Neither length nor MD5 in agreement, and no MD5 stored: the length alone must tell.
        samples = int.from_bytes(whole[stored - 8 : stored], "big") + 4096
        longer = tmp_path / "longer.flac"
        longer.write_bytes(whole[: stored - 8] + samples.to_bytes(8, "big") + bytes(16) + whole[stored + 16 :])
        assert not (await checker.check(longer)).ok
        unset = tmp_path / "unset.flac"
        unset.write_bytes(whole[:stored] + bytes(16) + whole[stored + 16 :])
        result = await checker.check(unset)
        assert result.ok and "no audio MD5" in result.words

    play(story)


def test_what_cannot_be_read_gives_no_verdict(song: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.flac")
    (tmp_path / "link.flac").symlink_to(song)

    async def story(checker: AudioChecker) -> None:
        for name in ("missing.flac", "fifo.flac", "link.flac", "."):
            result = await checker.check(tmp_path / name)
            assert not result.ok and not result.checked and result.words, name

    play(story)


def test_the_worker_is_nice_and_limited_in_memory_and_seconds_a_file(song: Path) -> None:
    async def story(checker: AudioChecker) -> None:
        spent = []
        for _ in range(2):
            await checker.check(song)
            lines = Path(f"/proc/{checker.pid}/limits").read_text().splitlines()
            soft = {line[:26].strip(): line[26:].split()[0] for line in lines}
            assert soft["Max address space"] == str(worker.MEMORY) and soft["Max core file size"] == "0"
            spent.append(int(soft["Max cpu time"]))
            assert checker.pid is not None and os.getpriority(os.PRIO_PROCESS, checker.pid) >= 10
        assert worker.CPU_SECONDS_A_FILE <= spent[0] <= spent[1] <= worker.CPU_SECONDS_A_FILE + 60, "anew for each file"

    play(story)


def test_a_worker_that_was_killed_is_replaced_unnoticed(song: Path) -> None:
    async def story(checker: AudioChecker) -> None:
        await checker.check(song)
        assert checker.pid is not None
        os.kill(checker.pid, signal.SIGKILL)
        assert (await checker.check(song)).ok

    play(story)


def test_cancelling_ends_the_decoder_and_the_next_file_is_checked_all_the_same(song: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.flac"
    soundfile.write(long, numpy.random.default_rng(2).integers(-9000, 9000, (44100 * 120, 2), numpy.int16), 44100)

    async def story(checker: AudioChecker) -> None:
        await checker.check(song)
        pid = checker.pid
        assert pid is not None
        task = asyncio.ensure_future(checker.check(long))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert (await checker.check(song)).ok and checker.pid != pid

    play(story)


def test_the_same_music_under_other_tags_has_the_same_audio(song: Path, tmp_path: Path) -> None:
    (copy,) = retag(song, tmp_path / "copy.flac")
    one, other = asyncio.run(check_flac(song)), asyncio.run(check_flac(copy))
    assert one.ok and other.ok and one.md5 == other.md5
    assert song.read_bytes() != copy.read_bytes()
