"""Chunks between two nodes over real sockets: whole, in order of priority, stopped when cancelled, refused with a reason."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from overlay_world import RECORDING, Collector, dial, offer, request_all, run, until, world

from slskdn_tui.engine.bench.knock import knock
from slskdn_tui.engine.overlay.files import BENCH_RECORDING, FileProvider
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF, Variant


def moved(told: Sequence[tuple[str, str, int]], peer: str, way: str) -> int:
    """Bytes that were told of, in however many parts."""
    return sum(count for node_id, direction, count in told if (node_id, direction) == (peer, way))


@pytest.mark.parametrize("size", [1, LEAF, LEAF + 1, 5 * 1024 * 1024 + 12_345])
def test_a_file_arrives_bit_identical(tmp_path: Path, size: int) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, data = await offer(tmp_path / "a.flac", size, codec="flac", streaminfo="ab" * 34, score=0.75)
            server, client = await w.node(1, providers=[provider], soulseek_name="ann"), await w.node(2)
            peer = await dial(client, server)
            assert peer.limits == PeerLimits(64, 16 * 1024 * 1024) and peer.soulseek_name == "ann" and not peer.closed
            assert await peer.offers([RECORDING]) == (variant,)
            assert await peer.offers([BENCH_RECORDING]) == ()
            digests = await peer.digests(variant)
            got = Collector(variant, digests)
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            await until(lambda: got.complete)
            assert got.data == data and len(got.got) == variant.leaves and peer.outstanding == 0
            peer.detach(variant.variant_id)
            await until(lambda: server.uploads()[0].state == "U_DONE")
            assert server.uploads()[0][:4] == (client.identity.node_id, variant.variant_id, size, size)
            await client.stop()
            await until(lambda: not server.peers)
            assert moved(w.bytes[server.identity.node_id], client.identity.node_id, "up") == size
            assert moved(w.bytes[client.identity.node_id], server.identity.node_id, "down") == size

    run(body)


def test_leaves_come_from_both_sides_of_one_connection(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            first, one_variant, one_data = await offer(tmp_path / "1", 3_000_000)
            second, two_variant, two_data = await offer(tmp_path / "2", 2_000_000)
            one, two = await w.node(1, providers=[first]), await w.node(2, providers=[second])
            there = await dial(one, two)
            await until(lambda: bool(two.peers))
            back = two.peers[one.identity.node_id]
            a = Collector(two_variant, await there.digests(two_variant))
            b = Collector(one_variant, await back.digests(one_variant))
            there.attach(two_variant.variant_id, a)
            back.attach(one_variant.variant_id, b)
            request_all(there, two_variant, 1)
            request_all(back, one_variant, 3)
            await until(lambda: a.complete and b.complete)
            assert a.data == two_data and b.data == one_data

    run(body)


def test_a_digest_list_that_does_not_match_is_refused(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 600 * LEAF)
            path, digests, known = provider._files[variant.variant_id]
            provider._files[variant.variant_id] = (path, digests[:700] + b"\x00" + digests[701:], known)
            server, client = await w.node(1, providers=[provider]), await w.node(2)
            peer = await dial(client, server)
            with pytest.raises(ValueError, match="do not match"):
                await peer.digests(variant)
            provider._files[variant.variant_id] = (path, digests[:-32], known)
            with pytest.raises(ValueError, match="wrong size"):
                await peer.digests(variant)
            with pytest.raises(LookupError):
                await peer.digests(dataclasses.replace(variant, variant_id="00" * 32))
            provider._files[variant.variant_id] = (path, digests, known)
            assert b"".join(await peer.digests(variant)) == digests

    run(body)


def test_a_file_changed_after_hashing_is_served_and_caught_leaf_by_leaf(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, data = await offer(tmp_path / "a", 4 * LEAF)
            with (tmp_path / "a").open("r+b") as file:
                file.seek(2 * LEAF + 5)
                file.write(bytes([data[2 * LEAF + 5] ^ 0x55]))
            server, client = await w.node(1, providers=[provider]), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            await until(lambda: len(got.got) + len(got.bad) == 4)
            assert got.bad == [2] and sorted(got.got) == [0, 1, 3]

    run(body)


class Gate:
    """A provider whose reads wait for nobody but are noted, and which may fail."""

    def __init__(self, inner: FileProvider) -> None:
        self.inner = inner
        self.reads: list[tuple[int, int]] = []
        self.error: Exception | None = None
        self.open_readers = 0

    def find(self, recordings: Sequence[str]) -> Sequence[Variant]:
        return self.inner.find(recordings)

    def open(self, variant_id: str) -> object:
        reader = self.inner.open(variant_id)
        if reader is None:
            return None
        self.open_readers += 1
        return _Noted(self, reader)


class _Noted:
    def __init__(self, gate: Gate, reader: object) -> None:
        self._gate, self._reader, self.variant = gate, reader, reader.variant  # type: ignore[attr-defined]

    def digest_page(self, page: int) -> bytes:
        return self._reader.digest_page(page)  # type: ignore[attr-defined,no-any-return]

    def read(self, offset: int, length: int) -> bytes:
        if self._gate.error is not None:
            raise self._gate.error
        self._gate.reads.append((offset, length))
        return self._reader.read(offset, length)  # type: ignore[attr-defined,no-any-return]

    def close(self) -> None:
        self._gate.open_readers -= 1
        self._reader.close()  # type: ignore[attr-defined]


def test_cancel_stops_the_bytes_and_frees_the_slot(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 16 * 1024 * 1024)
            gate = Gate(provider)
            server, client = await w.node(1, providers=[gate], upload_bytes_s=400_000), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            assert peer.outstanding == variant.length
            await until(lambda: len(got.got) >= 2)
            assert server.uploads()[0].state in ("U_SERVING", "U_THROTTLED")
            peer.cancel(variant.variant_id, 8 * 1024 * 1024, 8 * 1024 * 1024)
            await until(lambda: peer.outstanding < 8 * 1024 * 1024)
            peer.cancel(variant.variant_id, reason="user_cancelled")
            await until(lambda: peer.outstanding == 0)  # the node confirmed: nothing more comes
            seen, read = len(got.got), len(gate.reads)
            # the connection lives on, and what is asked for next is served alone
            again = 200 * LEAF
            peer.request(variant.variant_id, again, LEAF)
            await until(lambda: 200 in got.got)
            assert len(got.got) == seen + 1 and gate.reads[read:] == [(again, LEAF)] and not got.bad and not got.refused
            peer.detach(variant.variant_id)
            await until(lambda: gate.open_readers == 0)

    run(body)


def test_throttled_uploads_say_so_and_still_arrive(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, data = await offer(tmp_path / "a", 8 * LEAF)
            server, client = await w.node(1, providers=[provider], upload_bytes_s=500_000), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            await until(lambda: any(row.state == "U_THROTTLED" for row in server.uploads()))
            server.set_upload_rate(None)
            await until(lambda: got.complete)
            assert got.data == data

    run(body)


def test_urgent_leaves_overtake(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 64 * LEAF)
            server, client = await w.node(1, providers=[provider], upload_bytes_s=2_000_000), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            peer.request(variant.variant_id, 63 * LEAF, LEAF, priority=10)
            await until(lambda: 63 in got.got)
            assert not got.complete and got.got.index(63) < 40
            peer.cancel(variant.variant_id)

    run(body)


def test_errors_have_their_names(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 3 * LEAF + 10)
            other, second, _ = await offer(tmp_path / "b", 3 * LEAF)
            gate = Gate(provider)
            server, client = await w.node(1, providers=[gate, other], upload_slots=1), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            unknown = Collector(variant, ())
            peer.attach("00" * 32, unknown)
            peer.request("00" * 32, 0, LEAF)
            await until(lambda: bool(unknown.refused))
            assert unknown.refused == [(0, LEAF, "not_found")]

            async def refusal(offset: int, length: int) -> str:
                got.refused.clear()
                peer.request(variant.variant_id, offset, length)
                await until(lambda: bool(got.refused))
                assert got.refused[0][:2] == (offset, length)
                return got.refused[0][2]

            assert await refusal(4 * LEAF, LEAF) == "invalid_range"
            assert await refusal(3 * LEAF, LEAF) == "invalid_range"
            gate.error = LookupError("not yet")
            assert await refusal(0, LEAF) == "not_found"
            gate.error = OSError("disk")
            assert await refusal(0, LEAF) == "io_error"
            assert gate.open_readers == 0
            gate.error = None
            peer.request(variant.variant_id, 0, LEAF)
            await until(lambda: 0 in got.got)
            # the only slot is taken now
            crowd = Collector(second, await peer.digests(second))
            peer.attach(second.variant_id, crowd)
            peer.request(second.variant_id, 0, LEAF)
            await until(lambda: bool(crowd.refused))
            assert crowd.refused == [(0, LEAF, "rate_limited")]
            peer.detach(variant.variant_id)
            peer.request(second.variant_id, 0, LEAF)
            await until(lambda: 0 in crowd.got)

    run(body)


def test_a_slot_that_is_not_used_goes_to_the_next(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 3 * LEAF)
            gate = Gate(provider)
            server, client = await w.node(1, providers=[gate], upload_slots=1, limits=MeshLimits(slot_idle_s=0.1)), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            peer.request(variant.variant_id, 0, LEAF)
            await until(lambda: 0 in got.got)
            await until(lambda: server.desk.serving == 0 and gate.open_readers == 0)
            assert server.uploads()[0].state == "U_DONE"
            peer.request(variant.variant_id, LEAF, LEAF)  # the same transfer takes a slot again
            await until(lambda: 1 in got.got)

    run(body)


def test_a_deadline_that_passed_is_answered_with_timeout(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 64 * LEAF)
            server, client = await w.node(1, providers=[provider], upload_bytes_s=300_000), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            for offset in range(0, 8 * LEAF, LEAF):
                peer.request(variant.variant_id, offset, LEAF)
            peer.request(variant.variant_id, 9 * LEAF, LEAF, deadline_ms=1)
            await until(lambda: bool(got.refused))
            assert got.refused == [(9 * LEAF, LEAF, "timeout")]

    run(body)


@pytest.mark.parametrize(("requests", "leaves"), [(4, 8), (64, 4)])
def test_asking_for_more_than_hello_allows_is_rate_limited(tmp_path: Path, requests: int, leaves: int) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 64 * LEAF)
            limits = MeshLimits(requests=requests, bytes_asked=leaves * LEAF)
            server, client = await w.node(1, providers=[provider], limits=limits, upload_bytes_s=1000), await w.node(2)
            peer = await dial(client, server)
            assert peer.limits == PeerLimits(requests, leaves * LEAF)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            for index in range(7):
                peer.request(variant.variant_id, index * LEAF, LEAF)
            await until(lambda: len(got.refused) >= 2)  # of seven four wait, and one may be gone already
            assert {code for _, _, code in got.refused} == {"rate_limited"}

    run(body)


def test_a_lost_peer_is_told_once_to_every_receiver(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            provider, variant, _ = await offer(tmp_path / "a", 64 * LEAF)
            server, client = await w.node(1, providers=[provider], upload_bytes_s=200_000), await w.node(2)
            peer = await dial(client, server)
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            waiting = asyncio.ensure_future(peer.offers([RECORDING]))
            await until(lambda: bool(got.got))
            await server.stop()
            await until(lambda: bool(got.lost))
            assert len(got.lost) == 1 and peer.closed and not client.peers and peer.outstanding == 0
            await asyncio.wait([waiting])
            with pytest.raises(ConnectionError):
                await peer.digests(variant)
            late = Collector(variant, ())
            peer.attach(variant.variant_id, late)
            await until(lambda: bool(late.lost))
            assert [name for name, _ in w.events[client.identity.node_id]] == ["peer.connected", "peer.lost"]

    run(body)


def test_only_plain_files_are_served(tmp_path: Path) -> None:
    async def body() -> None:
        provider = FileProvider()
        (tmp_path / "real").write_bytes(b"x" * 10)
        (tmp_path / "link").symlink_to(tmp_path / "real")
        os.mkfifo(tmp_path / "pipe")
        for name in ("link", "pipe", ".", "absent"):
            with pytest.raises(OSError):
                await provider.add(tmp_path / name)
        (tmp_path / "empty").touch()
        with pytest.raises(ValueError):
            await provider.add(tmp_path / "empty")
        variant = await provider.add(tmp_path / "real")
        (tmp_path / "real").unlink()
        (tmp_path / "real").symlink_to("/etc/passwd")
        with pytest.raises(OSError):
            provider.open(variant.variant_id)
        provider.remove(variant.variant_id)
        assert provider.open(variant.variant_id) is None and provider.find([BENCH_RECORDING]) == []

    run(body)


def test_a_question_sent_with_hello_is_answered_without_asking_again(tmp_path: Path) -> None:
    class Counted(FileProvider):
        asked = 0

        def find(self, recordings: Sequence[str]) -> Sequence[Variant]:
            self.asked += 1
            return super().find(recordings)

    async def body() -> None:
        async with world() as w:
            path = tmp_path / "a"
            path.write_bytes(b"abc")
            provider = Counted()
            variant = await provider.add(path, RECORDING)
            server, client = await w.node(1, providers=[provider]), await w.node(2)
            peer = await dial(client, server, asking=[RECORDING])
            assert await peer.offers([RECORDING]) == (variant,) and provider.asked == 1
            assert await peer.offers([RECORDING]) == (variant,) and provider.asked == 2
            other = await w.node(3)
            peer = await dial(other, server, asking=[BENCH_RECORDING])
            assert await peer.offers([RECORDING]) == (variant,) and await peer.offers([BENCH_RECORDING]) == ()
            assert provider.asked == 4  # another question is another question

    run(body)


def test_a_peer_that_offers_others_each_time_is_not_remembered_without_end() -> None:
    class Endless(FileProvider):
        asked = 0

        def find(self, recordings: Sequence[str]) -> Sequence[Variant]:
            self.asked += 1
            return [Variant(f"{self.asked:032x}{number:032x}", "file", 1, RECORDING) for number in range(300)]

    async def body() -> None:
        async with world() as w:
            server, client = await w.node(1, providers=[Endless()]), await w.node(2)
            peer = await dial(client, server)
            rounds = [await peer.offers([RECORDING]) for _ in range(10)]
            held = [peer.holds(variant.variant_id) for offered in rounds for variant in offered]
            assert len(held) == 3000 and held == [False] * 1000 + [True] * 2000

    run(body)


def test_a_question_sent_with_hello_ends_with_the_connection(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            server, client = await w.node(1), await w.node(2)
            peer = await dial(client, server, asking=[RECORDING])
            await server.stop()
            await until(lambda: peer.closed)
            with pytest.raises(ConnectionError):
                await peer.offers([RECORDING])

    run(body)


def test_a_connection_begun_earlier_is_taken_up(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            server, client = await w.node(1), await w.node(2)
            begun = knock(f"127.1.1.1:{server.port},nobody.invalid:7,[::zz]:9,127.1.1.1:x")
            assert list(begun) == [f"127.1.1.1:{server.port}"]
            (sock,) = begun.values()
            source = sock.getsockname()[1]
            peer = await dial(client, server, begun=sock)
            assert await peer.offers([RECORDING]) == ()
            (seen,) = server.peers.values()
            assert seen.address.endswith(f":{source}")

    run(body)


def test_a_mesh_needs_no_listener_to_dial(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            server = await w.node(1)
            clock = SystemClock()
            supervisor = Supervisor(clock)
            mesh = Mesh(NodeIdentity.ephemeral(), clock=clock, supervisor=supervisor, permit=["127.0.0.0/8"])
            await mesh.start()
            peer = await dial(mesh, server)
            assert mesh.port == 0 and peer.node_id == server.identity.node_id
            await mesh.stop()
            await supervisor.stop()

    run(body)
