"""Peers and the contribution report from stored facts: names, order, states, and how far a rule is from being kept again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from slskdn_tui.config.settings import Fairness
from slskdn_tui.engine.peers.governor import GB, judge
from slskdn_tui.engine.peers.ledger import LedgerTotals, add_up, window_start
from slskdn_tui.engine.peers.naming import find_peer
from slskdn_tui.engine.peers.reputation import Standing, avoided
from slskdn_tui.engine.store.records import PeerRow
from slskdn_tui.engine.views.known_peers import Live, contribution_view, known_peers, peers_view, total
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import short_node_id, show_node_id

NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
A, B, C = "aa" * 32, "ab" * 32, "cd" * 32


def row(node: str, recent: str = "", **more: object) -> PeerRow:
    return PeerRow(node, "mesh", "2026-11-22T20:00:00Z", recent=recent.encode(), last_request="2026-11-22T20:00:00Z", **more)  # type: ignore[arg-type]


def test_everybody_is_there_once_connected_first_then_who_moved_most() -> None:
    moved = {("mesh", A): LedgerTotals(mesh_down=5), ("mesh", C): LedgerTotals(mesh_up=9), ("slsk", "bob"): LedgerTotals(slsk_up=100)}
    peers = known_peers([row(A), row(B)], moved, {B: Live(True, rtt=0.04, soulseek="ann\x1b[2J")}, NOW)  # type: ignore[arg-type]
    assert [peer.peer for peer in peers] == [B, "slsk:bob", C, A]
    assert (peers[0].state, peers[0].rtt, peers[0].plane) == ("connected", 0.04, "mesh") and "\x1b" not in peers[0].soulseek
    assert (peers[1].name, peers[1].up, peers[1].plane, peers[1].long_name) == ("bob", 100, "slsk", "")
    assert (peers[2].up, peers[2].reputation, peers[3].down) == (9, 1.0, 5)


def test_rates_are_of_the_last_requests_and_a_block_goes_before_all() -> None:
    recent = "o" * 60 + "t" * 30 + "e" * 6 + "c" * 4
    peer, blocked, new = known_peers([row(A, recent), row(C, "c"), row(B, "c" * 10, blocked=True, block_reason="liar")], {}, {}, NOW)
    assert (peer.errors, peer.timeouts) == (0.1, 0.3)
    assert peer.state == "avoided" and peer.note == "avoided until tomorrow 20:00 UTC: sent wrong bytes"
    assert (new.errors, new.timeouts) == (0.1, 0.0), "one wrong chunk is no habit"
    assert (blocked.state, blocked.note) == ("blocked", "blocked by you: liar")


def test_who_is_avoided_for_a_low_reputation_is_told_the_day_it_has_healed() -> None:
    recent = "t" * 180 + "c" * 20
    standing = Standing(recent, NOW.timestamp() - 86_400)
    until = standing.avoided_until(NOW.timestamp())
    assert until is not None and avoided(standing.score(until - 60)) and not avoided(standing.score(until + 60))
    (peer,) = known_peers([PeerRow(A, "mesh", recent=recent.encode(), last_request="2026-11-21T21:00:00Z")], {}, {}, NOW)
    healed = datetime.fromtimestamp(until, UTC)
    assert peer.note == f"avoided until {healed.day} Nov: reputation {peer.reputation:.2f}" and healed - NOW > timedelta(days=1)
    assert Standing("o" * 200, NOW.timestamp()).avoided_until(NOW.timestamp()) is None
    assert Standing("c" * 200, NOW.timestamp() - 60 * 86_400).avoided_until(NOW.timestamp()) is None


def test_a_peer_is_named_by_any_beginning_that_is_its_own() -> None:
    keys = [A, B, C, "slsk:bob", "slsk:ab", "slsk:b3:x"]
    whole = show_node_id(C)
    for text in (C, C[:3], "cd", short_node_id(C), whole, whole[:20].lower(), "b3:" + whole[:9].lower(), " cd "):
        assert find_peer(keys, text) == C, text
    assert find_peer(keys, "bob") == find_peer(keys, "slsk:bob") == "slsk:bob"
    assert find_peer(keys, "ab") == "slsk:ab", "a user's whole name goes before a beginning"
    assert find_peer(keys, "b3:x") == "slsk:b3:x"
    assert find_peer(keys, "b3:" + show_node_id(B)[:6]) == B
    for text, code in (("a", "usage"), ("bo", "not_found"), ("", "not_found"), ("b3:", "not_found"), ("ef", "not_found")):
        with pytest.raises(UserError) as caught:
            find_peer(keys, text)
        assert caught.value.code == code, text
    with pytest.raises(UserError) as caught:
        find_peer(keys, "a")
    assert short_node_id(A) in caught.value.hint, "it says how to go on"


def test_a_window_and_a_filter_of_a_long_list() -> None:
    peers = known_peers([row(f"{number:064x}") for number in range(40)], {("slsk", "bob"): LedgerTotals(slsk_up=1)}, {}, NOW)
    view = peers_view(peers, "", "", 10, 5)
    assert len(view.rows) == 5 and view.total == 41
    assert [peer.name for peer in peers_view(peers, "", "soulseek BOB", 0, 5).rows] == ["bob"]
    assert peers_view(peers, "slsk:bob", "", 0, 5).total == 1


# The report ----------------------------------------------------------------------------------------------------------


def report(subject: str = "", rules: Fairness | None = None, **days: LedgerTotals):  # type: ignore[no-untyped-def]
    """`d0`: today, `d1`: yesterday, ..."""
    rules = rules or Fairness()
    by_day = {(TODAY - timedelta(days=int(name[1:]))).isoformat(): moved for name, moved in days.items()}
    verdict = judge(total(by_day.values()), by_day.get(TODAY.isoformat(), LedgerTotals()), rules, TODAY)
    return contribution_view(subject, by_day, verdict, rules, TODAY)


def gb(slsk_up: float = 0, slsk_down: float = 0, mesh_up: float = 0, mesh_down: float = 0) -> LedgerTotals:
    return LedgerTotals(*(int(each * GB) for each in (slsk_up, slsk_down, mesh_up, mesh_down)))


def test_a_week_adds_up_and_names_seven_days() -> None:
    view = report(d0=gb(1, 2, 0.5), d6=gb(30, 4, 3, 1))
    assert (view.up, view.down, view.status) == (int(34.5 * GB), 7 * GB, "healthy")
    assert view.ratio == pytest.approx(34.5 / 7) and view.words == "Healthy contributor" and view.enforced == ()
    assert [day.day for day in view.history] == [f"2026-11-{day}" for day in range(16, 23)]
    assert view.history[0].mesh_down == GB and view.history[3].slsk_up == 0
    assert [rule.state for rule in view.rules] == ["ok", "ok", "ok"] and view.rules[1].basis == "2 x Soulseek"


def test_a_window_shows_its_days_while_the_rules_look_at_the_week() -> None:
    view = report("1", d0=gb(slsk_down=6), d1=gb(slsk_up=60))
    assert (view.up, view.down, view.ratio, view.status) == (0, 6 * GB, 0.0, "healthy")
    assert view.rules[0].value == pytest.approx(10.0)
    assert report("1", d1=gb(1)).words == "Nothing moved today"


@pytest.mark.parametrize("subject", ["0", "8", "x", "-1", "1.5", "²"])
def test_a_number_of_days_that_is_none_is_refused(subject: str) -> None:
    with pytest.raises(UserError) as caught:
        report(subject)
    assert caught.value.code == "usage"


def test_each_breach_says_what_ends_it() -> None:
    short = report(d2=gb(2, 10))
    assert short.status == "broken" and short.words.startswith("Out of balance: uploaded 0.20 times")
    assert (short.rules[0].state, short.rules[0].until) == ("broken", "8.0 GB more to give") and short.enforced
    cap = report(d1=gb(5, 1, 12))
    assert (cap.rules[1].state, cap.rules[1].until, cap.rules[1].basis) == ("broken", "1.0 GB more to give on Soulseek", "2 x Soulseek")
    assert any("no overlay uploads" in held for held in cap.enforced)
    day = report(d0=gb(60, 0, 0, 50))
    assert (day.rules[2].state, day.rules[2].until) == ("broken", "until 00:00 UTC")
    assert any("no overlay downloads" in held for held in day.enforced)


def test_a_newcomer_is_told_and_nothing_is_held_back() -> None:
    view = report(d0=gb(0, 3))
    assert (view.status, view.rules[0].state, view.rules[0].until, view.enforced) == ("newcomer", "grace", "in force from 5.0 GB down", ())
    assert report().status == "quiet" and report().ratio is None
    off = report(rules=Fairness(min_ratio=0, overlay_upload_cap=0, daily_overlay_gb=0), d0=gb(0, 30))
    assert [rule.state for rule in off.rules] == ["off", "off", "off"] and off.status == "healthy"


def test_sums_keep_planes_and_directions_apart() -> None:
    entries = [("a", ("slsk", "up", 1)), ("a", ("mesh", "down", 2)), ("b", ("slsk", "up", 4)), ("a", ("slsk", "up", 8))]
    assert add_up(entries) == {"a": LedgerTotals(9, 0, 0, 2), "b": LedgerTotals(4)}  # type: ignore[arg-type]
    assert window_start(TODAY) == "2026-11-16" and window_start(TODAY, 1) == "2026-11-22"
