"""Which speed limits are in force: set by hand over the schedule over the settings, each direction by itself. Shell over `store.choices`; `share` is Core.

What is set by hand is kept over restarts, until it is cleared. Kilobits a second, 0 for none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from slskdn_tui.config.settings import Downloads
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.state.choices import ChoicesTable
from slskdn_tui.model.schedule import MOST_KBPS, Rule, next_change, parse_rule, rule_at

KEY = "limits"


@dataclass(frozen=True, slots=True)
class InForce:
    """Limits of all downloads and all uploads, and why: `settings`, `schedule: LINE`, `set by hand`."""

    down_kbps: int
    up_kbps: int
    because: str


def share(cap_kbps: int, soulseek: float, mesh: float) -> tuple[int, int]:
    """A cap split between two planes by how much of the work each has: (Soulseek's, the mesh's). A plane that has none may begin with all of it."""
    if not cap_kbps or soulseek <= 0 or mesh <= 0:
        return cap_kbps, cap_kbps
    part = min(cap_kbps - 1, max(1, round(cap_kbps * mesh / (soulseek + mesh)))) if cap_kbps > 1 else 1
    return max(1, cap_kbps - part), part


def words(down: int, up: int) -> str:
    """`2000/500 kbit/s`, `no limit down, 500 kbit/s up`."""
    if not down and not up:
        return "no limits"
    return ", ".join(f"{kbps} kbit/s {way}" if kbps else f"no limit {way}" for kbps, way in ((down, "down"), (up, "up")))


class Limits:
    """`in_force` at any time; `load` once at start, `on_change` is called after a change by hand. `zone` None is the system's local time."""

    def __init__(self, settings: Downloads, choices: ChoicesTable, clock: Clock, zone: tzinfo | None = None) -> None:
        self._settings = settings
        self._choices = choices
        self._clock = clock
        self._zone = zone
        self.rules: Sequence[Rule] = [parse_rule(line) for line in settings.schedule]
        self._by_hand: dict[str, int] = {}
        self.on_change: Callable[[], None] = lambda: None

    async def load(self) -> None:
        kept = await self._choices.get(KEY)
        if isinstance(kept, dict):
            self._by_hand = {
                way: value for way, value in kept.items() if way in ("down", "up") and isinstance(value, int) and 0 <= value <= MOST_KBPS
            }

    async def set(self, down: int | None, up: int | None) -> InForce:
        """Set what is not None by hand. ValueError for a number that is no limit."""
        given = {way: value for way, value in (("down", down), ("up", up)) if value is not None}
        for way, value in given.items():
            if not 0 <= value <= MOST_KBPS:
                raise ValueError(f"{way} {value} is not between 0 and {MOST_KBPS} kilobits a second")
        self._by_hand |= given
        await self._choices.put(KEY, self._by_hand)
        self.on_change()
        return self.in_force()

    async def clear(self) -> InForce:
        """Back to schedule and settings."""
        self._by_hand = {}
        await self._choices.drop(KEY)
        self.on_change()
        return self.in_force()

    def in_force(self) -> InForce:
        rule = rule_at(self.rules, self._clock.wall().astimezone(self._zone))
        down, up, because = (
            (rule.down_kbps, rule.up_kbps, f"schedule: {rule.text}")
            if rule is not None
            else (self._settings.bandwidth_kbps, self._settings.upload_kbps, "settings")
        )
        if self._by_hand:
            hand = "set by hand" if len(self._by_hand) == 2 else f"{next(iter(self._by_hand))} set by hand; {because}"
            return InForce(self._by_hand.get("down", down), self._by_hand.get("up", up), hand)
        return InForce(down, up, because)

    @property
    def down_bytes(self) -> int | None:
        """The download limit in bytes a second; None for none."""
        return self.in_force().down_kbps * 1000 // 8 or None

    def next_change(self) -> tuple[datetime, InForce] | None:
        """When the schedule next changes a limit that is not set by hand, in local time, and to what."""
        found = next_change(self.rules, self._clock.wall(), self._zone)
        if found is None or len(self._by_hand) == 2:
            return None
        moment, rule = found
        if rule is None:
            return moment, InForce(self._settings.bandwidth_kbps, self._settings.upload_kbps, "settings")
        return moment, InForce(rule.down_kbps, rule.up_kbps, rule.text)
