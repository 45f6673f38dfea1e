"""While something plays: who is late with what the player waits for. Core: pure functions over lanes, pieces and windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from slskdn_tui.engine.peers.reputation import trusted
from slskdn_tui.engine.swarm.finish import one_leaf
from slskdn_tui.engine.swarm.lanes import Lane
from slskdn_tui.engine.swarm.piecemap import TAKEN, PieceMap
from slskdn_tui.model.ports import HIGH, Window
from slskdn_tui.model.variant import LEAF

HIGH_S = 3.0
"""Time-out of a leaf in the high window,"""
REST_S = 30.0
"""and of any other while something plays."""
_CLEAR = 1.3
"""A leaf of the high window that would come too late is taken back where another peer is so many times earlier, time-out or not."""
_SOON_S = 0.5
_MARGIN = 2.0


def soonest(lane: Lane, now: float) -> float:
    """Seconds until a leaf asked now would be here; what was cancelled too late to be held back comes before it."""
    one = LEAF / lane.rate(now)
    behind = sum(sent and now - when < 2 * one for when, sent, _ in lane.ghosts.values()) if lane.ghosts else 0
    return one_leaf(lane, now) + behind * one


def in_time_for(lane: Lane, window: Window, now: float) -> int:
    """How many leaves of a window are played before this peer could bring one; what comes after them is early enough for it."""
    return 1 + int(_MARGIN * soonest(lane, now) * window.pace / LEAF)


def quick(lane: Lane, able: Iterable[Lane], now: float) -> bool:
    """It would bring a leaf within the time-out, or hardly later than anybody else."""
    mine = soonest(lane, now)
    return mine <= HIGH_S or all(mine <= _CLEAR * soonest(other, now) for other in able)


@dataclass(frozen=True, slots=True)
class Late:
    """`holder` is late with `leaf`, and `other` would bring it sooner. `over`: its time is over. `sent`: it cannot be called back, so two are asked for it."""

    holder: Lane
    leaf: int
    other: Lane
    over: bool
    sent: bool = False


def late(lanes: Mapping[str, Lane], pieces: PieceMap, windows: Sequence[Window], now: float) -> list[Late]:
    """What should be asked of somebody else, who is there and may be asked."""
    seen: dict[int, Late | None] = {}
    for window in windows:
        span = pieces.layout.touched(window.start, window.stop) if window.priority >= HIGH else range(0)
        for leaf in span:
            if pieces.status[leaf] == TAKEN and leaf not in seen:
                due = (leaf - span.start) * LEAF / window.pace if window.pace else 0.0
                holders = [lanes[node] for node in pieces.holders.get(leaf, ()) if node in lanes]
                seen[leaf] = _late(lanes, holders[0], leaf, due, now) if len(holders) == 1 else None
    found = [each for each in seen.values() if each is not None]
    for lane in lanes.values():
        for ask in [ask for ask in lane.asks if now - ask.sent - lane.excused > REST_S]:
            for leaf in sorted(ask.left.difference(seen)):
                if (other := _earliest(lanes, lane, leaf, now)) is not None:
                    found.append(Late(lane, leaf, other, over=True))
    return found


def _late(lanes: Mapping[str, Lane], holder: Lane, leaf: int, due: float, now: float) -> Late | None:
    """None when the leaf, played in `due` seconds, stays with its holder."""
    ask, other = holder.by_leaf.get(leaf), _earliest(lanes, holder, leaf, now)
    if ask is None or other is None:
        return None
    age = now - ask.sent - holder.excused
    over = age > HIGH_S
    left, mine = _left(holder, leaf, now), soonest(other, now)
    if over:  # what has waited so long may wait as long again
        left = max(left, age if due < age else age / 2)
    # Over a slow line a leaf takes longer than that: taken back from who is at it, it would be begun again and again.
    if over and (holder.silent or holder.overdue(now)) and mine < REST_S:
        return Late(holder, leaf, other, over=True)
    if left <= max(due, _SOON_S) or mine * _CLEAR >= left:
        return None
    return Late(holder, leaf, other, over, holder.may_be_sent(leaf, now))


def _left(holder: Lane, leaf: int, now: float) -> float:
    """Seconds until a leaf should be here from who was asked for it, less what it has been at it already."""
    eta = holder.eta(leaf, now)
    return eta if holder.overdue(now) else max(0.0, eta - holder.waiting(now))


def _earliest(lanes: Mapping[str, Lane], holder: Lane, leaf: int, now: float) -> Lane | None:
    """Who else would bring it first of those who answer; the trusted go before the others."""
    able = [
        lane
        for lane in lanes.values()
        if lane is not holder and lane.metrics.known and not lane.silent and now >= lane.paused_until and not lane.has_not(leaf, now)
    ]
    pool = [lane for lane in able if trusted(lane.reputation)] or able
    return min(pool, key=lambda lane: soonest(lane, now), default=None)
