"""The speed limits in force, why, and what comes next. Core over plain state."""

from __future__ import annotations

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.peers.limits import words
from slskdn_tui.model.finding import LimitsView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey


async def limits_view(engine: Parts, key: ViewKey) -> LimitsView:
    caps, change = engine.limits.in_force(), engine.limits.next_change()
    upcoming = f"{change[0]:%a %H:%M}: {words(change[1].down_kbps, change[1].up_kbps)}" if change is not None else ""
    return LimitsView(
        version=0,
        down_kbps=caps.down_kbps,
        up_kbps=caps.up_kbps,
        because=SafeText(caps.because),
        next_change=SafeText(upcoming),
        down=engine.rates.rate("down"),
        up=engine.rates.rate("up"),
        schedule=tuple(SafeText(rule.text) for rule in engine.limits.rules),
    )
