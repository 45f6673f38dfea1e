"""The overlay's world beside the engine's; the cache looks at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "overlay"))


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    """What is heard is written and acted on at once."""
    from slskdn_tui.engine import variants
    from slskdn_tui.engine.cache import fetcher
    from slskdn_tui.engine.discovery import aggregates
    from slskdn_tui.engine.soulseek.manners.watch import MESSAGES, Allowance

    monkeypatch.setattr(variants, "KEPT_S", 0.0)
    monkeypatch.setattr(fetcher, "SETTLE_S", 0.05)
    monkeypatch.setattr(fetcher, "AGAIN_S", 0.1)
    monkeypatch.setattr(fetcher, "WATCH_S", 0.05)
    monkeypatch.setattr(Allowance.__init__, "__defaults__", (MESSAGES, 0.2))  # one user is asked again and again here
    monkeypatch.setattr(aggregates, "FLUSH_EVERY", 0.1)
