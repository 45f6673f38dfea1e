"""`slskdn --readonly` with no engine: the screens over what is stored."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.readonly import ReadOnlyEngine
from tests.engine.control.test_readonly_engine import fill
from tests.fakes.driving import Make, drive, message, on_screen, until


def test_what_is_stored_stands_on_the_screens_and_what_is_not_says_why(tmp_path: Path, make_app: Make) -> None:
    paths = Paths.of(tmp_path)
    fill(paths)
    app = make_app(ReadOnlyEngine(paths), readonly=True)

    async def steps(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "Loveless" in on_screen(app))
        assert "no engine runs; what is shown was stored" in on_screen(app)
        await pilot.press("p")
        await until(pilot, lambda: "read-only" in message(app))
        await pilot.press("2")
        await until(pilot, lambda: "no engine runs for this profile" in on_screen(app))  # a search lives in an engine
        await pilot.press("5")
        await until(pilot, lambda: "Loomer" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: app.return_code is not None)

    drive(app, steps)
    assert app.failure is None and app.return_code == 0
