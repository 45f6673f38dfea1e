"""Which source brought which leaf of a file, from its events. Core.

A leaf belongs to whoever delivered it first and well: one found wrong and fetched again counts for the second source, and so does one that the
stream had begun and the overlay fetched whole. The stream is reported a MiB at a time, after the fact, so its report takes nothing from others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.model.variant import LEAF

WRONG = frozenset({"error", "corruption"})
AIMED = frozenset({"chunk", "verify"})
"""Kinds whose offset and length say which leaves were wrong."""
MOST_RANGES = 12


def leaves_of(offset: int, length: int, shift: int = 0) -> range:
    """Numbers of the leaves that bytes [offset, offset + length) touch. Those of an audio region begin at `shift` (below 64 KiB); before them stands number 0."""
    before = int(shift > 0)
    first, last = (offset - shift) // LEAF + before, -(-(offset + length - shift) // LEAF) + before
    return range(first, last) if length > 0 else range(0)


def span_of(leaf: int, shift: int = 0) -> tuple[int, int]:
    """Bytes [start, stop) of a leaf."""
    stop = shift + (leaf + (shift == 0)) * LEAF
    return max(0, stop - LEAF), stop


def shifts(events: Iterable[TraceEvent]) -> dict[int, int]:
    """By track: where in 64 KiB the overlay's leaves begin. They tell it themselves, for each chunk begins with one."""
    return {
        event.track_id: event.chunk_offset % LEAF
        for event in events
        if (event.kind == "assign" or (event.kind == "chunk" and event.result == "ok")) and plane_of(event.peer_id) == "mesh"
    }


@dataclass(slots=True)
class SourceTally:
    """What one source did for one track. `busy_s` is the time its chunks took at the speed they had."""

    name: str
    plane: str
    first: float
    last: float
    received: int = 0
    timed_bytes: int = 0
    busy_s: float = 0.0
    rtts: list[float] = field(default_factory=list)
    errors: int = 0
    retries: int = 0
    asked: set[int] = field(default_factory=set)
    troubled: set[int] = field(default_factory=set)
    wrong: set[int] = field(default_factory=set)
    banned: str = ""
    refused: str = ""
    rescue: bool = False

    @property
    def speed(self) -> float:
        """Bytes/s while it sent; over its whole time when no chunk told its speed."""
        if self.busy_s > 0:
            return self.timed_bytes / self.busy_s
        return self.received / (self.last - self.first) if self.last > self.first else 0.0

    @property
    def rtt_ms(self) -> float | None:
        return sum(self.rtts) / len(self.rtts) if self.rtts else None


@dataclass(slots=True)
class TrackTally:
    """All sources of one track in order of appearance, and the owner of each leaf; of a leaf in `begun` it may have only a part.

    `reach` is the farthest byte any event named, `shift` where leaves begin.
    """

    shift: int = 0
    sources: dict[str, SourceTally] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    reach: int = 0
    rescued: bool = False

    def add(self, event: TraceEvent) -> None:
        if event.kind == "rescue":
            self.rescued = True
        if not event.peer_id:
            return
        tally = self.sources.get(event.peer_id)
        if tally is None:
            tally = self.sources[event.peer_id] = SourceTally(
                event.peer_id, event.source or plane_of(event.peer_id), event.time, event.time
            )
            tally.rescue = self.rescued and tally.plane == "mesh"
        tally.last = event.time
        leaves = leaves_of(event.chunk_offset, event.chunk_length, self.shift)
        self.reach = max(self.reach, event.chunk_offset + event.chunk_length)
        if event.kind == "chunk" and event.rtt_ms is not None:  # a decision's is an estimate
            tally.rtts.append(event.rtt_ms)
        if event.kind == "assign":
            tally.asked.update(leaves)
        elif event.kind == "chunk" and event.result == "ok":
            self._brought(tally, leaves, event)
        elif event.kind == "take_back" or event.result == "timeout":
            tally.retries += 1
            tally.troubled.update(leaves)
            tally.asked.difference_update(leaves)
        elif event.result in WRONG:
            tally.errors += 1
            if event.kind in AIMED:
                self._failed(tally, leaves, event.result == "corruption")
        elif event.kind == "rebalance":
            tally.asked.difference_update(leaves)
        if event.kind == "ban":
            tally.banned = event.words or "wrong bytes"
        elif event.kind == "peer_refused":
            tally.refused = event.words or "refused"
        if event.kind in ("ban", "peer_lost"):
            tally.asked.clear()

    def _failed(self, tally: SourceTally, leaves: range, wrong: bool) -> None:
        tally.troubled.update(leaves)
        if wrong:
            tally.wrong.update(leaves)
        tally.asked.difference_update(leaves)
        for leaf in leaves:
            if self.owners.get(leaf) == tally.name:
                del self.owners[leaf]

    def _brought(self, tally: SourceTally, leaves: range, event: TraceEvent) -> None:
        tally.received += event.chunk_length
        tally.asked.difference_update(leaves)
        if event.throughput_bps:
            tally.timed_bytes += event.chunk_length
            tally.busy_s += event.chunk_length / event.throughput_bps
        stop = event.chunk_offset + event.chunk_length
        for leaf in leaves:
            first, last = span_of(leaf, self.shift)
            whole = tally.plane == "mesh" or (event.chunk_offset <= first and last <= stop)
            if leaf in tally.wrong or (leaf in self.owners and not (whole and leaf in self.begun)):
                continue
            self.owners[leaf] = tally.name
            if whole:
                self.begun.discard(leaf)
            else:
                self.begun.add(leaf)

    def owned(self, name: str, size: int) -> tuple[list[int], int]:
        """(leaves, bytes) that are this source's in the end, of a file of `size` bytes (0: unknown)."""
        leaves = sorted(leaf for leaf, owner in self.owners.items() if owner == name)
        spans = (span_of(leaf, self.shift) for leaf in leaves)
        return leaves, sum(max(0, (min(stop, size) if size else stop) - start) for start, stop in spans)


def plane_of(peer_id: str) -> str:
    return "slsk" if peer_id.startswith("slsk:") else "mesh"


def runs(leaves: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Sorted numbers as inclusive runs."""
    start = end = -1
    for leaf in leaves:
        if leaf == end + 1 and start >= 0:
            end = leaf
            continue
        if start >= 0:
            yield start, end
        start = end = leaf
    if start >= 0:
        yield start, end


def show_ranges(leaves: Iterable[int]) -> str:
    """`0-23, 40-59`; beyond twelve runs, how many more there are."""
    found = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs(leaves)]
    more = len(found) - MOST_RANGES
    return ", ".join(found[:MOST_RANGES]) + (f" and {more} more" if more > 0 else "")


def lane(tally: SourceTally, owned: Iterable[int], leaves: int, width: int) -> str:
    """The source's lane in `width` cells or fewer: `#` received, `x` retried, `>` in flight, `.` missing; the worst of a cell's leaves shows."""
    if leaves <= 0:
        return ""
    width = min(width, leaves)
    cells = ["."] * width
    rank = {".": 0, "#": 1, ">": 2, "x": 3}
    mine = set(owned)
    for mark, group in (("#", mine), (">", tally.asked), ("x", tally.troubled - mine)):
        for leaf in group:
            if leaf < leaves and rank[mark] > rank[cells[cell := leaf * width // leaves]]:
                cells[cell] = mark
    return "".join(cells)
