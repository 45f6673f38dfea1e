"""Shell: one holder of one file as an `Origin` (model/ports.py), over aioslsk's transfers.

One front-to-back stream into a sink of ours. aioslsk keeps the queue, the connections and the states; the bytes, the offset, the end and what happens
afterwards are decided here, and a transfer leaves aioslsk's list with its fetch, so nothing is ever queued again behind our back.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from aioslsk.events import on_message
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError, RequestPlaceFailedError
from aioslsk.network.connection import CloseReason, PeerConnection, PeerConnectionState
from aioslsk.protocol.messages import PeerTransferReply, PeerTransferRequest, PeerUploadFailed
from aioslsk.protocol.primitives import uint64
from aioslsk.transfer.manager import _RequestFlag
from aioslsk.transfer.model import FailReason, Transfer, TransferDirection
from aioslsk.transfer.state import TransferState
from aioslsk.user.model import TrackingFlag, UserStatus

from slskdn_tui.engine.soulseek.pace import Pace
from slskdn_tui.engine.soulseek.polite import QUEUED_STATES, PoliteTransferManager
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ports import OriginEnd, OriginSink, OriginState
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

FILE_CONNECTION_S = 60.0
UPLOAD_FAILURES = 3


class Fetch:
    """One run of `Origin.fetch`: its sink, its pace, and the future its end is told through."""

    def __init__(self, file: FoundFile, sink: OriginSink, pace: Pace) -> None:
        self.file = file
        self.sink = sink
        self.pace = pace
        self.end: asyncio.Future[tuple[OriginEnd, str]] = asyncio.get_running_loop().create_future()
        self.state = OriginState.CONNECTING
        self.failures = 0
        self.outcome: tuple[OriginEnd, str] | Exception | None = None

    def tell(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        self.state = state
        self.sink.status(state, place, detail)

    def finish(self, end: OriginEnd, words: str = "") -> None:
        if not self.end.done():
            self.end.set_result((end, str(SafeText(words))))


class OriginTransferManager(PoliteTransferManager):
    """Downloads go into the sinks of registered fetches; a download without one is refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetches: dict[tuple[str, str], Fetch] = {}

    # -- a fetch's life

    async def begin(self, fetch: Fetch) -> Transfer:
        """Register and queue. Raises RuntimeError when this file is being fetched from this user already."""
        key = (fetch.file.username, fetch.file.path)
        if key in self._fetches:
            raise RuntimeError("this file is already being fetched from this user")
        self._fetches[key] = fetch
        transfer = await self.add(Transfer(*key, TransferDirection.DOWNLOAD))
        await transfer.state.queue()
        return transfer

    async def leave(self, fetch: Fetch, transfer: Transfer) -> None:
        """Out of aioslsk's list, its task and connection ended; a user nothing else is wanted of is no longer watched."""
        key = (fetch.file.username, fetch.file.path)
        try:
            if transfer.is_processing() or transfer.state.VALUE in QUEUED_STATES:
                await transfer.state.abort(reason="Requested")
            await asyncio.gather(*transfer.cancel_tasks(), return_exceptions=True)
        finally:
            self._fetches.pop(key, None)
            self._transfers[:] = [each for each in self._transfers if each is not transfer]
        if not any(each.username == transfer.username and not each.is_finalized() for each in self._transfers):
            await self._user_manager.untrack_user(transfer.username, TrackingFlag.TRANSFER)

    def fetch_of(self, transfer: Transfer) -> Fetch | None:
        return self._fetches.get((transfer.username, transfer.remote_path)) if transfer.is_download() else None

    def end_all(self, words: str) -> None:
        for fetch in self._fetches.values():
            fetch.finish(OriginEnd.LOST, words)

    def queue_again(self, transfer: Transfer) -> None:
        """The peer seems to have lost our request."""
        transfer.remotely_queued = False
        self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

    # -- what aioslsk tells

    def manage_transfers(self) -> None:
        now = self.clock.now()
        for fetch in tuple(self._fetches.values()):
            username = fetch.file.username
            if fetch.state in (OriginState.CONNECTING, OriginState.QUEUED):
                if self._user_manager.get_user_object(username).status == UserStatus.OFFLINE:
                    fetch.finish(OriginEnd.OFFLINE, f"{username} is not online")
                elif fetch.state == OriginState.CONNECTING and self.holds.remaining(username, now):
                    fetch.finish(
                        OriginEnd.OFFLINE, f"{self.holds.reason(username)}; next try in {self.holds.remaining(username, now):.0f} s"
                    )
        super().manage_transfers()

    def unreachable(self, username: str, reason: str, offline: bool) -> None:
        for fetch in tuple(self._fetches.values()):
            if fetch.file.username == username and fetch.state in (OriginState.CONNECTING, OriginState.QUEUED):
                fetch.finish(OriginEnd.OFFLINE, reason)

    async def _queue_remotely(self, transfer: Transfer) -> None:
        await super()._queue_remotely(transfer)
        for each in self._transfers:
            fetch = self.fetch_of(each)
            if fetch is not None and each.remotely_queued and fetch.state == OriginState.CONNECTING:
                fetch.tell(OriginState.QUEUED)

    async def on_transfer_state_changed(self, transfer: Transfer, old: TransferState.State, new: TransferState.State) -> None:
        fetch = self.fetch_of(transfer)
        if fetch is not None and new == TransferState.FAILED and fetch.outcome is None and fetch.state != OriginState.ACTIVE:
            reason = transfer.fail_reason or "refused"
            fetch.finish(OriginEnd.DENIED, f"{transfer.username} says: {SafeText(reason, 100)}")
        await super().on_transfer_state_changed(transfer, old, new)

    @on_message(PeerUploadFailed.Request)
    async def _on_peer_upload_failed(self, message: PeerUploadFailed.Request, connection: PeerConnection) -> None:
        """The uploader gave up on a file we wait for: ask again a few times, not for ever. (Stock asks again at once, each time.)"""
        fetch = self._fetches.get((connection.username or "", message.filename))
        if fetch is None or fetch.state == OriginState.ACTIVE:
            return
        fetch.failures += 1
        if fetch.failures >= UPLOAD_FAILURES:
            fetch.finish(OriginEnd.LOST, f"{connection.username} failed to send it {fetch.failures} times")
            return
        await super()._on_peer_upload_failed(message, connection)

    # -- the bytes

    async def _initialize_download(self, transfer: Transfer, peer_connection: PeerConnection, request: PeerTransferRequest.Request) -> None:
        """The peer offers the file: say yes, wait for its connection, send the offset, receive."""
        fetch = self.fetch_of(transfer)
        if fetch is None:
            await self._refuse(peer_connection, request.ticket)
            return
        if request.filesize != fetch.file.size:
            fetch.finish(OriginEnd.MISMATCH, f"{transfer.username} offers {request.filesize} bytes, expected {fetch.file.size}")
            await self._refuse(peer_connection, request.ticket)
            return
        if not await transfer.state.initialize():
            return  # offered twice at once: the first offer is being taken
        transfer.filesize = request.filesize
        expected = self.expect_file(transfer.username, request.ticket)
        try:
            await peer_connection.send_message(PeerTransferReply.Request(ticket=request.ticket, allowed=True))
            async with asyncio.timeout(FILE_CONNECTION_S):
                connection = await expected
        except (ConnectionWriteError, TimeoutError):
            fetch.failures += 1
            if fetch.failures >= UPLOAD_FAILURES:
                fetch.finish(OriginEnd.LOST, f"{transfer.username} offers the file but never connects")
            await transfer.state.queue()
            return
        finally:
            expected.cancel()
        try:
            await self._receive(fetch, transfer, connection)
        finally:
            await connection.disconnect(CloseReason.REQUESTED)
        await self._settle(fetch, transfer)

    async def _receive(self, fetch: Fetch, transfer: Transfer, connection: PeerConnection) -> None:
        """Offset and bytes; what becomes of it goes into `fetch.outcome`."""
        try:
            transfer.bytes_transfered = await self._calculate_offset(transfer)
            await connection.send_message(uint64(transfer.bytes_transfered).serialize())
            await self._download_file(transfer, connection)
        except ValueError as error:
            fetch.outcome = (OriginEnd.MISMATCH, str(error))
        except (ConnectionReadError, ConnectionWriteError) as error:
            cause = type(error.__cause__ or error).__name__
            fetch.outcome = (OriginEnd.LOST, f"the connection to {transfer.username} broke ({cause})")
        except Exception as error:  # whatever the sink raised (a full disk) belongs to who called fetch
            fetch.outcome = error

    async def _settle(self, fetch: Fetch, transfer: Transfer) -> None:
        """aioslsk's last state first (complete, or failed with a reason: all others are queued again by themselves), then the fetch's end."""
        outcome = fetch.outcome or (OriginEnd.LOST, "the transfer ended without a word")
        good = isinstance(outcome, tuple) and outcome[0] in (OriginEnd.COMPLETE, OriginEnd.ENOUGH)
        if not (good and await transfer.state.complete()):
            await transfer.state.fail(reason=FailReason.CANCELLED)
        if isinstance(outcome, tuple):
            fetch.finish(*outcome)
        elif not fetch.end.done():
            fetch.end.set_exception(outcome)

    async def _calculate_offset(self, transfer: Transfer) -> int:
        """Where the sink wants the stream to start. Raises ValueError for an offset outside the file, or what the sink raises."""
        fetch = self.fetch_of(transfer)
        if fetch is None:
            return 0
        offset = fetch.sink.start(fetch.file.size)
        if not 0 <= offset <= fetch.file.size:
            raise ValueError(f"offset {offset} outside a file of {fetch.file.size} bytes")
        return offset

    async def _download_file(self, transfer: Transfer, connection: PeerConnection) -> None:
        """Receive into the sink until the last byte, until it has enough, or until the connection ends."""
        fetch = self.fetch_of(transfer)
        if fetch is None:
            return
        connection.set_connection_state(PeerConnectionState.TRANSFERRING)
        await transfer.state.start_transferring()
        fetch.tell(OriginState.ACTIVE)
        left = fetch.file.size - transfer.bytes_transfered
        while left > 0:
            allowed = await connection.download_rate_limiter.take_tokens()
            data = await connection.receive_data(fetch.pace.size(min(allowed, left)))
            if not data:
                fetch.outcome = (OriginEnd.LOST, f"{transfer.username} closed the connection with {left} bytes to go")
                return
            left -= len(data)
            transfer._transfer_progress_callback(data)
            self.on_bytes(transfer.username, "down", len(data))
            if not await fetch.sink.write(data) and left > 0:
                fetch.outcome = (OriginEnd.ENOUGH, "the rest came from elsewhere")
                return
            wait = fetch.pace.wait_after(len(data), self.clock.now())
            if wait > 0:
                await self.clock.sleep(wait)
        fetch.outcome = (OriginEnd.COMPLETE, "")

    async def _refuse(self, connection: PeerConnection, ticket: int) -> None:
        try:
            await connection.send_message(PeerTransferReply.Request(ticket=ticket, allowed=False, reason=FailReason.CANCELLED))
        except ConnectionWriteError:
            log.debug("a refused offer could not be answered")


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
    """`Origin` for one found file. One fetch at a time; a rate set before or during it holds for this connection only."""

    def __init__(self, plane: Online, file: FoundFile) -> None:
        self._plane = plane
        self._file = file
        self._pace = Pace()

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

    async def fetch(self, sink: OriginSink) -> tuple[OriginEnd, str]:
        """See `Origin.fetch`. While this program itself is offline it waits; ValueError out of the sink means MISMATCH, other errors pass through."""
        fetch = Fetch(self._file, sink, self._pace)
        plane = self._plane
        if plane.state != "online":
            fetch.tell(OriginState.OFFLINE, detail=plane.state_words)
            try:
                await plane.wait_online()
            except UserError as error:
                return OriginEnd.OFFLINE, str(error.message)
        manager = plane.transfers
        fetch.tell(OriginState.CONNECTING)
        try:
            transfer = await manager.begin(fetch)
        except RuntimeError as error:
            return OriginEnd.DENIED, str(error)
        try:
            await self._watch(manager, fetch, transfer)
            end, words = fetch.end.result()
        finally:
            fetch.end.cancel()
            await manager.leave(fetch, transfer)
        fetch.tell(OriginState.OFFLINE if end == OriginEnd.OFFLINE else OriginState.ENDED, detail=words)
        return end, words

    async def _watch(self, manager: OriginTransferManager, fetch: Fetch, transfer: Transfer) -> None:
        """Until the end: while queued, ask for the place now and then; no answer at all means the request may be lost, and it is sent again."""
        manners = manager.manners
        wait, silent = manners.place_first, 0
        while not fetch.end.done():
            await asyncio.wait((fetch.end,), timeout=wait)
            if fetch.end.done() or fetch.state != OriginState.QUEUED or not transfer.remotely_queued:
                continue
            asking = asyncio.ensure_future(manager.request_place_in_queue(transfer))
            try:
                await asyncio.wait((asking, fetch.end), return_when=asyncio.FIRST_COMPLETED)
                if asking.done() and fetch.state == OriginState.QUEUED:
                    fetch.tell(OriginState.QUEUED, max(1, asking.result()))
                    silent = 0
            except RequestPlaceFailedError:
                silent += 1
                if silent >= 2 and fetch.state == OriginState.QUEUED:
                    silent = 0
                    manager.queue_again(transfer)
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            wait = min(max(wait * 2, manners.place_first), manners.place_every)
