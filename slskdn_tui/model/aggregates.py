"""What the mesh says of recordings, labels and releases once its voices are weighed. Core.

`peers` counts independent voices of nodes that have delivered verified bytes to us, `strangers` those of all others: they are told apart everywhere, and
strangers never add to `peers`. Scores and shares are 0-1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from slskdn_tui.model.text import SafeText, counted

_NOTHING = SafeText("")


@dataclass(frozen=True, slots=True)
class VariantStats:
    """What is said of one variant. `length` is bytes, `duration_ms` None when nobody says it; both are what most of the voices' weight says."""

    variant_id: str
    length: int
    duration_ms: int | None
    peers: int
    strangers: int
    score: float | None
    suspected: float | None


@dataclass(frozen=True, slots=True)
class CanonicalStats:
    """A recording in one codec profile: `score` the weighted mean, `suspected` the share of voices that suspect a transcode, `dynamic_range` in DR,
    `encoder` the one most named. `variants`: the best first, so the first one is the canonical one."""

    recording: str
    codec_profile: str
    peers: int
    strangers: int
    score: float | None
    suspected: float | None
    dynamic_range: float | None
    encoder: SafeText
    variants: tuple[VariantStats, ...]

    def badge(self, variant_id: str) -> SafeText:
        """`canonical 0.94, 80 peers agree` for the canonical variant; empty for any other, and while only strangers speak of it."""
        best = self.variants[0] if self.variants else None
        if best is None or best.variant_id != variant_id or best.score is None:
            return _NOTHING
        return _badge(best.score, best.peers)


def _badge(score: float, peers: int) -> SafeText:
    return SafeText(f"canonical {score:.2f}, {counted(peers, 'peer')} {'agrees' if peers == 1 else 'agree'}") if peers else _NOTHING


@dataclass(frozen=True, slots=True)
class VariantChoice:
    """A variant of a recording as this node and the mesh know it. `length` in bytes, `score` 0-1, `peers` independent known voices;
    `own`: a file of this node has been measured; `canonical`: the one to prefer in its codec profile."""

    recording: str
    codec_profile: str
    variant_id: str
    length: int
    score: float
    peers: int
    own: bool
    canonical: bool = False

    @property
    def badge(self) -> SafeText:
        """As `CanonicalStats.badge`."""
        return _badge(self.score, self.peers) if self.canonical else _NOTHING

    def chosen(self) -> VariantChoice:
        return replace(self, canonical=True)


@dataclass(frozen=True, slots=True)
class LabelSeen:
    """A label by name: how many of its releases are seen, and the `peers` of the one seen most."""

    name: SafeText
    releases: int
    peers: int


@dataclass(frozen=True, slots=True)
class LabelRelease:
    """`LabelPopularity`: a release of a label. `codecs` are those it is seen in; `year` is None when MusicBrainz was not asked of it yet."""

    label: SafeText
    release_mbid: str
    peers: int
    strangers: int
    score: float | None
    codecs: tuple[str, ...] = ()
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Popularity:
    """`MbidPopularity`: how many voices have a recording or release, or ask for it."""

    mbid: str
    peers: int = 0
    strangers: int = 0
