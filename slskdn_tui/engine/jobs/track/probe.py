"""Head probes, proof (2) of the guard: the first 64 KiB of a file from another Soulseek holder of the same size. Shell over origins.

The same 64 KiB become the file's own head where copies with other tags could deliver the rest and the origin has sent nothing yet.

Chosen to be polite: only while mesh peers deliver a file that nothing has proved yet and the origin is queued or still underperforms; one holder
at a time, each once, three a track; who does not send within ten seconds has no free slot, and its queue is left. Nothing is probed where the
origin sends: its own first leaf decides then, as proof (1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.swarm.proof.guard import Proof
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF

MOST_PROBES = 3
FREE_SLOT_S = 10.0
"""Whoever has a free slot begins to send sooner."""
READ_RATE = LEAF
"""Bytes a second: small reads, so that little more than a head is taken."""
_HEAD_S = 20.0


class HeadSink:
    """An `OriginSink` that takes the first 64 KiB (or the whole of a shorter file) and has enough. `sending` is set once bytes can come."""

    def __init__(self, size: int) -> None:
        self.head = bytearray()
        self.sending = asyncio.Event()
        self._size = size
        self._want = min(size, LEAF)

    @property
    def whole(self) -> bool:
        return len(self.head) == self._want

    def start(self, size: int) -> int:
        if size != self._size:
            raise ValueError(f"the file has {size} bytes there, not {self._size}")
        return 0

    async def write(self, data: bytes) -> bool:
        self.head += data[: self._want - len(self.head)]
        return not self.whole

    def status(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        if state is OriginState.ACTIVE:
            self.sending.set()


class Prober:
    """One track's probes. `others` gives holders of the very size being fetched, the best first."""

    def __init__(self, services: Services, tell: Teller, others: Callable[[], Sequence[FoundFile]]) -> None:
        self._services = services
        self._tell = tell
        self._others = others
        self._asked: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def want(self, swarm: TrackSwarm) -> None:
        """Probe in the background where a proof is missing and a probe can give it."""
        variant, stream = swarm.part.variant, swarm.stream
        if swarm.decision.proof is not Proof.NONE or variant is None or not variant.streaminfo or variant.kind != "file":
            return
        if stream is None or (stream.state is OriginState.ACTIVE and not swarm.underperforming()):
            return
        if (self._task is None or self._task.done()) and len(self._asked) < MOST_PROBES and self._next() is not None:
            self._task = self._services.supervisor.spawn("head probe", self._probe(swarm))

    def want_head(self, swarm: TrackSwarm) -> bool:
        """Get the file's head from another holder while the origin sends nothing. True while one is asked."""
        stream = swarm.stream
        waits = stream is not None and not stream.begun and not swarm.part.pieces.prefix
        if waits and (self._task is None or self._task.done()) and len(self._asked) < MOST_PROBES and self._next() is not None:
            self._task = self._services.supervisor.spawn("head probe", self._probe(swarm))
        return self._task is not None and not self._task.done()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _next(self) -> FoundFile | None:
        return next((file for file in self._others() if file.username not in self._asked), None)

    async def _probe(self, swarm: TrackSwarm) -> None:
        """One holder after the other until a head is here, or none is left."""
        while len(self._asked) < MOST_PROBES and swarm.decision.proof is Proof.NONE and (file := self._next()) is not None:
            self._asked.add(file.username)
            head, words = await self._head(file)
            unbound = swarm.part.variant is None
            matches = bool(head) and (swarm.take_head(f"slsk:{file.username}", head) if unbound else swarm.head_probe(head))
            if head and unbound:
                words = "the head of the file is here; the mesh is asked again" if matches else "the head came from elsewhere meanwhile"
            elif head:
                words = "the head has the variant's STREAMINFO, length and first digest" if matches else "the head is of another file"
            self._tell.trace("probe", source=f"slsk:{file.username}", result="ok" if matches else "error", length=len(head), words=words)
            if matches:
                return

    async def _head(self, file: FoundFile) -> tuple[bytes, str]:
        """(the head, "") or (b"", why there is none)."""
        origin, sink = self._services.soulseek.origin(file), HeadSink(file.size)
        origin.set_rate(READ_RATE)
        fetch = asyncio.ensure_future(origin.fetch(sink))
        sending = asyncio.ensure_future(sink.sending.wait())
        try:
            await asyncio.wait({fetch, sending}, timeout=FREE_SLOT_S, return_when=asyncio.FIRST_COMPLETED)
            if not fetch.done() and not sending.done():
                return b"", "no free slot"
            await asyncio.wait({fetch}, timeout=_HEAD_S)
            if sink.whole:
                return bytes(sink.head), ""
            return b"", str(SafeText(fetch.result()[1])) if fetch.done() else "too slow"
        except (OSError, ValueError) as error:
            return b"", str(SafeText(str(error)))
        finally:
            sending.cancel()
            fetch.cancel()
            await asyncio.gather(fetch, return_exceptions=True)
