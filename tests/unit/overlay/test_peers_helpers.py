"""Token buckets and address rules."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.peers.addresses import AddressPolicy, address_key, is_named
from slskdn_tui.engine.peers.bandwidth import Limiter, TokenBucket
from slskdn_tui.engine.runtime.clock import VirtualClock


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 50)), max_size=50))
def test_a_bucket_never_gives_more_than_burst_plus_rate(steps: list[tuple[float, float]]) -> None:
    bucket = TokenBucket(10.0, 30.0, 0.0)
    now = given_out = 0.0
    for gap, amount in steps:
        now += gap
        if bucket.take(amount, now):
            given_out += amount
        assert given_out <= 30.0 + 10.0 * now + 1e-6


def test_a_bucket_says_how_long_to_wait_and_keeps_its_word() -> None:
    bucket = TokenBucket(10.0, 30.0, 0.0)
    bucket.debit(50.0, 0.0)
    assert bucket.level(0.0) == -20.0
    assert bucket.wait(10.0, 0.0) == pytest.approx(3.0)
    assert not bucket.take(10.0, 2.9) and bucket.take(10.0, 3.01)
    assert bucket.wait(1000.0, 3.01) == pytest.approx((30.0 - bucket.level(3.01)) / 10.0)


def test_a_clock_that_steps_back_gives_nothing() -> None:
    bucket = TokenBucket(10.0, 30.0, 100.0)
    bucket.debit(30.0, 100.0)
    assert bucket.level(50.0) == 0.0


def test_a_limiter_keeps_the_rate_for_pieces_larger_than_its_burst() -> None:
    async def run() -> float:
        clock = VirtualClock()
        limiter = Limiter(clock, 1000)
        start = clock.now()

        async def send() -> float:
            for _ in range(10):
                await limiter.take(1000)
            return clock.now() - start

        task = asyncio.create_task(send())
        while not task.done():
            await clock.advance(0.05)
        return await task

    assert 8.0 <= asyncio.run(run()) <= 10.0


@pytest.mark.parametrize("pieces", [(65_536, 524_288), (65_536, 65_536, 131_072), (1000, 262_144)])
def test_those_who_share_a_cap_get_the_same_within_five_percent_over_ten_seconds(pieces: tuple[int, ...]) -> None:
    rate, sent = 2_000_000, [0] * len(pieces)

    async def sender(limiter: Limiter, who: int) -> None:
        while True:
            if await limiter.turn(who, 1.0):
                limiter.done(who, pieces[who])
                sent[who] += pieces[who]

    async def body() -> None:
        clock = VirtualClock()
        limiter = Limiter(clock, rate)
        tasks = [asyncio.create_task(sender(limiter, who)) for who in range(len(pieces))]
        await clock.advance(10.0)
        for task in tasks:
            task.cancel()

    asyncio.run(body())
    assert sum(sent) == pytest.approx(10 * rate, rel=0.05)
    for each in sent:
        assert each == pytest.approx(sum(sent) / len(sent), rel=0.05)


def test_who_was_away_neither_waits_nor_saves_up() -> None:
    async def body() -> tuple[int, int]:
        clock = VirtualClock()
        limiter = Limiter(clock, 1_000_000)
        sent = [0, 0]

        async def sender(who: int) -> None:
            while True:
                if await limiter.turn(who, 1.0):
                    limiter.done(who, 50_000)
                    sent[who] += 50_000

        first = asyncio.create_task(sender(0))
        await clock.advance(20.0)
        before = sent[0]
        second = asyncio.create_task(sender(1))
        await clock.advance(4.0)
        for task in (first, second):
            task.cancel()
        return sent[0] - before, sent[1]

    old, new = asyncio.run(body())
    assert old == pytest.approx(new, rel=0.05)


def test_a_waiter_that_is_gone_holds_nobody_up_and_a_lifted_cap_lets_all_go() -> None:
    async def body() -> None:
        clock = VirtualClock()
        limiter = Limiter(clock, 1000)
        assert await limiter.turn("a", 1.0)
        limiter.done("a", 5000)
        gone, stays = (asyncio.create_task(limiter.turn(who, 100.0)) for who in ("b", "c"))
        await clock.advance(1.0)
        gone.cancel()
        await clock.advance(5.0)
        assert stays.done() and stays.result()
        limiter.done("c", 50_000)
        assert not await _advancing(clock, limiter.turn("d", 1.0))
        last = asyncio.create_task(limiter.turn("d", 100.0))
        await clock.advance(1.0)
        assert not last.done()
        limiter.set_rate(None)
        await clock.advance(0.0)
        assert last.done() and last.result()

    async def _advancing(clock: VirtualClock, turn: Coroutine[Any, Any, bool]) -> bool:
        task = asyncio.create_task(turn)
        await clock.advance(1.0)
        return await task

    asyncio.run(body())


def test_who_leaves_while_it_waits_for_its_turn_is_held_in_memory_by_nothing() -> None:
    class Connection:
        """With its buffers half a megabyte."""

    async def body() -> None:
        clock = VirtualClock()
        limiter, leaver = Limiter(clock, 1000), Connection()
        kept = weakref.ref(leaver)
        assert await limiter.turn(leaver, 1.0)
        limiter.done(leaver, 1000)
        turn = asyncio.create_task(limiter.turn(leaver, 100.0))
        await clock.advance(0.1)
        assert not turn.done()
        limiter.forget(leaver)  # as the connection is lost
        await clock.advance(5.0)
        assert await turn
        limiter.done(leaver, 0)  # there is nothing left to send
        del leaver, turn
        gc.collect()
        assert kept() is None

    asyncio.run(body())


def test_a_limiter_without_a_rate_never_waits() -> None:
    limiter = Limiter(VirtualClock(), None)
    limiter.spend(10**12)
    assert limiter.delay() == 0.0 and limiter.rate is None
    limiter.set_rate(5)
    assert limiter.rate == 5
    limiter.set_rate(0)
    assert limiter.rate is None


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_bucket_wants_a_positive_rate(rate: float) -> None:
    with pytest.raises(ValueError):
        TokenBucket(rate, 1.0, 0.0)


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("8.8.8.8", True),
        ("127.1.2.1", True),
        ("::ffff:127.1.2.1", True),
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("169.254.1.1", False),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("ff02::1", False),
        ("2606:4700::1", True),
        ("example.org", False),
        ("", False),
    ],
)
def test_private_addresses_need_a_permit(host: str, good: bool) -> None:
    assert AddressPolicy(["127.0.0.0/8"]).allows(host) is good


def test_no_permit_makes_special_addresses_peers() -> None:
    everywhere = AddressPolicy(["0.0.0.0/0", "::/0"])
    assert everywhere.allows("10.0.0.1") and everywhere.allows("::1")
    assert not everywhere.allows("0.0.0.0") and not everywhere.allows("224.0.0.1") and not everywhere.allows("10.0.0.1", 0)
    with pytest.raises(ValueError):
        AddressPolicy(["nonsense"])


def test_an_ipv6_network_counts_as_one_host() -> None:
    assert address_key("2606:4700:1:2:3::4") == address_key("2606:4700:1:2:ffff::1") != address_key("2606:4700:1:3::1")
    assert address_key("::ffff:1.2.3.4") == "1.2.3.4" != address_key("1.2.3.5")


def test_only_one_s_own_address_is_named() -> None:
    assert is_named("127.1.2.1") and not is_named("0.0.0.0") and not is_named("::") and not is_named("")
