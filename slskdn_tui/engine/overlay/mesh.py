"""The mesh: listener, dialling, the connected peers. Shells the overlay's sockets.

The accept loop is our own (`sock_accept`, caps, then TLS on the accepted socket): `start_server(ssl=...)` hides half-open connections.
One connection a node id; when two nodes dial each other at once, the dial of the lower id stays.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from slskdn_tui import __version__
from slskdn_tui.engine.overlay.admission import HANDSHAKES_FULL, Admission
from slskdn_tui.engine.overlay.frames import ProtocolError
from slskdn_tui.engine.overlay.greeting import Greeting, MeshError
from slskdn_tui.engine.overlay.identity import NodeIdentity, peer_node_id
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.messages import Hello, Limits
from slskdn_tui.engine.overlay.peer import OverlayPeer, Talk
from slskdn_tui.engine.overlay.uploads import UploadDesk, UploadLine
from slskdn_tui.engine.overlay.wire import Wire, reuse_large_buffers
from slskdn_tui.engine.peers.addresses import AddressPolicy, address_key, is_named
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ports import ChunkProvider
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

FEATURES = ("mesh", "swarm", "chunk", "flac_hash", "region")
_SIMULTANEOUS_S = 10.0
_SHUTDOWN_S = 2.0
_BACKLOG = 128
_GRACE_S = 0.3
"""A handshake has so long before it may have to give way: an honest one takes two round trips."""


class Mesh:
    """The nodes this node talks to.

    `listen` (host, port; port 0 picks one) or None to only dial. `providers` is a live list. `permit` names private networks peers may live in.
    `on_event(name, facts)` is told `peer.connected`, `peer.lost`, `peer.replaced` (by a newer connection), `peer.refused`;
    `on_bytes(node_id, "up" | "down", n)` of leaf bytes, once a second and at the end of a connection.
    `upload_bytes_s` caps all uploads, which share it evenly; `peer_bytes_s` those to any one peer.
    `known_good(node_id)` decides who may have the last `limits.reserved` places and a quarter of the upload slots;
    with `blocked(node_id)` nobody talks (`drop` who is connected). `talk` hears what peers tell.
    """

    def __init__(
        self,
        identity: NodeIdentity,
        *,
        clock: Clock,
        supervisor: Supervisor,
        listen: tuple[str, int] | None = None,
        providers: Sequence[ChunkProvider] = (),
        limits: MeshLimits | None = None,
        permit: Sequence[str] = (),
        soulseek_name: str = "",
        upload_slots: int = 4,
        upload_bytes_s: int | None = None,
        peer_bytes_s: int | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        on_bytes: Callable[[str, str, int], None] | None = None,
        known_good: Callable[[str], bool] = lambda node_id: False,
        blocked: Callable[[str], bool] = lambda node_id: False,
        talk: Talk | None = None,
    ) -> None:
        self.identity = identity
        self.limits = limits or MeshLimits()
        self.soulseek_name = soulseek_name
        self.port = 0
        self.also: Callable[[], Sequence[str]] = tuple
        """Features of HELLO beside `FEATURES`, as they are now."""
        self.counters: Counter[str] = Counter()
        self.desk = UploadDesk(providers, self.limits, clock, upload_slots, upload_bytes_s, peer_bytes_s, known_good)
        self._listen = listen
        self._clock = clock
        self._supervisor = supervisor
        self._policy = AddressPolicy(permit)
        self._on_event = on_event
        self._on_bytes = on_bytes
        self._known_good = known_good
        self._server_context = identity.server_context()
        self._client_context = identity.client_context()
        self._admission = Admission(self.limits, clock.now())
        self._peers: dict[str, OverlayPeer] = {}
        self._blocked = blocked
        self._talk = talk
        self._dials: dict[str, Greeting] = {}
        self._greeting: dict[asyncio.Task[Any], tuple[str, float]] = {}
        self._wires: set[Wire] = set()
        self._tasks: list[asyncio.Task[Any]] = []
        self._socket: socket.socket | None = None
        self._stopping = False

    # life

    async def start(self) -> None:
        """Listen and watch. UserError `port` when the address cannot be had."""
        reuse_large_buffers()
        if self._listen is not None:
            self._socket = self._bind(*self._listen)
            self.port = self._socket.getsockname()[1]
            self._tasks.append(self._supervisor.keep("overlay listener", self._accept))
        self._tasks.append(self._supervisor.keep("overlay watch", self._watch))

    async def stop(self) -> None:
        """Close every connection and the listener; returns when all are gone."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()
        wires = list(self._wires)
        for wire in wires:
            wire.close("this node stops")
        try:
            async with asyncio.timeout(_SHUTDOWN_S):
                await asyncio.gather(*(wire.closed.wait() for wire in wires))
        except TimeoutError:
            for wire in wires:
                wire.fail("this node stops")
            await asyncio.sleep(0)

    # what others use

    @property
    def peers(self) -> Mapping[str, OverlayPeer]:
        return MappingProxyType(self._peers)

    def uploads(self) -> tuple[UploadLine, ...]:
        """Every variant that is offered, being sent, or was sent recently, for a screen."""
        return tuple(
            UploadLine(peer.node_id, session.variant_id, session.sent, session.total, session.rate, session.state.value)
            for peer in self._peers.values()
            for session in peer.uploads.sessions.values()
        )

    def drop(self, node_id: str, reason: str) -> None:
        """A connection to this node ends now."""
        if peer := self._peers.get(node_id):
            peer.drop(reason)

    def set_upload_rate(self, bytes_s: int | None) -> None:
        self.desk.limiter.set_rate(bytes_s)

    def set_upload_slots(self, slots: int) -> None:
        """Transfers served at once from now on; with 0 nothing more is sent or offered, and what is under way ends."""
        self.desk.slots = slots
        if not slots:
            for peer in self._peers.values():
                peer.uploads.stop_serving()

    async def dial(
        self,
        host: str,
        port: int,
        *,
        expect: str | None = None,
        named: bool = False,
        asking: Sequence[str] = (),
        begun: socket.socket | None = None,
    ) -> OverlayPeer:
        """Connect to the node at this address; a node that is connected already is returned as it is.

        `expect` pins the node id; `named` says that the user named the address, so that the address filter does not apply.
        `asking` (recordings, at most 100): asked with HELLO, so that the same `offers` answers a round trip sooner. `begun`: a non-blocking socket
        that connects to this address already. Raises MeshError, whose `code` says why.
        """
        if self._stopping:
            raise MeshError("unreachable", "this node is stopping")
        if expect is not None and expect in self._peers:
            return self._peers[expect]
        if expect is not None and self._blocked(expect):
            raise MeshError("blocked", "the node is blocked", expect)
        for address in await self._resolve(host, port):
            if named or self._policy.allows(address, port):
                return await self._dial(address, port, expect, asking, begun)
        raise MeshError("not_permitted", f"{SafeText(host, 100)} is not an address that peers may have (network.permit)")

    async def answers(self, host: str, port: int, node_id: str) -> bool:
        """Whether that very node answers at this address. Nothing is said beyond the TLS handshake."""
        local = (self._listen[0], 0) if self._listen is not None and is_named(self._listen[0]) else None
        try:
            async with asyncio.timeout(self.limits.handshake_s):
                _, writer = await asyncio.open_connection(host, port, ssl=self._client_context, server_hostname="", local_addr=local)
        except (OSError, TimeoutError):
            return False
        try:
            return peer_node_id(writer.get_extra_info("ssl_object")) == node_id
        except ProtocolError:
            return False
        finally:
            writer.transport.abort()

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(self.limits.connect_s):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError) as error:
            raise MeshError("unreachable", f"{SafeText(host, 100)} cannot be resolved") from error
        return [str(info[4][0]) for info in found]

    async def _dial(
        self, host: str, port: int, expect: str | None, asking: Sequence[str] = (), begun: socket.socket | None = None
    ) -> OverlayPeer:
        self.counters["dialled"] += 1
        greeting = Greeting(self, _shown(host, port), dialled=True, expect=expect, asking=asking)
        wire = self._wire(greeting)
        local = (self._listen[0], 0) if self._listen is not None and is_named(self._listen[0]) else None
        try:
            async with asyncio.timeout(self.limits.connect_s):
                loop = asyncio.get_running_loop()
                if begun is not None:
                    await loop.sock_connect(begun, (host, port))
                    where: dict[str, Any] = {"sock": begun}
                else:
                    where = {"host": host, "port": port, "local_addr": local}
                await loop.create_connection(
                    lambda: wire,
                    **where,
                    ssl=self._client_context,
                    server_hostname="",
                    ssl_handshake_timeout=self.limits.handshake_s,
                    ssl_shutdown_timeout=_SHUTDOWN_S,
                )
            async with asyncio.timeout(self.limits.hello_s):
                return await asyncio.shield(greeting.met)
        except MeshError as error:
            if error.code == "duplicate" and (peer := await self._other(greeting)):
                return peer
            raise
        except TimeoutError as error:
            raise MeshError("timeout", f"{greeting.address} does not answer in time") from error
        except ssl.SSLError as error:
            raise MeshError("refused", f"{greeting.address}: TLS failed: {SafeText(error.reason, 100)}") from error
        except OSError as error:
            raise MeshError("unreachable", f"{greeting.address}: {SafeText(error.strerror or error, 100)}") from error
        finally:
            if self._dials.get(greeting.node_id) is greeting:
                del self._dials[greeting.node_id]
            if not greeting.met.done() or greeting.met.exception() is not None:
                wire.close("dial given up")
            if greeting.wire is None:
                self._wires.discard(wire)
                if begun is not None:
                    begun.close()

    async def _other(self, greeting: Greeting) -> OverlayPeer | None:
        """The peer a refused double connection stands back for: here already, or about to be by its own dial or another of ours."""
        if (other := self._dials.get(greeting.node_id)) and other is not greeting:
            try:
                return await asyncio.shield(other.met)
            except ConnectionError:
                return None
        end = self._clock.now() + self.limits.hello_s
        while greeting.node_id not in self._peers and self._clock.now() < end:
            await self._clock.sleep(0.02)
        return self._peers.get(greeting.node_id)

    # the greeting's host

    def hello(self, refused: str = "") -> Hello:
        limits = self.limits
        return Hello(
            client=f"slskdn-tui {__version__}",
            features=[*FEATURES, *self.also()],
            limits=Limits(requests=limits.requests, bytes_outstanding=limits.bytes_asked),
            soulseek_name=self.soulseek_name[:64],
            listen_port=self.port,
            refused=refused,
        )

    def judge(self, greeting: Greeting) -> MeshError | None:
        node_id = greeting.node_id
        if node_id == self.identity.node_id:
            return self._refuse(greeting, "own_id", "that is this node itself")
        if greeting.expect is not None and node_id != greeting.expect:
            return self._refuse(greeting, "pin_mismatch", f"another node answers at {greeting.address} than the pinned one")
        if self._blocked(node_id):
            return self._refuse(greeting, "blocked", "the node is blocked")
        if greeting.dialled:
            if node_id in self._peers or node_id in self._dials:
                return MeshError("duplicate", "the node is connected already")
            self._dials[node_id] = greeting
        return None

    def meet(self, greeting: Greeting, hello: Hello) -> OverlayPeer:
        assert greeting.wire is not None
        node_id, now = greeting.node_id, self._clock.now()
        old = self._peers.get(node_id)
        ours_wins = self.identity.node_id < node_id
        if not greeting.dialled and ours_wins:
            dialling = self._dials.get(node_id)
            if dialling is not None or (old is not None and old.dialled and now - old.since < _SIMULTANEOUS_S):
                raise MeshError("duplicate", "this node's own dial stays")
        if old is None:
            good = greeting.dialled or self._known_good(node_id)
            places = self.limits.connections - (0 if good else self.limits.reserved)
            if self._stopping or len(self._peers) >= places:
                raise self._refuse(greeting, "full", "no place for another node")
        else:
            old.drop("replaced by a newer connection")  # the node would not dial if it still had the old one
        peer = OverlayPeer(
            node_id, hello, greeting.address, greeting.dialled, now, greeting.wire, self.desk, self.limits, self._lost, self._talk
        )
        self._peers[node_id] = peer
        self._supervisor.spawn(f"overlay uploads {node_id[:8]}", peer.uploads.run())
        self.counters["connected"] += 1
        self._tell(
            "peer.connected", node_id=node_id, address=peer.address, client=str(peer.client), dialled=peer.dialled, listens=peer.listens
        )
        return peer

    def joined(self, peer: OverlayPeer) -> None:
        if self._talk is not None:
            self._talk.connected(peer)

    def _refuse(self, greeting: Greeting, code: str, words: str) -> MeshError:
        self.counters[f"refused {code}"] += 1
        self._tell("peer.refused", node_id=greeting.node_id, address=greeting.address, code=code)
        return MeshError(code, words, greeting.node_id)

    def _lost(self, peer: OverlayPeer, reason: str) -> None:
        self._tell_bytes(peer)
        replaced = self._peers.get(peer.node_id) is not peer
        if self._talk is not None:
            self._talk.lost(peer)
        if not replaced:
            del self._peers[peer.node_id]
        self.counters["lost"] += 1
        self._tell(
            "peer.replaced" if replaced else "peer.lost", node_id=peer.node_id, address=peer.address, reason=str(SafeText(reason, 200))
        )

    # listening

    @staticmethod
    def _bind(host: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind((host, port))
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            raise UserError(
                "port",
                f"the overlay cannot listen on {host}:{port}: {error.strerror}",
                "choose another overlay.listen, or stop what uses it",
            ) from error
        return sock

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._socket is not None
        while True:
            try:
                sock, address = await loop.sock_accept(self._socket)
            except OSError as error:
                if error.errno in (errno.ECONNABORTED, errno.EPROTO, errno.EINTR):
                    continue
                log.warning("the overlay cannot accept: %s", error)
                await self._clock.sleep(1.0)  # out of descriptors; some will come back
                continue
            host, port = str(address[0]), int(address[1])
            key = address_key(host)
            reason = "" if self._policy.allows(host, port) else "not permitted"
            reason = reason or self._admission.knock(key, len(self._peers), self._clock.now())
            if reason == HANDSHAKES_FULL and await self._hurry():
                reason = self._admission.knock(key, len(self._peers), self._clock.now())
            if reason:
                self.counters[f"refused {reason}"] += 1
                sock.close()
                continue
            self.counters["accepted"] += 1
            self._supervisor.spawn(f"overlay greeting {host}", self._greet(sock, key, _shown(host, port)))

    async def _hurry(self) -> bool:
        """All places for handshakes are taken, as a few that never speak would do for seconds: the oldest of the address with most gives way."""
        many = Counter(key for key, _ in self._greeting.values())
        old = [task for task, (_, since) in self._greeting.items() if self._clock.now() - since > _GRACE_S]
        if not old:
            return False
        victim = max(old, key=lambda task: many[self._greeting[task][0]])  # of equals the first, which is the oldest
        self.counters["gave way"] += 1
        victim.cancel()
        await asyncio.wait({victim})
        return True

    async def _greet(self, sock: socket.socket, key: str, address: str) -> None:
        greeting = Greeting(self, address, dialled=False)
        limits, admission = self.limits, self._admission
        wire = self._wire(greeting)
        me = asyncio.current_task()
        assert me is not None
        self._greeting[me] = key, self._clock.now()
        try:
            try:
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: wire,
                    sock,
                    ssl=self._server_context,
                    ssl_handshake_timeout=limits.handshake_s,
                    ssl_shutdown_timeout=_SHUTDOWN_S,
                )
                async with asyncio.timeout(limits.hello_s):
                    await asyncio.shield(greeting.met)
            finally:
                del self._greeting[me]
                admission.greeted()
            await wire.closed.wait()
        except TimeoutError:
            self.counters["refused slow"] += 1
            greeting.fail(MeshError("timeout", "no HELLO in time"))
            wire.fail("no HELLO in time")
        except OSError as error:  # TLS and connection failures, and MeshError
            self.counters["failed greetings"] += 1
            log.debug("greeting %s failed: %s", address, error)
        except asyncio.CancelledError:
            wire.fail("no HELLO in time")
            raise
        finally:
            admission.left(key)
            if greeting.wire is None:
                self._wires.discard(wire)
                sock.close()

    def _wire(self, greeting: Greeting) -> Wire:
        wire = Wire(greeting, self.limits, self._clock)
        self._wires.add(wire)
        return wire

    # watching

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            for wire in list(self._wires):
                if wire.closed.is_set():
                    self._wires.discard(wire)
                else:
                    wire.tick()
            for peer in list(self._peers.values()):
                peer.uploads.tick()
                self._tell_bytes(peer)

    def _tell_bytes(self, peer: OverlayPeer) -> None:
        traffic = peer.traffic
        down, up = traffic.down - traffic.told_down, traffic.up - traffic.told_up
        traffic.told_down, traffic.told_up = traffic.down, traffic.up
        for direction, count in (("down", down), ("up", up)):
            if count:
                self.counters[direction] += count
                if self._on_bytes is not None:
                    self._on_bytes(peer.node_id, direction, count)

    def _tell(self, name: str, **facts: Any) -> None:
        log.debug("%s %s", name, facts)
        if self._on_event is not None:
            self._on_event(name, facts)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


__all__ = ["Mesh", "MeshError"]
