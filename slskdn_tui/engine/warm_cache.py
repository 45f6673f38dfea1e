"""The warm cache as the engine has it: its switches, its shelf for the mesh, its fetcher on top of the jobs. Shell of shells."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.cache.fetcher import Fetcher
from slskdn_tui.engine.cache.move import finish_moves, move_to_library
from slskdn_tui.engine.cache.policy import GB, Rules
from slskdn_tui.engine.cache.shelf import Shelf
from slskdn_tui.engine.discovery.aggregates import Aggregates
from slskdn_tui.engine.jobs.runner import JobRunner
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.library.offers import LibraryOffers
from slskdn_tui.engine.library.roots import library_roots
from slskdn_tui.engine.mesh_stock import MeshStock
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.peers.governor import Governor
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.errors import UserError

KEY = "cache"
"""What was set by hand, over the configuration: `on`, `max_storage_gb`, `threshold`."""


class Host(Protocol):
    """Parts of the engine that the cache looks at."""

    clock: Clock
    paths: Paths
    settings: Settings
    bus: EventBus
    store: Store
    supervisor: Supervisor
    gossip: Gossip | None
    governor: Governor
    offers: LibraryOffers
    stock: MeshStock
    aggregates: Aggregates | None
    soulseek: SoulseekPlane

    @property
    def disk(self) -> Executor: ...


class WarmCache:
    """`await load()` before the mesh, `start` after the jobs. What is set by hand holds over restarts."""

    def __init__(self, engine: Host) -> None:
        settings = engine.settings
        self._engine = engine
        self._by_hand: dict[str, float] = {}
        self.fetcher: Fetcher | None = None
        self._services: Services | None = None
        self.changed: Callable[[], None] = lambda: None
        apart = [*library_roots(settings), *(Path(name).expanduser() for name in settings.soulseek.share)]
        self.shelf = Shelf(
            folder_of(settings, engine.paths.data), engine.store.cache_files, engine.store.cache, engine.clock, engine.disk, engine.bus,
            apart=apart, changed=lambda: self.changed(),
        )  # fmt: skip

    def asked(self, recordings: Sequence[str]) -> None:
        """A peer asked for these: what is told of first, and how often the cache had it."""
        self._engine.stock.touch(recordings)
        self.shelf.asked(recordings)

    async def load(self, stack: AsyncExitStack, changed: Callable[[], None]) -> None:
        kept = await self._engine.store.choices.get(KEY)
        self._by_hand = {name: value for name, value in kept.items() if isinstance(value, int | float)} if isinstance(kept, dict) else {}
        self.changed = changed
        stack.callback(self.shelf.close)
        stack.push_async_callback(self.shelf.flush)
        self.shelf.on = self.on
        await self.shelf.load()
        self._engine.supervisor.keep("warm cache", self.shelf.run)

    def start(self, services: Services, runner: JobRunner) -> None:
        engine = self._engine
        self.shelf.stats = services.canonical
        self.shelf.sounds = services.recognise.whole if services.recognise is not None else None
        self._services = services
        self.fetcher = Fetcher(services, runner, self.shelf, lambda: self.rules, self._in_library, self._busy)
        if engine.aggregates is not None:
            engine.aggregates.changed = self.fetcher.wake
        engine.supervisor.keep("warm cache fetches", self._fetch)

    async def _fetch(self) -> None:
        if self._services is not None and self.fetcher is not None:
            await finish_moves(self._services, self.shelf, self.fetcher.rest)
            await self.fetcher.run()

    # What holds -------------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """What the user said, whether or not there is a mesh."""
        return bool(self._by_hand.get("on", self._engine.settings.warm_cache.enabled))

    @property
    def on(self) -> bool:
        return self.wanted and self._engine.settings.overlay.enabled

    @property
    def rules(self) -> Rules:
        given = self._engine.settings.warm_cache
        most = self._by_hand.get("max_storage_gb", given.max_storage_gb)
        threshold = int(self._by_hand.get("threshold", given.min_popularity_threshold))
        return Rules(int(most * GB), threshold, given.eviction, given.keep_days)

    def features(self) -> tuple[str, ...]:
        """For HELLO."""
        return ("cache",) if self.shelf.on and not self.shelf.trouble else ()

    async def set(self, name: str, value: float) -> None:
        """Set one of `on`, `max_storage_gb`, `threshold` by hand; tells neighbours when it is switched."""
        if name == "on" and value and not self._engine.settings.overlay.enabled:
            raise UserError("refused", "the overlay is off, so there is nobody to keep anything for", "set overlay.enabled to true")
        self._by_hand = {**self._by_hand, name: value}
        await self._engine.store.choices.put(KEY, self._by_hand)
        was, self.shelf.on = self.shelf.on, self.on
        if self.shelf.on != was:
            await self.shelf.load()
            self.changed()
            if self._engine.gossip is not None:
                self._engine.gossip.completed(())  # a descriptor without variants says how this node serves
        if self.fetcher is not None:
            self.fetcher.wake()

    async def move(self, recording: str) -> str:
        """Move what is held into the library; its path there. UserError as `move_to_library`; `not_found` for what is not held."""
        file = self.shelf.file(recording)
        if file is None or self._services is None or self.fetcher is None:
            raise UserError("not_found", f"the cache does not hold {recording}", "`slskdn cache status` shows what it holds")
        if self.shelf.trouble:
            raise UserError("disk", self.shelf.trouble, "")
        if not file.settled:
            raise UserError("refused", f"{file.title or recording} is still being checked", "try again in a moment")
        return str(await move_to_library(self._services, self.shelf, file, self.fetcher.rest))

    def _in_library(self, recording: str) -> bool:
        return bool(self._engine.offers.find((recording,)))

    def _busy(self) -> str:
        engine = self._engine
        if engine.soulseek.state != "online":
            return f"waits for Soulseek: {engine.soulseek.state_words or engine.soulseek.state}"
        if not (verdict := engine.governor.verdict()).healthy:
            return f"nothing is fetched while this node is out of balance: {verdict.why}"
        return "waits until nobody searches" if engine.soulseek.searches_waiting else ""


def folder_of(settings: Settings, data: Path) -> Path:
    """Where the cache lies, absolute and without links, as the index has it."""
    name = settings.warm_cache.folder.strip()
    return Path(os.path.realpath(Path(name).expanduser() if name else data / "warm"))
