"""What this node remembers of peers: outcomes, local reputation, blocks. Shell over the store's `Peers` table; never sent to anybody.

In memory while the engine runs; changed rows are written every few seconds and at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from slskdn_tui.engine.peers.reputation import ChunkOutcome, Standing, avoided, trusted
from slskdn_tui.engine.runtime.clock import Clock, iso
from slskdn_tui.engine.store.records import PeerRow

SAVE_EVERY = 5.0
SLSK = "slsk:"
"""How a Soulseek user's name begins where sources of both planes are named."""
MOST_NOTE = 200
MOST_PEERS = 10_000
"""Beyond so many, those who were never asked for anything nor blocked are forgotten: anybody can connect under any number of names."""
_COUNTERS = {
    ChunkOutcome.OK: "successful_chunks",
    ChunkOutcome.TIMEOUT: "timeouts",
    ChunkOutcome.ERROR: "failed_chunks",
    ChunkOutcome.CORRUPTION: "corrupt_chunks",
}


class PeersTable(Protocol):
    async def all(self) -> Sequence[PeerRow]: ...
    async def save(self, rows: Iterable[PeerRow]) -> None: ...
    async def drop(self, peer_ids: Iterable[str]) -> None: ...


class PeerBook:
    """Reputation by node id, and by Soulseek user name (`slsk:NAME` in outcomes). Strangers stand at 1.0. `on_block(node_id)` is called as one is blocked."""

    def __init__(self, table: PeersTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._rows: dict[str, PeerRow] = {}
        self._standing: dict[str, Standing] = {}
        self._dirty: set[str] = set()
        self.on_block: Callable[[str], None] = lambda node_id: None

    async def load(self) -> None:
        for row in await self._table.all():
            self._rows[row.peer_id] = row
            self._standing[row.peer_id] = Standing(row.recent.decode("ascii", "ignore"), _seconds(row.last_request))

    async def run(self) -> None:
        """Write changed rows for ever; supervised by the engine."""
        while True:
            await self._clock.sleep(SAVE_EVERY)
            await self.flush()
            await self._forget()

    async def _forget(self) -> None:
        """Strangers too many, whoever was seen longest ago first."""
        if (more := len(self._rows) - MOST_PEERS) <= 0:
            return
        strangers = [row for row in self._rows.values() if not row.blocked and not row.last_request]
        gone = [row.peer_id for row in sorted(strangers, key=lambda row: row.last_seen)[:more]]
        for peer_id in gone:
            del self._rows[peer_id]
            self._standing.pop(peer_id, None)
            self._dirty.discard(peer_id)
        await self._table.drop(gone)

    async def flush(self) -> None:
        """Write what changed; what could not be written is kept for the next time."""
        changed, self._dirty = self._dirty, set()
        if changed:
            try:
                await self._table.save([self._rows[peer_id] for peer_id in changed])
            except BaseException:
                self._dirty |= changed & self._rows.keys()  # who was forgotten meanwhile stays so
                raise

    def outcome(self, source: str, outcome: ChunkOutcome) -> None:
        """One more request to this peer (a node id, or `slsk:NAME`) ended so."""
        peer_id = source.removeprefix(SLSK)
        wall = self._clock.wall()
        standing = self._standing.get(peer_id, Standing()).after(outcome, wall.timestamp())
        self._standing[peer_id] = standing
        row = self._rows.get(peer_id) or PeerRow(peer_id, "slsk" if source.startswith(SLSK) else "mesh")
        counter = _COUNTERS[outcome]
        self._rows[peer_id] = replace(
            row,
            last_seen=iso(wall),
            last_request=iso(wall),
            local_reputation=standing.score(wall.timestamp()),
            recent=standing.outcomes.encode("ascii"),
            **{counter: getattr(row, counter) + 1},
        )
        self._dirty.add(peer_id)

    def seen(self, node_id: str, address: str) -> None:
        """The peer is connected from `address` (HOST:PORT)."""
        row = self._rows.get(node_id) or PeerRow(node_id, "mesh")
        self._rows[node_id] = replace(row, last_seen=iso(self._clock.wall()), address=address)
        self._dirty.add(node_id)

    def reputation(self, node_id: str) -> float:
        standing = self._standing.get(node_id)
        return standing.score(self._clock.wall().timestamp()) if standing else 1.0

    def blocked(self, node_id: str) -> bool:
        """The user wants nothing of this peer."""
        row = self._rows.get(node_id)
        return row is not None and row.blocked

    def avoided(self, node_id: str) -> str:
        """Why this peer is only asked when nobody else has the piece: reputation at or below 0.3, or wrong bytes less than a day ago. Empty when it is not."""
        standing = self._standing.get(node_id, Standing())
        now = self._clock.wall().timestamp()
        if standing.lied(now):
            return "sent wrong bytes less than a day ago"
        return f"reputation {standing.score(now):.2f}" if avoided(standing.score(now)) else ""

    def good(self, node_id: str) -> bool:
        """Has delivered verified bytes, and stands at 0.7 or above."""
        row = self._rows.get(node_id)
        return row is not None and row.successful_chunks > 0 and not row.blocked and trusted(self.reputation(node_id))

    def row(self, node_id: str) -> PeerRow | None:
        """One peer, its reputation as of now."""
        row = self._rows.get(node_id)
        return replace(row, local_reputation=self.reputation(node_id)) if row is not None else None

    def rows(self) -> tuple[PeerRow, ...]:
        """Every peer known, reputation as of now, the one seen last first. `block_reason` is the user's note on a blocked one."""
        known = sorted(self._rows.values(), key=lambda row: row.peer_id)
        known.sort(key=lambda row: row.last_seen, reverse=True)
        return tuple(replace(row, local_reputation=self.reputation(row.peer_id)) for row in known)

    # What the user wants; written at once ---------------------------------------------------------------------------

    async def reset(self, node_id: str) -> bool:
        """Forget how its requests ended: it stands at 1.0 again. A block stays. False for a peer that is not known."""
        row = self._rows.get(node_id)
        if row is None:
            return False
        self._standing.pop(node_id, None)
        await self._put(
            PeerRow(row.peer_id, row.plane, row.last_seen, blocked=row.blocked, block_reason=row.block_reason, address=row.address)
        )
        return True

    async def block(self, node_id: str, note: str = "") -> None:
        """Never dial, accept, ask or serve this node; a connection to it ends now. `note` (at most 200 characters) is for the user's own eyes."""
        row = self._rows.get(node_id) or PeerRow(node_id, "mesh")
        self._rows[node_id] = replace(row, blocked=True, block_reason=note[:MOST_NOTE])
        self.on_block(node_id)
        await self._put(self._rows[node_id])

    async def unblock(self, node_id: str) -> bool:
        """False for a peer that was not blocked."""
        row = self._rows.get(node_id)
        if row is None or not row.blocked:
            return False
        await self._put(replace(row, blocked=False, block_reason=""))
        return True

    async def _put(self, row: PeerRow) -> None:
        self._rows[row.peer_id] = row
        self._dirty.add(row.peer_id)
        await self.flush()


def _seconds(stamp: str) -> float | None:
    return datetime.fromisoformat(stamp).astimezone(UTC).timestamp() if stamp else None
