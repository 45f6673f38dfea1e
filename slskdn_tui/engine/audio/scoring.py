"""How good a copy is: `quality_score` from what is known of a file, a reason for each factor. Core.

The roadmap's factors: codec, dynamic range, sample rate, encoder, clipping, loudness. What nobody measured counts half, so a file of which only headers are
known stands between the good and the bad. The transcode verdict comes last, as a cap: a confirmed fake ends below any lossy file that says what it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from slskdn_tui.model.audio import VERDICT_WORDS, AudioFacts
from slskdn_tui.model.codec import is_lossless
from slskdn_tui.model.text import SafeText, counted

VERSION = 1
LOSSLESS = 0.80
LOSSY_LEAST, LOSSY_MOST = 0.25, 0.60
FAKE_MOST = 0.10
"""The cap of a confirmed fake and of a damaged file."""
GENUINE_LEAST = 0.12
SUSPECT = 0.10
_BEST_KBPS = {"MP3": 320, "MP2": 384, "AAC": 256, "Vorbis": 256, "Opus": 192, "WMA": 320, "Musepack": 256}
"""From here on more bits are not heard."""
_DR, _DR_SLOPE = (8.0, 14.0), 6.0
_RATES = (44_100, 48_000)
_HIGH_RATES = (88_200, 96_000, 176_400, 192_000)
_LOUD, _QUIET = -8.0, -30.0
_CLEAN = ("libflac", "flake", "lame3", "lame 3", "libvorbis", "aotuv", "libopus", "itunes", "qaac", "coreaudio", "musepack", "mppenc")
_DIRTY = ("blade", "xing (old)", "xing old", "shine", "gogo")
_LOSSY_ENCODERS = ("lame", "libvorbis", "libopus", "qaac", "fdk", "libmp3", "aac")


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that counted: `points` of at most `most`, and in words what was seen beside what is wanted."""

    name: str
    points: float
    most: float
    words: str


@dataclass(frozen=True, slots=True)
class Score:
    """`value` 0-1, rounded to three places; `cap` is what the verdict left ("" for no cap)."""

    value: float
    factors: tuple[Factor, ...]
    cap: str = ""

    @property
    def reasons(self) -> tuple[SafeText, ...]:
        """`codec +0.80 of 0.80: FLAC is lossless`; the cap last."""
        lines = [f"{each.name} {each.points:+.2f} of {each.most:.2f}: {each.words}" for each in self.factors if each.words]
        return tuple(map(SafeText, [*lines, self.cap] if self.cap else lines))


def scored(facts: AudioFacts) -> AudioFacts:
    """The same facts with `quality_score` and `score_reasons` made anew from them; None when it is no audio."""
    score = quality(facts)
    return replace(facts, quality_score=score.value if score else None, score_reasons=score.reasons if score else ())


def quality(facts: AudioFacts) -> Score | None:
    """None when the codec is not known: nothing can be said of it."""
    if not facts.codec:
        return None
    factors = (_codec(facts), _dynamics(facts), _rate(facts), _encoder(facts), _clipping(facts), _loudness(facts))
    value, cap = min(1.0, max(GENUINE_LEAST, sum(factor.points for factor in factors))), ""
    verdict = facts.verdict
    if facts.error or facts.md5_ok is False:
        value, cap = value * FAKE_MOST, f"at most {FAKE_MOST:.2f}: it is damaged ({facts.error or 'its audio is not what its header says'})"
    elif verdict.kind == "confirmed":
        was = f" ({verdict.codec})" if verdict.codec else ""
        value, cap = value * FAKE_MOST, f"at most {FAKE_MOST:.2f}: {VERDICT_WORDS['confirmed']}{was}"
    elif verdict.kind == "suspect":
        value, cap = max(GENUINE_LEAST, value - SUSPECT), f"transcode -{SUSPECT:.2f}: {VERDICT_WORDS['suspect']}"
    return Score(round(value, 3), factors, cap)


def _codec(facts: AudioFacts) -> Factor:
    if facts.lossless or (facts.lossless is None and is_lossless(facts.codec)):
        return Factor("codec", LOSSLESS, LOSSLESS, f"{facts.codec} is lossless")
    best = _BEST_KBPS.get(facts.codec, 320)
    if not facts.bitrate:
        return Factor("codec", (LOSSY_LEAST + LOSSY_MOST) / 2, LOSSLESS, f"{facts.codec} of unknown bitrate")
    points = LOSSY_LEAST + (LOSSY_MOST - LOSSY_LEAST) * min(1.0, facts.bitrate / best)
    return Factor("codec", points, LOSSLESS, f"{facts.codec} at {facts.bitrate} kbit/s ({best} and more count in full)")


def _dynamics(facts: AudioFacts, most: float = 0.08) -> Factor:
    value, (low, high) = facts.dynamic_range, _DR
    if value is None:
        return Factor("dynamic range", most / 2, most, "")
    away = max(low - value, value - high, 0.0)
    words = f"DR {value:.1f}, {low:.0f} to {high:.0f} wanted"
    return Factor("dynamic range", most * max(0.0, 1 - away / _DR_SLOPE), most, words)


def _rate(facts: AudioFacts, most: float = 0.05) -> Factor:
    value = facts.sample_rate
    if value is None:
        return Factor("sample rate", most / 2, most, "")
    usual = value in _RATES
    points = most if usual else most / 2 if value in _HIGH_RATES else -0.08
    return Factor("sample rate", points, most, f"{value} Hz" + ("" if usual else ", 44100 or 48000 expected"))


def _encoder(facts: AudioFacts, most: float = 0.03) -> Factor:
    words = facts.encoder_signature.lower()
    lossless = bool(facts.lossless) and facts.codec != "ALAC"  # whose encoders make AAC, too
    if not words:
        return Factor("encoder", most / 2, most, "")
    if _has(words, _DIRTY) or (lossless and "libflac" not in words and _has(words, _LOSSY_ENCODERS)):
        what = "a lossless file that names a lossy encoder" if lossless else "an encoder known for bad sound"
        return Factor("encoder", -0.05, most, f"{facts.encoder_signature}: {what}")
    clean = _has(words, _CLEAN)
    return Factor(
        "encoder", most if clean else most / 2, most, f"{facts.encoder_signature}{'' if clean else ', not one that is known here'}"
    )


def _has(text: str, names: Iterable[str]) -> bool:
    return any(name in text for name in names)


def _clipping(facts: AudioFacts, most: float = 0.02) -> Factor:
    if facts.has_clipping is None:
        return Factor("clipping", most / 2, most, "")
    if not facts.has_clipping:
        return Factor("clipping", most, most, "none")
    runs, minutes = facts.clipping_runs or 1, (facts.duration_ms or 60_000) / 60_000
    return Factor("clipping", -0.02 - 0.04 * min(1.0, runs / minutes / 30), most, f"clipped in {counted(runs, 'place')}, none wanted")


def _loudness(facts: AudioFacts, most: float = 0.02) -> Factor:
    value = facts.loudness_lufs
    if value is None:
        return Factor("loudness", most / 2, most, "")
    away = max(value - _LOUD, (_QUIET - value) / 4, 0.0)
    points = most - 0.06 * min(1.0, away / 4)
    return Factor("loudness", points, most, f"{value:.1f} LUFS, {_QUIET:.0f} to {_LOUD:.0f} wanted")
