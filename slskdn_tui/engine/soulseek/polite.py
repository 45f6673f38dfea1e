"""Shell: aioslsk's transfer manager with manners.

Stock 1.7.1 sends hundreds of messages about one unreachable user in seconds (a ban), loses queue messages on closing connections, never tells a
place in queue, serves the newest first, and mixes up two uploaders that use one ticket number. What is overridden here is held by a contract test.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aioslsk.events import PeerInitializedEvent, SessionInitializedEvent
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError, NetworkError, RequestPlaceFailedError
from aioslsk.network.connection import CloseReason, PeerConnection, PeerConnectionType
from aioslsk.protocol.messages import (
    PeerPlaceInQueueReply,
    PeerPlaceInQueueRequest,
    PeerTransferQueue,
)
from aioslsk.transfer.model import Transfer
from aioslsk.transfer.state import TransferState

from slskdn_tui.engine.soulseek.holdoff import HoldOff
from slskdn_tui.engine.soulseek.manners import Manners
from slskdn_tui.engine.soulseek.network import UserOffline
from slskdn_tui.engine.soulseek.uploads import UploadManager

log = logging.getLogger(__name__)

QUEUED_STATES = (TransferState.QUEUED, TransferState.INCOMPLETE)


class PoliteTransferManager(UploadManager):
    """See the module; uploads are in `uploads.py`. Locks and holds are by user."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.holds = HoldOff()
        self._locks: dict[str, asyncio.Lock] = {}
        self._expected_files: dict[tuple[str, int], asyncio.Future[PeerConnection]] = {}

    def set_manners(self, manners: Manners) -> None:
        super().set_manners(manners)
        self.holds = HoldOff(manners.backoff)

    def manage_transfers(self) -> None:
        for username in [name for name, lock in self._locks.items() if not lock.locked()] if len(self._locks) > 1000 else ():
            del self._locks[username]
        self.holds.prune(self.clock.now())
        super().manage_transfers()

    def _get_queued_transfers(self) -> tuple[list[Transfer], list[Transfer]]:
        downloads, uploads = super()._get_queued_transfers()
        now = self.clock.now()
        return [each for each in downloads if each._remotely_queue_task is None and not self.holds.remaining(each.username, now)], uploads

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
