"""Frames: `u32 length | u8 type | u32 request id | body`, big-endian, `length` counting the body. Core.

Every type has a cap that is held against `length` before anything is allocated. Bodies of the data plane are binary and
defined here; control bodies are JSON (`messages.py`). Byte-exact vectors: docs/protocol/overlay.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from slskdn_tui.model.variant import LEAF, MAX_CHUNK_LEAVES

HEADER = struct.Struct(">IBI")
HEADER_SIZE = HEADER.size
CONTROL_CAP = 64 * 1024
MAX_LENGTH = 16 * 1024**3
"""Bytes of the largest variant that is offered or asked for: its digest list is 8 MiB."""
MAX_RANGES = 64
_REQUEST = struct.Struct(">I32sQIBI")
_ERROR = struct.Struct(">QIB")
_CANCEL = struct.Struct(">IBH")
_RANGE = struct.Struct(">QI")
_OFFSET = struct.Struct(">Q")
_DATA_HEAD = struct.Struct(">IBIQ")


class ProtocolError(ValueError):
    """The peer broke the protocol; the connection ends with this reason."""


class Kind(IntEnum):
    """Frame types. The rest is free for later versions: unknown ones are skipped when control-sized."""

    HELLO = 1
    HELLO_ACK = 2
    PING = 3
    PONG = 4
    CACHE_JOB = 16
    DIGEST_PAGE_REQUEST = 17
    DIGEST_PAGE = 18
    ADVERT = 19
    ADVERT_REQUEST = 20
    DESCRIPTOR = 21
    DESCRIPTOR_QUERY = 22
    PEERS = 23
    REACH_REQUEST = 24
    REACH_ANSWER = 25
    CHUNK_REQUEST = 32
    CHUNK_DATA = 33
    CHUNK_ERROR = 34
    CHUNK_CANCEL = 35
    CHUNK_CANCELLED = 36


_CAPS: dict[int, int] = {
    Kind.HELLO: 4096,
    Kind.HELLO_ACK: 4096,
    Kind.PING: 64,
    Kind.PONG: 64,
    Kind.PEERS: 4096,
    Kind.REACH_REQUEST: 128,
    Kind.REACH_ANSWER: 128,
    Kind.CHUNK_REQUEST: 128,
    Kind.CHUNK_DATA: LEAF + 64,
    Kind.CHUNK_ERROR: 128,
    Kind.CHUNK_CANCELLED: 128,
}
ERRORS = ("", "rate_limited", "not_found", "io_error", "policy_violation", "timeout", "invalid_range")
"""Error codes by number; 0 is not used."""
REASONS = ("", "swarm_rebalanced", "user_cancelled", "timeout", "error", "quality_upgrade", "policy_change", "complete")
"""Cancel reasons by number; 0 and unknown numbers read as `error`."""


def cap_of(kind: int) -> int:
    """Most bytes a body of this type may have."""
    return _CAPS.get(kind, CONTROL_CAP)


def frame(kind: int, request_id: int, body: bytes = b"") -> bytes:
    """A whole frame. ValueError when the body is over its cap."""
    if len(body) > cap_of(kind):
        raise ValueError(f"a body of {len(body)} bytes is over the cap of type {kind}")
    return HEADER.pack(len(body), kind, request_id) + body


def data_head(request_id: int, offset: int, size: int) -> bytes:
    """Everything of a data frame that stands before its leaf of `size` bytes."""
    return _DATA_HEAD.pack(size + 8, Kind.CHUNK_DATA, request_id, offset)


def split_data(body: memoryview) -> tuple[int, memoryview]:
    """(offset, leaf) of a data body, without copying."""
    if not 8 < len(body) <= LEAF + 8:
        raise ProtocolError("malformed chunk data")
    return _OFFSET.unpack_from(body)[0], body[8:]


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """1 to 16 whole leaves of a variant, `offset` and `length` in bytes. `priority` 0-10, `deadline_ms` 0 for none."""

    transfer: int
    variant_id: str
    offset: int
    length: int
    priority: int = 0
    deadline_ms: int = 0

    def encode(self) -> bytes:
        return _REQUEST.pack(self.transfer, bytes.fromhex(self.variant_id), self.offset, self.length, self.priority, self.deadline_ms)

    @classmethod
    def decode(cls, body: bytes) -> ChunkRequest:
        """Extra bytes at the end are a later version's and ignored. ProtocolError when it is too short."""
        if len(body) < _REQUEST.size:
            raise ProtocolError("malformed chunk_request")
        transfer, variant, offset, length, priority, deadline = _REQUEST.unpack_from(body)
        return cls(transfer, variant.hex(), offset, length, min(priority, 10), deadline)


def valid_range(offset: int, length: int, size: int) -> bool:
    """Whole leaves of a variant of `size` bytes, 1 to 16, the last leaf of the variant as short as it is."""
    stop = offset + length
    return offset % LEAF == 0 and 0 < length <= MAX_CHUNK_LEAVES * LEAF and stop <= size and (stop == size or stop % LEAF == 0)


@dataclass(frozen=True, slots=True)
class ChunkError:
    """The peer will not send this range of the request; `code` is one of `ERRORS`."""

    offset: int
    length: int
    code: str

    def encode(self) -> bytes:
        return _ERROR.pack(self.offset, self.length, ERRORS.index(self.code))

    @classmethod
    def decode(cls, body: bytes) -> ChunkError:
        """An unknown code reads as `policy_violation`. ProtocolError when it is too short."""
        if len(body) < _ERROR.size:
            raise ProtocolError("malformed chunk error")
        offset, length, code = _ERROR.unpack_from(body)
        return cls(offset, length, ERRORS[code] if 0 < code < len(ERRORS) else "policy_violation")


@dataclass(frozen=True, slots=True)
class ChunkCancel:
    """Stop sending `ranges` (offset, length) of a transfer, or all of it when there are none."""

    transfer: int
    reason: str
    ranges: tuple[tuple[int, int], ...] = ()

    def encode(self) -> bytes:
        """ValueError for more than 64 ranges."""
        if len(self.ranges) > MAX_RANGES:
            raise ValueError("too many ranges")
        head = _CANCEL.pack(self.transfer, REASONS.index(self.reason), len(self.ranges))
        return head + b"".join(_RANGE.pack(offset, length) for offset, length in self.ranges)

    @classmethod
    def decode(cls, body: bytes) -> ChunkCancel:
        if len(body) < _CANCEL.size:
            raise ProtocolError("malformed chunk_cancel")
        transfer, reason, count = _CANCEL.unpack_from(body)
        if count > MAX_RANGES or len(body) < _CANCEL.size + count * _RANGE.size:
            raise ProtocolError("malformed chunk_cancel")
        ranges = tuple(_RANGE.unpack_from(body, _CANCEL.size + i * _RANGE.size) for i in range(count))
        return cls(transfer, REASONS[reason] if 0 < reason < len(REASONS) else "error", ranges)
