"""In which order sources are tried, and why, in one line. Core.

Match first, then what the files promise (`model/expected.py`) and the user's wish of codecs, then how ready and how reliable the user is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slskdn_tui.engine.music.folders import AudioFile
from slskdn_tui.engine.music.verdict import Verdict
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.codec import codec_rank, is_lossless
from slskdn_tui.model.expected import expect, formats_words
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText

Opinion = Callable[[str], float]
"""0-1 for a user name; 0.5 for a user nobody knows."""
MATCH, NAMED, CODEC, QUALITY, SLOT, SPEED, QUEUE, HISTORY, REPUTATION = 0.45, 0.05, 0.12, 0.1, 0.07, 0.06, 0.05, 0.06, 0.04
FAST = 2_000_000
"""Bytes a second from which on faster is no better."""
WIDTH = 80


def codec_penalty(codec: str, constraints: Constraints) -> float:
    """0 for the first of the user's codecs, more for each later one and for those not named."""
    rank = codec_rank(codec, constraints.preferred_codecs)
    if rank is not None:
        return 0.1 * rank  # the user's order, whatever is lossless in it
    return 0.1 if is_lossless(codec) else 0.2


def score(
    reply: SearchReply,
    files: Sequence[AudioFile],
    match: float,
    named: float,
    constraints: Constraints,
    history: float,
    reputation: float,
) -> float:
    """0-1. `match` is likeness times coverage, `named` how much of artist and album the path says."""
    penalty = sum(codec_penalty(file.codec, constraints) for file in files) / len(files)
    quality = sum(known if (known := expect(file.found).quality) is not None else 0.5 for file in files) / len(files)
    parts = (
        (MATCH, match),
        (NAMED, named),
        (CODEC, 1 - min(1.0, penalty * 5)),
        (QUALITY, quality),
        (SLOT, 1.0 if reply.free_slot else 0.0),
        (SPEED, min(1.0, max(0, reply.speed) / FAST)),
        (QUEUE, 1 / (1 + max(0, reply.queue) / 10)),
        (HISTORY, min(1.0, max(0.0, history))),
        (REPUTATION, min(1.0, max(0.0, reputation))),
    )
    return sum(weight * value for weight, value in parts)


def why(
    reply: SearchReply, files: Sequence[AudioFile], wanted: int, likeness: float, verdict: Verdict, history: float, reputation: float
) -> SafeText:
    """`10 of 10 tracks, 98 % alike, FLAC 16/44.1, free slot, 850 KB/s`, at most 80 columns; the least telling parts go first."""
    lossy = sum(not file.lossless for file in files)
    parts = [f"{len(files)} of {wanted} tracks"]
    if verdict.note:
        parts.append(verdict.note)
    parts.append(f"{likeness:.0%} alike".replace("%", " %"))
    parts.append(formats_words((file.found, expect(file.found)) for file in files))
    if 0 < lossy < len(files):
        parts.append(f"{lossy} lossy")
    parts.append("free slot" if reply.free_slot else f"queue of {max(0, reply.queue)}")
    if history < 0.4:
        parts.append("failed before")
    elif history > 0.6:
        parts.append("went well before")
    if reputation < 0.4:
        parts.append("poor reputation")
    if reply.speed >= 500:  # 0 is what a user says who never sent anything
        parts.append(f"{reply.speed / 1000:.0f} KB/s")
    return joined(parts)


def joined(parts: Sequence[str]) -> SafeText:
    """The parts that fit the width, in order."""
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if len(longer) <= WIDTH:
            line = longer
    return SafeText(line)
