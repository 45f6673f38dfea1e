"""While something plays: who is late with what the player waits for. Core: pure functions over lanes, pieces and windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slskdn_tui.engine.peers.reputation import trusted
from slskdn_tui.engine.swarm.piecemap import TAKEN, PieceMap
from slskdn_tui.engine.swarm.plan.finish import one_leaf
from slskdn_tui.engine.swarm.plan.lanes import Ask, Lane
from slskdn_tui.model.ports import HIGH, Window
from slskdn_tui.model.variant import LEAF

HIGH_S = 3.0
"""Time-out of a leaf in the high window,"""
REST_S = 30.0
"""and of any other while something plays."""
_CLEAR = 1.3
"""A leaf of the high window that would come too late is taken back where another peer is so many times earlier, time-out or not."""
_SOON_S = 0.5
KEEP_S = 2.0
"""What is played later than somebody else could bring it, and so much more, is left to whoever has it."""
_LATE = 1.5
"""A peer that has sent nothing for so many of its leaf times may need as long again."""
_MARGIN = 2.0


def soonest(lane: Lane, now: float) -> float:
    """Seconds until a leaf asked now would be here; what was cancelled too late to be held back comes before it."""
    one = LEAF / lane.rate(now)
    behind = sum(sent and now - when < 2 * one for when, sent, _ in lane.ghosts.values()) if lane.ghosts else 0
    return one_leaf(lane, now) + behind * one


def in_time_for(lane: Lane, window: Window, now: float) -> int:
    """How many leaves of a window are played before this peer could bring one; what comes after them is early enough for it."""
    return 1 + int(_MARGIN * soonest(lane, now) * window.pace / LEAF)


def held(lane: Lane, now: float) -> bool:
    """While something plays nothing more is asked of who is overdue with what it has."""
    return bool(lane.asks) and lane.metrics.known and lane.overdue(now)


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
    for leaf, due in _due(pieces, windows):
        if leaf not in seen:
            holders = [lanes[node] for node in pieces.holders.get(leaf, ()) if node in lanes]
            seen[leaf] = _late(lanes, holders[0], leaf, due, now) if len(holders) == 1 else None
    found = [each for each in seen.values() if each is not None]
    for lane in lanes.values():
        for ask in [ask for ask in lane.asks if now - ask.sent - lane.excused > REST_S]:
            for leaf in sorted(ask.left.difference(seen)):
                if (other := _earliest(lanes, lane, leaf, now)) is not None:
                    found.append(Late(lane, leaf, other, over=True))
    return found


def early(lane: Lane, lanes: Mapping[str, Lane], pieces: PieceMap, windows: Sequence[Window], now: float) -> set[int]:
    """Leaves of a peer that fell silent which stay with it for now: somebody else could bring them later and still in time. Most silences end, and
    what was in a send buffer then comes, too: begun again elsewhere, it would have come twice."""
    kept: dict[int, bool] = {}
    for leaf, due in _due(pieces, windows):
        if leaf in lane.by_leaf and leaf not in kept:
            other = _earliest(lanes, lane, leaf, now)
            kept[leaf] = other is not None and not _danger(other, due, now)
    return {leaf for leaf, stays in kept.items() if stays}


def _due(pieces: PieceMap, windows: Sequence[Window]) -> Iterator[tuple[int, float]]:
    """Leaves of the high windows that somebody was asked for, and in how many seconds each is played."""
    for window in windows:
        span = pieces.layout.touched(window.start, window.stop) if window.priority >= HIGH else range(0)
        for leaf in span:
            if pieces.status[leaf] == TAKEN:
                yield leaf, (leaf - span.start) * LEAF / window.pace if window.pace else 0.0


def _danger(other: Lane, due: float, now: float) -> bool:
    """A leaf played in `due` seconds must be begun by `other` now to come well before that."""
    return due < _CLEAR * soonest(other, now) + KEEP_S


def _late(lanes: Mapping[str, Lane], holder: Lane, leaf: int, due: float, now: float) -> Late | None:
    """None when the leaf, played in `due` seconds, stays with its holder."""
    ask, other = holder.by_leaf.get(leaf), _earliest(lanes, holder, leaf, now)
    if ask is None or other is None or not _danger(other, due, now):
        return None
    # Who is silent has had its time, but for the leaf with which it is tried again.
    over = now - ask.sent - holder.excused > HIGH_S or (holder.silent and ask.sent < holder.retry_at)
    mine = soonest(other, now)
    # Over a slow line a leaf takes longer than that: taken back from who is at it, it would be begun again and again.
    if over and (holder.silent or holder.overdue(now)) and mine < REST_S:
        return Late(holder, leaf, other, over=True)
    left = _left(holder, leaf, ask, now)
    if holder.silent or left <= max(due, _SOON_S) or mine * _CLEAR >= left:
        return None
    return Late(holder, leaf, other, over, holder.may_be_sent(leaf, now))


def _left(holder: Lane, leaf: int, ask: Ask, now: float) -> float:
    """Seconds until a leaf should be here from who was asked for it, less what it has been at it already."""
    one, waits = LEAF / holder.rate(now), holder.waiting(now)
    before = sum(asked <= ask.sent for _, _, asked in holder.ghosts.values())  # a cancel may have come too late for them
    eta = holder.eta(leaf, now) + before * one
    return max(eta, waits) if waits > _LATE * one else max(0.0, eta - waits)


def _earliest(lanes: Mapping[str, Lane], holder: Lane, leaf: int, now: float) -> Lane | None:
    """Who else would bring it first of those who answer; the trusted go before the others."""
    able = [
        lane
        for lane in lanes.values()
        if lane is not holder and lane.metrics.known and not lane.silent and now >= lane.paused_until and not lane.has_not(leaf, now)
    ]
    pool = [lane for lane in able if trusted(lane.reputation)] or able
    return min(pool, key=lambda lane: soonest(lane, now), default=None)
