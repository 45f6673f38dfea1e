"""The way out: every datagram passes here, with its limits, open questions and timers. Core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slskdn_tui.engine.dht.limits import DhtLimits, OutputCap, PerAddress
from slskdn_tui.engine.dht.machine.outputs import Event, Output, Send
from slskdn_tui.engine.dht.machine.questions import Purpose, Questions, Timers
from slskdn_tui.engine.dht.routing.rto import Rto
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import Address, Permit
from slskdn_tui.engine.dht.wire.chance import Rng
from slskdn_tui.engine.dht.wire.krpc import Node

QUERY_BYTES = 160  # our longest query, for asking the output cap before the bytes exist
POLITE = 0.8  # of what we accept from others is what we send them: delays on the way bunch datagrams up
SOON = 0.02  # least wait, so that a rounding error never spins


@dataclass(slots=True)
class Counters:
    """Since the start; `dropped_*` are datagrams that had no effect."""

    bytes_in: int = 0
    bytes_out: int = 0
    queries_in: int = 0
    queries_out: int = 0
    replies_in: int = 0
    replies_out: int = 0
    failures_in: int = 0
    timeouts: int = 0
    dropped_address: int = 0
    dropped_malformed: int = 0
    dropped_flood: int = 0
    dropped_stray: int = 0
    dropped_output: int = 0
    dropped_foreign: int = 0
    dropped_read_only: int = 0


class Wire:
    def __init__(self, node_id: bytes, rng: Rng, limits: DhtLimits, permit: Permit, now: float) -> None:
        self.node_id, self.limits, self.permit = node_id, limits, permit
        self.own: Address | None = None
        self.read_only = False
        self.counters = Counters()
        self.questions = Questions(rng)
        self.timers = Timers()
        self.rto = Rto(limits.rto_start, limits.rto_min, limits.rto_max)
        self._towards = PerAddress(limits.burst * POLITE, limits.per_second * POLITE)
        self._output = OutputCap(limits.output_bytes_s, limits.output_burst_s, now)
        self._out: list[Output] = []

    def allows(self, address: Address) -> bool:
        return address != self.own and self.permit.allows(address)

    def wrote_to(self, host: str, now: float, within: float) -> bool:
        """Whether a query of ours went to that host lately."""
        return self._towards.used(host, now, within)

    @property
    def deadline(self) -> float | None:
        """When the next timer that still matters is due."""
        return self.timers.next_of(self.questions)

    def speakable(self, node: Node) -> bool:
        """Whether a node that someone named may be asked."""
        return node[0] != self.node_id and self.allows(node[1])

    def ask(
        self,
        address: Address,
        expected: bytes | None,
        purpose: Purpose,
        op: int,
        method: bytes,
        args: Mapping[bytes, Any],
        now: float,
        size: int = QUERY_BYTES,
    ) -> float:
        """Send a query of at most `size` bytes; 0.0 when it went, else the seconds until it may."""
        held = max(self._towards.wait(address[0], now), self._output.wait(size, now))
        if self.questions.full:
            held = max(held, 1.0)
        if held:
            return max(held, SOON)
        question = self.questions.ask(address, expected, purpose, op, now)
        data = krpc.encode_query(question.tid, method, self.node_id, args, self.read_only)
        self._towards.take(address[0], now)
        self._output.take(len(data), now)
        self.timers.set(now + self.rto.value, "slow", question.tid)
        self.timers.set(now + self.limits.hard_timeout, "lost", question.tid)
        self.counters.queries_out += 1
        self._send(data, address)
        return 0.0

    def answer(self, reply: bytes | None, address: Address, now: float) -> int:
        """Send a reply if there is one and the output cap allows; the bytes sent."""
        if reply is None or not self._output.take(len(reply), now, reply=True):
            self.counters.dropped_output += 1
            return 0
        self.counters.replies_out += 1
        self._send(reply, address)
        return len(reply)

    def emit(self, event: Event) -> None:
        self._out.append(event)

    def take(self) -> list[Output]:
        """What gathered since the last call, in order."""
        out, self._out = self._out, []
        return out

    def _send(self, data: bytes, address: Address) -> None:
        self.counters.bytes_out += len(data)
        self._out.append(Send(data, address))
