"""What nodes tell each other, without sockets: who hears what after which round, what is healed, and what is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from slskdn_tui.engine.overlay.frames import HEADER_SIZE, Kind, ProtocolError
from slskdn_tui.engine.overlay.gossip.gossip import ADVERT_TTL_S, Gossip
from slskdn_tui.engine.overlay.gossip.messages import Advert, Advertised, SignedAdvert, seal
from slskdn_tui.engine.overlay.gossip.shelf import MAX_CHAIN, Shelf, ShelfLimits, Taken
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.model.heard import HeardVariant
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant
from tests.fakes.heard import Ear, FilledStock, full


def heard(number: int, score: float | None = 0.5) -> HeardVariant:
    mbid = f"00000000-0000-4000-8000-{number:012x}"
    variant = Variant(f"{number:064x}", "file", 1000 + number, mbid, SafeText("flac"), SafeText("FLAC 16/44.1 2ch"), 180_000, score=score)
    return HeardVariant(variant, label=SafeText("Creation"))


class Link:
    """One node as its neighbour sees it; what is told arrives when the net delivers."""

    def __init__(self, net: Net, here: int, there: int) -> None:
        self.net, self.here, self.there = net, here, there
        self.closed, self.writable = False, True

    @property
    def node_id(self) -> str:
        return self.net.ids[self.there].node_id

    @property
    def host(self) -> str:
        return f"127.1.{self.there + 1}.1"

    def tell(self, kind: Kind, request_id: int, body: bytes) -> None:
        self.net.sent[self.here] += len(body) + HEADER_SIZE
        if self.net.drops is None or not self.net.drops(self.here, self.there, kind):
            self.net.waiting.append((self.here, self.there, kind, request_id, body))


class Net:
    def __init__(self, count: int, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.rng = random.Random(seed)
        self.ids = [NodeIdentity.ephemeral() for _ in range(count)]
        self.stocks = [FilledStock([heard(number)]) for number in range(1, count + 1)]
        self.ears = [Ear() for _ in range(count)]
        self.nodes = [
            Gossip(me.node_id, me, stock, self.clock, self.rng, [ear])
            for me, stock, ear in zip(self.ids, self.stocks, self.ears, strict=True)
        ]
        self.links: dict[tuple[int, int], Link] = {}
        self.waiting: list[tuple[int, int, Kind, int, bytes]] = []
        self.sent = [0] * count
        self.drops: Callable[[int, int, Kind], bool] | None = None

    def join(self, one: int, other: int) -> None:
        for here, there in ((one, other), (other, one)):
            self.links[here, there] = Link(self, here, there)
        for here, there in ((one, other), (other, one)):
            self.nodes[here].connected(self.links[here, there])

    def deliver(self) -> None:
        while self.waiting:
            here, there, kind, request_id, body = self.waiting.pop(0)
            self.nodes[there].told(self.links[there, here], kind, request_id, body)

    def round(self) -> None:
        """Every node has its round, then what was told arrives."""
        for node in self.nodes:
            node.round()
        self.deliver()

    def pass_time(self, seconds: float) -> None:
        asyncio.run(self.clock.advance(seconds))

    def knows(self, here: int, of: int) -> set[str]:
        return set(self.nodes[here].shelf.variants(self.ids[of].node_id))


def two() -> Net:
    net = Net(2)
    net.join(0, 1)
    net.deliver()
    net.round()
    return net


def test_a_node_hears_what_its_neighbour_has_and_what_changed() -> None:
    net = two()
    assert net.knows(0, 1) == {heard(2).variant.variant_id}
    net.stocks[1].told = (heard(5), heard(6, 0.9))
    net.round()
    assert net.knows(0, 1) == {heard(5).variant.variant_id, heard(6).variant.variant_id}
    voice, variants, gone, whole = net.ears[0].heard[-1]
    assert (voice.node_id, voice.host, voice.direct) == (net.ids[1].node_id, "127.1.2.1", True)
    assert (len(variants), gone, whole) == (2, (heard(2).variant.variant_id,), False)
    before = net.sent[1]
    net.round()
    assert net.sent[1] == before  # nothing changed, nothing is said


@pytest.mark.slow
def test_fifty_nodes_with_eight_neighbours_hear_of_all_within_three_rounds_and_rest_below_20_kb_a_minute_for_a_day() -> None:
    net = Net(50)
    for number, stock in enumerate(net.stocks):
        stock.told = tuple(full(100 * number + each) for each in range(20))
    for one in range(50):
        while sum(here == one for here, _ in net.links) < 8:
            other = net.rng.randrange(50)
            if other != one and (one, other) not in net.links:
                net.join(one, other)
    net.deliver()
    for _ in range(3):
        net.round()
    missing = [(here, of) for here in range(50) for of in range(50) if len(net.knows(here, of)) != 20]
    assert not missing, f"{len(missing)} of 2500 not heard"
    direct = [voice.direct for ear in net.ears for voice, *_ in ear.heard]
    assert not all(direct) and any(direct)
    for hour in range(18):  # so long that each has given more signs of life than its chain may have links
        net.sent = [0] * 50
        for _ in range(6):
            net.pass_time(600)
            net.round()
        assert max(net.sent) / 60 < 20_000, f"{max(net.sent) / 60:.0f} bytes a node and minute in hour {hour}"
    assert all(len(net.knows(here, of)) == 20 for here in range(50) for of in range(50))


def test_a_node_at_rest_says_all_it_has_once_and_who_missed_signs_of_life_takes_the_next_change() -> None:
    me, now = NodeIdentity.ephemeral(), 1000
    own, other = Shelf(me.node_id), Shelf("0" * 64)

    def say(*offered: HeardVariant) -> SignedAdvert:
        advert = own.next_own(offered, now, ttl_s=7200, cap=44 * 1024)
        assert advert is not None
        signed = seal(advert, me)
        assert own.take(signed, "", now) is Taken.NEW
        return signed

    first = say(heard(1))
    assert other.take(first, "127.1.2.1", now) is Taken.NEW
    for life in range(3 * MAX_CHAIN):
        now += 3600
        sign = say(heard(1))
        assert not sign.advert.changes
        if life % 2:  # the others never came
            assert other.take(sign, "127.1.2.1", now) is Taken.NEW
    now += 1
    changed = say(heard(1), heard(2))
    assert other.take(changed, "127.1.2.1", now) is Taken.NEW and len(other.variants(me.node_id)) == 2
    assert own.since(me.node_id, sign.advert.sequence) == own.since(me.node_id, first.advert.sequence) == (changed,)
    assert own.since(me.node_id, 0) == other.since(me.node_id, 0) == (first, changed)


def test_what_a_node_has_goes_four_nodes_far_and_no_further() -> None:
    net = Net(6)
    for number in range(5):
        net.join(number, number + 1)
    for _ in range(8):
        net.round()
    assert [bool(net.knows(number, 0)) for number in range(1, 6)] == [True, True, True, True, False]


def test_a_missed_delta_is_healed_by_asking_for_what_it_builds_on() -> None:
    net = two()
    net.drops = lambda here, there, kind: here == 1 and kind == Kind.ADVERT
    net.stocks[1].told = (heard(2), heard(7))
    net.round()
    net.drops = None
    net.stocks[1].told = (heard(2), heard(7), heard(8))
    net.round()
    assert len(net.knows(0, 1)) == 1  # the delta builds on one that never came
    net.round()
    net.round()
    assert net.knows(0, 1) == {heard(number).variant.variant_id for number in (2, 7, 8)}


def test_a_missed_last_delta_is_healed_within_ten_minutes() -> None:
    net = two()
    net.drops = lambda here, there, kind: kind == Kind.ADVERT
    net.stocks[1].told = (heard(2), heard(7))
    net.round()
    net.drops = None
    net.pass_time(601)
    net.round()
    net.round()
    assert len(net.knows(0, 1)) == 2


def test_who_falls_silent_is_forgotten_and_the_sink_is_told() -> None:
    net = two()
    net.pass_time(ADVERT_TTL_S + 1)
    net.nodes[0].round()
    assert not net.knows(0, 1) and net.ears[0].silent == [net.ids[1].node_id]


def test_a_newcomer_gets_what_was_said_before_it_came_also_of_nodes_it_never_meets() -> None:
    net = Net(3)
    net.join(0, 1)
    net.deliver()
    net.round()
    net.round()
    net.join(1, 2)
    net.deliver()
    assert net.knows(2, 0) and net.knows(2, 1)
    assert [voice.direct for voice, *_ in net.ears[2].heard if voice.node_id == net.ids[0].node_id] == [False]
    assert {voice.host for voice, *_ in net.ears[2].heard} == {"127.1.2.1"}  # the address it came from, not one it claims


def test_a_neighbour_that_forges_ends_the_connection_and_one_that_floods_is_not_heard() -> None:
    net = two()
    link = net.links[0, 1]
    body = bytearray(seal(Advert(sequence=2**50, made_at=int(net.clock.wall().timestamp())), net.ids[1]).body)
    body[-3] ^= 1
    with pytest.raises(ProtocolError):
        net.nodes[0].told(link, Kind.ADVERT, 0, bytes(body))
    flood = bytes(60_000)
    with pytest.raises(ProtocolError):
        net.nodes[0].told(link, Kind.ADVERT, 0, flood)
    for _ in range(100):
        try:
            net.nodes[0].told(link, Kind.ADVERT, 0, flood)
        except ProtocolError:
            continue
    assert net.nodes[0].counters["adverts over quota"] > 10


def test_a_neighbour_that_asks_without_end_is_answered_at_its_rate() -> None:
    net = two()
    query = b'{"recordings":["' + heard(2).variant.recording_mbid.encode() + b'"]}'
    for _ in range(100):
        net.nodes[1].told(net.links[1, 0], Kind.DESCRIPTOR_QUERY, 77, query)
    answered = len(net.waiting)
    assert 1 <= answered <= 16 and net.nodes[1].counters["requests over quota"] == 100 - answered
    net.pass_time(5.0)
    net.nodes[1].told(net.links[1, 0], Kind.DESCRIPTOR_QUERY, 77, query)
    assert len(net.waiting) == answered + 1


def test_descriptors_come_on_connecting_on_query_and_on_completion_and_run_out() -> None:
    net = two()
    first = net.nodes[0].descriptor(net.ids[1].node_id)
    assert first is not None and (first.slots, first.bandwidth_kbps, first.variants) == (3, 800, ())
    net.nodes[1].completed([heard(9)])
    net.deliver()
    node_id, descriptor = net.ears[0].descriptors[-1]
    assert node_id == net.ids[1].node_id and descriptor.variants == (heard(9),)
    query = b'{"recordings":["' + heard(2).variant.recording_mbid.encode() + b'"]}'
    net.nodes[1].told(net.links[1, 0], Kind.DESCRIPTOR_QUERY, 77, query)
    assert net.waiting[-1][2:4] == (Kind.DESCRIPTOR, 77)
    net.deliver()
    assert net.ears[0].descriptors[-1][1].variants == (heard(2),)
    net.pass_time(601)
    assert net.nodes[0].descriptor(net.ids[1].node_id) is None


def shelf_with(*adverts: Advert, limits: ShelfLimits | None = None) -> tuple[Shelf, list[Taken], NodeIdentity]:
    shelf, speaker = Shelf("0" * 64, limits), NodeIdentity.ephemeral()
    return shelf, [shelf.take(seal(advert, speaker), "127.1.2.1", 1000) for advert in adverts], speaker


def test_adverts_that_are_old_expired_of_the_future_or_too_many_are_not_kept() -> None:
    one = (Advertised.of(heard(1)),)
    shelf, taken, speaker = shelf_with(
        Advert(sequence=5, made_at=1000, variants=one),
        Advert(sequence=5, made_at=1000),
        Advert(sequence=4, made_at=1000),
        Advert(sequence=9, base=7, made_at=1000),
        Advert(sequence=9, made_at=10, ttl_s=60),
        Advert(sequence=9, made_at=5000),
    )
    assert taken == [Taken.NEW, Taken.OLD, Taken.OLD, Taken.GAP, Taken.EXPIRED, Taken.EXPIRED]
    for number in range(6, 5 + MAX_CHAIN):
        assert (
            shelf.take(seal(Advert(sequence=number, base=number - 1, made_at=1000, gone=[f"{number:064x}"]), speaker), "127.1.2.1", 1000)
            is Taken.NEW
        )
    over = Advert(sequence=5 + MAX_CHAIN, base=4 + MAX_CHAIN, made_at=1000, gone=["0" * 64])
    assert shelf.take(seal(over, speaker), "127.1.2.1", 1000) is Taken.OVER
    assert [signed.advert.sequence for signed in shelf.since(speaker.node_id, 18)] == [19, 20]
    assert len(shelf.since(speaker.node_id, 3)) == MAX_CHAIN


def test_invented_nodes_that_live_for_a_second_leave_nothing_behind() -> None:
    net = Net(3)
    net.join(0, 1)
    net.join(0, 2)
    net.deliver()
    liar, node = net.links[0, 1], net.nodes[0]
    for _ in range(30):
        made_at = int(net.clock.wall().timestamp())
        for _ in range(4):
            signed = seal(Advert(sequence=1, made_at=made_at, ttl_s=1, variants=()), NodeIdentity.ephemeral())
            node.told(liar, Kind.ADVERT, 0, signed.body)
        node.round()
        net.pass_time(2.0)
    node.round()
    assert node.counters["adverts new"] >= 120
    assert sum(len(near.known) for near in node._near.values()) <= 2 * len(node.shelf)


def test_one_address_cannot_fill_the_shelf_with_invented_nodes() -> None:
    shelf = Shelf("0" * 64, ShelfLimits(nodes_a_source=3))
    taken = [shelf.take(seal(Advert(sequence=1, made_at=1000), NodeIdentity.ephemeral()), "127.1.2.1", 1000) for _ in range(5)]
    assert taken == [Taken.NEW] * 3 + [Taken.OVER] * 2
    assert shelf.take(seal(Advert(sequence=1, made_at=1000), NodeIdentity.ephemeral()), "127.1.3.1", 1000) is Taken.NEW


def test_a_node_with_much_to_tell_stays_within_a_frame_and_starts_anew_after_sixteen_changes() -> None:
    me = NodeIdentity.ephemeral()
    shelf = Shelf(me.node_id)
    wide = [replace(heard(number), label=SafeText("é" * 128)) for number in range(1, 400)]
    kinds = []
    for step in range(MAX_CHAIN + 2):
        advert = shelf.next_own(wide[step:], 1000 + step, ttl_s=7200, cap=44 * 1024)
        assert advert is not None
        kinds.append(advert.base == 0)
        assert shelf.take(seal(advert, me), "", 1000 + step) is Taken.NEW
    assert kinds[0] and sum(kinds) >= 2
    assert shelf.next_own(wide[MAX_CHAIN + 1 :], 2000, ttl_s=7200, cap=44 * 1024) is None
