"""What this node tells the mesh it has: the user's choice of files, at most 100 recordings, the most active first. Shell over the library's offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from slskdn_tui.engine.overlay.gossip.gossip import Serving
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.heard import HeardVariant
from slskdn_tui.model.library import Qualities
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant


class Offers(Protocol):
    """What this node would send: `LibraryOffers`, or several of them."""

    def find(self, recordings: Sequence[str]) -> Sequence[Variant]: ...
    def recordings(self) -> Sequence[str]: ...


class Together:
    """Several offers as one: a variant that several have is told of once, and what the first ones have comes first."""

    def __init__(self, *offers: Offers) -> None:
        self._offers = offers

    def find(self, recordings: Sequence[str]) -> Sequence[Variant]:
        found: dict[str, Variant] = {}
        for offers in self._offers:
            for variant in offers.find(recordings):
                found.setdefault(variant.variant_id, variant)
        return tuple(found.values())

    def recordings(self) -> Sequence[str]:
        return tuple(sorted({name for offers in self._offers for name in offers.recordings()}))


Qualify = Callable[[Sequence[str]], Mapping[str, Qualities]]
"""What is known of the files that are these variants."""
MAX_TOLD = 100
MOVING_S = 600.0
MAX_MOVING = 10
_REMEMBERED = 1000


class MeshStock:
    """A `Stock`. `may_offer` is the fairness governor's word; `changed` is to be called when the library's offers, or what is known of them, did."""

    def __init__(self, clock: Clock, serving: Callable[[], Serving], may_offer: Callable[[], bool]) -> None:
        self._clock = clock
        self._serving = serving
        self._may_offer = may_offer
        self._offers: Offers | None = None
        self._qualities: Qualify = lambda variants: {}
        self._touched: dict[str, float] = {}
        self._active: tuple[HeardVariant, ...] | None = None

    def open(self, offers: Offers, qualities: Qualify) -> None:
        self._offers, self._qualities = offers, qualities
        self.changed()

    def changed(self) -> None:
        self._active = None

    def touch(self, recordings: Sequence[str]) -> None:
        """These were asked for, or finished: they are told of before others."""
        for recording in recordings:
            if self._offers is not None and self._offers.find((recording,)):
                self._touched.pop(recording, None)
                self._touched[recording] = self._clock.now()
                self._active = None
        while len(self._touched) > _REMEMBERED:
            del self._touched[next(iter(self._touched))]

    def recordings(self) -> tuple[str, ...]:
        """What may be named to strangers: nothing while nothing may be sent."""
        return tuple(dict.fromkeys(each.variant.recording_mbid for each in self.active()))

    # Stock

    def active(self) -> Sequence[HeardVariant]:
        if self._offers is None or not self._may_offer():
            return ()
        if self._active is None:
            names = dict.fromkeys((*reversed(self._touched), *self._offers.recordings()))
            self._active = self._heard(list(names)[:MAX_TOLD])
        return self._active

    def moving(self) -> Sequence[HeardVariant]:
        since = self._clock.now() - MOVING_S
        return self._heard([name for name, at in reversed(self._touched.items()) if at >= since][:MAX_MOVING]) if self._may_offer() else ()

    def find(self, release: str, recordings: Sequence[str]) -> Sequence[HeardVariant]:
        """Of recordings that were named everything offered is told; of a release, what is told of anyhow."""
        if not self._may_offer():
            return ()
        named = self._heard(recordings)
        return named if not release else (*named, *(each for each in self.active() if each.release_mbid == release))

    def serving(self) -> Serving:
        return self._serving()

    def _heard(self, recordings: Sequence[str]) -> tuple[HeardVariant, ...]:
        if self._offers is None:
            return ()
        variants = [variant for variant in self._offers.find(recordings) if variant.kind == "file"]
        known = self._qualities([variant.variant_id for variant in variants])
        return tuple(heard(variant, known.get(variant.variant_id)) for variant in variants)


def heard(variant: Variant, known: Qualities | None) -> HeardVariant:
    """A variant with what the library knows of it, as far as it can be told."""
    if known is None:
        return HeardVariant(variant)
    verdict, range_db = known.verdict, known.dynamic_range
    tested = verdict.method_version > 0
    return HeardVariant(
        replace(variant, score=known.quality_score),
        verdict.kind if tested else "",
        SafeText(f"grid-{verdict.method_version}" if tested else ""),
        verdict.measurement if tested else None,
        range_db if range_db is not None and 0 <= range_db <= 100 else None,
        known.encoder_signature,
        known.label,
        known.release,
    )
