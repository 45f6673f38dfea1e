"""Which addresses peers may have, and what counts as one address for a cap. Core."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_address(host: str) -> Address | None:
    """The address in `host` (a scope id is dropped, an IPv4-mapped IPv6 address unwrapped); None when it is a name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def address_key(host: str) -> str:
    """What caps count as one host: the IPv4 address, or the /64 of an IPv6 address."""
    address = parse_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address is not None else host


def network_of(host: str) -> str:
    """What has one voice together: the IPv4 /24 or IPv6 /48; the text itself when it is no address."""
    address = parse_address(host)
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False)) if address is not None else host


def is_named(host: str) -> bool:
    """True for a listen address that is one of this host's own, rather than all of them (0.0.0.0, ::, empty)."""
    address = parse_address(host)
    return bool(host) and (address is None or not address.is_unspecified)


class AddressPolicy:
    """Public unicast addresses are always permitted; private, loopback and other special ones only inside `permit`.

    `permit` holds networks such as `10.0.0.0/8`; ValueError names a malformed one. Unspecified, multicast and the broadcast address never pass.
    """

    def __init__(self, permit: Iterable[str] = ()) -> None:
        self._permit: tuple[Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in permit)

    def allows(self, host: str, port: int = 1) -> bool:
        """Whether a peer may live at this numeric address; a host name is no address and never passes."""
        address = parse_address(host)
        if address is None or not 0 < port < 65536 or address.is_unspecified or address.is_multicast:
            return False
        if address == ipaddress.IPv4Address("255.255.255.255"):
            return False
        if address.is_global:
            return True
        return any(address.version == network.version and address in network for network in self._permit)
