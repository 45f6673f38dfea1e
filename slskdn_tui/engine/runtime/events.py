"""The event bus: rare facts for the log, toasts and traces. Bounded and lossy towards each reader; losses are counted. Each also goes to `logging`."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Literal

from slskdn_tui.engine.runtime.clock import Clock, iso
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent

Level = Literal["info", "warning", "error"]
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
Scalar = str | int | float | bool | None


class EventBus:
    """Publish from anywhere on the loop; each subscriber has its own bounded queue, oldest dropped first."""

    def __init__(self, clock: Clock, keep: int = 2000, queue: int = 512) -> None:
        self._clock = clock
        self._queue = queue
        self._readers: set[_Reader] = set()
        self.history: deque[tuple[int, EngineEvent]] = deque(maxlen=keep)
        self.count = 0

    def publish(
        self,
        name: str,
        part: str,
        text: str,
        *,
        level: Level = "info",
        job_id: str = "",
        track: int = 0,
        facts: Mapping[str, Scalar] | None = None,
        **data: Scalar,
    ) -> None:
        """`facts` and `data` are the event's machine-readable side, joined."""
        event = EngineEvent(name, iso(self._clock.wall()), part, level, SafeText(text), job_id, track, {**(facts or {}), **data})
        logging.getLogger(f"slskdn_tui.{part}").log(_LEVELS[level], "%s", event.text)
        self.count += 1
        self.history.append((self.count, event))
        for reader in self._readers:
            reader.put(event)

    def subscribe(self) -> AsyncIterator[EngineEvent]:
        """Events from now on. Registered at the call, so nothing between the call and the first read is missed."""
        reader = _Reader(self, self._queue)
        self._readers.add(reader)
        return reader

    @property
    def readers(self) -> int:
        """How many subscribers events are kept for."""
        return len(self._readers)

    def forget(self, reader: _Reader) -> None:
        self._readers.discard(reader)


class _Reader:
    def __init__(self, bus: EventBus, limit: int) -> None:
        self._bus = bus
        self._events: deque[EngineEvent] = deque()
        self._limit = limit
        self._lost = 0
        self._wake = asyncio.Event()

    def put(self, event: EngineEvent) -> None:
        if len(self._events) >= self._limit:
            self._events.popleft()
            self._lost += 1
        self._events.append(event)
        self._wake.set()

    def __aiter__(self) -> _Reader:
        return self

    async def __anext__(self) -> EngineEvent:
        try:
            while not self._events:
                self._wake.clear()
                await self._wake.wait()
        except asyncio.CancelledError:
            self._bus.forget(self)
            raise
        event = self._events.popleft()
        if self._lost:
            event, self._lost = replace(event, lost=self._lost), 0
        return event

    async def aclose(self) -> None:
        self._bus.forget(self)
