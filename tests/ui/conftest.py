"""UI tests: fixed time zone, no colour variables from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from slskdn_tui.config.settings import Ui
from slskdn_tui.ui.app import SlskdnApp
from tests.fakes.engine import FakeEngine


@pytest.fixture(autouse=True)
def fixed_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "SLSKDN_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("COLORTERM", "truecolor")
    time.tzset()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def make_app() -> Callable[..., SlskdnApp]:
    """An app over an engine; polls so rarely that a test decides when (`await app.poller.poll()`)."""

    def make(engine: FakeEngine, **more: Any) -> SlskdnApp:
        settings = more.pop("settings", Ui())
        app = SlskdnApp(engine, settings=settings, refresh_hz=more.pop("refresh_hz", 0.1), **more)
        app.NOTIFICATION_TIMEOUT = 600.0  # what was said is there when a busy machine looks
        return app

    return make
