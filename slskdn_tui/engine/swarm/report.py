"""A swarm's status as one frozen value. Core: reads the swarm's parts, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.events import SourceStatus, SwarmStatus
from slskdn_tui.engine.swarm.members import Member
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.proof.guard import Decision
from slskdn_tui.engine.swarm.stream import OriginStream
from slskdn_tui.model.ports import OriginState


class Described(Protocol):
    """What `describe` reads of a `TrackSwarm`."""

    @property
    def part(self) -> PartFile: ...
    @property
    def scheduler(self) -> Scheduler: ...
    @property
    def members(self) -> dict[str, Member]: ...
    @property
    def stream(self) -> OriginStream | None: ...
    @property
    def decision(self) -> Decision: ...
    @property
    def held(self) -> str: ...
    @property
    def canonical(self) -> str: ...
    @property
    def origin_cap(self) -> int | None: ...
    @property
    def bans(self) -> dict[str, str]: ...
    @property
    def past(self) -> dict[str, SourceStatus]: ...
    def underperforming(self) -> str: ...


def describe(swarm: Described, now: float) -> SwarmStatus:
    """The status at monotonic second `now`. Sources that have gone are listed with what they gave."""
    part, stream = swarm.part, swarm.stream
    present = {member.node: member_status(swarm.scheduler, member, now) for member in swarm.members.values()}
    if stream is not None:
        present[stream.source] = stream_status(stream, now, swarm.underperforming())
    sources = dict(swarm.past)
    for name, source in present.items():
        sources[name] = merged(sources.get(name), source)
    for name, source in sources.items():
        if source.plane == "slsk":  # what it gave before a restart is on disk, with its name
            sources[name] = replace(source, bytes=part.pieces.given_by(name))
    rate = sum(source.rate for source in present.values())
    slsk, mesh = part.pieces.by_plane()
    rest = part.size - part.pieces.done
    return SwarmStatus(
        size=part.size,
        done=part.pieces.done,
        by_slsk=slsk,
        by_mesh=mesh,
        rate=rate,
        eta=rest / rate if rate >= 1.0 else None,
        sources=tuple(sources.values()),
        origin=stream.source if stream else "",
        origin_state=stream.state if stream else None,
        origin_place=stream.place if stream else None,
        origin_detail=stream.detail if stream else "",
        variant_id=part.variant.variant_id if part.variant else "",
        proof=swarm.decision.proof.value,
        guard=swarm.decision.words,
        held=swarm.held,
        origin_cap=swarm.origin_cap,
        duplicate_bytes=swarm.scheduler.duplicate_bytes + (stream.skipped if stream else 0),
        bans=tuple(swarm.bans.items()),
        codes=part.pieces.codes(),
        canonical=swarm.canonical,
    )


def stream_status(stream: OriginStream, now: float, stall: str = "") -> SourceStatus:
    """`stall`: why it underperforms; one that sends is then stalled, one that is queued stays so."""
    rate = 0.0 if stream.ended else stream.meter.rate(now)
    state = "stalled" if stall and stream.state is OriginState.ACTIVE else stream.state.value
    return SourceStatus(stream.source, "slsk", state, stream.meter.total, rate)


def member_status(scheduler: Scheduler, member: Member, now: float) -> SourceStatus:
    lane = scheduler.lanes.get(member.node)
    state = member.state.value
    if lane is None:
        return SourceStatus(member.node, "mesh", state, member.given, 0.0)
    metrics = lane.metrics
    return SourceStatus(
        source=member.node,
        plane="mesh",
        state="stalled" if lane.silent else state,
        bytes=member.given,
        rate=member.meter.rate(now),
        rtt=metrics.rtt_avg,
        cost=scheduler.cost_of(lane),
        errors=metrics.error_rate,
        timeouts=metrics.timeout_rate,
        outstanding=lane.outstanding,
        reputation=lane.reputation,
        chunks=metrics.chunks,
        error_count=metrics.errors,
        timeout_count=metrics.timeouts,
    )


def merged(before: SourceStatus | None, now: SourceStatus) -> SourceStatus:
    """A source that came back: what it gave before counts."""
    if before is None:
        return now
    return replace(
        now,
        bytes=before.bytes + now.bytes,
        chunks=before.chunks + now.chunks,
        error_count=before.error_count + now.error_count,
        timeout_count=before.timeout_count + now.timeout_count,
    )
