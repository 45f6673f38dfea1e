"""Strangers who hold their slots without reading leave one for whom this node knows to be good."""

from __future__ import annotations

import pytest

from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.uploads import UploadDesk
from slskdn_tui.engine.runtime.clock import SystemClock


@pytest.mark.parametrize(
    ("slots", "serving", "stranger", "known"),
    [(4, 0, 3, 4), (4, 3, 0, 1), (4, 4, -1, 0), (1, 0, 1, 1), (8, 6, 0, 2)],
)
def test_a_quarter_of_the_slots_is_kept_for_known_nodes(slots: int, serving: int, stranger: int, known: int) -> None:
    desk = UploadDesk([], MeshLimits(), SystemClock(), slots, good=lambda node_id: node_id == "known")
    desk.serving = serving
    assert (desk.free("stranger"), desk.free("known")) == (stranger, known)
