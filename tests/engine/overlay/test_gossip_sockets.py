"""Over sockets: adverts, descriptors and cache jobs between nodes; what is missed, expired or a lie."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

from overlay_world import RECORDING, RawClient, World, dial, make_file, offer, run, until, world

from slskdn_tui.engine.jobs.track.ranking import Standing, rank
from slskdn_tui.engine.overlay.files import FileProvider
from slskdn_tui.engine.overlay.frames import Kind, frame
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.gossip.messages import Advert, Advertised, AdvertRequest, Descriptor, SignedAdvert, seal
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.overlay.messages import CacheJob, Constraints, Hello, OfferedTrack, decode, encode
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.plan.cost import Tunables
from slskdn_tui.engine.swarm.stall import RescueThresholds
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.heard import HeardVariant
from slskdn_tui.model.variant import LEAF, Variant
from tests.fakes.heard import Ear, FilledStock


async def talker(there: World, number: int, provider: FileProvider | None = None, **more: Any) -> tuple[Mesh, Gossip, Ear]:
    me, ear = NodeIdentity.ephemeral(), Ear()
    gossip = Gossip(
        me.node_id,
        me,
        FilledStock([HeardVariant(variant) for variant in provider.find([RECORDING])] if provider is not None else ()),
        SystemClock(),
        random.Random(number),
        [ear],
    )
    mesh = await there.node(number, identity=me, talk=gossip, providers=[provider] if provider is not None else [], **more)
    return mesh, gossip, ear


def test_two_nodes_hear_what_the_other_has_wants_and_how_it_serves(tmp_path: Path) -> None:
    async def main() -> None:
        async with world() as there:
            provider, variant, _ = await offer(tmp_path / "a.flac", 2 * LEAF, codec="flac", score=0.9)
            giver, telling, heard_by_giver = await talker(there, 1, provider)
            taker, hearing, heard = await talker(there, 2)
            peer = await dial(taker, giver)
            telling.round()
            await until(lambda: giver.identity.node_id in heard.held)
            assert heard.held[giver.identity.node_id] == {variant.variant_id}
            assert hearing.shelf.having(RECORDING) == (giver.identity.node_id,)
            await until(lambda: hearing.descriptor(giver.identity.node_id) is not None)
            assert heard.descriptors[0][1].slots == 3
            assert await peer.offers((RECORDING,)) == (variant,) and peer.holds(variant.variant_id)
            await until(lambda: heard_by_giver.wants == [RECORDING])
            assert await peer.offers((RECORDING,), constraints=Constraints(max_length=LEAF)) == ()

    run(main)


def test_a_missed_delta_is_healed_by_a_snapshot(tmp_path: Path) -> None:
    async def main() -> None:
        async with world() as there:
            node, gossip, ear = await talker(there, 1)
            me = NodeIdentity.ephemeral()
            client = await RawClient.connect(node, me)
            await client.greet()
            await until(lambda: me.node_id in node.peers)
            one, two = (Advertised.of(HeardVariant(Variant(c * 64, "file", 9, RECORDING))) for c in "ab")
            made = int(SystemClock().wall().timestamp())

            def say(advert: Advert) -> SignedAdvert:
                signed = seal(advert, me)
                client.send(Kind.ADVERT, 0, signed.body)
                return signed

            say(Advert(sequence=1, made_at=made, variants=(one,)))
            await until(lambda: ear.held.get(me.node_id) == {"a" * 64})
            say(Advert(sequence=3, base=2, made_at=made, variants=(two,)))  # the second never came
            await until(lambda: gossip.counters["adverts gap"] == 1)
            gossip.round()
            while True:
                kind, _, body = await client.receive()
                if kind == Kind.ADVERT_REQUEST and (asked := decode(AdvertRequest, body)).wanted and not asked.others:
                    break
            assert [(each.node_id, each.sequence) for each in asked.wanted] == [(me.node_id, 1)]
            say(Advert(sequence=4, made_at=made, variants=(two,)))
            await until(lambda: ear.held[me.node_id] == {"b" * 64})
            client.writer.transport.abort()

    run(main)


def test_offers_are_ranked_and_expired_ones_are_ignored(tmp_path: Path) -> None:
    async def main() -> None:
        async with world() as there:
            popular, common, _ = await offer(tmp_path / "a.flac", 3 * LEAF, codec="flac")
            other, rare, _ = await offer(tmp_path / "b.flac", 3 * LEAF, codec="flac", score=1.0)
            taker, _, _ = await talker(there, 1)
            peers = [
                await dial(taker, (await talker(there, number, provider))[0])
                for number, provider in ((2, other), (3, popular), (4, popular))
            ]
            offers = [(peer, await peer.offers((RECORDING,))) for peer in peers]
            poor = peers[1].node_id
            ranked = rank(offers, lambda node: Standing(0.4 if node == poor else 1.0), ["FLAC"])
            assert [variants[0] for _, variants in ranked] == [
                common,
                common,
                rare,
            ]  # agreement is the best guess, whatever one says of itself
            assert [peer for peer, _ in ranked] == [peers[2], peers[1], peers[0]]
            assert rank(offers, lambda node: Standing(slots=0 if node == peers[2].node_id else 1))[0][0] is peers[1]

            lone = NodeIdentity.ephemeral()
            client = await RawClient.connect(taker, lone)
            await client.greet()
            await until(lambda: lone.node_id in taker.peers)
            late = taker.peers[lone.node_id]
            for ttl, fresh in ((0, 0), (60, 1)):
                asking = asyncio.ensure_future(late.offers((RECORDING,)))
                while True:
                    kind, request_id, _ = await client.receive()
                    if kind == Kind.CACHE_JOB:
                        break
                job = CacheJob(role="offer", offered_tracks=[OfferedTrack.of(rare).plain(defaults=False)], ttl_s=ttl)
                client.send(Kind.CACHE_JOB, request_id, encode(job))
                assert len(await asking) == fresh
                assert len(rank([(late, (rare,))], lambda node: Standing())) == fresh
            client.writer.transport.abort()

    run(main)


def test_a_query_is_answered_by_a_descriptor_under_its_number(tmp_path: Path) -> None:
    async def main() -> None:
        async with world() as there:
            provider, variant, _ = await offer(tmp_path / "a.flac", LEAF)
            node, _, _ = await talker(there, 1, provider)
            client = await RawClient.connect(node)
            await client.greet()
            client.send(Kind.DESCRIPTOR_QUERY, 9, json.dumps({"recordings": [RECORDING]}).encode())
            while True:
                kind, request_id, body = await client.receive()
                if kind == Kind.DESCRIPTOR and request_id == 9:
                    break
            assert [each.variant_id for each in decode(Descriptor, body).variants] == [variant.variant_id]
            client.writer.transport.abort()

    run(main)


def test_digests_that_do_not_match_what_was_described_lower_the_sender_s_reputation(tmp_path: Path) -> None:
    async def main() -> None:
        async with world() as there:
            provider, variant, _ = await offer(tmp_path / "a.flac", 3 * LEAF, codec="flac")
            make_file(tmp_path / "b.flac", 3 * LEAF)
            _, digests, _ = provider._files[variant.variant_id]
            provider._files[variant.variant_id] = (tmp_path / "b.flac", digests[32:] + digests[:32], variant)
            giver, _, _ = await talker(there, 1, provider)
            taker, _, _ = await talker(there, 2)
            peer = await dial(taker, giver)
            outcomes: list[tuple[str, ChunkOutcome]] = []
            part = await PartFile.open(f"{tmp_path}/x.part", 3 * LEAF, "x", MemoryPartStore(), SystemClock())
            swarm = TrackSwarm(
                part,
                clock=SystemClock(),
                supervisor=there.supervisor,
                tunables=Tunables(),
                rescue=RescueThresholds(),
                reputation=lambda node: 1.0,
                observe=lambda event: None,
                on_outcome=lambda node, outcome: outcomes.append((node, outcome)),
                guard=False,
            )
            why = await swarm.add_peer(peer, *await peer.offers((RECORDING,)))
            assert "digests do not match" in why
            assert outcomes == [(giver.identity.node_id, ChunkOutcome.CORRUPTION)]
            await part.close()

    run(main)


def test_what_comes_in_one_piece_with_hello_is_heard() -> None:
    async def main() -> None:
        async with world() as there:
            node, _, ear = await talker(there, 1)
            me = NodeIdentity.ephemeral()
            client = await RawClient.connect(node, me)
            advert = seal(Advert(sequence=1, made_at=int(SystemClock().wall().timestamp())), me)
            client.writer.write(frame(Kind.HELLO, 0, encode(Hello())) + frame(Kind.ADVERT, 0, advert.body))
            await until(lambda: me.node_id in ear.held)
            client.writer.transport.abort()

    run(main)
