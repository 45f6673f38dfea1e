"""What others say our address is (BEP 42's `ip`): believed when enough unrelated nodes agree. Core."""

from __future__ import annotations

from collections import Counter, OrderedDict

from slskdn_tui.engine.dht.wire.addresses import Address, region

ENOUGH = 5
MOST = 32


class AddressVotes:
    """One voice a /16 (IPv6 /32), the latest `MOST` voices; a host wins with `ENOUGH` of them and more than half."""

    def __init__(self) -> None:
        self._voices: OrderedDict[bytes, Address] = OrderedDict()

    def __len__(self) -> int:
        return len(self._voices)

    def add(self, voter: str, seen: Address) -> None:
        key = region(voter)
        self._voices[key] = seen
        self._voices.move_to_end(key)
        if len(self._voices) > MOST:
            self._voices.popitem(last=False)

    @property
    def host(self) -> str | None:
        """Our address as most see it, None while too few agree."""
        (host, count), *_ = Counter(seen[0] for seen in self._voices.values()).most_common(1) or [("", 0)]
        return host if count >= ENOUGH and 2 * count > len(self._voices) else None

    @property
    def port(self) -> int | None:
        """Our port as most see it; None where no port has more than half: a NAT gives each peer another one."""
        (port, count), *_ = Counter(seen[1] for seen in self._voices.values()).most_common(1) or [(0, 0)]
        return port if count >= ENOUGH and 2 * count > len(self._voices) else None

    @property
    def port_moves(self) -> bool:
        """Enough voices agree on the host, and no port has a majority."""
        return self.host is not None and self.port is None
