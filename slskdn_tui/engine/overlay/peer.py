"""A connected node: the `ChunkPeer` a swarm asks, and the door through which the node asks us. Shells one wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from slskdn_tui.engine.content.digests import split_page, variant_id
from slskdn_tui.engine.overlay.frames import REASONS, ChunkCancel, ChunkError, ChunkRequest, Kind, ProtocolError, split_data, valid_range
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.messages import (
    MAX_OFFERED,
    MAX_RECORDINGS,
    CacheJob,
    Constraints,
    DigestPage,
    DigestPageRequest,
    Hello,
    decode,
    encode,
    question,
)
from slskdn_tui.engine.overlay.uploads import PeerUploads, UploadDesk
from slskdn_tui.engine.overlay.wire import Wire
from slskdn_tui.model.ports import ChunkReceiver, PeerLimits
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF, PAGE_LEAVES, Variant

_PAGES_AT_ONCE = 8
_MOST_OFFERS = 4 * MAX_OFFERED
_TALK = (
    Kind.ADVERT,
    Kind.ADVERT_REQUEST,
    Kind.DESCRIPTOR,
    Kind.DESCRIPTOR_QUERY,
    Kind.PEERS,
    Kind.REACH_REQUEST,
    Kind.REACH_ANSWER,
)
EARLY = 1
"""Request id of the question that a dialler sends right behind HELLO."""


class Talk(Protocol):
    """What nodes tell each other beside transfers (`Gossip`)."""

    def connected(self, peer: OverlayPeer) -> None: ...
    def lost(self, peer: OverlayPeer) -> None: ...
    def told(self, peer: OverlayPeer, kind: Kind, request_id: int, body: bytes) -> None: ...
    def asked(self, peer: OverlayPeer, recordings: Sequence[str]) -> None: ...


@dataclass(slots=True, eq=False)
class _Want:
    """A variant asked of this peer; `receiver` is None once it was detached."""

    transfer: int
    receiver: ChunkReceiver | None
    used: bool = False


@dataclass(slots=True)
class _Ask:
    """An outstanding request; bit i of `pending` is leaf i of it."""

    want: _Want
    offset: int
    length: int
    pending: int


@dataclass(slots=True)
class Traffic:
    """Leaf bytes of one connection, and what `on_bytes` was told of them."""

    down: int = 0
    up: int = 0
    told_down: int = 0
    told_up: int = 0


@dataclass(slots=True, eq=False)
class OverlayPeer:
    """One node, one connection. `address` is HOST:PORT as seen, `hello` what the node said of itself (claims)."""

    node_id: str
    hello: Hello
    address: str
    dialled: bool
    since: float
    _wire: Wire
    _desk: UploadDesk
    _limits: MeshLimits
    _on_lost: Callable[[OverlayPeer, str], None]
    _talk: Talk | None = None
    traffic: Traffic = field(default_factory=Traffic)
    uploads: PeerUploads = field(init=False)
    _wants: dict[str, _Want] = field(default_factory=dict)
    _asks: dict[int, _Ask] = field(default_factory=dict)
    _cancels: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _asked: tuple[str, ...] | None = None
    _until: dict[str, float] = field(default_factory=dict)
    """when the offer of a variant ends"""
    _next_id: int = EARLY
    _lost: str = ""

    def __post_init__(self) -> None:
        self.uploads = PeerUploads(self._wire, self._desk, self._sent, self.node_id, regions="region" in self.hello.features)

    # ChunkPeer

    @property
    def limits(self) -> PeerLimits:
        return PeerLimits(self.hello.limits.requests, self.hello.limits.bytes_outstanding)

    @property
    def closed(self) -> bool:
        return bool(self._lost) or not self._wire.open

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def listens(self) -> str:
        """HOST:PORT where it can be dialled: where it was, or what it says of itself; empty when it does not listen."""
        if self.dialled:
            return self.address
        host, _, _ = self.address.rpartition(":")
        return f"{host}:{self.hello.listen_port}" if self.hello.listen_port else ""

    @property
    def writable(self) -> bool:
        return self._wire.writable

    @property
    def client(self) -> SafeText:
        return SafeText(self.hello.client, 64)

    @property
    def soulseek_name(self) -> SafeText:
        """What the node calls itself on Soulseek; never more than a claim."""
        return SafeText(self.hello.soulseek_name, 64)

    @property
    def outstanding(self) -> int:
        """Bytes asked for and neither received, refused nor confirmed as cancelled."""
        return sum(self._left(ask) for ask in self._asks.values())

    @property
    def wire_bytes(self) -> int:
        """Bytes of frames received so far: grows while a leaf of a slow node is still on its way."""
        return self._wire.received

    async def offers(self, recordings: Sequence[str], *, constraints: Constraints | None = None) -> tuple[Variant, ...]:
        """Well-formed offers for these recordings (lower-case MBIDs) that hold, others dropped. Raises ConnectionError, TimeoutError, and ValueError for no MBID."""
        found: list[Variant] = []
        for start in range(0, len(recordings), MAX_RECORDINGS):
            part = recordings[start : start + MAX_RECORDINGS]
            answer: CacheJob = await self._early(part) or await self._ask(Kind.CACHE_JOB, question(part, constraints))
            wanted, until = set(part), self._desk.clock.now() + answer.ttl_s
            fitting = [variant for variant in answer.offers() if variant.recording_mbid in wanted] if answer.ttl_s else []
            self._offered([variant.variant_id for variant in fitting], until)
            found += fitting
        return tuple(found)

    def _offered(self, variants: Sequence[str], until: float) -> None:
        """A peer may name others each time it is asked: of the oldest offers beyond `_MOST_OFFERS` it is forgotten that they hold."""
        for name in variants:
            self._until.pop(name, None)
            self._until[name] = until
        while len(self._until) > _MOST_OFFERS:
            del self._until[next(iter(self._until))]

    def holds(self, variant_id: str) -> bool:
        """As the port says."""
        return self._until.get(variant_id, 0.0) > self._desk.clock.now()

    def tell(self, kind: Kind, request_id: int, body: bytes) -> None:
        """A control message; nothing when the connection is gone."""
        self._wire.send(kind, request_id, body)

    def asked_early(self, recordings: Sequence[str]) -> None:
        """The question for `recordings` went out with HELLO; `offers` takes its answer."""
        self._answers[EARLY] = asyncio.get_running_loop().create_future()
        self._asked = tuple(recordings)

    async def _early(self, recordings: Sequence[str]) -> CacheJob | None:
        """The answer to the same question asked with HELLO, once; None when there was none."""
        if self._asked is None or self._asked != tuple(recordings):
            return None
        self._asked = None
        if self.closed:
            raise ConnectionError(self._lost or "closed")
        answer: CacheJob = await self._answered(EARLY)
        return answer

    async def digests(self, variant: Variant) -> tuple[bytes, ...]:
        """As the port says. LookupError when the peer does not have them, ConnectionError and TimeoutError besides the port's ValueError."""
        leaves: list[bytes] = []
        for first in range(0, variant.pages, _PAGES_AT_ONCE):
            numbers = range(first, min(first + _PAGES_AT_ONCE, variant.pages))
            for page in await asyncio.gather(*(self._page(variant, number) for number in numbers)):
                leaves += page
        if variant_id(variant.kind, variant.length, leaves) != variant.variant_id:
            raise ValueError("the digests do not match the variant id")
        return tuple(leaves)

    async def _page(self, variant: Variant, number: int) -> tuple[bytes, ...]:
        answer: DigestPage = await self._ask(
            Kind.DIGEST_PAGE_REQUEST, encode(DigestPageRequest(variant_id=variant.variant_id, page=number))
        )
        if answer.error:
            raise LookupError(f"no digests: {SafeText(answer.error, 40)}")
        page = split_page(answer.raw())
        if answer.variant_id != variant.variant_id or answer.page != number:
            raise ValueError("another digest page than the one asked for")
        if len(page) != min(PAGE_LEAVES, variant.leaves - number * PAGE_LEAVES):
            raise ValueError("a digest page of the wrong size")
        return page

    def attach(self, variant_id: str, receiver: ChunkReceiver) -> None:
        """As the port says; ValueError when another receiver is attached. On a lost connection `on_lost` follows at once."""
        if variant_id in self._wants:
            raise ValueError(f"variant {variant_id[:12]} is attached already")
        self._next_id += 1
        self._wants[variant_id] = _Want(self._next_id, receiver)
        if self.closed:
            asyncio.get_running_loop().call_soon(self._tell_lost)

    def detach(self, variant_id: str) -> None:
        want = self._wants.pop(variant_id, None)
        if want is None:
            return
        want.receiver = None
        if want.used and not self.closed:
            self._cancel(want, None, "complete", always=True)  # the node gives its slot to others at once

    def request(self, variant_id: str, offset: int, length: int, *, priority: int = 0, deadline_ms: int = 0) -> None:
        """As the port says. LookupError when nothing is attached, ValueError for a range that is not 1 to 16 leaves."""
        want = self._wants[variant_id]
        if not valid_range(offset, length, offset + length):
            raise ValueError("a request covers 1 to 16 whole leaves")
        if self.closed:
            return
        want.used = True
        self._next_id += 1
        self._asks[self._next_id] = _Ask(want, offset, length, (1 << -(-length // LEAF)) - 1)
        body = ChunkRequest(want.transfer, variant_id, offset, length, max(0, min(10, priority)), max(0, deadline_ms)).encode()
        self._wire.send(Kind.CHUNK_REQUEST, self._next_id, body)

    def cancel(self, variant_id: str, offset: int | None = None, length: int | None = None, *, reason: str = "swarm_rebalanced") -> None:
        """As the port says. Leaves already on their way still come to the receiver."""
        want = self._wants.get(variant_id)
        if want is None or self.closed:
            return
        span = None if offset is None or length is None else (offset, length)
        self._cancel(want, span, reason if reason in REASONS[1:] else "error")

    def close(self, reason: str = "closed") -> None:
        """End the connection politely."""
        self._wire.close(reason)

    def drop(self, reason: str) -> None:
        """End the connection now."""
        self._wire.fail(reason)

    # the wire's handler

    def opened(self, wire: Wire) -> None:
        raise ProtocolError("opened twice")

    def data(self, frames: Sequence[tuple[int, memoryview]]) -> None:
        want, came = None, list[tuple[int, memoryview]]()
        try:
            for request_id, body in frames:
                offset, leaf = split_data(body)
                ask = self._asks.get(request_id)
                if ask is None:
                    raise ProtocolError("data that was not asked for")
                index, odd = divmod(offset - ask.offset, LEAF)
                if odd or index < 0 or not ask.pending >> index & 1 or len(leaf) != min(LEAF, ask.length - index * LEAF):
                    raise ProtocolError("data outside of its request")
                ask.pending &= ~(1 << index)
                if not ask.pending:
                    del self._asks[request_id]
                self.traffic.down += len(leaf)
                if ask.want is not want:
                    before, want, came = (want, came), ask.want, []
                    self._hand_over(*before)
                came.append((offset, leaf))
        finally:  # what came before a broken frame is good
            self._hand_over(want, came)

    def _hand_over(self, want: _Want | None, leaves: Sequence[tuple[int, memoryview]]) -> None:
        if leaves and want is not None and want.receiver is not None:
            want.receiver.on_leaves(self.node_id, leaves)

    def frame(self, kind: int, request_id: int, body: bytes) -> None:
        if kind == Kind.CHUNK_REQUEST:
            self.uploads.request(request_id, ChunkRequest.decode(body))
        elif kind == Kind.CHUNK_CANCEL:
            self.uploads.cancel(request_id, ChunkCancel.decode(body))
        elif kind == Kind.CHUNK_ERROR:
            self._refused(request_id, ChunkError.decode(body))
        elif kind == Kind.CHUNK_CANCELLED:
            for asked, mask in self._cancels.pop(request_id, ()):
                self._clear(asked, mask)
        elif kind == Kind.CACHE_JOB:
            job = decode(CacheJob, body)
            if job.role == "request":
                self.uploads.control(request_id, job)
                if self._talk is not None:
                    self._talk.asked(self, [track.mb_recording_id for track in job.requested_tracks])
            else:
                self._answer(request_id, job)
        elif kind == Kind.DIGEST_PAGE_REQUEST:
            self.uploads.control(request_id, decode(DigestPageRequest, body))
        elif kind == Kind.DIGEST_PAGE:
            self._answer(request_id, decode(DigestPage, body))
        elif kind in _TALK:
            if self._talk is not None:
                self._talk.told(self, Kind(kind), request_id, body)
        elif kind == Kind.PING:
            self._wire.send(Kind.PONG, request_id)
        elif kind in (Kind.HELLO, Kind.HELLO_ACK):
            raise ProtocolError("a second HELLO")
        # anything else is of a later version and was control-sized, so it is skipped

    def lost(self, reason: str) -> None:
        self._lost = reason
        self.uploads.lost()
        for future in self._answers.values():
            if not future.done():
                future.set_exception(ConnectionError(reason))
                future.exception()  # a question sent with HELLO may have nobody who waits
        self._answers.clear()
        self._on_lost(self, reason)
        self._tell_lost()

    # in between

    async def _ask(self, kind: Kind, body: bytes) -> Any:
        if self.closed:
            raise ConnectionError(self._lost or "closed")
        self._next_id += 1
        request_id = self._next_id
        self._answers[request_id] = asyncio.get_running_loop().create_future()
        self._wire.send(kind, request_id, body)
        return await self._answered(request_id)

    async def _answered(self, request_id: int) -> Any:
        try:
            async with asyncio.timeout(self._limits.answer_s):
                return await self._answers[request_id]
        finally:
            self._answers.pop(request_id, None)

    def _answer(self, request_id: int, message: CacheJob | DigestPage) -> None:
        future = self._answers.get(request_id)
        if future is not None and not future.done():
            future.set_result(message)

    def _cancel(self, want: _Want, span: tuple[int, int] | None, reason: str, always: bool = False) -> None:
        touched: list[tuple[int, int]] = []
        for request_id, ask in self._asks.items():
            if ask.want is want:
                mask = ask.pending if span is None else ask.pending & self._mask(ask, *span)
                if mask:
                    touched.append((request_id, mask))
        if not touched and not always:
            return
        self._next_id += 1
        self._cancels[self._next_id] = touched
        self._wire.send(Kind.CHUNK_CANCEL, self._next_id, ChunkCancel(want.transfer, reason, (span,) if span else ()).encode())

    def _refused(self, request_id: int, error: ChunkError) -> None:
        ask = self._asks.get(request_id)
        if ask is None:
            return
        mask = ask.pending & self._mask(ask, error.offset, error.length)
        cancelled = 0
        for touched in self._cancels.values():
            for asked, bits in touched:
                cancelled |= bits if asked == request_id else 0
        self._clear(request_id, mask)
        if ask.want.receiver is not None and mask & ~cancelled:
            ask.want.receiver.on_refused(self.node_id, error.offset, error.length, error.code)

    @staticmethod
    def _mask(ask: _Ask, offset: int, length: int) -> int:
        """Bits of the leaves of `ask` that lie in the range at least in part."""
        first = max(0, (offset - ask.offset) // LEAF)
        last = min(-(-ask.length // LEAF), -(-(offset + length - ask.offset) // LEAF))
        return ((1 << (last - first)) - 1) << first if last > first else 0

    def _clear(self, request_id: int, mask: int) -> None:
        ask = self._asks.get(request_id)
        if ask is not None:
            ask.pending &= ~mask
            if not ask.pending:
                del self._asks[request_id]

    @staticmethod
    def _left(ask: _Ask) -> int:
        count = ask.pending.bit_count()
        last = -(-ask.length // LEAF) - 1
        return count * LEAF - (LEAF - (ask.length - last * LEAF) if ask.pending >> last & 1 else 0)

    def _tell_lost(self) -> None:
        self._asks.clear()
        self._cancels.clear()
        wants, self._wants = self._wants, {}
        for want in wants.values():
            if want.receiver is not None:
                want.receiver.on_lost(self.node_id, self._lost or "closed")

    def _sent(self, count: int) -> None:
        self.traffic.up += count
