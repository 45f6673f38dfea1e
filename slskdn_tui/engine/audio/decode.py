"""Opens a stranger's audio file by its content and gives its samples block by block. Shell; loads numpy and soundfile, so only the worker uses it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from slskdn_tui.engine.audio import flac
from slskdn_tui.model.codec import is_lossless

FRAMES = 1 << 16
MOST_CHANNELS = 32
_HEAD = 64 * 1024
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
# FFmpeg is told the container, so that none of its playlist or network formats is ever tried on a stranger's file.
_FOR_FFMPEG = {b"MAC ": "ape", b"wvpk": "wv", b"TTA1": "tta", b"MPCK": "mpc8", b"MP+": "mpc", b"DSD ": "dsf", _ASF: "asf"}
_CONTAINERS = {"WAVEX": "WAV", "RF64": "WAV", "W64": "WAV", "OGG": "Ogg", "mov": "MP4", "ogg": "Ogg", "aac": "ADTS"}
_BY_SUBTYPE = {"MPEG_LAYER_III": "MP3", "MPEG_LAYER_II": "MP2", "VORBIS": "Vorbis", "OPUS": "Opus", "ALAC_16": "ALAC", "ALAC_24": "ALAC"}
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_FFMPEG_CODECS = {
    "aac": "AAC",
    "alac": "ALAC",
    "opus": "Opus",
    "ape": "APE",
    "wavpack": "WavPack",
    "tta": "TTA",
    "mp3": "MP3",
    "flac": "FLAC",
}

Block = npt.NDArray[np.float32]


class NotAudio(ValueError):
    """Nothing here can be decoded; the words say why."""


@dataclass(slots=True)
class Sound:
    """An open file. `frames` as declared, 0 for unknown; `bits` None for lossy codecs; `blocks()` decodes, [n, channels] in -1..1.

    With `info` (a FLAC) each block's packed bytes go to `digest`, when one is set, as STREAMINFO's MD5 wants them.
    """

    codec: str
    container: str
    rate: int
    channels: int
    bits: int | None
    lossless: bool
    frames: int
    info: flac.StreamInfo | None
    blocks: Callable[[], Iterator[Block]]
    digest: Any = None


class Behind:
    """A file seen from `start` on: libsndfile wants fLaC first, so a tag in front is stepped over."""

    def __init__(self, file: Any, start: int) -> None:
        self._file, self._start = file, start
        file.seek(start)

    def read(self, size: int = -1) -> bytes:
        return bytes(self._file.read(size))

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset + self._start if whence == 0 else offset, whence)) - self._start

    def tell(self) -> int:
        return int(self._file.tell()) - self._start


def packed(block: Any, bits: int) -> bytes:
    """Left-justified 32-bit samples as FLAC's MD5 takes them: interleaved, little-endian, in as few whole bytes as `bits` need."""
    samples = block >> (32 - bits)
    width = (bits + 7) // 8
    if width == 4:
        return bytes(samples.astype("<i4").tobytes())
    if width == 2:
        return bytes(samples.astype("<i2").tobytes())
    if width == 1:
        return bytes(samples.astype("i1").tobytes())
    rows = samples.astype("<i4").reshape(-1, 1).view(np.uint8)
    return bytes(rows[:, :width].tobytes())


def demuxer(head: bytes) -> str:
    """FFmpeg's name for a container that libsndfile does not read (or Opus, which it reads slowly); "" for all others."""
    for magic, name in _FOR_FFMPEG.items():
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"OggS" and b"OpusHead" in head[:64]:
        return "ogg"
    # ADTS has MPEG audio's sync word with a layer of 0, which MPEG audio never has.
    return "aac" if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0 else ""


@contextmanager
def opened(path: str) -> Iterator[tuple[Sound, Any]]:
    """The file as `Sound`, and its raw file object (for tags). NotAudio, OSError; a link is not followed."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotAudio("not a regular file")
        if not status.st_size:
            raise NotAudio("the file is empty")
        front, info = _front(fd)
        name = demuxer(os.pread(fd, 64, front))
        with open(os.dup(fd), "rb", buffering=1 << 16) as raw:
            if name:
                with _ffmpeg(raw, name) as sound:
                    yield sound, raw
                return
            try:
                file = soundfile.SoundFile(Behind(raw, front) if info and front else raw)
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise NotAudio(f"not decodable: {getattr(error, 'error_string', error)}") from None
            with file:
                yield _sndfile(file, info), raw
    finally:
        os.close(fd)


def _front(fd: int) -> tuple[int, flac.StreamInfo | None]:
    """Where the file begins behind an ID3 tag, and STREAMINFO when it is a FLAC. NotAudio for a damaged one."""
    try:
        front = flac.id3_length(os.pread(fd, _HEAD, 0))
        if os.pread(fd, 4, front) == b"fLaC":
            return front, flac.parse_head(os.pread(fd, _HEAD, front)).streaminfo
    except flac.NeedMore:
        return 0, None
    except ValueError as error:
        raise NotAudio(f"damaged FLAC header: {error}") from None
    return front, None


def _sound(codec: str, container: str, rate: int, channels: int, bits: int | None, frames: int, blocks: Any, info: Any = None) -> Sound:
    if not 1 <= channels <= MOST_CHANNELS or not 1000 <= rate <= 3_000_000:
        raise NotAudio(f"no real audio has {channels} channels at {rate} Hz")
    lossless = is_lossless(codec) and (bits is not None or codec not in ("WAV", "AIFF"))
    return Sound(codec, _CONTAINERS.get(container, container), rate, channels, bits, lossless, frames, info, blocks)


def _sndfile(file: Any, info: flac.StreamInfo | None) -> Sound:
    def blocks() -> Iterator[Block]:
        try:
            if info is None:
                while len(block := file.read(FRAMES, dtype="float32", always_2d=True)):
                    yield block
            else:
                while len(exact := file.read(FRAMES, dtype="int32", always_2d=True)):
                    if sound.digest is not None:
                        sound.digest.update(packed(exact, info.bits))
                    yield exact.astype(np.float32) * np.float32(2.0**-31)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise NotAudio(str(error)) from None

    codec = _BY_SUBTYPE.get(file.subtype) or _CONTAINERS.get(file.format, file.format)
    frames = file.frames if 0 < file.frames < 1 << 60 else 0
    bits = info.bits if info else _BITS.get(file.subtype)
    sound = _sound(codec, file.format, file.samplerate, file.channels, bits, frames, blocks, info)
    return sound


@contextmanager
def _ffmpeg(raw: Any, name: str) -> Iterator[Sound]:
    import av

    try:
        container = av.open(raw, mode="r", format=name, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise NotAudio(f"not decodable: {error.strerror if isinstance(error, OSError) else error}") from None
    with container:
        if not container.streams.audio:
            raise NotAudio("no audio in it")
        stream = container.streams.audio[0]
        context = stream.codec_context
        rate, channels = context.sample_rate, context.channels

        def blocks() -> Iterator[Block]:
            resampler = av.AudioResampler(format="fltp")
            parts, held = [], 0
            try:
                for frame in container.decode(stream):
                    for planes in resampler.resample(frame):
                        part = planes.to_ndarray().T
                        if part.shape[1] != channels or planes.sample_rate != rate:
                            raise NotAudio("its format changes on the way")
                        parts.append(part)
                        held += len(part)
                    if held >= FRAMES:
                        yield np.ascontiguousarray(np.concatenate(parts), np.float32)
                        parts, held = [], 0
            except (av.FFmpegError, ValueError) as error:
                raise NotAudio(str(error)) from None
            if parts:
                yield np.ascontiguousarray(np.concatenate(parts), np.float32)

        codec = _FFMPEG_CODECS.get(context.name.removesuffix("_fixed").removesuffix("float"), "")
        codec = codec or next(
            (word for start, word in (("wma", "WMA"), ("musepack", "Musepack"), ("dsd", "DSD")) if context.name.startswith(start)),
            context.name,
        )
        frames = int(stream.duration * stream.time_base * rate) if stream.duration and stream.time_base else 0
        yield _sound(codec, name, rate, channels, None, frames, blocks)
