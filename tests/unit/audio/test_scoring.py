"""The quality score: which of two copies is the better one, and why."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from slskdn_tui.engine.audio.scoring import quality, scored
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.text import SafeText

CLEAN = AudioFacts(
    codec="FLAC",
    sample_rate=44_100,
    bits=16,
    channels=2,
    duration_ms=240_000,
    bitrate=900,
    lossless=True,
    loudness_lufs=-14.0,
    dynamic_range=11.0,
    has_clipping=False,
    clipping_runs=0,
    encoder_signature=SafeText("reference libFLAC 1.4.2"),
    verdict=TranscodeVerdict("no_evidence"),
)


def mp3(kbps: int, **changes: Any) -> AudioFacts:
    lossy = {"codec": "MP3", "lossless": False, "bitrate": kbps, "encoder_signature": SafeText("LAME3.100"), "verdict": TranscodeVerdict()}
    return replace(CLEAN, **lossy | changes)


def value(facts: AudioFacts) -> float:
    score = quality(facts)
    assert score is not None and 0 <= score.value <= 1
    return score.value


BAD: dict[str, dict[str, Any]] = {
    "dynamic range": {"dynamic_range": 4.0},
    "sample rate": {"sample_rate": 22_050},
    "encoder": {"encoder_signature": SafeText("LAME3.100")},
    "clipping": {"has_clipping": True, "clipping_runs": 300},
    "loudness": {"loudness_lufs": -4.5},
}


def test_a_clean_flac_is_better_than_mp3_320_than_mp3_128_than_a_confirmed_fake() -> None:
    fake = replace(CLEAN, verdict=TranscodeVerdict("confirmed", "MP3", 90.0, 15.0, 1))
    values = [value(facts) for facts in (CLEAN, mp3(320), mp3(128), fake)]
    assert all(better > worse + 0.1 for better, worse in pairwise(values))
    worst = mp3(32, sample_rate=11_025, dynamic_range=1.0, has_clipping=True, clipping_runs=9999, loudness_lufs=-1.0)
    assert value(replace(worst, encoder_signature=SafeText("BladeEnc"))) > value(fake)


@pytest.mark.parametrize("name", BAD)
def test_each_factor_alone_moves_the_score_down_and_says_what_was_seen(name: str) -> None:
    bad = quality(replace(CLEAN, **BAD[name]))
    assert bad is not None and bad.value < value(CLEAN)
    (moved,) = [factor for factor in bad.factors if factor.points < factor.most]
    seen = str(next(value for key, value in BAD[name].items() if key != "has_clipping"))
    assert moved.name == name and seen in moved.words and any(reason.startswith(name) and seen in reason for reason in bad.reasons)


@pytest.mark.parametrize(
    ("field", "better_first"),
    [
        ("dynamic_range", (11.0, 6.0, 3.0)),
        ("dynamic_range", (14.0, 17.0, 20.0)),
        ("sample_rate", (44_100, 96_000, 22_050)),
        ("sample_rate", (48_000, 32_000)),
        ("loudness_lufs", (-9.0, -7.0, -5.0)),
        ("loudness_lufs", (-25.0, -36.0, -44.0)),
        ("encoder_signature", (SafeText("reference libFLAC 1.3"), SafeText("Lavf58"), SafeText("LAME3.99"))),
    ],
)
def test_the_further_a_value_is_from_what_is_wanted_the_lower_the_score(field: str, better_first: tuple[object, ...]) -> None:
    values = [value(replace(CLEAN, **{field: each})) for each in better_first]  # type: ignore[arg-type]
    assert all(better > worse for better, worse in pairwise(values))


def test_more_kilobits_are_better_until_more_are_not_heard() -> None:
    values = [value(mp3(kbps)) for kbps in (64, 128, 192, 256, 320)]
    assert values == sorted(set(values)) and value(mp3(500)) == values[-1] < value(CLEAN)


def test_more_clipping_is_worse_and_its_length_in_time_counts() -> None:
    clipped = replace(CLEAN, has_clipping=True, clipping_runs=40)
    assert value(CLEAN) > value(clipped) > value(replace(clipped, clipping_runs=100))
    assert value(clipped) < value(replace(clipped, duration_ms=2_400_000))


def test_what_was_not_measured_stands_between_good_and_bad_and_is_not_told() -> None:
    headers = replace(CLEAN, dynamic_range=None, loudness_lufs=None, has_clipping=None, clipping_runs=None)
    bad = replace(CLEAN, dynamic_range=3.0, loudness_lufs=-4.0, has_clipping=True, clipping_runs=500)
    assert value(bad) < value(headers) < value(CLEAN)
    score = quality(headers)
    assert score is not None and not any(reason.startswith(("dynamic", "loudness", "clipping")) for reason in score.reasons)


def test_a_suspicion_costs_a_little_and_no_evidence_costs_nothing() -> None:
    suspect, untestable = (value(replace(CLEAN, verdict=TranscodeVerdict(kind))) for kind in ("suspect", "untestable"))
    assert value(mp3(320)) < suspect < value(CLEAN) == untestable


def test_a_damaged_file_is_worse_than_any_sound_one() -> None:
    assert value(replace(CLEAN, error=SafeText("ends early"))) < value(mp3(64)) and value(replace(CLEAN, md5_ok=False)) < value(mp3(64))


def test_facts_are_scored_with_their_reasons_and_no_audio_is_not_scored() -> None:
    facts = scored(replace(CLEAN, verdict=TranscodeVerdict("confirmed", "MP3")))
    assert facts.quality_score == value(facts) and "lossy confirmed (MP3)" in facts.score_reasons[-1]
    none = scored(AudioFacts(quality_score=0.5, score_reasons=(SafeText("old"),), error=SafeText("not decodable")))
    assert none.quality_score is None and none.score_reasons == ()
