"""What the tables of jobs, peers, ledger and traces hold, as values; and how odd text is kept. Core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from slskdn_tui.model.files import FileEntry
from slskdn_tui.model.jobs import Constraints, JobState, JobType, TrackState
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText, counted

Plane = Literal["slsk", "mesh"]
Direction = Literal["up", "down"]


FILE_ENTRY = (
    "path", "mtime_ns", "size", "inode", "mb_recording_id", "codec", "codec_profile", "duration_ms", "streaminfo", "variant_id",
    "region_id", "region_start", "region_length",
)  # fmt: skip
"""The columns of a `FileEntry`, in every table that holds one; digests and the download mark are the tables' own."""


@dataclass(slots=True)
class TrackRecord:
    """One track of a job: the chosen file (`username`, remote `path`, `size`), where it was `placed`, and its whole-file `blake3` (hex)."""

    position: int
    state: TrackState = TrackState.PENDING
    username: str = ""
    path: str = ""
    size: int = 0
    placed: str = ""
    reason: str = ""
    blake3: str = ""


@dataclass(slots=True)
class JobRecord:
    """A job as it is stored. Dates are ISO UTC, empty when not yet; `folder` is where its tracks are placed; `type` a `JobType`.

    `details` holds small facts of one job: `destination` (a name), `edition` (why this edition), of a files job `user` and `folder`.
    """

    job_id: str
    type: str
    release: Release
    constraints: Constraints = field(default_factory=Constraints)
    state: JobState = JobState.NEW
    queue_position: int = 0
    created_at: str = ""
    finished_at: str = ""
    error: str = ""
    tracks: list[TrackRecord] = field(default_factory=list)
    folder: str = ""
    details: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> SafeText:
        """What it is called above its tracks: artist and album, or the folder of a user's files, whose user stands beside it."""
        release = self.release
        return release.title if self.type == JobType.FILES else SafeText(f"{release.artist} – {release.title}")

    @property
    def whose(self) -> str:
        """What it is called in a sentence."""
        return f"{self.label} of {self.release.artist}" if self.type == JobType.FILES else str(self.label)

    def whole(self, count: int) -> str:
        """What may be claimed of `count` finished tracks: files without a release are what their user has, and no more is known."""
        return f"{counted(count, 'file')} got whole" if self.type == JobType.FILES else f"{counted(count, 'track')} verified"


@dataclass(frozen=True, slots=True)
class PeerRow:
    """What is remembered of a peer. `peer_id` is a node id (64 hex digits) or a Soulseek user name; dates are ISO UTC, empty for never.

    `recent` holds the outcomes of the last 200 requests, one byte each, oldest first; what the bytes mean is `peers/reputation.py`.
    """

    peer_id: str
    plane: Plane
    last_seen: str = ""
    local_reputation: float = 1.0
    successful_chunks: int = 0
    failed_chunks: int = 0
    timeouts: int = 0
    corrupt_chunks: int = 0
    recent: bytes = b""
    last_request: str = ""
    blocked: bool = False
    block_reason: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Bytes moved with one peer on one UTC day (YYYY-MM-DD)."""

    day: str
    plane: Plane
    direction: Direction
    peer_id: str
    bytes: int


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One entry of a job's timeline with the roadmap's fields. `time` is Unix seconds (UTC), `seq` grows with each entry stored.

    `peer_id` names the source (`slsk:USER` or a node id), `source` its plane (`slsk`, `mesh` or empty), `track_id` the position in the job (0: the job itself).
    """

    job_id: str
    time: float
    kind: str
    track_id: int = 0
    peer_id: str = ""
    source: str = ""
    variant_id: str = ""
    chunk_offset: int = 0
    chunk_length: int = 0
    result: str = ""
    rtt_ms: float | None = None
    throughput_bps: float | None = None
    words: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    seq: int = 0


def keep_text(text: str) -> str | bytes:
    """How text from outside is bound: as it is, or as bytes when it holds surrogates (a file name that is not valid UTF-8)."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def read_text(value: str | bytes) -> str:
    """The text that `keep_text` was given."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def plain_text(text: str) -> str:
    """Words for a TEXT column: surrogates become question marks, since nobody needs them back."""
    return text.encode("utf-8", "replace").decode("utf-8")


def entry_of(row: Sequence[Any], *, download: bool) -> FileEntry:
    """What the columns of `FILE_ENTRY` say."""
    path, mtime_ns, size, inode, recording, codec, profile, duration_ms, streaminfo, variant_id, region_id, start, length = row
    return FileEntry(
        path=read_text(path),
        mtime_ns=mtime_ns,
        size=size,
        inode=inode,
        recording=recording,
        codec=codec,
        codec_profile=profile,
        duration_ms=duration_ms,
        streaminfo=streaminfo,
        variant_id=variant_id,
        download=download,
        region_id=region_id,
        region_start=start,
        region_length=length,
    )


def row_of(entry: FileEntry) -> tuple[Any, ...]:
    """The columns of `FILE_ENTRY`."""
    return (
        keep_text(entry.path),
        entry.mtime_ns,
        entry.size,
        entry.inode,
        entry.recording,
        plain_text(entry.codec),
        plain_text(entry.codec_profile),
        entry.duration_ms,
        entry.streaminfo,
        entry.variant_id,
        entry.region_id,
        entry.region_start,
        entry.region_length,
    )
