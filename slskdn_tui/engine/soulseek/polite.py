"""Shell: aioslsk's transfer manager with manners.

Stock 1.7.1 sends hundreds of messages about one unreachable user in seconds (a ban), loses queue messages on closing connections, never tells a
place in queue, serves the newest first, and mixes up two uploaders that use one ticket number. What is overridden here is held by a contract test.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aioslsk.events import PeerInitializedEvent, SessionInitializedEvent, on_message
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError, FileNotSharedError, NetworkError, RequestPlaceFailedError
from aioslsk.network.connection import CloseReason, PeerConnection, PeerConnectionState, PeerConnectionType
from aioslsk.protocol.messages import (
    PeerPlaceInQueueReply,
    PeerPlaceInQueueRequest,
    PeerTransferQueue,
    PeerTransferQueueFailed,
    PeerUploadFailed,
)
from aioslsk.transfer.manager import TransferManager, _RequestFlag
from aioslsk.transfer.model import FailReason, Transfer, TransferDirection
from aioslsk.transfer.state import TransferState
from aioslsk.user.model import UserStatus

from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.soulseek.holdoff import BACKOFF_S, HoldOff
from slskdn_tui.engine.soulseek.network import UserOffline

log = logging.getLogger(__name__)

QUEUED_STATES = (TransferState.QUEUED, TransferState.INCOMPLETE)
KEEP_FINISHED = 100
MAX_QUEUED_PER_USER = 500
MAX_QUEUED = 10_000
UPLOAD_TRIES = 5


@dataclass(frozen=True, slots=True)
class Manners:
    """Waits in seconds. `moment`: how long a connection must stay open after a queue message for it to count as sent; `place_first`,
    `place_every`: asking for the place in queue; `close`: how long a downloader may take to close after the last byte."""

    moment: float = 0.2
    place_first: float = 2.0
    place_every: float = 120.0
    place_timeout: float = 15.0
    connect: float = 90.0
    close: float = 30.0
    backoff: tuple[float, ...] = BACKOFF_S


class PoliteTransferManager(TransferManager):
    """See the module. `clock`, `manners` and `on_bytes(username, "up" | "down", n)` may be set after construction, before the first transfer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clock: Clock = SystemClock()
        self.manners = Manners()
        self.on_bytes: Callable[[str, str, int], None] = lambda username, direction, count: None
        self.on_upload: Callable[[Transfer], None] = lambda transfer: None
        self.holds = HoldOff()
        self.upload_holds = HoldOff()
        self._locks: dict[str, asyncio.Lock] = {}
        self._wakes: set[asyncio.TimerHandle] = set()
        self._arrivals: dict[tuple[str, str], int] = {}
        self._arrival = 0
        self._expected_files: dict[tuple[str, int], asyncio.Future[PeerConnection]] = {}

    def set_manners(self, manners: Manners) -> None:
        self.manners = manners
        self.holds, self.upload_holds = HoldOff(manners.backoff), HoldOff(manners.backoff)

    async def stop(self) -> list[asyncio.Task[Any]]:
        for wake in self._wakes:
            wake.cancel()
        self._wakes.clear()
        return await super().stop()

    # -- what may start

    def manage_transfers(self) -> None:
        self._forget_finished()
        super().manage_transfers()

    def _get_queued_transfers(self) -> tuple[list[Transfer], list[Transfer]]:
        downloads, uploads = super()._get_queued_transfers()
        now = self.clock.now()
        return (
            [each for each in downloads if each._remotely_queue_task is None and not self.holds.remaining(each.username, now)],
            [each for each in uploads if not self.upload_holds.remaining(each.username, now)],
        )

    def _rank(self, upload: Transfer) -> int:
        user = self._user_manager.get_user_object(upload.username)
        online = user.status in (UserStatus.ONLINE, UserStatus.AWAY)
        return online + 5 * (upload.username in self._settings.users.friends) + 100 * bool(user.privileged)

    def _prioritize_uploads(self, uploads: list[Transfer]) -> list[Transfer]:
        """Highest rank first, and within a rank the one that waits longest."""
        return sorted(uploads, key=lambda each: (-self._rank(each), self._arrivals.get((each.username, each.remote_path), 0)))

    def queued_uploads(self) -> list[Transfer]:
        """All that wait for a slot, in the order they will be served."""
        return self._prioritize_uploads([each for each in self._transfers if each.is_upload() and each.state.VALUE == TransferState.QUEUED])

    def get_place_in_queue(self, transfer: Transfer) -> int:
        """From 1; 0 when it does not wait."""
        for place, each in enumerate(self.queued_uploads(), 1):
            if each is transfer:
                return place
        return 0

    def get_queue_size(self) -> int:
        return sum(each.is_upload() and each.state.VALUE == TransferState.QUEUED for each in self._transfers)

    async def on_transfer_state_changed(self, transfer: Transfer, old: TransferState.State, new: TransferState.State) -> None:
        if transfer.is_upload():
            if new == TransferState.QUEUED and old != TransferState.INITIALIZING:
                self._arrival += 1
                self._arrivals[transfer.username, transfer.remote_path] = self._arrival
            self.on_upload(transfer)
        await super().on_transfer_state_changed(transfer, old, new)

    def _forget_finished(self) -> None:
        """Only the last uploads are remembered: the list is walked for every request."""
        finished = [each for each in self._transfers if each.is_upload() and each.is_finalized()]
        for each in finished[:-KEEP_FINISHED] if len(finished) > 2 * KEEP_FINISHED else ():
            self._transfers.remove(each)
            self._arrivals.pop((each.username, each.remote_path), None)
        for username in [name for name, lock in self._locks.items() if not lock.locked()] if len(self._locks) > 1000 else ():
            del self._locks[username]
        self.holds.prune(self.clock.now())
        self.upload_holds.prune(self.clock.now())

    def _wake_in(self, seconds: float) -> None:
        """A management cycle when a hold ends."""

        def wake() -> None:
            self._wakes.discard(handle)
            self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

        handle = asyncio.get_running_loop().call_later(seconds + 0.01, wake)
        self._wakes.add(handle)

    # -- asking others for files

    def unreachable(self, username: str, reason: str, offline: bool) -> None:
        """A user could not be reached; overridden by who waits for files."""

    async def _queue_remotely(self, transfer: Transfer) -> None:
        """Ask for all that is wanted of this user over one connection, and believe it only when the connection stays open."""
        username = transfer.username
        async with self._locks.setdefault(username, asyncio.Lock()):
            if transfer.remotely_queued or transfer not in self._transfers or self.holds.remaining(username, self.clock.now()):
                return
            wanted = [
                each
                for each in self._transfers
                if each.is_download() and each.username == username and not each.remotely_queued and each.state.VALUE in QUEUED_STATES
            ]
            try:
                async with asyncio.timeout(self.manners.connect):
                    # the second try is for a connection that its owner closes just then, as happens after a search answer
                    if not await self._ask_for(wanted, username) and not await self._ask_for(wanted, username):
                        raise ConnectionWriteError("the connection closed under the request")
            except (NetworkError, TimeoutError) as error:
                offline = isinstance(error, UserOffline)
                reason = f"{username} is not online" if offline else f"{username} cannot be reached"
                wait = self.holds.failed(username, self.clock.now(), reason)
                log.info("%s; left alone for %.0f s", reason, wait)
                for each in wanted:
                    each.increase_queue_attempts()
                self._wake_in(wait)
                self.unreachable(username, reason, offline)
                return
            self.holds.succeeded(username)
            for each in wanted:
                if each.state.VALUE in QUEUED_STATES:
                    each.remotely_queued = True
                each.reset_queue_attempts()

    async def _ask_for(self, wanted: list[Transfer], username: str) -> bool:
        """Send the queue messages; whether the connection outlived them for a moment. Raises NetworkError when there is no connection to be had."""
        connection = await self._network.get_peer_connection(username)
        for each in wanted:
            if connection._is_closing:
                return False
            await connection.send_message(PeerTransferQueue.Request(each.remote_path))
        await self.clock.sleep(self.manners.moment)
        return not connection._is_closing

    async def request_place_in_queue(self, transfer: Transfer) -> int:
        """As stock, but it waits before it asks, so an answer at once is not missed. Raises RequestPlaceFailedError."""
        answer = self._network.create_peer_response_future(
            peer=transfer.username, message_class=PeerPlaceInQueueReply.Request, fields={"filename": transfer.remote_path}
        )
        try:
            async with asyncio.timeout(self.manners.place_timeout):
                await self._network.send_peer_messages(transfer.username, PeerPlaceInQueueRequest.Request(transfer.remote_path))
                _, response = await answer
        except (NetworkError, TimeoutError) as error:
            raise RequestPlaceFailedError("no answer about the place in queue") from error
        finally:
            answer.cancel()
        transfer.place_in_queue = response.place
        return int(response.place)

    async def _on_session_initialized(self, event: SessionInitializedEvent) -> None:
        """After a reconnect peers may have dropped us from their queues while we were away: ask once more."""
        for each in self._transfers:
            if each.is_download() and each.state.VALUE in QUEUED_STATES:
                each.remotely_queued = False
        await super()._on_session_initialized(event)

    # -- file connections, told apart by user and ticket: every uploader numbers its own

    def expect_file(self, username: str, ticket: int) -> asyncio.Future[PeerConnection]:
        """The connection this user will bring that ticket on. Cancel it when it is no longer wanted."""
        key = (username, ticket)
        if key in self._expected_files:
            self._expected_files[key].cancel()
        future: asyncio.Future[PeerConnection] = asyncio.get_running_loop().create_future()
        self._expected_files[key] = future

        def forget(done: asyncio.Future[PeerConnection]) -> None:
            if self._expected_files.get(key) is done:
                del self._expected_files[key]

        future.add_done_callback(forget)
        return future

    async def _on_peer_initialized(self, event: PeerInitializedEvent) -> None:
        connection = event.connection
        if connection.connection_type != PeerConnectionType.FILE or event.requested:
            return
        try:
            async with asyncio.timeout(5):
                ticket = await connection.receive_transfer_ticket()
        except (ConnectionReadError, TimeoutError):
            await connection.disconnect(CloseReason.TIMEOUT)
            return
        future = self._expected_files.get((connection.username, ticket))
        if future is None or future.done():
            log.debug("a file connection nobody waits for, from %s", connection.username)
            await connection.disconnect(CloseReason.REQUESTED)
        else:
            future.set_result(connection)

    # -- giving files to others

    @on_message(PeerTransferQueue.Request)
    async def _on_peer_transfer_queue(self, message: PeerTransferQueue.Request, connection: PeerConnection) -> None:
        username = connection.username
        if username and self.find_transfer(username, message.filename, TransferDirection.UPLOAD) is None and self._too_many(username):
            connection.queue_message(PeerTransferQueueFailed.Request(filename=message.filename, reason="Too many files"))
            return
        await super()._on_peer_transfer_queue(message, connection)

    def _too_many(self, username: str) -> bool:
        waiting = [each for each in self._transfers if each.is_upload() and not each.is_finalized()]
        return len(waiting) >= MAX_QUEUED or sum(each.username == username for each in waiting) >= MAX_QUEUED_PER_USER

    async def _add_upload(self, username: str, remote_path: str) -> Transfer:
        """As stock; the cap holds for the old way of asking, too."""
        if self._too_many(username):
            raise FileNotSharedError("too many files are queued")
        return await super()._add_upload(username, remote_path)

    async def _initialize_upload(self, transfer: Transfer) -> None:
        """As stock, which tries again at once when the downloader cannot be reached; here it backs off and gives up after a few tries."""
        await super()._initialize_upload(transfer)
        if transfer.state.VALUE != TransferState.QUEUED:
            self.upload_holds.succeeded(transfer.username)
            return
        wait = self.upload_holds.failed(transfer.username, self.clock.now(), "cannot be reached")
        if self.upload_holds.attempts(transfer.username) > UPLOAD_TRIES:
            self.upload_holds.succeeded(transfer.username)
            await transfer.state.fail(reason=FailReason.CANCELLED)
        else:
            self._wake_in(wait)

    async def _upload_file(self, transfer: Transfer, connection: PeerConnection) -> None:
        """As stock, counted, and a downloader that never closes (or never stops sending) does not keep the slot."""
        connection.set_connection_state(PeerConnectionState.TRANSFERRING)
        await transfer.state.start_transferring()

        def sent(data: bytes) -> None:
            transfer._transfer_progress_callback(data)
            self.on_bytes(transfer.username, "up", len(data))

        try:
            handle = await asyncio.to_thread(open, transfer.local_path or "", "rb")
            try:
                await asyncio.to_thread(handle.seek, transfer.bytes_transfered)
                await connection.send_file(_Reader(handle), sent)
            finally:
                await asyncio.to_thread(handle.close)
        except OSError as error:
            log.warning("cannot read a shared file: %s", error)
            await transfer.state.fail(reason=FailReason.FILE_READ_ERROR)
            await connection.disconnect(CloseReason.REQUESTED)
            return
        except ConnectionWriteError:
            await transfer.state.fail()
            await self._tell_failed(transfer)
            return
        except asyncio.CancelledError:
            await connection.disconnect(CloseReason.REQUESTED)
            raise
        connection.transfer_read_timeout = self.manners.close
        try:
            while await connection.receive_data(4096):
                await connection.disconnect(CloseReason.REQUESTED)
        except ConnectionReadError:
            log.debug("%s did not close cleanly after the last byte", transfer.username)
        if transfer.is_transfered():
            await transfer.state.complete()
        else:
            await transfer.state.fail()

    async def _tell_failed(self, transfer: Transfer) -> None:
        try:
            async with asyncio.timeout(self.manners.connect):
                await self._network.send_peer_messages(transfer.username, PeerUploadFailed.Request(transfer.remote_path))
        except (NetworkError, TimeoutError):
            log.debug("%s left before the end of an upload", transfer.username)


class _Reader:
    """A file as `PeerConnection.send_file` wants it: reads in a thread."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def read(self, count: int) -> bytes:
        return bytes(await asyncio.to_thread(self._handle.read, count))
