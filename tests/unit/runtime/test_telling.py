"""How grave what the parts of an engine tell is."""

from __future__ import annotations

import pytest

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.telling import Telling


@pytest.mark.parametrize(
    ("name", "level"),
    [("soulseek.offline", "warning"), ("soulseek.refused", "error"), ("soulseek.connecting", "info"), ("soulseek.online", "info")],
)
def test_a_server_that_cannot_be_reached_is_a_warning_in_the_log(name: str, level: str) -> None:
    bus = EventBus(VirtualClock())
    Telling(bus).soulseek(name, "cannot reach the Soulseek server", {"state": "offline"})
    assert [event.level for _, event in bus.history] == [level]
