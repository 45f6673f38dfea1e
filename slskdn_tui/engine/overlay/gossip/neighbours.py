"""Which nodes to dial next: candidates by where they were heard of, spread over networks and sources, with back-off. Core.

One network (an IPv4 /24, an IPv6 /48) or one source must not make up a node's whole neighbourhood: who surrounds a node decides what it hears.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from slskdn_tui.engine.peers.addresses import network_of

Address = tuple[str, int]
Source = Literal["configured", "known", "dht", "peers"]
"""`overlay.peers`; met before; the DHT's channel key; told by neighbours."""
SOURCES: tuple[Source, ...] = ("configured", "known", "dht", "peers")
MAX_A_SOURCE = 250
RETRY = (5.0, 15.0, 60.0, 300.0, 900.0)


@dataclass(slots=True)
class _Candidate:
    source: Source
    node_id: str
    failures: int = 0
    not_before: float = 0.0


class Candidates:
    """Times are of one monotonic clock."""

    def __init__(self) -> None:
        self._known: dict[Address, _Candidate] = {}

    def __len__(self) -> int:
        return len(self._known)

    def heard(self, source: Source, address: Address, node_id: str = "") -> None:
        """Somebody may live there; `node_id` as it was said, or empty. What is known of the address stays. Beyond 250 a source the oldest goes."""
        if (known := self._known.get(address)) is not None:
            known.node_id = known.node_id or node_id
            return
        self._add(source, address, node_id)

    def _add(self, source: Source, address: Address, node_id: str) -> _Candidate:
        mine = [each for each, candidate in self._known.items() if candidate.source == source]
        if len(mine) >= MAX_A_SOURCE:
            del self._known[mine[0]]
        added = self._known[address] = _Candidate(source, node_id)
        return added

    def source(self, address: Address) -> Source | None:
        candidate = self._known.get(address)
        return candidate.source if candidate is not None else None

    def failed(self, address: Address, now: float, spread: float = 1.0) -> float:
        """Seconds until it may be dialled again; `spread` is a random factor around 1."""
        candidate = self._known.get(address) or self._add("dht", address, "")
        wait = RETRY[min(candidate.failures, len(RETRY) - 1)] * spread
        candidate.failures += 1
        candidate.not_before = now + wait
        return wait

    def failures(self, address: Address) -> int:
        candidate = self._known.get(address)
        return candidate.failures if candidate is not None else 0

    def may_dial(self, address: Address, now: float) -> bool:
        candidate = self._known.get(address)
        return candidate is None or now >= candidate.not_before

    def met(self, address: Address, node_id: str) -> None:
        candidate = self._known.get(address) or self._add("dht", address, "")
        candidate.node_id, candidate.failures, candidate.not_before = node_id, 0, 0.0

    def pick(self, now: float, near: Sequence[tuple[str, str, Source | None]], want: int, skip: Collection[Address] = ()) -> list[Address]:
        """Whom to dial so that `want` neighbours are there; `near` are those connected: (node id, host, source).

        One a network first; when that leaves places free (a mesh in one house), others of the same networks take up to half of `want`.
        Sources take turns, beginning with the one that has least neighbours.
        """
        ids = {node_id for node_id, _, _ in near}
        networks = Counter(network_of(host) for _, host, _ in near)
        have = Counter(source for _, _, source in near)
        waiting: dict[Source, list[Address]] = {source: [] for source in SOURCES}
        for address, candidate in self._known.items():
            if now >= candidate.not_before and address not in skip and candidate.node_id not in ids:
                waiting[candidate.source].append(address)
        for addresses in waiting.values():
            addresses.sort(key=lambda address: self._known[address].failures)
        picked: list[Address] = []
        for most, places in ((1, want), (want, want // 2)):
            while len(picked) + len(near) < places:
                sources = [source for source in SOURCES if any(networks[network_of(host)] < most for host, _ in waiting[source])]
                if not sources:
                    break
                source = min(sources, key=lambda each: (have[each], SOURCES.index(each)))
                address = next(each for each in waiting[source] if networks[network_of(each[0])] < most)
                waiting[source].remove(address)
                networks[network_of(address[0])] += 1
                have[source] += 1
                picked.append(address)
        return picked


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether others can dial this node: `inbound` connections seen, and what neighbours that tried said."""

    inbound: int = 0
    yes: int = 0
    no: int = 0

    @property
    def reachable(self) -> bool | None:
        """None while nobody has tried. One who came through proves it; two who failed speak against it."""
        if self.inbound or self.yes:
            return True
        return False if self.no >= 2 else None

    @property
    def words(self) -> str:
        known = {True: "others can reach you", False: "you are behind NAT: others cannot dial you, you dial them", None: "not known yet whether others can reach you"}  # fmt: skip
        return known[self.reachable]
