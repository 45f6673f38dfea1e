"""Leaf digests, pages and `variant_id`. Core.

digest = BLAKE3 of each 64 KiB leaf; page = H(page number, up to 512 digests); variant_id = H(kind, length, leaf size, pages).
Each level has its own `derive_key_context`, so a digest of one level never passes for another. Byte-exact vectors: docs/protocol/content.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from slskdn_tui.model.variant import LEAF, PAGE_LEAVES

LEAF_CONTEXT = "slskdn-tui 2026 leaf v1"
PAGE_CONTEXT = "slskdn-tui 2026 page v1"
VARIANT_CONTEXT = "slskdn-tui 2026 variant v1"
DIGEST = 32
_leaf = blake3(derive_key_context=LEAF_CONTEXT)


def leaf_digest(data: bytes | bytearray | memoryview) -> bytes:
    """32 bytes for one leaf of at most 64 KiB."""
    hasher = _leaf.copy()
    hasher.update(data)
    return hasher.digest()


def page_digest(number: int, digests: bytes) -> bytes:
    """32 bytes for page `number`, whose leaf digests are joined in `digests`."""
    return blake3(struct.pack(">I", number) + digests, derive_key_context=PAGE_CONTEXT).digest()


def variant_id(kind: str, length: int, leaves: Sequence[bytes]) -> str:
    """64 hex digits naming `length` bytes of that `kind` (`file` or `region`) with those leaf digests. ValueError when the count does not fit."""
    if len(leaves) != -(-length // LEAF):
        raise ValueError(f"{len(leaves)} digests do not cover {length} bytes")
    hasher = blake3(derive_key_context=VARIANT_CONTEXT)
    hasher.update(struct.pack(">B", len(kind)) + kind.encode("ascii") + struct.pack(">QI", length, LEAF))
    for page in range(-(-len(leaves) // PAGE_LEAVES)):
        hasher.update(page_digest(page, b"".join(leaves[page * PAGE_LEAVES : (page + 1) * PAGE_LEAVES])))
    return hasher.hexdigest()


@dataclass(slots=True)
class LeafDigests:
    """Hashes a stream of any piece sizes leaf by leaf: `update` with bytes in order, then `finish`."""

    leaves: list[bytes] = field(default_factory=list)
    length: int = 0
    _pending: bytearray = field(default_factory=bytearray)

    def update(self, data: bytes | memoryview) -> None:
        self.length += len(data)
        self._pending += data
        whole = len(self._pending) // LEAF * LEAF
        for offset in range(0, whole, LEAF):
            self.leaves.append(leaf_digest(self._pending[offset : offset + LEAF]))
        del self._pending[:whole]

    def finish(self, kind: str = "file") -> str:
        """The `variant_id` of all that was given."""
        if self._pending:
            self.leaves.append(leaf_digest(self._pending))
            self._pending.clear()
        return variant_id(kind, self.length, self.leaves)


def split_page(data: bytes) -> tuple[bytes, ...]:
    """A digest page as single digests; ValueError when it is not a whole number of them."""
    if len(data) % DIGEST or len(data) > DIGEST * PAGE_LEAVES:
        raise ValueError("malformed digest page")
    return tuple(data[i : i + DIGEST] for i in range(0, len(data), DIGEST))


def join_digests(leaves: Iterable[bytes]) -> bytes:
    return b"".join(leaves)
