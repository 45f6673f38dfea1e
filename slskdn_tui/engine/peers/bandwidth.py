"""Token buckets: rates that may burst. `TokenBucket` and `Shares` are Core (`now` is passed in); `Limiter` is the shell that waits on a clock."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Hashable

from slskdn_tui.engine.runtime.clock import Clock, until


class TokenBucket:
    """`rate` tokens a second, at most `burst` saved up. Starts full. ValueError for a rate or burst that is not positive."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        if not rate > 0 or not burst > 0:
            raise ValueError("rate and burst must be positive")
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def level(self, now: float) -> float:
        """Tokens there are at `now`; negative while a debt is paid off. A clock that steps back adds nothing."""
        if now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
        return self._tokens

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` if it is there."""
        if self.level(now) < amount:
            return False
        self._tokens -= amount
        return True

    def debit(self, amount: float, now: float) -> None:
        """Take `amount` even into debt: for pieces larger than the burst."""
        self.level(now)
        self._tokens -= amount

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there (0 when it is); an amount above the burst waits for a full bucket."""
        return max(0.0, (min(amount, self.burst) - self.level(now)) / self.rate)


class Shares:
    """Whose turn it is among those that want to send: fair queueing by bytes, whatever the size of each one's pieces.

    Everybody has a tag, the virtual time at which its next piece begins; the least goes first. Who was away saves nothing up.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._free: dict[Hashable, float] = {}
        self._count = 0

    def ticket(self, who: Hashable) -> tuple[float, int]:
        """A place in the queue: the least ticket goes first."""
        self._count += 1
        return max(self._now, self._free.get(who, 0.0)), self._count

    def spend(self, who: Hashable, amount: int) -> None:
        """It was this one's turn, and it sent so much. Who sent nothing is not remembered for it: it may be gone."""
        begin = max(self._now, self._free.get(who, 0.0))
        self._now = begin
        if amount:
            self._free[who] = begin + amount

    def forget(self, who: Hashable) -> None:
        self._free.pop(who, None)


class Limiter:
    """A byte rate that can be changed or lifted while in use, shared by many writers.

    Callers wait until the bucket is out of debt, then take what they need: the long-run rate is exact for any piece size.
    `turn` ... `done` give each caller an equal share while there is a rate.
    """

    BURST_S = 0.25
    """Seconds of rate that may be saved up."""

    def __init__(self, clock: Clock, bytes_s: int | None = None) -> None:
        self._clock = clock
        self._bucket: TokenBucket | None = None
        self._shares = Shares()
        self._queue: list[tuple[float, int]] = []
        self._busy = False
        self._moved = asyncio.Event()
        self.set_rate(bytes_s)

    @property
    def rate(self) -> float | None:
        """Bytes a second, None when there is no cap."""
        return self._bucket.rate if self._bucket else None

    def set_rate(self, bytes_s: float | None) -> None:
        """A new cap from now on; None or 0 lifts it."""
        if not bytes_s:
            self._bucket = None
        elif self._bucket is None or self._bucket.rate != bytes_s:
            self._bucket = TokenBucket(bytes_s, max(1.0, bytes_s * self.BURST_S), self._clock.now())
        self._move_up()

    async def turn(self, who: Hashable, most_s: float) -> bool:
        """Wait, `most_s` at most, until `who` may send the next piece: True, and `done` must follow, before anything is awaited. False: try again."""
        if self._bucket is None:
            return True
        ticket = self._shares.ticket(who)
        end = self._clock.now() + most_s
        heapq.heappush(self._queue, ticket)
        try:
            while self._bucket is not None and (self._busy or self._queue[0] is not ticket or self.delay()):
                if (left := end - self._clock.now()) <= 0:
                    return False
                if self._busy or self._queue[0] is not ticket:
                    await self._moves(left)
                else:
                    await self._moves(min(left, self.delay()))
            self._busy = self._bucket is not None
            return True
        finally:
            self._queue.remove(ticket)
            heapq.heapify(self._queue)
            if not self._busy:
                self._move_up()

    def done(self, who: Hashable, amount: int) -> None:
        """The turn is over: `amount` bytes go now. With none `who` may be gone and forgotten already, and is not noted again."""
        if self._bucket is not None and amount:
            self._shares.spend(who, amount)
            self.spend(amount)
        if self._busy or self._queue:
            self._busy = False
            self._move_up()

    def forget(self, who: Hashable) -> None:
        """`who` sends no more."""
        self._shares.forget(who)

    async def _moves(self, most_s: float) -> None:
        """Until the queue moves, or time passed."""
        await until(self._moved, self._clock, most_s)

    def _move_up(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def delay(self) -> float:
        """Seconds until the next bytes may go (0: now), a millisecond at least: a shorter wait may be lost in a clock's rounding."""
        wait = self._bucket.wait(1.0, self._clock.now()) if self._bucket else 0.0
        return max(0.001, wait) if wait else 0.0

    def spend(self, amount: int) -> None:
        """Account for bytes that go now."""
        if self._bucket:
            self._bucket.debit(amount, self._clock.now())

    async def take(self, amount: int) -> None:
        """Wait for a place, then account for `amount` bytes."""
        while wait := self.delay():
            await self._clock.sleep(wait)
        self.spend(amount)


def least_cap(*kbps: int) -> int | None:
    """The tightest of some caps in kilobits a second (0: none), as bytes a second; None when none is set."""
    return min((each * 1000 // 8 for each in kbps if each), default=None)
