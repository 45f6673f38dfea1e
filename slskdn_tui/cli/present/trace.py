"""The trace of a job as the roadmap draws it: sources with share, speed, RTT and errors, then the timeline. Core."""

from __future__ import annotations

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import cut
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.views import TraceRow, TraceSource, TraceTrack, TraceView

_PLANES = {"slsk": "Soulseek", "mesh": "Overlay"}
_ROUTINE = frozenset(("assign", "chunk", "flush", "origin"))


def routine(row: TraceRow) -> bool:
    """One of the thousands of chunks that went as they should; the summary leaves them out, `--json` has them all."""
    return row.event in _ROUTINE and row.result in ("", "ok")


def _source(source: TraceSource, look: Look, is_last: bool) -> list[str]:
    child, last, past = look.branch
    inside = ", ".join(part for part in (f"chunks {source.ranges}" if source.ranges else "", str(source.note)) if part)
    head = f'{last if is_last else child}{_PLANES[source.plane]} peer "{source.name}": {units.percent(source.share)}{f" ({inside})" if inside else ""}'
    rtt = f"{source.rtt_ms:.0f}ms" if source.rtt_ms is not None else "-"
    told = [f"Avg speed: {units.trace_speed(source.speed)}", f"RTT: {rtt}", units.plural(source.errors, "error")]
    if source.retries:
        told.append(units.plural(source.retries, "retry"))
    return [head, ("   " if is_last else past) + last + ", ".join(told)]


def _timeline(view: TraceView, track: TraceTrack | None, look: Look) -> list[str]:
    rows = [row for row in view.rows if (track is None or row.track == track.track) and not routine(row)]
    lines = []
    for row in rows:
        words = str(row.words) or " ".join(part for part in (row.event, str(row.source), row.result) if part)
        who = f" ({row.source})" if row.source.startswith("b3:") and row.source not in words else ""
        lines.append(f"{units.stamp(row.at)} - {words}{who}")
    return lines


def summary(view: TraceView, look: Look) -> list[str]:
    """`slskdn debug job`: the job's own events, then a block a track."""
    lines: list[str] = []
    general = [row for row in view.rows if row.track == 0 and not routine(row)]
    if general or not view.tracks:
        lines += [f"Job: {view.title} ({view.job_id[:8]})", "", "Timeline:"]
        lines += [f"{units.stamp(row.at)} - {row.words or row.event}" for row in general] or ["nothing has happened yet"]
    for track in view.tracks:
        lines += [""] if lines else []
        state = f", {track.state}" if track.state else ""
        lines += [f"Job: {view.title} - Track {track.track} ({track.title}){state}", ""]
        if track.sources:
            lines.append("Sources:")
            for at, source in enumerate(track.sources):
                lines += _source(source, look, at == len(track.sources) - 1)
            lines.append("")
        story = _timeline(view, track, look)
        lines += ["Timeline:", *(story or ["nothing has happened yet"])]
    return [cut(line, look.width, look.mark) for line in lines] if look.width else lines
