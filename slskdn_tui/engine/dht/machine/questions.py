"""Open questions and timers: what the core waits for. Core."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import Enum

from slskdn_tui.engine.dht.wire.addresses import Address
from slskdn_tui.engine.dht.wire.chance import Rng

TID = 4
MOST = 1024


class Purpose(Enum):
    LOOKUP = "lookup"
    ANNOUNCE = "announce"
    PING = "ping"
    VERIFY = "verify"
    SAMPLE = "sample"


@dataclass(slots=True)
class Question:
    """A query of ours without an answer yet. `expected` is the id we believe lives there; `op` the command it serves."""

    tid: bytes
    address: Address
    expected: bytes | None
    purpose: Purpose
    op: int
    sent: float
    slow: bool = False


class Questions:
    """By transaction id (4 bytes at random, so that a blind forger must guess) and address; at most `MOST` at once."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._open: dict[bytes, Question] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, tid: bytes) -> bool:
        return tid in self._open

    @property
    def full(self) -> bool:
        return len(self._open) >= MOST

    def ask(self, address: Address, expected: bytes | None, purpose: Purpose, op: int, now: float) -> Question:
        tid = self._rng.randbytes(TID)
        while tid in self._open:
            tid = self._rng.randbytes(TID)
        question = self._open[tid] = Question(tid, address, expected, purpose, op, now)
        return question

    def match(self, tid: bytes, address: Address) -> Question | None:
        """Take out the question that this answer belongs to; only the asked address may answer."""
        question = self._open.get(tid)
        if question is None or question.address != address:
            return None
        return self._open.pop(tid)

    def get(self, tid: bytes) -> Question | None:
        return self._open.get(tid)

    def drop(self, tid: bytes) -> Question | None:
        return self._open.pop(tid, None)


class Timers:
    """(when, name, argument), earliest first; equal times in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, bytes | int]] = []
        self._count = 0

    def set(self, when: float, name: str, argument: bytes | int = 0) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, name, argument))

    def next_of(self, questions: Questions) -> float | None:
        """When the next one is due; those of questions that were answered are dropped on the way."""
        heap = self._heap
        while heap:
            when, _, _, argument = heap[0]
            if not isinstance(argument, bytes) or argument in questions:
                return when
            heapq.heappop(heap)
        return None

    def due(self, now: float) -> tuple[str, bytes | int] | None:
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, name, argument = heapq.heappop(self._heap)
        return name, argument
