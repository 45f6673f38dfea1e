"""SVG snapshots of each screen at both sizes. After a wanted change: `pytest tests/ui/test_ui_snapshots.py --snapshot-update`, and look at them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from slskdn_tui.ui.app import SlskdnApp
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import SHOTS, SIZES, arrange, engine_of

Make = Callable[..., SlskdnApp]


def take(snap_compare: Any, app: SlskdnApp, shot: str, size: tuple[int, int]) -> bool:
    async def before(pilot: Pilot[Any]) -> None:
        await arrange(pilot, SHOTS[shot])

    return bool(snap_compare(app, terminal_size=size, run_before=before))


# The wide pictures differ in room, not in kind: CI draws them, the fast suite has the narrow ones.
@pytest.mark.parametrize(
    "size", [pytest.param(size, marks=[pytest.mark.slow] if size[0] > 80 else [], id=f"{size[0]}x{size[1]}") for size in SIZES]
)
@pytest.mark.parametrize("shot", sorted(SHOTS))
def test_screen(snap_compare: Any, make_app: Make, shot: str, size: tuple[int, int]) -> None:
    assert take(snap_compare, make_app(engine_of(shot)), shot, size)


def test_ascii(snap_compare: Any, engine: FakeEngine, make_app: Make) -> None:
    assert take(snap_compare, make_app(engine, ascii_mode=True), "trace", (80, 24))


def test_smallest_size(snap_compare: Any, engine: FakeEngine, make_app: Make) -> None:
    assert take(snap_compare, make_app(engine), "swarms", (60, 15))


def test_day_theme(snap_compare: Any, engine: FakeEngine, make_app: Make) -> None:
    assert take(snap_compare, make_app(engine, theme="day"), "swarms", (120, 36))


def test_empty(snap_compare: Any, make_app: Make) -> None:
    assert take(snap_compare, make_app(FakeEngine(empty=True)), "swarms", (80, 24))


def test_every_stored_picture_belongs_to_a_screen() -> None:
    """Pictures of deselected sizes count as unused for syrupy, so that this is what notices a forgotten file."""
    sized = {f"test_screen[{shot}-{wide}x{high}].svg" for shot in SHOTS for wide, high in SIZES}
    others = {f"{name}.svg" for name in ("test_ascii", "test_smallest_size", "test_day_theme", "test_empty")}
    stored = {path.name for path in (Path(__file__).parent / "__snapshots__" / "test_ui_snapshots").iterdir()}
    assert stored == sized | others
