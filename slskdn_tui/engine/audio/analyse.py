"""One pass over a file: headers, measures, fingerprint and MD5 from the same decoded blocks. Shell; runs in the worker."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mutagen

from slskdn_tui.engine.audio import fingerprint
from slskdn_tui.engine.audio.decode import NotAudio, Sound, opened
from slskdn_tui.engine.audio.scoring import scored
from slskdn_tui.engine.audio.signature import signature
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.codec import codec_profile
from slskdn_tui.model.text import SafeText

if TYPE_CHECKING:
    from slskdn_tui.engine.audio.measure.measures import Measures, Tested

log = logging.getLogger(__name__)


def analyse(path: str, *, want: Collection[str]) -> AudioFacts:
    """`want` of "headers" (always given), "measures", "transcode" (the test, of lossless files) and "fingerprint"; only the last: no more than 120 s
    are decoded. The MD5 comes with "measures".

    What is wrong with the file is in `error`. OSError when it cannot be opened, MemoryError when it asks for more than any real file.
    """
    try:
        with opened(path) as (sound, raw):
            facts = _headers(sound, raw)
            return scored(_decoded(path, sound, facts, want) if set(want) - {"headers"} else facts)
    except NotAudio as error:
        return AudioFacts(error=SafeText(str(error)))


def _headers(sound: Sound, raw: Any) -> AudioFacts:
    raw_at = raw.tell()
    raw.seek(0)
    try:
        file = mutagen.File(raw)
    except Exception as error:  # mutagen raises much more than its own errors on damaged tags; the audio is judged without them
        log.info("tags do not parse: %s", SafeText(str(error)))
        file = None
    raw.seek(raw_at)
    info = getattr(file, "info", None)
    bits = sound.bits or (getattr(info, "bits_per_sample", None) if sound.lossless else None)
    seconds = sound.frames / sound.rate if sound.frames else float(getattr(info, "length", 0) or 0)
    kbps = round((getattr(info, "bitrate", 0) or (os.fstat(raw.fileno()).st_size * 8 / seconds if seconds else 0)) / 1000)
    return AudioFacts(
        codec=sound.codec,
        codec_profile=codec_profile(
            sound.codec, bits=bits, rate=sound.rate, channels=sound.channels, kbps=None if sound.lossless else kbps
        ),
        container=sound.container,
        sample_rate=sound.rate,
        bits=bits,
        channels=sound.channels,
        duration_ms=round(seconds * 1000) or None,
        bitrate=kbps or None,
        lossless=sound.lossless,
        encoder_signature=SafeText(signature(file)),
        audio_md5=sound.info.md5.hex() if sound.info and sound.info.has_md5 else "",
    )


def _decoded(path: str, sound: Sound, facts: AudioFacts, want: Collection[str]) -> AudioFacts:
    measures: Measures | Tested | None = None
    tested = sound.lossless and "transcode" in want
    if "measures" in want or tested:
        from slskdn_tui.engine.audio.measure.measures import Measures, Tested  # scipy takes a second to load: not for headers

        measures = Measures(sound.rate, sound.channels, lossless=tested) if "measures" in want else Tested(sound.rate, sound.channels)
    meters: list[Any] = [measures] if measures else []
    printer: fingerprint.Fingerprint | None = None
    if "fingerprint" in want:
        try:
            printer = fingerprint.Fingerprint(sound.rate, sound.channels)
            meters.append(printer)
        except ImportError:
            pass  # the program is asked below
    if "measures" in want and sound.info is not None:
        sound.digest = hashlib.md5(usedforsecurity=False)
    samples, error = 0, ""
    try:
        for block in sound.blocks():
            samples += len(block)
            for meter in meters:
                meter.add(block)
            if not measures and (printer is None or printer.full):
                break
        else:
            if sound.lossless and samples < sound.frames:
                error = f"ends early: {samples} of {sound.frames} samples"
    except NotAudio as stop:
        error = f"decoding stopped after {samples} samples: {stop}"
    if "fingerprint" in want:
        text = printer.text() if printer else fingerprint.by_program(path)
        heard = min(fingerprint.SECONDS, round(samples / sound.rate if printer else (facts.duration_ms or 0) / 1000))
        facts = replace(facts, fingerprint=text, fingerprint_duration=heard if text else None)
    if measures:
        md5_ok = None if error or not facts.audio_md5 or "measures" not in want else sound.digest.hexdigest() == facts.audio_md5
        if md5_ok is False:
            error = "the decoded audio's MD5 is not the one in its header"
        facts = replace(facts, duration_ms=round(samples * 1000 / sound.rate) or None, md5_ok=md5_ok, **measures.values())
    return replace(facts, error=SafeText(error))
