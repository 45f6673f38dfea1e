"""Control bodies: UTF-8 JSON as checked records; unknown fields are ignored, sizes and depth bounded. Core."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Literal, NoReturn, TypeVar

from slskdn_tui.engine.overlay.frames import CONTROL_CAP, MAX_LENGTH, ProtocolError
from slskdn_tui.engine.overlay.schema import Record, anything, field, flag, many, number, one_of, optional, record, text, whole
from slskdn_tui.model.codec import is_lossless
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

VERSION = 1
MAX_DEPTH = 8
MAX_RECORDINGS = 100
MAX_OFFERED = 500
KNOWN_FEATURES = frozenset({"mesh", "swarm", "flac_hash", "chunk", "region", "cache"})
"""What this version understands when a peer calls it critical."""

_mbid = text(36, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_hex64 = text(64, r"[0-9a-f]{64}")
_feature = text(24, r"[!-~]+")
_name = text(64)


class Limits(Record):
    """How much a peer may have outstanding at this node."""

    requests: int = field(whole(1, 65_536), default=64)
    bytes_outstanding: int = field(whole(65_536, 2**40), default=16 * 1024 * 1024)


class Hello(Record):
    """`mesh_hello` and `mesh_hello_ack`. `soulseek_name` is a claim; `refused` (ack only) says why the connection ends."""

    magic: Literal["SLSKDNT1"] = field(one_of("SLSKDNT1"), default="SLSKDNT1")
    version_min: int = field(whole(1, 65_535), default=VERSION)
    version_max: int = field(whole(1, 65_535), default=VERSION)
    client: str = field(_name, default="")
    features: Sequence[str] = field(many(_feature, 32), default=())
    critical: Sequence[str] = field(many(_feature, 32), default=())
    limits: Limits = field(record(Limits), default=Limits())
    soulseek_name: str = field(_name, default="")
    listen_port: int = field(whole(0, 65_535), default=0)
    refused: str = field(_name, default="")

    def problem(self) -> str:
        """Why this node cannot talk to the sender; empty when it can."""
        if not self.version_min <= VERSION <= self.version_max:
            return f"version {self.version_min} to {self.version_max} wanted, {VERSION} spoken"
        if unknown := [name for name in self.critical if name not in KNOWN_FEATURES]:
            return f"unknown critical feature {unknown[0]}"
        return ""


class RequestedTrack(Record):
    mb_recording_id: str = field(_mbid)


class OfferedTrack(Record):
    """A variant the sender would serve."""

    mb_recording_id: str = field(_mbid)
    variant_id: str = field(_hex64)
    kind: Literal["file", "region"] = field(one_of("file", "region"))
    length: int = field(whole(1, MAX_LENGTH))
    codec: str = field(_name, default="")
    codec_profile: str = field(_name, default="")
    duration_ms: int | None = field(optional(whole(0, 2**40)), default=None)
    streaminfo: str = field(text(68, r"([0-9a-f]{68})?"), default="")
    quality_score: float | None = field(optional(number(0, 1)), default=None)

    @classmethod
    def of(cls, variant: Variant) -> OfferedTrack:
        """ValueError for a variant that cannot be offered, e.g. an empty file."""
        return cls(
            mb_recording_id=variant.recording_mbid,
            variant_id=variant.variant_id,
            kind=variant.kind,
            length=variant.length,
            codec=variant.codec,
            codec_profile=variant.codec_profile,
            duration_ms=variant.duration_ms,
            streaminfo=variant.streaminfo,
            quality_score=variant.score,
        )

    def variant(self) -> Variant:
        return Variant(
            self.variant_id,
            self.kind,
            self.length,
            self.mb_recording_id,
            SafeText(self.codec),
            SafeText(self.codec_profile),
            self.duration_ms,
            self.streaminfo,
            self.quality_score,
        )


class Constraints(Record):
    """What a request would take: codecs in order of preference (none: any), a least score, a most length in bytes (0: any)."""

    preferred_codecs: Sequence[str] = field(many(_name, 16), default=())
    lossless: bool = field(flag, default=False)
    min_quality_score: float = field(number(0, 1), default=0.0)
    max_length: int = field(whole(0, MAX_LENGTH), default=0)

    def allow(self, variants: Sequence[Variant]) -> list[Variant]:
        """Those that would be taken, in the order of the codecs preferred; one whose score is not known passes."""
        codecs = [codec.lower() for codec in self.preferred_codecs]
        fitting = [
            variant
            for variant in variants
            if (not self.lossless or is_lossless(variant.codec))
            and (variant.score is None or variant.score >= self.min_quality_score)
            and (not self.max_length or variant.length <= self.max_length)
        ]
        return sorted(fitting, key=lambda each: codecs.index(each.codec.lower()) if each.codec.lower() in codecs else len(codecs))


class CacheJob(Record):
    """`mesh_cache_job`: which recordings are wanted under which constraints, or what is offered of them. It holds for `ttl_s` from its receipt."""

    role: Literal["request", "offer"] = field(one_of("request", "offer"))
    requested_tracks: Sequence[RequestedTrack] = field(many(record(RequestedTrack), MAX_RECORDINGS), default=())
    offered_tracks: Sequence[Any] = field(many(anything, MAX_OFFERED), default=())
    ttl_s: int = field(whole(0, 86_400), default=600)
    mb_release_id: str = field(text(36, r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?"), default="")
    codec_profile: str = field(_name, default="")
    constraints: Constraints = field(record(Constraints), default=Constraints())

    def offers(self) -> tuple[Variant, ...]:
        """The offered tracks that are well-formed; the others are left out."""
        found: list[Variant] = []
        for raw in self.offered_tracks:
            try:
                found.append(OfferedTrack.read(raw).variant())
            except ValueError:
                continue
        return tuple(found)


class DigestPageRequest(Record):
    variant_id: str = field(_hex64)
    page: int = field(whole(0, MAX_LENGTH))


class DigestPage(Record):
    """`digests`: base64 of up to 512 digests of 32 bytes; empty, with `error`, when there is no such page."""

    variant_id: str = field(_hex64)
    page: int = field(whole(0, MAX_LENGTH))
    digests: str = field(text(CONTROL_CAP), default="")
    error: str = field(_name, default="")

    @classmethod
    def of(cls, variant_id: str, page: int, digests: bytes) -> DigestPage:
        text = base64.b64encode(digests).decode("ascii")
        return cls(variant_id=variant_id, page=page, digests=text, error="" if digests else "not_found")

    def raw(self) -> bytes:
        """The digests joined; ValueError when they are not base64."""
        try:
            return base64.b64decode(self.digests, validate=True)
        except binascii.Error as error:
            raise ValueError("digests are not base64") from error


_M = TypeVar("_M", bound=Record)


def _depth(value: Any, most: int) -> bool:
    """True when containers nest at most `most` deep."""
    if isinstance(value, dict):
        return most > 0 and all(_depth(item, most - 1) for item in value.values())
    if isinstance(value, list):
        return most > 0 and all(_depth(item, most - 1) for item in value)
    return True


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


_reader = json.JSONDecoder(parse_constant=_no_number)
_writer = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decode(model: type[_M], body: bytes) -> _M:
    """The message in a control body. ProtocolError when it is malformed, too deep or breaks a bound."""
    if len(body) > CONTROL_CAP:
        raise ProtocolError("control body over its cap")
    try:
        value = _reader.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError("control body is not JSON") from error
    if not isinstance(value, dict) or not _depth(value, MAX_DEPTH):
        raise ProtocolError("control body is no object, or too deep")
    try:
        return model.read(value)
    except ValueError as error:
        raise ProtocolError(f"malformed {model.__name__}: {SafeText(error, 60)}") from error


def _json(value: Any) -> bytes:
    return _writer.encode(value).encode()


def encode(message: Record) -> bytes:
    """JSON without spaces, fields in the order of the model; HELLO says everything, the others leave defaults out."""
    return _json(message.plain(defaults=isinstance(message, Hello)))


def question(recordings: Sequence[str], constraints: Constraints | None = None) -> bytes:
    """What is offered of these? ValueError for no MBID, or more than 100."""
    tracks = [RequestedTrack(mb_recording_id=name) for name in recordings]
    return encode(CacheJob(role="request", requested_tracks=tracks, constraints=constraints or Constraints()))


def encode_offer(variants: list[Variant]) -> bytes:
    """An offer of as many of these variants, in order, as one control frame holds; those that cannot be offered are left out."""
    tracks: list[dict[str, Any]] = []
    size = 64
    for variant in variants:
        try:
            track = OfferedTrack.of(variant).plain(defaults=False)
        except ValueError:
            continue
        size += len(_json(track)) + 1
        if size > CONTROL_CAP or len(tracks) == MAX_OFFERED:
            break
        tracks.append(track)
    return encode(CacheJob(role="offer", offered_tracks=tracks))
