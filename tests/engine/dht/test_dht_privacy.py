"""What leaves the host: on the public DHT no datagram carries a recording's key before the user opted in."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.dht.keys import channel_key, recording_key
from slskdn_tui.engine.dht.limits import ROOMY
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.mesh_finder import MAX_ANNOUNCED, RECORDING_EVERY, MeshFinder
from slskdn_tui.engine.overlay.gossip.neighbours import Candidates, Reach
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.supervise import Supervisor

RECORDINGS = [f"0dd6aa6e-0000-4000-8000-{number:012d}" for number in range(120)]
KEYS = [recording_key(mbid) for mbid in RECORDINGS]


class Around:
    """What neighbours say of this node: two of them could not dial it, or one could."""

    def __init__(self, reachable: bool) -> None:
        self.reach = Reach(yes=int(reachable), no=0 if reachable else 2)
        self.candidates = Candidates()


class FakeMesh:
    """Connects to nobody: what is tested is what the DHT is told."""

    port = 50400
    peers: dict[str, Any] = {}  # noqa: RUF012

    async def dial(self, host: str, port: int, **_: Any) -> Any:
        raise OSError("nobody is dialled here")


async def datagrams(minutes: int, *, reachable: bool = True, **dht: Any) -> list[bytes]:
    """Every datagram that the first of eight nodes sends in so many virtual minutes: it offers 120 recordings and looks for one a minute."""
    clock = VirtualClock()
    supervisor = Supervisor(clock)
    nodes: list[DhtNode] = []
    sent: list[bytes] = []
    public = bool(dht.get("public"))
    try:
        for number in range(1, 9):
            node = DhtNode(
                (f"127.1.{number}.1", 0),
                clock=clock,
                rng=random.Random(number),
                supervisor=supervisor,
                bootstrap=[nodes[0].address] if nodes else [("127.1.99.1", 9)],
                permit=["127.0.0.0/8"],
                limits=ROOMY,
                public=public,
            )
            await node.start()
            nodes.append(node)
        udp = nodes[0]._first.socket
        assert udp is not None
        inner = udp.send

        def send(data: bytes, address: tuple[str, int]) -> None:
            sent.append(data)
            inner(data, address)

        udp.send = send  # type: ignore[method-assign]
        settings = Settings.model_validate({"dht": dht})
        finder = MeshFinder(
            settings,
            FakeMesh(),  # type: ignore[arg-type]
            nodes[0],
            clock,
            random.Random(1),
            lambda: RECORDINGS,
            lambda *_: None,
            hood=Around(reachable),  # type: ignore[arg-type]
        )
        tasks = [asyncio.ensure_future(work()) for work in (finder.keep_neighbours, finder.keep_recordings)]
        for minute in range(minutes):
            look = asyncio.ensure_future(finder.look(RECORDINGS[minute % 120]))
            for _ in range(120):
                await clock.advance(0.5)
                for _ in range(20):
                    await asyncio.sleep(0)
            await look
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for node in nodes:
            await node.stop()
        await supervisor.stop()
    return sent


def named(sent: list[bytes]) -> set[bytes]:
    return {key for key in KEYS if any(key in data for data in sent)}


def test_on_the_public_dht_no_datagram_names_a_recording_before_the_user_opts_in() -> None:
    sent = asyncio.run(datagrams(2, public=True))
    assert any(channel_key() in data for data in sent), "it takes part"
    assert named(sent) == set()


def test_after_the_opt_in_and_among_our_own_nodes_they_are_named_and_at_most_a_hundred_announced() -> None:
    for dht in ({"public": True, "announce_recordings": True}, {"public": False}):
        sent = asyncio.run(datagrams(1, **dht))
        assert named(sent) == set(KEYS[:MAX_ANNOUNCED])
    announced = {key for key in KEYS if any(key in data and b"announce_peer" in data for data in sent)}
    assert announced == set(KEYS[:MAX_ANNOUNCED])


def test_a_node_that_others_cannot_dial_looks_and_announces_nothing() -> None:
    sent = asyncio.run(datagrams(2, reachable=False, public=False))
    assert any(channel_key() in data and b"get_peers" in data for data in sent) and KEYS[0] in named(sent), "it looks"
    assert not any(b"announce_peer" in data for data in sent)


def test_recordings_are_announced_again_after_20_to_25_minutes() -> None:
    assert RECORDING_EVERY * 0.95 >= 20 * 60 and RECORDING_EVERY * 1.1 <= 25 * 60


def test_settings_say_when_recordings_may_be_named() -> None:
    for public, opted, names in ((False, False, True), (True, False, False), (True, True, True)):
        assert Settings.model_validate({"dht": {"public": public, "announce_recordings": opted}}).dht.names_recordings is names
