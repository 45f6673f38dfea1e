"""The Soulseek world as a fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from soulseek_world import World


@pytest.fixture
def in_world(tmp_path: Path):
    """`in_world(story)` runs `await story(world)` in a world that is taken down afterwards."""

    def run(story: Any, timeout: float = 300.0) -> Any:
        async def main() -> Any:
            async with asyncio.timeout(timeout):
                world = await World(tmp_path).open()
                try:
                    return await story(world)
                finally:
                    await world.close()

        work: Coroutine[Any, Any, Any] = main()
        return asyncio.run(work)

    return run
