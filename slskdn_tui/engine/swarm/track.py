"""One file's swarm: an origin stream and overlay peers into one part file. Shells the scheduler, the guard and the stall watch with real peers, files and time.

The origin begins at the front; verified leaves come from overlay peers, from the end backwards while an origin lives. What arrives is
checked before it counts, committed after it is on disk, and told as `SwarmEvent`s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.swarm.cost import CostWeights
from slskdn_tui.engine.swarm.events import SourceStatus, SwarmEnd, SwarmEvent, SwarmStatus
from slskdn_tui.engine.swarm.guard import Decision, Proof, decide, head_matches
from slskdn_tui.engine.swarm.members import GIVE_UP_S, Member, explain
from slskdn_tui.engine.swarm.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.piecemap import DONE, MESH, SLSK
from slskdn_tui.engine.swarm.report import describe, member_status, merged, stream_status
from slskdn_tui.engine.swarm.scheduler import Scheduler, Step
from slskdn_tui.engine.swarm.stall import RescueRules, StallWatch
from slskdn_tui.engine.swarm.states import DEvent
from slskdn_tui.engine.swarm.stream import OriginStream
from slskdn_tui.engine.swarm.variants import Choice, compare
from slskdn_tui.model.ports import ChunkPeer, Origin, OriginEnd, OriginState, PriorityWindow
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF, Variant

log = logging.getLogger(__name__)

TICK_S = 0.05
_PARTING_S = 0.2


class TrackSwarm:
    """Fetches one file. `run` may be called again after it returned ORIGIN_ENDED; after `stop` a new one is made over a reopened part.

    `observe` and `on_outcome` are called on the loop and must be quick. `overlay_rate` caps overlay download in bytes/s.
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
        origin_floor: int = 2048,
        guard: bool = True,
    ) -> None:
        self.part = part
        self.trouble: DiskTrouble | None = None
        self.origin_result: tuple[OriginEnd, str] | None = None
        self.bans: dict[str, str] = {}
        self.members: dict[str, Member] = {}
        self.past: dict[str, SourceStatus] = {}
        self.scheduler = Scheduler(part.pieces, tunables, overlay_rate)
        self.choice = Choice(part.size)
        self.stream: OriginStream | None = None
        self.decision = Decision(True, Proof.NONE, "")
        self._clock = clock
        self._supervisor = supervisor
        self._reputation = reputation
        self._observe = observe
        self._outcome = on_outcome
        self._overlay_rate = overlay_rate
        self._origin_floor = origin_floor
        self._guard = guard
        self._watch = StallWatch(rescue, clock.now())
        self._windows: PriorityWindow | None = None
        self._share: float | None = None
        self._origin_cap: int | None = None
        self._origin_task: asyncio.Task[None] | None = None
        self._seen: dict[int, bytes] = {}  # digests of whole leaves as the origin sent them
        self._joined: set[str] = set()  # leaves matched by an overlap count as proof, too
        self._head = b""
        self._binding = asyncio.Lock()
        self._pending = 0
        self._had_source = False
        self._stopped = False
        self._wake = asyncio.Event()
        self._ticked = clock.now()
        self._resumed = clock.now()

    # the origin

    def use_origin(self, origin: Origin) -> None:
        """Fetch from `origin`; the one before it is let go first."""
        old = self._origin_task
        self.drop_origin()
        if self.stream is not None:
            gone = stream_status(self, self.stream, self.now())
            self.past[gone.source] = merged(self.past.get(gone.source), gone)
        stream = self.stream = OriginStream(self, origin)
        self._had_source = True
        self.origin_result = None
        self._origin_cap = None
        self._watch.restart(self.now())
        self._origin_task = self._supervisor.spawn(f"origin {stream.source}", self._follow(stream, old))
        self.stream_state(stream)

    def drop_origin(self) -> None:
        """Let the origin go; its bytes stay."""
        if self.stream is not None:
            self._stream_over(self.stream, OriginEnd.LOST, "let go")
        if self._origin_task is not None:
            self._origin_task.cancel()
            self._origin_task = None

    async def _follow(self, stream: OriginStream, old: asyncio.Task[None] | None) -> None:
        end, words = OriginEnd.LOST, "the transfer failed"
        try:
            if old is not None:
                await asyncio.wait({old})
            end, words = await stream.origin.fetch(stream)
        except asyncio.CancelledError:
            words = "cancelled"
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
        stream.status(OriginState.ENDED, None, f"{end.value}: {words}")
        self._wake.set()

    def set_origin_share(self, share: float | None) -> None:
        """Keep the origin at this share (0-1) of the overlay's cap, or of its measured rate where there is no cap; None lifts it."""
        self._share = share
        if share is None and self.stream is not None and self._origin_cap is not None:
            self._origin_cap = None
            self.stream.origin.set_rate(None)

    def _cap_origin(self, now: float) -> None:
        stream = self.stream
        if self._share is None or stream is None or stream.ended:
            return
        mesh = sum(member.meter.rate(now) for member in self.members.values())
        # An overlay that delivers nothing is no reason to slow the only source down.
        cap = max(self._origin_floor, int((self._overlay_rate or mesh) * self._share)) if mesh > 0 else None
        old = self._origin_cap
        if cap != old and (cap is None or old is None or abs(cap - old) > old * 0.2):
            self._origin_cap = cap
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
            self._joined.add(self.part.variant.variant_id if self.part.variant else "")

    def stream_bytes(self, stream: OriginStream, start: int, stop: int) -> None:
        rate = stream.meter.rate(self.now())
        self._tell("chunk", stream.source, offset=start, length=stop - start, result="ok", throughput_bps=rate)

    async def stream_leaf(self, stream: OriginStream, leaf: int, digest: bytes) -> None:
        """A whole leaf came from the origin: held against its digest, where there is one."""
        self._seen[leaf] = digest
        part = self.part
        if not part.pieces.digests:
            return
        if part.digests[leaf] == digest:
            first = not self.confirmed
            self._run_step(self.scheduler.landed(leaf, SLSK, self.now()))
            part.mark(leaf, from_origin=True)
            if first:
                self._tell("proof", stream.source, result="prefix", offset=leaf * LEAF, length=part.pieces.length(leaf))
        elif self.confirmed:
            self._charge(stream.source, leaf)
        else:
            await self._refuse_variant()

    def stream_trouble(self, trouble: DiskTrouble) -> None:
        self.trouble = self.trouble or trouble
        self._wake.set()

    def _charge(self, source: str, leaf: int) -> None:
        """The origin's bytes for this leaf are wrong: fetched again from the overlay."""
        self.part.pieces.fail(leaf)
        start, stop = self.part.pieces.span(leaf)
        self._tell("chunk", source, offset=start, length=stop - start, result="corruption", words="differs from its digest")
        self._count(source, ChunkOutcome.CORRUPTION)

    # peers and the variant

    @property
    def confirmed(self) -> bool:
        """Bytes from Soulseek hash to the variant's digests."""
        variant = self.part.variant
        return variant is not None and (variant.variant_id in self._joined or SLSK in self.part.pieces.plane)

    def head_probe(self, head: bytes) -> None:
        """The first bytes (at most 64 KiB) of a Soulseek copy of this size, got otherwise: proof (2)."""
        self._head = head[:LEAF]

    def _decide(self, variant: Variant) -> Decision:
        if not self._guard:
            return Decision(True, Proof.NONE, "bench")
        digests = self.choice.known.get(variant.variant_id, ())
        bound = self.part.variant is not None and self.part.variant.variant_id == variant.variant_id
        good, bad = (len(leaves) for leaves in compare(self._seen, digests)) if digests else (0, 0)
        if bound and self.confirmed:
            good = max(good, 1)
        head = bool(digests) and head_matches(self._head, self.part.size, variant, digests[0])
        state = None if self.stream is None else self.stream.state
        return decide(state, good, bad, head, self.choice.agreeing(variant))

    async def add_peer(self, peer: ChunkPeer, variant: Variant) -> str:
        """Take part of the file from `peer`; "" when taken, else why not."""
        member = Member(peer, variant, self.now())
        why = await self._admit(member)
        if why:
            member.step(DEvent.ABORT)
            self._tell("peer_refused", peer.node_id, variant_id=variant.variant_id, words=why)
        return why

    async def _admit(self, member: Member) -> str:
        peer, variant, node = member.peer, member.variant, member.node
        member.step(DEvent.NEGOTIATE)
        if self._stopped or self.part.pieces.complete:
            return "the file needs no more peers"
        if node in self.bans:
            return f"banned: {self.bans[node]}"
        if node in self.members:
            return ""
        if peer.closed:
            return "the connection is gone"
        if why := self.choice.misfit(variant):
            return why
        self._pending += 1
        try:
            async with self._binding:
                if why := await self._learn(peer, variant):
                    return why
                self.choice.offers[node] = variant
                return await self._bind(member)
        finally:
            self._pending -= 1

    async def _learn(self, peer: ChunkPeer, variant: Variant) -> str:
        """The digest list of a variant, from the record or from this peer."""
        if variant.variant_id in self.choice.known:
            return ""
        bound = self.part.variant
        if bound is not None and bound.variant_id == variant.variant_id:
            return self.choice.learn(variant, self.part.digests)
        try:
            return self.choice.learn(variant, await peer.digests(variant))
        except ValueError as error:
            return f"its digests do not match the variant it names: {SafeText(error)}"
        except (OSError, EOFError, LookupError) as error:
            return f"it did not send its digests: {SafeText(error)}"

    async def _bind(self, member: Member) -> str:
        part, variant = self.part, member.variant
        try:
            await self._hash_prefix()
            if why := self.choice.verdict(variant, part.variant, self.confirmed, self._seen):
                return why
            decision = self._decide(variant)
            if not decision.allowed:
                return f"guard: {decision.words}"
            if part.variant is None or part.variant.variant_id != variant.variant_id:
                await self._adopt(variant)
        except DiskTrouble as trouble:
            self.stream_trouble(trouble)
            return trouble.words
        if part.pieces.complete or self._stopped:
            self._wake.set()
            return "the file needs no more peers"
        if member.peer.closed:
            return "the connection is gone"
        self._join(member)
        return ""

    def _join(self, member: Member) -> None:
        self.members[member.node] = member
        self._had_source = True
        self.scheduler.add(member.node, member.peer.limits, self._reputation(member.node), self.now())
        member.step(DEvent.ACCEPT)
        member.peer.attach(member.variant.variant_id, self)
        self._tell("peer_added", member.node, variant_id=member.variant.variant_id, words=self.decision.words)
        self._fill(member.node)

    async def _hash_prefix(self) -> None:
        """Digests of prefix leaves that came before this run, read from disk."""
        whole = self.part.size if self.part.pieces.prefix == self.part.size else self.part.pieces.prefix // LEAF * LEAF
        leaves = [leaf for leaf in range(-(-whole // LEAF)) if leaf not in self._seen and self.part.pieces.plane[leaf] != MESH]
        for leaf, digest in (await self.part.hash_leaves(leaves)).items():
            self._seen.setdefault(leaf, digest)

    async def _adopt(self, variant: Variant) -> None:
        """Bind to `variant`: the prefix is held against it, peers of another one go."""
        self._dismiss(lambda member: member.variant.variant_id != variant.variant_id, "other variant")
        await self.part.set_variant(variant, self.choice.known[variant.variant_id])
        good, bad = compare(self._seen, self.part.digests)
        for leaf in good:
            self.part.mark(leaf, from_origin=True)
        for leaf in bad:
            self._charge(self.part.pieces.source_of(leaf), leaf)
        self.decision = self._decide(variant)
        words = f"{len(good)} of {len(good) + len(bad)} leaves from Soulseek match" if self._seen else "no whole leaf from Soulseek yet"
        self._tell("proof", "", variant_id=variant.variant_id, result=self.decision.proof.value, words=words)

    async def _refuse_variant(self) -> None:
        """Every leaf from Soulseek contradicts the variant: it is another file, and what came of it is dropped."""
        variant = self.part.variant
        if variant is None:
            return
        self.choice.rejected.add(variant.variant_id)
        self._dismiss(lambda member: True, "other variant: it contradicts the bytes from Soulseek")
        self._tell("proof", "", variant_id=variant.variant_id, result="refused", words="the bytes from Soulseek contradict it")
        await self.part.set_variant(None, ())

    def _dismiss(self, which: Callable[[Member], bool], words: str) -> None:
        for member in [member for member in self.members.values() if which(member)]:
            self._part_with(member, "policy_change")
            self._tell("peer_refused", member.node, variant_id=member.variant.variant_id, words=words)

    def _part_with(self, member: Member, reason: str) -> list[tuple[int, int]]:
        """Out of this swarm: cancelled, detached; returns the runs that are free again."""
        last = member_status(self, member, self.now())
        self.past[member.node] = replace(merged(self.past.get(member.node), last), rate=0.0, outstanding=0, state=reason)
        freed = self.scheduler.remove(member.node)
        self.members.pop(member.node, None)
        member.leave(reason)
        return freed

    # what peers answer (ChunkReceiver)

    def on_leaf(self, node_id: str, offset: int, data: memoryview) -> None:
        member = self.members.get(node_id)
        if member is None or self._stopped:
            return
        part, leaf, size, now = self.part, offset // LEAF, len(data), self._clock.now()
        if offset % LEAF or leaf >= part.pieces.leaves or size != part.pieces.length(leaf) or leaf_digest(data) != part.digests[leaf]:
            self._ban(member, offset, size)
            return
        member.meter.add(now, size)
        if fresh := part.pieces.status[leaf] != DONE:
            try:
                part.write(offset, data)
            except DiskTrouble as trouble:
                self.stream_trouble(trouble)
                return
        step = self.scheduler.delivered(node_id, leaf, size, MESH, now)
        if fresh:
            part.mark(leaf)
        member.step(DEvent.CHUNK)
        self._run_step(step)
        if part.pieces.complete or part.due:
            self._wake.set()
        self._fill(node_id)

    def on_refused(self, node_id: str, offset: int, length: int, code: str) -> None:
        first, count = offset // LEAF, -(-length // LEAF)
        self._run_step(self.scheduler.refused(node_id, first, count, code, self.now()), words=SafeText(code, 40))

    def on_lost(self, node_id: str, reason: str) -> None:
        member = self.members.get(node_id)
        if member is not None:
            busy = bool(self.scheduler.lanes[node_id].asks)
            freed = self._part_with(member, "error")
            self.choice.offers.pop(node_id, None)
            if busy:
                self._count(node_id, ChunkOutcome.ERROR)
            self._tell("peer_lost", node_id, length=sum(count for _, count in freed) * LEAF, words=SafeText(reason))
            self._wake.set()

    def _ban(self, member: Member, offset: int, size: int) -> None:
        """A wrong leaf is proof: out of this swarm, at once."""
        self._tell("chunk", member.node, offset=offset, length=size, result="corruption", words="differs from its digest")
        if 0 <= offset // LEAF < self.part.pieces.leaves:
            self.part.pieces.failed.add(offset // LEAF)
        self._count(member.node, ChunkOutcome.CORRUPTION)
        words = f"wrong bytes in leaf {offset // LEAF}"
        self.bans[member.node] = words
        self.choice.offers.pop(member.node, None)
        freed = self._part_with(member, "error")
        self._tell("ban", member.node, offset=offset, length=sum(count for _, count in freed) * LEAF, words=words)
        self._wake.set()

    def _count(self, source: str, outcome: ChunkOutcome) -> None:
        if self._outcome is not None:
            self._outcome(source, outcome)

    # carrying out what the scheduler decides

    def _fill(self, node: str) -> None:
        if not self._stopped and not self.part.pieces.complete:
            self._run_step(self.scheduler.fill(node, self._clock.now()))

    def _run_step(self, step: Step, words: str = "") -> None:
        for cancel in step.cancels:
            if (member := self.members.get(cancel.node)) is not None:
                member.cancel(cancel.first, cancel.count, "timeout" if cancel.why == "take_back" else "swarm_rebalanced", self.part.size)
        for event in explain(step, self.part.size, words):
            self._tell_event(event)
        for ended in step.ended:
            self._count(ended.node, ended.outcome)
        for order in step.orders:
            if (member := self.members.get(order.node)) is not None:
                member.request(order.first, order.count, order.priority, self.part.size)

    def _tell(
        self,
        kind: str,
        source: str,
        *,
        variant_id: str = "",
        offset: int = 0,
        length: int = 0,
        result: str = "",
        throughput_bps: float | None = None,
        words: str = "",
    ) -> None:
        plane = "slsk" if source.startswith("slsk:") else "mesh" if source else ""
        event = SwarmEvent(kind, source, 0, variant_id, offset, length, result, None, throughput_bps, words, plane)  # type: ignore[arg-type]
        self._tell_event(event)

    def _tell_event(self, event: SwarmEvent) -> None:
        self._observe(event)

    # running

    async def run(self) -> SwarmEnd:
        """Until every byte is there and committed, or nothing can go on."""
        self._ticked = self._resumed = self.now()
        flusher = self._supervisor.spawn("part flush", self._flush_loop())
        try:
            while (end := self._tick()) is None:
                await self._pause()
            self._quiesce(end)
            if end is SwarmEnd.COMPLETE:
                await self._part_from_origin()
        finally:
            flusher.cancel()
            await asyncio.wait({flusher})
        try:
            while self.part.dirty:
                await self._flush()
        except DiskTrouble as trouble:
            self.trouble = self.trouble or trouble
            end = SwarmEnd.DISK
        if end is SwarmEnd.COMPLETE:
            for member in self.members.values():
                member.step(DEvent.VERIFIED)
            self._tell("complete", "", length=self.part.size)
        return end

    async def _pause(self) -> None:
        """Until the next tick, or until something happened that it should see at once."""
        self._wake.clear()
        sleep, wake = asyncio.ensure_future(self._clock.sleep(TICK_S)), asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            wake.cancel()

    def _tick(self) -> SwarmEnd | None:
        now = self.now()
        late = now - self._ticked - TICK_S
        self._ticked = now
        if late > TICK_S:
            self.scheduler.lag(late)
        if self._stopped:
            return SwarmEnd.ABORTED
        if self.trouble is not None:
            return SwarmEnd.DISK
        if self.part.pieces.complete:
            return SwarmEnd.COMPLETE
        if self.stream is not None:
            self._watch.observe(now, self.stream.state, self.stream.meter.total)
        for member in list(self.members.values()):
            if member.peer.closed:
                self.on_lost(member.node, "the connection was closed")
        self._check_guard()
        self._cap_origin(now)
        self.scheduler.windows = self._windows.windows() if self._windows is not None else ()
        self._run_step(self.scheduler.tick(now))
        for member in self.members.values():
            member.settle(bool(self.scheduler.lanes[member.node].asks), self.part.pieces.missing() == 0)
        return None if self._hopeful(now) else SwarmEnd.ORIGIN_ENDED

    def _check_guard(self) -> None:
        if self.part.variant is None or not self.members:
            return
        decision = self._decide(self.part.variant)
        if decision.allowed == self.scheduler.paused:
            self._tell("proof", "", result=decision.proof.value if decision.allowed else "missing", words=decision.words)
            if not decision.allowed:
                self._run_step(Step(cancels=list(self.scheduler.cancel_all())))
        self.scheduler.paused = not decision.allowed
        self.decision = decision

    def _hopeful(self, now: float) -> bool:
        """Somebody may still deliver."""
        if (self.stream is not None and not self.stream.ended) or self._pending or not self._had_source:
            return True
        if self.scheduler.paused:
            return False
        return any(
            not lane.silent or now - max(lane.metrics.last_arrival or 0.0, self.members[node].since, self._resumed) < GIVE_UP_S
            for node, lane in self.scheduler.lanes.items()
        )

    async def _flush_loop(self) -> None:
        while True:
            if self.part.due:
                try:
                    await self._flush()
                except DiskTrouble as trouble:
                    self.stream_trouble(trouble)
                    return
            else:
                await self._clock.sleep(TICK_S) if not self.part.dirty else await self._pause()

    async def _flush(self) -> None:
        size = await self.part.flush()
        if size:
            self._tell("flush", "", length=size)

    def _quiesce(self, end: SwarmEnd) -> None:
        """Nothing is asked any more."""
        for cancel in self.scheduler.cancel_all():
            if end is not SwarmEnd.COMPLETE and (member := self.members.get(cancel.node)) is not None:
                member.cancel(cancel.first, cancel.count, "user_cancelled", self.part.size)
        if end is SwarmEnd.COMPLETE:
            for member in self.members.values():
                member.step(DEvent.ALL_PRESENT)
                member.detach("complete")

    async def _part_from_origin(self) -> None:
        """The ranges met: the stream is closed, once; by its own next write where that comes soon."""
        stream, task = self.stream, self._origin_task
        if stream is None or task is None or stream.ended:
            return
        self._tell("meet", stream.source, offset=self.part.pieces.prefix, words="the overlay met the stream")
        await asyncio.wait({task}, timeout=_PARTING_S)
        self._stream_over(stream, OriginEnd.ENOUGH, "the ranges met")
        task.cancel()
        await asyncio.wait({task})

    async def stop(self) -> None:
        """Stop asking, make what came durable, let go of peers, origin and file. The part can be opened again."""
        self._stopped = True
        self._wake.set()
        task = self._origin_task
        self.drop_origin()
        if task is not None:
            await asyncio.wait({task})
        for member in list(self.members.values()):
            self._part_with(member, "complete" if self.part.pieces.complete else "user_cancelled")
        await self.part.close()

    # for others to see

    def underperforming(self) -> str:
        """Why the origin needs help, with the figures; "" while it does not (or there is none)."""
        return self._watch.reason(self.now()) if self.stream is not None else ""

    def set_windows(self, windows: PriorityWindow | None) -> None:
        """What playback needs next; None: nothing plays."""
        self._windows = windows

    def cells(self, width: int) -> str:
        return self.status().cells(width)

    def status(self) -> SwarmStatus:
        """A snapshot for the screens."""
        return describe(self, self.now())

    def sources(self) -> Iterable[str]:
        """Node ids of the peers taking part."""
        return tuple(self.members)
