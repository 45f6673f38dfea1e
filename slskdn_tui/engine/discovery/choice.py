"""Which variant of a recording is the canonical one, by what this node measured itself and what the mesh says. Core.

Scores go before numbers: among the variants that are about as good as the best one (within `ALIKE`), the one that most voices have. What this node
decoded itself weighs as much as `OWN` known peers. Strangers alone choose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slskdn_tui.model.aggregates import CanonicalStats, VariantChoice

OWN = 5
ALIKE = 0.05


@dataclass(frozen=True, slots=True)
class Own:
    """A file of this node: its size in bytes, and the score its own decoding gave. `variant_id` "" while it is not hashed."""

    variant_id: str
    length: int
    score: float


def choose(stats: CanonicalStats, own: Sequence[Own] = ()) -> tuple[VariantChoice, ...]:
    """The variants of a recording in one codec profile that have a score, the canonical one first and marked."""
    found: list[VariantChoice] = []
    mine = {each.length: each for each in own}
    for each in stats.variants:
        ours = mine.pop(each.length, None)
        score, voices = (each.score if each.peers else None), each.peers
        if ours is not None:
            score = ours.score if score is None else (score * each.peers + ours.score * OWN) / (each.peers + OWN)
        if score is not None:
            found.append(
                VariantChoice(stats.recording, stats.codec_profile, each.variant_id, each.length, round(score, 3), voices, ours is not None)
            )
    found += [
        VariantChoice(stats.recording, stats.codec_profile, each.variant_id, each.length, each.score, 0, True) for each in mine.values()
    ]
    if not found:
        return ()
    top = max(each.score for each in found)
    best = max((each for each in found if each.score >= top - ALIKE), key=lambda each: (each.peers + each.own, each.score, each.variant_id))
    rest = sorted((each for each in found if each is not best), key=lambda each: (-each.score, -each.peers, each.variant_id))
    return best.chosen(), *rest
