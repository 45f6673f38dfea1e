"""Names of audio codecs by file extension, which are lossless, and codec profiles. Core."""

from __future__ import annotations

CODECS: dict[str, str] = {
    "flac": "FLAC",
    "wav": "WAV",
    "aif": "AIFF",
    "aiff": "AIFF",
    "ape": "APE",
    "wv": "WavPack",
    "tta": "TTA",
    "alac": "ALAC",
    "dsf": "DSD",
    "dff": "DSD",
    "mp3": "MP3",
    "m4a": "AAC",
    "aac": "AAC",
    "mp4": "AAC",
    "ogg": "Vorbis",
    "oga": "Vorbis",
    "opus": "Opus",
    "wma": "WMA",
    "mpc": "Musepack",
    "mp2": "MP2",
}
"""Extension (lower case, no dot) to codec; `m4a` counts as AAC until the file itself says ALAC."""

LOSSLESS = frozenset({"FLAC", "WAV", "AIFF", "APE", "WavPack", "TTA", "ALAC", "DSD"})
_SYNONYMS = {"OGG": "VORBIS", "M4A": "AAC", "WV": "WAVPACK", "MPC": "MUSEPACK", "AIF": "AIFF"}


def codec_of(name: str) -> str:
    """Codec of a file name, path or bare extension (`.flac`, `flac`, `x/01 Song.FLAC`); "" when it is not audio."""
    tail = name[max(name.rfind("/"), name.rfind("\\")) + 1 :]
    extension = tail[tail.rfind(".") + 1 :].lower()
    return CODECS.get(extension, "")


def is_lossless(codec: str) -> bool:
    return codec in LOSSLESS


def codec_rank(codec: str, preferred: tuple[str, ...]) -> int | None:
    """Place of `codec` in a user's list, from 0, whatever the case; None when it is not in it."""
    wanted = _SYNONYMS.get(codec.upper(), codec.upper())
    for place, name in enumerate(preferred):
        if _SYNONYMS.get(name.upper(), name.upper()) == wanted:
            return place
    return None


def codec_profile(
    codec: str, *, bits: int | None = None, rate: int | None = None, channels: int | None = None, kbps: int | None = None
) -> str:
    """`FLAC-16bit-44100Hz-2ch`, `MP3-320kbps-44100Hz-2ch`; unknown parts are left out."""
    parts = [codec]
    if bits:
        parts.append(f"{bits}bit")
    if kbps:
        parts.append(f"{kbps}kbps")
    if rate:
        parts.append(f"{rate}Hz")
    if channels:
        parts.append(f"{channels}ch")
    return "-".join(parts)
