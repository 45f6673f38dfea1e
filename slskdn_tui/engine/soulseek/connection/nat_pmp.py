"""Core: NAT-PMP (RFC 6886): the two messages that ask a router for a TCP port, and what its answers mean. No socket, no clock."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PORT = 5351
LIFETIME_S = 7200
"""what the RFC recommends to ask for"""
FIRST_WAIT_S = 0.25
TRIES = 7
"""Waits double from a quarter of a second: 32 s until a silent router is given up."""

_MAP_TCP = 2
_ANSWER = 128
_ASK = struct.Struct("!BBHHHI")
_REPLY = struct.Struct("!BBHIHHI")
_RESULTS = {
    1: "it speaks another version",
    2: "its owner does not permit it",
    3: "it has no connection itself",
    4: "it has no port left",
    5: "it does not map ports",
}


class Refused(Exception):
    """The router answered no; the message says why."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """`external` is the port the world may use, for `lifetime` seconds; renew at half of it."""

    internal: int
    external: int
    lifetime: int

    @property
    def renew_in(self) -> float:
        return max(1.0, self.lifetime / 2)


def ask(internal: int, external: int, lifetime: int = LIFETIME_S) -> bytes:
    """The request to forward TCP `external` (a wish) to our `internal` port; lifetime 0 with external 0 takes it back."""
    return _ASK.pack(0, _MAP_TCP, 0, internal, external, lifetime)


def read(data: bytes, internal: int) -> Mapping | None:
    """The answer to `ask` for this port; None for anything else that came. Raises Refused."""
    if len(data) < 4 or data[1] != _ANSWER + _MAP_TCP:
        return None
    if result := struct.unpack_from("!H", data, 2)[0]:
        raise Refused(_RESULTS.get(result, f"it answered with code {result}"))
    if len(data) < _REPLY.size or data[0] != 0:
        return None
    _, _, _, _, mapped, external, lifetime = _REPLY.unpack_from(data)
    return Mapping(internal, external, lifetime) if mapped == internal else None


def default_gateway(routes: str) -> str | None:
    """The router of the default route, out of the text of /proc/net/route; the one of the least metric."""
    best: tuple[int, str] | None = None
    for line in routes.splitlines()[1:]:
        columns = line.split()
        if len(columns) < 8 or columns[1] != "00000000" or columns[7] != "00000000" or columns[2] == "00000000":
            continue
        octets = bytes.fromhex(columns[2])[::-1]  # the kernel prints its own, little-endian order
        found = (int(columns[6]), ".".join(str(octet) for octet in octets))
        best = min(best, found) if best else found
    return best[1] if best else None
