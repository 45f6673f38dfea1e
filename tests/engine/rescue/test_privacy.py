"""What a node thinks of others, where its files lie, whom it knows and what it wants stays at home: all overlay traffic of a rescue is looked through.

Every plaintext byte that any node of the test gives to TLS, and every DHT datagram, is kept: what one end sends the other receives, so both
directions of each connection are there.
"""

from __future__ import annotations

import asyncio
import struct
from asyncio import sslproto
from pathlib import Path
from typing import Any

import pytest
from engine_world import LEAF, Album, completed, until
from rescue_world import PATIENT, Liar, RescueWorld

from slskdn_tui.engine.dht.keys import recording_key
from slskdn_tui.engine.dht.udp import DatagramSocket
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.peers.book import PeerBook
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.lab.data import demo_release
from slskdn_tui.seam import Command

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]


class Capture:
    """`tls` and `dht` are what was sent, `scores` every reputation anybody computed that is not a stranger's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tls, self.dht, self.scores = bytearray(), bytearray(), set[float]()
        write, score = sslproto._SSLProtocolTransport.write, PeerBook.reputation  # type: ignore[attr-defined]

        def written(transport: Any, data: Any) -> None:
            self.tls += data
            write(transport, data)

        def scored(book: PeerBook, node_id: str) -> float:
            found = score(book, node_id)
            if found < 1.0:
                self.scores.add(found)
            return found

        monkeypatch.setattr(sslproto._SSLProtocolTransport, "write", written)  # type: ignore[attr-defined]
        monkeypatch.setattr(PeerBook, "reputation", scored)
        send = DatagramSocket.send

        def sent(socket: DatagramSocket, data: bytes, address: Any) -> None:
            self.dht += data
            send(socket, data, address)

        monkeypatch.setattr(DatagramSocket, "send", sent)


def forms(number: float) -> list[bytes]:
    """How a number could be written."""
    return [repr(number)[:8].encode(), *(struct.pack(form, number) for form in ("<d", ">d", "<f", ">f"))]


def opinions(engine: Engine, node_id: str) -> None:
    """Of this node, with a share that no other number here has; of a stranger who is blocked, with a note."""
    for number in range(31):
        engine.book.outcome(node_id, ChunkOutcome.TIMEOUT if number % 10 == 3 else ChunkOutcome.OK)


def test_nothing_of_reputations_paths_notes_names_and_wishes_travels_in_a_rescue(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Capture(monkeypatch)

    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            first, second = album.tracks(2)
            files = {"QQFILE-one.flac": first.read_bytes(), "QQUNASKED-two.flac": second.read_bytes()}
            mono = await world.uploader("XXMONOXX", {first.name: first.read_bytes()})
            mono.hold(2 * LEAF)
            hub = await world.engine("hub", soulseek={"enabled": False}, dht={"enabled": True}, overlay={"enabled": True})
            boot = {"enabled": True, "bootstrap": [hub.settings.dht.listen]}
            node = await world.node("node", files, dht=boot)  # type: ignore[arg-type]
            assert (await node.submit(Command("limits.set", {"up": 80}))).ok  # so slow that the liar is asked, too
            liar = await world.node("liar", files, dht=boot)  # type: ignore[arg-type]
            assert liar.mesh is not None and node.mesh is not None
            liar.mesh.desk.providers = [Liar(liar.offers)]
            await until(lambda: node.finder.announced and liar.finder.announced, "both announced what they offer")
            me = await world.engine(rescue={**PATIENT, "no_bytes_s": 1.0}, dht=boot)
            assert me.mesh is not None
            opinions(me, node.mesh.identity.node_id)
            opinions(node, me.mesh.identity.node_id)
            for engine in (me, node, liar):
                await engine.book.block("ab" * 32, "QQNOTE: told me nonsense")
            me.ledger.add("slsk", "up", "XXFRIENDXX", 987_654_321_987)
            assert (await me.submit(Command("wishlist.add", {"query": ["QQWISH"]}))).ok
            job = await world.create(me)
            liars = liar.mesh.identity.node_id
            await until(lambda: me.book.avoided(liars), "the liar was found out", job)
            assert (await node.submit(Command("limits.clear", {}))).ok
            await completed(job)
            assert world.music() == world.truth
            assert job.tracks[0].last is not None and job.tracks[0].last.by_mesh > 0
            me.book.reputation(liars)
            recordings = [track.recording for track in demo_release().media[0].tracks[:1]]
            await settled(me)

            kept = bytes(seen.tls)
            assert recordings[0].encode() in kept and b"slskdn-tui" in kept and b'"me"' in kept, "the traffic was captured"
            assert all(first.read_bytes()[at : at + 4096] in kept for at in range(4 * LEAF, 8 * LEAF, LEAF))
            assert recording_key(recordings[0]) in seen.dht and b"announce_peer" in seen.dht and b"get_peers" in seen.dht
            assert len(seen.scores) >= 2 and min(seen.scores) < 0.96

            kept += bytes(seen.dht)
            for number in seen.scores:
                for form in forms(number):
                    assert form not in kept, (number, form)
            words = ["reputation", "corrupt", "avoided", "QQFILE", "QQUNASKED", "QQNOTE", "QQWISH", "XXMONOXX", "XXFRIENDXX", str(tmp_path)]
            words += ["987654321987", "ab" * 32, job.job_id, str(Path.home()), "Plone - For Beginner Piano", first.name]
            for word in words:
                for form in (word.encode(), word.encode("utf-16-le"), word.encode().hex().encode()):
                    assert form not in kept, word
            assert bytes.fromhex("ab" * 32) not in kept
            row = me.book.row(node.mesh.identity.node_id)
            assert row is not None and row.recent[-16:] not in kept

    asyncio.run(main())


async def settled(engine: Engine) -> None:
    """Long enough that what a node does by itself every second was done."""
    await asyncio.sleep(1.2)  # what would travel then is looked for
