"""The last check of a fetched file: read back from disk, every leaf against its digest, the whole against `variant_id`. Blocking; run it in an executor."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from blake3 import blake3

from slskdn_tui.engine.content.digests import DIGEST, leaf_digest, variant_id
from slskdn_tui.model.part import PartRecord
from slskdn_tui.model.variant import LEAF

_BLOCK = 4 * LEAF
"""Read at once: what stays in a core's cache between reading and hashing (16 times as much took twice the time)."""
_SPLIT = 128 * LEAF
"""From here on two threads share the file: BLAKE3 and `preadv` let go of the interpreter."""


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


def verify_file(path: str | os.PathLike[str], record: PartRecord | None = None, *, whole: bool = True) -> Checked:
    """Read `path` once. Without digests in `record` only the size can be held against it; without `whole`, `blake3` is "". Raises OSError."""
    hasher = blake3() if whole else None
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        middle = size // 2 // LEAF * LEAF if hasher is None and size >= _SPLIT else size
        with ThreadPoolExecutor(1) as pool:
            rest = pool.submit(_hash, fd, middle, size, None) if middle < size else None
            leaves = _hash(fd, 0, middle, hasher)
            leaves += rest.result() if rest is not None else []
    finally:
        os.close(fd)
    named = variant_id("file", size, leaves)
    ok, words, bad = _judge(record, size, leaves, named)
    return Checked(ok, words, size, hasher.hexdigest() if hasher is not None else "", named, tuple(leaves), bad)


def _hash(fd: int, start: int, stop: int, whole: blake3 | None) -> list[bytes]:
    """Digests of the leaves in [start, stop), as they are on disk now. OSError when the file ends before."""
    leaves: list[bytes] = []
    view = memoryview(bytearray(_BLOCK))
    while start < stop:
        block = view[: min(_BLOCK, stop - start)]
        got = 0
        while got < len(block):
            more = os.preadv(fd, [block[got:]], start + got)
            if not more:
                raise OSError(errno.EIO, "the file became shorter while it was read")
            got += more
        if whole is not None:
            whole.update(block)
        leaves += [leaf_digest(block[at : at + LEAF]) for at in range(0, len(block), LEAF)]
        start += len(block)
    return leaves


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
