"""`fingerprint_bundle_advert` and `mbid_swarm_descriptor`: what nodes tell each other of what they have. Core.

An advert is signed by the node it speaks of, so that others can pass it on:

    u8 hops | 32 B Ed25519 key | 64 B signature | JSON

The signature is over `slskdn-advert-v1\\0` and the JSON; `hops` counts how often it was passed on and is not signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from slskdn_tui.engine.overlay.frames import CONTROL_CAP, MAX_LENGTH, ProtocolError
from slskdn_tui.engine.overlay.identity import node_id_of, proven_id
from slskdn_tui.engine.overlay.messages import MAX_RECORDINGS, decode, encode
from slskdn_tui.engine.overlay.schema import Record, field, flag, many, number, one_of, optional, record, text, whole
from slskdn_tui.model.heard import HeardDescriptor, HeardVariant, VerdictKind
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

MAX_VARIANTS = 200
MAX_GONE = 500
MAX_HOPS = 3
MAX_WANTED = 500
MAX_TOLD_PEERS = 16
DAY = 86_400
_SEAL = 1 + 32 + 64
_CONTEXT = b"slskdn-advert-v1\0"

_mbid = text(36, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_release = text(36, r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?")
_hex64 = text(64, r"[0-9a-f]{64}")
_name = text(64)
_sequence = whole(1, 2**53)


class Advertised(Record):
    """One variant with its qualities; what is not known is left out."""

    mb_recording_id: str = field(_mbid)
    variant_id: str = field(_hex64)
    kind: Literal["file", "region"] = field(one_of("file", "region"), default="file")
    length: int = field(whole(1, MAX_LENGTH))
    codec: str = field(_name, default="")
    codec_profile: str = field(_name, default="")
    duration_ms: int | None = field(optional(whole(0, 2**40)), default=None)
    quality_score: float | None = field(optional(number(0, 1)), default=None)
    verdict: VerdictKind = field(one_of("", "confirmed", "suspect", "untestable", "no_evidence", "not_tested"), default="")
    verdict_method: str = field(_name, default="")
    measurement: float | None = field(optional(number(-1e9, 1e9)), default=None)
    dynamic_range: float | None = field(optional(number(0, 100)), default=None)
    encoder_signature: str = field(_name, default="")
    label: str = field(text(128), default="")
    mb_release_id: str = field(_release, default="")

    @classmethod
    def of(cls, heard: HeardVariant) -> Advertised:
        """ValueError for a variant that cannot be named, e.g. an empty one."""
        variant = heard.variant
        return cls(
            mb_recording_id=variant.recording_mbid,
            variant_id=variant.variant_id,
            kind=variant.kind,
            length=variant.length,
            codec=variant.codec[:64],
            codec_profile=variant.codec_profile[:64],
            duration_ms=variant.duration_ms,
            quality_score=variant.score,
            verdict=heard.verdict,
            verdict_method=heard.verdict_method[:64],
            measurement=heard.measurement,
            dynamic_range=heard.dynamic_range,
            encoder_signature=heard.encoder_signature[:64],
            label=heard.label[:128],
            mb_release_id=heard.release_mbid,
        )

    def heard(self) -> HeardVariant:
        codec, profile = SafeText(self.codec), SafeText(self.codec_profile)
        variant = Variant(
            self.variant_id, self.kind, self.length, self.mb_recording_id, codec, profile, self.duration_ms, score=self.quality_score
        )
        method, encoder = SafeText(self.verdict_method), SafeText(self.encoder_signature)
        label, release = SafeText(self.label), self.mb_release_id
        return HeardVariant(variant, self.verdict, method, self.measurement, self.dynamic_range, encoder, label, release)


class Advert(Record):
    """`base` is the sequence that this one changes (`variants` added or changed, `gone` taken away); 0 for a snapshot, which is all there is.

    `made_at` is unix time in seconds; it holds for `ttl_s`.
    """

    sequence: int = field(_sequence)
    base: int = field(whole(0, 2**53), default=0)
    made_at: int = field(whole(0, 2**40))
    ttl_s: int = field(whole(1, DAY), default=3600)
    variants: Sequence[Advertised] = field(many(record(Advertised), MAX_VARIANTS), default=())
    gone: Sequence[str] = field(many(_hex64, MAX_GONE), default=())

    @property
    def changes(self) -> bool:
        """False for a sign of life, which says only that all is as it was."""
        return not self.base or bool(self.variants or self.gone)


class Known(Record):
    node_id: str = field(_hex64)
    sequence: int = field(whole(0, 2**53))


class AdvertRequest(Record):
    """Send what you have of these nodes' adverts, from this sequence on (0: all), and with `others` of every node that is not named."""

    wanted: Sequence[Known] = field(many(record(Known), MAX_WANTED), default=())
    others: bool = field(flag, default=False)


class DescriptorQuery(Record):
    """What have you of this release, or of these recordings?"""

    mb_release_id: str = field(_release, default="")
    recordings: Sequence[str] = field(many(_mbid, MAX_RECORDINGS), default=())


class Descriptor(Record):
    """`mbid_swarm_descriptor`: what the sender has of a release (or of single recordings), and how it serves."""

    mb_release_id: str = field(_release, default="")
    variants: Sequence[Advertised] = field(many(record(Advertised), MAX_VARIANTS), default=())
    slots: int = field(whole(0, 65_535), default=0)
    bandwidth_kbps: int | None = field(optional(whole(0, 2**31)), default=None)
    cache: bool = field(flag, default=False)
    ttl_s: int = field(whole(0, DAY), default=600)

    def heard(self) -> HeardDescriptor:
        variants = tuple(each.heard() for each in self.variants)
        return HeardDescriptor(self.mb_release_id, variants, self.slots, self.bandwidth_kbps, self.cache)


class ToldPeer(Record):
    """A node that the sender has dialled itself; `host` is an address, no name."""

    node_id: str = field(_hex64)
    host: str = field(text(45, r"[0-9a-f.:]+"))
    port: int = field(whole(1, 65_535))


class MeshPeers(Record):
    """Nodes that can be dialled."""

    peers: Sequence[ToldPeer] = field(many(record(ToldPeer), MAX_TOLD_PEERS), default=())


class ReachRequest(Record):
    """Can you dial me at this port of the address I come from?"""

    port: int = field(whole(1, 65_535))


class ReachAnswer(Record):
    reached: bool = field(flag)


class Signer(Protocol):
    """A node's key (`NodeIdentity`)."""

    @property
    def public_raw(self) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SignedAdvert:
    """An advert whose signature held, with the JSON it was made over."""

    node_id: str
    hops: int
    advert: Advert
    sealed: bytes
    """Everything after `hops`: passed on as it is."""

    @property
    def body(self) -> bytes:
        return bytes((self.hops,)) + self.sealed

    def passed_on(self) -> bytes:
        """The body for the next node. ValueError when it came far enough."""
        if self.hops >= MAX_HOPS:
            raise ValueError("an advert is passed on three times")
        return bytes((self.hops + 1,)) + self.sealed


def seal(advert: Advert, signer: Signer) -> SignedAdvert:
    """This node's own advert. ValueError when it is over the cap of a control frame."""
    text = encode(advert)
    if len(text) + _SEAL > CONTROL_CAP:
        raise ValueError("the advert is over the cap of a control frame")
    key = Ed25519PublicKey.from_public_bytes(signer.public_raw)
    return SignedAdvert(node_id_of(key), 0, advert, signer.public_raw + signer.sign(_CONTEXT + text) + text)


def unseal(body: bytes) -> SignedAdvert:
    """The advert of a frame. ProtocolError when it is malformed or its signature does not hold."""
    if len(body) <= _SEAL or body[0] > MAX_HOPS:
        raise ProtocolError("malformed fingerprint_bundle_advert")
    raw, signature, text = body[1:33], body[33:_SEAL], body[_SEAL:]
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
        key.verify(signature, _CONTEXT + text)
    except (InvalidSignature, ValueError) as error:
        raise ProtocolError("an advert's signature does not hold") from error
    node_id = proven_id(key)
    advert = decode(Advert, text)
    if advert.base >= advert.sequence:
        raise ProtocolError("an advert that builds on a later one")
    return SignedAdvert(node_id, body[0], advert, body[1:])
