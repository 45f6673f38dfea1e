"""What a remote file promises: codec, format and quality from what its user claims, and what does not add up. Core.

Claims are cheap. Size and length are known better than the rest, so they are held against the claimed codec and bitrate: that gives a
`warning`, which is a hint and never a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.codec import codec_of, is_lossless

LEAST_KBPS, MOST_KBPS = 8, 60_000
ALAC_FROM_KBPS = 500
"""AAC does not go so high: an `m4a` above is ALAC."""
LOSSLESS_LEAST = 0.24
"""Of uncompressed stereo; 44.1 kHz 16 bit at 339 kbit/s. Below it the file is mono, very quiet, or an MP3 under another name."""
LOSSLESS_MOST = 1.08
ART_BYTES = 8 * 1024 * 1024
"""Pictures and tags may be so large before a size looks odd."""
LOSSY_GRACE = 0.2
_MP3_CURVE = ((32, 0.05), (64, 0.12), (96, 0.2), (128, 0.32), (160, 0.42), (192, 0.5), (224, 0.57), (256, 0.63), (320, 0.72))
_WORTH = {"AAC": 1.25, "Vorbis": 1.25, "Opus": 1.5, "Musepack": 1.2, "WMA": 1.0, "MP3": 1.0, "MP2": 0.7}
"""How many MP3 kilobits one kilobit of a codec is worth."""
_PACKED = frozenset({"FLAC", "ALAC", "APE", "WavPack", "TTA"})


@dataclass(frozen=True, slots=True)
class Expected:
    """`quality` 0-1 (CD-quality lossless 0.85, MP3 at 320 kbit/s 0.72), None for what is no audio or says too little; `kbps` as claimed, else from
    size and length; `warning` says what does not add up, empty when nothing does."""

    codec: str
    lossless: bool
    quality: float | None
    kbps: int | None
    warning: str = ""


def claimed(value: int | None, least: int, most: int) -> int | None:
    """An attribute within reason, None else: peers send zeros and nonsense."""
    return value if value is not None and least <= value <= most else None


def expect(file: FoundFile) -> Expected:
    """What to expect of a file. Never raises, whatever the attributes are."""
    codec = codec_of(file.name) or codec_of(file.extension)
    if not codec:
        return Expected("", False, None, None)
    seconds = claimed(file.seconds, 1, 7 * 86_400)
    by_size = file.size * 8 // 1000 // seconds if seconds else None
    kbps = claimed(file.bitrate, LEAST_KBPS, MOST_KBPS) or claimed(by_size, 1, MOST_KBPS)
    if codec == "AAC" and kbps is not None and kbps >= ALAC_FROM_KBPS:
        codec = "ALAC"
    lossless = is_lossless(codec)
    quality = _lossless_quality(file, codec) if lossless else _lossy_quality(codec, kbps)
    warning = _lossless_warning(file, codec, seconds) if lossless else _lossy_warning(file, seconds)
    return Expected(codec, lossless, quality, kbps, warning)


def _lossless_quality(file: FoundFile, codec: str) -> float:
    if codec == "DSD":
        return 0.95
    bits, rate = claimed(file.bit_depth, 1, 64), claimed(file.sample_rate, 1000, 800_000)
    quality = 0.85
    if bits is not None and bits < 16:
        quality -= 0.25
    if rate is not None and rate < 44_100:
        quality -= 0.25
    if bits is not None and bits > 16:
        quality += 0.05
    if rate is not None and rate > 50_000:
        quality += 0.05
    return round(quality, 4)


def _lossy_quality(codec: str, kbps: int | None) -> float | None:
    if kbps is None:
        return None
    worth = kbps * _WORTH.get(codec, 1.0)
    low, low_quality = 0.0, 0.0
    for high, quality in _MP3_CURVE:
        if worth <= high:
            return round(low_quality + (quality - low_quality) * (worth - low) / (high - low), 4)
        low, low_quality = high, quality
    return round(min(0.78, low_quality + (worth - low) / 3000), 4)


def _lossless_warning(file: FoundFile, codec: str, seconds: int | None) -> str:
    if not seconds or codec == "DSD":
        return ""
    bits, rate = claimed(file.bit_depth, 8, 32) or 16, claimed(file.sample_rate, 8000, 400_000) or 44_100
    plain = rate * bits * 2 / 8  # bytes a second of uncompressed stereo
    words = f"{file.size * 8 // 1000 // seconds} kbit/s by size and length"
    if codec in _PACKED and file.size < plain * LOSSLESS_LEAST * max(0, seconds - 1):
        return f"small for lossless: {words}; mono, very quiet, or not lossless"
    if codec not in _PACKED and file.size < plain / 2 * 0.9 * max(0, seconds - 1):
        return f"size does not fit its length: {words}"
    if file.size > plain * LOSSLESS_MOST * (seconds + 1) + ART_BYTES and file.bit_depth is not None and file.sample_rate is not None:
        return f"larger than uncompressed sound: {words}"
    return ""


def _lossy_warning(file: FoundFile, seconds: int | None) -> str:
    says = claimed(file.bitrate, LEAST_KBPS, MOST_KBPS)
    if not seconds or says is None or seconds < 5:
        return ""
    wanted = says * 1000 / 8
    if file.size < wanted * (1 - LOSSY_GRACE) * (seconds - 1) or file.size > wanted * (1 + LOSSY_GRACE) * (seconds + 1) + ART_BYTES:
        return f"size does not fit its length: says {says} kbit/s, is {file.size * 8 // 1000 // seconds}"
    return ""


def format_words(file: FoundFile, found: Expected) -> str:
    """A file's format in a few characters: `FLAC 16/44.1`, `FLAC 24/96`, `MP3 320`, `Opus`; its extension when it is no audio."""
    if not found.codec:
        return file.extension[:8]
    if found.lossless:
        bits, rate = claimed(file.bit_depth, 1, 64), claimed(file.sample_rate, 1000, 20_000_000)
        tail = f"{bits or '?'}/{rate / 1000:g}" if rate else f"{bits} bit" if bits else ""
    else:
        tail = str(found.kbps) if found.kbps is not None else ""
    return f"{found.codec} {tail}".rstrip()


def formats_words(pairs: Iterable[tuple[FoundFile, Expected]]) -> str:
    """A folder's audio formats, the commonest first, at most two: `FLAC 16/44.1`, `FLAC + MP3`, `MP3 192-320`."""
    whole: dict[str, int] = {}
    by_codec: dict[str, list[int]] = {}
    for file, found in pairs:
        if found.codec:
            words = format_words(file, found)
            whole[words] = whole.get(words, 0) + 1
            by_codec.setdefault(found.codec, []).append(0 if found.lossless else found.kbps or 0)
    if len(whole) == 1:
        return next(iter(whole))
    names = sorted(by_codec, key=lambda name: (-len(by_codec[name]), name))
    if len(names) == 1:
        rates = sorted(rate for rate in by_codec[names[0]] if rate)
        return f"{names[0]} {rates[0]}-{rates[-1]}" if rates else names[0]
    return " + ".join(names[:2]) + (" …" if len(names) > 2 else "")
