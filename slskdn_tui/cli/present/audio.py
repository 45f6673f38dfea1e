"""What is known of an audio file, as lines. Core."""

from __future__ import annotations

import textwrap

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.audio import VERDICT_WORDS, AudioFacts
from slskdn_tui.model.text import SafeText

_WIDTH = 80


def fact_lines(path: str, facts: AudioFacts, look: Look) -> list[str]:
    """The path, then groups of facts indented by two; what is not known is left out, except that a test was not made."""
    groups = [_format(facts), _levels(facts), _shape(facts), _sameness(facts)]
    if facts.codec:
        score = "not known" if facts.quality_score is None else f"{facts.quality_score:.2f}"
        groups.append([f"transcode {VERDICT_WORDS[facts.verdict.kind]}{_evidence(facts)}", f"quality score {score}"])
        groups += [[reason] for reason in (*facts.verdict.reasons, *facts.score_reasons)]
    lines = [SafeText(path), *(f"error: {facts.error}" for _ in range(1) if facts.error), *(", ".join(group) for group in groups if group)]
    out = [lines[0]]
    for line in lines[1:]:
        out += textwrap.wrap(line, (look.width or _WIDTH) - 2, initial_indent="  ", subsequent_indent="    ")
    return out


def _format(facts: AudioFacts) -> list[str]:
    if not facts.codec:
        return []
    parts = [facts.codec_profile]
    if facts.container not in ("", facts.codec):
        parts[0] += f" in {facts.container}"
    if facts.duration_ms is not None:
        parts.append(units.length(facts.duration_ms))
    if facts.bitrate and facts.lossless:
        parts.append(f"{facts.bitrate} kbit/s")
    if facts.encoder_signature:
        parts.append(f"encoded by {facts.encoder_signature}")
    return parts


def _levels(facts: AudioFacts) -> list[str]:
    known = (
        (facts.loudness_lufs, "loudness {:.1f} LUFS"),
        (facts.loudness_range, "range {:.1f} LU"),
        (facts.true_peak, "true peak {:+.1f} dBTP"),
        (facts.dynamic_range, "dynamic range {:.1f} dB"),
    )
    return [form.format(value) for value, form in known if value is not None]


def _shape(facts: AudioFacts) -> list[str]:
    parts = []
    if facts.clipping_runs is not None:
        parts.append(f"clipped in {units.plural(facts.clipping_runs, 'place')}" if facts.clipping_runs else "not clipped")
    if facts.cutoff_hz is not None:
        parts.append(f"spectrum ends at {facts.cutoff_hz / 1000:.1f} kHz")
    return parts


def _sameness(facts: AudioFacts) -> list[str]:
    parts = []
    if facts.md5_ok is not None:
        parts.append("audio MD5 as its header says" if facts.md5_ok else "audio MD5 is not its header's")
    if facts.fingerprint:
        parts.append(f"fingerprint of {facts.fingerprint_duration} s ({len(facts.fingerprint)} characters; --json prints it)")
    return parts


def _evidence(facts: AudioFacts) -> str:
    verdict = facts.verdict
    if verdict.measurement is None:
        return ""
    return f" ({verdict.codec or 'any codec'}: measured {verdict.measurement:.1f}, threshold {verdict.threshold})"
