"""Token buckets: rates that may burst. `TokenBucket` is Core (`now` is passed in); `Limiter` is the shell that waits on a clock."""

from __future__ import annotations

from slskdn_tui.engine.runtime.clock import Clock


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


class Limiter:
    """A byte rate that can be changed or lifted while in use, shared by many writers.

    Callers wait until the bucket is out of debt, then take what they need: the long-run rate is exact for any piece size.
    """

    BURST_S = 0.25
    """Seconds of rate that may be saved up."""

    def __init__(self, clock: Clock, bytes_s: int | None = None) -> None:
        self._clock = clock
        self._bucket: TokenBucket | None = None
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
