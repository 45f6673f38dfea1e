"""What a voice weighs, and what the voices say together. Core.

A node that has delivered verified bytes to us is *known*: it weighs its reputation, falling by half every two weeks after it was last heard. One network (IPv4 /24, IPv6 /48)
has one full voice among all its nodes. A *stranger* weighs a twentieth, and all strangers together at most a hundredth of the known voices: node ids and
addresses are cheap, so no number of them may move what the known ones say. While nobody is known strangers are all there is, and are counted as such.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from slskdn_tui.model.aggregates import CanonicalStats, VariantStats
from slskdn_tui.model.text import SafeText

STRANGER = 0.05
STRANGERS = 0.01
"""The most that all strangers weigh together, as a share of the known voices."""
HALF_LIFE_S = 14 * 86_400.0
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Standing:
    """What we know of a node: `known` has delivered verified bytes; `trust` 0-1, 0 for one whose word counts nothing (blocked, or caught lying).

    `network` is where it was met itself, which goes before where its words came from.
    """

    known: bool = False
    trust: float = 1.0
    network: str = ""


Trust = Callable[[str], Standing]
"""A node id's standing now."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Where a node speaks from, and how long ago it was last heard (seconds)."""

    node_id: str
    network: str
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one speaker says of one variant of a recording."""

    speaker: Speaker
    variant_id: str
    length: int
    duration_ms: int | None = None
    score: float | None = None
    suspect: bool | None = None
    dynamic_range: float | None = None
    encoder: str = ""


@dataclass(frozen=True, slots=True)
class Voices:
    """Weights by node id; nodes that weigh nothing are left out. `peers` and `strangers` count networks, one voice each."""

    weight: Mapping[str, float] = field(default_factory=dict)
    peers: int = 0
    strangers: int = 0


def weigh(speakers: Iterable[Speaker], trust: Trust) -> Voices:
    """What each of these speakers weighs beside the others. A network with a known node counts as known, and its strangers not at all."""
    known: dict[str, dict[str, float]] = defaultdict(dict)
    strange: dict[str, dict[str, float]] = defaultdict(dict)
    for speaker in {speaker.node_id: speaker for speaker in speakers}.values():
        standing = trust(speaker.node_id)
        weight = standing.trust * math.exp2(-max(0.0, speaker.age_s) / HALF_LIFE_S)
        if weight > 0:
            (known if standing.known else strange)[standing.network or speaker.network][speaker.node_id] = weight
    for network in known:
        strange.pop(network, None)
    weights = _one_voice_each(known)
    others = {node: STRANGER * weight for node, weight in _one_voice_each(strange).items()}
    if weights and (total := sum(others.values())) > (most := STRANGERS * sum(weights.values())):
        others = {node: weight * most / total for node, weight in others.items()}
    return Voices({**weights, **others}, len(known), len(strange))


def _one_voice_each(networks: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {node: weight / max(1.0, sum(nodes.values())) for nodes in networks.values() for node, weight in nodes.items()}


def mean(values: Iterable[tuple[str, float | None]], weight: Mapping[str, float]) -> float | None:
    """The weighted mean of (node id, value), each node one voice however many values it gives; None when nobody that weighs anything gives one."""
    given: dict[str, list[float]] = defaultdict(list)
    for node, value in values:
        if value is not None and node in weight:
            given[node].append(value)
    total = sum(weight[node] for node in given)
    return sum(weight[node] * (sum(said) / len(said)) for node, said in given.items()) / total if total else None


def most_said(values: Iterable[tuple[str, _Key]], weight: Mapping[str, float]) -> _Key | None:
    """The value with most weight; among equals the one said first."""
    heard: Counter[_Key] = Counter()
    for node, value in dict.fromkeys(values):
        heard[value] += weight.get(node, 0.0)  # type: ignore[assignment]
    best = heard.most_common(1)
    return best[0][0] if best and best[0][1] > 0 else None


def canonical(recording: str, codec_profile: str, opinions: Sequence[Opinion], trust: Trust) -> CanonicalStats:
    """What is said of a recording in one codec profile."""
    voices = weigh((opinion.speaker for opinion in opinions), trust)
    score, suspected = _quality(opinions, voices)
    variants: dict[str, list[Opinion]] = defaultdict(list)
    for opinion in opinions:
        variants[opinion.variant_id].append(opinion)
    stats = [_variant(name, said, trust) for name, said in variants.items()]
    stats.sort(key=lambda one: (-one.peers, -one.strangers, -(one.score or 0.0), one.variant_id))
    encoder = most_said(((one.speaker.node_id, one.encoder) for one in opinions if one.encoder), voices.weight)
    dynamics = mean(((one.speaker.node_id, one.dynamic_range) for one in opinions), voices.weight)
    return CanonicalStats(
        recording, codec_profile, voices.peers, voices.strangers, score, suspected, dynamics, SafeText(encoder or ""), tuple(stats)
    )


def _variant(variant_id: str, said: Sequence[Opinion], trust: Trust) -> VariantStats:
    voices = weigh((opinion.speaker for opinion in said), trust)
    facts = most_said(((one.speaker.node_id, (one.length, one.duration_ms)) for one in said), voices.weight)
    length, duration_ms = facts or (said[0].length, None)
    return VariantStats(variant_id, length, duration_ms, voices.peers, voices.strangers, *_quality(said, voices))


def _quality(said: Sequence[Opinion], voices: Voices) -> tuple[float | None, float | None]:
    score = mean(((one.speaker.node_id, one.score) for one in said), voices.weight)
    suspects = ((one.speaker.node_id, None if one.suspect is None else float(one.suspect)) for one in said)
    return score, mean(suspects, voices.weight)
