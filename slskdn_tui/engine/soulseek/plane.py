"""Shell: the Soulseek plane: one account's session, searches, origins, shares and uploads behind one small face."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from slskdn_tui.config.settings import Soulseek, Uploads
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.client import Client, kib_per_s, library_settings
from slskdn_tui.engine.soulseek.connection import supervise
from slskdn_tui.engine.soulseek.connection.ports import Ports
from slskdn_tui.engine.soulseek.connection.session import Session
from slskdn_tui.engine.soulseek.downloads.holder import SoulseekOrigin
from slskdn_tui.engine.soulseek.downloads.origin import OriginTransferManager
from slskdn_tui.engine.soulseek.manners.manners import Manners
from slskdn_tui.engine.soulseek.people.people import People
from slskdn_tui.engine.soulseek.search.gate import GateRules, Priority, SearchGate
from slskdn_tui.engine.soulseek.search.memory import GateStore, SearchMemory
from slskdn_tui.engine.soulseek.search.search import Listener, SearchDesk
from slskdn_tui.engine.soulseek.search.searches import Searches
from slskdn_tui.engine.soulseek.shares.index import ShareIndexer, ShareReader, open_index
from slskdn_tui.engine.soulseek.uploads.sharing import Sharing, UploadInfo, group_rules
from slskdn_tui.engine.soulseek.wire import hardening
from slskdn_tui.engine.store.state.messages import MessagesTable
from slskdn_tui.engine.store.state.people import PeopleTable
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ports import QueuedOrigin
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

OnEvent = Callable[[str, str, dict[str, Any]], None]
OnBytes = Callable[[str, str, int], None]


class SoulseekPlane:
    """Start, search, fetch, share. Errors become `state` and `state_words`; nothing here raises for a server that cannot be reached.

    `on_event(name, text, data)` names: `soulseek.<state>`, `soulseek.search`, `soulseek.shares`, `soulseek.upload`, `soulseek.port`, `message.received`;
    `on_bytes(username, "up" | "down", n)` is called for each piece of a file. Nothing in `never_share` is shared, whatever the settings say; a shared
    folder may lie in `profile`, which is not shared itself. `gate_store` keeps the search window (default: beside the share index).
    """

    def __init__(
        self,
        settings: Soulseek,
        *,
        password: str,
        share_db: Path,
        clock: Clock,
        supervisor: Supervisor,
        rng: random.Random,
        on_event: OnEvent,
        on_bytes: OnBytes,
        gate_store: GateStore | None = None,
        manners: Manners | None = None,
        uploads: Uploads | None = None,
        never_share: Sequence[Path] = (),
        profile: Path | None = None,
        people: PeopleTable | None = None,
        messages: MessagesTable | None = None,
        gateway: tuple[str, int] | None = None,
    ) -> None:
        self._settings = settings
        self._uploads = uploads or Uploads()
        self._never_share = (share_db.parent, *never_share)
        self._passed = (profile,) if profile is not None else ()
        self._password = password
        self._share_db = share_db
        self._clock = clock
        self._supervisor = supervisor
        self._rng = rng
        self._on_event = on_event
        self._on_bytes = on_bytes
        self._gate_store = gate_store
        self._manners = manners or Manners()
        self._status = supervise.OFF if not settings.enabled else supervise.STOPPED
        self._limits = (0, 0)
        self._client: Client | None = None
        self._session: Session | None = None
        self._desk: SearchDesk | None = None
        self._searches: Searches | None = None
        self.sharing: Sharing | None = None
        self._reader: ShareReader | None = None
        self._indexer: ShareIndexer | None = None
        self._index: sqlite3.Connection | None = None
        self._scanner = ThreadPoolExecutor(1, thread_name_prefix="share-scan")
        self.people = People(clock, supervisor, on_event, self._complaint, people, messages)
        self.ports = Ports(settings, clock, supervisor, on_event, gateway)
        self._tasks: list[asyncio.Task[Any]] = []

    # -- life

    async def start(self) -> None:
        """Begin; login, scan and reconnects go on by themselves. Raises sqlite3.Error when the index of shares can be neither opened nor made."""
        await self.people.load()
        if not self._settings.enabled:
            return
        hardening.install()
        try:
            first = self._settings.model_copy(update={"listen_port": await self.ports.first()})
            settings = library_settings(first, self._password)
        except ValueError as error:
            self._set_status(supervise.failed("refused", "config", str(error), "set soulseek.server to HOST:PORT"))
            return
        self._index = await asyncio.to_thread(open_index, self._share_db)
        self._reader = ShareReader(self._share_db)
        self._indexer = ShareIndexer(self._index, self._settings.share, self._never_share, self._settings.share_exclude, self._passed)
        client = self._client = Client(settings, self._settings.listen_address, self._reader, self._rng)
        transfers = client.transfers
        transfers.clock, transfers.on_bytes = self._clock, self._on_bytes
        transfers.spawn = self._supervisor.spawn
        transfers.set_manners(self._manners)
        transfers.set_rules(group_rules(self._settings, self._uploads))
        transfers.relation = self.people.relation
        self.sharing = Sharing(transfers, client.shares, self._reader, self._indexer, self._scanner, self._clock, self._on_event)
        memory = SearchMemory(self._share_db)
        store = self._gate_store or memory
        rules = GateRules(gap_s=self._settings.search_gap_s, window=self._settings.search_window)
        history = await store.load(self._clock.wall().timestamp() - max(rules.window_s, rules.repeat_s))
        gate = SearchGate(rules, history)
        self._desk = SearchDesk(
            client, gate, memory, store, self._clock, self._supervisor.spawn, self._tell_search, self._settings.search_results
        )
        self._searches = Searches(self._desk, self.wait_online, self._clock, self._supervisor)
        self._session = Session(client, self._settings.server, self._settings.reconnect_s, self._clock, self._rng, self._set_status)
        self.people.attach(client)
        await client.start()
        await self.ports.start(client, self._session)
        self.set_limits(*self._limits)
        self._tasks = [
            self._supervisor.keep("soulseek session", self._session.run),
            self._supervisor.keep("shares", self.sharing.keep),
        ]

    async def stop(self) -> None:
        """Leave the server, close every connection and file. Fetches under way end as lost."""
        await self.ports.stop()
        self.people.detach()
        if self._session is not None:
            self._session.end()
        if self._indexer is not None:
            self._indexer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._client is not None:
            self._client.transfers.end_all("this program is stopping")
            await self._client.stop()
        await asyncio.to_thread(self._scanner.shutdown)
        if self._reader is not None:
            self._reader.close()
        if self._index is not None:
            self._index.close()
        self._client = self.sharing = None

    # -- state

    @property
    def state(self) -> supervise.State:
        return self._status.state

    @property
    def state_words(self) -> str:
        """What the state means, and what to do about it; once logged in, how the listen port stands."""
        more = f"; {self.ports.words}" if self._status.state == "online" else ""
        return str(SafeText(f"{self._status.words}{more}"))

    @property
    def error(self) -> UserError | None:
        """The state as a command's failure (code, message, hint); None while there is nothing to complain about."""
        return self._status.error

    def _complaint(self) -> UserError | None:
        """Why nobody can be asked anything now; None while logged in."""
        if self.state == "online":
            return None
        return self.error or UserError("network", f"Soulseek is {self.state}", self._status.words)

    async def wait_online(self) -> None:
        """Until logged in. Raises UserError in a state that does not mend by itself (off, kicked, refused)."""
        if self._session is None:
            raise self._status.error or UserError("network", "Soulseek is not started", "")
        await self._session.wait_online()

    def reconnect(self) -> None:
        """Try now, also after being kicked or refused."""
        if self._session is not None:
            self._session.reconnect()

    def _set_status(self, status: supervise.Status) -> None:
        changed = status.state != self._status.state
        self._status = status
        if not changed:
            log.info("still %s: %s", status.state, SafeText(status.words))
        else:  # the event is logged by the bus
            self._on_event(f"soulseek.{status.state}", str(SafeText(status.words)), {"state": status.state})

    # -- finding and fetching

    async def search(
        self, query: str, *, wait_s: float = 8.0, priority: Priority = Priority.JOB, user: str = "", listener: Listener | None = None
    ) -> tuple[SearchReply, ...]:
        """What users (or `user` alone) answered within `wait_s` of the query going out; it may first wait at the gate and for the login.

        Raises UserError when off, kicked or refused.
        """
        if self._desk is None:
            await self.wait_online()
        assert self._desk is not None
        return await self._desk.search(query, wait_s, self.wait_online, priority=priority, user=user, listener=listener)

    @property
    def searches(self) -> Searches:
        """The searches a user asked for. Raises UserError before `start`, and when Soulseek is off."""
        if self._searches is None:
            raise self._status.error or UserError("network", "Soulseek is not started", "")
        return self._searches

    @property
    def searches_waiting(self) -> int:
        """How many searches wait at the gate."""
        return self._desk.waiting if self._desk is not None else 0

    def search_hold(self, priority: Priority = Priority.USER, query: str = "") -> float:
        """About how many seconds the gate would hold the next search of this priority."""
        return self._desk.hold(priority, query) if self._desk is not None else 0.0

    def search_forecast(self, count: int, lasts: float = 8.0) -> float:
        """About how many seconds until `count` more searches of jobs, of `lasts` seconds each, have begun; 0 while Soulseek is off."""
        return self._desk.forecast(count, lasts) if self._desk is not None else 0.0

    @property
    def wishlist_interval(self) -> int | None:
        """Seconds between two wishlist searches as the server gave them; None while not logged in."""
        if self._client is None or self.state != "online":
            return None
        return self._client.searches.wishlist_interval

    def origin(self, file: FoundFile) -> QueuedOrigin:
        return SoulseekOrigin(self, file)

    async def wait_back(self, usernames: Collection[str]) -> None:
        """Until one of these users, whom a fetch found offline or unreachable, may be tried again. Waits for the login first."""
        while self.state != "online":
            try:
                await self.wait_online()
            except UserError:  # a state that only the user can end
                await self._clock.sleep(1.0)
        await self.transfers.wait_back(usernames)

    @property
    def transfers(self) -> OriginTransferManager:
        """aioslsk's transfer manager, ours; for the origins. Raises UserError before `start`."""
        if self._client is None:
            raise self._status.error or UserError("network", "Soulseek is not started", "")
        return self._client.transfers

    # -- sharing

    async def rescan_shares(self) -> int:
        """Walk the shared folders, off the loop; the number of files shared. Raises sqlite3.Error."""
        return await self.sharing.rescan() if self.sharing is not None else 0

    def uploads(self) -> tuple[UploadInfo, ...]:
        """Those that send or wait first, then the last ones that ended."""
        return self.sharing.uploads() if self.sharing is not None else ()

    @property
    def uploads_queued(self) -> int:
        return self.sharing.queued if self.sharing is not None else 0

    @property
    def shared(self) -> tuple[int, int]:
        """(folders, files) in the index."""
        return self._reader.totals() if self._reader is not None else (0, 0)

    # -- speed

    @property
    def down_speed(self) -> float:
        """Bytes a second of all Soulseek downloads, over the last three seconds."""
        return float(self._client.transfers.get_download_speed()) if self._client is not None else 0.0

    @property
    def up_speed(self) -> float:
        return float(self._client.transfers.get_upload_speed()) if self._client is not None else 0.0

    def set_limits(self, down_kbit: int, up_kbit: int) -> None:
        """Caps in kilobits a second for all Soulseek downloads and uploads; 0 for none. May be called before `start`."""
        self._limits = (down_kbit, up_kbit)
        if self._client is not None:
            self._client.network.set_download_speed_limit(kib_per_s(down_kbit))
            self._client.transfers.limit.set_rate(up_kbit * 1000 / 8)

    # -- telling

    def _tell_search(self, query: str, waiting: int) -> None:
        self._on_event("soulseek.search", f"searching for {SafeText(query, 120)}", {"query": str(SafeText(query)), "waiting": waiting})
