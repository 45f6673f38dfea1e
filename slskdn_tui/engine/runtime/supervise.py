"""Supervision: every background task has a name, an owner and a reader of its result.

A part that fails is restarted with back-off and says so; nothing calls `asyncio.create_task` whose outcome nobody reads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from slskdn_tui.engine.runtime.clock import Clock

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Part:
    """What the status line knows of a supervised part: running, waiting to restart, failed, done."""

    name: str
    state: str = "running"
    error: str = ""
    restarts: int = 0


class Supervisor:
    """A named group of background tasks. `on_failure(part, error)` is told of every failure before a restart."""

    def __init__(self, clock: Clock, on_failure: Callable[[Part, BaseException], None] | None = None) -> None:
        self._clock = clock
        self._on_failure = on_failure
        self._tasks: dict[asyncio.Task[Any], Part] = {}
        self._stopping = False

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self._tasks.values())

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run once; a failure is logged and told. The task may be cancelled by its owner."""
        if self._stopping:
            work.close()  # else it would complain on the terminal that nobody awaited it
        part = Part(name)
        task = self._track(part, self._once(part, work))
        task.add_done_callback(lambda done: work.close())  # cancelled before its first step: nobody awaited it either
        return task

    def keep(self, name: str, factory: Callable[[], Awaitable[Any]], *, first: float = 1.0, most: float = 60.0) -> asyncio.Task[Any]:
        """Run and, when it fails or returns, run again after a back-off that doubles from `first` to `most` seconds and resets after a good minute."""
        part = Part(name)
        return self._track(part, self._again(part, factory, first, most))

    def _track(self, part: Part, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        if self._stopping:
            work.close()
            raise RuntimeError(f"{part.name}: the supervisor is stopping")
        task = asyncio.get_running_loop().create_task(work, name=part.name)
        self._tasks[task] = part
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    async def _once(self, part: Part, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the supervisor is where failures end; each is told
            self._tell(part, error)
            return None

    async def _again(self, part: Part, factory: Callable[[], Awaitable[Any]], first: float, most: float) -> None:
        wait = first
        while True:
            started = self._clock.now()
            part.state = "running"
            try:
                await factory()
                part.error = ""
            except asyncio.CancelledError as error:
                own = asyncio.current_task()
                if own is None or own.cancelling():
                    raise
                self._tell(part, error)  # what it waited for was cancelled, and not it
            except Exception as error:  # as above
                self._tell(part, error)
            if self._clock.now() - started > 60:
                wait = first
            part.state, part.restarts = "waiting", part.restarts + 1
            await self._clock.sleep(wait)
            wait = min(most, wait * 2)

    def _tell(self, part: Part, error: BaseException) -> None:
        part.state, part.error = "failed", f"{type(error).__name__}: {error}"
        log.error("%s failed: %s", part.name, part.error, exc_info=error)
        if self._on_failure is not None:
            self._on_failure(part, error)

    async def stop(self) -> None:
        """Cancel everything and wait until each task has let go of what it held."""
        self._stopping = True
        own = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
