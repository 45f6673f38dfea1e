"""Finishing times: who would be done when, who should decline, and which leaf would come last. Core: pure functions over lanes and pieces."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from slskdn_tui.engine.swarm.piecemap import FREE, PieceMap
from slskdn_tui.engine.swarm.plan.lanes import GUESS_BYTES_S, Lane
from slskdn_tui.model.variant import LEAF

END_S = 3.0
"""Look at finishing times only when less than so many seconds of work are unassigned."""
_TAIL_LOOK = 8


def one_leaf(lane: Lane, now: float) -> float:
    """Seconds until a leaf asked now would be here."""
    return lane.available(now) + LEAF / lane.rate(now)


def finish_time(work: float, peers: Iterable[tuple[float, float]]) -> float:
    """Seconds until `work` bytes are done when (seconds until free, bytes/s) peers share it best: the level of water poured over their queues."""
    ready = sorted(peers)
    rate = have = 0.0
    for index, (free, speed) in enumerate(ready):
        rate += speed
        have += free * speed
        level = (work + have) / rate if rate > 0 else float("inf")
        if index + 1 == len(ready) or level <= ready[index + 1][0]:
            return level
    return 0.0


def could_take(lane: Lane, pieces: PieceMap, now: float, ranges: Iterable[tuple[int, int]] | None = None) -> bool:
    """Some leaf (of `ranges`, if any are given) that nobody was asked for is not one of those it said it lacks."""
    for start, stop in ((0, pieces.leaves),) if ranges is None else ranges:
        leaf = pieces.status.find(FREE, start, stop)
        while leaf >= 0:
            if not lane.has_not(leaf, now):
                return True
            leaf = pieces.status.find(FREE, leaf + 1, stop)
    return False


def near_end(lane: Lane, others: Iterable[Lane], pieces: PieceMap, most: int, now: float) -> bool:
    """False: finishing times need no look, for `shorten` would grant `most` whoever of the others helps. Asked for every request, so it is cheap."""
    together = sum(one.metrics.throughput_avg or GUESS_BYTES_S for one in (lane, *others))  # no less than their rates
    missing = pieces.missing()
    return missing <= END_S * together and (missing / together - lane.available(now)) * lane.rate(now) < (most + 1) * LEAF


def shorten(lane: Lane, others: Collection[Lane], pieces: PieceMap, most: int, now: float) -> int:
    """How many leaves this peer can deliver before everybody would be done with what is unassigned; 0: it declines.

    `others` are those who may be asked for some of it, too.
    """
    missing = pieces.missing()
    if not others or not lane.metrics.known:
        return most
    if missing > END_S * (lane.rate(now) + sum(other.rate(now) for other in others if other.metrics.known)):
        return most
    rate = lane.rate(now)
    end = finish_time(missing, [(other.available(now), other.rate(now)) for other in [*others, lane]])
    slack = 0.02 + max(LEAF / rate if rate > 0 else 0.0, 0.01) * 0.25
    can = int((end + slack - lane.available(now)) * rate / LEAF)
    if can < 1 and one_leaf(lane, now) <= min(one_leaf(other, now) for other in others):
        return 1  # leaves cannot be split: the earliest takes it whole
    return min(most, can)


def last_leaf(lane: Lane, lanes: Mapping[str, Lane], pieces: PieceMap, now: float) -> tuple[float, int, Lane] | None:
    """(seconds, leaf, its slowest requester) of the leaf that would come last among those outstanding at others that `lane` could bring; None without one."""
    worst: tuple[float, int, Lane] | None = None
    for other in lanes.values():
        if other is lane or not (lane.metrics.known or other.metrics.known or other.overdue(now)):
            continue  # of two that nobody knows, none is the quicker before one should have answered
        for leaf in other.tail(_TAIL_LOOK):
            holders = pieces.holders.get(leaf, ())
            if lane.node in holders or lane.has_not(leaf, now):
                continue
            first = min(lanes[node].eta(leaf, now) for node in holders)
            if worst is None or first > worst[0]:
                worst = (first, leaf, max((lanes[node] for node in holders), key=lambda one: one.eta(leaf, now)))
            break
    return worst
