"""One iterative look-up: whom to ask next, and when it is over. Core.

Up to alpha questions are open at once, always to the nearest candidates. A node that is slower than the adaptive
time-out frees its place but may still answer. It ends when the k nearest that are alive have answered.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from slskdn_tui.engine.dht.addresses import Address, network24
from slskdn_tui.engine.dht.krpc import Node


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
    state: State = State.NEW
    token: bytes | None = None


def _order(candidate: Candidate) -> tuple[int, Address]:
    return candidate.distance, candidate.address


class Lookup:
    def __init__(self, target: bytes, *, k: int = 8, alpha: int = 5, one_per_24: bool = True, most: int = 100) -> None:
        self.target = target
        self._goal = int.from_bytes(target, "big")
        self._k, self._alpha, self._one_per_24, self._most = k, alpha, one_per_24, most
        self._order: list[Candidate] = []
        self._by_address: dict[Address, Candidate] = {}
        self._by_net: dict[str, Candidate] = {}

    def seed(self, nodes: Iterable[Node], addresses: Iterable[Address] = ()) -> None:
        """First candidates: nodes we know, and bare addresses whose ids we do not."""
        for node_id, address in nodes:
            self.add(node_id, address)
        for address in addresses:
            if address not in self._by_address:
                self._place(Candidate(None, address, -1))

    def add(self, node_id: bytes, address: Address) -> bool:
        """Consider a node; False when known, too far, or its /24 is taken."""
        if address in self._by_address:
            return False
        candidate = Candidate(node_id, address, int.from_bytes(node_id, "big") ^ self._goal)
        holder = self._by_net.get(network24(address[0])) if self._one_per_24 else None
        if holder is not None and (holder.state is not State.NEW or holder.distance <= candidate.distance):
            return False
        if len(self._order) >= self._most and holder is None:
            last = self._order[-1]
            if last.state is not State.NEW or _order(last) <= _order(candidate):
                return False
            self._drop(last)
        if holder is not None:
            self._drop(holder)
        self._place(candidate)
        if self._one_per_24:
            self._by_net[network24(address[0])] = candidate
        return True

    def ready(self) -> list[Candidate]:
        """Whom to ask now, nearest first; `asked` tells that it was done."""
        free = self._alpha - sum(candidate.state is State.ASKED for candidate in self._order)
        ready: list[Candidate] = []
        alive = 0
        for candidate in self._order:
            if alive >= self._k or len(ready) >= free:
                break
            if candidate.state is State.NEW:
                ready.append(candidate)
            if candidate.state in (State.NEW, State.ASKED, State.ANSWERED):
                alive += 1
        return ready

    def asked(self, candidate: Candidate) -> None:
        candidate.state = State.ASKED

    def answered(self, address: Address, node_id: bytes, token: bytes | None, nodes: Iterable[Node] = ()) -> bool:
        """An answer came. False when another id was expected there: it counts as failed and its nodes are not taken."""
        candidate = self._by_address.get(address)
        if candidate is None or candidate.state is State.ANSWERED:
            return False
        if candidate.id is None:
            self._order.remove(candidate)
            candidate.id = node_id
            candidate.distance = int.from_bytes(node_id, "big") ^ self._goal
            insort(self._order, candidate, key=_order)
        elif candidate.id != node_id:
            candidate.state = State.FAILED
            return False
        candidate.state, candidate.token = State.ANSWERED, token
        for other_id, other in nodes:
            self.add(other_id, other)
        return True

    def slow(self, address: Address) -> None:
        candidate = self._by_address.get(address)
        if candidate is not None and candidate.state is State.ASKED:
            candidate.state = State.SLOW

    def failed(self, address: Address) -> None:
        candidate = self._by_address.get(address)
        if candidate is not None and candidate.state is not State.ANSWERED:
            candidate.state = State.FAILED

    @property
    def done(self) -> bool:
        alive = 0
        slow = False
        for candidate in self._order:
            if alive >= self._k:
                break
            if candidate.state in (State.NEW, State.ASKED):
                return False
            slow = slow or candidate.state is State.SLOW
            alive += candidate.state is State.ANSWERED
        # With no answer at all a late one is better than none.
        return alive > 0 or not slow

    @property
    def all_slow(self) -> bool:
        """Everyone was asked and nobody answered in time."""
        return not any(candidate.state in (State.NEW, State.ASKED) for candidate in self._order)

    def closest(self) -> list[Candidate]:
        """The k nearest that answered."""
        return [candidate for candidate in self._order if candidate.state is State.ANSWERED][: self._k]

    @property
    def answers(self) -> int:
        return sum(candidate.state is State.ANSWERED for candidate in self._order)

    def _place(self, candidate: Candidate) -> None:
        insort(self._order, candidate, key=_order)
        self._by_address[candidate.address] = candidate

    def _drop(self, candidate: Candidate) -> None:
        self._order.remove(candidate)
        del self._by_address[candidate.address]
        if self._by_net.get(network24(candidate.address[0])) is candidate:
            del self._by_net[network24(candidate.address[0])]


class Rto:
    """How long to wait for an answer before asking another: clamp(max(p10 + 100 ms, p90)) of the last 64 round trips."""

    def __init__(self, start: float = 1.0, least: float = 0.25, most: float = 2.0) -> None:
        self._least, self._most = least, most
        self._samples: deque[float] = deque(maxlen=64)
        self.value = start

    def add(self, seconds: float) -> None:
        self._samples.append(seconds)
        if len(self._samples) < 8:
            return
        ordered = sorted(self._samples)
        p10, p90 = ordered[len(ordered) // 10], ordered[len(ordered) * 9 // 10]
        self.value = min(self._most, max(self._least, p10 + 0.1, p90))
