"""May the overlay deliver this file? Never without Soulseek behind it, and no setting turns that off. Core.

Allowed while an origin is *active* (online, and holding our queue place or sending) or a proof holds:
(1) bytes received from Soulseek hash to the variant's digests; (2) a head probe of at most 64 KiB gives the same FLAC STREAMINFO,
length and first digest (of a region: the beginning of the leaf that has this digest, for the rest lies behind the 64 KiB);
(3) with nothing received, recording, size and canonical statistics agree across peers, and fit what the job wants.
The file is *placed* only when a proof holds.

For proof (3) two voices name the same bytes, of the origin's size, for the track's recording, in the codec of the file that the job chose under its
constraints, lasting as long as MusicBrainz says, give or take five seconds; a track whose length MusicBrainz does not know has no proof (3). Voices are networks
(a /24 has one): nodes that offer it now, or nodes that the mesh's aggregates know for having delivered. Where those aggregates speak against it, it does not hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.model.aggregates import CanonicalStats, VariantStats
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.model.variant import LEAF, Variant

GUARD = "guard: "
"""How a refusal for want of a proof begins; such a peer may be asked again."""
_STATES = {OriginState.ACTIVE: "sending"}
AGREEING_PEERS = 2
LENGTH_GRACE_MS = 5000
"""Editions and rips of a recording differ by lead-in and fade; by more it is another recording or another cut."""
ACTIVE = frozenset({OriginState.QUEUED, OriginState.ACTIVE})


class Proof(StrEnum):
    """Which proof holds, as it is named in traces."""

    NONE = ""
    PREFIX = "prefix"
    HEAD = "head"
    AGREE = "agree"


@dataclass(frozen=True, slots=True)
class Decision:
    """`words` say why it may deliver or may not; `missing` which proofs are missing, "" when one holds."""

    allowed: bool
    proof: Proof
    words: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What the job wants of this file: its recording, MusicBrainz' length, and the codec of the file it chose."""

    recording: str
    length_ms: int | None
    codec: str

    def misfit(self, variant: Variant) -> str:
        """Why agreement on `variant` does not count for this job, "" when it does."""
        if variant.recording_mbid != self.recording:
            return "they name another recording"
        if variant.codec.upper() != self.codec.upper():
            return f"they name {SafeText(variant.codec, 20) or 'no codec'}, not {self.codec or 'a known codec'}"
        if self.length_ms is None:
            return "MusicBrainz does not know the track's length"
        if variant.duration_ms is None:
            return "they do not say how long it lasts"
        if abs(variant.duration_ms - self.length_ms) > LENGTH_GRACE_MS:
            return f"it lasts {variant.duration_ms / 1000:.0f} s, the track {self.length_ms / 1000:.0f} s"
        return ""


def streaminfo(head: bytes) -> str:
    """The 34 bytes of FLAC STREAMINFO in hex, from the first bytes of a file (an ID3v2 tag in front is skipped); "" when there is none."""
    at = 0
    if head[:3] == b"ID3" and len(head) >= 10:
        at = 10 + ((head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 | head[9] & 127)
    if head[at : at + 4] != b"fLaC" or len(head) < at + 42 or head[at + 4] & 127 != 0 or head[at + 5 : at + 8] != b"\0\0\x22":
        return ""
    return head[at + 8 : at + 42].hex()


def head_matches(head: bytes, size: int, variant: Variant, first_digest: bytes) -> bool:
    """Proof (2): the origin's first leaf (whole, or the whole short file) against the variant's STREAMINFO, length and first digest."""
    if size != variant.length or len(head) < min(LEAF, size):
        return False
    seen = streaminfo(head)
    return bool(seen) and seen == variant.streaminfo and leaf_digest(head[:LEAF]) == first_digest


def agreeing(offers: Iterable[Variant], variant: Variant, size: int) -> int:
    """How many of `offers` name this variant with the same recording, size and canonical statistics. A region's size is its own: that it fits the
    origin's file between head and tail is held before."""

    def key(one: Variant) -> tuple[str, str, int, str, int | None]:
        return one.variant_id, one.recording_mbid, one.length, one.streaminfo, one.duration_ms

    return sum(key(offer) == key(variant) and (offer.kind == "region" or offer.length == size) for offer in offers)


def _named(stats: CanonicalStats | None, variant: Variant) -> VariantStats | None:
    """What peers known to the aggregates say of this variant."""
    found = next((one for one in stats.variants if one.variant_id == variant.variant_id), None) if stats is not None else None
    return found if found is not None and found.peers else None


def vouching(stats: CanonicalStats | None, variant: Variant) -> int:
    """How many known voices name this variant, as it is offered."""
    named = _named(stats, variant)
    return named.peers if named is not None and not disputed(stats, variant) else 0


def disputed(stats: CanonicalStats | None, variant: Variant) -> str:
    """How the canonical statistics of its recording and codec profile speak against a variant; "" when they do not, or no known peer speaks."""
    named = _named(stats, variant)
    if named is None:
        # Adverts name whole files: that nobody names a region says nothing of it.
        others = stats.peers if stats is not None and variant.kind == "file" else 0
        return f"{counted(others, 'known peer')} name other variants of it" if others >= AGREEING_PEERS else ""
    if named.length != variant.length:
        return f"known peers give it {named.length} bytes, not {variant.length}"
    if named.duration_ms not in (None, variant.duration_ms):
        return "known peers give it another length in time"
    if named.suspected is not None and named.suspected > 0.5:
        return "known peers suspect a transcode"
    return ""


def decide(origin: OriginState | None, good_leaves: int, bad_leaves: int, head: bool, agree: int, misfit: str = "") -> Decision:
    """From the origin's state (None: there is none), the leaves from Soulseek that matched and did not, the head probe, the number of agreeing peers, and
    why what they agree on does not fit the job (`Target.misfit`)."""
    if good_leaves:
        words = "1 leaf from Soulseek matches" if good_leaves == 1 else f"{good_leaves} leaves from Soulseek match"
        return Decision(True, Proof.PREFIX, f"{words} the variant's digests")
    if head:
        return Decision(True, Proof.HEAD, "the head from Soulseek has the variant's STREAMINFO, length and first digest")
    if bad_leaves:
        words = f"none of {bad_leaves} leaves from Soulseek match: another file"
        return Decision(False, Proof.NONE, words, words)
    state = "there is no Soulseek source" if origin is None else f"the Soulseek source is {_STATES.get(origin, origin.value)}"
    if agree >= AGREEING_PEERS and not misfit:
        return Decision(True, Proof.AGREE, f"{state}; {agree} peers agree on recording, size and statistics")
    third = f"{agree} of {AGREEING_PEERS} peers agree" + (f", but {misfit}" if misfit else "")
    missing = f"no whole leaf came from Soulseek (proof 1), no head probe (proof 2), and {third} (proof 3)"
    if origin in ACTIVE:
        return Decision(True, Proof.NONE, state, missing)
    return Decision(False, Proof.NONE, f"{state}; {missing}", missing)
