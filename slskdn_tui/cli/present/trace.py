"""The trace of a job as the roadmap draws it: sources with share, speed, RTT and errors, then the timeline. Core."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import cut
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.views import TraceRow, TraceSource, TraceView

_PLANES = {"slsk": "Soulseek", "mesh": "Overlay"}
_LEAF = re.compile(r"\b(?:leaf|leaves)\b")
_ROUTINE = frozenset(("assign", "chunk", "flush", "origin"))


def routine(row: TraceRow) -> bool:
    """One of the thousands of chunks that went as they should; the summary leaves them out, `--json` has them all."""
    return row.event in _ROUTINE and row.result in ("", "ok")


def _chunks(words: str) -> str:
    """A chunk is the unit people see; the engine's own word for it is leaf."""
    return _LEAF.sub(lambda found: "chunks" if found[0] == "leaves" else "chunk", str(words))


def _source(source: TraceSource, look: Look, is_last: bool) -> list[str]:
    child, last, past = look.branch
    inside = ", ".join(part for part in (f"chunks {source.ranges}" if source.ranges else "", _chunks(source.note)) if part)
    head = f'{last if is_last else child}{_PLANES[source.plane]} peer "{source.name}": {units.percent(source.share)}{f" ({inside})" if inside else ""}'
    rtt = f"{source.rtt_ms:.0f}ms" if source.rtt_ms is not None else "-"
    told = [f"Avg speed: {units.trace_speed(source.speed)}", f"RTT: {rtt}", units.plural(source.errors, "error")]
    if source.retries:
        told.append(units.plural(source.retries, "retry"))
    return [head, ("   " if is_last else past) + last + ", ".join(told)]


def _said(row: TraceRow) -> str:
    """The words of a row, made of its fields when it has none."""
    words = _chunks(row.words) or " ".join(part for part in (row.event, str(row.source), row.result) if part)
    return words + (f" ({row.source})" if row.source.startswith("b3:") and row.source not in words else "")


def timeline(rows: Iterable[TraceRow], look: Look) -> list[str]:
    """Stamped lines, equal ones of a second once with how often (`×4`); a second with several lines is stamped in tenths."""
    often: dict[tuple[int, str], list[float]] = {}
    for row in rows:
        often.setdefault((int(row.at), _said(row)), []).append(row.at)
    crowd = Counter(second for second, _ in often)
    times = "x" if look.ascii else "×"
    return [
        f"{units.stamp(at[0], tenths=crowd[second] > 1)} - {words}{f' {times}{len(at)}' if len(at) > 1 else ''}"
        for (second, words), at in often.items()
    ]


def summary(view: TraceView, look: Look) -> list[str]:
    """`slskdn debug job`: the job's own events, then a block a track."""
    lines: list[str] = []
    general = [row for row in view.rows if row.track == 0 and not routine(row)]
    if general or not view.tracks:
        lines += [f"Job: {view.title} ({view.job_id[:8]})", "", "Timeline:"]
        lines += timeline(general, look) or ["nothing has happened yet"]
    for track in view.tracks:
        lines += [""] if lines else []
        state = f", {track.state}" if track.state else ""
        lines += [f"Job: {view.title} - Track {track.track} ({track.title}){state}", ""]
        if track.sources:
            lines.append("Sources:")
            for at, source in enumerate(track.sources):
                lines += _source(source, look, at == len(track.sources) - 1)
            lines.append("")
        story = timeline((row for row in view.rows if row.track == track.track and not routine(row)), look)
        lines += ["Timeline:", *(story or ["nothing has happened yet"])]
    return [cut(line, look.width, look.mark) for line in lines] if look.width else lines
