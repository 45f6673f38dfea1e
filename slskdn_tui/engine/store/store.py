"""Both databases of a profile and their tables. Shells SQLite; see docs/architecture.md for why there are two files."""

from __future__ import annotations

from pathlib import Path

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.store.damage import Damage
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.library.cache_files import CacheFilesTable
from slskdn_tui.engine.store.library.discogs import DiscogsTable
from slskdn_tui.engine.store.library.files import FilesTable
from slskdn_tui.engine.store.library.health import HealthTable
from slskdn_tui.engine.store.library.matches import MatchesTable
from slskdn_tui.engine.store.library.mb_cache import MbCacheTable
from slskdn_tui.engine.store.library.popularity import PopularityTable
from slskdn_tui.engine.store.library.releases import ReleasesTable
from slskdn_tui.engine.store.library.sounds import SoundsTable
from slskdn_tui.engine.store.library.traces import TracesTable
from slskdn_tui.engine.store.library.voices import VoicesTable
from slskdn_tui.engine.store.state.cache import CacheTable
from slskdn_tui.engine.store.state.choices import ChoicesTable
from slskdn_tui.engine.store.state.dht_nodes import DhtNodesTable
from slskdn_tui.engine.store.state.dismissals import DismissalsTable
from slskdn_tui.engine.store.state.gate import GateTable
from slskdn_tui.engine.store.state.jobs import JobsTable
from slskdn_tui.engine.store.state.ledger import LedgerTable
from slskdn_tui.engine.store.state.messages import MessagesTable
from slskdn_tui.engine.store.state.parents import ParentsTable
from slskdn_tui.engine.store.state.parts import PartsTable
from slskdn_tui.engine.store.state.peers import PeersTable
from slskdn_tui.engine.store.state.people import PeopleTable
from slskdn_tui.engine.store.state.rescues import RescuesTable
from slskdn_tui.engine.store.state.usage import UsageTable
from slskdn_tui.engine.store.state.user_history import UserHistoryTable
from slskdn_tui.engine.store.state.wishes import WishesTable


class Store:
    """state.db: `jobs parents parts gate peers ledger dht_nodes choices user_history usage dismissals cache`.
    library.db: `files cache_files health releases matches sounds mb_cache traces voices popularity`.

    `damage` lists databases that were found broken and replaced: tell the user, and rebuild jobs from their manifests.
    """

    def __init__(self, state: Database, library: Database, clock: Clock) -> None:
        self.state = state
        self.library = library
        self.clock = clock
        self.damage: tuple[Damage, ...] = tuple(entry for entry in (state.damage, library.damage) if entry)
        self.jobs = JobsTable(state)
        self.parents = ParentsTable(state)
        self.parts = PartsTable(state)
        self.gate = GateTable(state)
        self.peers = PeersTable(state)
        self.ledger = LedgerTable(state)
        self.dht_nodes = DhtNodesTable(state)
        self.choices = ChoicesTable(state)
        self.user_history = UserHistoryTable(state)
        self.rescues = RescuesTable(state)
        self.usage = UsageTable(state)
        self.people = PeopleTable(state)
        self.messages = MessagesTable(state)
        self.wishes = WishesTable(state)
        self.dismissals = DismissalsTable(state)
        self.cache = CacheTable(state)
        self.files = FilesTable(library)
        self.cache_files = CacheFilesTable(library)
        self.health = HealthTable(library)
        self.releases = ReleasesTable(library)
        self.matches = MatchesTable(library)
        self.sounds = SoundsTable(library, clock)
        self.discogs = DiscogsTable(library, clock)
        self.mb_cache = MbCacheTable(library, clock)
        self.traces = TracesTable(library)
        self.voices = VoicesTable(library)
        self.popularity = PopularityTable(library)

    @classmethod
    async def open(cls, paths: Paths, clock: Clock | None = None) -> Store:
        """Open for the engine, which holds the profile's lock. UserError as `Database.open`."""
        clock = clock or SystemClock()
        state = await Database.open(paths.state_db, "state", "FULL", clock=clock, restore=True)
        try:
            library = await Database.open(paths.library_db, "library", "NORMAL", readers=2, clock=clock)
        except BaseException:
            await state.close()
            raise
        return cls(state, library, clock)

    @classmethod
    async def open_read_only(cls, paths: Paths, clock: Clock | None = None) -> Store:
        """Open for looking only; every write raises RuntimeError. UserError as `Database.open_read_only`."""
        state = await Database.open_read_only(paths.state_db, "state")
        try:
            library = await Database.open_read_only(paths.library_db, "library")
        except BaseException:
            await state.close()
            raise
        return cls(state, library, clock or SystemClock())

    async def backup(self) -> Path:
        """Copy state.db into `backups/` (the newest three stay); meant to be called every hour. library.db can be rebuilt."""
        return await self.state.backup(self.clock.wall().strftime("%Y%m%dT%H%M%SZ"))

    async def close(self) -> None:
        await self.library.close()
        await self.state.close()
