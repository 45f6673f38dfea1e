"""Control bodies: UTF-8 JSON as pydantic models; unknown fields are ignored, sizes and depth bounded. Core."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from slskdn_tui.engine.overlay.frames import CONTROL_CAP, MAX_LENGTH, ProtocolError
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

VERSION = 1
MAX_DEPTH = 8
MAX_RECORDINGS = 100
MAX_OFFERED = 500
KNOWN_FEATURES = frozenset({"mesh", "swarm", "flac_hash", "chunk"})
"""What this version understands when a peer calls it critical."""

_Mbid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
_Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Feature = Annotated[str, StringConstraints(min_length=1, max_length=24, pattern=r"^[!-~]+$")]
_Name = Annotated[str, StringConstraints(max_length=64)]


class Message(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, frozen=True)


class Limits(Message):
    """How much a peer may have outstanding at this node."""

    requests: int = Field(default=64, ge=1, le=65_536)
    bytes_outstanding: int = Field(default=16 * 1024 * 1024, ge=65_536, le=2**40)


class Hello(Message):
    """`mesh_hello` and `mesh_hello_ack`. `soulseek_name` is a claim; `refused` (ack only) says why the connection ends."""

    magic: Literal["SLSKDNT1"] = "SLSKDNT1"
    version_min: int = Field(default=VERSION, ge=1, le=65_535)
    version_max: int = Field(default=VERSION, ge=1, le=65_535)
    client: _Name = ""
    features: Annotated[list[_Feature], Field(max_length=32)] = []
    critical: Annotated[list[_Feature], Field(max_length=32)] = []
    limits: Limits = Limits()
    soulseek_name: _Name = ""
    listen_port: int = Field(default=0, ge=0, le=65_535)
    refused: _Name = ""

    def problem(self) -> str:
        """Why this node cannot talk to the sender; empty when it can."""
        if not self.version_min <= VERSION <= self.version_max:
            return f"version {self.version_min} to {self.version_max} wanted, {VERSION} spoken"
        if unknown := [name for name in self.critical if name not in KNOWN_FEATURES]:
            return f"unknown critical feature {unknown[0]}"
        return ""


class RequestedTrack(Message):
    mb_recording_id: _Mbid


class OfferedTrack(Message):
    """A variant the sender would serve."""

    mb_recording_id: _Mbid
    variant_id: _Hex64
    kind: Literal["file", "region"]
    length: int = Field(ge=1, le=MAX_LENGTH)
    codec: _Name = ""
    codec_profile: _Name = ""
    duration_ms: int | None = Field(default=None, ge=0, le=2**40)
    streaminfo: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{68})?$")] = ""
    quality_score: float | None = Field(default=None, ge=0, le=1)

    @classmethod
    def of(cls, variant: Variant) -> OfferedTrack:
        """ValueError (pydantic's) for a variant that cannot be offered, e.g. an empty file."""
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


class CacheJob(Message):
    """`mesh_cache_job`: which recordings are wanted, or what is offered of them."""

    role: Literal["request", "offer"]
    requested_tracks: Annotated[list[RequestedTrack], Field(max_length=MAX_RECORDINGS)] = []
    offered_tracks: Annotated[list[Any], Field(max_length=MAX_OFFERED)] = []
    ttl_s: int = Field(default=600, ge=0, le=86_400)

    def offers(self) -> tuple[Variant, ...]:
        """The offered tracks that are well-formed; the others are left out."""
        found: list[Variant] = []
        for raw in self.offered_tracks:
            try:
                found.append(OfferedTrack.model_validate(raw).variant())
            except ValidationError:
                continue
        return tuple(found)


class DigestPageRequest(Message):
    variant_id: _Hex64
    page: int = Field(ge=0, le=MAX_LENGTH)


class DigestPage(Message):
    """`digests`: base64 of up to 512 digests of 32 bytes; empty, with `error`, when there is no such page."""

    variant_id: _Hex64
    page: int = Field(ge=0, le=MAX_LENGTH)
    digests: str = ""
    error: _Name = ""

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


_M = TypeVar("_M", bound=Message)


def _depth(value: Any, most: int) -> bool:
    """True when containers nest at most `most` deep."""
    if isinstance(value, dict):
        return most > 0 and all(_depth(item, most - 1) for item in value.values())
    if isinstance(value, list):
        return most > 0 and all(_depth(item, most - 1) for item in value)
    return True


def decode(model: type[_M], body: bytes) -> _M:
    """The message in a control body. ProtocolError when it is malformed, too deep or breaks a bound."""
    if len(body) > CONTROL_CAP:
        raise ProtocolError("control body over its cap")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ProtocolError("control body is not JSON") from error
    if not isinstance(value, dict) or not _depth(value, MAX_DEPTH):
        raise ProtocolError("control body is no object, or too deep")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise ProtocolError(f"malformed {model.__name__}: {SafeText(where, 60)}") from error


def encode(message: Message) -> bytes:
    """JSON without spaces, fields in the order of the model; HELLO says everything, the others leave defaults out."""
    return message.model_dump_json(exclude_defaults=not isinstance(message, Hello)).encode()


def encode_offer(variants: list[Variant]) -> bytes:
    """An offer of as many of these variants, in order, as one control frame holds; those that cannot be offered are left out."""
    tracks: list[dict[str, Any]] = []
    size = 64
    for variant in variants:
        try:
            track = OfferedTrack.of(variant)
        except ValidationError:
            continue
        size += len(track.model_dump_json(exclude_defaults=True)) + 1
        if size > CONTROL_CAP or len(tracks) == MAX_OFFERED:
            break
        tracks.append(track.model_dump(exclude_defaults=True))
    return encode(CacheJob(role="offer", offered_tracks=tracks))
