"""Shell: the giving half of the polite transfer manager: who is served next, what is refused, and how bytes go out.

Stock 1.7.1 never tells a place in queue, serves the newest first, and lets a silent downloader keep a slot for ever. Decisions are in
`groups.py`; what is overridden here is held by a contract test.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from aioslsk.constants import TRANSFER_REPLY_TIMEOUT
from aioslsk.events import on_message
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError, FileNotSharedError, NetworkError
from aioslsk.exceptions import FileNotFoundError as NotShared
from aioslsk.network.connection import CloseReason, PeerConnection, PeerConnectionState, PeerConnectionType
from aioslsk.protocol.messages import (
    AddUser,
    GetUserStats,
    PeerPlaceInQueueReply,
    PeerPlaceInQueueRequest,
    PeerTransferQueue,
    PeerTransferQueueFailed,
    PeerTransferReply,
    PeerTransferRequest,
    PeerUploadFailed,
    SendUploadSpeed,
)
from aioslsk.protocol.primitives import uint32
from aioslsk.transfer.manager import TransferManager, _RequestFlag
from aioslsk.transfer.model import AbortReason, FailReason, Transfer, TransferDirection
from aioslsk.transfer.state import TransferState
from aioslsk.user.model import UserStatus

from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.soulseek.manners.holdoff import HoldOff
from slskdn_tui.engine.soulseek.manners.manners import Manners
from slskdn_tui.engine.soulseek.uploads.groups import BANNED, GROUPS, LEECHERS, Asker, GroupRules, Queue, Waiting, group_of, refusal
from slskdn_tui.engine.soulseek.uploads.stream import Declined, FairLimiter, FileChanged, OwnSpeed, check_file, chunk
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

KEEP_FINISHED = 100
MAX_QUEUED = 10_000
UPLOAD_TRIES = 5
OFFSET_S = 30.0
ASK_AGAIN_S = 600.0
KEEP_STATS = 5000
STATS_S = 3.0
"""The server is given so long to say what somebody shares before he counts as one who does."""


class UploadManager(TransferManager):
    """Callbacks may be set after construction, before the first transfer: `on_bytes(username, "up" | "down", n)`, `on_upload(transfer)`,
    `on_changed()` when a shared file is not as indexed, `relation(username)` giving "", "friend" or "banned", `spawn(name, work)` starting a supervised task."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clock: Clock = SystemClock()
        self.manners = Manners()
        self.on_bytes: Callable[[str, str, int], None] = lambda username, direction, count: None
        self.on_upload: Callable[[Transfer], None] = lambda transfer: None
        self.on_changed: Callable[[], None] = lambda: None
        self.relation: Callable[[str], str] = lambda username: ""
        self.spawn: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[Any]] = lambda name, work: asyncio.create_task(work, name=name)
        self.upload_holds = HoldOff()
        self.own_speed = OwnSpeed()
        self._wakes: set[asyncio.TimerHandle] = set()
        self._arrivals: dict[tuple[str, str], int] = {}
        self._arrival = 0
        self._uploads: dict[str, dict[str, Transfer]] = {}
        self._stats: dict[str, tuple[int, float]] = {}
        self._first: dict[str, float] = {}
        self._ending: set[str] = set()
        self._places: dict[tuple[str, str], int] | None = None
        self._ranks: Counter[tuple[bool, int]] = Counter()
        self.set_rules(GroupRules())

    def set_manners(self, manners: Manners) -> None:
        self.manners = manners
        self.upload_holds = HoldOff(manners.backoff)

    def set_rules(self, rules: GroupRules) -> None:
        """Groups as the settings want them; `clock` is set before."""
        self.rules = rules
        self.limit = FairLimiter(self.clock)
        self.group_limits = {group: FairLimiter(self.clock, rules.caps.get(group)) for group in GROUPS}

    async def stop(self) -> list[asyncio.Task[Any]]:
        for wake in self._wakes:
            wake.cancel()
        self._wakes.clear()
        return await super().stop()

    # -- who is who

    def group(self, username: str) -> str:
        """friends, default, leechers, or banned."""
        return self._asker(username).group

    def _asker(self, username: str) -> Asker:
        privileged = username in self._user_manager.privileged_users or bool(self._user_manager.get_user_object(username).privileged)
        return Asker(
            username, group_of(self.relation(username), self._stats.get(username, (None, 0.0))[0], privileged, self.rules), privileged
        )

    def _note_stats(self, username: str, files: int) -> None:
        self._stats.pop(username, None)
        self._first.pop(username, None)
        self._stats[username] = (files, self.clock.now())
        if len(self._stats) > KEEP_STATS:
            del self._stats[next(iter(self._stats))]
        self._places = None

    @on_message(AddUser.Response)
    async def _on_add_user(self, message: AddUser.Response, connection: PeerConnection) -> None:
        if message.exists and message.user_stats is not None:
            self._note_stats(message.username, message.user_stats.shared_file_count)
        await super()._on_add_user(message, connection)

    @on_message(GetUserStats.Response)
    async def _on_get_user_stats(self, message: GetUserStats.Response, connection: PeerConnection) -> None:
        if message.username in self._uploads or message.username in self._stats:
            self._note_stats(message.username, message.user_stats.shared_file_count)
            self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

    def _sweep(self) -> None:
        """What may no longer be sent is ended; somebody who was a leecher ten minutes ago is asked about again."""
        now = self.clock.now()
        for username, uploads in self._uploads.items():
            if username in self._ending or all(each.is_finalized() for each in uploads.values()):
                continue
            group = self.group(username)
            if words := refusal(group, 0, 0, 0, self.rules):
                self._ending.add(username)
                self.spawn("upload ended", self._end(username, words))
                continue
            files, asked = self._stats.get(username, (0, now))
            if group == LEECHERS and now - asked >= ASK_AGAIN_S:
                self._stats[username] = (files, now)
                self._network.queue_server_messages(GetUserStats.Request(username))

    # -- what may start

    def manage_transfers(self) -> None:
        self._forget_finished()
        self._sweep()
        super().manage_transfers()

    def _all(self) -> Iterator[Transfer]:
        for uploads in self._uploads.values():
            yield from uploads.values()

    def _queue(self) -> Queue:
        waiting, active = [], []
        for username, uploads in self._uploads.items():
            asker = self._asker(username)
            for path, each in uploads.items():
                if each.is_processing() or (each._transfer_task is not None and not each._transfer_task.done()):
                    active.append(asker)
                elif each.state.VALUE == TransferState.QUEUED:
                    waiting.append(Waiting(asker, self._arrivals.get((username, path), 0), path))
        return Queue(self.rules, waiting, active)

    def _ready(self, username: str) -> bool:
        """Online, not left alone, and the server has had time to say whether this is a leecher."""
        now = self.clock.now()
        asked = username not in self._stats and self.rules.leecher_files and not self.relation(username)
        if asked and now - self._first.get(username, now) < STATS_S:
            return False
        offline = self._user_manager.get_user_object(username).status == UserStatus.OFFLINE
        return not offline and not self.upload_holds.remaining(username, now)

    def _get_queued_transfers(self) -> tuple[list[Transfer], list[Transfer]]:
        """Stock's downloads, and the uploads that are to start now: no more than there are slots for."""
        downloads, _ = super()._get_queued_transfers()
        return downloads, [self._uploads[each.asker.username][each.path] for each in self._queue().starting(self._ready)]

    def get_average_upload_speed(self) -> float:
        return self.own_speed.average

    def get_upload_slots(self) -> int:
        return self.rules.total_slots

    def places(self) -> dict[tuple[str, str], int]:
        """(user, remote path) of all that wait for a slot, with their places from 1, in the order they will be served."""
        if self._places is None:
            order = self._queue().order()
            self._places = {(each.asker.username, each.path): place for place, each in enumerate(order, 1)}
            self._ranks = Counter(each.asker.rank for each in order)
        return self._places

    def get_place_in_queue(self, transfer: Transfer) -> int:
        """From 1; 0 when it does not wait."""
        return self.places().get((transfer.username, transfer.remote_path), 0)

    def get_queue_size(self) -> int:
        return len(self.places())

    def slots_free_for(self, username: str) -> bool:
        """Whether a file this user asks for now would start at once."""
        return self._queue().free_for(self.group(username))

    def queue_size_for(self, username: str) -> int:
        """How many files would be served before one that this user asks for now."""
        waiting, asker = len(self.places()), self._asker(username)
        return waiting if asker.group == BANNED else sum(count for rank, count in self._ranks.items() if rank <= asker.rank)

    def find_transfer(self, username: str, remote_path: str, direction: TransferDirection) -> Transfer | None:
        if direction == TransferDirection.UPLOAD:
            return self._uploads.get(username, {}).get(remote_path)
        return super().find_transfer(username, remote_path, direction)

    async def on_transfer_state_changed(self, transfer: Transfer, old: TransferState.State, new: TransferState.State) -> None:
        if transfer.is_upload():
            self._places = None
            if new == TransferState.QUEUED and old != TransferState.INITIALIZING:
                self._arrival += 1
                self._arrivals[transfer.username, transfer.remote_path] = self._arrival
                if transfer.username not in self._stats and transfer.username not in self._first:
                    self._first[transfer.username] = self.clock.now()
                    self._wake_in(STATS_S)
            self.on_upload(transfer)
        await super().on_transfer_state_changed(transfer, old, new)

    def _forget_finished(self) -> None:
        """Only the last uploads are remembered: the list is walked for every request."""
        finished = [each for each in self._all() if each.is_finalized()]
        gone = sorted(finished, key=lambda each: each.complete_time or 0.0)[:-KEEP_FINISHED] if len(finished) > 2 * KEEP_FINISHED else []
        for each in gone:
            del self._uploads[each.username][each.remote_path]
            self._arrivals.pop((each.username, each.remote_path), None)
            if not self._uploads[each.username]:
                del self._uploads[each.username]
                self._first.pop(each.username, None)
        if gone:
            ids = {id(each) for each in gone}
            self._transfers[:] = [each for each in self._transfers if id(each) not in ids]
        self.upload_holds.prune(self.clock.now())

    def _wake_in(self, seconds: float) -> None:
        """A management cycle when a hold ends."""

        def wake() -> None:
            self._wakes.discard(handle)
            self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

        handle = asyncio.get_running_loop().call_later(seconds + 0.01, wake)
        self._wakes.add(handle)

    # -- what others ask

    @on_message(PeerTransferQueue.Request)
    async def _on_peer_transfer_queue(self, message: PeerTransferQueue.Request, connection: PeerConnection) -> None:
        """A file is asked for. Answers are sent, not queued: who asks without reading is not read further."""
        if not connection.username:
            return
        words = await self._ask(connection.username, message.filename)
        if words:
            await connection.send_message(PeerTransferQueueFailed.Request(filename=message.filename, reason=words))

    @on_message(PeerTransferRequest.Request)
    async def _on_peer_transfer_request(self, message: PeerTransferRequest.Request, connection: PeerConnection) -> None:
        """An offer goes to the downloads; the old way of asking for a file is answered like the new one."""
        username, path = connection.username, message.filename
        if message.direction == TransferDirection.DOWNLOAD.value:
            await super()._on_peer_transfer_request(message, connection)
        elif username and message.direction == TransferDirection.UPLOAD.value:
            transfer = self._uploads.get(username, {}).get(path)
            if transfer is None or not transfer.is_processing():
                words = await self._ask(username, path) or FailReason.QUEUED
                await connection.send_message(PeerTransferReply.Request(ticket=message.ticket, allowed=False, reason=words))

    async def _ask(self, username: str, remote_path: str) -> str:
        """Queue a file for a user; why not, or "" when it waits (now or already)."""
        transfer = self._uploads.get(username, {}).get(remote_path)
        if self.group(username) == BANNED:
            return "Banned"
        if transfer is not None and transfer.state.VALUE == TransferState.ABORTED:
            return FailReason.CANCELLED
        if transfer is not None and not transfer.is_finalized():
            return ""
        try:
            if transfer is None:
                transfer = await self._add_upload(username, remote_path)
            else:
                item = await self._shares_manager.get_shared_item(remote_path, username)
                transfer.filesize, transfer.local_path = item.found.size, item.get_absolute_path()
                self._check(username, transfer.filesize)
        except NotShared:
            return FailReason.FILE_NOT_SHARED
        except FileNotSharedError as error:
            return str(error)
        await transfer.state.queue()
        return ""

    def _request_shares_cycle(self, event: Any) -> None:
        """Friends, bans or shares changed: places and running uploads follow."""
        self._places = None
        super()._request_shares_cycle(event)

    def _check(self, username: str, more: int) -> None:
        """Raises FileNotSharedError with the words for the peer when his queue is full, or he is not served."""
        mine = [each for each in self._uploads.get(username, {}).values() if not each.is_finalized()]
        size = sum(each.filesize or 0 for each in mine)
        words = refusal(self.group(username), len(mine), size, more, self.rules)
        if not words and sum(map(len, self._uploads.values())) >= MAX_QUEUED:
            words = "Too many files"
        if words:
            raise FileNotSharedError(words)

    async def _add_upload(self, username: str, remote_path: str) -> Transfer:
        """As stock, within limits. The size is the index's: a file that has another by now is not what was asked for."""
        item = await self._shares_manager.get_shared_item(remote_path, username)
        self._check(username, item.found.size)
        transfer = Transfer(username, remote_path, direction=TransferDirection.UPLOAD)
        transfer.local_path, transfer.filesize = item.get_absolute_path(), item.found.size
        transfer = await self.add(transfer)
        self._uploads.setdefault(username, {})[remote_path] = transfer
        return transfer

    @on_message(PeerPlaceInQueueRequest.Request)
    async def _on_peer_place_in_queue_request(self, message: PeerPlaceInQueueRequest.Request, connection: PeerConnection) -> None:
        if place := self.places().get((connection.username or "", message.filename), 0):
            await connection.send_message(PeerPlaceInQueueReply.Request(message.filename, place))

    # -- ending by hand or by rule

    async def stop_uploads(self, username: str, remote_path: str | None = None) -> int:
        """End what is sent to or waits for a user, and tell him; asked for again it is refused until it is forgotten. How many ended."""
        uploads = self._uploads.get(username, {}).values()
        found = [each for each in uploads if remote_path in (None, each.remote_path) and not each.is_finalized()]
        for each in found:
            await each.state.abort(reason=AbortReason.REQUESTED)
        self._refuse_all(username, found, FailReason.CANCELLED)
        return len(found)

    def relations_changed(self) -> None:
        """Somebody became a friend or was banned, or is no longer."""
        self._places = None
        self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

    async def _end(self, username: str, words: str) -> None:
        """All of a user's uploads, ended by a rule: they may be asked for again when the rule no longer holds."""
        try:
            found = [each for each in self._uploads.get(username, {}).values() if not each.is_finalized()]
            for each in found:
                await asyncio.gather(*each.cancel_tasks(), return_exceptions=True)
                await each.state.fail(reason=words)
        finally:
            self._ending.discard(username)
        self._refuse_all(username, found, words)

    def _refuse_all(self, username: str, transfers: list[Transfer], words: str) -> None:
        self._tell(username, *(PeerTransferQueueFailed.Request(filename=each.remote_path, reason=words) for each in transfers))

    def _tell(self, username: str, *messages: PeerTransferQueueFailed.Request | PeerUploadFailed.Request) -> None:
        """Tell a user over one connection, in the background; who cannot be reached is not told."""

        async def tell() -> None:
            try:
                async with asyncio.timeout(self.manners.connect):
                    await self._network.send_peer_messages(username, *messages)
            except (NetworkError, TimeoutError):
                log.debug("%s left before the end of an upload could be told", SafeText(username, 40))

        if messages:
            self.spawn("upload notice", tell())

    # -- one file

    async def _initialize_upload(self, transfer: Transfer) -> None:
        """Offer, connect, send. A downloader that cannot be reached is tried again after a wait, a few times; stock does so at once, for ever."""
        await transfer.state.initialize()
        username = transfer.username
        try:
            await asyncio.to_thread(check_file, transfer.local_path or "", transfer.filesize or 0)
            connection = await self._offer(transfer)
        except FileChanged as error:
            log.info("a shared file is not as it was: %s", error)
            await transfer.state.fail(reason=FailReason.FILE_NOT_SHARED)
            self._refuse_all(username, [transfer], FailReason.FILE_NOT_SHARED)
            self.on_changed()
        except Declined as error:
            self.upload_holds.succeeded(username)
            await transfer.state.fail(reason=str(SafeText(error, 100)))
        except (NetworkError, TimeoutError):
            await self._try_later(transfer)
        else:
            self.upload_holds.succeeded(username)
            offset, began = transfer.bytes_transfered, self.clock.now()
            await self._upload_file(transfer, connection)
            if transfer.state.VALUE == TransferState.COMPLETE and (
                speed := self.own_speed.note(transfer.bytes_transfered - offset, self.clock.now() - began)
            ):
                self._network.queue_server_messages(SendUploadSpeed.Request(speed))

    async def _try_later(self, transfer: Transfer) -> None:
        wait = self.upload_holds.failed(transfer.username, self.clock.now(), "cannot be reached")
        if self.upload_holds.attempts(transfer.username) > UPLOAD_TRIES:
            self.upload_holds.succeeded(transfer.username)
            await transfer.state.fail(reason="cannot be reached")
        else:
            self._wake_in(wait)
            await transfer.state.queue()

    async def _offer(self, transfer: Transfer) -> PeerConnection:
        """A file connection whose downloader has said from where; the transfer's position is set. Raises Declined, NetworkError, TimeoutError."""
        ticket = next(self._ticket_generator)
        answer = self._network.create_peer_response_future(transfer.username, PeerTransferReply.Request, fields={"ticket": ticket})
        offer = PeerTransferRequest.Request(TransferDirection.DOWNLOAD.value, ticket, transfer.remote_path, filesize=transfer.filesize)
        try:
            async with asyncio.timeout(self.manners.connect):
                await self._network.send_peer_messages(transfer.username, offer)
            async with asyncio.timeout(TRANSFER_REPLY_TIMEOUT):
                _, reply = await answer
        finally:
            answer.cancel()
        if not reply.allowed:
            raise Declined(reply.reason or FailReason.CANCELLED)
        async with asyncio.timeout(self.manners.connect):
            connection: PeerConnection = await self._network.create_peer_connection(transfer.username, PeerConnectionType.FILE)
        try:
            await connection.send_message(uint32(ticket).serialize())
            async with asyncio.timeout(OFFSET_S):
                offset = await connection.receive_transfer_offset()
            if offset > (transfer.filesize or 0):
                raise Declined(f"asks for byte {offset} of {transfer.filesize}")
        except BaseException:
            await connection.disconnect(CloseReason.REQUESTED)
            raise
        transfer.bytes_transfered = offset
        return connection

    async def _upload_file(self, transfer: Transfer, connection: PeerConnection) -> None:
        """As stock, counted and capped, never more than was told; a downloader that never closes (or never stops sending) does not keep the slot."""
        connection.set_connection_state(PeerConnectionState.TRANSFERRING)
        await transfer.state.start_transferring()
        try:
            await self._send(transfer, connection)
        except OSError as error:
            log.warning("cannot read a shared file: %s", SafeText(error))
            await transfer.state.fail(reason=FailReason.FILE_READ_ERROR)
            await connection.disconnect(CloseReason.REQUESTED)
            self._tell(transfer.username, PeerUploadFailed.Request(transfer.remote_path))
            self.on_changed()
            return
        except ConnectionWriteError:
            await transfer.state.fail(reason="the connection was closed")
            self._tell(transfer.username, PeerUploadFailed.Request(transfer.remote_path))
            return
        except asyncio.CancelledError:
            await connection.disconnect(CloseReason.REQUESTED)
            raise
        connection.transfer_read_timeout = self.manners.close
        try:
            while await connection.receive_data(4096):
                await connection.disconnect(CloseReason.REQUESTED)
        except ConnectionReadError:
            log.debug("%s did not close cleanly after the last byte", SafeText(transfer.username, 40))
        if transfer.is_transfered():
            await transfer.state.complete()
        else:
            await transfer.state.fail(reason="ended before the last byte")

    async def _send(self, transfer: Transfer, connection: PeerConnection) -> None:
        """The bytes, at the pace of the user's group and of all uploads: both are looked at for each piece. OSError when the file ends early."""
        handle = await asyncio.to_thread(open, transfer.local_path or "", "rb")
        try:
            await asyncio.to_thread(handle.seek, transfer.bytes_transfered)
            while (left := (transfer.filesize or 0) - transfer.bytes_transfered) > 0:
                limit = self.group_limits.get(self.group(transfer.username), self.limit)
                size = chunk(left, limit.rate, self.limit.rate)
                if limit is not self.limit:
                    await limit.take(size)
                await self.limit.take(size)
                data = await asyncio.to_thread(handle.read, size)
                if not data:
                    raise OSError("a shared file became shorter while it was sent")
                await connection.send_data(data)
                transfer._transfer_progress_callback(data)
                self.on_bytes(transfer.username, "up", len(data))
        finally:
            await asyncio.to_thread(handle.close)
