"""Many downloaders behind shared uplinks: what the fan-out figure rests on, in a small world."""

from __future__ import annotations

import pytest
from fan import plain, with_nodes

from slskdn_tui.model.variant import LEAF

SIZE = 24 * LEAF


def test_an_uploaders_slots_serve_the_queue_in_rounds() -> None:
    result = plain(6, 1_000_000, 2, 100_000)
    assert result.times == pytest.approx([10, 10, 20, 20, 30, 30]) and result.origin == 6_000_000 and result.median == 20


def test_nodes_with_the_file_serve_everybody_at_their_uplinks_and_the_uploader_hardly_sends() -> None:
    result = with_nodes(10, SIZE, 2, 50_000, 3, 1_000_000, 40)
    ideal = 10 * SIZE / 3_000_000
    assert ideal * 0.8 < result.median <= result.times[-1] < ideal * 1.25 + 1.0
    assert result.origin + result.nodes >= 10 * SIZE and result.origin < 0.1 * 10 * SIZE
    assert result.duplicates <= 0.03 * 10 * SIZE


def test_where_slots_are_fewer_than_users_the_last_wait_and_the_uploader_sends_more() -> None:
    few, many = (with_nodes(12, SIZE, 2, 50_000, 1, 1_000_000, slots) for slots in (4, 40))
    assert few.times[0] < many.times[0] and few.origin > many.origin, "three have a slot: a stranger gets three quarters of them"
    assert few.times[-1] < 1.5 * many.times[-1] + 1.0
