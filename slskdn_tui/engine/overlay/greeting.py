"""From an encrypted connection to a peer: identity check, then HELLO both ways. Shells one wire until the peer takes it over.

TLS 1.3 tells a refused client nothing before its first read, so only the other side's HELLO counts as connected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from slskdn_tui.engine.overlay.frames import Kind, ProtocolError
from slskdn_tui.engine.overlay.identity import peer_node_id
from slskdn_tui.engine.overlay.messages import Hello, decode, encode, question
from slskdn_tui.engine.overlay.peer import EARLY, OverlayPeer
from slskdn_tui.engine.overlay.wire import Wire
from slskdn_tui.model.text import SafeText


class MeshError(ConnectionError):
    """A connection that did not come about. `code` is one of
    `unreachable timeout refused own_id pin_mismatch blocked full duplicate version not_permitted protocol`; `node_id` who was met, where that is known."""

    def __init__(self, code: str, message: str, node_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.node_id = node_id


class Host(Protocol):
    """What a greeting asks of the mesh."""

    def judge(self, greeting: Greeting) -> MeshError | None:
        """After TLS, before HELLO: None to go on. `duplicate` means that the peer is connected already."""
        ...

    def hello(self, refused: str = "") -> Hello: ...

    def meet(self, greeting: Greeting, hello: Hello) -> OverlayPeer:
        """Register the peer. Raises MeshError when it may not come in."""
        ...

    def joined(self, peer: OverlayPeer) -> None:
        """HELLO went both ways: the peer may be told things, and its next frame comes."""
        ...


class Greeting:
    """The handler of a new wire. `asking` recordings (at most 100), it does so right behind HELLO. `met` ends with the peer, or with a MeshError."""

    def __init__(self, host: Host, address: str, *, dialled: bool, expect: str | None = None, asking: Sequence[str] = ()) -> None:
        self._host = host
        self.address = address
        self.dialled = dialled
        self.expect = expect
        self.asking = asking
        self.node_id = ""
        self.wire: Wire | None = None
        self.met: asyncio.Future[OverlayPeer] = asyncio.get_running_loop().create_future()

    def opened(self, wire: Wire) -> None:
        self.wire = wire
        try:
            self.node_id = peer_node_id(wire.tls)
        except ProtocolError as error:
            self.fail(MeshError("protocol", str(error)))
            return
        if problem := self._host.judge(self):
            self.fail(problem)
        elif self.dialled:
            wire.send(Kind.HELLO, 0, encode(self._host.hello()))
            if self.asking:  # its answer comes with the node's own HELLO: a round trip less
                wire.send(Kind.CACHE_JOB, EARLY, question(self.asking))

    def frame(self, kind: int, request_id: int, body: bytes) -> None:
        assert self.wire is not None
        if kind != (Kind.HELLO_ACK if self.dialled else Kind.HELLO):
            raise ProtocolError("the first frame is no HELLO")
        hello = decode(Hello, body)
        try:
            if hello.refused:
                known = hello.refused if hello.refused in ("full", "duplicate", "version") else "refused"
                raise MeshError(known, f"the node refused: {SafeText(hello.refused, 64)}")
            if problem := hello.problem():
                raise MeshError("version", problem)
            if self.met.done():
                raise MeshError("timeout", "too late")
            peer = self._host.meet(self, hello)
        except MeshError as error:
            if not self.dialled:
                self.wire.send(Kind.HELLO_ACK, request_id, encode(self._host.hello(error.code)))
            self.fail(error)
            return
        if not self.dialled:
            self.wire.send(Kind.HELLO_ACK, request_id, encode(self._host.hello()))
        if self.asking:
            peer.asked_early(self.asking)
        self.wire.handler = peer
        self._host.joined(peer)  # before the next frame is read: it may be in the same buffer
        self.met.set_result(peer)

    def data(self, frames: Sequence[tuple[int, memoryview]]) -> None:
        raise ProtocolError("data before HELLO")

    def lost(self, reason: str) -> None:
        self._settle(MeshError("refused", f"the node hung up: {SafeText(reason, 200)}"))

    def fail(self, error: MeshError) -> None:
        """End the connection with this outcome."""
        self._settle(error)
        if self.wire is not None:
            self.wire.close(str(error))

    def _settle(self, error: MeshError) -> None:
        if not self.met.done():
            self.met.set_exception(error)
            self.met.exception()  # an accepted greeting's failure has no other reader
