"""The success metrics of this node, from what its databases hold. `stats_view` shells the store; how a figure is made is Core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from slskdn_tui.config.settings import Fairness
from slskdn_tui.engine.peers.governor import judge
from slskdn_tui.engine.peers.ledger import WINDOW_DAYS, LedgerTotals, add_up
from slskdn_tui.engine.peers.reputation import Standing
from slskdn_tui.engine.store.records import PeerRow
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.views.known_peers import NOTHING, total
from slskdn_tui.model.parents import ParentRecord, ParentType
from slskdn_tui.model.stats import Share, StatsView, share

MONTH = timedelta(days=30)
THERE = ("completed", "here")


async def stats_view(store: Store, fairness: Fairness) -> StatsView:
    now = store.clock.wall()
    by_day = add_up((row.day, (row.plane, row.direction, row.bytes)) for row in await store.ledger.days())
    moved = total(by_day.values())
    within, grace = ratio_days(by_day, fairness)
    begun, succeeded, refused = await store.rescues.totals()
    parents = await store.parents.load_all()
    discographies, releases = discography_shares(parents)
    made = [datetime.fromisoformat(each.created_at) for each in parents if each.type is ParentType.CRATE]
    taken_back, wrong = await store.traces.wrong()
    uses = await store.usage.totals()
    cached = await store.cache.days()
    served, fetched = sum(day.bytes_served for day in cached), sum(day.bytes_fetched for day in cached)
    streams, stalled = (uses.times.get(kind, 0) for kind in ("stream", "stream_stalled"))
    return StatsView(
        0,
        doctor_runs=(await store.health.last()).run,
        rescues=share(succeeded, begun),
        rescues_refused=refused,
        discographies=discographies,
        discography_releases=releases,
        crates=len(made),
        crates_a_month=sum(now - each < MONTH for each in made) if made else None,
        low_reputation=low_reputation(await store.peers.all(), now),
        chunk_errors_avoided=share(taken_back, taken_back + wrong),
        days_within_ratio=within,
        days_in_grace=grace,
        manifests=share(uses.exported, uses.jobs),
        manifests_imported=uses.times.get("manifest_imported", 0),
        traces=share(uses.viewed, uses.own_jobs),
        streams=share(streams - stalled, streams),
        cache=share(sum(day.answered for day in cached), sum(day.requests for day in cached)) if cached else None,
        playback_stalls=uses.times.get("stall", 0),
        cache_bytes_saved=share(served - fetched, served),
        soulseek_bytes_saved=share(moved.mesh_down, moved.down),
    )


def ratio_days(by_day: Mapping[str, LedgerTotals], rules: Fairness) -> tuple[Share, int]:
    """Days on which something moved, each with the week it ends: within `min_ratio` of those on which it was asked; and how many were in grace.

    A week in which nothing was downloaded asks for nothing.
    """
    within = asked = grace = 0
    for name in by_day:
        day = date.fromisoformat(name)
        week = total(by_day.get((day - timedelta(days=back)).isoformat(), NOTHING) for back in range(WINDOW_DAYS))
        ratio = judge(week, by_day[name], rules, day).policies[0]
        if ratio.limit is None or ratio.value is None:
            continue
        if ratio.excused:
            grace += 1
        else:
            asked += 1
            within += not ratio.broken
    return share(within, asked), grace


def discography_shares(parents: Iterable[ParentRecord]) -> tuple[Share, Share]:
    """Discographies with every release there, and releases that are, of all; cancelled ones count as not complete."""
    whole = [each.members for each in parents if each.type is ParentType.DISCOGRAPHY]
    there = [sum(member.outcome in THERE for member in members) for members in whole]
    complete = sum(count == len(members) > 0 for count, members in zip(there, whole, strict=True))
    return share(complete, len(whole)), share(sum(there), sum(map(len, whole)))


def low_reputation(rows: Iterable[PeerRow], now: datetime) -> Share:
    """Peers of both planes that were asked for anything, and those of them that are avoided at `now`, as Peers shows them."""
    asked = [row for row in rows if row.last_request]
    flagged = 0
    for row in asked:
        last = datetime.fromisoformat(row.last_request).astimezone(UTC).timestamp()
        flagged += Standing(row.recent.decode("ascii", "ignore"), last).avoided_until(now.timestamp()) is not None
    return share(flagged, len(asked))
