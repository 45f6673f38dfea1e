"""The decoder's process: one request a line in, one answer a line out, as JSON. Shell; the only one in the engine that loads numpy and decoders.

    python -m slskdn_tui.engine.audio.worker

A request is {"id": n, "path": "..."}; the answer {"id": n, "ok": bool, "words": "...", "md5": "hex", "samples": n, ...}. With "want": [...]
it is analysed instead, and {"id": n, "facts": {...}} holds the fields of `AudioFacts`. Files are strangers' files, so the process has
limits of its own (memory, CPU seconds a file, open files, no core dump), is nice, and may die without harm.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import stat
import sys
from dataclasses import asdict
from typing import Any

MEMORY = 2 * 1024**3
CPU_SECONDS_A_FILE = 900
FRAMES = 1 << 16
_HEAD = 64 * 1024


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.nice(10)


def _budget() -> None:
    """So many CPU seconds from now: a file that decodes for ever ends this process, not the engine."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS_A_FILE, hard))


def check(path: str) -> dict[str, Any]:
    """Decode `path` to its end. A FLAC's audio is compared with its STREAMINFO; OSError and decoder errors become words."""
    import soundfile

    from slskdn_tui.engine.audio import flac
    from slskdn_tui.engine.audio.decode import Behind, packed
    from slskdn_tui.model.codec import codec_of

    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return {"ok": False, "checked": False, "words": "not a regular file"}
        head = os.pread(fd, _HEAD, 0)
        info = None
        try:
            front = flac.id3_length(head)
            if os.pread(fd, 4, front) == b"fLaC":
                info = flac.parse_head(os.pread(fd, _HEAD, front)).streaminfo
        except ValueError as error:
            return {"ok": False, "checked": True, "words": f"damaged FLAC header: {error}"}
        if info is None and codec_of(path) == "FLAC":
            return {"ok": False, "checked": True, "words": "called FLAC, but it is none"}
        samples, digest = 0, hashlib.md5(usedforsecurity=False)
        # libsndfile wants fLaC first, so a tag in front is stepped over by reading from a duplicate positioned behind it.
        with open(os.dup(fd), "rb", buffering=1 << 16) as raw, soundfile.SoundFile(Behind(raw, front) if info and front else raw) as sound:
            facts = {"rate": sound.samplerate, "channels": sound.channels, "format": f"{sound.format} {sound.subtype}"}
            try:
                while len(block := sound.read(FRAMES, dtype="int32", always_2d=True)):
                    samples += len(block)
                    if info is not None:
                        digest.update(packed(block, info.bits))
            except (soundfile.LibsndfileError, RuntimeError) as error:
                return {
                    "ok": False,
                    "checked": True,
                    "words": f"decoding stopped after {samples} samples: {error}",
                    "samples": samples,
                    **facts,
                }
            declared = sound.frames
    except soundfile.LibsndfileError as error:
        reason = getattr(error, "error_string", str(error))
        return {"ok": False, "checked": True, "words": f"not decodable: {reason}"} if info else _header_only(path, reason)
    finally:
        os.close(fd)
    facts |= {"samples": samples}
    if info is None:
        whole = declared <= 0 or declared >= 1 << 60 or samples >= declared
        words = (
            f"decoded to the end, {samples} samples; this format has no checksum"
            if whole
            else f"ends early: {samples} of {declared} samples"
        )
        return {"ok": whole, "checked": True, "words": words, **facts}
    return {"checked": True, **_verdict(info, samples, digest.hexdigest()), **facts}


def _header_only(path: str, reason: str) -> dict[str, Any]:
    """For a format without a decoder here (AAC, WMA, APE ...): does its header at least describe audio?"""
    import mutagen

    try:
        file = mutagen.File(path)
    except (mutagen.MutagenError, OSError) as error:
        return {"ok": False, "checked": False, "words": f"not decodable: {reason}; its header does not parse: {error}"}
    length = getattr(getattr(file, "info", None), "length", 0)
    if not length:
        return {"ok": False, "checked": False, "words": f"not decodable: {reason}"}
    return {"ok": True, "checked": False, "words": f"not decoded, no decoder for this format here; its header says {length:.0f} s"}


def _verdict(info: Any, samples: int, md5: str) -> dict[str, Any]:
    stored = info.md5.hex() if info.has_md5 else ""
    base = {"md5": md5, "stored_md5": stored, "bits": info.bits}
    if info.samples and samples != info.samples:
        return {"ok": False, "words": f"decodes to {samples} samples, its header says {info.samples}", **base}
    if not stored:
        return {"ok": True, "words": "decodes whole; its header holds no audio MD5 to compare", **base}
    if md5 != stored:
        return {"ok": False, "words": f"the audio's MD5 is {md5}, its header says {stored}", **base}
    return {"ok": True, "words": f"audio MD5 {md5} as its header says", **base}


def _facts(path: str, want: list[str]) -> dict[str, Any]:
    from slskdn_tui.engine.audio.analyse import analyse

    return {"facts": asdict(analyse(path, want=want))}


def _failed(checked: bool, words: str) -> dict[str, Any]:
    return {"ok": False, "checked": checked, "words": words, "facts": {"error": words}}


def main() -> int:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # a library that prints must not break the lines
    _limit()
    for line in sys.stdin:
        request = json.loads(line)
        _budget()
        try:
            answer = _facts(request["path"], request["want"]) if "want" in request else check(request["path"])
        except OSError as error:
            answer = _failed(False, f"cannot be read: {error.strerror or error}")
        except MemoryError:
            answer = _failed(True, "decoding it needs more memory than any real file")
        answers.write(json.dumps({"id": request["id"], **answer}) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
