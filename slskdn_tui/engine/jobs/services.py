"""What a job works with: the ports and shells the engine hands down. One value, so that a test can hand down others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.audio.check import AudioCheck
from slskdn_tui.engine.jobs.folders import LocalFolders
from slskdn_tui.engine.jobs.recognise import Recogniser
from slskdn_tui.engine.library.fix.trash import Trash
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.governor import FAIR, Verdict
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.search.gate import Priority
from slskdn_tui.engine.soulseek.search.search import Listener
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.swarm.proof.evidence import Canonical
from slskdn_tui.engine.trace.recorder import TraceRecorder
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.ports import ChunkPeer, QueuedOrigin


class Folders(Protocol):
    """Asks users what lies in their folders."""

    async def folder(self, username: str, path: str) -> tuple[FoundFile, ...]:
        """The files in a remote folder (raw path). UserError `network`, `not_found`."""
        ...


class Plane(Protocol):
    """The Soulseek plane as jobs see it."""

    @property
    def people(self) -> Folders: ...

    @property
    def state(self) -> str: ...
    @property
    def state_words(self) -> str: ...
    async def wait_online(self) -> None: ...
    def reconnect(self) -> None: ...
    @property
    def wishlist_interval(self) -> int | None: ...
    async def search(
        self, query: str, *, wait_s: float = 8.0, priority: Priority = Priority.JOB, user: str = "", listener: Listener | None = None
    ) -> tuple[SearchReply, ...]: ...
    def origin(self, file: FoundFile) -> QueuedOrigin: ...
    async def wait_back(self, usernames: Collection[str]) -> None: ...


class MeshFinder(Protocol):
    """Finds and dials mesh peers; `engine/mesh_finder.py` implements it over the overlay and the DHT."""

    @property
    def unavailable(self) -> str:
        """Why nobody can be asked ("the overlay is off (overlay.enabled)"), or empty."""
        ...

    def connected(self) -> Sequence[ChunkPeer]:
        """Peers that can be asked at once."""
        ...

    def free_slots(self, node_id: str) -> int | None:
        """How many uploads this peer says it would take on now; None when it said nothing of late."""
        ...

    async def look(self, recording: str) -> tuple[Sequence[ChunkPeer], str]:
        """Look for others, within a deadline: peers then connected, and a line on how they were looked for."""
        ...


async def _nothing_known(recordings: Sequence[str]) -> Sequence[VariantChoice]:
    return ()


async def nothing_changed(*paths: str) -> None:
    """For who has no library."""


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    paths: Paths
    clock: Clock
    supervisor: Supervisor
    bus: EventBus
    store: Store
    trace: TraceRecorder
    music: MusicBrainzClient
    soulseek: Plane
    finder: MeshFinder
    book: PeerBook
    check_audio: Callable[[Path], Awaitable[AudioCheck]]
    finished: Callable[[Path, str, str], Awaitable[None]]
    """Called with a placed file and its recording MBID, so that it can be offered."""
    disk: Executor
    """Threads for file work; never the default executor, which resolves host names."""
    download_cap: Callable[[], int | None] = lambda: None
    """The limit of all downloads now, in bytes a second; None for none."""
    fairness: Callable[[], Verdict] = lambda: FAIR
    """What the fairness governor holds back now."""
    canonical: Canonical | None = None
    """What the mesh says of (recording, codec profile); None without an overlay."""
    trash: Trash = field(default_factory=lambda: Trash(()))
    """Where files go that a job replaces."""
    variants: Callable[[Sequence[str]], Awaitable[Sequence[VariantChoice]]] = _nothing_known
    """What is known of files of these recordings, measured here or told by the mesh."""
    library_changed: Callable[..., Awaitable[None]] = nothing_changed
    """Called with paths of library files that came, went or were replaced."""
    folders: LocalFolders = field(default_factory=LocalFolders)
    """Which folders were there when the engine started."""
    recognise: Recogniser | None = None
    """Tells a partial file's recording by its sound; None without an AcoustID key."""
