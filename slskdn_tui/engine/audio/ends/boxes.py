"""Formats made of parts that say their own length: Ogg, MP4, WAV and AIFF. Core."""

from __future__ import annotations

from slskdn_tui.engine.audio.ends.damage import WINDOW, Damage, Ends, Unjudged

_MOST_BOXES = 500
_STREAMED = 0xFFFF_FFFF


def look_ogg(ends: Ends) -> Damage | None:
    """Its last page is whole and marked as the last."""
    begin = max(0, ends.size - WINDOW)
    data = ends.at(begin, WINDOW)
    at = data.rfind(b"OggS")
    if at < 0:
        return Damage("truncated", "last page", f"none in the last {len(data)} bytes", "a page marked as the last")
    page = data[at:]
    if len(page) < 27 or len(page) < 27 + page[26] or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        return Damage("truncated", "last page", f"{len(page)} bytes of it", "a whole page")
    if not page[5] & 4:
        return Damage("truncated", "last page", "not marked as the last", "the end mark")
    return None


def look_mp4(ends: Ends) -> Damage | None:
    """Its boxes end where the file ends, and `moov`, without which nothing plays, is among them."""
    at, kinds = 0, set()
    for _ in range(_MOST_BOXES):
        if at >= ends.size:
            break
        head = ends.at(at, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        kind = bytes(head[4:8])
        if length == 0:  # up to the end
            kinds.add(kind)
            break
        if (length < 8 or at + length > ends.size) and not kind.isalnum() and kinds >= {b"moov", b"mdat"}:
            break  # a tag or padding behind all there is
        kinds.add(kind)
        if length < 8 or at + length > ends.size:
            return Damage("truncated", "box", f"{head[4:8]!r} at {at}: {ends.size - at} bytes", f"{length}")
        at += length
    if b"moov" not in kinds:
        return Damage("truncated", "boxes", "no index (moov)", "one")
    return None


def look_chunks(ends: Ends) -> Damage | None:
    """RIFF and FORM: the outer chunk is as long as it says."""
    head = ends.at(0, 12)
    if len(head) < 12:
        return Damage("truncated", "header", f"{ends.size} bytes", "12 and more")
    length = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
    if length in (0, _STREAMED):
        raise Unjudged("written as a stream, so its header says no length")
    if length + 8 > ends.size + 1:  # a missing pad byte is common
        return Damage("truncated", "audio", f"{ends.size} bytes", f"{length + 8} as its header says")
    return None
