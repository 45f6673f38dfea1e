"""Finds mesh peers: configured ones, those behind the channel key, and those who announced a recording. Shell over the overlay and the DHT.

DHT answers are hints: a dialled node proves itself by its identity and by the bytes it delivers.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.dht.keys import channel_key, recording_key
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.gossip.hood import Hood
from slskdn_tui.engine.overlay.gossip.neighbours import Address, Candidates, Source
from slskdn_tui.engine.overlay.greeting import MeshError
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ports import ChunkPeer

log = logging.getLogger(__name__)
DIALS_AT_ONCE = 8
MAX_ANNOUNCED = 100
NEIGHBOURS = 8
"""Looked for through the channel key until so many are connected."""
CHANNEL_EVERY = 900.0
RECORDING_EVERY = 1320.0
LOOK_EVERY = 60.0
MOST_KNOWN = 1000
"""Addresses of which it is remembered who lives there."""
LOOK_S = 20.0
"""A look for the peers of one recording ends after so many seconds, whatever was found."""


def split_address(text: str) -> tuple[str, Address]:
    """(pinned node id or "", (host, port)) of `HOST:PORT` or `NODEID@HOST:PORT`."""
    pin, _, rest = text.rpartition("@")
    host, _, port = rest.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UserError("config", f"{text!r} is not HOST:PORT", "write e.g. 10.0.0.2:50400, or NODEID@10.0.0.2:50400")
    return pin.replace("-", "").lower(), (host.strip("[]"), int(port))


def why_nobody(dht: str, connected: int, configured: int) -> str:
    """Why no peer can be asked, or empty. `dht`: on, off, waiting, or "" where the overlay itself is off; counts of peers."""
    if not dht:
        return "the overlay is off (overlay.enabled: false)"
    if connected or dht == "on":
        return ""
    why = "the DHT is off (dht.enabled)" if dht == "off" else "the DHT waits for a first node (dht.bootstrap)"
    return f"{why} and no peer is connected" + (f" ({configured} in overlay.peers)" if configured else "")


def _count(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


class MeshFinder:
    """One a node. `offered` names the recordings this node offers, for announcing; `tell(event, words)` warns the user; who is `blocked` is not dialled."""

    def __init__(
        self,
        settings: Settings,
        mesh: Mesh | None,
        dht: DhtNode | None,
        clock: Clock,
        rng: random.Random,
        offered: Callable[[], Sequence[str]],
        tell: Callable[[str, str], None],
        blocked: Callable[[str], bool] = lambda node_id: False,
        gossip: Gossip | None = None,
        hood: Hood | None = None,
        known: Callable[[], Sequence[tuple[str, Address]]] = tuple,
    ) -> None:
        self._settings = settings
        self._mesh = mesh
        self._dht = dht
        self._clock = clock
        self._rng = rng
        self._offered = offered
        self._tell = tell
        self._blocked = blocked
        self._gossip = gossip
        self._hood = hood
        self._met_before = known
        self.candidates = hood.candidates if hood is not None else Candidates()
        self._own: set[Address] = set()
        self._known: dict[Address, str] = {}
        self._dialling = asyncio.Semaphore(DIALS_AT_ONCE)
        # A rescue and the keeper may want the same address at once; a lock lives as long as somebody holds or awaits it.
        self._turns: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()
        self.announced: frozenset[str] = frozenset()
        self.channel_announced = False

    @property
    def unavailable(self) -> str:
        """Why nobody can be asked, or empty."""
        dht = "off" if self._dht is None else "waiting" if self._dht.waiting else "on"
        if self._mesh is None:
            return why_nobody("", 0, 0)
        return why_nobody(dht, len(self._mesh.peers), len(self._settings.overlay.peers))

    @property
    def _may_name_recordings(self) -> bool:
        """On the public DHT a recording key tells the world what is wanted or held: only after the user opted in."""
        return self._dht is not None and self._settings.dht.names_recordings

    def connected(self) -> Sequence[ChunkPeer]:
        """Peers that can be asked at once."""
        return [peer for peer in self._mesh.peers.values() if not peer.closed] if self._mesh is not None else []

    def free_slots(self, node_id: str) -> int | None:
        """As the last descriptor of this peer says, while it holds."""
        descriptor = self._gossip.descriptor(node_id) if self._gossip is not None else None
        return descriptor.slots if descriptor is not None else None

    async def look(self, recording: str) -> tuple[Sequence[ChunkPeer], str]:
        """Dial who announced the recording, and configured peers that are not connected, side by side; whoever is connected after `LOOK_S` counts."""
        if self._mesh is None:
            return (), self.unavailable
        before = len(self._mesh.peers)
        found: list[str] = []
        try:
            async with asyncio.timeout(LOOK_S):
                await asyncio.gather(self._look_in_dht(recording, found), self._dial_configured())
        except TimeoutError:
            found.append(f"stopped looking after {LOOK_S:.0f} s")
        peers = self.connected()
        having = self._gossip.shelf.having(recording) if self._gossip is not None else ()
        if having:
            found.append(f"{_count(len(having), 'node')} advertise it")
        words = [f"{_count(before, 'peer')} connected", *found, f"{_count(len(peers), 'peer')} asked"]
        return peers, ", ".join(words)

    async def _look_in_dht(self, recording: str, found: list[str]) -> None:
        """Words on what was found go into `found`, so that they are there when time runs out."""
        if self._dht is None:
            found.append("the DHT is off (dht.enabled)")
        elif self._dht.waiting:
            found.append("the DHT waits for a first node (dht.bootstrap)")
        elif self._may_name_recordings:
            addresses = await self._dht.get_peers(recording_key(recording))
            found.append(f"{len(addresses)} found by DHT key")
            await self._dial_all(addresses)
        else:
            found.append("the recording was not named in the public DHT (dht.announce_recordings)")
            await self._look_for_neighbours()

    async def _dial_configured(self) -> None:
        wanted = [split_address(text) for text in self._settings.overlay.peers]
        await asyncio.gather(*(self._dial(address, pin or None, named=True) for pin, address in wanted))

    # Background work, supervised by the engine -------------------------------------------------------------------

    async def keep_configured(self) -> None:
        """Stay connected to `overlay.peers`."""
        while True:
            await self._dial_configured()
            await self._clock.sleep(5.0)

    async def keep_neighbours(self) -> None:
        """Announce this node under the channel key, unless others cannot dial it, and look for others while few are connected."""
        assert self._mesh is not None
        for node_id, address in self._met_before():
            self.candidates.heard("known", address, node_id)
        announced_at = -CHANNEL_EVERY
        while True:
            dht = self._dht if self._dht is not None and self._dht.table_size else None
            due = self._clock.now() - announced_at >= CHANNEL_EVERY
            if dht is not None and due and not self.seeker and await dht.announce(channel_key(), self._mesh.port):
                announced_at, self.channel_announced = self._clock.now(), True
            if len(self._mesh.peers) < NEIGHBOURS:
                if dht is not None:
                    for address in await dht.get_peers(channel_key()):
                        self.candidates.heard("dht", address)
                near = [(peer.node_id, peer.host, self._source(peer)) for peer in self._mesh.peers.values()]
                await self._dial_all(self.candidates.pick(self._clock.now(), near, NEIGHBOURS, self._own))
            waits = self._dht is not None and not self.channel_announced and not self.seeker
            await self._clock.sleep(1.0 if waits else LOOK_EVERY if self._mesh.peers else 5.0)

    @property
    def seeker(self) -> bool:
        """Others cannot dial this node: it dials, and announces nothing."""
        return self._hood is not None and self._hood.reach.reachable is False

    @property
    def status(self) -> str:
        """How this node stands in the mesh, in words."""
        if self._mesh is None or self._hood is None:
            return "the overlay is off (overlay.enabled: false)"
        peers = list(self._mesh.peers.values())
        dialable = sum(self._hood.address(peer) is not None for peer in peers)
        return f"{_count(len(peers), 'neighbour')}, {dialable} reachable; {self._hood.reach.words}"

    @property
    def report(self) -> tuple[str, ...]:
        """`status`, what is heard and told, whom else to dial, and why nobody can be asked: a line each."""
        if self._mesh is None or self._gossip is None or self._hood is None:
            return (self.status,)
        shelf, own = self._gossip.shelf, self._mesh.identity.node_id
        others = len(shelf) - (own in shelf.sequences())
        told = len({each.variant.recording_mbid for each in shelf.variants(own).values()})
        more = len(self._hood.candidates)
        lines = [
            self.status,
            f"adverts of {_count(others, 'other node')} are known; this node tells of {_count(told, 'recording')} "
            f"(overlay.offer: {self._settings.overlay.offer})",
            f"{more} more {'address' if more == 1 else 'addresses'} to dial {'is' if more == 1 else 'are'} known",
        ]
        return (*lines, self.unavailable) if self.unavailable else tuple(lines)

    def _source(self, peer: OverlayPeer) -> Source | None:
        where = self._hood.address(peer) if self._hood is not None else None
        return self.candidates.source(where) if where is not None else None

    async def keep_recordings(self) -> None:
        """Announce up to 100 offered recordings, new ones soon, old ones again before they expire."""
        assert self._dht is not None and self._mesh is not None
        due: dict[str, float] = {}
        while True:
            if self._dht.table_size and self._may_name_recordings and not self.seeker:
                now = self._clock.now()
                offered = list(self._offered())[:MAX_ANNOUNCED]
                due = {recording: due[recording] for recording in offered if recording in due}
                self.announced = frozenset(due)
                for recording in offered:
                    if due.get(recording, 0.0) <= now and await self._dht.announce(recording_key(recording), self._mesh.port):
                        due[recording] = now + RECORDING_EVERY * self._rng.uniform(0.95, 1.1)
                        self.announced = frozenset(due)
            await self._clock.sleep(1.0)

    # Dialling ---------------------------------------------------------------------------------------------------

    async def _look_for_neighbours(self) -> None:
        assert self._dht is not None
        await self._dial_all(await self._dht.get_peers(channel_key()))

    async def _dial_all(self, addresses: Sequence[Address]) -> None:
        await asyncio.gather(*(self._dial(address, None) for address in dict.fromkeys(addresses)))

    async def _dial(self, address: Address, pin: str | None, *, named: bool = False) -> None:
        """`named` addresses were written by the user: no address filter, and a wrong identity is told and not only logged."""
        turn = self._turns.setdefault(address, asyncio.Lock())
        async with turn:
            await self._dial_one(address, pin, named)

    async def _dial_one(self, address: Address, pin: str | None, named: bool) -> None:
        assert self._mesh is not None
        known = self._known.get(address)
        if address in self._own or (known is not None and (known in self._mesh.peers or self._blocked(known))):
            return
        if pin is not None and self._blocked(pin):
            return
        failures = self.candidates.failures(address)
        if not self.candidates.may_dial(address, self._clock.now()):
            return
        async with self._dialling:
            try:
                async with asyncio.timeout(12):
                    peer = await self._mesh.dial(*address, expect=pin, named=named)
                self._met(address, peer.node_id)
                self.candidates.met(address, peer.node_id)
            except MeshError as error:
                if error.code == "own_id":
                    self._own.add(address)
                if error.code == "blocked":
                    self._met(address, error.node_id)
                    return
                if named and error.code == "pin_mismatch" and not failures:
                    self._tell(
                        "overlay.pin_mismatch", f"{address[0]}:{address[1]}: {error}; it is not dialled under this pin (overlay.peers)"
                    )
                self._put_off(address, str(error))
            except (OSError, TimeoutError, ValueError) as error:
                self._put_off(address, str(error) or type(error).__name__)

    def _met(self, address: Address, node_id: str) -> None:
        self._known.pop(address, None)
        self._known[address] = node_id
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _put_off(self, address: Address, why: str) -> None:
        wait = self.candidates.failed(address, self._clock.now(), self._rng.uniform(0.8, 1.2))
        log.info("dialling %s:%d: %s; again in %.0f s", *address, why, wait)
