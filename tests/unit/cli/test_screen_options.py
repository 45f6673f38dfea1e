"""What `slskdn --OPTION` says of the screens reaches them; signals that end them in order."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slskdn_tui import main
from slskdn_tui.cli.hooks import AppOptions, DemoOptions
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.readonly import ReadOnlyEngine
from slskdn_tui.ui.terminal import ended_in_order, run_then_stop

OTHER = AppOptions(theme="mono", ascii=True, mouse=False, refresh_hz=5.0, low_bandwidth=True, readonly=True)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """How each window was opened."""
    seen: list[dict[str, Any]] = []

    def run_app(engine: object, **options: Any) -> int:
        seen.append({**options, "engine": engine})
        return 0

    monkeypatch.setattr("slskdn_tui.ui.app.run_app", run_app)
    monkeypatch.setattr(main, "_own_engine", lambda *_: object())
    return seen


@pytest.mark.parametrize("name", [field.name for field in fields(AppOptions)])
def test_every_option_of_the_screens_changes_how_they_open(name: str, tmp_path: Path, shown: list[dict[str, Any]]) -> None:
    for options in (AppOptions(), replace(AppOptions(), **{name: getattr(OTHER, name)})):
        assert main.screens(Paths.of(tmp_path), Settings(), options) == 0
    assert {**shown[0], "engine": None} != {**shown[1], "engine": None}


def test_who_only_looks_starts_no_engine(tmp_path: Path, shown: list[dict[str, Any]]) -> None:
    assert main.screens(Paths.of(tmp_path / "p"), Settings(), AppOptions(readonly=True)) == 0
    assert isinstance(shown[0]["engine"], ReadOnlyEngine) and shown[0]["readonly"] and not (tmp_path / "p").exists()


def test_the_demo_opens_with_the_options_given(tmp_path: Path, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def run_demo(options: DemoOptions, connect: object, show: Callable[[Path], int]) -> int:
        return show(tmp_path)

    monkeypatch.setattr("slskdn_tui.lab.run.run_demo", run_demo)
    assert main.demo(DemoOptions(app=OTHER)) == 0
    assert main.screens(Paths.of(tmp_path), Settings(), OTHER) == 0
    shown[0]["engine"] = shown[1]["engine"]
    assert shown[0] == shown[1] and shown[0]["ascii_mode"] and not shown[0]["settings"].mouse


def test_what_nohup_ignores_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_in_order():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and callable(signal.getsignal(signal.SIGTERM))
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_where_a_script_has_ctrl_c_ignored_a_kill_is_heard_all_the_same() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ended_in_order():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_kill_and_a_hang_up_that_come_together_end_it_once() -> None:
    """A second ctrl+c would cut short what the first began."""
    begun = 0
    with ended_in_order():
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):
            try:
                signal.raise_signal(number)
            except KeyboardInterrupt:
                begun += 1
    assert begun == 1


def test_a_window_whose_end_was_cut_short_leaves_no_thread_that_reads_keys() -> None:
    """It would read the end of a closed terminal for ever, and keep the process."""

    async def run_async(mouse: bool) -> int:
        raise asyncio.CancelledError

    async def stop_engine() -> None: ...

    driver = SimpleNamespace(exit_event=threading.Event())
    app: Any = SimpleNamespace(
        _driver=driver, engine=SimpleNamespace(description=""), failure=None, run_async=run_async, stop_engine=stop_engine
    )

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await run_then_stop(app, mouse=False)

    asyncio.run(main())
    assert driver.exit_event.is_set()
