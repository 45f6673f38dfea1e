"""What the scheduler decides, for the shell to carry out: ask, cancel, and which requests are over. Core: values."""

from __future__ import annotations

from dataclasses import dataclass, field

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.swarm.events import Inputs
from slskdn_tui.engine.swarm.piecemap import runs
from slskdn_tui.engine.swarm.plan.lanes import Ask, Lane


@dataclass(frozen=True, slots=True)
class Order:
    """Ask `node` for leaves [first, first + count)."""

    node: str
    first: int
    count: int
    priority: int = 0
    inputs: Inputs | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Tell `node` that leaves [first, first + count) are not wanted any more. `why`: take_back, rebalance, loser; `words`, where there is more to say."""

    node: str
    first: int
    count: int
    why: str
    inputs: Inputs | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of leaves of a request that is over: those that came (`OK`, also of one that failed in the end), or those that did not.

    `whole`: stands for the request itself; one of each request does, with no leaves when it brought only what was here already.
    """

    node: str
    first: int
    count: int
    outcome: ChunkOutcome
    rtt_s: float | None = None
    bytes_s: float | None = None
    whole: bool = True


@dataclass(slots=True)
class Step:
    """What a call decided: to be carried out by the shell in this order."""

    cancels: list[Cancel] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)


def came(lane: Lane, ask: Ask) -> list[Ended]:
    """The runs that a request has brought so far."""
    rtt = ask.answered - ask.sent if ask.answered is not None else None
    return [Ended(lane.node, *run, ChunkOutcome.OK, rtt, lane.metrics.throughput_avg, whole=False) for run in runs(ask.brought)]
