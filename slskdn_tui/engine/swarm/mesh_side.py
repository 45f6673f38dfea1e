"""The overlay's side of a swarm: which variant, which peers, what they are asked and what they answer. Shells scheduler and guard over `ChunkPeer`s.

Every leaf is checked before it counts; one wrong leaf and its peer is out. `TrackSwarm` owns one of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.swarm.cost import cheapest
from slskdn_tui.engine.swarm.events import SourceStatus, SwarmEvent, plane_of
from slskdn_tui.engine.swarm.guard import Decision, Proof, Target, decide, head_matches
from slskdn_tui.engine.swarm.members import GIVE_UP_S, Member, explain
from slskdn_tui.engine.swarm.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.piecemap import DONE, MESH, SLSK
from slskdn_tui.engine.swarm.report import member_status, merged
from slskdn_tui.engine.swarm.scheduler import Scheduler, Step
from slskdn_tui.engine.swarm.states import DEvent
from slskdn_tui.engine.swarm.variants import Choice, compare
from slskdn_tui.model.ports import ChunkPeer, OriginState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF, Variant

GUARD = "guard: "
"""How a refusal for want of a proof begins; such a peer may be asked again."""
FAIRNESS = "fairness: "
"""How a refusal by the fairness governor begins; such a peer may be asked again, too."""


class MeshSide:
    """`origin` tells the origin's state (None: there is none); `trouble` is told when the disk fails; `wake` asks for a tick."""

    def __init__(
        self,
        part: PartFile,
        scheduler: Scheduler,
        *,
        clock: Clock,
        guard: bool,
        reputation: Callable[[str], float],
        observe: Callable[[SwarmEvent], None],
        outcome: Callable[[str, ChunkOutcome], None] | None,
        origin: Callable[[], OriginState | None],
        trouble: Callable[[DiskTrouble], None],
        wake: Callable[[], None],
        target: Target | None = None,
    ) -> None:
        self.part = part
        self.scheduler = scheduler
        self.members: dict[str, Member] = {}
        self.past: dict[str, SourceStatus] = {}
        self.bans: dict[str, str] = {}
        self.choice = Choice(part.size)
        self.decision = Decision(True, Proof.NONE, "")
        self.stopped = False
        self.pending = 0
        self._clock = clock
        self._guard = guard
        self._reputation = reputation
        self._observe = observe
        self._outcome = outcome
        self._origin = origin
        self._trouble = trouble
        self._wake = wake
        self._target = target
        self._told_held = False
        self._most: int | None = None
        self._why_most = ""
        self._seen: dict[int, bytes] = {}  # digests of whole leaves as the origin sent them
        self._joined: set[str] = set()  # variants a leaf of which the origin repeated in an overlap: proof, too
        self._head = b""
        self._binding = asyncio.Lock()
        self._hungry: set[str] = set()  # peers that delivered since the last turn of the loop

    # what the origin proves

    async def origin_leaf(self, source: str, leaf: int, digest: bytes) -> None:
        """A whole leaf came from the origin: held against its digest, where there is one."""
        self._seen[leaf] = digest
        part = self.part
        if not part.pieces.digests:
            return
        if part.digests[leaf] == digest:
            first = not self.confirmed
            self.run_step(self.scheduler.landed(leaf, SLSK, self._clock.now()))
            part.mark(leaf, from_origin=True)
            if first:
                self._tell("proof", source, result="prefix", offset=leaf * LEAF, length=part.pieces.length(leaf))
        elif self.confirmed:
            self._charge(source, leaf)
        else:
            await self._refuse_variant()

    def origin_overlap(self) -> None:
        """A whole verified leaf was sent again by the origin, and is the same."""
        if self.part.variant is not None:
            self._joined.add(self.part.variant.variant_id)

    async def contradicted(self) -> bool:
        """The origin's overlap differs: True when that speaks against an unproven variant, which is dropped."""
        if self.part.variant is None or self.confirmed:
            return False
        await self._refuse_variant()
        return True

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

    def head_probe(self, head: bytes) -> bool:
        """The first bytes (at most 64 KiB) of a Soulseek copy of this size, got otherwise: proof (2). True when they prove the variant.

        A head that proves nothing is not kept: it may be of yet another file, and another holder's may be the right one.
        """
        variant = self.part.variant
        if variant is None or not head_matches(head, self.part.size, variant, self.part.digests[0]):
            return False
        self._head = head[:LEAF]
        return True

    @property
    def held(self) -> str:
        """Why the mesh may not finish the file that it could finish; "" while it may, or has not come so far."""
        if not self.part.pieces.held or self.decision.proof is not Proof.NONE:
            return ""
        return f"all but 64 KiB is here, and it is not placed before Soulseek proves it: {self.decision.missing}"

    def settled(self) -> bool:
        """A complete file may go on to be placed: none of it came from the mesh, or a proof holds. Else one leaf is left to Soulseek again."""
        pieces = self.part.pieces
        if not self._guard or self.part.variant is None or MESH not in pieces.plane:
            return True
        decision = self._decide(self.part.variant)
        if decision.proof is Proof.NONE:
            pieces.take_back()
        self._decided(decision)
        return decision.proof is not Proof.NONE

    def _decide(self, variant: Variant) -> Decision:
        if not self._guard:
            return Decision(True, Proof.NONE, "bench")
        bound = self.part.variant is not None and self.part.variant.variant_id == variant.variant_id
        digests = self.part.digests if bound else self.choice.known.get(variant.variant_id, ())
        if bound and self.confirmed:
            good, bad = max(1, self.part.pieces.plane.count(SLSK)), 0
        else:
            good, bad = (len(leaves) for leaves in compare(self._seen, digests)) if digests else (0, 0)
        head = bool(digests) and head_matches(self._head, self.part.size, variant, digests[0])
        misfit = self._target.misfit(variant) if self._target is not None else ""
        return decide(self._origin(), good, bad, head, self.choice.agreeing(variant), misfit)

    async def add(self, peer: ChunkPeer, variant: Variant) -> str:
        """Take part of the file from `peer`; "" when taken, else why not."""
        member = Member(peer, variant, self._clock.now())
        why = await self._admit(member)
        if why:
            member.step(DEvent.ABORT)
            self._tell("peer_refused", peer.node_id, variant_id=variant.variant_id, words=why)
        return why

    async def _admit(self, member: Member) -> str:
        peer, variant, node = member.peer, member.variant, member.node
        member.step(DEvent.NEGOTIATE)
        if self.stopped or self.part.pieces.complete:
            return "the file needs no more peers"
        if node in self.bans:
            return f"banned: {self.bans[node]}"
        if node in self.members:
            return ""
        if peer.closed:
            return "the connection is gone"
        if self._most is not None and len(self.members) + self.pending >= self._most:
            return f"{FAIRNESS}{self._why_most}"
        if why := self.choice.misfit(variant):
            return why
        self.pending += 1
        try:
            async with self._binding:
                if why := await self._learn(peer, variant):
                    return why
                self.choice.offers[node] = variant
                return await self._bind(member)
        finally:
            self.pending -= 1

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
                return f"{GUARD}{decision.words}"
            if part.variant is None or part.variant.variant_id != variant.variant_id:
                await self._adopt(variant)
        except DiskTrouble as trouble:
            self._trouble(trouble)
            return trouble.words
        if part.pieces.complete or self.stopped:
            self._wake()
            return "the file needs no more peers"
        if member.peer.closed:
            return "the connection is gone"
        return self._join(member)

    def _join(self, member: Member) -> str:
        try:
            member.peer.attach(member.variant.variant_id, self)
        except ValueError as error:
            return f"it is asked for this file already: {error}"
        self.members[member.node] = member
        self._decided(self._decide(member.variant))
        self.scheduler.paused = not self.decision.allowed
        self.scheduler.add(member.node, member.peer.limits, self._reputation(member.node), self._clock.now())
        member.step(DEvent.ACCEPT)
        self._tell("peer_added", member.node, variant_id=member.variant.variant_id, words=self.decision.words)
        self.fill(member.node)
        return ""

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
        self._decided(self._decide(variant))
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

    def limit_peers(self, most: int | None, why: str) -> None:
        """At most so many peers from now on (None: any number). The dearest of those beyond it are let go; `why` is told them and who wants to come."""
        self._most, self._why_most = most, why
        if most is None or len(self.members) <= most:
            return
        for node in cheapest(self.scheduler.costs(), self.members)[most:]:
            member = self.members[node]
            self._part_with(member, "policy_change", "throttled")
            self._tell("peer_refused", node, variant_id=member.variant.variant_id, words=f"{FAIRNESS}{why}")

    def _part_with(self, member: Member, reason: str, state: str = "") -> list[tuple[int, int]]:
        """Out of this swarm: cancelled, detached; returns the runs that are free again. `state` is what the screens say of it, the reason by default."""
        last = member_status(self.scheduler, member, self._clock.now())
        self.past[member.node] = replace(merged(self.past.get(member.node), last), rate=0.0, outstanding=0, state=state or reason)
        freed = self.scheduler.remove(member.node)
        self.members.pop(member.node, None)
        member.leave(reason)
        return freed

    # what peers answer (ChunkReceiver)

    def on_leaf(self, node_id: str, offset: int, data: memoryview) -> None:
        member = self.members.get(node_id)
        if member is None or self.stopped:
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
                self._trouble(trouble)
                return
        step = self.scheduler.delivered(node_id, leaf, size, MESH, now)
        if fresh:
            member.given += size
            part.mark(leaf)
        member.step(DEvent.CHUNK)
        self.run_step(step)
        if part.pieces.complete and self.settled():
            self._wake()
        if not self._hungry:  # once a turn of the loop: deciding anew for each leaf cost as much as hashing it
            asyncio.get_running_loop().call_soon(self._feed)
        self._hungry.add(node_id)

    def _feed(self) -> None:
        hungry, self._hungry = self._hungry, set()
        for node in hungry:
            self.fill(node)

    def on_refused(self, node_id: str, offset: int, length: int, code: str) -> None:
        first, count = offset // LEAF, -(-length // LEAF)
        self.run_step(self.scheduler.refused(node_id, first, count, code, self._clock.now()), words=SafeText(code, 40))

    def on_lost(self, node_id: str, reason: str) -> None:
        member = self.members.get(node_id)
        if member is not None:
            busy = bool(self.scheduler.lanes[node_id].asks)
            freed = self._part_with(member, "error")
            self.choice.offers.pop(node_id, None)
            if busy:
                self._count(node_id, ChunkOutcome.ERROR)
            self._tell("peer_lost", node_id, length=sum(count for _, count in freed) * LEAF, words=SafeText(reason))
            self._wake()

    def _ban(self, member: Member, offset: int, size: int) -> None:
        """A wrong leaf is proof: out of this swarm, at once."""
        self._tell("chunk", member.node, offset=offset, length=size, result="corruption", words="differs from its digest")
        if 0 <= offset // LEAF < self.part.pieces.leaves:
            self.part.pieces.failed.add(offset // LEAF)
        self._count(member.node, ChunkOutcome.CORRUPTION)
        words = f"wrong bytes in leaf {offset // LEAF}"
        self.bans[member.node] = words
        if (lane := self.scheduler.lanes.get(member.node)) is not None:
            lane.metrics.chunk("corruption")
        self.choice.offers.pop(member.node, None)
        freed = self._part_with(member, "error", "banned")
        self._tell("ban", member.node, offset=offset, length=sum(count for _, count in freed) * LEAF, words=words)
        self._wake()

    def _count(self, source: str, outcome: ChunkOutcome) -> None:
        if self._outcome is not None:
            self._outcome(source, outcome)
        if (lane := self.scheduler.lanes.get(source)) is not None:
            lane.reputation = self._reputation(source)

    # carrying out what the scheduler decides

    def fill(self, node: str) -> None:
        if not self.stopped and not self.part.pieces.complete:
            self.run_step(self.scheduler.fill(node, self._clock.now()))

    def run_step(self, step: Step, words: str = "") -> None:
        if not (step.cancels or step.ended or step.orders):
            return
        for cancel in step.cancels:
            if (member := self.members.get(cancel.node)) is not None:
                member.cancel(cancel.first, cancel.count, "timeout" if cancel.why == "take_back" else "swarm_rebalanced")
        for event in explain(step, self.part.pieces.layout, words):
            self._observe(event)
        for ended in step.ended:
            self._count(ended.node, ended.outcome)
        for order in step.orders:
            if (member := self.members.get(order.node)) is not None:
                member.request(order.first, order.count, order.priority)

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
        self._observe(SwarmEvent(kind, source, 0, variant_id, offset, length, result, None, throughput_bps, words, plane_of(source)))

    def tick(self, now: float) -> None:
        """Lost connections, the guard, silences, requests."""
        for member in list(self.members.values()):
            if member.peer.closed:
                self.on_lost(member.node, "the connection was closed")
        self.check_guard()
        self.run_step(self.scheduler.tick(now))
        nothing_left = self.part.pieces.missing() == 0
        for member in self.members.values():
            member.settle(bool(self.scheduler.lanes[member.node].asks), nothing_left)

    def check_guard(self) -> None:
        if self.part.variant is None:
            return
        decision = self._decide(self.part.variant)
        if self.members and decision.allowed == self.scheduler.paused:
            self._tell("proof", "", result=decision.proof.value if decision.allowed else "missing", words=decision.words)
            if not decision.allowed:
                self.run_step(Step(cancels=list(self.scheduler.cancel_all())))
        self.scheduler.paused = not decision.allowed
        self._decided(decision)

    def _decided(self, decision: Decision) -> None:
        self.decision = decision
        self.part.pieces.reserve(self._guard and decision.proof is Proof.NONE)
        held = bool(self.held)
        if held != self._told_held:
            self._told_held = held
            if held:
                self._tell("proof", "", result="missing", words=self.held)

    def hopeful(self, now: float, since: float) -> bool:
        """Some peer may still deliver; `since`: when this run began."""
        if self.pending:
            return True
        return not self.scheduler.paused and any(
            not (lane.silent or now < lane.paused_until)
            or now - max(lane.metrics.last_arrival or 0.0, self.members[node].since, since) < GIVE_UP_S
            for node, lane in self.scheduler.lanes.items()
        )

    def quiesce(self, complete: bool) -> None:
        """Nothing is asked any more; with the file complete its peers are told and let go."""
        for cancel in self.scheduler.cancel_all():
            if not complete and (member := self.members.get(cancel.node)) is not None:
                member.cancel(cancel.first, cancel.count, "user_cancelled")
        if complete:
            for member in self.members.values():
                member.step(DEvent.ALL_PRESENT)
                member.detach("complete")

    def verified(self) -> None:
        """The whole file is committed."""
        for member in self.members.values():
            member.step(DEvent.VERIFIED)

    def leave(self) -> None:
        """Every peer is let go."""
        self.stopped = True
        for member in list(self.members.values()):
            self._part_with(member, "complete" if self.part.pieces.complete else "user_cancelled")
