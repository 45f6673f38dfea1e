"""The Soulseek cores as values: gate, hold-off, pace, waits, words, share queries, inflation."""

from __future__ import annotations

import itertools
import random
import socket
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.soulseek.connection import supervise
from slskdn_tui.engine.soulseek.manners.holdoff import BACKOFF_S, HoldOff
from slskdn_tui.engine.soulseek.manners.pace import Pace
from slskdn_tui.engine.soulseek.search.gate import GateRules, SearchGate, query_key, tidy
from slskdn_tui.engine.soulseek.shares.query import alias_of, excluded, match_expression, parse_query, remote_path, shareable, words_of
from slskdn_tui.engine.soulseek.wire.hardening import MessageRefused, inflate


def go(gate: SearchGate, query: str, now: float) -> None:
    gate.begin(query, now)
    gate.end()


def test_one_search_in_flight_and_a_gap_after_it() -> None:
    gate = SearchGate(GateRules())
    gate.begin("a", 100.0)
    assert gate.wait_for("b", 101.0) == float("inf")
    gate.end()
    assert gate.wait_for("b", 101.0) == pytest.approx(2.0)
    assert gate.wait_for("b", 103.0) == 0
    with pytest.raises(RuntimeError):
        gate.begin("b", 101.0)


def test_thirty_in_220_seconds_and_then_the_first_must_leave_the_window() -> None:
    gate = SearchGate(GateRules())
    for number in range(30):
        go(gate, f"q{number}", number * 4.0)
    assert gate.wait_for("next", 120.0) == pytest.approx(100.0)
    assert gate.wait_for("next", 220.0) == 0


def test_the_same_query_waits_five_minutes_whatever_its_case_and_order() -> None:
    gate = SearchGate(GateRules())
    go(gate, "Some Band", 0.0)
    assert gate.wait_for("band  SOME", 10.0) == pytest.approx(290.0)
    assert gate.wait_for("some band live", 10.0) == 0


def test_a_restart_keeps_the_window_and_a_clock_set_back_does_not_hold_for_years() -> None:
    gate = SearchGate(GateRules(), [(1000.0, "x"), (5_000_000_000.0, "y")])
    assert gate.wait_for("z", 1001.0) == pytest.approx(3.0)
    assert gate.wait_for("y", 1001.0) == pytest.approx(300.0)


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from("abcdefgh")), max_size=120))
def test_whatever_callers_do_the_rules_hold(steps: list[tuple[float, str]]) -> None:
    rules = GateRules(gap_s=3, window=5, window_s=60, repeat_s=40)
    gate, now, sent = SearchGate(rules), 0.0, []
    for wait, query in steps:
        now += wait
        if gate.wait_for(query, now) == 0:
            go(gate, query, now)
            sent.append((now, query))
    for index, (when, query) in enumerate(sent):
        earlier = sent[:index]
        assert all(when - then >= rules.gap_s - 1e-6 for then, _ in earlier)
        assert sum(then > when - rules.window_s + 1e-6 for then, _ in earlier) < rules.window
        assert all(asked != query or when - then >= rules.repeat_s - 1e-6 for then, asked in earlier)


def test_queries_are_tidied_before_they_are_sent() -> None:
    assert tidy("  a\tb\x07\n c ") == "a b c" and len(tidy("x" * 1000)) == 250 and tidy("\0 ") == ""
    assert query_key("B a") == query_key("a  b")


def test_back_off_grows_and_a_success_clears_it() -> None:
    holds = HoldOff()
    assert [holds.failed("u", 0.0) for _ in range(7)] == [*BACKOFF_S, 1800.0, 1800.0]
    assert holds.remaining("u", 100.0) == 1700.0 and holds.remaining("v", 0.0) == 0
    holds.succeeded("u")
    assert holds.remaining("u", 0.0) == 0 and holds.failed("u", 0.0, "why") == 60.0 and holds.reason("u") == "why"
    holds.prune(10_000.0)
    assert holds.attempts("u") == 0


@given(st.integers(500, 5_000_000), st.lists(st.integers(1, 300_000), min_size=1, max_size=50))
def test_a_pace_never_lets_more_through_than_its_rate(rate: int, wanted: list[int]) -> None:
    pace, now, taken = Pace(rate), 0.0, 0
    for each in wanted:
        count = pace.size(each)
        assert 0 < count <= each
        taken += count
        now += pace.wait_after(count, now)
        assert taken <= rate * now + 1e-3
    pace.set_rate(None)
    assert pace.wait_after(10**9, now) == 0 and pace.size(10) == 10


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        Pace().set_rate(0)


@given(st.integers(0, 2**32))
def test_reconnect_waits_start_at_random_and_double_to_five_minutes(seed: int) -> None:
    waits = supervise.Waits(5.0, random.Random(seed))
    taken = [waits.next() for _ in range(10)]
    assert 5.0 <= taken[0] <= 15.0
    assert all(later == min(300.0, 2 * earlier) for earlier, later in itertools.pairwise(taken))
    waits.reset()
    assert waits.next() <= 15.0


def test_each_state_says_what_to_do() -> None:
    for status, word in (
        (supervise.unreachable("h:1", "refused", 7.4), "7 s"),
        (supervise.refused("me", "INVALIDPASS"), "password is wrong"),
        (supervise.refused("me", "INVALIDUSERNAME reason"), "30 printable ASCII"),
        (supervise.refused("me", ""), "soulseek.username"),
        (supervise.kicked("me"), "another place"),
        (supervise.port_in_use("1.2.3.4", 5, "in use", 3), "soulseek.listen_port"),
        (supervise.unanswered("h:1", 3), "banned"),
    ):
        assert word in status.words and status.error is not None and status.error.hint
        assert status.error.exit_code in (6, 7, 12)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "nothing listens there"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), [Errno 111] ..."), "nothing listens there"),
        (socket.gaierror(-2, "Name or service not known"), "the name is not known; is the network up?"),
        (OSError(98, "error while attempting to bind on address ('127.0.0.1', 1): address already in use"), "already in use"),
        (TimeoutError(), ""),
        (OSError(5, "x"), "input/output error"),
    ],
)
def test_a_failed_connection_is_told_in_words(cause: OSError, words: str) -> None:
    assert supervise.reason_of(cause) == words


def test_queries_become_full_text_expressions_that_cannot_be_escaped() -> None:
    terms = parse_query('AC/DC -live *ltage "x" OR ( -- \'NEAR')
    assert terms.words == ("ac", "dc", "x", "or", "near") and terms.without == ("live",) and terms.ends == ("ltage",)
    assert match_expression(parse_query('") OR words:"')) == '(words : "or") AND (words : "words")'
    assert match_expression(parse_query("-only")) == ""
    assert len(parse_query("w " * 500 + "x").words) == 1


@given(st.text(max_size=60))
def test_any_text_is_a_harmless_expression(text: str) -> None:
    import sqlite3

    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5 (words, sdrow, content='', detail=column)")
    expression = match_expression(parse_query(text))
    if expression:
        try:
            db.execute("SELECT rowid FROM t WHERE t MATCH ?", (expression,)).fetchall()
        except sqlite3.OperationalError as error:
            assert "phrase" in str(error)  # letters newer than SQLite; the reader answers with nothing
    assert all(each == each.casefold() for each in words_of(text))


def test_paths_of_shares() -> None:
    assert remote_path("abcde", "Music", "A\\B", "c.flac") == "@@abcde\\Music\\A_B\\c.flac"
    assert alias_of("/a", 1) == alias_of("/a", 1) != alias_of("/b", 1)
    assert alias_of("/a", 1).isalpha() and len(alias_of("/a", 2)) == 5
    assert excluded("x\\Some BAND\\y", ["some band"]) and not excluded("x", ["", "y"])
    assert (
        shareable("a.flac")
        and shareable("Incomplete Symphony.flac")
        and not any(
            shareable(each)
            for each in (".a", "a.part", "INCOMPLETE~a.mp3", "INCOMPLETE0123456789abcdef0123456789abcdef~a.mp3", "incomplete", "b.!qB")
        )
    )


def test_inflating_stops_at_the_cap() -> None:
    data = zlib.compress(b"a" * 1000)
    assert inflate(data, 1000) == b"a" * 1000
    with pytest.raises(MessageRefused):
        inflate(data, 999)
    with pytest.raises(MessageRefused):
        inflate(zlib.compress(b"\0" * 50_000_000), 1_000_000)
    with pytest.raises(zlib.error):
        inflate(data[:-4], 10_000)
    with pytest.raises(zlib.error):
        inflate(b"rubbish", 10_000)
