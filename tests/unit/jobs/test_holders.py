"""Whom a track tries next, after how each holder ended."""

from __future__ import annotations

from slskdn_tui.engine.jobs.sources.history import score
from slskdn_tui.engine.jobs.sources.holders import BACK_OFF, FULL_S, REFUSED_S, REST_S, TRIES, Holders
from slskdn_tui.engine.store.state.user_history import UserFacts
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.ports import OriginEnd

ANNA, BEN, CLEO = (FoundFile(name, f"Music\\{name}.flac", 1000, "flac") for name in ("anna", "ben", "cleo"))
ALL = [ANNA, BEN, CLEO]


def test_who_lost_us_rests_longer_each_time_and_others_go_first() -> None:
    holders = Holders()
    now = 100.0
    for tries in range(TRIES):
        holders.ended(ANNA, OriginEnd.LOST, "the connection broke", now)
        wait = BACK_OFF[tries] if tries < TRIES - 1 else REST_S
        assert ANNA not in holders.usable(ALL, now + wait - 0.1)
        now += wait
        assert holders.usable(ALL, now) == [BEN, CLEO, ANNA]
    assert holders.next_at(ALL) == now


def test_who_is_away_is_tried_again_when_back_and_not_before() -> None:
    holders = Holders()
    holders.ended(ANNA, OriginEnd.OFFLINE, "anna is not online", 0.0)
    assert holders.usable([ANNA], 1e9) == [] and holders.away(ALL) == {"anna"} and holders.next_at([ANNA]) is None
    holders.back({"ben"})
    assert holders.usable([ANNA], 0.0) == []
    holders.back({"anna"})
    assert holders.usable([ANNA], 0.0) == [ANNA]


def test_a_refusal_is_respected_and_a_full_queue_is_asked_again_soon() -> None:
    holders = Holders()
    holders.ended(ANNA, OriginEnd.DENIED, "anna says: Banned", 0.0)
    holders.ended(BEN, OriginEnd.DENIED, "ben says: Too many files", 0.0)
    assert holders.usable(ALL, FULL_S - 1) == [CLEO]
    assert holders.usable(ALL, FULL_S) == [BEN, CLEO]
    assert ANNA in holders.usable(ALL, REFUSED_S)


def test_wrong_bytes_are_never_tried_again_but_another_whole_file_once_when_nobody_is_left() -> None:
    holders = Holders()
    holders.bad(ANNA)
    holders.ended(BEN, OriginEnd.MISMATCH, "the bytes differ", 0.0)
    assert holders.usable([ANNA, BEN], 1e9) == []
    assert holders.start_over([ANNA, BEN]) == [BEN]
    assert holders.usable([ANNA, BEN], 0.0) == [BEN]
    holders.ended(BEN, OriginEnd.MISMATCH, "the bytes differ", 0.0)
    assert holders.start_over([ANNA, BEN]) == []


def test_history_falls_with_failures_and_recovers_with_files_that_came() -> None:
    assert score(UserFacts("new")) == 1.0
    assert score(UserFacts("once", failed=1)) == 0.5
    assert score(UserFacts("mostly", done=9, failed=1)) > 0.9 > score(UserFacts("often", done=1, failed=4))
