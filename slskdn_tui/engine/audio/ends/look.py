"""Looks at the two ends of a file, by its content: is it whole, and is it what its name says? Core over a `pread`-like reader."""

from __future__ import annotations

from slskdn_tui.engine.audio.ends import boxes, flac, mpeg
from slskdn_tui.engine.audio.ends.damage import Damage, Ends, Read, Unjudged
from slskdn_tui.engine.content.region_mp3 import frame_length
from slskdn_tui.engine.content.region_tags import NoRegion, skip_leading
from slskdn_tui.model.codec import codec_of

VERSION = 1
_CONTENT = {
    "FLAC": frozenset({"FLAC"}),
    "MP3": frozenset({"MP3"}),
    "MP2": frozenset({"MP2", "MP3"}),
    "Vorbis": frozenset({"Ogg"}),
    "Opus": frozenset({"Ogg"}),
    "AAC": frozenset({"MP4", "ADTS"}),
    "WAV": frozenset({"WAV"}),
    "AIFF": frozenset({"AIFF"}),
}
"""What a file named like this may be inside; Ogg and MP4 hold several codecs."""


def look(read: Read, size: int, name: str) -> Damage | None:
    """None: nothing wrong was seen. Unjudged when nothing can be said. At most `MOST_READ` bytes are read."""
    if not size:
        return Damage("empty", "size", "0 bytes")
    ends = Ends(read, size)
    named = codec_of(name)
    try:
        kind = content(ends)
        wanted = _CONTENT.get(named)
        if kind and wanted is not None and kind not in wanted:
            return Damage("wrong_name", "content", f"it is {kind}", named)
        if not kind:
            if named == "FLAC":
                return Damage("damaged", "start", "nothing an audio file begins with", named)
            kind = named if named == "MP3" else ""
        looker = {"FLAC": flac.look, "MP3": mpeg.look, "Ogg": boxes.look_ogg, "MP4": boxes.look_mp4}.get(kind)
        looker = boxes.look_chunks if kind in ("WAV", "AIFF") else looker
        if looker is None:
            raise Unjudged("not a format that tells")
        return looker(ends)
    except NoRegion as error:
        return Damage("truncated", "tags", str(error))


def content(ends: Ends) -> str:
    """What the bytes begin with, behind tags: FLAC, MP3, MP2, ADTS, Ogg, MP4, WAV, AIFF or "". NoRegion when the tags in front have no end."""
    head = ends.at(0, 16)
    if head[:3] == b"ID3" or head[:8] == b"APETAGEX":
        head = ends.at(skip_leading(ends, ends.size), 16)
    if head[:4] in (b"fLaC", b"OggS"):
        return "FLAC" if head[:1] == b"f" else "Ogg"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:11] == b"AIF":
        return "AIFF"
    if head[4:8] == b"ftyp":
        return "MP4"
    if frame_length(head[:4]):
        return "MP3"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "ADTS" if head[1] & 0xF6 == 0xF0 else "MP2" if head[1] >> 1 & 3 == 2 else ""
    return ""
