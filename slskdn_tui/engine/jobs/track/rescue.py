"""Rescue (roadmap 1.4): when a Soulseek transfer underperforms, ask the mesh who has the recording and let peers fill the missing ranges.

Shell between one track's swarm and the mesh. The origin stays alive at low priority; the guard inside the swarm decides whether a peer may
deliver, and whether what came may be placed. Connected peers are asked at once while the DHT is looked through for others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack, RescueNote
from slskdn_tui.engine.jobs.recognise import LEAST_BYTES
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.jobs.track.probe import Prober
from slskdn_tui.engine.jobs.track.ranking import Standing, rank
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.store.state.rescues import Outcome
from slskdn_tui.engine.swarm.events import SwarmStatus
from slskdn_tui.engine.swarm.proof.evidence import HEADLESS
from slskdn_tui.engine.swarm.proof.guard import GUARD
from slskdn_tui.engine.swarm.roster import FAIRNESS
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import is_mbid, short_node_id
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.ports import ChunkPeer
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.model.variant import Variant

log = logging.getLogger(__name__)
OFFER_TIMEOUT = 30.0
_MOST_SETTLED = 4000
"""Offers of which a refusal is remembered: eight whole answers."""
ASKED = "asked for by the user"
"""The reason of a rescue that no threshold called for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one round of asking gave: peers taken by the swarm, every refusal in words, and how peers were looked for."""

    taken: tuple[str, ...]
    refused: tuple[str, ...]
    looked: str

    @property
    def guarded(self) -> bool:
        """True when the guard refused somebody for want of a proof."""
        return any(f": {GUARD}" in words for words in self.refused)

    @property
    def headless(self) -> bool:
        """True when a copy with other tags could be used, were the head of the file here."""
        return any(words.endswith(HEADLESS) for words in self.refused)

    @property
    def words(self) -> str:
        count = len(self.taken)
        return f"{count} mesh {'peer' if count == 1 else 'peers'} added; {self.looked}" + (
            f"; refused: {', '.join(self.refused)}" if self.refused else ""
        )


class Rescuer:
    """One track's rescue. Remembers who was asked, so a second round only meets new peers or new offers.

    `others` gives further holders of the very size being fetched, for head probes.
    """

    def __init__(self, services: Services, job: LiveJob, live: LiveTrack, tell: Teller, others: Callable[[], Sequence[FoundFile]]) -> None:
        self._services = services
        self._job = job
        self._live = live
        self._tell = tell
        self._recording = live.track.recording_mbid
        self._heard_at, self._unheard = 0, ""
        self._settled: dict[tuple[str, str], None] = {}
        self._left_out: set[str] = set()
        self._told: tuple[str, ...] = ()
        self._blocked_by = ""
        self._note: RescueNote | None = None
        self._prober = Prober(services, tell, others)

    # One swarm's rescue -----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new swarm: who was settled under the old one may be asked again."""
        self._live.rescue, self._live.unrescued, self._note = None, "", None
        self._settled.clear()
        self._told = ()

    def end(self) -> None:
        """The swarm is over."""
        self._prober.stop()

    @property
    def under_way(self) -> bool:
        """True while there is something to look after though the transfer does well."""
        return self._note is not None or bool(self._live.unrescued)

    @property
    def soulseek_first(self) -> bool:
        """Other users who have the file are to be tried before the mesh is asked."""
        return self._services.fairness().soulseek_first

    async def help(self, swarm: TrackSwarm, reason: str) -> bool:
        """One round for a transfer that does badly (`reason`, "" when it no longer does). True while mesh peers are at work for it."""
        if not reason and not swarm.members:
            self._over(swarm)
            return False
        if reason and not is_mbid(self._recording):
            await self._recognise(swarm)
        if blocked := self._blocked():
            if not swarm.members:
                await self._refused(reason, blocked)
            return bool(swarm.members)
        if swarm.tail_only:
            return False
        verdict = self._services.fairness()
        swarm.limit_peers(verdict.most_peers, verdict.why)
        first = self._note is None
        note = self._note or RescueNote(reason, iso(self._services.clock.wall()))
        note = replace(note, reason=reason or note.reason)
        self._blocked_by = ""
        if first:
            self._live.rescue, self._live.unrescued = note, ""
            await self._begun(reason)
        asked = await self.ask(swarm)
        note = self._note = replace(note, looked=asked.looked, refused=asked.refused or (() if swarm.members else note.refused))
        if asked.taken or first or (asked.refused and asked.refused != self._told):
            self._told = asked.refused
            self._round(asked)
        if not swarm.members:
            if asked.headless and self._prober.want_head(swarm):
                return True
            if asked.guarded:
                await self._count("refused")
            self._live.rescue, self._live.unrescued = None, note.nobody
            return False
        self._live.rescue, self._live.unrescued = note, ""
        swarm.set_origin_share(None if verdict.soulseek_first else self._services.settings.rescue.origin_share)
        self._prober.want(swarm)
        return True

    async def _recognise(self, swarm: TrackSwarm) -> None:
        """A file that names no recording: what has come of it may tell by its sound. Asked again when twice as much is there."""
        services, have = self._services, swarm.part.pieces.prefix
        wanted = self._job.record.constraints.use_overlay and not services.finder.unavailable
        if services.recognise is None or not wanted or have < max(LEAST_BYTES, 2 * self._heard_at):
            return
        self._heard_at = have
        seconds = self._live.track.length_ms / 1000 if self._live.track.length_ms else None
        try:
            found = await services.recognise(Path(swarm.part.path), have, os.path.splitext(self._live.record.path)[1], seconds)
        except (UserError, OSError) as error:
            log.info("a partial file could not be recognised: %s", SafeText(str(error)))
            return
        self._recording, self._unheard = found.recording, "" if found.recording else str(found.words)
        if found.recording:
            self._tell.log("rescue.recognised", "rescue", f"{self._live.track.title}: {found.words}", recording=found.recording)
        self._tell.trace("rescue", result="recognised" if found.recording else "unknown", words=found.words)

    def _blocked(self) -> str:
        """Why nobody can be asked for this track, or empty."""
        if not self._job.record.constraints.use_overlay:
            return "this job does not use the overlay (use_overlay: false)"
        if not is_mbid(self._recording):
            return "the file names no MusicBrainz recording to ask the mesh for" + (f"; {self._unheard}" if self._unheard else "")
        if (verdict := self._services.fairness()).most_peers == 0:
            return f"{FAIRNESS}{verdict.enforced[0]}"
        return self._services.finder.unavailable

    async def unable(self, reason: str) -> bool:
        """Whether nobody can be asked for this track, with or without a swarm; said, once."""
        if blocked := self._blocked():
            await self._refused(reason, blocked)
        return bool(blocked)

    def _over(self, swarm: TrackSwarm) -> None:
        """The source does well again, and nobody in the mesh is at work."""
        if self._note is not None:
            swarm.set_origin_share(None)
            self._tell.log("rescue.over", "rescue", f"{self._live.track.title}: the Soulseek source does well again")
            self._tell.trace("rescue", result="over", words="the Soulseek source does well again")
        self._live.rescue, self._live.unrescued, self._note, self._blocked_by = None, "", None, ""

    async def placed(self, status: SwarmStatus | None) -> None:
        """The file was verified and placed: a rescue in which the mesh gave a byte has succeeded."""
        if status is None or not status.by_mesh or not await self._count("succeeded"):
            return
        peers = sum(source.plane == "mesh" and source.bytes > 0 for source in status.sources)
        words = f"{status.by_mesh * 100 // max(1, status.size)} % of its bytes came from the mesh ({counted(peers, 'peer')})"
        self._tell.log("rescue.succeeded", "rescue", f"{self._live.track.title}: rescued; {words}", mesh=status.by_mesh, size=status.size)
        self._tell.trace("rescue", result="succeeded", words=words)

    # Telling and counting ---------------------------------------------------------------------------------------

    async def _count(self, outcome: Outcome) -> bool:
        try:
            return await self._services.store.rescues.count(self._job.job_id, self._live.track.position, outcome)
        except (OSError, sqlite3.Error) as error:
            log.warning("a rescue could not be counted: %s", error)  # a figure for people; the track matters more
            return False

    async def _begun(self, reason: str) -> None:
        self._tell.log("rescue.started", "rescue", f"{self._live.track.title}: {reason}; asking the mesh", level="warning", reason=reason)
        self._tell.trace("rescue", result="started", words=reason)
        await self._count("started")

    async def _refused(self, reason: str, why: str) -> None:
        files = self._job.record.type == JobType.FILES
        if (files or not self._job.record.constraints.use_overlay) and reason != ASKED:
            # The user's own wish, or files that name no recording: a line for each of many tracks is noise.
            if self._job.overlay_refused or files:
                told = f"{reason}; nobody was asked: {why}" if self._job.record.constraints.use_overlay else reason
                self._live.rescue, self._live.unrescued, self._note = None, told, None
                return
            self._job.overlay_refused = True
        words = f"{reason}; nobody was asked: {why}"
        self._live.rescue, self._live.unrescued, self._note = None, words, None
        if why == self._blocked_by:
            return
        self._blocked_by = why
        self._tell.log("rescue.refused", "rescue", f"{self._live.track.title}: {words}", level="warning", reason=reason, why=why)
        self._tell.trace("rescue", result="refused", words=words)
        await self._count("refused")

    def _round(self, asked: Asked) -> None:
        text = f"{self._live.track.title}: {asked.words}"
        self._tell.log("rescue.peers", "rescue", text, peers=len(asked.taken), refused=len(asked.refused))
        self._tell.trace("rescue", result="ok" if asked.taken else "nobody", words=asked.words)

    # Asking -----------------------------------------------------------------------------------------------------

    async def ask(self, swarm: TrackSwarm) -> Asked:
        """One round: connected peers at once, and beside that a look for others, who are asked as soon as it is over."""
        near = self._services.finder.connected()

        async def beyond() -> tuple[Sequence[ChunkPeer], str, tuple[list[str], list[str]]]:
            peers, looked = await self._services.finder.look(self._recording)
            known = {peer.node_id for peer in near}
            far = [peer for peer in peers if peer.node_id not in known]
            return far, looked, await self._meet(swarm, self._good(far))

        (taken, refused), (far, looked, more) = await asyncio.gather(self._meet(swarm, self._good(near)), beyond())
        taken, refused = taken + more[0], refused + more[1]
        everybody = [*near, *far]
        book = self._services.book
        if not swarm.members and not any(f": {GUARD}" in words for words in refused):
            # One that is avoided is asked when nobody else has it: every leaf is verified, so it can only waste time. Where somebody else
            # waits for a proof it is not: a liar's word is none.
            last = await self._meet(swarm, [peer for peer in everybody if not book.blocked(peer.node_id)])
            taken, refused = taken + last[0], refused + last[1]
            everybody = [peer for peer in everybody if book.blocked(peer.node_id)]
        for node_id in (peer.node_id for peer in everybody):
            known_bad = node_id in swarm.bans or node_id in self._left_out  # said already
            if not known_bad and (book.blocked(node_id) or book.avoided(node_id)):
                self._left_out.add(node_id)
                refused.append(f"{short_node_id(node_id)}: avoided, {book.avoided(node_id) or 'blocked by you'}")
        return Asked(tuple(taken), tuple(refused), looked)

    def _good(self, peers: Sequence[ChunkPeer]) -> list[ChunkPeer]:
        book = self._services.book
        return [peer for peer in peers if not book.blocked(peer.node_id) and not book.avoided(peer.node_id)]

    async def _meet(self, swarm: TrackSwarm, peers: Sequence[ChunkPeer]) -> tuple[list[str], list[str]]:
        """Negotiate with these peers and hand fitting ones to the swarm: (node ids taken, refusals in words)."""
        taken: list[str] = []
        refused: list[str] = []
        peers = [peer for peer in peers if peer.node_id not in swarm.members]
        offers = await asyncio.gather(*(self._offers(peer) for peer in peers))
        wishes = self._job.record.constraints
        known = await self._services.variants((self._recording,)) if wishes.prefer_canonical_variants else ()
        told = {each.variant_id: each.score for each in known}
        for peer, variants in rank(list(zip(peers, offers, strict=True)), self._standing, wishes.preferred_codecs, told):
            new = [variant for variant in variants if (peer.node_id, variant.variant_id) not in self._settled]
            if not new or peer.closed:
                continue
            why = await swarm.add_peer(peer, *new)
            if why:
                # A guard that is shut may open when the origin comes back or sends a leaf, and so may the governor: such a peer is asked again.
                if not why.startswith((GUARD, FAIRNESS)):
                    self._settle(peer, new)
                refused.append(f"{short_node_id(peer.node_id)}: {why}")
            else:
                taken.append(peer.node_id)
        return taken, refused

    def _settle(self, peer: ChunkPeer, refused: Sequence[Variant]) -> None:
        """These need not be offered again. A peer may name others each time it is asked: of those beyond `_MOST_SETTLED` the oldest are forgotten."""
        self._settled.update(((peer.node_id, variant.variant_id), None) for variant in refused)
        while len(self._settled) > _MOST_SETTLED:
            del self._settled[next(iter(self._settled))]

    def _standing(self, node_id: str) -> Standing:
        return Standing(self._services.book.reputation(node_id), self._services.finder.free_slots(node_id))

    async def _offers(self, peer: ChunkPeer) -> tuple[Variant, ...]:
        try:
            async with asyncio.timeout(OFFER_TIMEOUT):
                return await peer.offers((self._recording,))
        except (TimeoutError, OSError, ValueError) as error:
            log.info("%s gave no offer: %s", short_node_id(peer.node_id), error)
            self._tell.trace("peer_refused", source=peer.node_id, words=f"no offer: {error or 'time-out'}")
            return ()
