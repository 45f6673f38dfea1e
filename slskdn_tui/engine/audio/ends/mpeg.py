"""An MP3 with a Xing or Info frame says how many bytes its audio has. Core."""

from __future__ import annotations

from slskdn_tui.engine.audio.ends.damage import Damage, Ends, Unjudged
from slskdn_tui.engine.content.region_mp3 import frame_length
from slskdn_tui.engine.content.region_tags import skip_leading, tail_start

_HEAD = 512
_JUNK = 32 * 1024
"""Padding or junk in front of the first frame that is looked through."""
_ID3V1 = 128


def look(ends: Ends) -> Damage | None:
    """None when as many bytes are there as the first frame promises. Unjudged when it promises nothing (a plain CBR file)."""
    start = skip_leading(ends, ends.size)
    head = ends.at(start, _HEAD)
    if not head:
        return Damage("truncated", "end", f"{ends.size} bytes, all of them tags", "audio behind them")
    if not frame_length(head[:4]):
        head = ends.at(start, _JUNK)
        found = _first(head)
        if found is None:
            zeros = len(head) - len(head.lstrip(b"\0"))
            seen = f"{zeros} zero bytes" if zeros == len(head) else "no MPEG frame"
            return Damage("damaged", "start", f"{seen} in the first {len(head)} bytes behind the tags", "audio")
        start, head = start + found, head[found : found + _HEAD]
    length = frame_length(head[:4])
    promised = _promised(head[: min(length, len(head))])
    if promised is None:
        if start + length > ends.size:
            return Damage("truncated", "first frame", f"the file ends after {ends.size} bytes", "a whole frame")
        raise Unjudged("its first frame does not say how long it is")
    stop = tail_start(ends, ends.size, start)
    there = stop - start
    # Some encoders count the 128 bytes of the tag they append.
    if there + min(ends.size - stop, _ID3V1) >= promised:
        return None
    return Damage("truncated", "audio", f"{there} bytes", f"{promised} as its Xing or Info frame says")


def _first(data: bytes) -> int | None:
    """Where two frames in a row begin behind padding or junk, None when nowhere."""
    at = data.find(b"\xff")
    while at >= 0:
        length = frame_length(data[at : at + 4])
        if length and frame_length(data[at + length : at + length + 4]):
            return at
        at = data.find(b"\xff", at + 1)
    return None


def _promised(frame: bytes) -> int | None:
    """Bytes of audio, this frame included; None when it does not say."""
    mono, first = frame[3] >> 6 == 3, frame[1] >> 3 & 3 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    for at in (4 + side, 6 + side):  # behind a CRC as well
        if frame[at : at + 4] in (b"Xing", b"Info"):
            flags = int.from_bytes(frame[at + 4 : at + 8], "big")
            at += 8 + (4 if flags & 1 else 0)
            value = int.from_bytes(frame[at : at + 4], "big") if flags & 2 else 0
            return value or None
    if frame[36:40] == b"VBRI":
        return int.from_bytes(frame[46:50], "big") or None
    return None
