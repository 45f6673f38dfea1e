"""KRPC: the messages of BEP 5, 32, 33, 42, 43, 44 and 51 as typed values, and their bytes. Core.

Foreign bytes become a `Query`, `Reply` or `Failure`, with every field of the right type and length, or an error:
`Malformed` (drop it silently) or `BadQuery` (a query whose sender may be told why). Unknown fields are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from bencode2 import bdecode, bencode

from slskdn_tui.engine.dht.wire.addresses import COMPACT, V4, V6, Address, pack, unpack

ID = 20
NODE = ID + COMPACT[V4]
NODE6 = ID + COMPACT[V6]
MAX_DATAGRAM = 2048
MIN_DATAGRAM = 15
MAX_TID = 32
MAX_TOKEN = 64
MAX_NODES = 32
MAX_VALUES = 256
MAX_METHOD = 32
MAX_SAMPLES = 64
FILTER = 256
VERSION = b"st\x00\x01"
OURS = VERSION[:2]
"""What every node of this program begins its `v` with."""

Node = tuple[bytes, Address]
NODES = {V4: b"nodes", V6: b"nodes6"}
_WANTED = {b"n4": V4, b"n6": V6}


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

    def __init__(self, tid: bytes, code: Code, text: str, version: bytes = b"", read_only: bool = False) -> None:
        super().__init__(text)
        self.tid = tid
        self.code = code
        self.text = text
        self.version = version
        self.read_only = read_only


class ItemFields(NamedTuple):
    """BEP 44's fields. `value` is bencoded; `seq`: of a put, or what a get has already."""

    value: bytes | None = None
    key: bytes = b""
    salt: bytes = b""
    seq: int | None = None
    cas: int | None = None
    sig: bytes = b""


class Query(NamedTuple):
    """`target` is find_node's target or the info_hash; `port` None where absent or out of range 1-65535; `want`: families (BEP 32)."""

    tid: bytes
    method: bytes
    sender: bytes
    target: bytes | None = None
    token: bytes | None = None
    port: int | None = None
    implied_port: bool = False
    read_only: bool = False
    want: tuple[int, ...] = ()
    scrape: bool = False
    seed: bool = False
    item: ItemFields | None = None
    version: bytes = b""


class Reply(NamedTuple):
    """`values` is None where the field is absent; `seen_as` is our address as the sender saw it (BEP 42's `ip`).

    `filters`: BEP 33's (seeds, peers); `samples`: BEP 51's keys, with `interval` (seconds) and `num` (stored in all).
    """

    tid: bytes
    sender: bytes
    nodes: tuple[Node, ...] = ()
    values: tuple[Address, ...] | None = None
    token: bytes | None = None
    seen_as: Address | None = None
    nodes6: tuple[Node, ...] = ()
    filters: tuple[bytes, bytes] | None = None
    item: ItemFields | None = None
    samples: tuple[bytes, ...] | None = None
    interval: int = 0
    num: int = 0
    version: bytes = b""

    def nodes_of(self, version: int) -> tuple[Node, ...]:
        return self.nodes if version == V4 else self.nodes6


class Failure(NamedTuple):
    tid: bytes
    code: int
    text: bytes = b""


Message = Query | Reply | Failure


def pack_nodes(nodes: Iterable[Node]) -> bytes:
    """26 bytes an IPv4 node, 38 an IPv6 one: id, then compact address."""
    return b"".join(node_id + pack(address) for node_id, address in nodes)


def unpack_nodes(data: bytes, version: int = V4) -> tuple[Node, ...]:
    """At most `MAX_NODES` of them; ValueError when the length is not a multiple of a node's."""
    size = ID + COMPACT[version]
    if len(data) % size:
        raise ValueError(f"compact nodes have {size} bytes each")
    stop = min(len(data), size * MAX_NODES)
    return tuple((data[i : i + ID], unpack(data[i + ID : i + size])) for i in range(0, stop, size))


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
    kind = message.get(b"y")
    if kind == b"q":
        return _query(tid, message)
    if kind == b"r":
        return _reply(tid, message)
    if kind == b"e":
        return _failure(tid, message)
    raise Malformed("neither query, reply nor error")


def _bytes(value: Any, most: int) -> bytes:
    return value if isinstance(value, bytes) and len(value) <= most else b""


def _int(value: Any) -> int | None:
    return value if type(value) is int and -(1 << 63) <= value < 1 << 63 else None


def _token(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) and 1 <= len(value) <= MAX_TOKEN else None


def _query(tid: bytes, message: dict[bytes, Any]) -> Query:
    method, args = message.get(b"q"), message.get(b"a")
    read_only, version = message.get(b"ro") == 1, _bytes(message.get(b"v"), 8)

    def bad(code: Code, text: str) -> BadQuery:
        return BadQuery(tid, code, text, version, read_only)

    if not isinstance(method, bytes) or not 1 <= len(method) <= MAX_METHOD:
        raise bad(Code.PROTOCOL, "no method")
    if not isinstance(args, dict):
        raise bad(Code.PROTOCOL, "no arguments")
    sender = args.get(b"id")
    if not isinstance(sender, bytes) or len(sender) != ID:
        raise bad(Code.PROTOCOL, "invalid id")
    if method == b"find_node":
        target = args.get(b"target")
    else:
        target = args.get(b"info_hash")
        if target is None and method not in (b"get_peers", b"announce_peer"):
            target = args.get(b"target")
    if target is not None and (not isinstance(target, bytes) or len(target) != ID):
        raise bad(Code.PROTOCOL, "invalid target")
    want = args.get(b"want")
    families = tuple(dict.fromkeys(_WANTED[w] for w in want[:4] if type(w) is bytes and w in _WANTED)) if isinstance(want, list) else ()
    if method == b"get_peers":
        return Query(tid, method, sender, target, None, None, False, read_only, families, args.get(b"scrape") == 1, False, None, version)
    port = _int(args.get(b"port"))
    return Query(
        tid,
        method,
        sender,
        target,
        _token(args.get(b"token")),
        port if port is not None and 1 <= port <= 65535 else None,
        args.get(b"implied_port") not in (None, 0),
        read_only,
        families,
        False,
        args.get(b"seed") == 1,
        _item(args) if method in (b"get", b"put") else None,
        version,
    )


def _item(fields: dict[bytes, Any]) -> ItemFields:
    value = fields.get(b"v")
    return ItemFields(
        None if value is None else bencode(value),
        _bytes(fields.get(b"k"), 64),
        _bytes(fields.get(b"salt"), MAX_DATAGRAM),
        _int(fields.get(b"seq")),
        _int(fields.get(b"cas")),
        _bytes(fields.get(b"sig"), 128),
    )


def _nodes(packed: Any, version: int) -> tuple[Node, ...]:
    return unpack_nodes(packed, version) if isinstance(packed, bytes) and len(packed) % (ID + COMPACT[version]) == 0 else ()


def _reply(tid: bytes, message: dict[bytes, Any]) -> Reply:
    body = message.get(b"r")
    if not isinstance(body, dict):
        raise Malformed("a reply without a body")
    sender = body.get(b"id")
    if not isinstance(sender, bytes) or len(sender) != ID:
        raise Malformed("a reply without an id")
    values: tuple[Address, ...] | None = None
    listed = body.get(b"values")
    if isinstance(listed, list):
        values = tuple(unpack(item) for item in listed[:MAX_VALUES] if isinstance(item, bytes) and len(item) in (6, 18))
    seeds, peers = body.get(b"BFsd"), body.get(b"BFpe")
    filters: tuple[bytes, bytes] | None = None
    if isinstance(seeds, bytes) and isinstance(peers, bytes) and len(seeds) == len(peers) == FILTER:
        filters = seeds, peers
    sampled = body.get(b"samples")
    samples: tuple[bytes, ...] | None = None
    if isinstance(sampled, bytes) and len(sampled) % ID == 0:
        samples = tuple(sampled[i : i + ID] for i in range(0, min(len(sampled), MAX_SAMPLES * ID), ID))
    seen = message.get(b"ip")
    return Reply(
        tid,
        sender,
        _nodes(body.get(b"nodes"), V4),
        values,
        _token(body.get(b"token")),
        unpack(seen) if isinstance(seen, bytes) and len(seen) in (6, 18) else None,
        _nodes(body[b"nodes6"], V6) if b"nodes6" in body else (),
        filters,
        _item(body) if b"v" in body or b"seq" in body else None,
        samples,
        _int(body.get(b"interval")) or 0,
        _int(body.get(b"num")) or 0,
        _bytes(message.get(b"v"), 8),
    )


def _failure(tid: bytes, message: dict[bytes, Any]) -> Failure:
    match message.get(b"e"):
        case [int() as code, bytes() as text, *_] if abs(code) < 1 << 31:
            return Failure(tid, code, text[:256])
    raise Malformed("an error without code and text")


def encode_query(tid: bytes, method: bytes, sender: bytes, args: Mapping[bytes, Any] | None = None, read_only: bool = False) -> bytes:
    """A query's bytes; `args` beside the id."""
    message: dict[bytes, Any] = {b"a": {b"id": sender, **(args or {})}, b"q": method, b"t": tid, b"v": VERSION, b"y": b"q"}
    if read_only:
        message[b"ro"] = 1
    return bencode(message)


def encode_body(tid: bytes, body: Mapping[bytes, Any], seen_as: Address | None = None) -> bytes:
    """A reply's bytes from its body as it goes on the wire."""
    if seen_as is None:
        return bencode({b"r": body, b"t": tid, b"v": VERSION, b"y": b"r"})
    return bencode({b"ip": pack(seen_as), b"r": body, b"t": tid, b"v": VERSION, b"y": b"r"})


def encode_reply(
    tid: bytes,
    sender: bytes,
    *,
    nodes: Sequence[Node] | None = None,
    values: Sequence[Address] | None = None,
    token: bytes | None = None,
    seen_as: Address | None = None,
    nodes6: Sequence[Node] | None = None,
    **more: Any,
) -> bytes:
    """A reply's bytes; fields that are None are left out. `more`: further fields of the body, as they go on the wire."""
    body: dict[bytes, Any] = {b"id": sender}
    if nodes is not None:
        body[b"nodes"] = pack_nodes(nodes)
    if nodes6 is not None:
        body[b"nodes6"] = pack_nodes(nodes6)
    if token is not None:
        body[b"token"] = token
    if values is not None:
        body[b"values"] = [pack(value) for value in values]
    body.update((name.encode(), value) for name, value in more.items())
    return encode_body(tid, body, seen_as)


def encode_failure(tid: bytes, code: int, text: str) -> bytes:
    return bencode({b"e": [int(code), text.encode("ascii", "replace")[:64]], b"t": tid, b"v": VERSION, b"y": b"e"})
