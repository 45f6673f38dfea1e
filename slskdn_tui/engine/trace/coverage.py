"""Which source brought which bytes of a file, from its events. Core.

Bytes belong to whoever delivered them first and well: a leaf found wrong and fetched again counts for the second source, and so does one that the
stream had begun and the overlay fetched whole. The stream is reported a MiB at a time, after the fact, so its report takes nothing from others.
Credit goes by bytes and not by leaves, for a swarm that goes from an audio region over to the whole file lays its leaves anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.engine.trace.credit import Credit
from slskdn_tui.model.spans import Span, subtract
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
    wrong: list[Span] = field(default_factory=list)
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
    """All sources of one track in order of appearance, and whose which bytes are.

    `reach` is the farthest byte any event named, `shift` where leaves begin.
    """

    shift: int = 0
    sources: dict[str, SourceTally] = field(default_factory=dict)
    credit: Credit = field(default_factory=Credit)
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
                self._failed(tally, leaves, event)
        elif event.kind == "rebalance":
            tally.asked.difference_update(leaves)
        if event.kind == "ban":
            tally.banned = event.words or "wrong bytes"
        elif event.kind == "peer_refused":
            tally.refused = event.words or "refused"
        if event.kind in ("ban", "peer_lost"):
            tally.asked.clear()

    def _failed(self, tally: SourceTally, leaves: range, event: TraceEvent) -> None:
        tally.troubled.update(leaves)
        tally.asked.difference_update(leaves)
        first, last = event.chunk_offset, event.chunk_offset + event.chunk_length
        self.credit.take(first, last, tally.name)
        if event.result == "corruption":
            tally.wrong.append((first, last))

    def _brought(self, tally: SourceTally, leaves: range, event: TraceEvent) -> None:
        tally.received += event.chunk_length
        tally.asked.difference_update(leaves)
        if event.throughput_bps:
            tally.timed_bytes += event.chunk_length
            tally.busy_s += event.chunk_length / event.throughput_bps
        right = [(event.chunk_offset, event.chunk_offset + event.chunk_length)]
        for span in tally.wrong:
            right = subtract(right, *span)
        for start, stop in right:
            if tally.plane == "mesh":  # whole leaves, which begin with the chunk: where there was a part of one, it took the part's place
                for first in range(start, stop, LEAF):
                    if not self.credit.whole(first, last := min(first + LEAF, stop)):
                        self.credit.give(first, last, tally.name)
            else:
                self.credit.fill(start, stop, tally.name)

    def owned(self, size: int) -> dict[str, tuple[list[int], int]]:
        """By source (leaves, bytes) that are its own in the end, of a file of `size` bytes (0: unknown). A leaf is his who has most of it."""
        total: Counter[str] = Counter()
        parts: dict[int, Counter[str]] = {}
        for start, stop, name in self.credit.runs():
            stop = min(stop, size) if size else stop
            total[name] += max(0, stop - start)
            for leaf in leaves_of(start, stop - start, self.shift):
                first, last = span_of(leaf, self.shift)
                parts.setdefault(leaf, Counter())[name] += min(stop, last) - max(start, first)
        leaves: dict[str, list[int]] = {}
        for leaf, by in parts.items():
            leaves.setdefault(by.most_common(1)[0][0], []).append(leaf)
        return {name: (sorted(leaves.get(name, [])), total[name]) for name in total}


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
