"""In which order offers are tried (`D_NEGOTIATING`): before any proof, agreement is the best guess. Core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slskdn_tui.model.ports import ChunkPeer
from slskdn_tui.model.variant import Variant

_UNTOLD = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks for a peer: local `reputation` 0-1, `slots` it says are free (None: it said nothing)."""

    reputation: float = 1.0
    slots: int | None = None


def rank(
    offers: Sequence[tuple[ChunkPeer, Sequence[Variant]]],
    standing: Callable[[str], Standing],
    codecs: Sequence[str] = (),
    told: Mapping[str, float] = MappingProxyType({}),
) -> list[tuple[ChunkPeer, list[Variant]]]:
    """Peers and, of each peer's, the variant of the best score first as `told` has it (variant id to what is measured here, or known voices of the mesh
    say; to a tenth, others in the middle), then the variant that most peers have, by codec wanted, whole files before regions, longer before shorter
    ones, quality. Of peers with the same best one that with a free slot and a good name. An offer that no longer holds is left out.
    """
    holding = [(peer, [each for each in variants if peer.holds(each.variant_id)]) for peer, variants in offers]
    count = Counter(variant.variant_id for _, variants in holding for variant in variants)
    wanted = [codec.lower() for codec in codecs]

    def of_variant(variant: Variant) -> tuple[float, int, int, str, int, float, str]:
        codec = variant.codec.lower()
        place = wanted.index(codec) if codec in wanted else len(wanted)
        score = 0.5 if variant.score is None else variant.score
        known = round(told.get(variant.variant_id, _UNTOLD), 1)
        return -known, -count[variant.variant_id], place, variant.kind, -variant.length, -score, variant.variant_id

    def of_peer(peer: ChunkPeer) -> tuple[bool, float, str]:
        stands = standing(peer.node_id)
        return stands.slots == 0, -round(stands.reputation, 1), peer.node_id

    ranked = [(peer, sorted(variants, key=of_variant)) for peer, variants in holding if variants]
    return sorted(ranked, key=lambda pair: (of_variant(pair[1][0]), of_peer(pair[0])))
