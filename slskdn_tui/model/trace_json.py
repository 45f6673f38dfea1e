"""A job's trace as JSON for other programs: the one document that the export, the screen and `debug job --json` give. Core."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from slskdn_tui.model.views import TraceRow, TraceView

SCHEMA = "slskdn-trace/1"
EVERYTHING = 1 << 40
"""A window that holds any trace."""


def trace_document(view: TraceView) -> dict[str, Any]:
    """`schema job_id title tracks events`: tracks with their sources and lanes, and one flat list of events, in order.

    An event's fields have the roadmap's names, a decision's inputs are columns beside them, and fields without a value are left out:
    a table is `[event.get(name) for event in events]`.
    """
    return {
        "schema": SCHEMA,
        "job_id": view.job_id,
        "title": view.title,
        "tracks": [asdict(track) for track in view.tracks],
        "events": [_event(row) for row in view.rows],
    }


def _event(row: TraceRow) -> dict[str, Any]:
    entry = {
        "seq": int(row.key) if row.key.isdecimal() else None,
        "time": row.time,
        "at": round(row.at, 3),
        "kind": row.event,
        "track_id": row.track,
        "peer_id": row.peer_id,
        "source": row.plane,
        "variant_id": row.variant_id,
        "chunk_offset": row.chunk_offset,
        "chunk_length": row.chunk_length,
        "result": row.result,
        "rtt_ms": row.rtt_ms,
        "throughput_bps": row.throughput_bps,
        "cost": row.cost,
        "reputation": row.reputation,
        "chunk_class": row.chunk_class,
        "queue_s": row.queue_s,
        "words": row.words,
    }
    return {name: value for name, value in entry.items() if value not in ("", None)}
