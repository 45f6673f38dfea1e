"""The parts of a running engine, as commands and views see them: what `Engine` is to the modules it uses itself. Core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.discovery.aggregates import Aggregates
from slskdn_tui.engine.jobs.parents.parents import ParentRunner
from slskdn_tui.engine.jobs.runner import JobRunner
from slskdn_tui.engine.jobs.wishlist.wishlist import Wishlist
from slskdn_tui.engine.library.fix.retag import Retagger
from slskdn_tui.engine.library.fix.trash import Trash
from slskdn_tui.engine.library.health.doctor import Doctor
from slskdn_tui.engine.library.offers import LibraryOffers
from slskdn_tui.engine.library.scan.scanner import Scanner
from slskdn_tui.engine.mesh_finder import MeshFinder
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.graph.desk import GraphDesk
from slskdn_tui.engine.music.identify.identifier import Identifier
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.gossip.hood import Hood
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.governor import Governor
from slskdn_tui.engine.peers.ledger import Ledger
from slskdn_tui.engine.peers.limits import Limits
from slskdn_tui.engine.playback.playback import Playback
from slskdn_tui.engine.rates import Rates
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.settings_file import SettingsFile
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.trace.recorder import TraceRecorder
from slskdn_tui.engine.variants import KnownVariants
from slskdn_tui.engine.warm_cache import WarmCache
from slskdn_tui.model.views import Snapshot, ViewKey


class Parts(Protocol):
    clock: Clock
    paths: Paths
    settings: Settings
    settings_file: SettingsFile
    bus: EventBus
    store: Store
    supervisor: Supervisor
    rates: Rates
    disk: ThreadPoolExecutor
    started_at: str
    identity: NodeIdentity | None
    mesh: Mesh | None
    dht: DhtNode | None
    gossip: Gossip | None
    hood: Hood | None
    finder: MeshFinder
    book: PeerBook
    ledger: Ledger
    governor: Governor
    limits: Limits
    trace: TraceRecorder
    music: MusicBrainzClient
    identifier: Identifier
    graph: GraphDesk
    offers: LibraryOffers
    aggregates: Aggregates | None
    trash: Trash
    retagger: Retagger
    scanner: Scanner
    soulseek: SoulseekPlane
    runner: JobRunner
    parents: ParentRunner
    wishlist: Wishlist
    doctor: Doctor
    variants: KnownVariants
    playback: Playback
    warm: WarmCache

    @property
    def description(self) -> str: ...

    async def library_changed(self, *paths: str) -> None:
        """Files there came, went or were changed by ourselves: what is known of them is looked at again."""
        ...

    async def owned_releases(self, releases: Sequence[str]) -> Mapping[str, int]:
        """How many files are here of each of these releases; those without any are left out."""
        ...

    async def look(self, view: ViewKey) -> Snapshot:
        """A view as it is now, without versions, and not kept."""
        ...

    def ask_to_stop(self) -> None: ...
