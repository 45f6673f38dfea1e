"""Success metrics from stored facts: which days count for the ratio, which discographies are complete, who is avoided; and the words for them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

from slskdn_tui.config.settings import Fairness
from slskdn_tui.engine.peers.governor import GB
from slskdn_tui.engine.peers.ledger import LedgerTotals
from slskdn_tui.engine.store.records import PeerRow
from slskdn_tui.engine.views.stats import discography_shares, low_reputation, ratio_days
from slskdn_tui.model.parents import Member, ParentRecord, ParentType
from slskdn_tui.model.stats import Share, StatsView, figures, share
from slskdn_tui.model.text import SafeText

NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


def days(**moved: LedgerTotals) -> dict[str, LedgerTotals]:
    """`d3` is three days after the first of November."""
    return {(date(2026, 11, 1) + timedelta(days=int(name[1:]))).isoformat(): totals for name, totals in moved.items()}


def test_a_day_counts_by_the_week_it_ends_and_grace_counts_for_neither() -> None:
    rules = Fairness(min_ratio=1.0, grace_gb=5)
    moved = days(
        d0=LedgerTotals(slsk_down=4 * GB), d1=LedgerTotals(mesh_down=4 * GB), d3=LedgerTotals(slsk_up=8 * GB), d20=LedgerTotals(slsk_up=1)
    )
    assert ratio_days(moved, rules) == (share(1, 2), 1), "grace; short; mended; a week without a download asks for nothing"
    assert ratio_days(moved, Fairness(min_ratio=0)) == (share(0, 0), 0), "nothing is asked for"
    assert ratio_days({}, rules)[0].rate is None


def parent(kind: ParentType, *outcomes: str) -> ParentRecord:
    return ParentRecord("1", kind, "x", SafeText("x"), "core", members=[Member("m", outcome=outcome) for outcome in outcomes])  # type: ignore[arg-type]


def test_a_discography_is_complete_when_every_release_is_there() -> None:
    disco, crate = ParentType.DISCOGRAPHY, ParentType.CRATE
    parents = [parent(disco, "completed", "here"), parent(disco, "completed", "failed", ""), parent(disco), parent(crate, "completed")]
    assert discography_shares(parents) == (share(1, 3), share(3, 5))
    assert discography_shares([parent(crate, "completed")]) == (Share(), Share())


def test_only_peers_that_were_asked_count_and_those_avoided_now_are_flagged() -> None:
    def peer(recent: str, days_ago: float | None) -> PeerRow:
        asked = "" if days_ago is None else (NOW - timedelta(days=days_ago)).isoformat()
        return PeerRow("a", "mesh", recent=recent.encode(), last_request=asked)

    rows = [
        peer("o" * 50, 0.1),
        peer("c", 0.1),
        peer("c", 2),
        peer("t" * 100 + "c" * 100, 1.5),
        peer("t" * 100 + "c" * 100, 60),
        peer("", None),
    ]
    assert low_reputation(rows, NOW) == share(2, 5)
    assert low_reputation([peer("", None)], NOW).rate is None


def test_on_a_new_profile_no_rate_is_0_or_100_percent() -> None:
    def rates(value: object) -> list[object]:
        return [value["rate"]] if isinstance(value, dict) else []

    empty = StatsView(0)
    assert {rate for value in asdict(empty).values() for rate in rates(value)} == {None}
    assert empty.crates_a_month is None and empty.cache is None
    assert not [figure for figure in figures(empty) if "%" in figure.value]


def test_figures_say_the_share_and_what_it_is_of() -> None:
    said = {
        each.name: (each.value, each.words)
        for each in figures(StatsView(0, rescues=share(2, 3), soulseek_bytes_saved=share(1_500_000, 6_000_000)))
    }
    assert said["Rescue success"] == ("66.7 %", "2 of 3 rescues completed their file")
    assert said["Soulseek bytes saved"] == ("25.0 %", "1.5 MB of 6.0 MB came over the mesh")
    assert len(said) == 12
