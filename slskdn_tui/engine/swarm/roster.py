"""The overlay peers of one swarm: taken in, told what the scheduler decides, let go, banned. Shells scheduler and members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.swarm.events import SourceStatus, SwarmEvent, plane_of
from slskdn_tui.engine.swarm.members import Member, explain
from slskdn_tui.engine.swarm.plan.cost import cheapest
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.plan.steps import Step
from slskdn_tui.engine.swarm.report import member_status, merged
from slskdn_tui.engine.swarm.states import DEvent

FAIRNESS = "fairness: "
"""How a refusal by the fairness governor begins; such a peer may be asked again, too."""


class Roster:
    """`members` take part, `past` holds what those gave who have gone, `bans` why each banned peer is out."""

    def __init__(
        self,
        scheduler: Scheduler,
        clock: Clock,
        reputation: Callable[[str], float],
        observe: Callable[[SwarmEvent], None],
        outcome: Callable[[str, ChunkOutcome], None] | None,
    ) -> None:
        self.members: dict[str, Member] = {}
        self.past: dict[str, SourceStatus] = {}
        self.bans: dict[str, str] = {}
        self._scheduler = scheduler
        self._clock = clock
        self._reputation = reputation
        self._observe = observe
        self._outcome = outcome
        self._most: int | None = None
        self._why_most = ""

    # coming and going

    def full(self, coming: int) -> str:
        """Why nobody else may come while `coming` others are being taken in, "" when somebody may."""
        return f"{FAIRNESS}{self._why_most}" if self._most is not None and len(self.members) + coming >= self._most else ""

    def take(self, member: Member) -> None:
        """It takes part from now on."""
        self.members[member.node] = member
        self._scheduler.add(member.node, member.peer.limits, self._reputation(member.node), self._clock.now())
        member.step(DEvent.ACCEPT)

    def part_with(self, member: Member, reason: str, state: str = "") -> list[tuple[int, int]]:
        """Out of this swarm: cancelled, detached; returns the runs that are free again. `state` is what the screens say of it, the reason by default."""
        last = member_status(self._scheduler, member, self._clock.now())
        self.past[member.node] = replace(merged(self.past.get(member.node), last), rate=0.0, outstanding=0, state=state or reason)
        freed, last_words = self._scheduler.remove(member.node)
        self.carry_out(last_words)
        self.members.pop(member.node, None)
        member.leave(reason)
        return freed

    def dismiss(self, words: str) -> None:
        """All who take part are let go, and it is told why."""
        for member in list(self.members.values()):
            self.part_with(member, "policy_change")
            self.tell("peer_refused", member.node, variant_id=member.variant.variant_id, words=words)

    def limit(self, most: int | None, why: str) -> None:
        """At most so many peers from now on (None: any number). The dearest of those beyond it are let go; `why` is told them and who wants to come."""
        self._most, self._why_most = most, why
        if most is None or len(self.members) <= most:
            return
        for node in cheapest(self._scheduler.costs(), self.members)[most:]:
            member = self.members[node]
            self.part_with(member, "policy_change", "throttled")
            self.tell("peer_refused", node, variant_id=member.variant.variant_id, words=f"{FAIRNESS}{why}")

    def quiesce(self, complete: bool) -> None:
        """Nothing is asked any more; with the file complete its peers are told and let go."""
        step = self._scheduler.cancel_all()
        self.carry_out(Step(ended=step.ended))
        for cancel in step.cancels:
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

    def leave(self, reason: str) -> None:
        """Every peer is let go."""
        for member in list(self.members.values()):
            self.part_with(member, reason)

    # carrying out what the scheduler decides, and telling it

    def carry_out(self, step: Step, words: str = "") -> None:
        """Cancels, events, outcomes, then requests; `words` go with what failed."""
        if not (step.cancels or step.ended or step.orders):
            return
        for cancel in step.cancels:
            if (member := self.members.get(cancel.node)) is not None:
                member.cancel(cancel.first, cancel.count, "timeout" if cancel.why == "take_back" else "swarm_rebalanced")
        for event in explain(step, self._scheduler.pieces.layout, self._variant_of, words):
            self._observe(event)
        for ended in step.ended:
            if ended.whole:
                self.count(ended.node, ended.outcome)
        for order in step.orders:
            if (member := self.members.get(order.node)) is not None:
                member.request(order.first, order.count, order.priority)

    def count(self, source: str, outcome: ChunkOutcome) -> None:
        """An outcome of this source goes into its reputation, and that into its cost."""
        if self._outcome is not None:
            self._outcome(source, outcome)
        if (lane := self._scheduler.lanes.get(source)) is not None:
            lane.reputation = self._reputation(source)

    def tell(
        self, kind: str, source: str, *, variant_id: str = "", offset: int = 0, length: int = 0, result: str = "", words: str = ""
    ) -> None:
        self._observe(
            SwarmEvent(kind, source, 0, variant_id or self._variant_of(source), offset, length, result, None, None, words, plane_of(source))
        )

    def _variant_of(self, node: str) -> str:
        """What is fetched from a member; "" for anybody else."""
        return member.variant.variant_id if (member := self.members.get(node)) is not None else ""
