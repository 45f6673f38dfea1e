"""KRPC: the messages of BEP 5 as typed values, and their bytes. Core.

Foreign bytes become a `Query`, `Reply` or `Failure`, with every field of the right type and length, or an error:
`Malformed` (drop it silently) or `BadQuery` (a query whose sender may be told why). Unknown fields are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from bencode2 import bdecode, bencode

from slskdn_tui.engine.dht.addresses import Address, pack, unpack

ID = 20
NODE = 26
PEER = 6
MAX_DATAGRAM = 2048
MIN_DATAGRAM = 15
MAX_TID = 32
MAX_TOKEN = 64
MAX_NODES = 32
MAX_VALUES = 256
MAX_METHOD = 32
VERSION = b"st\x00\x01"

Node = tuple[bytes, Address]


class Code(IntEnum):
    """BEP 5's errors."""

    GENERIC = 201
    SERVER = 202
    PROTOCOL = 203
    UNKNOWN_METHOD = 204


class Malformed(ValueError):
    """Not a KRPC message; nobody is told."""


class BadQuery(Malformed):
    """A query that cannot be answered; its sender may be sent `code` and the text."""

    def __init__(self, tid: bytes, code: Code, text: str) -> None:
        super().__init__(text)
        self.tid = tid
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Query:
    """`target` is find_node's target or the info_hash; `port` None where absent or out of range 1-65535."""

    tid: bytes
    method: bytes
    sender: bytes
    target: bytes | None = None
    token: bytes | None = None
    port: int | None = None
    implied_port: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """`values` is None where the field is absent; `seen_as` is our address as the sender saw it (BEP 42's `ip`)."""

    tid: bytes
    sender: bytes
    nodes: tuple[Node, ...] = ()
    values: tuple[Address, ...] | None = None
    token: bytes | None = None
    seen_as: Address | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    tid: bytes
    code: int
    text: bytes = field(default=b"")


Message = Query | Reply | Failure


def pack_nodes(nodes: Sequence[Node]) -> bytes:
    """26 bytes a node: id, then compact address."""
    return b"".join(node_id + pack(address) for node_id, address in nodes)


def unpack_nodes(data: bytes) -> tuple[Node, ...]:
    """At most `MAX_NODES` of them; ValueError when the length is not a multiple of 26."""
    if len(data) % NODE:
        raise ValueError("compact nodes have 26 bytes each")
    stop = min(len(data), NODE * MAX_NODES)
    return tuple((data[i : i + ID], unpack(data[i + ID : i + NODE])) for i in range(0, stop, NODE))


def decode(data: bytes) -> Message:
    """Parse one datagram. Raises `BadQuery` or `Malformed`, and nothing else, whatever the bytes."""
    if not MIN_DATAGRAM <= len(data) <= MAX_DATAGRAM or data[0] != 0x64 or data[-1] != 0x65:
        raise Malformed("not a bencoded dictionary of a sensible size")
    try:
        message: Any = bdecode(data)
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise Malformed(f"not canonical bencode: {error}") from None
    if not isinstance(message, dict):
        raise Malformed("not a dictionary")
    tid = message.get(b"t")
    if not isinstance(tid, bytes) or not 1 <= len(tid) <= MAX_TID:
        raise Malformed("no usable transaction id")
    match message.get(b"y"):
        case b"q":
            return _query(tid, message)
        case b"r":
            return _reply(tid, message)
        case b"e":
            return _failure(tid, message)
    raise Malformed("neither query, reply nor error")


def _query(tid: bytes, message: dict[bytes, Any]) -> Query:
    method, args = message.get(b"q"), message.get(b"a")
    if not isinstance(method, bytes) or not 1 <= len(method) <= MAX_METHOD:
        raise BadQuery(tid, Code.PROTOCOL, "no method")
    if not isinstance(args, dict):
        raise BadQuery(tid, Code.PROTOCOL, "no arguments")
    sender = args.get(b"id")
    if not isinstance(sender, bytes) or len(sender) != ID:
        raise BadQuery(tid, Code.PROTOCOL, "invalid id")
    wanted = b"target" if method == b"find_node" else b"info_hash"
    target = args.get(wanted)
    if target is None and method not in (b"find_node", b"get_peers", b"announce_peer"):
        target = args.get(b"target")
    if target is not None and (not isinstance(target, bytes) or len(target) != ID):
        raise BadQuery(tid, Code.PROTOCOL, "invalid target")
    token, port = args.get(b"token"), args.get(b"port")
    return Query(
        tid,
        method,
        sender,
        target,
        token if isinstance(token, bytes) and 1 <= len(token) <= MAX_TOKEN else None,
        port if type(port) is int and 1 <= port <= 65535 else None,
        args.get(b"implied_port") not in (None, 0),
        message.get(b"ro") == 1,
    )


def _reply(tid: bytes, message: dict[bytes, Any]) -> Reply:
    body = message.get(b"r")
    if not isinstance(body, dict):
        raise Malformed("a reply without a body")
    sender = body.get(b"id")
    if not isinstance(sender, bytes) or len(sender) != ID:
        raise Malformed("a reply without an id")
    nodes: tuple[Node, ...] = ()
    packed = body.get(b"nodes")
    if isinstance(packed, bytes) and len(packed) % NODE == 0:
        nodes = unpack_nodes(packed)
    values: tuple[Address, ...] | None = None
    listed = body.get(b"values")
    if isinstance(listed, list):
        values = tuple(unpack(item) for item in listed[:MAX_VALUES] if isinstance(item, bytes) and len(item) == PEER)
    token, seen = body.get(b"token"), message.get(b"ip")
    return Reply(
        tid,
        sender,
        nodes,
        values,
        token if isinstance(token, bytes) and 1 <= len(token) <= MAX_TOKEN else None,
        unpack(seen) if isinstance(seen, bytes) and len(seen) == PEER else None,
    )


def _failure(tid: bytes, message: dict[bytes, Any]) -> Failure:
    match message.get(b"e"):
        case [int() as code, bytes() as text, *_] if abs(code) < 1 << 31:
            return Failure(tid, code, text[:256])
    raise Malformed("an error without code and text")


def encode_query(tid: bytes, method: bytes, sender: bytes, args: dict[bytes, Any] | None = None) -> bytes:
    """A query's bytes; `args` beside the id."""
    return bencode({b"a": {b"id": sender, **(args or {})}, b"q": method, b"t": tid, b"v": VERSION, b"y": b"q"})


def encode_reply(
    tid: bytes,
    sender: bytes,
    *,
    nodes: Sequence[Node] | None = None,
    values: Sequence[Address] | None = None,
    token: bytes | None = None,
    seen_as: Address | None = None,
) -> bytes:
    """A reply's bytes; fields that are None are left out."""
    body: dict[bytes, Any] = {b"id": sender}
    if nodes is not None:
        body[b"nodes"] = pack_nodes(nodes)
    if token is not None:
        body[b"token"] = token
    if values is not None:
        body[b"values"] = [pack(value) for value in values]
    message: dict[bytes, Any] = {b"r": body, b"t": tid, b"v": VERSION, b"y": b"r"}
    if seen_as is not None:
        message[b"ip"] = pack(seen_as)
    return bencode(message)


def encode_failure(tid: bytes, code: int, text: str) -> bytes:
    return bencode({b"e": [int(code), text.encode("ascii", "replace")[:64]], b"t": tid, b"v": VERSION, b"y": b"e"})
