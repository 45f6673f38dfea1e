"""The last check of a fetched file: read back from disk, every leaf against its digest, the whole against `variant_id`. Blocking; run it in an executor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from slskdn_tui.engine.content.digests import DIGEST, leaf_digest, variant_id
from slskdn_tui.model.part import PartRecord
from slskdn_tui.model.variant import LEAF

_BLOCK = 64 * LEAF


@dataclass(frozen=True, slots=True)
class Checked:
    """`bad` leaves differ from their digests; `leaves` are the digests as read, `variant_id` and `blake3` (b3sum's, of the whole file) in hex."""

    ok: bool
    words: str
    size: int
    blake3: str
    variant_id: str
    leaves: tuple[bytes, ...]
    bad: tuple[int, ...] = ()


def verify_file(path: str | os.PathLike[str], record: PartRecord | None = None) -> Checked:
    """Read `path` once. Without digests in `record` only the size can be held against it. Raises OSError."""
    whole = blake3()
    leaves: list[bytes] = []
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(fd, "rb", buffering=0) as file:
        buffer = bytearray(_BLOCK)
        view = memoryview(buffer)
        while got := _fill(file.readinto, view):
            whole.update(view[:got])
            leaves += [leaf_digest(view[at : min(at + LEAF, got)]) for at in range(0, got, LEAF)]
        size = file.tell()
    named = variant_id("file", size, leaves)
    ok, words, bad = _judge(record, size, leaves, named)
    return Checked(ok, words, size, whole.hexdigest(), named, tuple(leaves), bad)


def _fill(readinto: object, view: memoryview) -> int:
    got = 0
    while got < len(view) and (more := readinto(view[got:])):  # type: ignore[operator]
        got += more
    return got


def _judge(record: PartRecord | None, size: int, leaves: Sequence[bytes], named: str) -> tuple[bool, str, tuple[int, ...]]:
    if record is None:
        return True, f"{size} bytes read back", ()
    if size != record.size:
        return False, f"the file has {size} bytes on disk, not {record.size}", ()
    if record.variant is None:
        sources = ", ".join(dict.fromkeys(extent.source for extent in record.extents)) or "nobody named"
        return True, f"{size} bytes read back; no digests were known, the bytes came from {sources}", ()
    bad = tuple(leaf for leaf, digest in enumerate(leaves) if digest != record.digests[leaf * DIGEST : (leaf + 1) * DIGEST])
    if bad:
        return False, f"{len(bad)} of {len(leaves)} leaves differ from their digests on disk, the first at byte {bad[0] * LEAF}", bad
    if named != record.variant.variant_id:
        return False, f"the file is variant {named[:16]}, not {record.variant.variant_id[:16]}", ()
    return True, f"{len(leaves)} of {len(leaves)} leaves match variant {named[:16]}", ()
