"""The fairness governor: is this node giving enough, and what is held back while it is not. `judge` is Core; `Governor` the shell that tells changes.

The three policies are the roadmap's, over the ledger: total upload / download of 7 UTC days at least `min_ratio`; overlay upload of those days at
most `overlay_upload_cap` times Soulseek upload; overlay download of one UTC day at most `daily_overlay_gb`. docs/fairness.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from slskdn_tui.config.settings import Fairness
from slskdn_tui.engine.peers.ledger import Ledger, LedgerTotals
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.events import EventBus

GB = 1_000_000_000
CHECK_S = 1.0
TELL_S = 60.0
"""A policy is told of at most so often: at a cap it may break and be cured with every leaf."""

PolicyName = Literal["min_ratio", "overlay_upload_cap", "overlay_daily_cap"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule now. `min_ratio`: `limit` and `value` are upload / download (None: nothing downloaded); the caps: bytes.

    `limit` None: switched off. `excused`: kept out of force by `fairness.grace_gb`; such a policy is not broken.
    """

    name: PolicyName
    limit: float | None
    value: float | None
    broken: bool
    excused: bool
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What holds now. `enforced` says in words what is held back, `words` how this node stands, in one line.

    `most_peers` overlay peers a file may be asked (None: as many as there are; 0: nothing comes over the overlay), at `down_kbps` kilobits a
    second together (0: no cap of the governor's); `may_upload` False: nothing goes out over the overlay; `soulseek_first`: see docs/fairness.md.
    """

    policies: tuple[Policy, ...] = ()
    enforced: tuple[str, ...] = ()
    grace: bool = False
    healthy: bool = True
    words: str = ""
    most_peers: int | None = None
    down_kbps: int = 0
    may_upload: bool = True
    soulseek_first: bool = False

    @property
    def broken(self) -> tuple[Policy, ...]:
        return tuple(policy for policy in self.policies if policy.broken)

    @property
    def why(self) -> str:
        """What is broken, in words; empty while nothing is."""
        return "; ".join(policy.words for policy in self.broken)


FAIR = Verdict()
"""Nothing is held back."""


def judge(week: LedgerTotals, today: LedgerTotals, rules: Fairness, day: date) -> Verdict:
    """`week` and `today` are bytes of the last seven UTC days and of `day`, the last of them."""
    policies = (_ratio(week, rules), _upload_cap(week, rules), _daily_cap(today, rules))
    ratio, upload, daily = policies
    broken = [policy for policy in policies if policy.broken]
    enforced: list[str] = []
    if daily.broken:
        enforced.append(f"no overlay downloads before {(day + timedelta(days=1)).isoformat()} 00:00 UTC (fairness.daily_overlay_gb)")
    elif broken:
        count = f"{rules.throttle_peers} overlay {'peer' if rules.throttle_peers == 1 else 'peers'}"
        enforced.append(f"overlay downloads: at most {count} a file and {rules.throttle_kbps} kbit/s in all")
    if broken:
        enforced.append("Soulseek first: other users who have a file are tried before the mesh, and a rescued source is not slowed")
    if upload.broken:
        enforced.append("no overlay uploads")
    grace = any(policy.excused for policy in policies)
    return Verdict(
        policies,
        tuple(enforced),
        grace,
        not broken,
        "; ".join(policy.words for policy in broken) if broken else (ratio.words if ratio.limit is not None else "no ratio is asked for"),
        0 if daily.broken else rules.throttle_peers if broken else None,
        rules.throttle_kbps if broken else 0,
        not upload.broken,
        bool(broken),
    )


def _ratio(week: LedgerTotals, rules: Fairness) -> Policy:
    limit = rules.min_ratio or None
    value = week.up / week.down if week.down else None
    short = limit is not None and value is not None and value < limit
    excused = short and week.down <= rules.grace_gb * GB
    have = "nothing downloaded in 7 days" if value is None else f"uploaded {value:.2f} times what was downloaded in 7 days"
    if excused:
        have += f"; not asked for before {size(rules.grace_gb * GB)} were downloaded"
    elif short:
        have += f", less than {limit:.2f}"
    return Policy("min_ratio", limit, value, short and not excused, excused, have)


def _upload_cap(week: LedgerTotals, rules: Fairness) -> Policy:
    """Reached is broken: at the cap nothing more is sent. The grace lifts the cap of who gives nothing on Soulseek yet, or a first overlay byte would break it."""
    factor, grace = rules.overlay_upload_cap, rules.grace_gb * GB
    earned = factor * week.slsk_up
    limit = max(earned, grace) if factor else None
    broken = limit is not None and week.mesh_up > 0 and week.mesh_up >= limit
    excused = limit is not None and not broken and week.mesh_up > 0 and week.mesh_up >= earned
    words = f"overlay upload of 7 days {size(week.mesh_up)}"
    if limit is not None:
        of = (
            f"{factor:g} times Soulseek upload"
            if earned >= grace
            else f"the first {size(grace)}, beyond which it is {factor:g} times Soulseek upload"
        )
        words += f" has reached its cap, {size(limit)} ({of})" if broken else f" of at most {size(limit)} ({of})"
    return Policy("overlay_upload_cap", limit, float(week.mesh_up), broken, excused, words)


def _daily_cap(today: LedgerTotals, rules: Fairness) -> Policy:
    limit = rules.daily_overlay_gb * GB or None
    broken = limit is not None and today.mesh_down >= limit
    words = f"overlay download of today (UTC) {size(today.mesh_down)}"
    if limit is not None:
        words += f" has reached its cap, {size(limit)}" if broken else f" of at most {size(limit)}"
    return Policy("overlay_daily_cap", limit, float(today.mesh_down), broken, False, words)


def size(count: float) -> str:
    """`512 KB`, `4.2 GB`; 1 KB is 1,000 bytes."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count / 1e3:.0f} KB"


class Governor:
    """`verdict` at any time; `run` is supervised and publishes `fairness.broken` and `fairness.cured`. `on_change` is called as what is held back changes."""

    def __init__(self, rules: Fairness, ledger: Ledger, clock: Clock, bus: EventBus) -> None:
        self._rules = rules
        self._ledger = ledger
        self._clock = clock
        self._bus = bus
        self._told: dict[str, tuple[bool, float]] = {}
        self._held: tuple[str, ...] = ()
        self.on_change: Callable[[], None] = lambda: None

    def verdict(self) -> Verdict:
        return judge(self._ledger.totals(), self._ledger.today(), self._rules, self._clock.wall().date())

    async def run(self) -> None:
        while True:
            self.check()
            await self._clock.sleep(CHECK_S)

    def check(self) -> None:
        """Tell what broke or was cured since it was last told of."""
        verdict = self.verdict()
        if verdict.enforced != self._held:
            self._held = verdict.enforced
            self.on_change()
        for policy in verdict.policies:
            said, at = self._told.get(policy.name, (False, -TELL_S))
            if policy.broken == said or self._clock.now() - at < TELL_S:
                continue
            self._told[policy.name] = policy.broken, self._clock.now()
            self._tell(policy, verdict)

    def _tell(self, policy: Policy, verdict: Verdict) -> None:
        held = "; ".join(verdict.enforced) or "nothing is held back"
        self._bus.publish(
            "fairness.broken" if policy.broken else "fairness.cured",
            "fairness",
            f"{policy.words}: {held}",
            level="warning" if policy.broken else "info",
            policy=policy.name,
            value=policy.value,
            limit=policy.limit,
        )
