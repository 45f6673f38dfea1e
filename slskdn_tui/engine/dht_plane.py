"""The DHT as this program runs it: built from the settings, its table and ids kept between runs, its doings told in the log. Shell."""

from __future__ import annotations

import random

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.dht.machine.outputs import Event, Finished, Noted
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.mesh_finder import split_address
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.text import counted

SAVE_EVERY = 600.0
IDS = "dht.ids"
PUBLIC = "this node takes part in the public BitTorrent DHT: anybody there can see that this address runs slskdn-tui"
NAMED = "; recordings are announced and looked up there, which tells anybody what this address holds and wants"
UNNAMED = "; no recording is named there (dht.announce_recordings)"


class DhtPlane:
    """`node` is usable after `start`."""

    def __init__(self, settings: Settings, store: Store, bus: EventBus, clock: Clock, rng: random.Random, supervisor: Supervisor) -> None:
        self._settings, self._store, self._bus = settings, store, bus
        self._clock, self._rng, self._supervisor = clock, rng, supervisor
        self.node: DhtNode | None = None

    async def start(self) -> DhtNode:
        """Bind and begin joining; UserError where a port is taken or an address is not ours."""
        dht = self._settings.dht
        ids = await self._store.choices.get(IDS)
        self.node = node = DhtNode(
            split_address(dht.listen)[1],
            clock=self._clock,
            rng=self._rng,
            supervisor=self._supervisor,
            bootstrap=[split_address(text)[1] for text in dht.bootstrap],
            permit=self._settings.network.permit,
            saved_nodes=[(node_id.hex(), host, port) for node_id, host, port, _ in await self._store.dht_nodes.load()],
            node_ids=_ids(ids),
            public=dht.public,
            also=split_address(dht.listen6)[1] if dht.listen6 else None,
            on_event=self._tell,
        )
        await node.start()
        if dht.public:
            self._bus.publish("dht.public", "dht", PUBLIC + (NAMED if dht.announce_recordings else UNNAMED), level="warning")
        return node

    async def stop(self) -> None:
        if self.node is not None:
            await self._save(self.node)
            await self.node.stop()

    async def keep(self) -> None:
        """The routing table goes to disk every ten minutes, so that a kill costs no bootstrap."""
        assert self.node is not None
        while True:
            await self._clock.sleep(SAVE_EVERY)
            await self._save(self.node)

    async def _save(self, node: DhtNode) -> None:
        seen = self._clock.wall().timestamp()
        await self._store.dht_nodes.save([(bytes.fromhex(node_id), host, port, seen) for node_id, host, port in node.saved()])
        await self._store.choices.put(IDS, {str(version): node_id.hex() for version, node_id in node.node_ids.items()})

    def _tell(self, event: Event) -> None:
        match event:
            case Noted(name=name, text=text):
                self._bus.publish(name, "dht", text)
            case Finished():
                self._bus.publish("dht.lookup", "dht", words_of(event), key=event.key.hex(), seconds=round(event.seconds, 3))


def words_of(end: Finished) -> str:
    """What a look-up came to, for the log and the terminal."""
    asked = f"{end.answers} of {counted(end.asked, 'node')} asked answered, {end.seconds:.1f} s"
    what = f"{end.kind} {end.key.hex()[:12]}"
    if end.refused:
        return f"{what}: {end.refused} ({asked})"
    if end.kind in ("announce", "put"):
        return f"{what}: stored by {counted(end.stored, 'node')} ({asked})"
    return f"{what}: {counted(end.peers, 'peer')} ({asked})"


def _ids(stored: object) -> dict[int, bytes]:
    """Ids of an earlier run; what is none is left out."""
    ids: dict[int, bytes] = {}
    for family, text in stored.items() if isinstance(stored, dict) else ():
        try:
            node_id = bytes.fromhex(text)
        except (TypeError, ValueError):
            continue
        if family in ("4", "6") and len(node_id) == 20:
            ids[int(family)] = node_id
    return ids
