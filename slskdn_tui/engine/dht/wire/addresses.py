"""Addresses of both families: text, compact form, networks, and which ones may be spoken to. Core."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Address = tuple[str, int]
V4, V6 = 4, 6
COMPACT = {V4: 6, V6: 18}
"""bytes of a compact address"""

# Everything that is not public unicast (IANA special-purpose registries), as (first, last) integers.
_SPECIAL4 = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3"
)
_SPECIAL6 = "::/3 2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1"
_HOME = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fe80::/10"
Range = tuple[int, int]


def _ranges(networks: Iterable[str], version: int) -> tuple[Range, ...]:
    parsed = (ipaddress.ip_network(text, strict=False) for text in networks)
    return tuple((int(net.network_address), int(net.broadcast_address)) for net in parsed if net.version == version)


_SPECIAL = {V4: _ranges(_SPECIAL4.split(), V4), V6: _ranges(_SPECIAL6.split(), V6)}
_HOMES = {V4: _ranges(_HOME.split(), V4), V6: _ranges(_HOME.split(), V6)}


def family(host: str) -> int:
    """`V4` or `V6` of a numeric address."""
    return V6 if ":" in host else V4


@lru_cache(maxsize=16384)
def pack_host(host: str) -> bytes:
    """Four bytes of a dotted IPv4 address, sixteen of an IPv6 one; ValueError for anything else."""
    if ":" in host:
        return ipaddress.IPv6Address(host).packed
    parts = host.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise ValueError(f"not an IP address: {host[:64]!r}")
    return bytes(map(int, parts))


def pack(address: Address) -> bytes:
    """Compact form, 6 or 18 bytes: address and port in network order. ValueError when either does not fit."""
    host, port = address
    if not 0 <= port <= 65535:
        raise ValueError(f"not a port: {port}")
    return pack_host(host) + port.to_bytes(2, "big")


@lru_cache(maxsize=4096)
def _text6(data: bytes) -> str:
    return str(ipaddress.IPv6Address(data))


def unpack(data: bytes) -> Address:
    """The address in 6 or 18 bytes; ValueError for another length."""
    if len(data) == 6:
        return f"{data[0]}.{data[1]}.{data[2]}.{data[3]}", (data[4] << 8) | data[5]
    if len(data) != 18:
        raise ValueError("a compact address has 6 or 18 bytes")
    return _text6(data[:16]), (data[16] << 8) | data[17]


def _inside(number: int, ranges: Iterable[Range]) -> bool:
    return any(first <= number <= last for first, last in ranges)


@lru_cache(maxsize=16384)
def is_public(host: str) -> bool:
    """Whether this is public unicast. ValueError where it is no address."""
    return not _inside(int.from_bytes(pack_host(host), "big"), _SPECIAL[family(host)])


@lru_cache(maxsize=16384)
def network(host: str) -> str:
    """Who holds one address of it is taken to hold all: /24 of IPv4, /48 of IPv6. At home (RFC 1918, ULA) each host is its own."""
    packed = pack_host(host)
    if _inside(int.from_bytes(packed, "big"), _HOMES[family(host)]):
        return host
    return packed[:6].hex() if len(packed) == 16 else host.rpartition(".")[0]


@lru_cache(maxsize=16384)
def holder(host: str) -> str:
    """What counts as one machine in quotas: an IPv4 address, an IPv6 /64."""
    return pack_host(host)[:8].hex() if ":" in host else host


@lru_cache(maxsize=16384)
def region(host: str) -> bytes:
    """/16 of IPv4, /32 of IPv6: voters from one region are one voice."""
    packed = pack_host(host)
    return packed[:4] if len(packed) == 16 else packed[:2]


class Permit:
    """Which addresses of one family may be spoken to: public ones, and those in `networks` (CIDR text). ValueError for malformed networks."""

    def __init__(self, networks: Iterable[str] = (), version: int = V4) -> None:
        self.version = version
        self._extra = _ranges(networks, version)
        self._judged = lru_cache(maxsize=8192)(self._judge)

    def allows(self, address: Address) -> bool:
        """False for port 0, the other family, and networks that are neither public nor permitted."""
        return 1 <= address[1] <= 65535 and self._judged(address[0])

    def _judge(self, host: str) -> bool:
        try:
            number = int.from_bytes(pack_host(host), "big")
        except ValueError:
            return False
        return family(host) == self.version and (_inside(number, self._extra) or is_public(host))
