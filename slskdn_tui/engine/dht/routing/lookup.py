"""One iterative look-up: whom to ask next, and when it is over. Core.

Up to alpha questions are open at once, always to the nearest candidates. A node that is slower than the adaptive
time-out frees its place but may still answer. There are two result sets: the k nearest nodes, and the k nearest whose id
fits their address (BEP 42). It ends when the living of both have answered.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from slskdn_tui.engine.dht.routing.ids import is_valid
from slskdn_tui.engine.dht.wire.addresses import Address, network
from slskdn_tui.engine.dht.wire.krpc import Node


class State(IntEnum):
    NEW = 0
    ASKED = 1
    SLOW = 2
    ANSWERED = 3
    FAILED = 4


@dataclass(slots=True, eq=False)
class Candidate:
    """`distance` is -1 while the id is unknown (a bootstrap address): asked first."""

    id: bytes | None
    address: Address
    distance: int
    valid: bool = True
    state: State = State.NEW
    token: bytes | None = None
    hops: int = 1


def _order(candidate: Candidate) -> tuple[int, Address]:
    return candidate.distance, candidate.address


class Lookup:
    def __init__(
        self, target: bytes, *, k: int = 8, alpha: int = 5, one_per_24: bool = True, two_sets: bool = True, most: int = 100
    ) -> None:
        self.target = target
        self._goal = int.from_bytes(target, "big")
        self._k, self._alpha, self._one_per_24, self._two_sets, self._most = k, alpha, one_per_24, two_sets, most
        self._order: list[Candidate] = []
        self._by_address: dict[Address, Candidate] = {}
        self._by_net: dict[str, Candidate] = {}
        self._flying = 0
        self._strangers = 0  # candidates whose id does not fit

    def seed(self, nodes: Iterable[Node], addresses: Iterable[Address] = ()) -> None:
        """First candidates: nodes we know, and bare addresses whose ids we do not."""
        for node_id, address in nodes:
            self.add(node_id, address)
        for address in addresses:
            if address not in self._by_address:
                self._place(Candidate(None, address, -1))

    def add(self, node_id: bytes, address: Address, hops: int = 1) -> bool:
        """Consider a node; False when known, too far, or its network is taken."""
        if address in self._by_address:
            return False
        distance = int.from_bytes(node_id, "big") ^ self._goal
        full = len(self._order) >= self._most
        if full and self._order[-1].distance <= distance and not self._one_per_24:
            return False
        candidate = Candidate(node_id, address, distance, not self._two_sets or is_valid(node_id, address[0]), hops=hops)
        # A fitting id is not kept out by one that does not fit, nor the other way: each set has its own seat of a network.
        seat = (network(address[0]) + "!"[candidate.valid :]) if self._one_per_24 else ""
        holder = self._by_net.get(seat) if self._one_per_24 else None
        if holder is not None and (holder.state is not State.NEW or holder.distance <= distance):
            return False
        if full and holder is None:
            last = self._order[-1]
            if last.state is not State.NEW or _order(last) <= _order(candidate):
                return False
            self._drop(last)
        if holder is not None:
            self._drop(holder)
        self._place(candidate)
        if self._one_per_24:
            self._by_net[seat] = candidate
        return True

    def _window(self) -> Iterable[Candidate]:
        """Candidates in either set, nearest first, up to where both have k that are alive."""
        alive = fit = 0
        one = not self._strangers
        for candidate in self._order:
            if alive < self._k or (candidate.valid and fit < self._k):
                yield candidate
                if candidate.state in (State.NEW, State.ASKED, State.ANSWERED):
                    alive += 1
                    fit += candidate.valid
            if alive >= self._k and (one or fit >= self._k):
                return

    def ready(self) -> list[Candidate]:
        """Whom to ask now, nearest first; `asked` tells that it was done."""
        free = self._alpha - self._flying
        if free <= 0:
            return []
        ready: list[Candidate] = []
        for candidate in self._window():
            if candidate.state is State.NEW:
                ready.append(candidate)
                if len(ready) >= free:
                    break
        return ready

    def asked(self, candidate: Candidate) -> None:
        self._set(candidate, State.ASKED)

    def answered(self, address: Address, node_id: bytes, token: bytes | None, nodes: Iterable[Node] = ()) -> bool:
        """An answer came. False when another id was expected there: it counts as failed and its nodes are not taken."""
        candidate = self._by_address.get(address)
        if candidate is None or candidate.state is State.ANSWERED:
            return False
        if candidate.id is None:
            self._order.remove(candidate)
            candidate.id = node_id
            candidate.distance = int.from_bytes(node_id, "big") ^ self._goal
            candidate.valid = not self._two_sets or is_valid(node_id, address[0])
            self._strangers += not candidate.valid
            insort(self._order, candidate, key=_order)
        elif candidate.id != node_id:
            self._set(candidate, State.FAILED)
            return False
        self._set(candidate, State.ANSWERED)
        candidate.token = token
        for other_id, other in nodes:
            self.add(other_id, other, candidate.hops + 1)
        return True

    def slow(self, address: Address) -> None:
        candidate = self._by_address.get(address)
        if candidate is not None and candidate.state is State.ASKED:
            self._set(candidate, State.SLOW)

    def failed(self, address: Address) -> None:
        candidate = self._by_address.get(address)
        if candidate is not None and candidate.state is not State.ANSWERED:
            self._set(candidate, State.FAILED)

    @property
    def done(self) -> bool:
        answered = slow = False
        for candidate in self._window():
            if candidate.state in (State.NEW, State.ASKED):
                return False
            slow = slow or candidate.state is State.SLOW
            answered = answered or candidate.state is State.ANSWERED
        # With no answer at all a late one is better than none.
        return answered or not slow

    @property
    def all_slow(self) -> bool:
        """Everyone was asked and nobody answered in time."""
        return not any(candidate.state in (State.NEW, State.ASKED) for candidate in self._order)

    def closest(self) -> list[Candidate]:
        """The k nearest that answered, and the k nearest of those whose id fits: nearest first."""
        answered = [candidate for candidate in self._order if candidate.state is State.ANSWERED]
        fit = {id(candidate) for candidate in [candidate for candidate in answered if candidate.valid][: self._k]}
        return [candidate for place, candidate in enumerate(answered) if place < self._k or id(candidate) in fit]

    def hops(self, address: Address) -> int:
        """Answers it took to learn of this node, one for whom we knew."""
        candidate = self._by_address.get(address)
        return candidate.hops if candidate is not None else 0

    @property
    def answers(self) -> int:
        return sum(candidate.state is State.ANSWERED for candidate in self._order)

    def _set(self, candidate: Candidate, state: State) -> None:
        self._flying += (state is State.ASKED) - (candidate.state is State.ASKED)
        candidate.state = state

    def _place(self, candidate: Candidate) -> None:
        insort(self._order, candidate, key=_order)
        self._by_address[candidate.address] = candidate
        self._strangers += not candidate.valid

    def _drop(self, candidate: Candidate) -> None:
        self._order.remove(candidate)
        del self._by_address[candidate.address]
        self._strangers -= not candidate.valid
        seat = network(candidate.address[0]) + "!"[candidate.valid :]
        if self._by_net.get(seat) is candidate:
            del self._by_net[seat]
