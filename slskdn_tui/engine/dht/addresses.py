"""IPv4 addresses: text, compact form, and which ones may be spoken to. Core."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Address = tuple[str, int]

# Everything that is not public unicast (IANA special-purpose registry), as (first, last) integers.
_SPECIAL = tuple(
    (int(net.network_address), int(net.broadcast_address))
    for net in map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)


@lru_cache(maxsize=8192)
def pack_host(host: str) -> bytes:
    """Four bytes of a dotted IPv4 address; ValueError for anything else."""
    parts = host.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise ValueError(f"not an IPv4 address: {host[:64]!r}")
    return bytes(map(int, parts))


def pack(address: Address) -> bytes:
    """Compact form, six bytes: address and port in network order. ValueError when either does not fit."""
    host, port = address
    if not 0 <= port <= 65535:
        raise ValueError(f"not a port: {port}")
    return pack_host(host) + port.to_bytes(2, "big")


def unpack(data: bytes) -> Address:
    """The address in six bytes; ValueError for another length."""
    if len(data) != 6:
        raise ValueError("a compact address has 6 bytes")
    return f"{data[0]}.{data[1]}.{data[2]}.{data[3]}", (data[4] << 8) | data[5]


def network24(host: str) -> str:
    """The /24 of a dotted address, as its first three numbers."""
    return host.rpartition(".")[0]


class Permit:
    """Which addresses may be spoken to: public ones, and those in `networks` (CIDR text). ValueError for malformed networks."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._extra: list[tuple[int, int]] = []
        for text in networks:
            net = ipaddress.ip_network(text, strict=False)
            if net.version == 4:
                self._extra.append((int(net.network_address), int(net.broadcast_address)))

    def allows(self, address: Address) -> bool:
        """False for port 0, anything but IPv4, and networks that are neither public nor permitted."""
        host, port = address
        if not 1 <= port <= 65535:
            return False
        try:
            number = int.from_bytes(pack_host(host), "big")
        except ValueError:
            return False
        if any(first <= number <= last for first, last in self._extra):
            return True
        return not any(first <= number <= last for first, last in _SPECIAL)
