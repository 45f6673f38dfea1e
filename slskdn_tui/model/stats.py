"""The roadmap's success metrics as this node can count them: values, and the words for them. Core; local, never sent. docs/stats.md has each formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`, both counts of the same thing; `rate` 0-1, None while there is nothing to take a share of."""

    part: int = 0
    whole: int = 0
    rate: float | None = None


def share(part: int, whole: int) -> Share:
    return Share(part, whole, part / whole if whole else None)


NONE_YET = Share()


@dataclass(frozen=True, slots=True)
class StatsView:
    """Of all time, but `crates_a_month` (the last 30 days; None before the first crate) and `chunk_errors_avoided` (jobs whose trace is kept).

    `cache` (recordings it had, of those peers asked for) is None on a node that never kept one. Bytes are bytes, a chunk is a leaf of 64 KiB.
    """

    version: int
    doctor_runs: int = 0
    rescues: Share = NONE_YET
    """Rescues that completed their file, of those begun."""
    rescues_refused: int = 0
    discographies: Share = NONE_YET
    """Discographies of which every release is there, of those begun."""
    discography_releases: Share = NONE_YET
    crates: int = 0
    crates_a_month: int | None = None
    low_reputation: Share = NONE_YET
    """Peers avoided now, of those ever asked for anything."""
    chunk_errors_avoided: Share = NONE_YET
    """Chunks taken back from peers as they were found out, of those and the chunks that came wrong."""
    days_within_ratio: Share = NONE_YET
    """Days on which `fairness.min_ratio` was kept, of the days on which it was asked."""
    days_in_grace: int = 0
    manifests: Share = NONE_YET
    """Jobs whose manifest was exported, of all jobs."""
    manifests_imported: int = 0
    traces: Share = NONE_YET
    """Jobs whose trace was looked at, of all jobs."""
    streams: Share = NONE_YET
    """Streams that never stalled, of those whose file was still arriving as their sound began."""
    playback_stalls: int = 0
    cache: Share | None = None
    cache_bytes_saved: Share = NONE_YET
    """Bytes sent from the cache but for those fetched into it, of those sent; below 0 while more was fetched."""
    soulseek_bytes_saved: Share = NONE_YET
    """Bytes that came over the mesh, of all bytes that came."""
    kind: Literal["stats"] = field(default="stats")


@dataclass(frozen=True, slots=True)
class Figure:
    """A line for people: its name, the figure, and what it is counted from."""

    name: str
    value: str
    words: str


def figures(view: StatsView) -> Iterator[Figure]:
    """In the roadmap's order."""
    yield Figure("Doctor runs", str(view.doctor_runs), "checks that ended")
    refused = f"; {view.rescues_refused} refused" if view.rescues_refused else ""
    yield _of("Rescue success", view.rescues, f"rescues completed their file{refused}")
    releases = view.discography_releases
    yield _of("Discographies complete", view.discographies, f"discographies; {releases.part} of {releases.whole} releases")
    monthly = "none yet" if view.crates_a_month is None else str(view.crates_a_month)
    yield Figure("Crates a month", monthly, f"in the last 30 days; {view.crates} in all")
    yield _of("Low reputation", view.low_reputation, "peers asked are avoided now")
    yield _of("Chunk errors avoided", view.chunk_errors_avoided, "taken back in time")
    grace = f"; {view.days_in_grace} more in grace" if view.days_in_grace else ""
    yield _of("Days within ratio", view.days_within_ratio, f"days{grace}")
    yield _of("Manifests exported", view.manifests, f"jobs; {view.manifests_imported} imported")
    yield _of("Traces viewed", view.traces, "jobs")
    if view.cache is None:
        yield Figure("Cache hits", "no cache", "")
    else:
        kept = view.cache_bytes_saved
        yield _of("Cache hits", view.cache, f"requests; {_size(max(0, kept.part))} of {_size(kept.whole)} sent were saved")
    saved = view.soulseek_bytes_saved
    yield Figure("Soulseek bytes saved", _rate(saved), f"{_size(saved.part)} of {_size(saved.whole)} came over the mesh")
    yield _of("Streams without a stall", view.streams, f"streams; {view.playback_stalls} stalls")


def _of(name: str, value: Share, words: str) -> Figure:
    return Figure(name, _rate(value), f"{value.part} of {value.whole} {words}")


def _rate(value: Share) -> str:
    return "none yet" if value.rate is None else f"{100 * value.rate:.1f} %"


def _size(count: int) -> str:
    size, units = float(count), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"
