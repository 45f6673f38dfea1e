"""Which leaves of a file are missing, on their way, or there; and how far the origin's stream has come. Core.

Two kinds of bytes: the *prefix* [0, prefix) came from Soulseek and is unverified until digests are known; a *verified* leaf matched its digest.
With digests, a leaf inside the prefix that did not match is missing again. `stream` is where a living origin writes next; its leaf is left
to it until nothing else is missing (the meeting point), then it is fetched whole from the overlay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slskdn_tui.model.part import BITMAP_PAGE, Extent
from slskdn_tui.model.variant import LEAF

FREE, TAKEN, DONE = 0, 1, 2
SLSK, MESH = 1, 2
_FREE = bytes([FREE])
_TAKEN = bytes([TAKEN])
MAX_REQUESTERS = 2


class PieceMap:
    """Leaves of `size` bytes. `digests` says whether leaves can be verified at all."""

    def __init__(self, size: int, digests: bool = False) -> None:
        if size <= 0:
            raise ValueError(f"a file of {size} bytes has no pieces")
        self.size = size
        self.leaves = -(-size // LEAF)
        self.digests = digests
        self.status = bytearray(self.leaves)
        self.plane = bytearray(self.leaves)
        self.holders: dict[int, tuple[str, ...]] = {}
        self.failed: set[int] = set()
        self.prefix = 0
        self.extents: list[Extent] = []
        self.reserved: int | None = None
        self.stream: int | None = None
        self.stream_rate = 0.0  # bytes/s, kept current by the shell
        self.verified = 0  # bytes in verified leaves
        self.count = 0  # verified leaves

    def span(self, leaf: int) -> tuple[int, int]:
        """Bytes [start, stop) of a leaf."""
        start = leaf * LEAF
        return start, min(start + LEAF, self.size)

    def length(self, leaf: int) -> int:
        return LEAF if leaf < self.leaves - 1 else self.size - leaf * LEAF

    # what is there

    @property
    def complete(self) -> bool:
        return self.count == self.leaves if self.digests else self.prefix >= self.size

    @property
    def done(self) -> int:
        """Bytes that need not be fetched again, as far as is known."""
        if not self.digests:
            return self.prefix
        return self.verified + self._partial()

    def _partial(self) -> int:
        leaf = self.prefix // LEAF
        return self.prefix % LEAF if leaf < self.leaves and self.status[leaf] != DONE else 0

    def has(self, start: int, stop: int) -> bool:
        """True when bytes [start, stop) are there: all in the prefix without digests, in verified leaves with them."""
        if not self.digests:
            return stop <= self.prefix
        return all(self.status[leaf] == DONE for leaf in range(start // LEAF, -(-stop // LEAF)))

    def missing(self) -> int:
        """Bytes of leaves that nobody was asked for; the stream's own leaf counts."""
        free = self.status.count(_FREE)
        short = self.leaves - 1
        return free * LEAF - (LEAF - self.length(short) if free and self.status[short] == FREE else 0)

    # the origin

    def extend(self, start: int, stop: int, source: str) -> None:
        """Bytes [start, stop) came from the origin `source`; ValueError when they leave a hole (verified leaves are none)."""
        if start > self.prefix:
            if not self.digests or not self.has(self.prefix, start):
                raise ValueError(f"origin bytes at {start} leave a hole after {self.prefix}")
            self.prefix = start
        if stop <= self.prefix:
            return
        last = self.extents[-1] if self.extents else None
        if last and last.source == source and last.stop == self.prefix:
            self.extents[-1] = Extent(last.start, stop, source)
        else:
            self.extents.append(Extent(self.prefix, stop, source))
        self.prefix = stop

    def resume_offset(self) -> int:
        """The first byte an origin has to send: the end of the prefix, or with digests the first byte of what is missing."""
        if not self.digests:
            return self.prefix
        leaf = self.first_missing()
        start, stop = self.span(leaf) if leaf is not None else (self.size, self.size)
        return self.prefix if start < self.prefix < stop else start

    def first_missing(self) -> int | None:
        found = [at for at in (self.status.find(_FREE), self.status.find(_TAKEN)) if at >= 0]
        return min(found) if found else None

    def source_of(self, leaf: int) -> str:
        """Who gave the first byte of a leaf in the prefix; "" outside of it."""
        at = leaf * LEAF
        return next((extent.source for extent in self.extents if extent.start <= at < extent.stop), "")

    # who is asked for what

    @property
    def floor(self) -> int:
        """Leaves below and at this one are the origin's while anything else is missing; -1 without a living origin."""
        return -1 if self.stream is None else min(self.stream // LEAF, self.leaves - 1)

    def reach(self, seconds: float) -> int:
        """The first leaf that the origin will not have begun in `seconds`; 0 without a living origin."""
        if self.stream is None:
            return 0
        return min(self.leaves, (self.stream + int(self.stream_rate * seconds)) // LEAF + 1)

    def free_back(self, most: int, low: int, high: int) -> tuple[int, int] | None:
        """(first, count) of up to `most` free leaves ending at the last free one in [low, high)."""
        last = self.status.rfind(_FREE, low, high)
        if last < 0:
            return None
        first = last
        while first > low and last - first + 1 < most and self.status[first - 1] == FREE:
            first -= 1
        return first, last - first + 1

    def free_front(self, most: int, low: int, high: int) -> tuple[int, int] | None:
        """(first, count) of up to `most` free leaves from the first free one in [low, high)."""
        first = self.status.find(_FREE, low, high)
        if first < 0:
            return None
        stop = first + 1
        while stop < high and stop - first < most and self.status[stop] == FREE:
            stop += 1
        return first, stop - first

    def take(self, leaf: int, node: str) -> None:
        """`node` is asked for `leaf`; ValueError when it is there, or two are asked already."""
        holders = self.holders.get(leaf, ())
        if self.status[leaf] == DONE or node in holders or len(holders) >= MAX_REQUESTERS:
            raise ValueError(f"leaf {leaf} cannot be asked of {node}: held by {holders}")
        self.holders[leaf] = (*holders, node)
        self.status[leaf] = TAKEN

    def give_back(self, leaf: int, node: str) -> None:
        """`node` will not deliver `leaf` after all."""
        holders = tuple(name for name in self.holders.get(leaf, ()) if name != node)
        if holders:
            self.holders[leaf] = holders
        else:
            self.holders.pop(leaf, None)
            if self.status[leaf] == TAKEN:
                self.status[leaf] = FREE

    def reserve(self, wanted: bool) -> None:
        """Keep the first free leaf from everybody but the origin (or stop doing so): the mesh alone cannot finish an unproven file."""
        if wanted and self.reserved is None:
            free = self.status.find(_FREE)
            if free >= 0:
                self.status[free], self.reserved = TAKEN, free
        elif not wanted and self.reserved is not None:
            if self.status[self.reserved] == TAKEN:
                self.status[self.reserved] = FREE
            self.reserved = None

    def take_back(self) -> None:
        """Of a complete file that nothing has proved: one leaf of the mesh's is missing again, and the origin's to send."""
        leaf = self.plane.find(MESH)
        self.status[leaf], self.plane[leaf], self.reserved = TAKEN, 0, leaf
        self.verified -= self.length(leaf)
        self.count -= 1

    @property
    def held(self) -> bool:
        """Nothing is missing but the leaf that is kept for the origin."""
        return self.reserved is not None and self.count == self.leaves - 1 and self.status[self.reserved] != DONE

    def deliver(self, leaf: int, plane: int) -> tuple[str, ...]:
        """A leaf was verified; returns everyone who had been asked for it."""
        if self.status[leaf] != DONE:
            self.status[leaf] = DONE
            self.verified += self.length(leaf)
            self.count += 1
            self.plane[leaf] = plane
        self.failed.discard(leaf)
        return self.holders.pop(leaf, ())

    def fail(self, leaf: int) -> None:
        """Wrong bytes came for it, or it turned out wrong on disk."""
        self.failed.add(leaf)
        if self.status[leaf] == DONE:
            self.status[leaf] = FREE
            self.verified -= self.length(leaf)
            self.count -= 1
            self.plane[leaf] = 0

    # another variant, and the record on disk

    def forget_verified(self, digests: bool) -> None:
        """The variant changed: nothing is verified; the prefix stays."""
        self.status = bytearray(self.leaves)
        self.plane = bytearray(self.leaves)
        self.holders.clear()
        self.failed.clear()
        self.reserved = None
        self.verified = self.count = 0
        self.digests = digests

    def restore(self, bitmap: bytes, extents: Iterable[Extent], prefix: int) -> None:
        """Take over a record: bit i, least significant first, is leaf i."""
        self.extents, self.prefix = list(extents), min(prefix, self.size)
        for leaf in range(self.leaves):
            if leaf >> 3 < len(bitmap) and bitmap[leaf >> 3] >> (leaf & 7) & 1:
                self.deliver(leaf, SLSK if self.source_of(leaf) else MESH)

    # for the screen

    def given_by(self, source: str) -> int:
        """Bytes of the file as it stands that came from this origin: what the mesh gave again in its place does not count."""
        own = [extent for extent in self.extents if extent.source == source]
        return sum(extent.stop - extent.start - self._from_mesh(extent.start, extent.stop) for extent in own)

    def _from_mesh(self, start: int, stop: int) -> int:
        """Bytes of [start, stop) that are in leaves of the mesh's."""
        first, last = start // LEAF, stop // LEAF
        inside = self.plane.count(MESH, first, last) * LEAF
        before = start - first * LEAF if first < last and self.plane[first] == MESH else 0
        after = stop - max(start, last * LEAF) if stop % LEAF and self.plane[last] == MESH else 0
        return inside - before + after

    def by_plane(self) -> tuple[int, int]:
        """(bytes from Soulseek, bytes from the mesh) among what is there."""
        if not self.digests:
            return self.prefix, 0
        mesh = self.plane.count(MESH)
        short = self.leaves - 1
        mesh_bytes = mesh * LEAF - (LEAF - self.length(short) if mesh and self.plane[short] == MESH else 0)
        return self.done - mesh_bytes, mesh_bytes

    def codes(self) -> bytes:
        """One character a leaf: `.` missing, `o` from the origin, `m` verified from the mesh, `>` on its way, `x` failed once."""
        out = bytearray(self.leaves)
        stream = self.floor
        for leaf, state in enumerate(self.status):
            if state == DONE:
                code = "m" if self.plane[leaf] == MESH else "o"
            elif state == TAKEN or leaf == stream:
                code = ">"
            elif leaf in self.failed:
                code = "x"
            elif not self.digests and (leaf + 1) * LEAF <= self.prefix:
                code = "o"
            else:
                code = "."
            out[leaf] = ord(code)
        if not self.digests:  # all of it is the origin's
            whole = self.leaves if self.prefix >= self.size else self.prefix // LEAF
            out[:whole] = b"o" * whole
        return bytes(out)


def cells(codes: bytes, width: int) -> str:
    """Squeeze or stretch `codes` to `width` characters; a cell shows what is least finished in it: `x`, `>`, `.`, else who gave most."""
    if width <= 0 or not codes:
        return ""
    out: list[str] = []
    for cell in range(width):
        start = cell * len(codes) // width
        part = codes[start : max(start + 1, (cell + 1) * len(codes) // width)]
        urgent = next((char for char in "x>." if ord(char) in part), None)
        out.append(urgent if urgent else ("m" if part.count(b"m") * 2 >= len(part) else "o"))
    return "".join(out)


def bitmap(done: Iterable[int], leaves: int) -> bytes:
    """The stored form of a set of leaves."""
    out = bytearray(-(-leaves // 8))
    for leaf in done:
        out[leaf >> 3] |= 1 << (leaf & 7)
    return bytes(out)


def bits(stored: bytes, leaves: int) -> Iterator[int]:
    """The leaves set in a stored bitmap."""
    return (leaf for leaf in range(leaves) if leaf >> 3 < len(stored) and stored[leaf >> 3] >> (leaf & 7) & 1)


def page_of(leaf: int) -> int:
    """Which page of the stored bitmap holds a leaf."""
    return leaf // BITMAP_PAGE


def runs(leaves: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted leaves as (first, count) runs."""
    out: list[tuple[int, int]] = []
    for leaf in sorted(leaves):
        if out and out[-1][0] + out[-1][1] == leaf:
            out[-1] = (out[-1][0], out[-1][1] + 1)
        else:
            out.append((leaf, 1))
    return out
