"""Which speed limit is in force: by hand over the schedule over the settings, kept over a restart; and how two planes share one."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.config.settings import Downloads
from slskdn_tui.engine.peers.limits import Limits, share, words
from slskdn_tui.engine.runtime.clock import VirtualClock

DAY = Downloads(bandwidth_kbps=9000, upload_kbps=900, schedule=["mon-fri 08:00-18:00 2000/500"])


class Choices:
    """The store's table, in memory."""

    def __init__(self):
        self.kept = {}

    async def get(self, key):
        return self.kept.get(key)

    async def put(self, key, value):
        self.kept[key] = dict(value)

    async def drop(self, key):
        self.kept.pop(key, None)


def limits(at: datetime, choices: Choices | None = None, settings: Downloads = DAY):
    clock = VirtualClock(wall=at)
    return Limits(settings, choices or Choices(), clock, UTC), clock


def in_force(made: Limits):
    caps = made.in_force()
    return caps.down_kbps, caps.up_kbps, caps.because


def test_the_schedule_stands_over_the_settings_and_ends_by_itself():
    made, clock = limits(datetime(2026, 6, 1, 17, 59, tzinfo=UTC))
    assert in_force(made) == (2000, 500, "schedule: mon-fri 08:00-18:00 2000/500") and made.down_bytes == 250_000
    moment, after = made.next_change()
    assert f"{moment:%a %H:%M} {words(after.down_kbps, after.up_kbps)}" == "Mon 18:00 9000 kbit/s down, 900 kbit/s up"
    asyncio.run(clock.advance(60))
    assert in_force(made) == (9000, 900, "settings")


def test_what_is_set_by_hand_stands_over_all_is_kept_and_is_cleared():
    async def main():
        choices, changes = Choices(), []
        made, _ = limits(datetime(2026, 6, 1, 12, tzinfo=UTC), choices)
        made.on_change = lambda: changes.append(in_force(made))
        await made.set(None, 100)
        assert in_force(made) == (2000, 100, "up set by hand; schedule: mon-fri 08:00-18:00 2000/500") and made.next_change() is not None
        await made.set(0, None)
        assert in_force(made) == (0, 100, "set by hand") and made.down_bytes is None and made.next_change() is None
        again, _ = limits(datetime(2026, 6, 1, 12, tzinfo=UTC), choices)
        await again.load()
        assert in_force(again) == (0, 100, "set by hand")
        for wrong in (-1, 10**12):
            with pytest.raises(ValueError, match="not between"):
                await made.set(wrong, None)
        await made.clear()
        assert in_force(made) == changes[-1] == (2000, 500, "schedule: mon-fri 08:00-18:00 2000/500") and not choices.kept

    asyncio.run(main())


def test_a_kept_choice_that_makes_no_sense_is_not_used():
    choices = Choices()
    choices.kept["limits"] = {"down": -5, "up": "x", "sideways": 3}
    made, _ = limits(datetime(2026, 6, 7, tzinfo=UTC), choices)
    asyncio.run(made.load())
    assert in_force(made) == (9000, 900, "settings")


@given(st.integers(2, 10**8), st.floats(0, 500), st.floats(0, 500))
def test_two_planes_that_both_move_never_have_more_than_the_cap(cap, soulseek, mesh):
    parts = share(cap, soulseek, mesh)
    assert parts == (cap, cap) if not (soulseek and mesh) else sum(parts) == cap and min(parts) >= 1
    assert share(0, soulseek, mesh) == (0, 0)
