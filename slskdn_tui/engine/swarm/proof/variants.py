"""Which variant a swarm binds to, and what the origin's bytes prove about it. Core.

A digest list is bound to its `variant_id`, so peers cannot lie about it together without naming another variant. The chosen one is the one that bytes from
Soulseek confirm; before any came, the one most peers offer. A file and the audio region in it may both be confirmed: the one that more peers
offer is taken, so that copies with other tags join in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from slskdn_tui.engine.content.digests import variant_id
from slskdn_tui.engine.swarm.proof.guard import agreeing
from slskdn_tui.model.variant import Variant

MOST_KNOWN = 8
"""Digest lists kept; offers beyond that of yet other variants are refused."""


def compare(seen: Mapping[int, bytes], digests: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """(matching, differing) leaves of what came from the origin against a digest list."""
    good = [leaf for leaf, digest in seen.items() if digests[leaf] == digest]
    return good, [leaf for leaf in seen if digests[leaf] != seen[leaf]]


@dataclass(slots=True)
class Choice:
    """Offers of one file's peers, by node, and the `networks` they are in; `rejected` variants contradict every leaf that came from Soulseek."""

    size: int
    offers: dict[str, tuple[Variant, ...]] = field(default_factory=dict)
    known: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    networks: dict[str, str] = field(default_factory=dict)

    def misfit(self, variant: Variant) -> str:
        """Why an offer is not looked at, "" when it is."""
        if variant.variant_id in self.rejected:
            return "other variant: it contradicts the bytes from Soulseek"
        if variant.variant_id not in self.known and len(self.known) >= MOST_KNOWN:
            return "other variant: too many are offered"
        return ""

    def reject(self, variant_id: str) -> None:
        """It is another file: its digests make room for others."""
        self.rejected.add(variant_id)
        self.known.pop(variant_id, None)

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
        return sum(any(offer.variant_id == variant_id for offer in offers) for offers in self.offers.values())

    def agreeing(self, variant: Variant) -> int:
        """How many networks have a node that offers this very variant."""
        return len({self.networks.get(node, node) for node, offers in self.offers.items() if agreeing(offers, variant, self.size)})

    def verdict(self, variant: Variant, current: Variant | None, confirmed: bool, seen: Mapping[int, bytes]) -> str:
        """Why a variant should not be bound to, "" when it should (or is already). `confirmed`: bytes from Soulseek match the current one."""
        if current is not None and current.variant_id == variant.variant_id:
            return ""
        if variant.variant_id in self.rejected:  # while its offer was looked at
            return "other variant: it contradicts the bytes from Soulseek"
        good, bad = compare(seen, self.known[variant.variant_id])
        if bad and not good:
            self.reject(variant.variant_id)
            return f"other variant: none of {len(bad)} leaves from Soulseek match"
        if current is None or (good and not confirmed):
            return ""
        more = self.votes(variant.variant_id) - self.votes(current.variant_id)
        same = variant.kind == current.kind
        # Both may be right: a file and the audio in it, or the audio of a copy that was cut short and that of a whole one.
        both = bool(good) and not bad and (not same or variant.length > current.length)
        if (more > 0 and (not confirmed or both)) or (more == 0 and both and same):
            return ""
        return "other variant"
