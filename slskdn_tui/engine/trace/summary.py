"""Events of a job into the view that the trace screen and `slskdn debug job` draw. Core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.engine.trace.coverage import SourceTally, TrackTally, lane, leaves_of, plane_of, shifts, show_ranges
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import TraceLane, TraceRow, TraceSource, TraceTrack, TraceView

LANE_CELLS = 240
WORDS = {
    "take_back": "silent: its chunks were taken back",
    "flush": "bytes reached the disk",
    "complete": "complete",
}
"""For events that speak for themselves."""
REASSIGNED_S = 5.0
"""Chunks taken from a peer were moved to whoever is asked for them within this time."""


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """What a summary needs to know of a track beside its events. `size` is bytes, 0 when unknown."""

    position: int
    title: SafeText
    state: str = ""
    size: int = 0


def summarise(
    job_id: str,
    title: str,
    tracks: Sequence[TrackFacts],
    events: Sequence[TraceEvent],
    *,
    track: int | None = None,
    contains: str = "",
    start: int = 0,
    count: int = 500,
) -> TraceView:
    """The whole picture of a job, or of one `track` of it; the timeline is the window [start, start + count) of the rows that hold `contains`.

    `version` is the last event's `seq`, so it changes when anything does but a track's state; 0 for an empty timeline.
    """
    began = min((event.time for event in events), default=0.0)
    tallies: dict[int, TrackTally] = {}
    shifted = shifts(events)
    for event in events:
        if event.track_id > 0:
            tallies.setdefault(event.track_id, TrackTally(shifted.get(event.track_id, 0))).add(event)
    known = {facts.position: facts for facts in tracks}
    known |= {position: TrackFacts(position, SafeText("")) for position in tallies if position not in known}
    shown = tuple(
        _track(known[position], tallies.get(position, TrackTally())) for position in sorted(known) if track is None or position == track
    )
    wanted = contains.casefold()
    moved = _moves(events, shifted)
    rows = [
        row
        for event in events
        if track is None or event.track_id in (0, track)
        if not wanted or wanted in f"{event.kind} {event.peer_id} {event.result} {event.words}".casefold()
        for row in (_row(event, began, moved.get(event.seq, "")),)
    ]
    version = max((event.seq for event in events), default=0)
    return TraceView(version, job_id, SafeText(title), shown, tuple(rows[start : start + count]), len(rows))


def _track(facts: TrackFacts, tally: TrackTally) -> TraceTrack:
    size = facts.size or tally.reach
    leaves = leaves_of(0, size, tally.shift).stop
    sources, lanes = [], []
    brought = tally.owned(size)
    for name, source in tally.sources.items():
        owned, total = brought.get(name, ([], 0))
        label = show_source(name)
        sources.append(
            TraceSource(
                key=f"{facts.position}/{name}",
                name=label,
                plane=_plane(source.plane),
                share=min(1.0, total / size) if size else 0.0,
                bytes=total,
                ranges=show_ranges(owned),
                speed=source.speed,
                rtt_ms=source.rtt_ms,
                errors=source.errors,
                retries=source.retries,
                note=_note(source),
            )
        )
        lanes.append(TraceLane(label, lane(source, owned, leaves, LANE_CELLS)))
    return TraceTrack(facts.position, facts.title, facts.state, size, tuple(sources), tuple(lanes))


def _note(source: SourceTally) -> SafeText:
    if source.banned:
        return SafeText(f"banned: {source.banned}")
    if source.refused and not source.received:
        return SafeText(f"refused: {source.refused}")
    return SafeText("rescue mode" if source.rescue else "")


def by_plane(track: TraceTrack) -> tuple[int, int]:
    """Bytes of a track that came from Soulseek and from the mesh in the end; (0, 0) when its trace knows nothing."""
    slsk = sum(source.bytes for source in track.sources if source.plane == "slsk")
    return slsk, sum(source.bytes for source in track.sources) - slsk


def _moves(events: Sequence[TraceEvent], shifted: Mapping[int, int]) -> dict[int, str]:
    """Words of each `rebalance` by its `seq`: from whom, to whom, and how many chunks."""
    asked: dict[tuple[int, int], TraceEvent] = {}  # (track, leaf) -> the next time somebody is asked for it
    words: dict[int, str] = {}
    for event in reversed(events):
        leaves = leaves_of(event.chunk_offset, event.chunk_length, shifted.get(event.track_id, 0))
        if event.kind == "assign":
            asked.update(dict.fromkeys(((event.track_id, leaf) for leaf in leaves), event))
        elif event.kind == "rebalance":
            later = [asked.get((event.track_id, leaf)) for leaf in leaves]
            there = [one.peer_id for one in later if one and one.peer_id != event.peer_id and one.time - event.time <= REASSIGNED_S]
            names = " and ".join(show_source(name) for name in dict.fromkeys(there))
            count = f"{len(leaves)} chunk{'' if len(leaves) == 1 else 's'}"
            words[event.seq] = f"{count} moved from {show_source(event.peer_id)} to {names or 'whoever is faster'}"
    return words


def _words(event: TraceEvent, moved: str) -> str:
    """What stands in the timeline. A reason that was left empty leaves no colon behind."""
    words = event.words.rstrip().removesuffix(":")
    if event.kind == "origin" and words == "complete":
        return "the Soulseek stream is complete"
    return words or moved or WORDS.get(event.kind, "")


def _row(event: TraceEvent, began: float, moved: str = "") -> TraceRow:
    return TraceRow(
        key=str(event.seq),
        version=event.seq,
        at=max(0.0, event.time - began),
        time=iso_ms(event.time),
        source=show_source(event.peer_id),
        event=event.kind,
        chunk_offset=event.chunk_offset,
        chunk_length=event.chunk_length,
        result=event.result,
        rtt_ms=event.rtt_ms,
        throughput_bps=event.throughput_bps,
        words=SafeText(_words(event, moved)),
        track=event.track_id,
        cost=event.data.get("cost"),
        reputation=event.data.get("reputation"),
        chunk_class=event.data.get("chunk_class", ""),
        queue_s=event.data.get("queue_s"),
        peer_id=SafeText(event.peer_id),
        plane=event.source,
        variant_id=event.variant_id,
    )


def show_source(peer_id: str) -> SafeText:
    """A Soulseek user's name, or a node's short id."""
    if not peer_id:
        return SafeText("")
    return SafeText(peer_id.removeprefix("slsk:") if plane_of(peer_id) == "slsk" else short_node_id(peer_id))


def _plane(name: str) -> Literal["slsk", "mesh"]:
    return "slsk" if name == "slsk" else "mesh"


def iso_ms(moment: float) -> str:
    """Unix seconds as ISO UTC to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
