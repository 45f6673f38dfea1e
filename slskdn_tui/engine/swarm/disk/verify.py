"""The last check of a fetched file: read back from disk, every leaf against its digest, the whole against `variant_id`. Blocking; run it in an executor.

Around an audio region, the head is held against the digest of what its donor sent; who sent head and tail is said.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from blake3 import blake3

from slskdn_tui.engine.content.digests import DIGEST, leaf_digest, variant_id
from slskdn_tui.model.part import Layout, PartRecord
from slskdn_tui.model.variant import LEAF

_BLOCK = 16 * LEAF
"""Read at once: what just stays in a core's cache between reading and hashing; with less, two threads wait for each other more often (4 leaves took 0.15 s a GiB, 16 0.12)."""
_SPLIT = 128 * LEAF
"""From here on two threads share the file: BLAKE3 and `preadv` let go of the interpreter."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`bad` leaves differ from their digests; `leaves` are the digests as read, `variant_id` (of the record's kind) and `blake3` (b3sum's, of the
    whole file) in hex."""

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
        layout = record.layout if record is not None and record.size == size else Layout.whole(size)
        middle = layout.start + layout.length // 2 // LEAF * LEAF if hasher is None and size >= _SPLIT else layout.stop
        head = _edge(fd, 0, layout.start, hasher)
        with ThreadPoolExecutor(1) as pool:
            rest = pool.submit(_hash, fd, middle, layout.stop, None) if middle < layout.stop else None
            leaves = _hash(fd, layout.start, middle, hasher)
            leaves += rest.result() if rest is not None else []
        _edge(fd, layout.stop, size, hasher)
        kind = record.variant.kind if record is not None and record.variant is not None else "file"
        named = variant_id(kind, layout.length, leaves)
        ok, words, bad = _judge(record, size, leaves, named)
        if ok and record is not None and kind == "region":
            ok, words = _judge_edges(record, head, words)
    finally:
        os.close(fd)
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


def _edge(fd: int, start: int, stop: int, whole: blake3 | None) -> str:
    """BLAKE3 of [start, stop), which goes into `whole` too."""
    hasher = blake3()
    while start < stop:
        block = os.pread(fd, min(_BLOCK, stop - start), start)
        if not block:
            raise OSError(errno.EIO, "the file became shorter while it was read")
        hasher.update(block)
        if whole is not None:
            whole.update(block)
        start += len(block)
    return hasher.hexdigest()


def _judge_edges(record: PartRecord, head: str, words: str) -> tuple[bool, str]:
    """What stands around the region, once all of that matches: the donor's bytes."""
    layout = record.layout
    if layout.start and head != record.head:
        return False, f"the {layout.start} bytes before the audio are not those that came from Soulseek"
    edges = {extent.source for extent in record.extents if extent.start < layout.start or extent.stop > layout.stop}
    around = f"{layout.start} bytes before and {layout.tail} after them from {', '.join(sorted(edges)) or 'nobody named'}"
    return True, f"{words} (audio region); {around}"


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
        return (
            False,
            f"{len(bad)} of {len(leaves)} leaves differ from their digests on disk, the first at byte {record.layout.span(bad[0])[0]}",
            bad,
        )
    if named != record.variant.variant_id:
        return False, f"the file is variant {named[:16]}, not {record.variant.variant_id[:16]}", ()
    return True, f"{len(leaves)} of {len(leaves)} leaves match variant {named[:16]}", ()
