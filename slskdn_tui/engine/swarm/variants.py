"""Which variant a swarm binds to, and what the origin's bytes prove about it. Core.

A digest list is bound to its `variant_id`, so peers cannot lie about it together without naming another variant. The chosen one is the one that bytes from
Soulseek confirm; before any came, the one most peers offer with the file's size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from slskdn_tui.engine.content.digests import variant_id
from slskdn_tui.engine.swarm.guard import agreeing
from slskdn_tui.model.variant import Variant

MOST_KNOWN = 8
"""Digest lists kept; offers beyond that of yet other variants are refused."""


def compare(seen: Mapping[int, bytes], digests: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """(matching, differing) leaves of what came from the origin against a digest list."""
    good = [leaf for leaf, digest in seen.items() if digests[leaf] == digest]
    return good, [leaf for leaf in seen if digests[leaf] != seen[leaf]]


@dataclass(slots=True)
class Choice:
    """Offers of one file's peers, by node; `rejected` variants contradict every leaf that came from Soulseek."""

    size: int
    offers: dict[str, Variant] = field(default_factory=dict)
    known: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)

    def misfit(self, variant: Variant) -> str:
        """Why an offer cannot be of this file, "" when it can."""
        if variant.kind != "file":
            return "other variant: the audio region is offered, not the file"
        if variant.length != self.size:
            return f"other variant: {variant.length} bytes, not {self.size}"
        if variant.variant_id in self.rejected:
            return "other variant: it contradicts the bytes from Soulseek"
        if variant.variant_id not in self.known and len(self.known) >= MOST_KNOWN:
            return "other variant: too many are offered"
        return ""

    def learn(self, variant: Variant, digests: Sequence[bytes]) -> str:
        """Keep a digest list once it is bound to its `variant_id`; why not, otherwise."""
        try:
            named = variant_id(variant.kind, variant.length, digests)
        except ValueError as error:
            return f"its digests do not fit: {error}"
        if named != variant.variant_id:
            return "its digests do not match the variant it names"
        self.known[variant.variant_id] = tuple(digests)
        return ""

    def votes(self, variant_id: str) -> int:
        return sum(offer.variant_id == variant_id for offer in self.offers.values())

    def agreeing(self, variant: Variant) -> int:
        return agreeing(self.offers.values(), variant, self.size)

    def verdict(self, variant: Variant, current: Variant | None, confirmed: bool, seen: Mapping[int, bytes]) -> str:
        """Why a variant should not be bound to, "" when it should (or is already). `confirmed`: bytes from Soulseek match the current one."""
        if current is not None and current.variant_id == variant.variant_id:
            return ""
        good, bad = compare(seen, self.known[variant.variant_id])
        if bad and not good:
            self.rejected.add(variant.variant_id)
            return f"other variant: none of {len(bad)} leaves from Soulseek match"
        if current is None or (good and not confirmed):
            return ""
        if not confirmed and self.votes(variant.variant_id) > self.votes(current.variant_id):
            return ""
        return "other variant"
