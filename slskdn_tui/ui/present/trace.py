"""The trace viewer: lanes of a track, its sources, the timeline. Core."""

from __future__ import annotations

from typing import Any

from slskdn_tui.model.views import TraceRow, TraceTrack, TraceView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, Span, crop, fit, spread

LEAF = 65536
_NAME = 11
_OVER = frozenset({"done", "completed", "failed", "cancelled"})
"""States in which nothing is in flight, whatever the last entries say."""


class TimelinePresenter(Flat):
    """What the scheduler did, in order."""

    columns: tuple[Column, ...] = (
        Column("time", "TIME", 5, "right"),
        Column("source", "SOURCE", 10),
        Column("event", "EVENT", 10),
        Column("range", "LEAVES", 9),
        Column("rtt", "RTT", 6, "right", drop=2),
        Column("rate", "RATE", 8, "right", drop=1),
        Column("cost", "COST", 6, "right", drop=4),
        Column("reputation", "REP", 4, "right", drop=5),
        Column("class", "CLASS", 7, drop=3),
        Column("result", "RESULT", 0, least=20),
    )

    shown: frozenset[str] = frozenset()

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: TraceRow) -> dict[str, Cell]:
        words = row.words or row.result or (_queue_words(row) if "cost" in self.shown else decision_words(row, self.glyphs.dash))
        if row.words and row.result not in ("", "ok") and row.result not in row.words:
            words = f"{row.result}: {row.words}"
        return {
            "time": Cell(fmt.duration(row.at), "colors.dim"),
            "source": Cell(row.source or self.glyphs.dash),
            "event": Cell(row.event, _event_style(row)),
            "range": Cell(leaf_range(row.chunk_offset, row.chunk_length) or self.glyphs.dash, "" if row.chunk_length else "colors.dim"),
            "rtt": Cell(fmt.milliseconds(row.rtt_ms, self.glyphs.dash), "" if row.rtt_ms is not None else "colors.dim"),
            "rate": Cell(fmt.speed(row.throughput_bps or 0, self.glyphs.dash), "" if row.throughput_bps else "colors.dim"),
            "cost": Cell(_known(row.cost, self.glyphs), "" if row.cost is not None else "colors.dim"),
            "reputation": Cell(_known(row.reputation, self.glyphs), "" if row.reputation is not None else "colors.dim"),
            "class": Cell(row.chunk_class or self.glyphs.dash, "colors.dim" if row.chunk_class in ("", "normal") else "states.rescue"),
            "result": Cell(words, _result_style(row.result)),
        }

    def sort_key(self, row: TraceRow, column: str) -> Any:
        return {
            "time": row.at,
            "source": row.source.casefold(),
            "event": row.event,
            "range": row.chunk_offset,
            "rtt": row.rtt_ms or 0.0,
            "rate": row.throughput_bps or 0.0,
            "cost": -1.0 if row.cost is None else row.cost,
            "reputation": -1.0 if row.reputation is None else row.reputation,
            "class": row.chunk_class,
            "result": row.result,
        }[column]

    def words(self, row: TraceRow) -> str:
        return f"{row.source} {row.event} {row.result} {row.chunk_class} {row.words}"


def _known(value: float | None, glyphs: Glyphs) -> str:
    return glyphs.dash if value is None else f"{value:.2f}"


def decision_words(row: TraceRow, dash: str) -> str:
    """What a decision rested on: `cost 0.92, 1.2 MB/s, 41 ms, reputation 0.99, urgent, 0.4 s of work before it`; empty for what is none."""
    if row.cost is None:
        return ""
    parts = [f"cost {row.cost:.2f}", fmt.speed(row.throughput_bps or 0, dash), fmt.milliseconds(row.rtt_ms, dash)]
    parts += [f"reputation {row.reputation:.2f}"] if row.reputation is not None else []
    parts += [row.chunk_class] if row.chunk_class else []
    return ", ".join([*parts, *([words] if (words := _queue_words(row)) else [])])


def _queue_words(row: TraceRow) -> str:
    return "" if row.queue_s is None else "nothing before it" if row.queue_s < 0.05 else f"{row.queue_s:.1f} s of work before it"


_ROUTINE = frozenset(("assign", "chunk", "flush", "origin"))


def telling(row: TraceRow) -> bool:
    """Not one of the thousands of entries that went as they should: those are the lanes' and the figures' business."""
    return row.event not in _ROUTINE or row.result not in ("", "ok") or row.chunk_class in ("race", "endgame")


def leaf_range(offset: int, length: int) -> str:
    """Bytes as the leaves (64 KiB) they touch: `12-19`; empty when there are none."""
    if length <= 0:
        return ""
    first, last = offset // LEAF, (offset + length - 1) // LEAF
    return f"{first}" if first == last else f"{first}-{last}"


def _event_style(row: TraceRow) -> str:
    name = row.event.casefold()
    if any(word in name for word in ("ban", "wrong", "corrupt", "fail")):
        return "states.failed"
    if "rescue" in name or "stall" in name:
        return "states.rescue"
    return "states.done" if "verif" in name or "complete" in name or "place" in name else ""


def _result_style(result: str) -> str:
    word = result.casefold()
    if word in ("", "ok"):
        return ""
    return "quality.bad" if any(bad in word for bad in ("fail", "wrong", "ban", "corrupt", "mismatch")) else "quality.warn"


def crumb_line(view: TraceView | None, track: TraceTrack | None, width: int, glyphs: Glyphs) -> Line:
    """Where we are, and how this track stands."""
    if view is None:
        return ((" Jobs", ""), (f" {glyphs.crumb} reading the trace", "colors.dim"))
    left: list[Span] = [(" Jobs ", "colors.dim"), (f"{glyphs.crumb} {view.job_id[:8]} ", "colors.dim"), (str(view.title), "")]
    right: Line = ()
    if track is not None:
        left.append((f" {glyphs.crumb} {track.track:02} {track.title}", "colors.title"))
        index = [one.track for one in view.tracks].index(track.track) + 1
        right = ((f"{track.state}  ", fmt.state_style(track.state)), (f"{index} of {len(view.tracks)} ", "colors.dim"))
    else:
        left.append((f" {glyphs.crumb} all tracks", "colors.title"))
    return spread(tuple(left), right, width)


def lane_lines(track: TraceTrack | None, width: int, glyphs: Glyphs, room: int = 6) -> list[Line]:
    """A scale in leaves, then each source's lane over the file with its share at the end, then what the marks mean."""
    if track is None or not track.lanes:
        return [(("  No chunk has been asked for yet.", "colors.dim"),)]
    tail = 14
    inner = max(10, width - _NAME - 4 - tail)
    leaves = max(1, -(-track.size // LEAF)) if track.size else max(1, *(len(lane.cells) for lane in track.lanes))
    shares = {source.name: source for source in track.sources}
    over = track.state.casefold() in _OVER
    out: list[Line] = [((f" {fit('leaf', _NAME)} {_scale(leaves, inner)}", "colors.dim"),)]
    # the line that says how many more there are would hold one lane as well
    seen = len(track.lanes) if len(track.lanes) <= room + 1 else room
    for lane in track.lanes[:seen]:
        source = shares.get(lane.name)
        style = fmt.PLANES[source.plane] if source else ""
        end = f" {fmt.percent(source.share):>4} {fmt.speed(source.speed, glyphs.dash):>9}" if source else ""
        out.append(
            (
                (f" {fit(lane.name, _NAME)} ", style),
                *fmt.chunk_line(lane.cells.replace(">", ".") if over else lane.cells, inner, glyphs),
                (end, "colors.dim"),
            )
        )
    if len(track.lanes) > seen:
        out.append(((f" and {len(track.lanes) - seen} more sources", "colors.dim"),))
    marks = glyphs.chunk
    words = f" {'':{_NAME}} {marks['#']} received  {marks['.']} missing  {marks['x']} retried"
    out.append(((words if over else f"{words}  {marks['>']} in flight", "colors.dim"),))
    return [crop(line, width, glyphs.ellipsis) for line in out]


def source_lines(track: TraceTrack | None, width: int, glyphs: Glyphs) -> list[Line]:
    """The roadmap's breakdown: who brought how much, how fast, with how many errors. For roomy terminals."""
    if track is None or not track.sources:
        return []
    wide = max(8, width - 75)
    out: list[Line] = [
        (
            (
                f"   {'SOURCE':<12} {'KIND':<4} {'SHARE':>5} {'BYTES':>8} {'SPEED':>10} {'RTT':>7} {'ERRORS':>6} {'RETRIES':>7}  RANGES",
                "colors.dim",
            ),
        )
    ]
    for source in track.sources[:8]:
        figures = (
            f" {source.plane:<4} {fmt.percent(source.share):>5} {fmt.size(source.bytes):>8} {fmt.speed(source.speed, glyphs.dash):>10}"
            f" {fmt.milliseconds(source.rtt_ms, glyphs.dash):>7} {source.errors:>6} {source.retries:>7}  "
        )
        note = f"  {source.note}" if source.note else ""
        out.append(
            (
                ("   ", ""),
                (fit(source.name, 12), fmt.PLANES[source.plane]),
                (figures, ""),
                (fit(source.ranges, wide).rstrip() if not note else _some_ranges(source.ranges, wide // 2, glyphs), ""),
                (note, "quality.warn"),
            )
        )
    return [crop(line, width, glyphs.ellipsis) for line in out]


def _some_ranges(ranges: str, room: int, glyphs: Glyphs) -> str:
    """As many whole ranges as fit: half a number would be a wrong one."""
    if len(ranges) <= room:
        return ranges
    whole = ranges[: max(0, room - 2)].rpartition(",")[0]
    return f"{whole}, {glyphs.ellipsis}" if whole else glyphs.ellipsis


def track_line(track: TraceTrack, width: int) -> Line:
    """One track in a line: how it stands and who brought it."""
    parts = ", ".join(f"{source.name} {fmt.percent(source.share)}" for source in track.sources[:4])
    return crop(
        ((f"   {track.track:02} {track.title}  ", ""), (f"{track.state}  ", fmt.state_style(track.state)), (parts, "colors.dim")), width
    )


def _scale(leaves: int, width: int) -> str:
    """Leaf numbers along the lanes, one about every ten cells."""
    out = [" "] * width
    for cell in range(0, width - 6, 10):
        text = str(cell * leaves // width)
        out[cell : cell + len(text)] = text
    return "".join(out)
