"""What other nodes say, kept in the store and weighed when asked: an `ObservationSink`. Shell over library.db.

What is heard waits in memory (bounded) and is written in batches, off the event loop; counts that it touches are made again then. Standing changes, too, so
everything is counted anew every hour.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence

from slskdn_tui.engine.discovery.weigh import Opinion, Speaker, Trust, canonical, mean, weigh
from slskdn_tui.engine.peers.addresses import network_of
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.library.popularity import PopularityTable
from slskdn_tui.engine.store.library.voices import ObservationRow, Said, Touched, VoicesTable
from slskdn_tui.model.aggregates import CanonicalStats, LabelRelease, Popularity
from slskdn_tui.model.heard import HeardDescriptor, HeardVariant, Voice
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)
FLUSH_EVERY = 2.0
COUNT_EVERY = 3600.0
KEEP_S = 60 * 86_400.0
"""A node not heard for so long is forgotten."""
MOST_WAITING = 500
BATCH = 50


class Aggregates:
    """`trust` tells a node's standing, `own` this node's id, whose words do not count."""

    def __init__(self, voices: VoicesTable, popularity: PopularityTable, clock: Clock, trust: Trust, own: str = "") -> None:
        self._voices = voices
        self._popularity = popularity
        self._clock = clock
        self._trust = trust
        self._own = own
        self._waiting: deque[Said] = deque()
        self._writing = asyncio.Lock()
        self._lost = 0
        self.changed: Callable[[], None] = lambda: None

    # what is heard (ObservationSink)

    def advertised(self, voice: Voice, variants: Sequence[HeardVariant], gone: Sequence[str], *, whole: bool) -> None:
        self._hear(voice, variants=variants, gone=gone, whole=whole)

    def described(self, voice: Voice, descriptor: HeardDescriptor) -> None:
        self._hear(voice, variants=descriptor.variants)

    def wanted(self, voice: Voice, recordings: Sequence[str]) -> None:
        self._hear(voice, wanted=recordings)

    def expired(self, node_id: str) -> None:
        """Nothing to do: what was said of files stays true for a while, and loses weight as its speaker is not heard."""

    def _hear(
        self,
        voice: Voice,
        variants: Sequence[HeardVariant] = (),
        gone: Sequence[str] = (),
        whole: bool = False,
        wanted: Sequence[str] = (),
    ) -> None:
        if voice.node_id == self._own or self._trust(voice.node_id).trust <= 0:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        now = self._clock.wall().timestamp()
        self._waiting.append(Said(voice.node_id, network_of(voice.host), voice.direct, now, variants, gone, whole, wanted))

    async def run(self) -> None:
        """Write and count for ever; supervised by the engine."""
        counted = self._clock.now()
        await self.recount()
        while True:
            await self._clock.sleep(FLUSH_EVERY)
            await self.flush()
            if self._clock.now() - counted >= COUNT_EVERY:
                counted = self._clock.now()
                await self.recount()

    async def flush(self) -> None:
        """Write what waits; what another call is writing is written, too, when this returns."""
        async with self._writing:
            if self._lost:
                log.warning("the mesh says more than can be written: %d messages were let go", self._lost)
                self._lost = 0
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                known = [one.node_id for one in batch if self._trust(one.node_id).known]
                await self._count(await self._voices.hear(batch, known))

    async def recount(self) -> None:
        """Forget old voices and count all anew."""
        await self._count(await self._voices.expire(self._clock.wall().timestamp() - KEEP_S))
        await self._count(await self._voices.everything())

    async def learned(self, releases: Sequence[tuple[str, Sequence[tuple[str, SafeText]]]]) -> None:
        """MusicBrainz lists these labels (MBID, name) of these releases: what nodes call them is folded by it."""
        for at in range(0, len(releases), BATCH):
            await self._count(await self._voices.listed(releases[at : at + BATCH]))

    async def _count(self, touched: Touched) -> None:
        pairs, mbids = await self._voices.folded(touched[0]), sorted(touched[1])
        for at in range(0, max(len(pairs), len(mbids)), BATCH):
            some, names = pairs[at : at + BATCH], mbids[at : at + BATCH]
            labels = [self._label(pair[1], rows) for pair, rows in zip(some, await self._voices.of_releases(some), strict=True)]
            counts = [self._popular(name, rows) for name, rows in zip(names, await self._voices.of_mbids(names), strict=True)]
            await self._popularity.put(list(zip(some, labels, strict=True)), counts)
        if pairs or mbids:
            self.changed()

    def _label(self, release: str, rows: Sequence[ObservationRow]) -> LabelRelease | None:
        voices = weigh(map(self._speaker, rows), self._trust)
        if not voices.weight:
            return None
        named: Counter[str] = Counter()
        for node, name in {row.node_id: row.label_name for row in rows}.items():
            named[name] += voices.weight.get(node, 0.0)  # type: ignore[assignment]
        codecs = {SafeText(row.codec.upper()) for row in rows if row.codec and "," not in row.codec and row.node_id in voices.weight}
        score = mean(((row.node_id, row.quality_score) for row in rows), voices.weight)
        best = max(named.items(), key=lambda one: (one[1], one[0]))[0]
        return LabelRelease(SafeText(best), release, voices.peers, voices.strangers, score, tuple(sorted(codecs)[:8]))

    def _popular(self, mbid: str, rows: Sequence[tuple[str, str, float]]) -> Popularity:
        now = self._clock.wall().timestamp()
        voices = weigh((Speaker(node, network, now - heard_at) for node, network, heard_at in rows), self._trust)
        return Popularity(mbid, voices.peers, voices.strangers)

    def _speaker(self, row: ObservationRow) -> Speaker:
        return Speaker(row.node_id, row.network, self._clock.wall().timestamp() - row.heard_at)

    # what it comes to

    async def canonical_stats(self, recording: str, codec_profile: str) -> CanonicalStats:
        """What is said of a recording in one codec profile; nobody's stats when nothing is."""
        return canonical(
            recording,
            codec_profile,
            [
                Opinion(
                    self._speaker(row),
                    row.variant_id,
                    row.length,
                    row.duration_ms,
                    row.quality_score,
                    row.transcode_suspect,
                    row.dynamic_range,
                    row.encoder_signature,
                )
                for row in await self._voices.of_recording(recording, codec_profile)
            ],
            self._trust,
        )
