"""Random swarms, one a seed, that can all be finished; and what must hold of each however it went."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sim import START, Schedules, Sim, SimOrigin, SimPeer

from slskdn_tui.engine.peers.reputation import avoided
from slskdn_tui.engine.swarm.piecemap import PieceMap
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF

MIB = 1024 * 1024
LEAST_WASTE = 16 * LEAF
"""In a file of less than 32 MiB the first requests to peers yet unknown, and races at the end, are more than 3 %: so many bytes are allowed there."""
DUPLICATES = 0.03
MEAN_TAIL_S = 1.0
LATE_TAIL_S = 3.0
"""How long a swarm may take after its last leaf was assigned: on average (0.5 s is usual, 2 s without an end game), and in nineteen of twenty (1.8; 6)."""
STRANDED_S = 10.0
"""A peer that has sent leaves and is silent for so long holds nothing."""
LONGEST_S = 90.0
"""Anchors are at least so fast that they alone finish a file in this time: a day of virtual ticks finds nothing more."""

Make = Callable[[PieceMap], Schedules]


@dataclass
class World:
    """A swarm and what was promised of it. `sim` is fresh: run it once."""

    seed: int
    sim: Sim
    liars: frozenset[str]
    fates: dict[str, str]
    anchor: str
    limit: float
    """Seconds by which it must be done: half as long again as what can be relied on would need alone, and some for what is lost to others."""


def _size(chance: random.Random, largest: int) -> int:
    kind = chance.random()
    if kind < 0.08:
        return chance.choice([1, LEAF - 1, LEAF])
    if kind < 0.25:
        return chance.randint(LEAF, 16 * LEAF)
    if kind < 0.60:
        return chance.randint(MIB, 8 * MIB)
    if kind < 0.86:
        return min(largest, chance.choice([32 * MIB, chance.randint(8 * MIB, 32 * MIB)]))
    if kind < 0.96:
        return min(largest, chance.randint(32 * MIB, 64 * MIB))
    return min(largest, chance.randint(64 * MIB, 256 * MIB))


def _lie(chance: random.Random, leaves: int) -> tuple[str, Callable[[int], bool]]:
    kind = chance.choice(["lies", "lies often", "lies rarely", "lies once", "lies late"])
    salt = chance.random()
    if kind == "lies":
        return kind, lambda leaf: True
    if kind in ("lies often", "lies rarely"):
        share = 0.3 if kind == "lies often" else 0.02
        return kind, lambda leaf: random.Random(f"{salt}{leaf}").random() < share
    if kind == "lies once":
        one = chance.randrange(leaves)
        return kind, lambda leaf: leaf == one
    edge = chance.randrange(leaves)
    return kind, lambda leaf: leaf >= edge


def _changes(chance: random.Random, fate: str, rate: float) -> list[tuple[float, float]]:
    when = START + chance.choice([chance.uniform(0, 1), chance.uniform(0, 12)])
    if fate == "dead":
        return [(START, 0.0)]
    if fate == "stalls":
        return [(when, 0.0)]
    if fate == "returns":
        return [(when, 0.0), (when + chance.uniform(0.5, 8), rate)]
    if fate == "fades":
        return [(when, rate / chance.uniform(3, 60))]
    if fate == "pulses":
        out = []
        for _ in range(chance.randint(2, 8)):
            out += [(when, 0.0), (when := when + chance.uniform(0.1, 3), rate)]
            when += chance.uniform(0.2, 4)
        return out
    return []


FATES = [
    "good",
    "good",
    "good",
    "dead",
    "stalls",
    "returns",
    "fades",
    "pulses",
    "liar",
    "liar",
    "late",
    "leaves",
    "comes and goes",
    "partial",
    "busy",
    "fails",
]


def _peer(chance: random.Random, name: str, leaves: int) -> tuple[SimPeer, str]:
    rtt = 10 ** chance.uniform(-2.7, -0.4) if chance.random() < 0.92 else chance.uniform(0.4, 1.2)
    peer = SimPeer(name, 10 ** chance.uniform(4.3, 7.4), rtt, jitter=chance.choice([0.0, 0.3, 1.0]), sorts=chance.random() < 0.5)
    fate = chance.choice(FATES)
    peer.changes = _changes(chance, fate, peer.rate)
    if fate == "liar":
        fate, peer.wrong = _lie(chance, leaves)
        if chance.random() < 0.3:
            peer.changes = _changes(chance, chance.choice(["stalls", "fades"]), peer.rate)
    if fate in ("late", "comes and goes"):
        peer.join = START + chance.uniform(0, 8)
    if fate in ("leaves", "comes and goes"):
        peer.leave = peer.join + chance.uniform(0.1, 8)
    if fate == "comes and goes":
        peer.again = peer.leave + chance.uniform(0, 5)
    if fate == "partial":
        share = chance.random()
        peer.has = frozenset(leaf for leaf in range(leaves) if chance.random() < share)
    if fate == "busy":
        peer.patience = chance.choice([2, 8, 32])
    if fate == "fails":
        peer.fails = chance.choice([0.05, 0.3, 1.0])
    peer.reputation = chance.choice([1.0] * 12 + [0.1, 0.3, 0.5, 0.69, 0.7, 0.85])
    return peer, fate


def _origin(chance: random.Random, leaves: int) -> SimOrigin:
    rate = 10 ** chance.uniform(3.5, 6.7)
    fate = chance.choice(["good", "good", "stalls", "returns", "fades", "ends", "wrong"])
    origin = SimOrigin(rate, _changes(chance, fate, rate))
    if fate == "ends":
        origin.ends = START + chance.uniform(0, 10)
    if fate == "wrong":
        origin.wrong = frozenset(leaf for leaf in range(1, leaves) if chance.random() < 0.3)
    return origin


def world(seed: int, scheduler: Make | None = None, *, largest: int = 256 * MIB, **options: object) -> World:
    """The swarm of a seed: an anchor that can finish it (a steady peer, steady holders of parts, or the origin), and up to eleven others of any kind."""
    chance = random.Random(seed)
    size = _size(chance, largest)
    leaves = -(-size // LEAF)
    least = max(30_000.0, size / LONGEST_S)
    fates: dict[str, str] = {}
    peers: list[SimPeer] = []
    for number in range(chance.choice([0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 11])):
        peer, fates[f"peer{number}"] = _peer(chance, f"peer{number}", leaves)
        peers.append(peer)
    origin = _origin(chance, leaves) if chance.random() < 0.35 else None
    anchor = chance.choices(["steady", "parts", "origin"], [75, 15, 10])[0]
    relied = math.inf
    if anchor == "origin":
        origin = SimOrigin(max(least, 10 ** chance.uniform(4.5, 6.7)), unproven=chance.random() < 0.5)
        relied = size / origin.rate
    else:
        count = 1 if anchor == "steady" else chance.randint(2, 4)
        owners = [chance.randrange(count) for _ in range(leaves)]
        for number in range(count):
            peer = SimPeer(
                f"anchor{number}", max(least, 10 ** chance.uniform(4.5, 7.3)), chance.uniform(0.005, 0.3), jitter=chance.choice([0.0, 0.5])
            )
            peer.reputation = chance.choice([1.0] * 8 + [0.2, 0.5])
            if size > 8 * MIB and avoided(peer.reputation):
                peer.reputation = 0.31
            if anchor == "parts":
                also = chance.random()
                peer.has = frozenset(leaf for leaf in range(leaves) if owners[leaf] == number or chance.random() < also)
            peers.append(peer)
            fates[peer.name] = anchor
        relied = size / min(peer.rate / (1 + peer.jitter / 2) for peer in peers if peer.name in fates and fates[peer.name] == anchor)
        if any(
            avoided(peer.reputation) for peer in peers if fates[peer.name] == anchor
        ):  # then the slowest of those who are not may have it all to do
            relied = max(relied, size / 20_000)
    chance.shuffle(peers)
    freezes: list[tuple[float, float]] = []
    at = START
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        at += chance.uniform(0.1, 4)
        freezes.append((at, length := chance.choice([0.08, 0.3, 1.5])))
        at += length
    downlink = math.inf
    if peers and chance.random() < 0.25:
        downlink = max(least, sum(peer.rate for peer in peers) * chance.uniform(0.2, 1.5))
        relied = max(relied, size / downlink)
    limits = chance.choice([PeerLimits(), PeerLimits(), PeerLimits(8, MIB), PeerLimits(2, 4 * LEAF)])
    if limits.requests < 64:  # a leaf or so a round trip
        relied = max(
            relied,
            leaves
            * max(
                [
                    1.2 if origin else 0.0,
                    *(
                        peer.rtt + LEAF / peer.rate * (1 + peer.jitter / 2) + LEAF / downlink
                        for peer in peers
                        if fates[peer.name] == anchor
                    ),
                ]
            ),
        )
    sim = Sim(
        size,
        peers,
        seed,
        scheduler=scheduler,
        origin=origin,
        freezes=freezes,
        downlink=downlink,
        tcp=chance.random() < 0.5,
        limits=limits,
        **options,
    )  # type: ignore[arg-type]
    liars = frozenset(peer.name for peer in peers if not peer.honest)
    return World(seed, sim, liars, fates, anchor, relied * 1.5 + 12 + sum(length for _, length in freezes))


def unpunished(sim: Sim) -> set[str]:
    return {peer.name for peer in sim.peers.values() if peer.served_wrong} - sim.banned


def allowed(sim: Sim) -> float:
    """Duplicate bytes that one swarm may have: 3 %, in a file of less than 32 MiB at least 1 MiB; and what peers had underway when they stopped for a while."""
    share = sim.pieces.size * DUPLICATES
    return (share if sim.pieces.size >= 32 * MIB else max(LEAST_WASTE, share)) + sum(peer.underway(sim.now) for peer in sim.peers.values())


def faults(one: World) -> list[str]:
    """Run it; what went wrong, in words."""
    sim = one.sim
    try:
        sim.run(one.limit)
    except AssertionError as error:
        return [f"seed {one.seed}: {error}"]
    found = []
    if sim.banned - one.liars:
        found.append(f"seed {one.seed}: honest {sorted(sim.banned - one.liars)} banned")
    if unpunished(sim):
        found.append(f"seed {one.seed}: {sorted(unpunished(sim))} sent wrong leaves and stayed")
    if sim.stranded > STRANDED_S:
        found.append(f"seed {one.seed}: a leaf waited for {sim.stranded:.1f} s at a peer that sent nothing")
    if sim.duplicates > allowed(sim):
        found.append(f"seed {one.seed}: {sim.duplicates} duplicate bytes of {sim.pieces.size}")
    return found


@dataclass
class Survey:
    """What many swarms came to. `tails`: seconds each took after its last leaf had been assigned; `times`: seconds each took, by seed."""

    faults: list[str] = field(default_factory=list)
    size: int = 0
    duplicates: int = 0
    large: int = 0
    above: int = 0
    liars: int = 0
    tails: list[float] = field(default_factory=list)
    times: dict[int, float] = field(default_factory=dict)

    def add(self, one: World) -> None:
        self.faults += faults(one)
        sim = one.sim
        took = one.limit if sim.finished is None else sim.finished
        self.size += sim.pieces.size
        self.duplicates += sim.duplicates
        self.large += sim.pieces.size >= 32 * MIB
        self.above += sim.pieces.size >= 32 * MIB and sim.duplicates > DUPLICATES * sim.pieces.size
        self.liars += len(sim.banned)
        self.tails.append(took - (sim.last_free - START))
        self.times[one.seed] = took

    def verdict(self) -> list[str]:
        """All that is wrong: with single swarms, and with all of them together."""
        found = list(self.faults)
        tails = sorted(self.tails)
        if self.duplicates > DUPLICATES * self.size:
            found.append(f"{self.duplicates / self.size:.1%} duplicates")
        if (mean := sum(tails) / len(tails)) > MEAN_TAIL_S:
            found.append(f"the last leaf is waited for {mean:.1f} s on average")
        if len(tails) >= 100 and (late := tails[int(len(tails) * 0.95)]) > LATE_TAIL_S:
            found.append(f"the last leaf is waited for more than {late:.1f} s in one swarm of twenty")
        return found


def survey(seeds: Iterable[int], scheduler: Make | None = None, **options: object) -> Survey:
    found = Survey()
    for seed in seeds:
        found.add(world(seed, scheduler, **options))
    return found
