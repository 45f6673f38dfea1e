"""Fixed snapshots of mesh peers and of a week's contribution, for tests and the docs' pictures. Core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slskdn_tui.model.peers import ContributionView, DayBytes, FairRule, KnownPeer, PeersView
from slskdn_tui.model.text import SafeText as T

GB = 1_000_000_000
NODES = {"b3:9f2c": "9f" * 32, "b3:77aa": "77" * 32, "b3:0d11": "0d" * 32, "b3:d0d0": "d0" * 32}


def _peer(name: str, state: str, up: float, down: float, **more: Any) -> KnownPeer:
    node = NODES.get(name, f"slsk:{name}")
    plane: Any = "mesh" if name in NODES else "slsk"
    long = "-".join("AEBAGBA" for _ in range(8)) if name in NODES else ""
    state_: Any = state
    return KnownPeer(
        node, 1, node, T(name), plane, state_, int(up * GB), int(down * GB), connected=state == "connected", long_name=long, **more
    )


def peers(subject: str = "") -> PeersView | None:
    rows = (
        _peer(
            "b3:9f2c", "connected", 4.1, 1.2, rate_up=420e3, rate_down=980e3, rtt=0.041, reputation=0.99, soulseek=T("mono_lith"),
            client=T("slskdn 0.2.0"), address=T("203.0.113.7:50305"), good_chunks=18_204, timed_out_chunks=3, last_seen="2026-11-22T21:04:00+00:00",
        ),
        _peer(
            "b3:77aa", "connected", 2.2, 0.4, rate_down=410e3, rtt=0.18, errors=0.04, timeouts=0.1, reputation=0.91, client=T("slskdn 0.2.0"),
            address=T("203.0.113.80:50305"), good_chunks=6_120, failed_chunks=41, timed_out_chunks=212, last_seen="2026-11-22T21:04:00+00:00",
        ),
        _peer("bluenote59", "connected", 12.4, 0.0, rate_up=700e3),
        _peer("dj_kode", "away", 0.0, 9.8, last_seen="2026-11-22T20:40:00+00:00", good_chunks=312, failed_chunks=4, reputation=0.92),
        _peer(
            "b3:0d11", "avoided", 0.0, 0.3, rtt=0.9, errors=0.31, timeouts=0.62, reputation=0.28, good_chunks=220, failed_chunks=61,
            timed_out_chunks=124, note=T("avoided until about 3 Dec: reputation 0.28"), last_seen="2026-11-22T19:12:00+00:00",
        ),
        _peer(
            "b3:d0d0", "blocked", 0.0, 0.01, rtt=0.061, errors=0.1, reputation=0.85, corrupt_chunks=1, good_chunks=9,
            note=T("blocked by you: sent wrong bytes twice"), last_seen="2026-11-21T23:00:00+00:00",
        ),
    )  # fmt: skip
    if subject:
        rows = tuple(row for row in rows if subject in (row.name, row.peer))
    stands = (
        T("3 neighbours, 2 reachable; you are behind NAT: others cannot dial you, you dial them"),
        T("adverts of 41 other nodes are known; this node tells of 100 recordings (overlay.offer: shared)"),
        T("12 more addresses to dial are known"),
    )
    return PeersView(1, rows, len(rows), 2, stands) if rows else None


def contribution(subject: str = "") -> ContributionView:
    """A week of giving more than taking; `1`: its last day."""
    days = (
        (11.2, 2.6), (14.0, 1.9), (18.3, 5.2), (19.1, 3.9), (21.4, 8.8), (16.8, 4.1), (10.2, 4.1),
    )  # fmt: skip
    history = tuple(
        DayBytes(f"2026-11-{16 + index}", *(int(value * GB) for value in (up * 0.38, down * 0.6, up * 0.62, down * 0.4)))
        for index, (up, down) in enumerate(days)
    )
    rules = (
        FairRule("min_ratio", "ok", 111.0 / 30.6, 1.0, T("uploaded 3.63 times what was downloaded in 7 days")),
        FairRule(
            "overlay_upload_cap", "ok", 68.7 * GB, 84.6 * GB, T("overlay upload of 7 days 68.7 GB of at most 84.6 GB"), T("2 x Soulseek")
        ),
        FairRule("overlay_daily_cap", "ok", 2.1 * GB, 50 * GB, T("overlay download of today (UTC) 2.1 GB of at most 50.0 GB")),
    )
    sums = (42.3, 18.5, 68.7, 12.1) if subject != "1" else (3.9, 2.0, 6.3, 2.1)
    slsk_up, slsk_down, mesh_up, mesh_down = (int(value * GB) for value in sums)
    return ContributionView(
        2 if subject == "1" else 1,
        int(subject or 7),
        slsk_up,
        slsk_down,
        mesh_up,
        mesh_down,
        (slsk_up + mesh_up) / (slsk_down + mesh_down),
        "healthy",
        T("Healthy contributor"),
        (),
        history,
        rules,
    )


def leeching() -> ContributionView:
    """Two rules broken, and what is held back for it."""
    view = contribution()
    rules = (
        FairRule("min_ratio", "broken", 0.41, 1.0, T("uploaded 0.41 times what was downloaded in 7 days, less than 1.00"), until=T("18.1 GB more to give")),
        replace(view.rules[1], value=0.5 * GB, limit=24.0 * GB),
        FairRule(
            "overlay_daily_cap", "broken", 50.0 * GB, 50 * GB, T("overlay download of today (UTC) 50.0 GB has reached its cap, 50.0 GB"),
            until=T("until 00:00 UTC"),
        ),
    )  # fmt: skip
    return replace(
        view,
        version=7,
        slsk_up=12 * GB,
        mesh_up=int(0.5 * GB),
        ratio=0.41,
        status="broken",
        words=T("Takes more than it gives: uploaded 0.41 times what was downloaded"),
        enforced=(
            T("no overlay downloads before 2026-11-23 00:00 UTC"),
            T("Soulseek first: other users who have a file are tried before the mesh"),
        ),
        rules=rules,
    )


def quiet() -> ContributionView:
    """Nothing moved yet."""
    rules = (
        FairRule("min_ratio", "ok", None, 1.0, T("nothing downloaded in 7 days")),
        FairRule("overlay_upload_cap", "ok", 0.0, 5.0 * GB),
        FairRule("overlay_daily_cap", "ok", 0.0, 50.0 * GB),
    )
    days = tuple(DayBytes(f"2026-11-{16 + index}") for index in range(7))
    return ContributionView(1, status="quiet", words=T("Nothing moved in the last 7 days"), history=days, rules=rules)


def moved(view: PeersView, tick: int) -> PeersView:
    """The same view some ticks later: three peers have moved on."""
    rows = tuple(
        replace(row, version=row.version + tick, up=row.up + tick * 51_000_000, rate_down=row.rate_down + tick * 13e3) if index < 3 else row
        for index, row in enumerate(view.rows)
    )
    return replace(view, version=view.version + tick, rows=rows)
