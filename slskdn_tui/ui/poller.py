"""The poller: asks the engine for what is on screen, and only for that. Shell.

One snapshot of the status line and one of each view the visible screen names, at `hz`; four times slower while the terminal says that it
has lost the focus. `Unchanged` draws nothing. Views of screens that are not seen are forgotten and fetched whole on return.
When the engine says that it has gone, nothing is asked any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.views import Snapshot, StatusView, ViewKey
from slskdn_tui.seam import READ_ONLY, EngineProtocol

log = logging.getLogger(__name__)
STATUS = ViewKey("status")
NEVER = -1
"""The version of a view not seen yet; no view has it, so the answer is whole."""


class Viewer(Protocol):
    """What a screen is to the poller."""

    def views(self) -> Sequence[ViewKey]: ...

    def take(self, key: ViewKey, view: Snapshot) -> None: ...

    def trouble(self, key: ViewKey, error: UserError) -> None: ...


class Poller:
    """Polls until its task is cancelled. `kick()` asks for the next round at once."""

    def __init__(
        self,
        engine: EngineProtocol,
        viewer: Callable[[], Viewer | None],
        on_status: Callable[[StatusView], None],
        on_lost: Callable[[str], None],
        on_gone: Callable[[UserError], None],
        hz: float,
    ) -> None:
        self._engine = engine
        self._viewer = viewer
        self._on_status = on_status
        self._on_lost = on_lost
        self._on_gone = on_gone
        self._period = 1 / hz
        self._seen: dict[ViewKey, int] = {}
        self._owner: Viewer | None = None
        self._kicked = asyncio.Event()
        self._lock = asyncio.Lock()
        self._was_lost = False
        self._gone = False
        self.frozen = False
        self.blurred = False

    def kick(self) -> None:
        self._kicked.set()

    def forget(self, screen: str) -> None:
        """Views of that kind are fetched whole in the next round, which comes at once."""
        self._seen = {key: version for key, version in self._seen.items() if key.screen != screen}
        self.kick()

    async def run(self) -> None:
        """Until cancelled, or until the engine has gone."""
        while not self._gone:
            self._kicked.clear()
            await self.poll()
            try:
                async with asyncio.timeout(self._period * (4 if self.blurred else 1)):
                    await self._kicked.wait()
            except TimeoutError:
                pass

    async def poll(self) -> None:
        """One round."""
        async with self._lock:
            viewer = self._viewer()
            if viewer is not self._owner:
                self._owner = viewer
                self._seen = {key: version for key, version in self._seen.items() if key == STATUS}
            keys = [STATUS, *(viewer.views() if viewer is not None and not self.frozen else ())]
            if not self.frozen:
                self._seen = {key: version for key, version in self._seen.items() if key in keys}
            for key in keys if not self._gone else ():
                await self._one(key, viewer)

    async def _one(self, key: ViewKey, viewer: Viewer | None) -> None:
        try:
            view = await self._engine.snapshot(key, self._seen.get(key, NEVER))
        except UserError as error:
            if error.code == "no_engine" and self._engine.description != READ_ONLY:
                if not self._gone:
                    self._gone = True
                    self._on_gone(error)
            elif viewer is not None:
                viewer.trouble(key, error)
            return
        except (OSError, EOFError) as error:
            if not self._was_lost:
                self._was_lost = True
                log.warning("the engine does not answer: %s", error)
                self._on_lost(str(error))
            return
        self._was_lost = False
        if viewer is not self._viewer():  # another screen came up while the engine was answering
            return
        if view.kind == "unchanged":
            if key not in self._seen:  # forgotten while the engine was answering
                self.kick()
            return
        self._seen[key] = view.version
        if view.kind == "status":
            self._on_status(view)
        elif viewer is not None:
            viewer.take(key, view)
