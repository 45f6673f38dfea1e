"""Shell: one holder of one file as a `QueuedOrigin` (model/ports.py), over the transfer manager's fetches."""

from __future__ import annotations

from typing import Protocol

from aioslsk.transfer.model import Transfer

from slskdn_tui.engine.soulseek.downloads.origin import Fetch, OriginTransferManager, Told
from slskdn_tui.engine.soulseek.manners.pace import Pace
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ports import OriginEnd, OriginSink, OriginState


class Online(Protocol):
    """What an origin needs of the plane it belongs to."""

    @property
    def state(self) -> str: ...
    @property
    def state_words(self) -> str: ...
    @property
    def transfers(self) -> OriginTransferManager: ...
    async def wait_online(self) -> None: ...


class SoulseekOrigin:
    """One found file at one user. One run at a time; a rate set before or during it holds for this connection only.

    Whoever calls `queue` calls `leave` in the end; `fetch` alone leaves by itself.
    """

    def __init__(self, plane: Online, file: FoundFile) -> None:
        self._plane = plane
        self._file = file
        self._pace = Pace()
        self._run: tuple[OriginTransferManager, Fetch, Transfer] | None = None

    @property
    def username(self) -> str:
        return self._file.username

    @property
    def path(self) -> str:
        return self._file.path

    @property
    def size(self) -> int:
        return self._file.size

    def set_rate(self, bytes_per_s: int | None) -> None:
        self._pace.set_rate(bytes_per_s)

    @property
    def offered(self) -> bool:
        return self._run is not None and self._run[1].offer is not None

    @property
    def parked(self) -> bool:
        return self._run is not None and self._run[1].parked

    async def queue(self, told: Told) -> tuple[OriginEnd, str] | None:
        """See `QueuedOrigin.queue`."""
        if self._run is None and (end := await self._begin(told)):
            return end
        assert self._run is not None
        manager, fetch, transfer = self._run
        fetch.untake(told)
        if fetch.parked:
            manager.ask_again(fetch, transfer)
        while not fetch.end.done() and fetch.offer is None:
            fetch.news.clear()
            await fetch.news.wait()
        if not fetch.end.done():
            return None
        return await self._ended(manager, fetch)

    async def fetch(self, sink: OriginSink) -> tuple[OriginEnd, str]:
        """See `Origin.fetch`. While this program itself is offline it waits; ValueError out of the sink means MISMATCH, other errors pass through."""
        own = self._run is None
        if own and (end := await self._begin(sink.status)):
            return end
        assert self._run is not None
        manager, fetch, transfer = self._run
        told = fetch.told
        if fetch.parked:
            manager.ask_again(fetch, transfer)
        fetch.take(sink)
        sink.status(fetch.state, fetch.place, "")
        try:
            while not fetch.end.done():
                fetch.news.clear()
                await fetch.news.wait()
            return await self._ended(manager, fetch)
        finally:
            if own or transfer.is_processing():
                await self.leave()
            elif self._run is not None:
                fetch.untake(told)  # it waits on in the peer's queue

    async def leave(self) -> None:
        """Out of the peer's queue, as far as Soulseek knows of such a thing: a later offer is declined. Harmless when nothing runs."""
        run, self._run = self._run, None
        if run is not None:
            manager, fetch, transfer = run
            fetch.end.cancel()
            await manager.leave(fetch, transfer)

    async def _begin(self, told: Told) -> tuple[OriginEnd, str] | None:
        plane = self._plane
        if plane.state != "online":
            told(OriginState.OFFLINE, None, plane.state_words)
            try:
                await plane.wait_online()
            except UserError as error:
                return OriginEnd.OFFLINE, str(error.message)
        manager = plane.transfers
        fetch = Fetch(self._file, told, self._pace)
        fetch.tell(OriginState.CONNECTING)
        try:
            self._run = manager, fetch, await manager.begin(fetch)
        except RuntimeError as error:
            return OriginEnd.DENIED, str(error)
        return None

    async def _ended(self, manager: OriginTransferManager, fetch: Fetch) -> tuple[OriginEnd, str]:
        """How it ended; raises what the sink raised."""
        try:
            end, words = fetch.end.result()
        finally:
            await self.leave()
        fetch.tell(OriginState.OFFLINE if end == OriginEnd.OFFLINE else OriginState.ENDED, detail=words)
        return end, words
