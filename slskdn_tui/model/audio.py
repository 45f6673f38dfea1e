"""What decoding a file tells about it: `AudioFacts`, with the transcode test's verdict. Core: frozen values and their JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from slskdn_tui.model.text import SafeText

VerdictKind = Literal["confirmed", "suspect", "untestable", "no_evidence", "not_tested"]
VERDICT_WORDS: dict[VerdictKind, str] = {
    "confirmed": "lossy confirmed",
    "suspect": "suspect",
    "untestable": "untestable",
    "no_evidence": "no evidence",
    "not_tested": "not tested",
}


@dataclass(frozen=True, slots=True)
class TranscodeVerdict:
    """Was this lossless file lossy once? Never "authentic": `no_evidence` is the best there is.

    `codec` the family found ("" for none); `measurement` and `threshold` in the method's own unit, None when nothing was measured;
    `method_version` 0 while no method ran.
    """

    kind: VerdictKind = "not_tested"
    codec: str = ""
    measurement: float | None = None
    threshold: float | None = None
    method_version: int = 0
    reasons: tuple[SafeText, ...] = ()

    @property
    def transcode_suspect(self) -> bool | None:
        """True when confirmed or suspect, None when it was not or could not be tested."""
        return {"confirmed": True, "suspect": True, "no_evidence": False}.get(self.kind)


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """One file, decoded. What could not be found out is None (numbers, yes or no) or "" (text).

    `bitrate` kbit/s; `loudness_lufs` LUFS and `loudness_range` LU (EBU R128); `true_peak` dBTP, None when no sample comes near full scale;
    `dynamic_range` DR14 in dB, not rounded; `clipping_runs` runs of samples at full scale; `cutoff_hz` where the spectrum ends;
    `audio_md5` as STREAMINFO has it (hex) and `md5_ok` whether the decoded audio has it; `fingerprint` Chromaprint's compressed text of the
    first `fingerprint_duration` seconds; `quality_score` 0-1 with a reason for each factor (engine/audio/scoring.py);
    `error` what stopped the decoding: the other values then describe what came before, or only the header.
    """

    codec: str = ""
    codec_profile: str = ""
    container: str = ""
    sample_rate: int | None = None
    bits: int | None = None
    channels: int | None = None
    duration_ms: int | None = None
    bitrate: int | None = None
    lossless: bool | None = None
    loudness_lufs: float | None = None
    loudness_range: float | None = None
    true_peak: float | None = None
    dynamic_range: float | None = None
    has_clipping: bool | None = None
    clipping_runs: int | None = None
    cutoff_hz: int | None = None
    encoder_signature: SafeText = SafeText("")  # noqa: RUF009  immutable
    audio_md5: str = ""
    md5_ok: bool | None = None
    fingerprint: str = ""
    fingerprint_duration: int | None = None
    verdict: TranscodeVerdict = field(default_factory=TranscodeVerdict)
    quality_score: float | None = None
    score_reasons: tuple[SafeText, ...] = ()
    error: SafeText = SafeText("")  # noqa: RUF009


def audio_json(path: str, facts: AudioFacts) -> dict[str, Any]:
    """One line of `slskdn audio inspect --json`: the roadmap's keys, then what else is known. `quality_score` None: not scored."""
    verdict = facts.verdict
    return {
        "path": path,
        "quality_score": facts.quality_score,
        "transcode_suspect": verdict.transcode_suspect,
        "verdict": VERDICT_WORDS[verdict.kind],
        "codec": facts.codec,
        "evidence": {
            "codec": verdict.codec,
            "measurement": verdict.measurement,
            "threshold": verdict.threshold,
            "method_version": verdict.method_version,
            "cutoff_hz": facts.cutoff_hz,
            "clipping_runs": facts.clipping_runs,
        },
        "bitrate": facts.bitrate,
        "dynamic_range": facts.dynamic_range,
        "loudness_lufs": facts.loudness_lufs,
        "loudness_range": facts.loudness_range,
        "true_peak": facts.true_peak,
        "has_clipping": facts.has_clipping,
        "encoder_signature": facts.encoder_signature,
        "reasons": [*verdict.reasons, *facts.score_reasons],
        "fingerprint": facts.fingerprint,
        "fingerprint_duration": facts.fingerprint_duration,
        "codec_profile": facts.codec_profile,
        "container": facts.container,
        "sample_rate": facts.sample_rate,
        "bits": facts.bits,
        "channels": facts.channels,
        "duration_ms": facts.duration_ms,
        "lossless": facts.lossless,
        "audio_md5": facts.audio_md5,
        "md5_ok": facts.md5_ok,
        "error": facts.error,
    }
