"""Views: everything a face can show, as frozen tuples. Core.

A row has a `key` that stays and a `version` that changes when anything in it does: a screen redraws rows whose version changed.
Speeds are bytes/s, times seconds, shares 0-1; an unknown ETA is None. Nothing here is infinite or NaN, and all foreign text is `SafeText`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from slskdn_tui.model.cache import CacheView
from slskdn_tui.model.finding import BrowseView, FiltersView, LimitsView, SearchView, UploadsView, WishesView
from slskdn_tui.model.fix import TrashView
from slskdn_tui.model.graph import DiscographyView, LabelsView, LabelView
from slskdn_tui.model.health import HealthView
from slskdn_tui.model.library_view import LibraryView
from slskdn_tui.model.parents import ParentsView
from slskdn_tui.model.peers import ContributionView, PeersView
from slskdn_tui.model.people import MessagesView, PeopleView, UserView
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.stats import StatsView
from slskdn_tui.model.text import SafeText

Screen = Literal[
    "status", "swarms", "track", "jobs", "job", "trace", "log", "candidates",
    "search", "filters", "wishes", "browse", "uploads", "limits", "user", "people", "messages", "peers", "contribution", "cache", "trash", "playback",
    "health", "library",
    "discography", "labels", "label", "parents", "stats",
]  # fmt: skip
_EMPTY = SafeText("")


@dataclass(frozen=True, slots=True)
class ViewKey:
    """Which view, of what (`subject`: a job id, or `JOB/TRACK`), filtered, sorted, and the window of rows wanted."""

    screen: Screen
    subject: str = ""
    filter: str = ""
    sort: str = ""
    descending: bool = False
    start: int = 0
    count: int = 500


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part of the engine in words: name, ok | waiting | failing | off, and what it means."""

    name: str
    state: Literal["ok", "waiting", "failing", "off"]
    words: SafeText


@dataclass(frozen=True, slots=True)
class StatusView:
    """The status line. `soulseek` is offline, connecting, online, kicked or off; `disk_used` a share of the download disk.

    `slsk_down` and the like are bytes of the last seven days; `down` and `up` are bytes/s now.
    """

    version: int
    account: SafeText = _EMPTY
    soulseek: str = "off"
    mesh_peers: int = 0
    dht_nodes: int = 0
    down: float = 0.0
    up: float = 0.0
    ratio: float | None = None
    disk_used: float | None = None
    jobs_running: int = 0
    jobs_total: int = 0
    uploads: int = 0
    node_id: str = ""
    slsk_down: int = 0
    slsk_up: int = 0
    mesh_down: int = 0
    mesh_up: int = 0
    profile: SafeText = _EMPTY
    engine: SafeText = _EMPTY
    started_at: str = ""
    parts: tuple[PartStatus, ...] = ()
    unread: int = 0
    """Private messages not read yet."""
    wishes_new: int = 0
    """Wishes with results not seen yet."""
    rescues: tuple[int, int, int] = (0, 0, 0)
    """Rescues begun, of which the file was completed, and refused; of all time."""
    soulseek_words: SafeText = _EMPTY
    """Why Soulseek is not online; empty while it is."""
    playing: SafeText = _EMPTY
    """The play bar in a line; empty while nothing plays."""
    search_wait: float = 0.0
    """Seconds the search gate holds the next search; 0 when it may go at once."""
    searches_waiting: int = 0
    kind: Literal["status"] = "status"


@dataclass(frozen=True, slots=True)
class SwarmRow:
    """A line of the Swarms tree: `level` 0 album, 1 track, 2 source. `share` is a source's share of the track's bytes.

    `state` is the word on screen (`active`, `RESCUE`, ...), `note` the last column of a source (`0 errors`, `queue 4`).
    """

    key: str
    version: int
    level: int
    title: SafeText
    source: SafeText = _EMPTY
    state: str = ""
    done: float = 0.0
    share: float = 0.0
    speed: float = 0.0
    eta: float | None = None
    note: SafeText = _EMPTY
    reason: SafeText = _EMPTY
    job_id: str = ""
    track: int = 0
    plane: Literal["", "slsk", "mesh"] = ""
    children: int = 0


@dataclass(frozen=True, slots=True)
class UploadRow:
    """A file or variant going out."""

    key: str
    version: int
    title: SafeText
    peer: SafeText
    plane: Literal["slsk", "mesh"]
    state: str
    done: float
    speed: float
    group: str = ""
    """The upload group; empty where there is none (mesh)."""
    place: int = 0
    """Place in the queue from 1; 0: not waiting."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of the log: `time` ISO UTC, `part` (soulseek, dht, overlay, swarm, job, verify, rescue, ...), `level` info|warning|error."""

    key: str
    version: int
    time: str
    part: str
    level: Literal["info", "warning", "error"]
    text: SafeText
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class SwarmsView:
    """The tree, the uploads, the last events. `total` counts rows before the window."""

    version: int
    rows: tuple[SwarmRow, ...] = ()
    uploads: tuple[UploadRow, ...] = ()
    events: tuple[LogRow, ...] = ()
    total: int = 0
    uploads_queued: int = 0
    kind: Literal["swarms"] = "swarms"


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A source in the details pane: the scheduler's own numbers. `rtt` seconds or None, `errors` and `timeouts` 0-1."""

    key: str
    version: int
    name: SafeText
    plane: Literal["slsk", "mesh"]
    state: str
    cost: float | None
    rtt: float | None
    rate: float
    errors: float
    timeouts: float
    reputation: float
    bytes: int


@dataclass(frozen=True, slots=True)
class TrackView:
    """One track in detail. `cells` is the chunk map, one character a cell: `.` missing, `o` origin prefix, `m` verified mesh leaf, `>` in flight, `x` failed once."""

    version: int
    job_id: str
    track: int
    title: SafeText
    album: SafeText
    recording: str = ""
    state: str = ""
    size: int = 0
    done: int = 0
    by_slsk: int = 0
    by_mesh: int = 0
    codec: SafeText = _EMPTY
    length_ms: int | None = None
    rescue: SafeText = _EMPTY
    cells: str = ""
    peers: tuple[PeerRow, ...] = ()
    history: tuple[LogRow, ...] = ()
    canonical: SafeText = _EMPTY
    """`canonical 0.94, 80 peers agree` when its variant is the canonical one."""
    kind: Literal["track"] = "track"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in the list; `error` says why it failed or waits.

    In the tree (`ViewKey.subject` is `tree`) a discography or crate is one of level 0 whose `children` releases follow at level 1; it counts releases where
    a job counts tracks. A release that has no job yet has no `job_id`.
    """

    key: str
    version: int
    job_id: str
    type: str
    title: SafeText
    artist: SafeText
    state: str
    tracks_done: int
    tracks_total: int
    done: float
    speed: float
    created_at: str
    finished_at: str = ""
    error: SafeText = _EMPTY
    overlay: bool = True
    release: str = ""
    """MBID of what it gets; "" for files without a release."""
    level: int = 0
    children: int = 0


@dataclass(frozen=True, slots=True)
class JobsView:
    version: int
    rows: tuple[JobRow, ...] = ()
    total: int = 0
    kind: Literal["jobs"] = "jobs"


@dataclass(frozen=True, slots=True)
class JobTrackRow:
    """A track of one job: `path` where it was placed (empty before), `wrong` digest failures so far."""

    key: str
    version: int
    position: int
    disc: int
    number: int
    title: SafeText
    length_ms: int | None
    state: str
    done: float
    path: SafeText = _EMPTY
    reason: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class JobView:
    """One job whole: `slskdn jobs show`."""

    version: int
    job: JobRow
    release_mbid: str
    constraints: tuple[tuple[str, str], ...]
    tracks: tuple[JobTrackRow, ...]
    folder: SafeText = _EMPTY
    manifest: SafeText = _EMPTY
    kind: Literal["job"] = "job"


@dataclass(frozen=True, slots=True)
class TraceSource:
    """The roadmap's source line: share of bytes, leaf ranges, average speed (bytes/s), RTT (ms), errors, retries."""

    key: str
    name: SafeText
    plane: Literal["slsk", "mesh"]
    share: float
    bytes: int
    ranges: str
    speed: float
    rtt_ms: float | None
    errors: int
    retries: int
    note: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class TraceLane:
    """A source's lane over the file: `cells` as in `TrackView`, `#` received, `.` missing, `x` retried, `>` in flight."""

    name: SafeText
    cells: str


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A timeline entry with the roadmap's fields; `at` seconds since the job started. `source` is what a screen shows of `peer_id`, `plane` its network.

    `cost reputation chunk_class queue_s` are a decision's inputs, as are its `rtt_ms` and `throughput_bps` (docs/screens/trace.md).
    """

    key: str
    version: int
    at: float
    time: str
    source: SafeText
    event: str
    chunk_offset: int
    chunk_length: int
    result: str
    rtt_ms: float | None
    throughput_bps: float | None
    words: SafeText = _EMPTY
    track: int = 0
    cost: float | None = None
    reputation: float | None = None
    chunk_class: str = ""
    queue_s: float | None = None
    peer_id: SafeText = _EMPTY
    plane: str = ""
    variant_id: str = ""


@dataclass(frozen=True, slots=True)
class TraceTrack:
    """A track's summary in the trace."""

    track: int
    title: SafeText
    state: str
    size: int
    sources: tuple[TraceSource, ...]
    lanes: tuple[TraceLane, ...]


@dataclass(frozen=True, slots=True)
class TraceView:
    version: int
    job_id: str
    title: SafeText
    tracks: tuple[TraceTrack, ...] = ()
    rows: tuple[TraceRow, ...] = ()
    total: int = 0
    kind: Literal["trace"] = "trace"


@dataclass(frozen=True, slots=True)
class LogView:
    version: int
    rows: tuple[LogRow, ...] = ()
    total: int = 0
    dropped: int = 0
    kind: Literal["log"] = "log"


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """What a new job could be: a MusicBrainz release (with its tracklist once chosen). `mbid` goes into `jobs.create`."""

    key: str
    version: int
    mbid: str
    title: SafeText
    artist: SafeText
    date: str
    country: str
    format: str
    tracks: int
    status: str = ""
    owned: float = 0.0
    """How much of it is in the library already, 0-1."""


@dataclass(frozen=True, slots=True)
class CandidatesView:
    """Answer to a MusicBrainz query (`subject`: MBID, URL or text); `tracklist` when it is one release."""

    version: int
    rows: tuple[CandidateRow, ...] = ()
    tracklist: tuple[JobTrackRow, ...] = ()
    error: SafeText = _EMPTY
    kind: Literal["candidates"] = "candidates"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The view still has the version the caller has seen."""

    version: int
    kind: Literal["unchanged"] = "unchanged"


Snapshot = (
    StatusView | SwarmsView | TrackView | JobsView | JobView | TraceView | LogView | CandidatesView
    | SearchView | FiltersView | WishesView | BrowseView | UploadsView | LimitsView | UserView | PeopleView | MessagesView
    | PeersView | ContributionView | CacheView | TrashView | HealthView | LibraryView | DiscographyView | LabelsView | LabelView | ParentsView
    | PlaybackView | StatsView | Unchanged
)  # fmt: skip
# Built at its first use: most verbs and every window start without it.
SNAPSHOT: TypeAdapter[Snapshot] = TypeAdapter(Annotated[Snapshot, Field(discriminator="kind")], config=ConfigDict(defer_build=True))


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """A rare fact worth a log line or a toast. `name` is dotted (`rescue.started`, `peer.banned`, `job.completed`, `log`)."""

    name: str
    time: str
    part: str
    level: Literal["info", "warning", "error"]
    text: SafeText
    job_id: str = ""
    track: int = 0
    data: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    lost: int = 0


EVENT: TypeAdapter[EngineEvent] = TypeAdapter(EngineEvent)
