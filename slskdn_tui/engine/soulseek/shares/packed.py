"""Core: everything shared as one browse message, packed folder by folder: at 100,000 files aioslsk's objects would take a hundred MB and seconds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

from slskdn_tui.engine.soulseek.shares.index import Shared

BROWSE_CODE = 5
PIECE = 256 * 1024

_u32 = struct.Struct("<I").pack
_code_and_length = struct.Struct("<BI").pack
_size_and_length = struct.Struct("<QI").pack
_pair = struct.Struct("<II").pack


def pack_file(found: Shared) -> bytes:
    """A file as it stands in a folder: name, size, extension, attributes."""
    name, extension = found.name.encode("utf-8", "replace"), found.extension.encode("utf-8", "replace")
    head = _code_and_length(1, len(name)) + name + _size_and_length(found.size, len(extension)) + extension + _u32(len(found.attributes))
    return head + b"".join(_pair(*each) for each in found.attributes)


def browse_message(folders: Iterable[tuple[str, Sequence[Shared]]], count: int) -> bytes:
    """The whole message with its length and code. `count` folders are told beforehand. ValueError when there are more or fewer."""
    deflate = zlib.compressobj()
    out = [deflate.compress(_u32(count))]
    piece, left = bytearray(), count
    for path, files in folders:
        left -= 1
        raw = path.encode("utf-8", "replace")
        piece += _u32(len(raw)) + raw + _u32(len(files))
        for each in files:
            piece += pack_file(each)
        if len(piece) >= PIECE:
            out.append(deflate.compress(piece))
            piece.clear()
    if left:
        raise ValueError("another number of folders than was told")
    out += [deflate.compress(bytes(piece) + _u32(0) + _u32(0)), deflate.flush()]
    body = b"".join(out)
    return _u32(len(body) + 4) + _u32(BROWSE_CODE) + body
