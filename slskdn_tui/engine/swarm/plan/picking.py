"""What one peer is asked for next: windows of a player, urgent leaves, the rest from the end. Core: no I/O, time is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from slskdn_tui.engine.peers.reputation import avoided, trusted
from slskdn_tui.engine.swarm.piecemap import FREE, PieceMap, runs, without
from slskdn_tui.engine.swarm.plan.cost import cheapest
from slskdn_tui.engine.swarm.plan.finish import END_S, could_take, near_end, one_leaf, shorten
from slskdn_tui.engine.swarm.plan.lanes import Lane
from slskdn_tui.engine.swarm.plan.urgent import in_time_for, quick
from slskdn_tui.model.ports import HIGH, Window

TAIL_LEAVES = 32
"""The last 2 MiB of a file are urgent: players and taggers read them first."""


class Picker:
    """Chooses among what nobody was asked for; `costs` gives the cost of each peer of `lanes`, the unknown at the median."""

    def __init__(self, pieces: PieceMap, lanes: Mapping[str, Lane], costs: Callable[[], Mapping[str, float]]) -> None:
        self._pieces = pieces
        self._lanes = lanes
        self._costs = costs

    def pick(self, lane: Lane, most: int, windows: Sequence[Window], now: float) -> tuple[int, int, int, str] | None:
        """(first, count, priority, class) of what this peer should be asked next; None when it should be asked for nothing new."""
        pieces = self._pieces
        if pieces.status.find(FREE) < 0:
            return None
        better = [one for one in self._able(now) if one is not lane and not avoided(one.reputation)]
        if better and avoided(lane.reputation):
            return self._last_resort(lane, better, now)
        low = pieces.reach(lane.available(now)) if pieces.stream is not None else 0  # what the origin brings earlier is left to it
        tail = max(low, pieces.leaves - TAIL_LEAVES)
        last: list[tuple[int, int]] = []
        spans = [span for one in windows if one.priority > 0 and (span := pieces.layout.touched(one.start, one.stop))]
        high, mid = [[one for one in windows if one.priority > 0 and (one.priority >= HIGH) is kind] for kind in (True, False)]
        for one in high:
            span = pieces.layout.touched(one.start, one.stop)
            if found := self._run(lane, 1, span.start, span.stop, now, forwards=True):
                if self._chosen(lane, found[0], now) and quick(lane, self._able(now, found[0]), now):
                    return (*found, one.priority, "window")
                in_time = span.start + in_time_for(lane, one, now)
                if one.pace and self._entrusted(lane, now) and (found := self._run(lane, 1, in_time, span.stop, now, forwards=True)):
                    return (*found, one.priority, "window")
                last.append((span.start, span.stop))
        order = list(without((low, tail), [(span.start, span.stop) for span in spans]))
        if near_end(lane, better, pieces, most, now):
            most = shorten(lane, [one for one in better if self._helps(one, order, now)], pieces, most, now)
            if most < 1:
                return None
        for one in mid:
            span = pieces.layout.touched(one.start, one.stop)
            if run := self._run(lane, most, max(span.start, low), span.stop, now, forwards=True):
                return (*run, one.priority, "window")
        if run := self._run(lane, most, tail, pieces.leaves, now):
            if self._chosen(lane, run[0], now):
                return (*run, 1, "urgent")
            last.append((tail, pieces.leaves))
        if pieces.stream is not None:
            order.reverse()
        if last and self._entrusted(lane, now):
            order += last
        if pieces.stream is not None:  # what the origin brought wrong, and the leaf it is in: only when nothing else is missing
            _, stop = pieces.span(pieces.floor)
            sooner = one_leaf(lane, now) < (stop - pieces.stream) / max(pieces.stream_rate, 1.0)
            order.append((0, pieces.floor + sooner))
        for start, stop in order:
            if run := self._run(lane, most, start, stop, now):
                return (*run, 0, "normal")
        return None

    def _last_resort(self, lane: Lane, better: list[Lane], now: float) -> tuple[int, int, int, str] | None:
        """A peer of bad reputation is asked only for what all the others have said they lack."""
        fewest = min(better, key=lambda one: len(one.lacks))
        for leaf in fewest.lacks:
            if self._pieces.status[leaf] == FREE and not lane.has_not(leaf, now) and all(one.said_no(leaf, now) for one in better):
                return leaf, 1, 0, "normal"
        return None

    def _run(self, lane: Lane, most: int, low: int, high: int, now: float, forwards: bool = False) -> tuple[int, int] | None:
        """Free leaves in [low, high) that it has, as far as is known: from the end while an origin brings the front, unless `forwards`."""
        pieces = self._pieces
        backwards = pieces.stream is not None and not forwards
        while low < high:
            run = pieces.free_back(most, low, high) if backwards else pieces.free_front(most, low, high)
            if run is None or not lane.choosy:
                return run
            first, count = run
            held = [leaf for leaf in range(first, first + count) if not lane.has_not(leaf, now)]
            if held:
                at = runs(held)
                return at[-1] if backwards else at[0]
            if backwards:
                high = first
            else:
                low = first + count
        return None

    def _able(self, now: float, leaf: int | None = None) -> list[Lane]:
        """Peers that may be asked now, for `leaf` if one is given."""
        return [
            lane
            for lane in self._lanes.values()
            if not lane.silent and now >= lane.paused_until and (leaf is None or not lane.has_not(leaf, now))
        ]

    def _chosen(self, lane: Lane, leaf: int, now: float) -> bool:
        """Among the better half by cost of those trusted who may have this leaf, or of all who may where nobody is trusted."""
        able = self._able(now, leaf)
        pool = [one.node for one in able if trusted(one.reputation)] or [one.node for one in able]
        return lane.node in cheapest(self._costs(), pool)[: (len(pool) + 1) // 2]

    def _entrusted(self, lane: Lane, now: float) -> bool:
        """May be asked for urgent leaves, if not first: it is trusted, or those who are would take long over all that is unassigned."""
        if trusted(lane.reputation):
            return True
        rate = sum(
            one.rate(now) for one in self._able(now) if trusted(one.reputation) and (not one.choosy or could_take(one, self._pieces, now))
        )
        return self._pieces.missing() > END_S * rate

    def _helps(self, lane: Lane, ordinary: list[tuple[int, int]], now: float) -> bool:
        """Could take something of what is unassigned. Who cannot is no help: a slow peer that declined in its favour would wait for ever."""
        if trusted(lane.reputation) and not lane.choosy:
            return True
        return could_take(lane, self._pieces, now, [(0, self._pieces.leaves)] if self._entrusted(lane, now) else ordinary)
