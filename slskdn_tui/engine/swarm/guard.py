"""May the overlay deliver this file? Never without Soulseek behind it, and no setting turns that off. Core.

Allowed while an origin is *active* (online, and holding our queue place or sending) or a proof holds:
(1) bytes received from Soulseek hash to the variant's digests; (2) a head probe of at most 64 KiB gives the same FLAC STREAMINFO,
length and first digest; (3) with nothing received, recording, size and canonical statistics agree across peers.
The file is *placed* only when a proof holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.variant import LEAF, Variant

AGREEING_PEERS = 2
ACTIVE = frozenset({OriginState.QUEUED, OriginState.ACTIVE})


class Proof(StrEnum):
    """Which proof holds, as it is named in traces."""

    NONE = ""
    PREFIX = "prefix"
    HEAD = "head"
    AGREE = "agree"


@dataclass(frozen=True, slots=True)
class Decision:
    """`words` say which proof holds, or which is missing."""

    allowed: bool
    proof: Proof
    words: str


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
    """How many of `offers` name this variant with the same recording, size and canonical statistics."""

    def key(one: Variant) -> tuple[str, str, int, str, int | None]:
        return one.variant_id, one.recording_mbid, one.length, one.streaminfo, one.duration_ms

    return sum(key(offer) == key(variant) and offer.length == size for offer in offers)


def decide(origin: OriginState | None, good_leaves: int, bad_leaves: int, head: bool, agree: int) -> Decision:
    """From the origin's state (None: there is none), the prefix leaves that matched and did not, the head probe, and the number of agreeing peers."""
    if good_leaves:
        return Decision(True, Proof.PREFIX, f"{good_leaves} leaves from Soulseek match the variant's digests")
    if head:
        return Decision(True, Proof.HEAD, "the head from Soulseek has the variant's STREAMINFO, length and first digest")
    if bad_leaves:
        return Decision(False, Proof.NONE, f"none of {bad_leaves} leaves from Soulseek match: another file")
    agreed = agree >= AGREEING_PEERS
    if origin in ACTIVE:
        proof = Proof.AGREE if agreed else Proof.NONE
        return Decision(True, proof, f"the Soulseek source is {'queued' if origin is OriginState.QUEUED else 'sending'}")
    state = "there is no Soulseek source" if origin is None else f"the Soulseek source is {origin.value}"
    if agreed:
        return Decision(True, Proof.AGREE, f"{state}; {agree} peers agree on recording, size and statistics")
    missing = "no whole leaf came from Soulseek (proof 1), no head probe (proof 2)"
    return Decision(False, Proof.NONE, f"{state}; {missing}, and {agree} of {AGREEING_PEERS} peers agree (proof 3)")
