"""Moves from the cache into the library that a stop interrupted."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slskdn_tui.engine.cache import move


def test_a_move_that_the_disk_refuses_keeps_no_other_move_and_no_fetch_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = asdict(move._Move("/music", "a/b.flac", 1, "digest"))
    done: list[str] = []

    async def carry_out(services: Any, shelf: Any, recording: str, *_: object) -> Path | None:
        done.append(recording)
        if recording == "first":
            raise PermissionError(13, "Permission denied")
        return None

    async def under(prefix: str) -> dict[str, Any]:
        return {"first": noted, "second": noted}

    async def rest(recordings: list[str]) -> None: ...

    monkeypatch.setattr(move, "_carry_out", carry_out)
    services: Any = SimpleNamespace(store=SimpleNamespace(choices=SimpleNamespace(under=under)))
    shelf: Any = SimpleNamespace(trouble="")
    asyncio.run(move.finish_moves(services, shelf, rest))
    assert done == ["first", "second"]
