"""One file's swarm: an origin stream and overlay peers into one part file. Shells the stall watch and the run loop; peers are `mesh_side`'s.

The origin begins at the front; verified leaves come from overlay peers, from the end backwards while an origin lives. What arrives is
checked before it counts, committed after it is on disk, and told as `SwarmEvent`s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import Clock, until
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.events import SourceStatus, SwarmEnd, SwarmEvent, SwarmStatus, plane_of
from slskdn_tui.engine.swarm.members import Member
from slskdn_tui.engine.swarm.mesh_side import MeshSide
from slskdn_tui.engine.swarm.piecemap import MESH
from slskdn_tui.engine.swarm.plan.cost import CostWeights, Tunables
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.proof.evidence import Canonical
from slskdn_tui.engine.swarm.proof.guard import Decision, Target
from slskdn_tui.engine.swarm.report import describe, merged, stream_status
from slskdn_tui.engine.swarm.stall import RescueRules, RescueThresholds, StallWatch
from slskdn_tui.engine.swarm.stream import OriginStream
from slskdn_tui.model.ports import ChunkPeer, Origin, OriginEnd, OriginState, PriorityWindow
from slskdn_tui.model.variant import LEAF, Variant

__all__ = ["RescueThresholds", "SwarmEnd", "SwarmEvent", "SwarmStatus", "TrackSwarm", "Tunables"]

TICK_S = 0.05
TAIL_S = 5.0
"""Before the tail of a region, a stream that would take longer to get there is closed, once, and resumed at the tail."""
ORIGIN_FLOOR = 2048
"""Bytes a second that a rescued origin keeps at least."""
_PARTING_S = 0.2
_LAST_WORDS_S = 5.0  # an origin that brought the last byte itself ends by itself


class TrackSwarm:
    """Fetches one file. `run` may be called again after it returned ORIGIN_ENDED; after `stop` a new one is made over a reopened part.

    `observe` and `on_outcome` are called on the loop and must be quick. `overlay_rate` caps overlay download in bytes/s; `download_limit` is
    the user's limit on all downloads now, bytes/s, of which a rescued origin keeps its share. `target`: what agreement of peers has to fit, `canonical` what the mesh says.
    `guard=False` is for `slskdn bench` alone.
    """

    def __init__(
        self,
        part: PartFile,
        *,
        clock: Clock,
        supervisor: Supervisor,
        tunables: CostWeights,
        rescue: RescueRules,
        reputation: Callable[[str], float],
        observe: Callable[[SwarmEvent], None],
        on_outcome: Callable[[str, ChunkOutcome], None] | None = None,
        overlay_rate: int | None = None,
        download_limit: Callable[[], int | None] = lambda: None,
        target: Target | None = None,
        canonical: Canonical | None = None,
        guard: bool = True,
    ) -> None:
        self.part = part
        self.disk_trouble: DiskTrouble | None = None
        self.origin_result: tuple[OriginEnd, str] | None = None
        self.stream: OriginStream | None = None
        self.scheduler = Scheduler(part.pieces, tunables, overlay_rate)
        self.mesh = MeshSide(
            part,
            self.scheduler,
            clock=clock,
            guard=guard,
            reputation=reputation,
            observe=observe,
            outcome=on_outcome,
            origin=lambda: self.stream.state if self.stream is not None else None,
            trouble=self.stream_trouble,
            wake=lambda: self._wake.set(),
            target=target,
            canonical=canonical,
        )
        self._clock = clock
        self._supervisor = supervisor
        self._observe = observe
        self._download_limit = download_limit
        self._watch = StallWatch(rescue, clock.now())
        self._windows: PriorityWindow | None = None
        self._share: float | None = None
        self.origin_cap: int | None = None
        self._origin_task: asyncio.Task[None] | None = None
        self._had_source = False
        self._stalled = False
        self._stopped = False
        self._wake = asyncio.Event()
        self._ticked = self._resumed = clock.now()

    # the origin

    def use_origin(self, origin: Origin) -> None:
        """Fetch from `origin`; the one before it is let go first."""
        self.drop_origin()
        old = self._origin_task
        if self.stream is not None:
            gone = stream_status(self.stream, self.now())
            self.past[gone.source] = merged(self.past.get(gone.source), gone)
        stream = self.stream = OriginStream(self, origin)
        self._had_source = True
        self.origin_result = None
        self.origin_cap = None
        self._watch.restart(self.now())
        self.part.pieces.stream = self.part.pieces.resume_offset()
        self._origin_task = self._supervisor.spawn(f"origin {stream.source}", self._follow(stream, old))
        self.stream_state(stream)

    def take_head(self, source: str, head: bytes) -> bool:
        """The first bytes of a Soulseek copy of this size, got otherwise: the file's own, while nothing else has come. True when taken."""
        pieces, stream = self.part.pieces, self.stream
        if pieces.prefix or pieces.digests or (stream is not None and stream.begun):
            return False
        try:
            self.part.extend(0, head, source)
        except DiskTrouble as trouble:
            self.stream_trouble(trouble)
            return False
        if stream is not None and not stream.ended:
            pieces.stream = pieces.resume_offset()
        self.past[source] = SourceStatus(source, "slsk", OriginState.ENDED.value, len(head), 0.0)
        return True

    def _to_the_tail(self) -> None:
        """Only the tail is missing, and the stream has far to go until there: it is closed and resumed at the tail."""
        pieces, stream = self.part.pieces, self.stream
        if not pieces.tail_only or stream is None or stream.ended or stream.state is not OriginState.ACTIVE or pieces.stream is None:
            return
        gap = pieces.layout.stop - pieces.stream
        if gap <= 0 or (gap <= max(LEAF, stream.meter.rate(self.now()) * TAIL_S) and not self._stalled):
            return
        words = f"the overlay met the stream; it is resumed for the last {pieces.short} bytes"
        self._tell("meet", stream.source, offset=pieces.prefix, words=words)
        self._stream_over(stream, OriginEnd.ENOUGH, words)
        self.use_origin(stream.origin)

    def drop_origin(self) -> None:
        """Let the origin go; its bytes stay."""
        if self.stream is not None:
            self._stream_over(self.stream, OriginEnd.LOST, "let go")
        if self._origin_task is not None:
            self._origin_task.cancel()

    async def _follow(self, stream: OriginStream, old: asyncio.Task[None] | None) -> None:
        end, words = OriginEnd.LOST, "the transfer failed"
        try:
            if old is not None:
                await asyncio.wait({old})
            end, words = await stream.origin.fetch(stream)
            if stream.again:
                end, words = await stream.origin.fetch(stream)
        except asyncio.CancelledError:
            words = "let go"
            raise
        finally:
            if stream.mismatch:
                end, words = OriginEnd.MISMATCH, stream.mismatch
            self._stream_over(stream, end, words)

    def _stream_over(self, stream: OriginStream, end: OriginEnd, words: str) -> None:
        if stream.ended:
            return
        stream.tell()
        stream.ended = True
        if self.part.pieces.complete and end is not OriginEnd.COMPLETE:
            end, words = OriginEnd.ENOUGH, "the ranges met; the stream was closed"
        self.origin_result = (end, words)
        self.part.pieces.stream = None
        stream.status(OriginState.ENDED, None, f"{end.value}: {words}" if words else end.value)
        self._wake.set()

    def set_origin_share(self, share: float | None) -> None:
        """Keep the origin at this share (0-1) of the download limit, or of the swarm's measured rate where there is none; None lifts it."""
        self._share = share
        if share is None and self.stream is not None and self.origin_cap is not None:
            self.origin_cap = None
            self.stream.origin.set_rate(None)

    def set_overlay_rate(self, rate: int | None) -> None:
        """A new cap of overlay download, bytes/s, from now on; None lifts it."""
        self.scheduler.rate_cap = rate

    def limit_peers(self, most: int | None, why: str = "") -> None:
        """At most so many overlay peers from now on, and why; None for any number."""
        self.mesh.roster.limit(most, why)

    def _cap_origin(self, now: float) -> None:
        stream = self.stream
        if self._share is None or stream is None or stream.ended:
            return
        mesh = sum(member.meter.rate(now) for member in self.members.values())
        whole = self._download_limit() or mesh + stream.meter.rate(now)
        # An overlay that delivers nothing is no reason to slow the only source down.
        cap = max(ORIGIN_FLOOR, int(whole * self._share)) if mesh > 0 else None
        old = self.origin_cap
        if cap != old and (cap is None or old is None or abs(cap - old) > old * 0.2):
            self.origin_cap = cap
            stream.origin.set_rate(cap)

    # what the stream tells (StreamHost)

    def now(self) -> float:
        return self._clock.now()

    def stream_state(self, stream: OriginStream) -> None:
        words = stream.detail if stream.place is None else f"place {stream.place} {stream.detail}".strip()
        self._tell("origin", stream.source, result=stream.state.value, words=words)
        self._watch.observe(self.now(), stream.state, stream.meter.total)
        self._wake.set()

    def stream_overlap(self, stream: OriginStream, length: int, words: str) -> None:
        self._tell("overlap", stream.source, result="error" if words else "ok", length=length, words=words)
        if not words and self.part.pieces.digests and length == LEAF:
            self.mesh.evidence.overlap()

    async def stream_contradicts(self, stream: OriginStream) -> bool:
        return await self.mesh.contradicted()

    def stream_bytes(self, stream: OriginStream, start: int, stop: int) -> None:
        rate = stream.meter.rate(self.now())
        self._tell("chunk", stream.source, offset=start, length=stop - start, result="ok", throughput_bps=rate)

    async def stream_leaf(self, stream: OriginStream, leaf: int, digest: bytes) -> None:
        await self.mesh.origin_leaf(stream.source, leaf, digest)

    def stream_trouble(self, trouble: DiskTrouble) -> None:
        self.disk_trouble = self.disk_trouble or trouble
        self._wake.set()

    # peers

    async def add_peer(self, peer: ChunkPeer, *variants: Variant) -> str:
        """Take part of the file from `peer`, which offers these variants of it, the best first; "" when taken, else why not."""
        why = await self.mesh.add(peer, *variants)
        self._had_source = self._had_source or not why
        return why

    def head_probe(self, head: bytes) -> bool:
        """The first bytes (at most 64 KiB) of a Soulseek copy of this size, got otherwise: proof (2). True when they prove the variant."""
        proved = self.mesh.evidence.head_probe(head)
        self._wake.set()
        return proved

    @property
    def tail_only(self) -> bool:
        """Nothing is missing but what stands behind the audio region: no overlay peer can give it."""
        return self.part.pieces.tail_only

    @property
    def held(self) -> str:
        """Why a file that the mesh could finish is not finished, and so not placed: which proofs are missing, or the tail; "" otherwise."""
        pieces = self.part.pieces
        if self.tail_only and (self.stream is None or self.stream.ended or self.stream.state is not OriginState.ACTIVE):
            return f"all but the last {pieces.short} bytes is here; they stand behind the audio and come from Soulseek alone"
        return self.mesh.held

    # running

    async def run(self) -> SwarmEnd:
        """Until every byte is there and committed, or nothing can go on."""
        self._ticked = self._resumed = self.now()
        flusher = self._supervisor.spawn("part flush", self._flush_loop())
        try:
            while (end := self._tick()) is None or (end is SwarmEnd.COMPLETE and not await self.mesh.complete()):
                await self._pause()
            self.mesh.roster.quiesce(end is SwarmEnd.COMPLETE)
            if end is SwarmEnd.COMPLETE:
                await self._part_from_origin()
        finally:
            flusher.cancel()
            await asyncio.wait({flusher})
        try:
            while self.part.dirty:
                await self._flush()
        except DiskTrouble as trouble:
            self.stream_trouble(trouble)
            end = SwarmEnd.DISK
        if end is SwarmEnd.COMPLETE:
            self.mesh.roster.verified()
            self._tell("complete", "", length=self.part.size)
        return end

    async def _pause(self) -> None:
        """Until the next tick, or until something happened that it should see at once."""
        self._wake.clear()
        await until(self._wake, self._clock, TICK_S)

    def _tick(self) -> SwarmEnd | None:
        now = self.now()
        late = now - self._ticked - TICK_S
        self._ticked = now
        if late > TICK_S:
            self.scheduler.lag(late)
        if self.stream is not None:  # first: what makes somebody abort is told before
            self.part.pieces.stream_rate = self.stream.meter.rate(now)
            reason = self.underperforming()
            if reason and not self._stalled:
                self._tell("stall", self.stream.source, result=self.stream.state.value, words=reason)
            self._stalled = bool(reason)
        if self._stopped:
            return SwarmEnd.ABORTED
        if self.disk_trouble is not None:
            return SwarmEnd.DISK
        if self.part.pieces.complete and self.mesh.settled():
            return SwarmEnd.COMPLETE
        self._to_the_tail()
        self._cap_origin(now)
        self.scheduler.windows = self._windows.windows() if self._windows is not None else ()
        self.mesh.tick(now)
        alive = self.stream is not None and not self.stream.ended
        hope = alive or not self._had_source or self.mesh.hopeful(now, self._resumed)
        return None if hope else SwarmEnd.ORIGIN_ENDED

    async def _flush_loop(self) -> None:
        try:
            while True:
                await self.part.until_due()
                await self._flush()
        except DiskTrouble as trouble:
            self.stream_trouble(trouble)

    async def _flush(self) -> None:
        size = await self.part.flush()
        if size:
            self._tell("flush", "", length=size)

    async def _part_from_origin(self) -> None:
        """The ranges met: the stream is closed, once; by its own next write where that comes soon."""
        stream, task = self.stream, self._origin_task
        if stream is None or task is None:
            return
        met = MESH in self.part.pieces.plane
        if met and (not stream.ended or (self.origin_result is not None and self.origin_result[0] is OriginEnd.ENOUGH)):
            self._tell("meet", stream.source, offset=self.part.pieces.prefix, words="the mesh has the rest; this stream ends")
        if stream.ended:
            return
        brought = not met and stream.state is OriginState.ACTIVE
        await asyncio.wait({task}, timeout=_LAST_WORDS_S if brought else _PARTING_S)
        self._stream_over(stream, OriginEnd.ENOUGH, "the ranges met")
        task.cancel()
        await asyncio.wait({task})

    def abort(self) -> None:
        """End `run` soon with ABORTED; `stop` lets go of everything."""
        self._stopped = True
        self._wake.set()

    async def stop(self) -> None:
        """Stop asking, make what came durable, let go of peers, origin and file. The part can be opened again."""
        self.abort()
        self.drop_origin()
        if self._origin_task is not None:
            await asyncio.wait({self._origin_task})
        self.mesh.leave()
        await self.part.close()

    # for others to see

    @property
    def trouble(self) -> str:
        """Why `run` ended with DISK, in words."""
        return self.disk_trouble.words if self.disk_trouble is not None else ""

    @property
    def members(self) -> dict[str, Member]:
        return self.mesh.roster.members

    @property
    def past(self) -> dict[str, SourceStatus]:
        return self.mesh.roster.past

    @property
    def bans(self) -> dict[str, str]:
        """Why each banned peer is out."""
        return self.mesh.roster.bans

    @property
    def canonical(self) -> str:
        """The badge of a canonical variant, ""."""
        return self.mesh.evidence.badge

    @property
    def decision(self) -> Decision:
        """The guard's last word."""
        return self.mesh.decision

    def underperforming(self) -> str:
        """Why the origin needs help, with the figures; "" while it does not (or there is none)."""
        if self.stream is None:
            return ""
        now = self.now()
        self._watch.observe(now, self.stream.state, self.stream.meter.total)
        return self._watch.reason(now)

    def set_windows(self, windows: PriorityWindow | None) -> None:
        """What playback needs next; None: nothing plays."""
        self._windows = windows
        self.scheduler.windows = windows.windows() if windows is not None else ()

    def cells(self, width: int) -> str:
        return self.status().cells(width)

    def status(self) -> SwarmStatus:
        """A snapshot for the screens."""
        return describe(self, self.now())

    def _tell(
        self,
        kind: str,
        source: str,
        *,
        offset: int = 0,
        length: int = 0,
        result: str = "",
        throughput_bps: float | None = None,
        words: str = "",
    ) -> None:
        variant = self.part.variant.variant_id if self.part.variant is not None else ""
        self._observe(SwarmEvent(kind, source, 0, variant, offset, length, result, None, throughput_bps, words, plane_of(source)))
