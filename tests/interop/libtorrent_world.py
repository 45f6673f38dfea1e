"""Our nodes among libtorrent's, and questions to libtorrent byte by byte: what the interop checks stand on."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

from bencode2 import bdecode, bencode
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from libtorrent_cluster import Libtorrent

from slskdn_tui.engine.dht.limits import ROOMY
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.dht.store.items import Item
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import Address
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor

NODES = 20
OURS, PROBE, SILENT = "127.1.250.1", "127.1.251.1", "127.1.252.1"
SEED = bytes(range(32))
SIGNER = Ed25519PrivateKey.from_private_bytes(SEED)


class World:
    """libtorrent's cluster; `node`: ours; `probe`: another of ours whose socket also asks questions byte by byte; `silent`: a read-only one."""

    def __init__(self, cluster: Libtorrent, node: DhtNode, probe: DhtNode, silent: DhtNode) -> None:
        self.cluster, self.node, self.probe, self.silent = cluster, node, probe, silent
        self.rng = random.Random(7)
        self.waiting: dict[bytes, asyncio.Future[dict[bytes, Any]]] = {}
        self.count = 0
        udp = probe._first.socket
        assert udp is not None
        self.udp, inner = udp, udp._handler

        def tap(data: bytes, address: Address) -> None:
            message = bdecode(data)
            future = self.waiting.pop(message.get(b"t"), None) if message[b"y"] != b"q" else None
            if future is None:
                inner(data, address)  # it answers queries meanwhile: libtorrent waits 15 s for a node that does not
            elif not future.done():
                future.set_result(message)

        udp._handler = tap

    def key(self) -> bytes:
        return self.rng.randbytes(20)

    @property
    def first(self) -> Address:
        return self.cluster.addresses[0]

    async def ask(self, method: bytes, args: dict[bytes, Any], to: Address | None = None, **top: Any) -> dict[bytes, Any]:
        """One datagram from the probe's socket, its answer decoded; asked again after 2 s of silence, as any look-up would."""
        for _ in range(60):
            self.count += 1
            tid = b"x%05d" % self.count
            self.waiting[tid] = future = asyncio.get_running_loop().create_future()
            message = bdecode(krpc.encode_query(tid, method, self.probe.node_id, args)) | {
                name.encode(): value for name, value in top.items()
            }
            self.udp.send(bencode(message), to or self.first)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):  # asked again when nothing came
                    return await future
        raise AssertionError(f"no answer to {method.decode()}")

    async def token(self, key: bytes, method: bytes = b"get_peers", to: Address | None = None) -> bytes:
        name = b"info_hash" if method == b"get_peers" else b"target"
        return (await self.ask(method, {name: key}, to))[b"r"][b"token"]  # type: ignore[no-any-return]

    async def announce(self, key: bytes, port: int = 7000, **more: Any) -> dict[bytes, Any]:
        args = {b"info_hash": key, b"port": port, b"token": await self.token(key)} | {name.encode(): value for name, value in more.items()}
        return await self.ask(b"announce_peer", args)

    async def put(self, item: Item, token: bytes | None = None, **more: Any) -> int:
        """libtorrent's error code, 0 for success."""
        token = token or await self.token(item.target, b"get")
        args: dict[bytes, Any] = {b"v": bdecode(item.value), b"token": token}
        if item.key:
            args |= {b"k": item.key, b"seq": item.seq, b"sig": item.sig} | ({b"salt": item.salt} if item.salt else {})
        return code(await self.ask(b"put", args | {name.encode(): value for name, value in more.items()}))


def code(message: dict[bytes, Any]) -> int:
    return int(message[b"e"][0]) if b"e" in message else 0


@contextlib.asynccontextmanager
async def our_node(supervisor: Supervisor, clock: SystemClock, listen: Address, **options: Any) -> AsyncIterator[DhtNode]:
    node = DhtNode(
        listen, clock=clock, rng=random.SystemRandom(), supervisor=supervisor, permit=["127.0.0.0/8", "::1/128"], public=True, **options
    )
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    cluster, clock = Libtorrent(NODES), SystemClock()
    supervisor = Supervisor(clock)
    try:
        async with contextlib.AsyncExitStack() as stack:
            await cluster.wait_until_connected(NODES - 2)
            start = cluster.addresses[:2]
            nodes = [
                await stack.enter_async_context(our_node(supervisor, clock, (host, 0), bootstrap=start, limits=ROOMY, **options))
                for host, options in ((OURS, {}), (PROBE, {}), (SILENT, {"read_only": True}))
            ]
            cluster.meet(nodes[0].address)
            cluster.meet(nodes[1].address)
            async with asyncio.timeout(240):
                while min(node.table_size for node in nodes) < 8:
                    await asyncio.sleep(0.05)
            yield World(cluster, *nodes)
    finally:
        await supervisor.stop()
        cluster.close()
