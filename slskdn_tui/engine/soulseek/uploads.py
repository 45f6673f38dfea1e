"""Shell: the giving half of the polite transfer manager: who is served next, what is refused, and how bytes go out.

Stock 1.7.1 never tells a place in queue, serves the newest first, and lets a silent downloader keep a slot. What is overridden here is held by a
contract test.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aioslsk.events import on_message
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError, FileNotSharedError, NetworkError
from aioslsk.network.connection import CloseReason, PeerConnection, PeerConnectionState
from aioslsk.protocol.messages import PeerTransferQueue, PeerTransferQueueFailed, PeerUploadFailed
from aioslsk.transfer.manager import TransferManager, _RequestFlag
from aioslsk.transfer.model import FailReason, Transfer, TransferDirection
from aioslsk.transfer.state import TransferState
from aioslsk.user.model import UserStatus

from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.soulseek.holdoff import HoldOff
from slskdn_tui.engine.soulseek.manners import Manners

log = logging.getLogger(__name__)

KEEP_FINISHED = 100
MAX_QUEUED_PER_USER = 500
MAX_QUEUED = 10_000
UPLOAD_TRIES = 5


class UploadManager(TransferManager):
    """`clock`, `manners`, `on_bytes(username, "up" | "down", n)` and `on_upload` may be set after construction, before the first transfer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clock: Clock = SystemClock()
        self.manners = Manners()
        self.on_bytes: Callable[[str, str, int], None] = lambda username, direction, count: None
        self.on_upload: Callable[[Transfer], None] = lambda transfer: None
        self.upload_holds = HoldOff()
        self._wakes: set[asyncio.TimerHandle] = set()
        self._arrivals: dict[tuple[str, str], int] = {}
        self._arrival = 0

    def set_manners(self, manners: Manners) -> None:
        self.manners = manners
        self.upload_holds = HoldOff(manners.backoff)

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
        return downloads, [each for each in uploads if not self.upload_holds.remaining(each.username, now)]

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
        self.upload_holds.prune(self.clock.now())

    def _wake_in(self, seconds: float) -> None:
        """A management cycle when a hold ends."""

        def wake() -> None:
            self._wakes.discard(handle)
            self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

        handle = asyncio.get_running_loop().call_later(seconds + 0.01, wake)
        self._wakes.add(handle)

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
