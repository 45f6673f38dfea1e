"""What a swarm tells: events for trace and log, its end, its status for the screens. Core."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from slskdn_tui.engine.swarm.piecemap import cells
from slskdn_tui.model.ports import OriginState

Plane = Literal["", "slsk", "mesh"]


class Inputs(NamedTuple):
    """What a decision of the scheduler rested on: of the peer asked, or taken from, at that moment.

    `rate` bytes/s and `rtt_s` are estimates for a peer that has not delivered; `reputation` 0-1; `chunk_class` is normal, urgent (the last 2 MiB),
    window (the player's), endgame (moved here, for it would come last) or race (asked of a second peer); `queue_s` seconds of work it already has.
    """

    cost: float
    rate: float
    rtt_s: float
    reputation: float
    chunk_class: str
    queue_s: float

    def data(self) -> dict[str, Any]:
        """What a trace keeps beside `rtt_ms` and `throughput_bps`."""
        cost, _, _, reputation, chunk_class, queue_s = self
        return {"cost": round(cost, 4), "reputation": round(reputation, 3), "chunk_class": chunk_class, "queue_s": round(queue_s, 4)}


@dataclass(frozen=True, slots=True)
class SwarmEvent:
    """One fact. `kind`: assign, chunk (result ok, timeout, error, corruption), take_back, rebalance, origin (result: the state), overlap, meet,
    peer_added, peer_refused, peer_lost, ban, proof, flush, stall, verify, complete. `source` is `slsk:USERNAME` or a node id; offset and length in bytes.
    `inputs`: of an assign, take_back or rebalance; its rate and RTT are then `throughput_bps` and `rtt_ms`, too.
    """

    kind: str
    source: str
    track: int = 0
    variant_id: str = ""
    offset: int = 0
    length: int = 0
    result: str = ""
    rtt_ms: float | None = None
    throughput_bps: float | None = None
    words: str = ""
    plane: Plane = ""
    inputs: Inputs | None = None


class SwarmEnd(StrEnum):
    """Why `TrackSwarm.run` returned."""

    COMPLETE = "complete"  # every byte is there, committed, and verified where digests are known
    ORIGIN_ENDED = "origin_ended"  # no source can deliver more: another holder is needed
    DISK = "disk"  # see `TrackSwarm.trouble`
    ABORTED = "aborted"  # `stop` was called


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source: `state` in words, `bytes` of the file as it stands that are its own.

    `rate` bytes/s, `rtt` s or None, `errors` and `timeouts` shares 0-1, `outstanding` bytes asked for."""

    source: str
    plane: Literal["slsk", "mesh"]
    state: str
    bytes: int
    rate: float
    rtt: float | None = None
    cost: float | None = None
    errors: float = 0.0
    timeouts: float = 0.0
    outstanding: int = 0
    reputation: float = 1.0
    chunks: int = 0
    error_count: int = 0
    timeout_count: int = 0


@dataclass(frozen=True, slots=True)
class SwarmStatus:
    """One track's swarm now. `codes` has a character a leaf (`piecemap.PieceMap.codes`); `proof` is the guard's, "" while none holds; `held` says why a
    file that the mesh could finish is not; `origin_cap` bytes/s that a rescued origin is held at;
    `canonical` is the badge of a canonical variant."""

    size: int
    done: int
    by_slsk: int
    by_mesh: int
    rate: float
    eta: float | None
    sources: tuple[SourceStatus, ...]
    origin: str
    origin_state: OriginState | None
    origin_place: int | None
    origin_detail: str
    variant_id: str
    proof: str
    guard: str
    duplicate_bytes: int
    bans: tuple[tuple[str, str], ...]
    codes: bytes
    held: str = ""
    origin_cap: int | None = None
    canonical: str = ""

    def cells(self, width: int) -> str:
        """The chunk map in `width` characters: `.` missing, `o` origin, `m` mesh, `>` on its way, `x` failed once."""
        return cells(self.codes, width)


def plane_of(source: str) -> Plane:
    """Which network a source belongs to; "" for none."""
    return "slsk" if source.startswith("slsk:") else "mesh" if source else ""
