"""A job's trace as JSON for other programs. Core."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.engine.trace.summary import iso_ms


def export_json(job_id: str, events: Iterable[TraceEvent]) -> dict[str, Any]:
    """`{"job_id", "events"}`: an object an event under the roadmap's names, fields without a value left out, times ISO UTC to the millisecond.

    A decision's inputs (`cost reputation chunk_class queue_s`) stand beside its `rtt_ms` and `throughput_bps`, so that a table has a column each.
    """
    listed = []
    for event in events:
        entry = event.data | asdict(event)
        del entry["data"]
        entry["time"] = iso_ms(event.time)
        listed.append({name: value for name, value in entry.items() if name != "job_id" and value not in ("", None)})
    return {"job_id": job_id, "events": listed}
