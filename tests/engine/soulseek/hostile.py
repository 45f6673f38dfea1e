"""A thousand ways to be a bad peer, drawn from a seed: each is one connection and what goes over it."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache

from aioslsk.protocol import messages as m

U32 = struct.Struct("<I").pack
NAMES_FROM_HELL = (
    "",
    "\0",
    "a" * 3000,
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe",
    "..\\..\\..\\etc\\passwd",
    "/etc/passwd",
    "C:\\CON",
    "%s%n%x{0}",
    "\U0001f4a9" * 500,
    "victim",
)


def frame(code: int, body: bytes, length: int | None = None) -> bytes:
    return U32(len(body) + 4 if length is None else length) + U32(code) + body


def text(value: bytes | str) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
    return U32(len(raw)) + raw


def bomb(rng: random.Random) -> bytes:
    """Compressed kinds that inflate to hundreds of megabytes."""
    return frame(rng.choice((5, 9, 37)), _zeros(rng.choice((50, 200))))


@cache
def _zeros(mib: int) -> bytes:
    return zlib.compress(bytes(mib << 20))


def crowded_answer(rng: random.Random) -> bytes:
    """A search answer within its caps, all of it tiny files or attributes."""
    if rng.random() < 0.5:
        file = b"\x01" + text("") + struct.pack("<Q", 1) + text("") + U32(0)
        count = 90_000
        body = text("mallory") + U32(rng.randrange(2**32)) + U32(count) + file * count
    else:
        count = 200_000
        body = text("mallory") + U32(1) + U32(1) + b"\x01" + text("x") + struct.pack("<Q", 1) + text("") + U32(count) + bytes(8 * count)
    return frame(9, zlib.compress(body + b"\x01" + U32(1) + struct.pack("<Q", 1)))


def lying_counts(rng: random.Random) -> bytes:
    return frame(9, zlib.compress(text("mallory") + U32(1) + U32(0xFFFFFFFF)))


def oversized(rng: random.Random) -> bytes:
    code = rng.choice((1, 4, 5, 8, 9, 15, 16, 36, 37, 40, 41, 43, 44, 46, 50, 51, 9999))
    return frame(code, rng.randbytes(1000), rng.choice((0xFFFFFFFF, 0x7FFFFFFF, 40 << 20, 300_000, 3, 0)))


def truncated(rng: random.Random) -> bytes:
    """A long message that stops in the middle."""
    return frame(rng.choice((9, 40, 43)), rng.randbytes(rng.choice((100, 60_000))), rng.choice((200_000, 1_000_000)))


def noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 20_000))


def damaged(rng: random.Random) -> bytes:
    """Right lengths and codes, random bodies."""
    return b"".join(
        frame(rng.choice((4, 5, 9, 15, 16, 36, 37, 40, 41, 43, 44, 46, 50, 51)), rng.randbytes(rng.randrange(0, 200))) for _ in range(40)
    )


def hellish_requests(rng: random.Random) -> bytes:
    name = rng.choice(NAMES_FROM_HELL)
    return b"".join(
        each.serialize()
        for each in (
            m.PeerTransferQueue.Request(name),
            m.PeerTransferRequest.Request(rng.choice((0, 1, 7)), rng.randrange(2**32), name, filesize=rng.randrange(2**64)),
            m.PeerTransferReply.Request(rng.randrange(2**32), True, filesize=2**63),
            m.PeerPlaceInQueueRequest.Request(name),
            m.PeerPlaceInQueueReply.Request(name, 2**32 - 1),
            m.PeerTransferQueueFailed.Request(name, name),
            m.PeerUploadFailed.Request(name),
            m.PeerDirectoryContentsRequest.Request(1, name),
            m.PeerUserInfoRequest.Request(),
            m.PeerUserInfoReply.Request(name, False, None, 1, 1, False),
            m.PeerSearchReply.Request(name, 1, [], False, 0, 0),
        )
    )


def flood(rng: random.Random) -> bytes:
    return m.PeerTransferQueue.Request("@@nope\\" + rng.choice(NAMES_FROM_HELL)).serialize() * 500


def browse_unread(rng: random.Random) -> bytes:
    return m.PeerSharesRequest.Request().serialize() * 50


def tickets(rng: random.Random) -> bytes:
    """What follows the introduction of a file connection."""
    return U32(rng.randrange(2**32)) + struct.pack("<Q", rng.randrange(2**64)) + rng.randbytes(1000)


def tree(rng: random.Random) -> bytes:
    words = (
        m.DistributedBranchLevel.Request(rng.randrange(2**31)),
        m.DistributedBranchRoot.Request(rng.choice(NAMES_FROM_HELL)),
        m.DistributedChildDepth.Request(9),
        m.DistributedSearchRequest.Request(0x31, "mallory", 1, "tune " * rng.randrange(1, 3000)),
    )
    return b"".join(each.serialize() for each in words) * 20


def introduction(name: str, typ: str) -> bytes:
    return m.PeerInit.Request(name, typ, 0).serialize()


Attack = tuple[str, bytes, bool]
"""what it is called, all that is sent, whether the connection is left open half-way"""
KINDS: dict[str, tuple[str, Callable[[random.Random], bytes], float]] = {
    "bomb": ("P", bomb, 0.0),
    "crowded answer": ("P", crowded_answer, 0.0),
    "lying counts": ("P", lying_counts, 0.0),
    "oversized": ("P", oversized, 0.3),
    "truncated": ("P", truncated, 0.5),
    "noise after a good start": ("P", noise, 0.3),
    "damaged": ("P", damaged, 0.3),
    "names from hell": ("P", hellish_requests, 0.3),
    "flood": ("P", flood, 0.3),
    "browse unread": ("P", browse_unread, 0.5),
    "wrong file ticket": ("F", tickets, 0.3),
    "tree": ("D", tree, 0.3),
    "unknown type": ("Z", noise, 0.3),
}


def attacks(seed: int, count: int) -> list[Attack]:
    """`count` of them, all kinds in turn and a few that never introduce themselves."""
    rng = random.Random(seed)
    out: list[Attack] = []
    for number in range(count):
        if number % 8 == 0:
            start = rng.choice((b"", b"\x10", noise(rng), U32(0xFFFFFFF0) + b"\x01", U32(4000) + b"\x01" + bytes(100)))
            out.append(("half-open", start, rng.random() < 0.5))
            continue
        kind, (typ, make, open_share) = rng.choice(list(KINDS.items()))
        name = rng.choice(NAMES_FROM_HELL)[:60] if rng.random() < 0.3 else f"mallory{number % 20}"
        out.append((kind, introduction(name, typ) + make(rng), rng.random() < open_share))
    return out
