"""The core in simulated networks of up to 10,000 nodes: NAT, loss, churn, Sybils. The figures are virtual time: no load changes them."""

from __future__ import annotations

import os

import pytest
from dht_bignet import BigNet, Figures, Home, keys
from dht_simnet import network

from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.reach import Reachable

nightly = pytest.mark.skipif("SLSKDN_NIGHTLY" not in os.environ, reason="a long run: `just nightly`")


def settled(count: int, seed: int = 5, settle: float = 180.0, **options: object) -> BigNet:
    net = BigNet(seed, **options)  # type: ignore[arg-type]
    net.populate(count)
    net.run(settle)
    return net


def announce_all(net: BigNet, wanted: list[bytes]) -> None:
    for key in wanted:
        net.announce(key)
        net.run(30.0 / len(wanted))
    net.run(30.0)


def core_of(home: Home) -> DhtCore:
    assert isinstance(home.core, DhtCore)
    return home.core


def homes(net: BigNet, *, nat: bool) -> list[Home]:
    return [net.homes[address] for address in net.alive if (net.homes[address].holes is not None) == nat]


def held(figures: Figures, first: tuple[float, float, float], asked: float) -> None:
    """What was reached, and ten in a hundred: milliseconds to the first value (p50, p90, p99), queries a look-up."""
    for measured, bar in zip(figures.first_ms, first, strict=True):
        assert measured <= 1.1 * bar, figures
    assert figures.asked <= 1.1 * asked, figures


def test_the_same_seed_gives_the_same_datagrams_with_nat_loss_and_churn() -> None:
    def story(seed: int) -> str:
        net = settled(24, seed, 15.0, session=60.0)
        net.announce(b"k" * 20)
        net.run(5.0)
        net.look_up(b"k" * 20)
        net.run(5.0)
        return net.trace_hash

    assert story(1) == story(1) != story(2)


def young(nat: bool) -> tuple[BigNet, Home]:
    """A network of 50, and one newcomer that has been there for seven minutes, its probation of four over; tables are checked every three."""
    net = BigNet(3, nat=0.2, session=0.0, limits=DhtLimits(probation=60.0, nat_hole=60.0, node_good=180.0))
    net.populate(50)
    net.run(70.0)
    newcomer = net._new(net.open[:3], nat)
    net._start(newcomer)
    net.run(420.0)
    return net, newcomer


@pytest.mark.slow
def test_a_node_behind_nat_finds_out_goes_read_only_and_is_in_nobody_s_way() -> None:
    net, newcomer = young(nat=True)
    core = core_of(newcomer)
    assert core.reach.state is Reachable.CLOSED and "NAT" in core.reach.words
    assert core.table.good >= 20, "it knows others all the same"
    handing = sum(core.node_id in [c.id for c in core_of(home).table.closest(core.node_id, 8)] for home in homes(net, nat=False))
    assert handing <= 2, "hardly anybody hands it out"


@pytest.mark.slow
def test_a_node_that_others_reach_finds_that_out_too() -> None:
    net, newcomer = young(nat=False)
    core = core_of(newcomer)
    assert core.reach.state is Reachable.OPEN and core.reach.words == "others reach this node"
    handing = sum(core.node_id in [c.id for c in core_of(home).table.closest(core.node_id, 8)] for home in homes(net, nat=False))
    assert handing >= len(homes(net, nat=False)) // 2


@pytest.mark.slow
def test_in_a_small_network_of_reachable_nodes_nobody_goes_read_only() -> None:
    net = network(3, 60, settle=25 * 60.0)
    assert {core.reach.state for core in net.nodes.values()} == {Reachable.OPEN}


def test_a_node_behind_nat_announces_and_finds() -> None:
    net = settled(60, settle=70.0, session=0.0)
    hidden, other = homes(net, nat=True)[:2]
    announced = net.announce(b"n" * 20, hidden)
    net.run(10.0)
    sought = net.look_up(b"n" * 20, other)
    net.run(10.0)
    assert announced.stored >= 6 and sought.first is not None


def test_a_table_of_a_big_network_has_one_seat_a_24_in_a_bucket() -> None:
    net = settled(40, settle=70.0, session=0.0)
    net.sybils(b"s" * 20, 16, spread=False, which=0)
    for address in net.alive:
        table = core_of(net.homes[address]).table
        seats = [(table.depth_of(contact.id), contact.net) for contact in table]
        assert len(seats) == len(set(seats)) and sum(net_ == "150.0.0" for _, net_ in seats) <= 1


@pytest.mark.slow
def test_a_thousand_nodes_find_what_was_announced_a_minute_ago() -> None:
    net = settled(1000, settle=120.0)
    wanted = keys(5, 400)
    announce_all(net, wanted)
    figures = net.look_up_all(wanted)
    assert figures.lookups >= 390 and figures.success >= 0.999, figures
    held(figures, (56, 108, 169), 11.1)


def besieged(*, spread: bool, limits: DhtLimits | None = None) -> Figures:
    """600 nodes; 16 Sybils beside each of 20 keys join before the announce."""
    net = settled(600, settle=70.0, session=0.0, limits=limits)
    wanted = keys(9, 20)
    for which, key in enumerate(wanted):
        net.sybils(key, 16, spread=spread, which=which)
    announce_all(net, wanted)
    return net.look_up_all(wanted, times=10)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [False, True], ids=["in one /24", "spread"])
def test_sixteen_sybils_a_key_do_not_hide_it(spread: bool) -> None:
    figures = besieged(spread=spread)
    assert figures.success >= 0.99, figures


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spread", "limits"),
    [(False, DhtLimits(one_per_24=False, two_sets=False)), (True, DhtLimits(two_sets=False))],
    ids=["no /24 rule", "one set"],
)
def test_without_the_defence_they_do_hide_it(spread: bool, limits: DhtLimits) -> None:
    assert besieged(spread=spread, limits=limits).success < 0.9


@pytest.mark.slow
@nightly
def test_ten_thousand_nodes_find_what_was_announced_a_minute_and_29_minutes_ago() -> None:
    net = settled(10_000)
    wanted = keys(5, 400)
    announce_all(net, wanted)
    figures = net.look_up_all(wanted)
    assert figures.success >= 0.999, figures
    held(figures, (116, 184, 258), 14.4)
    net.run(29 * 60 - 90.0)
    figures = net.look_up_all(wanted)
    assert figures.success >= 0.995, figures
    held(figures, (149, 296, 535), 17.9)
