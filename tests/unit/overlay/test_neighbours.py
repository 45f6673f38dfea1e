"""Whom a node dials: spread over networks and sources, patient with who does not answer."""

from __future__ import annotations

from slskdn_tui.engine.overlay.gossip.neighbours import RETRY, Candidates, Reach
from slskdn_tui.engine.peers.addresses import network_of


def test_no_network_and_no_source_fills_the_neighbourhood() -> None:
    known = Candidates()
    for host in range(1, 200):
        known.heard("dht", (f"198.51.100.{host}", 1))  # one /24 with many addresses
        known.heard("peers", (f"203.0.{host}.1", 1))
    for host in range(1, 4):
        known.heard("known", (f"192.0.{host}.1", 1))
    picked = known.pick(0.0, [], 8)
    assert len(picked) == 8 and len({network_of(host) for host, _ in picked}) == 8
    sources = [known.source(address) for address in picked]
    assert sources.count("dht") == 1 and sources.count("known") == 3 and sources.count("peers") == 4


def test_a_mesh_in_one_house_is_still_a_mesh() -> None:
    known = Candidates()
    for host in range(1, 20):
        known.heard("dht", (f"192.168.1.{host}", 1))
    picked = known.pick(0.0, [], 8)
    assert len(picked) == 4 == len(set(picked))
    near = [(str(number), host, "dht") for number, (host, _) in enumerate(picked)]
    assert known.pick(0.0, near, 8, skip=picked) == []  # type: ignore[arg-type]


def test_who_does_not_answer_is_tried_less_and_less_and_others_before_him() -> None:
    known = Candidates()
    first, second = ("198.51.100.1", 1), ("203.0.113.1", 1)
    known.heard("dht", first)
    known.heard("dht", second)
    now = 0.0
    for wait in (*RETRY, RETRY[-1]):
        assert known.failed(first, now) == wait
        assert not known.may_dial(first, now + wait - 0.1) and known.may_dial(first, now + wait)
        now += wait
    assert known.pick(now, [], 8) == [second, first]
    known.met(first, "a" * 64)
    assert known.failures(first) == 0 and known.pick(now, [("a" * 64, "198.51.100.1", "dht")], 8) == [second]


def test_candidates_of_a_source_are_bounded() -> None:
    known = Candidates()
    for number in range(1000):
        known.heard("peers", (f"203.0.{number % 250}.{number // 250}", 1))
    known.heard("known", ("192.0.2.1", 1))
    assert len(known) == 251
    for number in range(1000):  # dialled, and forgotten meanwhile
        known.failed((f"198.51.{number % 250}.{number // 250}", 1), 0.0)
    assert len(known) == 501


def test_reachability_in_words() -> None:
    assert Reach().reachable is None and "not known" in Reach().words
    assert Reach(no=1).reachable is None and Reach(no=2).reachable is False and "behind NAT" in Reach(no=2).words
    assert Reach(no=5, inbound=1).reachable and Reach(no=5, yes=1).reachable
