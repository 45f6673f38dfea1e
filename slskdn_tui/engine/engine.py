"""The engine: builds every part of a node, starts and stops them in order, and stands behind the seam. Shell of shells.

Order up: lock, databases, then what has no network, then overlay, DHT, Soulseek, last the jobs. Down in the reverse order.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.audio.check import AudioChecker
from slskdn_tui.engine.control import ControlServer
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.dht_plane import DhtPlane
from slskdn_tui.engine.discovery.aggregates import Aggregates
from slskdn_tui.engine.discovery.standing import trust_in
from slskdn_tui.engine.handlers.table import HANDLERS, checked
from slskdn_tui.engine.jobs.parents.parents import ParentRunner
from slskdn_tui.engine.jobs.placing.folders import make_folders
from slskdn_tui.engine.jobs.placing.had import placed_counts
from slskdn_tui.engine.jobs.placing.placement import base_folder, check_downloads
from slskdn_tui.engine.jobs.recognise import Recogniser
from slskdn_tui.engine.jobs.runner import JobRunner
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.wishlist.wishlist import Wishlist
from slskdn_tui.engine.library.fix.retag import Retagger
from slskdn_tui.engine.library.fix.trash import Trash
from slskdn_tui.engine.library.health.doctor import Doctor
from slskdn_tui.engine.library.offers import LibraryOffers
from slskdn_tui.engine.library.roots import library_roots, offered_folders
from slskdn_tui.engine.library.scan.scanner import Scanner
from slskdn_tui.engine.lock import ProfileLock
from slskdn_tui.engine.logs import LogFile
from slskdn_tui.engine.mesh_finder import MeshFinder, split_address
from slskdn_tui.engine.mesh_stock import MeshStock, Together
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.discogs.client import DiscogsClient
from slskdn_tui.engine.music.discogs.keeper import DiscogsKeeper
from slskdn_tui.engine.music.graph.desk import GraphDesk
from slskdn_tui.engine.music.identify.acoustid import AcoustIdClient
from slskdn_tui.engine.music.identify.identifier import Identifier
from slskdn_tui.engine.overlay.gossip.gossip import Gossip, Serving
from slskdn_tui.engine.overlay.gossip.hood import Hood
from slskdn_tui.engine.overlay.gossip.neighbours import Candidates
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.peers.addresses import AddressPolicy
from slskdn_tui.engine.peers.bandwidth import least_cap
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.governor import Governor
from slskdn_tui.engine.peers.ledger import Ledger
from slskdn_tui.engine.peers.limits import Limits
from slskdn_tui.engine.playback.playback import Playback
from slskdn_tui.engine.rates import Rates
from slskdn_tui.engine.runtime.clock import Clock, SystemClock, iso
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.settings_file import SettingsFile
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.engine.speed import Speed
from slskdn_tui.engine.store.damage import newest_backup
from slskdn_tui.engine.store.records import Direction, Plane
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.telling import Telling
from slskdn_tui.engine.trace.recorder import TraceRecorder
from slskdn_tui.engine.variants import KnownVariants
from slskdn_tui.engine.views.views import Views
from slskdn_tui.engine.warm_cache import WarmCache
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.heard import ObservationSink
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent, Snapshot, Unchanged, ViewKey
from slskdn_tui.seam import Command, Result

log = logging.getLogger(__name__)
BACKUP_EVERY = 3600.0
MET_BEFORE = 64
BACKUP_SOON = 60.0
"""After a start at the earliest: who runs slskdn for half an hour at a time has copies, too."""


class Engine:
    """One node of one profile, in this process. `EngineProtocol`; the parts are attributes for `handlers/` and `views/`."""

    def __init__(self, paths: Paths, settings: Settings, *, password: str, how: str = "in this window", clock: Clock | None = None) -> None:
        self.paths = paths
        self.settings = settings
        self.settings_file = SettingsFile(paths.config_file)
        self.clock = clock or SystemClock()
        self.bus = EventBus(self.clock)
        self.telling = Telling(self.bus)
        self.supervisor = Supervisor(self.clock, self.telling.part_failed)
        self.rng = random.SystemRandom()
        self.rates = Rates(self.clock)
        self.started_at = ""
        self._password = password
        self._how = how
        self._stack = AsyncExitStack()
        self._stop_asked = asyncio.Event()
        self.identity: NodeIdentity | None = None
        self.mesh: Mesh | None = None
        self.gossip: Gossip | None = None
        self.hood: Hood | None = None
        self.sinks: list[ObservationSink] = []
        self.aggregates: Aggregates | None = None
        self.dht: DhtNode | None = None

    @property
    def description(self) -> str:
        return self._how

    async def start(self) -> None:
        """Bring everything up. UserError when the profile is held by another engine, or a folder or port cannot be had; then nothing is left running."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start(self) -> None:
        stack, paths = self._stack, self.paths
        check_downloads(self.settings.downloads)
        make_folders(paths, self.settings)
        lock = ProfileLock(paths)
        lock.acquire(self._how)
        stack.callback(lock.release)
        log_file = LogFile(paths.log_file)
        log_file.open()
        stack.callback(log_file.close)
        self.started_at = iso(self.clock.wall())
        self.store = await Store.open(paths, self.clock)
        stack.push_async_callback(self.store.close)
        self.supervisor.keep("backups", self._back_up, first=1, most=1)
        for damage in self.store.damage:
            self.bus.publish("store.damaged", "store", str(damage), level="error")
        self.disk = ThreadPoolExecutor(2, thread_name_prefix="disk")
        stack.callback(self.disk.shutdown, cancel_futures=True)
        stack.push_async_callback(self.supervisor.stop)
        await self._start_local(stack)
        await self._start_mesh(stack)
        await self._start_soulseek(stack)
        await self._start_jobs(stack)
        control = ControlServer(self, paths.socket, clock=self.clock, supervisor=self.supervisor)
        await control.start()
        stack.push_async_callback(control.stop)
        self.bus.publish("engine.started", "engine", f"slskdn started, profile {paths.config}, {self._how}")

    async def _start_local(self, stack: AsyncExitStack) -> None:
        """What needs no network: peers' book, ledger, trace, MusicBrainz client, audio checks, offered files."""
        self.book = PeerBook(self.store.peers, self.clock)
        await self.book.load()
        stack.push_async_callback(self.book.flush)
        self.supervisor.keep("peer book", self.book.run)
        self.ledger = Ledger(self.store.ledger, self.clock)
        await self.ledger.load()
        stack.push_async_callback(self.ledger.flush)
        self.supervisor.keep("ledger", self.ledger.run)
        self.governor = Governor(self.settings.fairness, self.ledger, self.clock, self.bus)
        self.supervisor.keep("fairness", self.governor.run)
        self.limits = Limits(self.settings.downloads, self.store.choices, self.clock)
        await self.limits.load()
        self.trace = TraceRecorder(self.store.traces, self.clock, self.supervisor, keep_jobs=self.settings.trace.keep_jobs)
        stack.push_async_callback(self.trace.flush)
        self.music = MusicBrainzClient(
            self.settings.musicbrainz, clock=self.clock, cache=self.store.mb_cache, owned=self.store.files.held_releases
        )
        stack.callback(self.music.close)
        self.acoustid = AcoustIdClient(self.settings.acoustid, clock=self.clock, cache=self.store.sounds)
        stack.callback(self.acoustid.close)
        self.identifier = Identifier(
            self.store,
            self.music,
            self.acoustid,
            clock=self.clock,
            executor=self.disk,
            tell=self._identified,
        )
        self.supervisor.keep("identification", self.identifier.keep, first=60, most=600)
        discogs = DiscogsClient(self.settings.discogs, clock=self.clock)
        stack.callback(discogs.close)
        self.discogs = DiscogsKeeper(self.store, self.music, discogs, clock=self.clock, tell=self._identified)
        self.discogs.wake()
        self.supervisor.keep("discogs", self.discogs.keep, first=60, most=600)
        self.graph = GraphDesk(self.music, self.store.choices, self.supervisor, self.clock, self.owned_releases)
        self.trash = Trash(library_roots(self.settings))
        self.retagger = Retagger(library_roots(self.settings), self.paths.data / "retags")
        await asyncio.get_running_loop().run_in_executor(self.disk, self.trash.mend)
        self.audio = AudioChecker()
        stack.push_async_callback(self.audio.close)
        folders = offered_folders(self.settings) if self.settings.overlay.enabled else []
        self.stock = MeshStock(self.clock, self._serving, lambda: self.governor.verdict().may_upload)
        self.offers = LibraryOffers(
            folders, self.store.files, downloads_only=self.settings.overlay.offer == "downloads", changed=self.stock.changed
        )
        stack.callback(self.offers.close)
        await self.offers.load()
        self.warm: WarmCache = WarmCache(self)
        await self.warm.load(stack, self.stock.changed)
        self.stock.open(Together(self.offers, self.warm.shelf), self.store.files.qualities)
        if folders:
            self.supervisor.keep("offers", self._keep_offers, first=60, most=600)
        library = self.settings.library
        self.scanner = Scanner(
            self.store.files, self.store.choices, self.paths.library_db, lambda: [os.path.realpath(root) for root in library_roots(self.settings)],
            self.clock, self.bus, self.supervisor, schedule=library.schedule, workers=library.workers, watch_s=60.0 * library.watch_minutes,
        )  # fmt: skip
        stack.callback(self.scanner.close)
        self.doctor = Doctor(self.store, self.clock, self.disk)
        self.supervisor.keep("library doctor", self.doctor.run)
        self.scanner.looked = self.scanner.scanned = self._scanned
        await self.scanner.load()
        self.supervisor.keep("library", self.scanner.run)

    async def _back_up(self) -> None:
        """A copy of state.db every hour, counted across starts; the newest three stay."""
        last = newest_backup(self.paths.state_db)
        age = self.clock.wall().timestamp() - last.stat().st_mtime if last is not None else BACKUP_EVERY
        if age < 0:  # made by a clock that was ahead: it may be of any age
            age = BACKUP_EVERY
        await self.clock.sleep(max(BACKUP_SOON, BACKUP_EVERY - age))
        await self.store.backup()

    async def _keep_offers(self) -> None:
        summary = await self.offers.scan()
        words = (
            f"{len(self.offers.recordings())} recordings offered to the mesh; {summary.hashed} files hashed, {summary.unchanged} unchanged"
        )
        self.bus.publish("offers.ready", "library", words, level="warning" if summary.failed else "info")
        for path, why in summary.failed[:20]:
            self.bus.publish("offers.failed", "library", f"{path}: {why}", level="warning")
        await self.clock.sleep(3600)

    async def _start_mesh(self, stack: AsyncExitStack) -> None:
        overlay, dht = self.settings.overlay, self.settings.dht
        if overlay.enabled:
            self.identity = NodeIdentity.load_or_create(self.paths.key_file)
            identity = self.identity
            self.aggregates = Aggregates(self.store.voices, self.store.popularity, self.clock, trust_in(self.book), identity.node_id)
            self.sinks.append(self.aggregates)
            self.graph.lines.learned = self.aggregates.learned
            self.supervisor.keep("aggregates", self.aggregates.run)
            stack.push_async_callback(self.aggregates.flush)
            self.gossip = Gossip(
                identity.node_id, identity, self.stock, self.clock, self.rng, self.sinks, asked=self.warm.asked, blocked=self.book.blocked
            )
            self.hood = Hood(
                self.gossip,
                lambda: self.mesh.peers if self.mesh is not None else {},
                lambda: self.mesh.port if self.mesh is not None else 0,
                lambda host, port, node_id: mesh.answers(host, port, node_id),
                Candidates(),
                AddressPolicy(self.settings.network.permit),
                self.clock,
                self.supervisor,
            )
            self.mesh = mesh = Mesh(
                identity,
                talk=self.hood,
                listen=split_address(overlay.listen)[1],
                clock=self.clock,
                supervisor=self.supervisor,
                providers=[self.offers, self.warm.shelf],
                limits=MeshLimits(connections=overlay.max_peers, reserved=min(16, overlay.max_peers // 4)),
                permit=self.settings.network.permit,
                soulseek_name=self.settings.soulseek.username,
                upload_slots=overlay.upload_slots,
                upload_bytes_s=least_cap(overlay.bandwidth_kbps, self.limits.in_force().up_kbps),
                peer_bytes_s=least_cap(overlay.peer_bandwidth_kbps),
                on_event=self._mesh_event,
                known_good=self.book.good,
                blocked=self.book.blocked,
                on_bytes=lambda node, direction, count: self._moved("mesh", direction, node, count),
            )
            self.mesh.also = self.warm.features
            self.book.on_block = lambda node_id: mesh.drop(node_id, "blocked")
            await self.mesh.start()
            self.supervisor.keep("gossip", self.gossip.run)
            stack.push_async_callback(self.mesh.stop)
        if overlay.enabled and dht.enabled:
            plane = DhtPlane(self.settings, self.store, self.bus, self.clock, self.rng, self.supervisor)
            self.dht = await plane.start()
            stack.push_async_callback(plane.stop)
            self.supervisor.keep("dht table", plane.keep)
        self.finder = MeshFinder(
            self.settings, self.mesh, self.dht, self.clock, self.rng, self.stock.recordings, self.telling.overlay_trouble,
            self.book.blocked, self.gossip, self.hood, self._met_before,
        )  # fmt: skip
        if self.mesh is not None and overlay.peers:
            self.supervisor.keep("configured peers", self.finder.keep_configured)
        if self.mesh is not None:
            self.supervisor.keep("neighbours", self.finder.keep_neighbours)
        if self.dht is not None:
            self.supervisor.keep("announcements", self.finder.keep_recordings)

    def _met_before(self) -> list[tuple[str, tuple[str, int]]]:
        """Nodes met in earlier runs, those that gave good bytes first: (node id, address)."""
        rows = [row for row in self.book.rows() if row.plane == "mesh" and row.address and not row.blocked]
        rows.sort(key=lambda row: not row.successful_chunks)
        return [(row.peer_id, split_address(row.address)[1]) for row in rows[:MET_BEFORE]]

    def _serving(self) -> Serving:
        if self.mesh is None:
            return Serving()
        desk = self.mesh.desk
        rate = desk.limiter.rate
        return Serving(max(0, desk.slots - desk.serving), round(rate * 8 / 1000) if rate else None, bool(self.warm.features()))

    async def _start_soulseek(self, stack: AsyncExitStack) -> None:
        self.soulseek = SoulseekPlane(
            self.settings.soulseek,
            password=self._password,
            share_db=self.paths.data / "shares.db",
            clock=self.clock,
            supervisor=self.supervisor,
            rng=self.rng,
            on_event=self.telling.soulseek,
            on_bytes=lambda user, direction, count: self._moved("slsk", direction, user, count),
            gate_store=self.store.gate,
            people=self.store.people,
            messages=self.store.messages,
            uploads=self.settings.uploads,
            never_share=(self.paths.data, self.paths.state, self.paths.cache, self.warm.shelf.folder),
            profile=self.paths.config,
        )
        caps = self.limits.in_force()
        self.soulseek.set_limits(caps.down_kbps, caps.up_kbps)
        await self.soulseek.start()
        stack.push_async_callback(self.soulseek.stop)

    async def _start_jobs(self, stack: AsyncExitStack) -> None:
        self.variants = KnownVariants(self.store, self.clock, self.aggregates)
        services = Services(
            self.settings, self.paths, self.clock, self.supervisor, self.bus, self.store, self.trace, self.music, self.soulseek, self.finder,
            self.book, self.audio.check, self._finished, self.disk, lambda: self.limits.down_bytes, self.governor.verdict,
            self.aggregates.canonical_stats if self.aggregates is not None else None, self.trash, self.variants.of, self.library_changed,
            recognise=Recogniser(self.audio.analyse, self.acoustid.lookup, self.disk, self.paths.cache) if self.acoustid.enabled else None,
        )  # fmt: skip
        self.doctor.variants = self.variants.of
        self.runner = JobRunner(services)
        self.views = Views(self)
        for name in ("", *self.settings.downloads.destinations):
            services.folders.gone(base_folder(self.settings.downloads, name))
        await self.runner.load()
        stack.push_async_callback(self.runner.stop)
        self.parents = ParentRunner(
            services, self.runner, self.owned_releases, lambda: self.soulseek.searches_waiting, lambda: self.soulseek.state == "online"
        )
        await self.parents.load()
        self.supervisor.keep("parent jobs", self.parents.run)
        self.warm.start(services, self.runner)
        self.supervisor.keep("disk watch", self.runner.disk_watch.run)
        self.playback = Playback(self.settings.playback, self.clock, self.supervisor, self.disk, self.bus, self.store.usage.count)
        stack.push_async_callback(self.playback.stop)
        speed = Speed(self, self.clock)
        self.limits.on_change = self.governor.on_change = speed.apply
        self.supervisor.keep("speed limits", speed.run)
        self.wishlist = Wishlist(services, self.runner)
        await self.wishlist.load()
        if self.settings.wishlist.enabled and self.settings.soulseek.enabled:
            self.supervisor.keep("wishlist", self.wishlist.run)

    async def stop(self) -> None:
        """Bring everything down; committed bytes and states stay."""
        self._stop_asked.set()
        await self._stack.aclose()

    async def wait(self) -> None:
        """Until somebody asks the engine to stop (`slskdn stop`)."""
        await self._stop_asked.wait()

    def ask_to_stop(self) -> None:
        self._stop_asked.set()

    # The seam ---------------------------------------------------------------------------------------------------

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        made = await self.views.make(view)
        return Unchanged(made.version) if made.version == since else made

    async def look(self, view: ViewKey) -> Snapshot:
        return await self.views.fresh(view)

    async def submit(self, command: Command) -> Result:
        try:
            _, args = checked(command)
            return await HANDLERS[command.name](self, args)
        except UserError as error:
            return Result(error.code, error.message, error.hint)
        except OSError as error:
            words = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
            return Result("disk", SafeText(words), SafeText("check the folder's rights and free space"))

    def events(self) -> AsyncIterator[EngineEvent]:
        return self.bus.subscribe()

    # What the parts tell ----------------------------------------------------------------------------------------

    def _moved(self, plane: Plane, direction: str, peer: str, count: int) -> None:
        way: Direction = "up" if direction == "up" else "down"
        self.ledger.add(plane, way, peer, count)
        self.rates.add(plane, way, count)

    def _mesh_event(self, name: str, data: dict[str, object]) -> None:
        if name == "peer.connected":
            self.book.seen(str(data["node_id"]), str(data.get("listens") or data.get("address", "")))
        self.telling.mesh(name, data)

    async def _finished(self, path: Path, recording: str, release: str) -> None:
        """A file was placed: offer it, when the user offers finished downloads or shares that folder; and share it where it lies in a shared folder."""
        if await self.warm.shelf.arrived(path, recording):
            return
        if self.soulseek.sharing is not None:
            self.soulseek.sharing.file_arrived(path)
        if self.mesh is not None and any(path.is_relative_to(folder) for folder in offered_folders(self.settings)):
            await self.offers.add_file(path, recording)
            self.stock.touch((recording,))
            if self.gossip is not None:
                self.gossip.completed(self.stock.find("", (recording,)))
        await self.scanner.arrived(path, recording, release)
        self.doctor.due()

    async def library_changed(self, *paths: str) -> None:
        """Files there came, went or were changed by ourselves."""
        await self.store.files.drop([path for path in paths if not os.path.lexists(path)])
        for path in paths:
            await self.scanner.arrived(path)
        self.doctor.due()

    def _scanned(self) -> None:
        """The scanner has read or decoded files."""
        self.stock.changed()
        if self.settings.library.identify:
            self.identifier.wake()
        self.doctor.due()

    def _identified(self, name: str, words: str) -> None:
        self.bus.publish(f"identify.{name}", "library", words, level="warning" if name in ("stopped", "deaf") else "info")
        self.doctor.due()
        if name == "done":
            self.discogs.wake()
            # the next look through the shared folders hashes what is known now
            self.supervisor.spawn("offers anew", self.offers.load())

    async def owned_releases(self, releases: Sequence[str]) -> Mapping[str, int]:
        """Files here by release: those the index knows, or those jobs placed, whichever are more."""
        wanted = set(releases)
        records = [job.record for job in self.runner.jobs() if job.record.release.mbid in wanted]
        placed = await asyncio.get_running_loop().run_in_executor(self.disk, placed_counts, records, os.path.isfile)
        held = await self.store.files.held_releases(sorted(wanted))
        return {mbid: max(placed.get(mbid, 0), held.get(mbid, 0)) for mbid in {*placed, *held}}
