"""The overlay's side of a swarm: which variant, which peers, what they are asked and what they answer. Shells guard and evidence over `ChunkPeer`s.

Every leaf is checked before it counts; one wrong leaf and its peer is out. `TrackSwarm` owns one of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.engine.peers.addresses import network_of
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.events import SwarmEvent
from slskdn_tui.engine.swarm.members import GIVE_UP_S, Member
from slskdn_tui.engine.swarm.piecemap import DONE, MESH, SLSK
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.plan.steps import Step
from slskdn_tui.engine.swarm.proof.evidence import Canonical, Evidence, Misplaced
from slskdn_tui.engine.swarm.proof.guard import GUARD, Decision, Proof, Target
from slskdn_tui.engine.swarm.proof.variants import Choice, compare
from slskdn_tui.engine.swarm.roster import Roster
from slskdn_tui.engine.swarm.states import DEvent
from slskdn_tui.model.part import Layout
from slskdn_tui.model.ports import ChunkPeer, OriginState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF, Variant


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
        canonical: Canonical | None = None,
    ) -> None:
        self.part = part
        self.scheduler = scheduler
        self.roster = Roster(scheduler, clock, reputation, observe, outcome)
        self.choice = Choice(part.size)
        self.decision = Decision(True, Proof.NONE, "")
        self.stopped = False
        self.pending = 0
        self._clock = clock
        self._guard = guard
        self._trouble = trouble
        self._wake = wake
        self._told_held = False
        self.evidence = Evidence(part, self.choice, guard=guard, origin=origin, target=target, canonical=canonical)
        self._binding = asyncio.Lock()
        self._switching = asyncio.Lock()
        self._hungry: set[str] = set()  # peers that delivered since the last turn of the loop

    # what the origin proves

    async def origin_leaf(self, source: str, leaf: int, digest: bytes) -> None:
        """A whole leaf came from the origin: held against its digest, where there is one."""
        self.evidence.note(leaf, digest)
        part = self.part
        if not part.pieces.digests:
            return
        if part.digests[leaf] == digest:
            first = not self.evidence.confirmed
            self.roster.carry_out(self.scheduler.landed(leaf, SLSK, self._clock.now()))
            part.mark(leaf, from_origin=True)
            if first:
                self.roster.tell("proof", source, result="prefix", offset=part.pieces.span(leaf)[0], length=part.pieces.length(leaf))
        elif self.evidence.confirmed:
            self._charge(source, leaf)
        else:
            await self._refuse_variant()

    async def contradicted(self) -> bool:
        """The origin's overlap differs: True when that speaks against an unproven variant, which is dropped."""
        if self.part.variant is None or self.evidence.confirmed:
            return False
        await self._refuse_variant()
        return True

    def _charge(self, source: str, leaf: int) -> None:
        """The origin's bytes for this leaf are wrong: fetched again from the overlay."""
        self.part.pieces.fail(leaf)
        start, stop = self.part.pieces.span(leaf)
        self.roster.tell("chunk", source, offset=start, length=stop - start, result="corruption", words="differs from its digest")
        self.roster.count(source, ChunkOutcome.CORRUPTION)

    # peers and the variant

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
        decision = self.evidence.decide(self.part.variant)
        if decision.proof is Proof.NONE:
            pieces.take_back()
        self._decided(decision)
        return decision.proof is not Proof.NONE

    async def add(self, peer: ChunkPeer, *variants: Variant) -> str:
        """Take part of the file from `peer`, which offers these variants of it, the best first; "" when taken, else why not."""
        member = Member(peer, variants[0], self._clock.now())
        why = await self._admit(member, variants)
        if why:
            member.step(DEvent.ABORT)
            self.roster.tell("peer_refused", peer.node_id, variant_id=member.variant.variant_id, words=why)
        return why

    async def _admit(self, member: Member, variants: Sequence[Variant]) -> str:
        peer, node = member.peer, member.node
        member.step(DEvent.NEGOTIATE)
        if self.stopped or self.part.pieces.complete or self.part.pieces.tail_only:
            return "the file needs no more peers"
        if node in self.roster.bans:
            return f"banned: {self.roster.bans[node]}"
        if node in self.roster.members:
            return ""
        if peer.closed:
            return "the connection is gone"
        if why := self.roster.full(self.pending):
            return why
        self.pending += 1
        try:
            async with self._binding:
                self.choice.offers[node] = ()
                self.choice.networks[node] = network_of(peer.host)
                reasons = [await self._try(member, variant, variants) for variant in variants if node not in self.roster.members]
        finally:
            self.pending -= 1
        if "" in reasons:
            return ""
        # What the guard refuses may be asked again; that a copy with other tags is another file goes without saying.
        return next(
            (why for why in reasons if why.startswith(GUARD)), max(zip(variants, reasons, strict=True), key=lambda one: one[0].kind)[1]
        )

    async def _try(self, member: Member, variant: Variant, offered: Sequence[Variant]) -> str:
        member.variant = variant
        try:
            why = self.choice.misfit(variant)
            layout = self.evidence.place(variant)
            if not why and not (why := await self._learn(member.peer, variant)):
                self.choice.offers[member.node] = tuple(offered)
                await self.evidence.ask(variant)
                why = await self._bind(member, layout)
            return why
        except Misplaced as misplaced:
            return misplaced.words
        except DiskTrouble as trouble:
            self._trouble(trouble)
            return trouble.words

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
            self.roster.count(peer.node_id, ChunkOutcome.CORRUPTION)
            return f"its digests do not match the variant it names: {SafeText(error)}"
        except (OSError, EOFError, LookupError) as error:
            return f"it did not send its digests: {SafeText(error)}"

    async def _bind(self, member: Member, layout: Layout) -> str:
        part, variant = self.part, member.variant
        await self.evidence.gather(layout)
        if why := self.choice.verdict(variant, part.variant, self.evidence.confirmed, self.evidence.seen(layout)):
            return why
        decision = self.evidence.decide(variant)
        if not decision.allowed:
            return f"{GUARD}{decision.words}"
        if (part.variant is None or part.variant.variant_id != variant.variant_id) and (why := await self._adopt(variant, layout)):
            return why
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
        self._decided(self.evidence.decide(member.variant))
        self.scheduler.paused = not self.decision.allowed
        self.roster.take(member)
        self.roster.tell("peer_added", member.node, variant_id=member.variant.variant_id, words=self.decision.words)
        self.fill(member.node)
        return ""

    async def _adopt(self, variant: Variant, layout: Layout) -> str:
        """Bind to `variant`: what is here is held against it, peers that do not offer it go. Why not, when it contradicts what is proved."""
        part, known, proved = self.part, self.choice.known[variant.variant_id], self.evidence.confirmed
        there = [leaf for leaf in range(layout.leaves) if part.pieces.digests and part.pieces.has(*layout.span(leaf))]
        mesh = {leaf for leaf in there if not part.pieces.from_origin(*layout.span(leaf))}
        here, wrong = compare(await part.hash_leaves(there, layout), known)
        if wrong and proved:
            return "other variant: it contradicts what is verified"
        if part.pieces.complete or self.stopped:
            return "the file needs no more peers"
        async with self._switching:
            return await self._switch(variant, layout, here, mesh)

    async def _switch(self, variant: Variant, layout: Layout, here: Sequence[int], mesh: Collection[int]) -> str:
        part, known = self.part, self.choice.known[variant.variant_id]
        stay = [member.peer for member in self.roster.members.values() if variant in self.choice.offers.get(member.node, ())]
        for peer in stay:
            self.roster.part_with(self.roster.members[peer.node_id], "policy_change")
        self.roster.dismiss("other variant")
        if layout.start:
            await part.flush()  # the head is on disk before a record says that leaves follow it
        await part.set_variant(variant, known, layout.start)
        await self.evidence.gather(layout)
        seen = self.evidence.seen(layout)
        good, bad = compare(seen, part.digests)
        if bad and not good:  # what came while it was being bound to
            await self._reject(variant)
            return f"other variant: none of {len(bad)} leaves from Soulseek match"
        for leaf in good:
            part.mark(leaf, from_origin=True)
        for leaf in bad:
            self._charge(part.pieces.source_of(leaf), leaf)
        for leaf in here:
            if leaf not in seen:
                part.mark(leaf, from_origin=leaf not in mesh)
        self._decided(self.evidence.decide(variant))
        words = f"{len(good)} of {len(good) + len(bad)} leaves from Soulseek match" if seen else "no whole leaf from Soulseek yet"
        self.roster.tell("proof", "", variant_id=variant.variant_id, result=self.decision.proof.value, words=words)
        for peer in stay:
            member = Member(peer, variant, self._clock.now())
            member.step(DEvent.NEGOTIATE)
            if why := "the connection is gone" if peer.closed else self._join(member):
                self.roster.tell("peer_refused", peer.node_id, variant_id=variant.variant_id, words=why)
        return ""

    async def complete(self) -> bool:
        """Whether every byte is there, once no variant is being bound: that lays the leaves anew, and takes the peers that stay again."""
        async with self._switching:
            return self.part.pieces.complete

    async def _refuse_variant(self) -> None:
        """Every leaf from Soulseek contradicts the variant: it is another file, and what came of it is dropped."""
        variant = self.part.variant
        async with self._switching:
            if variant is not None and self.part.variant == variant and not self.evidence.confirmed:
                await self._reject(variant)

    async def _reject(self, variant: Variant) -> None:
        self.choice.reject(variant.variant_id)
        self.roster.dismiss("other variant: it contradicts the bytes from Soulseek")
        self.roster.tell("proof", "", variant_id=variant.variant_id, result="refused", words="the bytes from Soulseek contradict it")
        await self.part.set_variant(None, ())

    # what peers answer (ChunkReceiver)

    def on_leaves(self, node_id: str, leaves: Sequence[tuple[int, memoryview]]) -> None:
        member = self.roster.members.get(node_id)
        if member is None or self.stopped:
            return
        pieces, digests, good = self.part.pieces, self.part.digests, list[tuple[int, memoryview]]()
        wrong: tuple[int, int] | None = None
        for offset, data in leaves:
            leaf, odd = divmod(offset, LEAF)
            if odd or leaf >= pieces.leaves or len(data) != pieces.length(leaf) or leaf_digest(data) != digests[leaf]:
                wrong = offset, len(data)
                break
            good.append((leaf, data))
        try:
            self._take(member, good, self._clock.now())
        except DiskTrouble as trouble:
            self._trouble(trouble)
        if wrong is not None:
            self._ban(member, *wrong)

    def _take(self, member: Member, leaves: Sequence[tuple[int, memoryview]], now: float) -> None:
        """Leaves that match their digests: written, then told. Raises DiskTrouble."""
        part, status = self.part, self.part.pieces.status
        fresh = [(leaf, data) for leaf, data in leaves if status[leaf] != DONE]
        if fresh and part.pieces.prefix and not self.evidence.confirmed:
            differing = {leaf for leaf, data in fresh if not self.evidence.goes_on(member.variant, leaf, data)}
            for leaf in differing:
                # Soulseek's own beginning of it says that this is another file: it is kept, and the guard shuts.
                step = self.scheduler.refused(member.node, leaf, 1, "not_found", now)
                self.roster.carry_out(step, words="differs from what Soulseek began")
            fresh = [(leaf, data) for leaf, data in fresh if leaf not in differing]
            leaves = [(leaf, data) for leaf, data in leaves if leaf not in differing]
        part.write_leaves(fresh)
        if not leaves:
            return
        step, came = Step(), 0
        for leaf, data in leaves:
            new, size = status[leaf] != DONE, len(data)
            came += size
            self.scheduler.delivered(member.node, leaf, size, MESH, now, step)
            if new:
                member.given += size
                part.mark(leaf)
        member.meter.add(now, came)
        member.step(DEvent.CHUNK)
        self.roster.carry_out(step)
        if part.pieces.complete and self.settled():
            self._wake()
        if self.scheduler.hungry(member.node):
            if not self._hungry:  # once a turn of the loop: deciding anew for each leaf cost as much as hashing it
                asyncio.get_running_loop().call_soon(self._feed)
            self._hungry.add(member.node)

    def _feed(self) -> None:
        hungry, self._hungry = self._hungry, set()
        for node in hungry:
            self.fill(node)

    def on_refused(self, node_id: str, offset: int, length: int, code: str) -> None:
        first, count = offset // LEAF, -(-length // LEAF)
        self.roster.carry_out(self.scheduler.refused(node_id, first, count, code, self._clock.now()), words=SafeText(code, 40))

    def on_lost(self, node_id: str, reason: str) -> None:
        member = self.roster.members.get(node_id)
        if member is not None:
            busy = bool(self.scheduler.lanes[node_id].asks)
            freed = self.roster.part_with(member, "error")
            self.choice.offers.pop(node_id, None)
            if busy:
                self.roster.count(node_id, ChunkOutcome.ERROR)
            taken_back, variant = sum(count for _, count in freed) * LEAF, member.variant.variant_id
            self.roster.tell("peer_lost", node_id, variant_id=variant, length=taken_back, words=SafeText(reason))
            self._wake()

    def _ban(self, member: Member, offset: int, size: int) -> None:
        """A wrong leaf is proof: out of this swarm, at once."""
        at = self.part.pieces.layout.start + offset
        self.roster.tell("chunk", member.node, offset=at, length=size, result="corruption", words="differs from its digest")
        if 0 <= offset // LEAF < self.part.pieces.leaves:
            self.part.pieces.failed.add(offset // LEAF)
        self.roster.count(member.node, ChunkOutcome.CORRUPTION)
        words = f"wrong bytes in leaf {offset // LEAF}"
        self.roster.bans[member.node] = words
        if (lane := self.scheduler.lanes.get(member.node)) is not None:
            lane.metrics.chunk("corruption")
        self.choice.offers.pop(member.node, None)
        freed = self.roster.part_with(member, "error", "banned")
        taken_back, variant = sum(count for _, count in freed) * LEAF, member.variant.variant_id
        self.roster.tell("ban", member.node, variant_id=variant, offset=at, length=taken_back, words=words)
        self._wake()

    def fill(self, node: str) -> None:
        if not self.stopped and not self.part.pieces.complete:
            self.roster.carry_out(self.scheduler.fill(node, self._clock.now()))

    def tick(self, now: float) -> None:
        """Lost connections, the guard, silences, requests."""
        for member in list(self.roster.members.values()):
            if member.peer.closed:
                self.on_lost(member.node, "the connection was closed")
        self.check_guard()
        self.roster.carry_out(self.scheduler.tick(now))
        nothing_left = self.part.pieces.missing() == 0
        for member in self.roster.members.values():
            member.settle(bool(self.scheduler.lanes[member.node].asks), nothing_left)

    def check_guard(self) -> None:
        if self.part.variant is None:
            return
        decision = self.evidence.decide(self.part.variant)
        if self.roster.members and decision.allowed == self.scheduler.paused:
            self.roster.tell("proof", "", result=decision.proof.value if decision.allowed else "missing", words=decision.words)
            if not decision.allowed:
                self.roster.carry_out(self.scheduler.cancel_all())
        self.scheduler.paused = not decision.allowed
        self._decided(decision)

    def _decided(self, decision: Decision) -> None:
        self.decision = decision
        variant = self.part.variant
        second = variant is not None and self.evidence.provable(variant)  # its first leaf may become the proof
        self.part.pieces.reserve(self._guard and decision.proof is Proof.NONE, int(second))
        held = bool(self.held)
        if held != self._told_held:
            self._told_held = held
            if held:
                self.roster.tell("proof", "", result="missing", words=self.held)

    def hopeful(self, now: float, since: float) -> bool:
        """Some peer may still deliver; `since`: when this run began."""
        if self.pending:
            return True
        if self.part.pieces.tail_only:
            return False
        return not self.scheduler.paused and any(
            not (lane.silent or now < lane.paused_until)
            or now - max(lane.metrics.last_arrival or 0.0, self.roster.members[node].since, since) < GIVE_UP_S
            for node, lane in self.scheduler.lanes.items()
        )

    def leave(self) -> None:
        """Every peer is let go."""
        self.stopped = True
        self.roster.leave("complete" if self.part.pieces.complete else "user_cancelled")
