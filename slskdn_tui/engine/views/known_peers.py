"""Who is known and how far trusted, and what was given and taken: stored facts in, views out. Core; with an engine and without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from slskdn_tui.config.settings import Fairness
from slskdn_tui.engine.peers.governor import GB, Policy, Verdict, size
from slskdn_tui.engine.peers.ledger import WINDOW_DAYS, LedgerTotals
from slskdn_tui.engine.peers.naming import SLSK, find_peer, long_name, peer_key
from slskdn_tui.engine.peers.reputation import FEW, Standing
from slskdn_tui.engine.store.records import PeerRow, Plane
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.peers import ContributionView, DayBytes, FairRule, KnownPeer, PeersView
from slskdn_tui.model.text import SafeText

NOTHING = LedgerTotals()


@dataclass(frozen=True, slots=True)
class Live:
    """What only a running engine knows of a peer; rates in bytes/s, `rtt` s."""

    connected: bool = False
    rate_up: float = 0.0
    rate_down: float = 0.0
    rtt: float | None = None
    address: str = ""
    client: str = ""
    soulseek: str = ""


def known_peers(
    rows: Iterable[PeerRow], moved: Mapping[tuple[Plane, str], LedgerTotals], live: Mapping[str, Live], now: datetime
) -> list[KnownPeer]:
    """Everybody who is connected, moved bytes in the window or is remembered: connected first, then who moved most."""
    stored = {peer_key(row.plane, row.peer_id): row for row in rows}
    bytes_of = {peer_key(plane, peer): totals for (plane, peer), totals in moved.items() if peer}
    keys = dict.fromkeys((*live, *stored, *bytes_of))
    peers = [_peer(key, stored.get(key), bytes_of.get(key, NOTHING), live.get(key, Live()), now) for key in keys]
    return sorted(peers, key=lambda peer: (not peer.connected, -peer.up - peer.down, peer.key))


def _peer(key: str, row: PeerRow | None, moved: LedgerTotals, live: Live, now: datetime) -> KnownPeer:
    slsk = key.startswith(SLSK)
    bare = key.removeprefix(SLSK)
    row = row or PeerRow(bare, "slsk" if slsk else "mesh")
    standing = Standing(row.recent.decode("ascii", "ignore"), _seconds(row.last_request))
    outcomes = standing.outcomes
    requests = max(FEW, len(outcomes))  # as the reputation counts them: one mishap does not condemn a newcomer
    note = _note(row, standing, now)
    state: Literal["blocked", "avoided", "connected", "away"] = "connected" if live.connected else "away"
    if row.blocked:
        state = "blocked"
    elif note:
        state = "avoided"
    return KnownPeer(
        key=key,
        version=0,
        peer=key,
        name=SafeText(bare, 60) if slsk else SafeText(short_node_id(bare)),
        plane="slsk" if slsk else "mesh",
        state=state,
        up=moved.up,
        down=moved.down,
        rate_up=live.rate_up,
        rate_down=live.rate_down,
        rtt=live.rtt,
        errors=sum(letter in "ec" for letter in outcomes) / requests,
        timeouts=outcomes.count("t") / requests,
        reputation=round(standing.score(now.timestamp()), 3),
        note=SafeText(note),
        soulseek=SafeText(live.soulseek, 60),
        client=SafeText(live.client, 60),
        address=SafeText(live.address or row.address, 80),
        connected=live.connected,
        last_seen="" if live.connected else row.last_seen,
        good_chunks=row.successful_chunks,
        failed_chunks=row.failed_chunks,
        timed_out_chunks=row.timeouts,
        corrupt_chunks=row.corrupt_chunks,
        long_name="" if slsk else long_name(bare),
    )


def _note(row: PeerRow, standing: Standing, now: datetime) -> str:
    """Why it gets nothing, or is asked last, and until when."""
    if row.blocked:
        return f"blocked by you{f': {row.block_reason}' if row.block_reason else ''}"
    until = standing.avoided_until(now.timestamp())
    if until is None:
        return ""
    why = "sent wrong bytes" if standing.lied(now.timestamp()) else f"reputation {standing.score(now.timestamp()):.2f}"
    return f"avoided until {_moment(until, now)}: {why}"


def _moment(seconds: float, now: datetime) -> str:
    """`21:40 UTC` today, `tomorrow 9:40 UTC` within a day, `3 Dec` beyond it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    day = "" if moment.date() == now.astimezone(UTC).date() else "tomorrow "
    return f"{day}{moment:%H:%M} UTC" if moment - now < timedelta(days=1) else f"{moment.day} {moment:%b}"


def _seconds(stamp: str) -> float | None:
    return datetime.fromisoformat(stamp).timestamp() if stamp else None


def peers_view(peers: list[KnownPeer], subject: str, filter_: str, start: int, count: int) -> PeersView:
    """All of them, those whose words hold the filter's, or one. UserError `not_found`, `usage` for a name that fits several."""
    connected = sum(peer.connected and peer.plane == "mesh" for peer in peers)
    if subject:
        one = find_peer([peer.key for peer in peers], subject)
        return PeersView(0, tuple(peer for peer in peers if peer.key == one), 1, connected)
    words = filter_.casefold().split()
    kinds = {"slsk": "soulseek", "mesh": "mesh"}
    found = [
        peer
        for peer in peers
        if all(
            word in f"{peer.name} {kinds[peer.plane]} {peer.state} {peer.note} {peer.soulseek} {peer.address}".casefold() for word in words
        )
    ]
    return PeersView(0, tuple(found[start : start + count]), len(found), connected)


# The report ----------------------------------------------------------------------------------------------------------


def contribution_view(subject: str, by_day: Mapping[str, LedgerTotals], verdict: Verdict, rules: Fairness, today: date) -> ContributionView:
    """`by_day` has the days of the window on which something moved. UserError `usage` for a number of days that is none."""
    if not (subject or "7").isdecimal() or not 1 <= int(subject or WINDOW_DAYS) <= WINDOW_DAYS:
        raise UserError("usage", f"no report of {subject!r} days", f"1 to {WINDOW_DAYS} days are kept")
    days = int(subject or WINDOW_DAYS)
    names = [(today - timedelta(days=back)).isoformat() for back in range(WINDOW_DAYS - 1, -1, -1)]
    moved = [by_day.get(name, NOTHING) for name in names]
    shown, week = total(moved[-days:]), total(moved)
    if not verdict.healthy:
        status, words = "broken", f"Out of balance: {verdict.why}"
    elif verdict.grace:
        status, words = "newcomer", "Newcomer, in grace"
    elif not shown.up and not shown.down:
        status, words = "quiet", "Nothing moved today" if days == 1 else f"Nothing moved in the last {days} days"
    else:
        status, words = "healthy", "Healthy contributor"
    return ContributionView(
        0,
        days,
        shown.slsk_up,
        shown.slsk_down,
        shown.mesh_up,
        shown.mesh_down,
        shown.up / shown.down if shown.down else None,
        status,  # type: ignore[arg-type]
        SafeText(words),
        tuple(SafeText(held) for held in verdict.enforced),
        tuple(DayBytes(name, one.slsk_up, one.slsk_down, one.mesh_up, one.mesh_down) for name, one in zip(names, moved, strict=True)),
        tuple(_rule(policy, week, rules) for policy in verdict.policies),
    )


def total(each: Iterable[LedgerTotals]) -> LedgerTotals:
    out = NOTHING
    for one in each:
        out = LedgerTotals(
            out.slsk_up + one.slsk_up, out.slsk_down + one.slsk_down, out.mesh_up + one.mesh_up, out.mesh_down + one.mesh_down
        )
    return out


def _rule(policy: Policy, week: LedgerTotals, rules: Fairness) -> FairRule:
    state: Literal["off", "broken", "grace", "ok"] = "ok"
    if policy.limit is None:
        state = "off"
    elif policy.broken or policy.excused:
        state = "broken" if policy.broken else "grace"
    rule = FairRule(policy.name, state, policy.value, policy.limit, SafeText(policy.words))
    basis = until = ""
    if policy.name == "overlay_upload_cap" and policy.limit is not None:
        earned = rules.overlay_upload_cap * week.slsk_up >= rules.grace_gb * GB
        basis = f"{rules.overlay_upload_cap:g} x Soulseek" if earned else "grace"
        if policy.broken:
            until = f"{size(week.mesh_up / rules.overlay_upload_cap - week.slsk_up)} more to give on Soulseek"
    elif policy.name == "min_ratio" and policy.limit is not None:
        if policy.broken:
            until = f"{size(policy.limit * week.down - week.up)} more to give"
        elif policy.excused:
            until = f"in force from {size(rules.grace_gb * GB)} down"
    elif policy.broken:
        until = "until 00:00 UTC"
    return replace(rule, basis=SafeText(basis), until=SafeText(until))
