"""A job's trace as JSON for other programs. Core."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.engine.trace.summary import iso_ms


def export_json(job_id: str, events: Iterable[TraceEvent]) -> dict[str, Any]:
    """`{"job_id", "events"}`: an object an event under the roadmap's names, fields without a value left out, times ISO UTC to the millisecond."""
    listed = []
    for event in events:
        entry = asdict(event)
        entry["time"] = iso_ms(event.time)
        listed.append({name: value for name, value in entry.items() if name != "job_id" and value not in ("", None, {})})
    return {"job_id": job_id, "events": listed}
