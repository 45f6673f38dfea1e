"""Says what happens to a track, once for the trace (everything) and once for the log (what a user would want to know). Shell over bus and trace."""

from __future__ import annotations

from typing import Any

from slskdn_tui.engine.runtime.events import EventBus, Level
from slskdn_tui.engine.swarm.events import SwarmEvent, plane_of
from slskdn_tui.engine.trace.recorder import TraceRecorder
from slskdn_tui.engine.trace.summary import show_source
from slskdn_tui.model.text import SafeText

# Swarm events that a user reads in the log: kind -> (event name, part, level)
LOGGED: dict[str, tuple[str, str, Level]] = {
    "ban": ("peer.banned", "swarm", "warning"),
    "peer_added": ("peer.added", "rescue", "info"),
    "peer_refused": ("peer.refused", "rescue", "info"),
    "peer_lost": ("peer.lost", "overlay", "info"),
    "stall": ("track.stalled", "swarm", "warning"),
    "proof": ("track.proof", "swarm", "info"),
    "meet": ("track.met", "swarm", "info"),
}


class Teller:
    """Bound to one track of one job (track 0: the job itself)."""

    def __init__(self, bus: EventBus, trace: TraceRecorder, job_id: str, track: int, title: SafeText) -> None:
        self._bus = bus
        self._trace = trace
        self._job_id = job_id
        self._track = track
        self._title = title

    def trace(self, kind: str, *, source: str = "", result: str = "", words: str = "", **more: Any) -> None:
        plane = plane_of(source)
        self._trace.add(self._job_id, kind=kind, track_id=self._track, peer_id=source, source=plane, result=result, words=words, **more)

    def log(self, name: str, part: str, text: str, *, level: Level = "info", **data: str | int | float | bool | None) -> None:
        self._bus.publish(name, part, text, level=level, job_id=self._job_id, track=self._track, facts=data)

    def swarm(self, event: SwarmEvent) -> None:
        """Every decision of the swarm, into the trace; the telling ones into the log."""
        self._trace.add(
            self._job_id,
            kind=event.kind,
            track_id=self._track,
            peer_id=event.source,
            source=event.plane,
            variant_id=event.variant_id,
            chunk_offset=event.offset,
            chunk_length=event.length,
            result=event.result,
            rtt_ms=event.rtt_ms,
            throughput_bps=event.throughput_bps,
            words=event.words,
            **(event.inputs.data() if event.inputs is not None else {}),
        )
        if event.kind in LOGGED:
            name, part, level = LOGGED[event.kind]
            verb = "banned: " if event.kind == "ban" else ""
            self.log(
                name,
                part,
                f"{self._title}: {show_source(event.source)} {verb}{event.words or event.result}".replace("  ", " "),
                level=level,
                source=event.source,
            )
