"""Which leaves of a file are missing, on their way, or there; and how far the origin's stream has come. Core.

Leaves lie where the `Layout` says: over the whole file, or over its audio region, with a head and a tail that only the origin gives.
Two kinds of bytes: the *prefix* [0, prefix) came from Soulseek and is unverified until digests are known; a *verified* leaf matched its digest.
With digests, a leaf inside the prefix that did not match is missing again. `stream` is where a living origin writes next; its leaf is left
to it until nothing else is missing (the meeting point), then it is fetched whole from the overlay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slskdn_tui.model.part import BITMAP_PAGE, Extent, Layout
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
        self.layout = Layout.whole(size)
        self.leaves = self.layout.leaves
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
        """Bytes [start, stop) of a leaf in the file."""
        return self.layout.span(leaf)

    def length(self, leaf: int) -> int:
        return LEAF if leaf < self.leaves - 1 else self.layout.length - leaf * LEAF

    # what is there

    @property
    def complete(self) -> bool:
        return self.count == self.leaves and not self.short if self.digests else self.prefix >= self.size

    @property
    def short(self) -> int:
        """Bytes of the tail that have not come."""
        return self.size - max(self.prefix, self.layout.stop)

    @property
    def tail_only(self) -> bool:
        """Every leaf is there, and the tail is not."""
        return self.digests and self.count == self.leaves and self.short > 0

    @property
    def done(self) -> int:
        """Bytes that need not be fetched again, as far as is known."""
        if not self.digests:
            return self.prefix
        return self.verified + self._partial() + self.layout.start + self.layout.tail - self.short

    def _partial(self) -> int:
        leaf, _ = self.layout.at(self.prefix)
        return self.prefix - self.span(leaf)[0] if leaf is not None and self.status[leaf] != DONE else 0

    def has(self, start: int, stop: int) -> bool:
        """True when bytes [start, stop) are there: all in the prefix without digests, in verified leaves with them."""
        if not self.digests:
            return stop <= self.prefix
        if start < min(stop, self.layout.start) > self.prefix or stop > max(self.prefix, self.layout.stop):
            return False
        return all(self.status[leaf] == DONE for leaf in self.layout.touched(start, stop))

    def ready(self, offset: int) -> int:
        """Where the bytes that are there from `offset` on without a gap end; `offset` itself when its own byte is missing."""
        if not self.digests:
            return max(offset, self.prefix)
        if offset < self.layout.start:
            if self.prefix < self.layout.start:
                return max(offset, self.prefix)
            offset = self.layout.start
        if offset < self.layout.stop:
            leaf = self.first_missing((offset - self.layout.start) // LEAF)
            if leaf is not None:
                return max(offset, self.span(leaf)[0])
            offset = self.layout.stop
        return max(offset, self.prefix)

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
        if leaf is None:
            return max(self.prefix, self.layout.stop)
        start, stop = self.span(leaf)
        return self.prefix if start < self.prefix < stop else start

    def first_missing(self, low: int = 0) -> int | None:
        """The first leaf from `low` on that is not there."""
        found = [at for at in (self.status.find(_FREE, low), self.status.find(_TAKEN, low)) if at >= 0]
        return min(found) if found else None

    def source_of(self, leaf: int) -> str:
        """Who gave the first byte of a leaf in the prefix; "" outside of it."""
        at = self.span(leaf)[0]
        return next((extent.source for extent in self.extents if extent.start <= at < extent.stop), "")

    # who is asked for what

    @property
    def floor(self) -> int:
        """Leaves below and at this one are the origin's while anything else is missing; -1 without a living origin."""
        if self.stream is None or self.stream >= self.layout.stop:
            return -1
        return max(self.stream - self.layout.start, 0) // LEAF

    def reach(self, seconds: float) -> int:
        """The first leaf that the origin will not have begun in `seconds`; 0 without a living origin."""
        if self.floor < 0 or self.stream is None:
            return 0
        return min(self.leaves, max(0, (self.stream + int(self.stream_rate * seconds) - self.layout.start) // LEAF + 1))

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

    def reserve(self, wanted: bool, start: int = 0) -> None:
        """Keep the first free leaf (from `start` on, if there is one) from everybody but the origin, or stop doing so: the mesh alone cannot finish an
        unproven file."""
        if wanted and self.reserved is None:
            free = self.status.find(_FREE, start)
            free = self.status.find(_FREE) if free < 0 else free
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

    def forget_verified(self, layout: Layout | None) -> None:
        """The variant changed (None: there is none): nothing is verified; of the prefix stays what the origin sent without a gap."""
        if layout is None:
            self.prefix = self._sent()
        self.digests = layout is not None
        self.layout = layout or Layout.whole(self.size)
        self.leaves = self.layout.leaves
        self.status = bytearray(self.leaves)
        self.plane = bytearray(self.leaves)
        self.holders.clear()
        self.failed.clear()
        self.reserved = None
        self.verified = self.count = 0

    def _sent(self) -> int:
        """How far the origin's bytes go from the front without one of the overlay's leaves between them."""
        reach = 0
        for extent in self.extents:
            if extent.start > reach:
                break
            reach = max(reach, extent.stop)
        return min(reach, self.prefix)

    def from_origin(self, start: int, stop: int) -> bool:
        """Whether every byte of [start, stop) is the origin's, as it sent it."""
        if any(self.plane[leaf] == MESH for leaf in self.layout.touched(start, stop)):
            return False
        for extent in self.extents:
            if extent.start <= start < extent.stop:
                start = extent.stop
        return start >= stop

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
        start, stop = (max(at - self.layout.start, 0) for at in (start, min(stop, self.layout.stop)))
        if start >= stop:
            return 0
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
        """One character a leaf: `.` missing, `o` from the origin, `m` verified from the mesh, `>` on its way, `x` failed once.

        Head and tail of a region have one for each 64 KiB begun, too.
        """
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
        behind = -(-self.layout.tail // LEAF)
        came = behind - -(-self.short // LEAF)
        coming = self.stream is not None and self.stream >= self.layout.stop
        rest = (b">" if coming else b".") + b"." * behind
        return b"o" * -(-self.layout.start // LEAF) + bytes(out) + (b"o" * came + rest)[:behind]


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


def without(span: tuple[int, int], holes: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What of [first, stop) is left outside of these half-open ranges, in order."""
    at, stop = span
    for first, last in sorted(holes):
        if at < min(first, stop):
            yield at, min(first, stop)
        at = max(at, last)
    if at < stop:
        yield at, stop


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
