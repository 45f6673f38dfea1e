"""Shell: what `slskdn serve` says on stderr while it runs: what `slskdn status` would call not right, once, and when it is right again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import NoReturn

from slskdn_tui.cli.context import say
from slskdn_tui.model.views import EngineEvent, PartStatus, StatusView, ViewKey
from slskdn_tui.seam import EngineProtocol

POLL_S = 2.0
TOLD_PARTS = frozenset(("overlay", "job"))
"""Parts whose warnings are said as they come; of the others `status` knows when they are right again."""
MOST_TOLD = 500


class Watch:
    """Core: status by status, the lines to say. A part is told again only when it is wrong in another way, or right again."""

    def __init__(self) -> None:
        self._wrong: dict[str, str] = {}

    def lines(self, view: StatusView) -> Iterator[str]:
        there = set()
        for part in view.parts:
            there.add(part.name)
            if part.name == "soulseek" and view.soulseek == "connecting":
                continue  # between two tries it is neither
            before, now = self._wrong.get(part.name, ""), _wrong(part, view.soulseek)
            if now != before and (now or part.state == "ok"):
                yield f"{part.name} {part.words}"
                self._wrong[part.name] = now
        for name in [name for name, state in self._wrong.items() if state and name not in there]:
            self._wrong[name] = ""  # a failing part is listed only while it fails
            yield f"{name} runs again"


def _wrong(part: PartStatus, soulseek: str) -> str:
    """How a part is wrong, '' when it is not. Waiting for peers is no fault; waiting for what the user must give is one."""
    if part.name == "soulseek":
        return "" if soulseek in ("online", "off") else soulseek
    return part.state if part.state == "failing" or (part.name == "dht" and part.state == "waiting") else ""


async def talk(engine: EngineProtocol) -> None:
    """Say it until cancelled. Ends quietly when nobody reads stderr any more."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_watch(engine))
            group.create_task(_listen(engine))
    except* OSError:
        pass


async def _watch(engine: EngineProtocol) -> NoReturn:
    watch = Watch()
    while True:
        view = await engine.snapshot(ViewKey("status"))
        if isinstance(view, StatusView):
            for line in watch.lines(view):
                say(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}")
        await asyncio.sleep(POLL_S)


async def _listen(engine: EngineProtocol) -> None:
    told: dict[str, None] = {}
    async for event in engine.events():
        if worth(event) and event.text not in told:
            say(f"{event.time[11:19]} {event.part} {event.text}")
            told[str(event.text)] = None
            if len(told) > MOST_TOLD:
                del told[next(iter(told))]


def worth(event: EngineEvent) -> bool:
    """Is this said while serving? Pure."""
    return event.level != "info" and event.part in TOLD_PARTS
