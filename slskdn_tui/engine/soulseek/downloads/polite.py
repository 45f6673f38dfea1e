"""Shell: aioslsk's transfer manager with manners.

Stock 1.7.1 sends hundreds of messages about one unreachable user in seconds (a ban), loses queue messages on closing connections, never tells a
place in queue, serves the newest first, and mixes up two uploaders that use one ticket number. What is overridden here is held by a contract test.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any

from aioslsk.events import PeerInitializedEvent, SessionInitializedEvent
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError, NetworkError, RequestPlaceFailedError
from aioslsk.network.connection import CloseReason, ConnectionState, PeerConnection, PeerConnectionType
from aioslsk.protocol.messages import (
    PeerPlaceInQueueReply,
    PeerPlaceInQueueRequest,
    PeerTransferQueue,
)
from aioslsk.transfer.manager import _RequestFlag
from aioslsk.transfer.model import Transfer
from aioslsk.transfer.state import TransferState
from aioslsk.user.model import TrackingFlag

from slskdn_tui.engine.soulseek.manners.holdoff import HoldOff
from slskdn_tui.engine.soulseek.manners.manners import Manners
from slskdn_tui.engine.soulseek.manners.watch import CONNECTING, Allowance, WatchList
from slskdn_tui.engine.soulseek.uploads.uploads import UploadManager
from slskdn_tui.engine.soulseek.wire.network import BoundNetwork, UserOffline

log = logging.getLogger(__name__)

NOT_ONLINE = "is not online"
QUEUED_STATES = (TransferState.QUEUED, TransferState.INCOMPLETE)


class PoliteTransferManager(UploadManager):
    """See the module; uploads are in `uploads.py`. Locks and holds are by user; `allowance` counts what a user costs the server.

    `spawn(name, work)` starts a supervised task; it may be set after construction.
    """

    _network: BoundNetwork

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.holds = HoldOff()
        self.allowance = Allowance()
        self._watch_list = WatchList(self.allowance)
        self._wake_ticks: set[int] = set()
        self.spawn: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[Any]] = lambda name, work: asyncio.create_task(work, name=name)
        self._locks: dict[str, asyncio.Lock] = {}
        self._expected_files: dict[tuple[str, int], asyncio.Future[PeerConnection]] = {}
        self._network.about_user = lambda username: self.allowance.spend(username, self.clock.now())

    def set_manners(self, manners: Manners) -> None:
        super().set_manners(manners)
        self.holds = HoldOff(manners.backoff)

    def _wake_in(self, seconds: float) -> None:
        """A management cycle then, by our clock; one for all that fall into the same quarter of a second."""
        tick = math.ceil((self.clock.now() + seconds) * 4)
        if tick not in self._wake_ticks:
            self._wake_ticks.add(tick)
            self.spawn("soulseek alarm", self._wake_at(tick))

    async def _wake_at(self, tick: int) -> None:
        try:
            await self.clock.sleep(tick / 4 - self.clock.now())
        finally:
            self._wake_ticks.discard(tick)
        self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

    # -- who is watched

    def waited_for(self) -> set[str]:
        """Users whose coming and going matters to a download; overridden by who waits for files."""
        return set()

    async def manage_user_tracking(self) -> None:
        """As stock for those we send to; of those we wait for the watch list says whom, and when."""
        uploads = {each.username for each in self._transfers if each.is_upload() and not each.is_finalized()}
        plan = self._watch_list.plan(uploads | self.waited_for(), self.clock.now())
        for username in plan.add:
            await self._user_manager.track_user(username, TrackingFlag.TRANSFER)
        for username in plan.drop:
            await self._user_manager.untrack_user(username, TrackingFlag.TRANSFER)
        if plan.again is not None:
            self._wake_in(plan.again)

    # -- what may start

    def manage_transfers(self) -> None:
        for username in [name for name, lock in self._locks.items() if not lock.locked()] if len(self._locks) > 1000 else ():
            del self._locks[username]
        self.holds.prune(self.clock.now())
        super().manage_transfers()

    def may_ask(self, transfer: Transfer) -> bool:
        """Whether this download is to be asked for now; overridden by who waits for files."""
        return transfer.is_download() and not transfer.remotely_queued and transfer.state.VALUE in QUEUED_STATES

    def deals_with(self, username: str) -> bool:
        """Whether a transfer with this user is wanted, waits or goes on."""
        return any(each.username == username and not each.is_finalized() for each in self._transfers)

    def affordable(self, username: str) -> bool:
        """Whether this user can be talked to now: over a connection there is, or over a new one that the server has not been asked too often for."""
        if self._network.get_active_peer_connections(username, PeerConnectionType.PEER):
            return True
        if self._network.server_connection.state != ConnectionState.CONNECTED:
            return False  # a new session asks for all again
        wait = self.allowance.wait(username, CONNECTING, self.clock.now())
        if wait:
            self._wake_in(wait)
        return not wait

    def _get_queued_transfers(self) -> tuple[list[Transfer], list[Transfer]]:
        """Of each user's downloads one: it asks for them all."""
        downloads, uploads = super()._get_queued_transfers()
        now = self.clock.now()
        first: dict[str, Transfer] = {}
        for each in downloads:
            if each.username not in first and self.may_ask(each):
                first[each.username] = each
        return [
            each
            for username, each in first.items()
            if not ((lock := self._locks.get(username)) and lock.locked())
            and not self.holds.remaining(username, now)
            and self.affordable(username)
        ], uploads

    # -- asking others for files

    def unreachable(self, username: str, reason: str) -> None:
        """A user could not be reached; overridden by who waits for files."""

    async def _queue_remotely(self, transfer: Transfer) -> None:
        """Ask for all that is wanted of this user over one connection, and believe it only when the connection stays open."""
        username = transfer.username
        async with self._locks.setdefault(username, asyncio.Lock()):
            if transfer not in self._transfers or not self.may_ask(transfer) or self.holds.remaining(username, self.clock.now()):
                return
            wanted = [each for each in self._transfers if each.username == username and self.may_ask(each)]
            try:
                async with asyncio.timeout(self.manners.connect):
                    # the second try is for a connection that its owner closes just then, as happens after a search answer
                    if not await self._ask_for(wanted, username) and not await self._ask_for(wanted, username):
                        raise ConnectionWriteError("the connection closed under the request")
            except (NetworkError, TimeoutError) as error:
                for each in wanted:
                    each.increase_queue_attempts()
                if self._network.server_connection.state != ConnectionState.CONNECTED:
                    return  # our own absence says nothing about this user
                reason = f"{username} {NOT_ONLINE}" if isinstance(error, UserOffline) else f"{username} cannot be reached"
                wait = self.holds.failed(username, self.clock.now(), reason)
                log.info("%s; left alone for %.0f s", reason, wait)
                self._wake_in(wait)
                self.unreachable(username, reason)
                return
            self.holds.succeeded(username)
            for each in wanted:
                if each.state.VALUE in QUEUED_STATES:
                    each.remotely_queued = True
                each.reset_queue_attempts()
        self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)  # for files that came to be wanted meanwhile

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
        """After a reconnect peers may have dropped us from their queues while we were away: ask once more, those on hold too."""
        self.holds.clear()
        self._watch_list.clear()
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
