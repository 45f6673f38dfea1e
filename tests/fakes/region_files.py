"""Small real files for tests of audio regions: FLAC and MP3 of noise, an M4A container built by hand; and tags to stand around their audio."""

from __future__ import annotations

import io
import random
from functools import cache
from typing import Any


@cache
def encoded(kind: str, seconds: float = 0.5, seed: int = 1) -> bytes:
    """`flac` or `mp3` of seeded noise, stereo, 44.1 kHz, without tags: some 150 KB and 16 KB a second."""
    import numpy
    import soundfile

    noise = numpy.random.default_rng(seed).uniform(-0.4, 0.4, (int(44_100 * seconds), 2))
    out = io.BytesIO()
    soundfile.write(out, noise, 44_100, format=kind.upper(), **({"subtype": "MPEG_LAYER_III"} if kind == "mp3" else {}))
    return out.getvalue()


def box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def wide_box(kind: bytes, body: bytes) -> bytes:
    return b"\0\0\0\1" + kind + (16 + len(body)).to_bytes(8, "big") + body


FTYP = box(b"ftyp", b"M4A \0\0\0\0M4A isom")


def m4a(audio: bytes, tags: bytes = b"", *, first: bool = False, wide: bool = False, free: int = 0) -> bytes:
    """A container whose `moov` holds a chunk offset table and `tags`; in front of the audio when `first`. `free`: padding before the audio."""
    data = wide_box(b"mdat", audio) if wide else box(b"mdat", audio)
    gap = box(b"free", bytes(free)) if free else b""

    def moov(offset: int) -> bytes:
        stco = box(b"stco", bytes(4), (1).to_bytes(4, "big"), offset.to_bytes(4, "big"))
        trak = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stco))))
        return box(b"moov", box(b"mvhd", bytes(100)), trak, box(b"udta", box(b"meta", bytes(4), tags)) if tags else b"")

    head = 16 if wide else 8
    if first:
        return FTYP + moov(len(FTYP) + len(moov(0)) + len(gap) + head) + gap + data
    return FTYP + gap + data + moov(len(FTYP) + len(gap) + head)


def id3v2(size: int, *, footer: bool = False) -> bytes:
    """A tag of `size` bytes (after its header) holding padding."""
    length = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\0" + (b"\x10" if footer else b"\0") + length + bytes(size) + (b"3DI\x04\0\x10" + length if footer else b"")


def id3v1() -> bytes:
    return b"TAG" + b"a title".ljust(125, b"\0")


def enhanced() -> bytes:
    return b"TAG+" + bytes(223)


def ape(size: int, *, header: bool = True) -> bytes:
    """An APEv2 tag with `size` bytes of items."""
    facts = b"APETAGEX" + (2000).to_bytes(4, "little") + (size + 32).to_bytes(4, "little") + (1).to_bytes(4, "little")
    flags = 0x8000_0000 if header else 0
    front = facts + (flags | 0x2000_0000).to_bytes(4, "little") + bytes(8) if header else b""
    return front + bytes(size) + facts + flags.to_bytes(4, "little") + bytes(8)


def lyrics3(version: int, size: int = 40) -> bytes:
    body = b"LYRICSBEGIN" + b"la" * size
    return body + (b"LYRICSEND" if version == 1 else f"{len(body):06}LYRICS200".encode())


def flac_blocks(flac: bytes, *extra: tuple[int, bytes]) -> bytes:
    """The FLAC with these metadata blocks (type, body) in place of all but its STREAMINFO."""
    at, last = 4, False
    while not last:
        last, at = bool(flac[at] & 0x80), at + 4 + int.from_bytes(flac[at + 1 : at + 4], "big")
    blocks = [(0, flac[8:42]), *extra]
    out = b"fLaC"
    for index, (kind, body) in enumerate(blocks):
        out += bytes([kind | (0x80 if index == len(blocks) - 1 else 0)]) + len(body).to_bytes(3, "big") + body
    return out + flac[at:]


def picture(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def reader(data: bytes) -> Any:
    return lambda offset, length: data[offset : offset + length]
