"""Ports: how the swarm, the sources and the upload side meet without knowing each other. Core.

Two kinds of source feed a swarm (docs/architecture.md, "Two kinds of bytes"):

* an `Origin` (Soulseek) sends one file front to back, resumes at an offset, knows no digests;
* a `ChunkPeer` (overlay) answers requests for ranges of a variant, leaf by leaf, each verifiable.

The upload side of the overlay serves whatever `ChunkProvider`s it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from slskdn_tui.model.variant import Variant


class OriginState(StrEnum):
    """Where a Soulseek transfer stands; `queued` and `active` make the origin *active* in the guard's sense."""

    CONNECTING = "connecting"
    QUEUED = "queued"
    ACTIVE = "active"
    OFFLINE = "offline"
    ENDED = "ended"


class OriginEnd(StrEnum):
    """Why `Origin.fetch` returned. Only the first two are good."""

    COMPLETE = "complete"  # the last byte arrived
    ENOUGH = "enough"  # the sink said so: overlay and stream met; the stream was closed once
    OFFLINE = "offline"  # user not online or not reachable
    DENIED = "denied"  # "File not shared.", "Banned", ...
    LOST = "lost"  # the connection broke midway; may be tried again
    MISMATCH = "mismatch"  # the overlap differs, or the size: this holder has another file


class OriginSink(Protocol):
    """What an origin writes into; the swarm implements it. All calls come on the event loop."""

    def start(self, size: int) -> int:
        """The peer is about to send a file of `size` bytes: the offset to start at. Raises ValueError when the size is wrong."""
        ...

    async def write(self, data: bytes) -> bool:
        """Take the next bytes of the stream; False means enough: close the stream, it ends well."""
        ...

    def status(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        """Tell where the transfer stands; `place` is the place in queue, from 1."""
        ...


class Origin(Protocol):
    """One holder of one file on Soulseek."""

    @property
    def username(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...

    async def fetch(self, sink: OriginSink) -> tuple[OriginEnd, str]:
        """Queue, wait, receive into `sink` until an end. Cancelling it leaves the peer's queue cleanly and loses no byte already written."""
        ...

    def set_rate(self, bytes_per_s: int | None) -> None:
        """Cap reading from this connection (rescue keeps the origin alive at low priority); None lifts the cap."""
        ...


class QueuedOrigin(Origin, Protocol):
    """An origin whose queue can be waited in before there is anywhere to put bytes. Whoever calls `queue` calls `leave` in the end."""

    @property
    def offered(self) -> bool:
        """Whether the peer is about to send: `fetch` accepts, within seconds."""
        ...

    @property
    def parked(self) -> bool:
        """Whether an offer was sent away because nobody took it; `queue` or `fetch` asks again."""
        ...

    async def queue(self, told: Callable[[OriginState, int | None, str], None]) -> tuple[OriginEnd, str] | None:
        """Ask for the file and wait in the holder's queue; None once it is offered. May be cancelled and called again: the place is kept."""
        ...

    async def leave(self) -> None: ...


class ChunkReceiver(Protocol):
    """Where a peer's answers go; the swarm implements it. Calls are synchronous, on the loop, and must be quick."""

    def on_leaves(self, node_id: str, leaves: Sequence[tuple[int, memoryview]]) -> None:
        """Leaves (64 KiB, the last may be shorter) that came together, in this order, as (offset in the variant, data). The data is only valid during the call."""
        ...

    def on_refused(self, node_id: str, offset: int, length: int, code: str) -> None:
        """The peer will not send this range: `rate_limited not_found io_error policy_violation timeout invalid_range`."""
        ...

    def on_lost(self, node_id: str, reason: str) -> None:
        """The connection is gone, and with it every outstanding request."""
        ...


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """What HELLO allows: outstanding requests and bytes a peer may be asked for."""

    requests: int = 64
    bytes_outstanding: int = 16 * 1024 * 1024


class ChunkPeer(Protocol):
    """A connected overlay peer, at this numeric `host` address."""

    @property
    def node_id(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def limits(self) -> PeerLimits: ...
    @property
    def closed(self) -> bool: ...

    async def offers(self, recordings: Sequence[str]) -> tuple[Variant, ...]:
        """Negotiate (`mesh_cache_job` request, answered by an offer): what this peer would send of these recordings. Empty on refusal."""
        ...

    def holds(self, variant_id: str) -> bool:
        """Whether this peer's offer of the variant still holds."""
        ...

    async def digests(self, variant: Variant) -> tuple[bytes, ...]:
        """All leaf digests (32 bytes each) of the variant, already checked against `variant_id`. Raises ValueError when they do not match."""
        ...

    def attach(self, variant_id: str, receiver: ChunkReceiver) -> None:
        """Answers for this variant go to `receiver` until `detach`."""
        ...

    def detach(self, variant_id: str) -> None: ...

    def request(self, variant_id: str, offset: int, length: int, *, priority: int = 0, deadline_ms: int = 0) -> None:
        """Ask for whole leaves (the file's last leaf may be short). Never blocks; the swarm keeps within `limits`."""
        ...

    def cancel(self, variant_id: str, offset: int | None = None, length: int | None = None, *, reason: str = "swarm_rebalanced") -> None:
        """Stop bytes of a range, or of the whole transfer when no range is given."""
        ...


class ChunkReader(Protocol):
    """An open variant on the upload side. `read` is a blocking `pread`; it runs inline because the page cache answers it."""

    @property
    def variant(self) -> Variant: ...

    def digest_page(self, page: int) -> bytes:
        """Digests of leaves 512*page ... joined; `b""` when the page does not exist."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """The bytes; raises OSError when they cannot be read, LookupError when this node does not have them (yet)."""
        ...

    def close(self) -> None: ...


class ChunkProvider(Protocol):
    """Something that can be uploaded from: shared files, a job's verified leaves, the warm cache."""

    def find(self, recordings: Sequence[str]) -> Sequence[Variant]: ...
    def open(self, variant_id: str) -> ChunkReader | None: ...


class DigestProvider(Protocol):
    """Where verified digest lists come from (a connected peer, the database)."""

    async def digests(self, variant: Variant) -> tuple[bytes, ...]: ...


MID, HIGH = 1, 2
"""Priorities of a `Window`: what is played in the next minutes, and what is needed now; above `HIGH` sooner still."""


@dataclass(frozen=True, slots=True)
class Window:
    """A byte range [start, stop) with a priority, higher first; `pace`: it is played from its start on at so many bytes/s, 0 for all of it at once."""

    start: int
    stop: int
    priority: int
    pace: float = 0.0


class PriorityWindow(Protocol):
    """Playback tells the scheduler what it needs next."""

    def windows(self) -> tuple[Window, ...]: ...
