"""Token buckets and address rules."""

from __future__ import annotations

import asyncio

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
