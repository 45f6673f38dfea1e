"""The upload side: what providers have, sent to peers in order of priority, within slots, buffers and the bandwidth cap.

Shells the wires of all peers. `UploadDesk` is shared by them; `PeerUploads` is one peer's queue and the task that empties it.
Whether something may be offered at all is the providers' affair.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from slskdn_tui.engine.overlay.frames import ChunkCancel, ChunkError, ChunkRequest, Kind, ProtocolError, data_head, valid_range
from slskdn_tui.engine.overlay.limits import MIB, MeshLimits
from slskdn_tui.engine.overlay.messages import CacheJob, DigestPage, DigestPageRequest, encode, encode_offer
from slskdn_tui.engine.overlay.upload_states import HOLDS_SLOT, UploadEvent, UploadState, step
from slskdn_tui.engine.overlay.wire import Wire
from slskdn_tui.engine.peers.bandwidth import Limiter
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.ports import ChunkProvider, ChunkReader
from slskdn_tui.model.spans import Span, subtract, total
from slskdn_tui.model.variant import LEAF, Variant

_MOST_BATCH = MIB // 2
_PATIENCE_S = 1.0
"""How long to wait for a turn under the cap before looking whether small answers are due."""
_CAPPED_S = 0.01
"""Seconds of a cap that go out in one piece: small pieces share it evenly with those who have little to ask."""
_LOCAL_BYTES_S = 100e6
"""Above this rate the kernel's send buffer is emptied in milliseconds and may grow."""
_MOST_CONTROL = 64
_MOST_SESSIONS = 1024


class UploadLine(NamedTuple):
    """A row for a screen: `bytes` sent of `total`, `rate` in bytes a second over the last seconds."""

    peer: str
    variant: str
    bytes: int
    total: int
    rate: float
    state: str


class UploadDesk:
    """What all peers share: providers (a live list), slots, the cap, and room in the send buffers.

    A quarter of the slots is kept for nodes that `good(node_id)` knows: strangers who ask and never read could hold them all.
    """

    def __init__(
        self,
        providers: Sequence[ChunkProvider],
        limits: MeshLimits,
        clock: Clock,
        slots: int,
        bytes_s: int | None = None,
        peer_bytes_s: int | None = None,
        good: Callable[[str], bool] = lambda node_id: False,
    ) -> None:
        self.good = good
        self.providers = providers
        self.limits = limits
        self.clock = clock
        self.slots = slots
        self.limiter = Limiter(clock, bytes_s)
        self.peer_bytes_s = peer_bytes_s
        self.serving = 0
        self.peers = 0

    @property
    def batch(self) -> int:
        """Bytes of leaves that go out at once at most: a peer that does not read holds two batches, and all of them together stay within the buffers."""
        share = self.limits.send_buffers // max(1, self.peers)
        return max(LEAF, min(_MOST_BATCH, share // 2, self.limits.read_ahead // 2) // LEAF * LEAF)

    def free(self, node_id: str) -> int:
        """Slots that this node may still take."""
        return self.slots - self.serving - (0 if self.good(node_id) else self.slots // 4)

    def find(self, recordings: Sequence[str]) -> list[Variant]:
        """Every variant a provider has of these recordings, each once; none while there is no slot at all."""
        if not self.slots:
            return []
        found: dict[tuple[str, str], Variant] = {}
        for provider in self.providers:
            for variant in provider.find(recordings):
                found.setdefault((variant.variant_id, variant.recording_mbid), variant)
        return list(found.values())

    def open(self, variant_id: str) -> ChunkReader | None:
        for provider in self.providers:
            reader = provider.open(variant_id)
            if reader is not None:
                return reader
        return None


@dataclass(slots=True)
class Session:
    """One variant going to one peer."""

    variant_id: str
    total: int = 0
    state: UploadState = UploadState.IDLE
    since: float = 0.0
    reader: ChunkReader | None = None
    transfer: int = 0
    sent: int = 0
    rate: float = 0.0
    counted: int = 0


@dataclass(slots=True, eq=False)
class _Ask:
    request_id: int
    transfer: int
    session: Session
    spans: list[Span]
    due: float | None = None


@dataclass(slots=True)
class PeerUploads:
    """One peer's requests. `run` is its task; everything else is called by the wire."""

    wire: Wire
    desk: UploadDesk
    on_sent: Callable[[int], None]
    node_id: str = ""
    regions: bool = False  # whether the peer said in HELLO that it can use audio regions
    sessions: dict[str, Session] = field(default_factory=dict)
    limiter: Limiter = field(init=False)
    _queue: list[tuple[int, int, _Ask]] = field(default_factory=list)
    _asks: dict[int, _Ask] = field(default_factory=dict)
    _control: deque[tuple[int, DigestPageRequest | CacheJob]] = field(default_factory=deque)
    _asked: int = 0
    _order: int = 0
    _batch: int = LEAF
    _work: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.desk.clock, self.desk.peer_bytes_s)
        self.desk.peers += 1

    # what the peer asks

    def control(self, request_id: int, message: DigestPageRequest | CacheJob) -> None:
        """Answers that may be large wait their turn, so that a peer which does not read cannot pile them up."""
        if len(self._control) >= _MOST_CONTROL:
            raise ProtocolError("too many questions at once")
        self._control.append((request_id, message))
        self._work.set()

    def request(self, request_id: int, wanted: ChunkRequest) -> None:
        code = self._accept(request_id, wanted)
        if code:
            self.wire.charge()
            self._refuse(request_id, wanted.offset, wanted.length, code)

    def _accept(self, request_id: int, wanted: ChunkRequest) -> str:
        limits, desk, now = self.desk.limits, self.desk, self.desk.clock.now()
        if request_id in self._asks:
            raise ProtocolError("request id used twice")
        if not desk.slots or len(self._asks) >= limits.requests or self._asked + wanted.length > limits.bytes_asked:
            return "rate_limited"
        session = self.sessions.get(wanted.variant_id)
        if session is None:
            if len(self.sessions) >= _MOST_SESSIONS:
                return "rate_limited"
            session = Session(wanted.variant_id, since=now)
        if session.reader is None:
            if desk.free(self.node_id) < 1:
                return "rate_limited"
            try:
                reader = desk.open(wanted.variant_id)
            except OSError:
                return "io_error"
            if reader is None:
                return "not_found"
            if not valid_range(wanted.offset, wanted.length, reader.variant.length):
                reader.close()
                return "invalid_range"
            session.reader, session.total = reader, reader.variant.length
            self.sessions[wanted.variant_id] = session
            desk.serving += 1
        elif not valid_range(wanted.offset, wanted.length, session.total):
            return "invalid_range"
        session.transfer = wanted.transfer
        self._step(session, UploadEvent.REQUEST)
        due = now + wanted.deadline_ms / 1000 if wanted.deadline_ms else None
        ask = _Ask(request_id, wanted.transfer, session, [(wanted.offset, wanted.offset + wanted.length)], due)
        self._asks[request_id] = ask
        self._asked += wanted.length
        self._order += 1
        heapq.heappush(self._queue, (-wanted.priority, self._order, ask))
        self._work.set()
        return ""

    def cancel(self, request_id: int, wanted: ChunkCancel) -> None:
        """Nothing of the whole leaves in these ranges is sent after the `chunk_cancelled` that answers."""
        self.wire.charge(len(wanted.ranges))
        for ask in [ask for ask in self._asks.values() if ask.transfer == wanted.transfer]:
            before = total(ask.spans)
            for offset, length in wanted.ranges or ((0, 2**63),):
                stop = offset + length
                if stop < ask.session.total:
                    stop -= stop % LEAF
                ask.spans = subtract(ask.spans, -(-offset // LEAF) * LEAF, stop)
            self._asked -= before - total(ask.spans)
            if not ask.spans:
                del self._asks[ask.request_id]
        self._queue = [entry for entry in self._queue if entry[2].spans]
        heapq.heapify(self._queue)
        self.wire.send(Kind.CHUNK_CANCELLED, request_id)
        if not wanted.ranges:
            busy = {id(ask.session) for ask in self._asks.values()}
            for session in self.sessions.values():
                if session.transfer == wanted.transfer and session.reader is not None and id(session) not in busy:
                    self._end(session)

    def stop_serving(self) -> None:
        """There is no slot any more: what is asked for is refused, and every slot let go."""
        for ask in list(self._asks.values()):
            self._give_up(ask, "rate_limited")
        for session in self.sessions.values():
            self._end(session)

    def lost(self) -> None:
        """The connection is gone: every file handle is let go."""
        self._asks.clear()
        self._queue.clear()
        self._work.set()
        self.desk.limiter.forget(self.wire)
        self.desk.peers -= 1
        for session in self.sessions.values():
            self._end(session)

    def tick(self) -> None:
        """Once a second: deadlines of what waits under a cap, rates, idle slots, old offers."""
        limits, now = self.desk.limits, self.desk.clock.now()
        for ask in [ask for ask in self._asks.values() if ask.due is not None and now > ask.due]:
            self._give_up(ask, "timeout")
        busy = {id(ask.session) for ask in self._asks.values()}
        for session in list(self.sessions.values()):
            session.rate += ((session.sent - session.counted) - session.rate) * 0.4
            session.counted = session.sent
            age = now - session.since
            if id(session) in busy:
                session.since = now
            elif session.state in HOLDS_SLOT and age > limits.slot_idle_s:
                self._end(session)
            elif session.state is UploadState.PENDING and age > limits.offer_s:
                self._step(session, UploadEvent.EXPIRE)
            elif session.state is UploadState.DONE and age > limits.done_s:
                self._step(session, UploadEvent.FORGET)
            if session.state is UploadState.IDLE:
                del self.sessions[session.variant_id]

    # the task

    async def run(self) -> None:
        """Send what is asked for until the connection ends."""
        try:
            while True:
                await self._work.wait()
                await self.wire.drained()
                if self._control:
                    self._answer()
                elif self._queue:
                    await self._serve()
                else:
                    self._work.clear()
        except ConnectionError:
            return

    async def _serve(self) -> None:
        desk, mine, clock = self.desk, self.limiter, self.desk.clock
        capped = [limiter.rate for limiter in (mine, desk.limiter) if limiter.rate]
        if mine.delay() or desk.limiter.delay():
            self._cap(True)
        if wait := mine.delay():
            await clock.sleep(min(wait, _PATIENCE_S))
            return
        if not await desk.limiter.turn(self.wire, _PATIENCE_S):
            return
        sent = 0
        try:
            self._cap(False)
            most = min(self._batch, desk.batch)
            if capped:
                most = max(LEAF, min(most, int(min(capped) * _CAPPED_S) // LEAF * LEAF))
            parts, sent = self._collect(most)
        finally:
            desk.limiter.done(self.wire, sent)
        if not sent:
            return
        mine.spend(sent)
        self.on_sent(sent)
        self.wire.write(b"".join(parts))
        started = clock.now()
        await self.wire.drained()
        # small batches and buffers to a slow peer keep a cancel and a change of priority quick; large ones to a fast one keep it cheap
        took = clock.now() - started
        if took > 0.1:
            self._batch = max(LEAF, self._batch // 2)
        elif took < 0.05 and sent >= self._batch:
            self._batch = min(desk.batch, self._batch * 2)
        self.wire.hold_back(took > sent / _LOCAL_BYTES_S)
        await asyncio.sleep(0)

    def _collect(self, most: int) -> tuple[list[bytes | memoryview], int]:
        """Frames of up to `most` bytes of leaves, highest priority first."""
        parts: list[bytes | memoryview] = []
        sent, now = 0, self.desk.clock.now()
        while self._queue and sent < most:
            ask = self._queue[0][2]
            if not ask.spans:
                heapq.heappop(self._queue)
                continue
            if ask.due is not None and now > ask.due:
                self._give_up(ask, "timeout")
                continue
            start, stop = ask.spans[0]
            stop = min(stop, start + max(LEAF, most - sent))
            data = self._read(ask, start, stop - start)
            if data is None:
                continue
            view = memoryview(data)
            for at in range(0, len(view), LEAF):
                leaf = view[at : at + LEAF]
                parts.append(data_head(ask.request_id, start + at, len(leaf)))
                parts.append(leaf)
            ask.spans = subtract(ask.spans, start, stop)
            ask.session.sent += stop - start
            self._asked -= stop - start
            sent += stop - start
            if not ask.spans:
                heapq.heappop(self._queue)
                del self._asks[ask.request_id]
        return parts, sent

    def _read(self, ask: _Ask, start: int, length: int) -> bytes | None:
        reader = ask.session.reader
        if reader is None:  # refused or ended meanwhile
            self._give_up(ask, "not_found")
            return None
        try:
            data = reader.read(start, length)
        except LookupError:
            self._give_up(ask, "not_found")
            return None
        except OSError:
            data = b""
        if len(data) == length:
            return data
        self._give_up(ask, "io_error")
        for other in [other for other in self._asks.values() if other.session is ask.session]:
            self._give_up(other, "io_error")
        if ask.session.state in HOLDS_SLOT:
            self._step(ask.session, UploadEvent.REFUSE)
            self._step(ask.session, UploadEvent.RELEASE)
            self._let_go(ask.session)
        return None

    def _give_up(self, ask: _Ask, code: str) -> None:
        for start, stop in ask.spans:
            self._asked -= stop - start
            self._refuse(ask.request_id, start, stop - start, code)
        ask.spans = []
        self._asks.pop(ask.request_id, None)

    def _refuse(self, request_id: int, offset: int, length: int, code: str) -> None:
        self.wire.send(Kind.CHUNK_ERROR, request_id, ChunkError(offset, length, code).encode())

    def _answer(self) -> None:
        request_id, message = self._control.popleft()
        if isinstance(message, CacheJob):
            wanted = [track.mb_recording_id for track in message.requested_tracks]
            found = [variant for variant in self.desk.find(wanted) if self.regions or variant.kind != "region"]
            variants = message.constraints.allow(found)
            self.wire.send(Kind.CACHE_JOB, request_id, encode_offer(variants))
            for variant in variants:
                self._offered(variant)
            return
        digests = b""
        session = self.sessions.get(message.variant_id)
        reader = session.reader if session else None
        opened = reader
        try:
            opened = reader or self.desk.open(message.variant_id)
            if opened is not None:
                digests = opened.digest_page(message.page)
        except (OSError, LookupError):
            digests = b""
        finally:
            if opened is not None and opened is not reader:
                opened.close()
        self.wire.send(Kind.DIGEST_PAGE, request_id, encode(DigestPage.of(message.variant_id, message.page, digests)))

    # states

    def _offered(self, variant: Variant) -> None:
        session = self.sessions.get(variant.variant_id)
        if session is None:
            if len(self.sessions) >= _MOST_SESSIONS:
                return
            session = self.sessions[variant.variant_id] = Session(variant.variant_id, variant.length)
        self._step(session, UploadEvent.OFFER)

    def _step(self, session: Session, event: UploadEvent) -> None:
        session.state = step(session.state, event)
        session.since = self.desk.clock.now()

    def _cap(self, reached: bool) -> None:
        before = UploadState.SERVING if reached else UploadState.THROTTLED
        for session in self.sessions.values():
            if session.state is before:
                self._step(session, UploadEvent.CAP if reached else UploadEvent.FREE)

    def _end(self, session: Session) -> None:
        if session.state in HOLDS_SLOT or session.state is UploadState.PENDING:
            self._step(session, UploadEvent.END)
            self._let_go(session)

    def _let_go(self, session: Session) -> None:
        if session.reader is not None:
            session.reader.close()
            session.reader = None
            self.desk.serving -= 1
        self._step(session, UploadEvent.CLOSED)
