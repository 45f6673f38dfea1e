"""Views of mesh peers, and of what this node gives and takes. Core.

Bytes are payload of the last days (UTC, today included) as the ledger counts them; rates are bytes/s, `rtt` seconds, shares 0-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.text import SafeText

_EMPTY = SafeText("")


@dataclass(frozen=True, slots=True)
class KnownPeer:
    """A mesh peer or Soulseek user as this node knows it; none of it is ever sent to anybody.

    `peer` is the node id (64 hex digits) or `slsk:NAME`, `name` what a screen has room for, `soulseek` the user name a node claims. `errors`
    and `timeouts` are shares of its last 200 requests; the counts are of all time. `note` says why it is blocked or avoided, and until when.
    """

    key: str
    version: int
    peer: str
    name: SafeText
    plane: Literal["slsk", "mesh"]
    state: Literal["connected", "away", "avoided", "blocked"]
    up: int = 0
    down: int = 0
    rate_up: float = 0.0
    rate_down: float = 0.0
    rtt: float | None = None
    errors: float = 0.0
    timeouts: float = 0.0
    reputation: float = 1.0
    note: SafeText = _EMPTY
    soulseek: SafeText = _EMPTY
    client: SafeText = _EMPTY
    address: SafeText = _EMPTY
    connected: bool = False
    last_seen: str = ""
    good_chunks: int = 0
    failed_chunks: int = 0
    timed_out_chunks: int = 0
    corrupt_chunks: int = 0
    long_name: str = ""
    """The whole node id in groups with check characters, for comparing by eye; empty for a Soulseek user."""


@dataclass(frozen=True, slots=True)
class PeersView:
    """Peers: those that are connected first, then who moved most. `total` counts rows before the window, `connected` mesh connections,
    `mesh` says line by line how this node stands in the mesh, empty where no engine runs.

    `ViewKey.subject`: the beginning of one peer's name for that peer alone, empty for all.
    """

    version: int
    rows: tuple[KnownPeer, ...] = ()
    total: int = 0
    connected: int = 0
    mesh: tuple[SafeText, ...] = ()
    kind: Literal["peers"] = "peers"


@dataclass(frozen=True, slots=True)
class DayBytes:
    """What moved on one UTC day (YYYY-MM-DD)."""

    day: str
    slsk_up: int = 0
    slsk_down: int = 0
    mesh_up: int = 0
    mesh_down: int = 0


@dataclass(frozen=True, slots=True)
class FairRule:
    """One rule of fairness: `value` against `limit` (`min_ratio`: upload over download; the caps: bytes), None where there is none.

    `off`: the settings ask for nothing; `grace`: a newcomer's breach, told but not enforced. `words` is the whole rule, `basis` what its limit
    is made of, `until` what ends a breach.
    """

    name: Literal["min_ratio", "overlay_upload_cap", "overlay_daily_cap"]
    state: Literal["ok", "grace", "broken", "off"]
    value: float | None
    limit: float | None
    words: SafeText = _EMPTY
    basis: SafeText = _EMPTY
    until: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class ContributionView:
    """Bytes of the last `days` days, and how they stand to the rules, which always look at seven days (and today).

    `ViewKey.subject`: how many days (1 to 7; empty: 7). `ratio` is upload over download of these days, None while nothing was downloaded.
    `status` healthy | quiet (nothing moved in these days) | newcomer (a grace keeps a breach out of force) | broken.
    """

    version: int
    days: int = 7
    slsk_up: int = 0
    slsk_down: int = 0
    mesh_up: int = 0
    mesh_down: int = 0
    ratio: float | None = None
    status: Literal["healthy", "quiet", "newcomer", "broken"] = "quiet"
    words: SafeText = _EMPTY
    enforced: tuple[SafeText, ...] = ()
    """What is held back now, in words."""
    history: tuple[DayBytes, ...] = ()
    """Seven days, the oldest first."""
    rules: tuple[FairRule, ...] = ()
    kind: Literal["contribution"] = "contribution"

    @property
    def up(self) -> int:
        return self.slsk_up + self.mesh_up

    @property
    def down(self) -> int:
        return self.slsk_down + self.mesh_down
