"""Who is asked and when: connected peers do not wait for the DHT, configured ones are dialled too, and a look ends in time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine import mesh_finder
from slskdn_tui.engine.dht.keys import channel_key, recording_key
from slskdn_tui.engine.jobs.track import rescue
from slskdn_tui.engine.jobs.track.rescue import Rescuer
from slskdn_tui.engine.mesh_finder import MeshFinder
from slskdn_tui.engine.overlay.greeting import MeshError
from slskdn_tui.engine.runtime.clock import SystemClock, VirtualClock
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.variant import LEAF, Variant

RECORDING = "0dd6aa6e-0000-4000-8000-000000000001"


class Peer:
    def __init__(self, name: str, offers: bool = True, variant: str = "a") -> None:
        self.variant_id = variant * 64
        self.node_id = name * 64
        self.host = name
        self.closed = False
        self.asked = 0
        self._offers = offers

    def holds(self, variant_id: str) -> bool:
        return True

    async def offers(self, recordings: Sequence[str]) -> tuple[Variant, ...]:
        self.asked += 1
        return () if not self._offers else (Variant(self.variant_id, "file", LEAF, recordings[0], "FLAC"),)


class FakeMesh:
    """`dial` connects the peer that lives at a port, after `slow` seconds."""

    port = 1

    def __init__(self, there: dict[int, Peer]) -> None:
        self.there = there
        self.peers: dict[str, Peer] = {}
        self.dialled: list[int] = []

    async def dial(self, host: str, port: int, *, expect: str | None, named: bool) -> Peer:
        self.dialled.append(port)
        await asyncio.sleep(0.01)
        peer = self.there[port]
        self.peers[peer.node_id] = peer
        return peer


class FakeDht:
    waiting = False
    table_size = 5

    def __init__(self, answers: dict[bytes, list[tuple[str, int]]], hangs: bool = False) -> None:
        self.answers, self.hangs, self.asked, self.told = answers, hangs, list[bytes](), list[bytes]()

    async def announce(self, key: bytes, port: int) -> int:
        self.told.append(key)
        return 3

    async def get_peers(self, key: bytes) -> list[tuple[str, int]]:
        self.asked.append(key)
        if self.hangs:
            await asyncio.Event().wait()
        return self.answers.get(key, [])


def finder(mesh: FakeMesh, node: FakeDht | None, **sections: dict[str, Any]) -> MeshFinder:
    settings = Settings.model_validate(sections)
    return MeshFinder(settings, mesh, node, SystemClock(), random.Random(1), lambda: (), lambda event, words: None)  # type: ignore[arg-type]


def test_the_dht_is_asked_and_configured_peers_are_dialled_side_by_side() -> None:
    async def main() -> None:
        mesh = FakeMesh({port: Peer(name) for port, name in ((10, "a"), (20, "b"), (30, "c"))})
        dht = FakeDht({recording_key(RECORDING): [("127.0.0.1", 10), ("127.0.0.1", 20)]})
        look = finder(mesh, dht, overlay={"peers": ["127.0.0.1:30"]})
        peers, words = await look.look(RECORDING)
        assert {peer.node_id[0] for peer in peers} == {"a", "b", "c"} and sorted(mesh.dialled) == [10, 20, 30]
        assert words == "0 peers connected, 2 found by DHT key, 3 peers asked"
        await asyncio.gather(look.look(RECORDING), look.look(RECORDING))
        assert len(mesh.dialled) == 3, "who is connected is not dialled again"

    asyncio.run(main())


def test_two_looks_at_once_dial_an_address_once() -> None:
    async def main() -> None:
        mesh = FakeMesh({30: Peer("c")})
        look = finder(mesh, None, overlay={"peers": ["127.0.0.1:30"]})
        await asyncio.gather(look.look(RECORDING), look.look(RECORDING))
        assert mesh.dialled == [30]

    asyncio.run(main())


def test_addresses_without_end_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_finder, "MOST_KNOWN", 20)

    async def main() -> None:
        mesh = FakeMesh({port: Peer(f"{port:x}") for port in range(1, 61)})
        look = finder(mesh, FakeDht({recording_key(RECORDING): [("127.0.0.1", port) for port in range(1, 61)]}))
        await look.look(RECORDING)
        assert len(mesh.dialled) == 60 and len(look._known) == 20 and not look._turns

    asyncio.run(main())


def test_a_recording_that_is_no_longer_offered_no_longer_counts_as_announced() -> None:
    async def main() -> None:
        clock, offered = VirtualClock(), [RECORDING, RECORDING[:-1] + "0"]
        node = FakeDht({})
        look = MeshFinder(Settings(), FakeMesh({}), node, clock, random.Random(1), lambda: offered, lambda event, words: None)  # type: ignore[arg-type]
        task = asyncio.ensure_future(look.keep_recordings())
        await clock.advance(1.0)
        assert look.announced == set(offered) and len(node.told) == 2
        offered.pop()
        await clock.advance(2.0)
        assert look.announced == {RECORDING} and len(node.told) == 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_a_dht_that_does_not_answer_ends_in_time_and_what_was_found_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_finder, "LOOK_S", 0.2)

    async def main() -> None:
        mesh = FakeMesh({30: Peer("c")})
        look = finder(mesh, FakeDht({}, hangs=True), overlay={"peers": ["127.0.0.1:30"]})
        peers, words = await look.look(RECORDING)
        assert [peer.node_id[0] for peer in peers] == ["c"] and "stopped looking after" in words

    asyncio.run(main())


def test_on_the_public_dht_the_recording_is_not_named_without_consent() -> None:
    async def main() -> None:
        mesh = FakeMesh({10: Peer("a")})
        dht = FakeDht({channel_key(): [("127.0.0.1", 10)], recording_key(RECORDING): [("127.0.0.1", 99)]})
        look = finder(mesh, dht, dht={"public": True})
        peers, words = await look.look(RECORDING)
        assert dht.asked == [channel_key()] and [peer.node_id[0] for peer in peers] == ["a"]
        assert "the recording was not named in the public DHT (dht.announce_recordings)" in words

    asyncio.run(main())


def test_a_blocked_node_is_not_dialled_once_its_address_is_known_and_again_when_unblocked() -> None:
    async def main() -> None:
        blocked = {"a" * 64}

        class Mesh(FakeMesh):
            async def dial(self, host: str, port: int, *, expect: str | None, named: bool) -> Peer:
                if self.there[port].node_id in blocked:
                    self.dialled.append(port)
                    raise MeshError("blocked", "the node is blocked", self.there[port].node_id)
                return await super().dial(host, port, expect=expect, named=named)

        mesh = Mesh({10: Peer("a"), 20: Peer("b")})
        settings = Settings.model_validate({"overlay": {"peers": ["127.0.0.1:10", f"{'b' * 64}@127.0.0.1:20"]}})
        look = MeshFinder(
            settings, mesh, None, SystemClock(), random.Random(1), lambda: (), lambda event, words: None, blocked.__contains__
        )  # type: ignore[arg-type]
        await look.look(RECORDING)
        assert sorted(mesh.dialled) == [10, 20], "whose address it is shows only there"
        await look.look(RECORDING)
        assert sorted(mesh.dialled) == [10, 20]
        blocked.add("b" * 64)
        mesh.peers.clear()
        await look.look(RECORDING)
        assert sorted(mesh.dialled) == [10, 20], "a pinned one is never called"
        blocked.clear()
        await look.look(RECORDING)
        assert sorted(mesh.dialled) == [10, 10, 20, 20]

    asyncio.run(main())


class FakeSwarm:
    def __init__(self, why: str = "") -> None:
        self.why = why
        self.members: dict[str, Peer] = {}
        self.bans: dict[str, str] = {}
        self.met: list[str] = []

    async def add_peer(self, peer: Peer, variant: Variant) -> str:
        self.met.append(peer.node_id[0])
        if not self.why:
            self.members[peer.node_id] = peer
        return self.why


class Finder:
    """One peer connected, another found when `found` is set."""

    unavailable = ""

    def __init__(self, near: list[Peer], far: list[Peer]) -> None:
        self.near, self.far, self.found = near, far, asyncio.Event()

    def connected(self) -> list[Peer]:
        return self.near

    def free_slots(self, node_id: str) -> None:
        return None

    async def look(self, recording: str) -> tuple[list[Peer], str]:
        await self.found.wait()
        return [*self.near, *self.far], "looked"


async def nothing_known(recordings: Sequence[str]) -> tuple[()]:
    return ()


def rescuer(
    look: Finder,
    avoided: set[str] = frozenset(),  # type: ignore[assignment]
    variants: Callable[[Sequence[str]], Awaitable[Sequence[VariantChoice]]] = nothing_known,
    *,
    canonical: bool = True,
) -> Rescuer:
    book = SimpleNamespace(
        blocked=lambda node: "", avoided=lambda node: "a liar" if node[0] in avoided else "", reputation=lambda node: 1.0
    )
    services = SimpleNamespace(finder=look, book=book, supervisor=None, soulseek=None, variants=variants)
    wishes = Constraints(prefer_canonical_variants=canonical)
    job = SimpleNamespace(record=SimpleNamespace(constraints=wishes), job_id="job")
    live = SimpleNamespace(track=SimpleNamespace(recording_mbid=RECORDING, position=1, title="Title"), rescue=None, unrescued="")
    return Rescuer(services, job, live, SimpleNamespace(trace=lambda *a, **k: None), lambda: ())  # type: ignore[arg-type]


def test_a_connected_peer_delivers_while_others_are_still_looked_for() -> None:
    async def main() -> None:
        look, swarm = Finder([Peer("a")], [Peer("b")]), FakeSwarm()
        asking = asyncio.ensure_future(rescuer(look).ask(swarm))  # type: ignore[arg-type]
        while not swarm.met:
            await asyncio.sleep(0)
        assert swarm.met == ["a"] and not asking.done()
        look.found.set()
        asked = await asking
        assert swarm.met == ["a", "b"] and look.near[0].asked == look.far[0].asked == 1
        assert [node[0] for node in asked.taken] == ["a", "b"]

    asyncio.run(main())


def test_who_lied_before_is_asked_only_when_nobody_else_is_there() -> None:
    async def main() -> None:
        look, swarm = Finder([Peer("a")], [Peer("b")]), FakeSwarm()
        look.found.set()
        asked = await rescuer(look, {"a"}).ask(swarm)  # type: ignore[arg-type]
        assert swarm.met == ["b"] and "avoided, a liar" in asked.refused[0]
        alone, swarm = Finder([Peer("a")], []), FakeSwarm()
        alone.found.set()
        asked = await rescuer(alone, {"a"}).ask(swarm)  # type: ignore[arg-type]
        assert swarm.met == ["a"] and not asked.refused
        beside, swarm = Finder([Peer("a"), Peer("b", offers=False)], []), FakeSwarm()
        beside.found.set()
        asked = await rescuer(beside, {"a"}).ask(swarm)  # type: ignore[arg-type]
        assert swarm.met == ["a"], "the other one is there, but has it not"
        unproven, swarm = Finder([Peer("a"), Peer("b")], []), FakeSwarm("guard: no proof")
        unproven.found.set()
        asked = await rescuer(unproven, {"a"}).ask(swarm)  # type: ignore[arg-type]
        assert swarm.met == ["b"], "a liar's word is no proof"

    asyncio.run(main())


def test_the_variant_known_to_be_better_is_tried_first_unless_that_is_not_to_count() -> None:
    async def known(recordings: Sequence[str]) -> Sequence[VariantChoice]:
        scores = {"a": 0.5, "b": 0.9}
        return [VariantChoice(recordings[0], "FLAC", name * 64, LEAF, score, 3, False, score > 0.8) for name, score in scores.items()]

    async def met(canonical: bool) -> list[str]:
        look, swarm = Finder([Peer("1", variant="a"), Peer("2", variant="b")], []), FakeSwarm()
        look.found.set()
        await rescuer(look, variants=known, canonical=canonical).ask(swarm)  # type: ignore[arg-type]
        return swarm.met

    assert asyncio.run(met(True)) == ["2", "1"] and asyncio.run(met(False)) == ["1", "2"]


def test_of_offers_without_end_the_oldest_refusals_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue, "_MOST_SETTLED", 3)

    async def main() -> None:
        peer, swarm = Peer("a"), FakeSwarm("another length")
        look = Finder([peer], [])
        look.found.set()
        one = rescuer(look)
        met = []
        for name in ("0", "1", "2", "3", "3", "1", "0"):
            peer.variant_id, before = name * 64, len(swarm.met)
            await one.ask(swarm)  # type: ignore[arg-type]
            met.append(len(swarm.met) > before)
        assert met == [True, True, True, True, False, False, True], "only the oldest may be tried again"
        assert len(one._settled) == 3

    asyncio.run(main())
