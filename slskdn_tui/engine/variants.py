"""What is known of variants of recordings, here and in the mesh, by recording or by size: for ranking candidates and for badges. Shell over the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from slskdn_tui.engine.discovery.aggregates import Aggregates
from slskdn_tui.engine.discovery.choice import Own, choose
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.aggregates import CanonicalStats, VariantChoice
from slskdn_tui.model.text import SafeText

KEPT_S = 10.0
MOST_KEPT = 2000


class KnownVariants:
    """`aggregates` is what the mesh says, None without an overlay. Answers are kept for some seconds: screens ask twice a second."""

    def __init__(self, store: Store, clock: Clock, aggregates: Aggregates | None) -> None:
        self._store = store
        self._clock = clock
        self._aggregates = aggregates
        self._kept: dict[str, tuple[float, tuple[VariantChoice, ...]]] = {}

    async def of(self, recordings: Sequence[str]) -> tuple[VariantChoice, ...]:
        """All variants known of these recordings, in every codec profile."""
        found: list[VariantChoice] = []
        for recording in dict.fromkeys(recordings):
            found += await self._of(recording) if recording else ()
        return tuple(found)

    async def of_sizes(self, sizes: Collection[int]) -> dict[int, VariantChoice]:
        """By size in bytes, the variants known to have it. Of two of one size the better known."""
        if not sizes:
            return {}
        recordings = await self._store.voices.recordings_of_sizes(sizes) if self._aggregates is not None else set()
        known = [each for each in await self.of(sorted(recordings)) if each.length in sizes]
        return {each.length: each for each in sorted(known, key=lambda each: (each.canonical, each.peers))}

    async def _of(self, recording: str) -> tuple[VariantChoice, ...]:
        kept = self._kept.get(recording)
        if kept is not None and self._clock.now() - kept[0] < KEPT_S:
            return kept[1]
        own: dict[str, list[Own]] = {}
        for file in await self._store.files.of_recording(recording):
            if file.quality_score is not None:
                own.setdefault(file.facts.codec_profile, []).append(Own(file.variant_id, file.size, file.quality_score))
        spoken = await self._store.voices.profiles(recording) if self._aggregates is not None else []
        found: list[VariantChoice] = []
        for profile in dict.fromkeys((*spoken, *own)):
            if self._aggregates is not None and profile in spoken:
                stats = await self._aggregates.canonical_stats(recording, profile)
            else:
                stats = CanonicalStats(recording, profile, 0, 0, None, None, None, SafeText(""), ())
            found += choose(stats, own.get(profile, ()))
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[recording] = self._clock.now(), tuple(found)
        return tuple(found)
