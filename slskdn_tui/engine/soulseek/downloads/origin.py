"""Shell: aioslsk's transfer manager with sinks of ours: one run of a download is a `Fetch`, from the request to its end.

One front-to-back stream into a sink. aioslsk keeps the queue, the connections and the states; the bytes, the offset, the end and what happens
afterwards are decided here, and a transfer leaves aioslsk's list with its fetch, so nothing is ever queued again behind our back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from aioslsk.events import ConnectionStateChangedEvent, SessionInitializedEvent, on_message
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError, RequestPlaceFailedError
from aioslsk.network.connection import CloseReason, ConnectionState, PeerConnection, PeerConnectionState, ServerConnection
from aioslsk.protocol.messages import AddUser, GetUserStatus, PeerTransferReply, PeerTransferRequest, PeerUploadFailed
from aioslsk.protocol.primitives import uint64
from aioslsk.transfer.manager import _RequestFlag
from aioslsk.transfer.model import FailReason, Transfer, TransferDirection
from aioslsk.transfer.state import TransferState
from aioslsk.user.model import UserStatus

from slskdn_tui.engine.soulseek.downloads.polite import NOT_ONLINE, QUEUED_STATES, PoliteTransferManager
from slskdn_tui.engine.soulseek.downloads.queue_places import PlaceRounds, derived
from slskdn_tui.engine.soulseek.manners.pace import Pace
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.ports import OriginEnd, OriginSink, OriginState
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

FILE_CONNECTION_S = 60.0
UPLOAD_FAILURES = 3
SILENCES = 2
"""So many unanswered questions about a file's place, and it is asked for again: the request may be lost."""

Told = Callable[[OriginState, int | None, str], None]


class Fetch:
    """One run of a download. `news` is set when the file is offered and when all is over; `parked`: the offer was sent away for want of a place of ours."""

    def __init__(self, file: FoundFile, told: Told, pace: Pace) -> None:
        self.file = file
        self.pace = pace
        self.told = told
        self.sink: OriginSink | None = None
        self.taken = asyncio.Event()
        self.news = asyncio.Event()
        self.end: asyncio.Future[tuple[OriginEnd, str]] = asyncio.get_running_loop().create_future()
        self.end.add_done_callback(lambda done: self.news.set())
        self.state = OriginState.CONNECTING
        self.offer: tuple[PeerConnection, int] | None = None
        self.parked = False
        self.failures = 0
        self.place: int | None = None
        self.outcome: tuple[OriginEnd, str] | Exception | None = None

    def tell(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        self.state, self.place = state, place
        self.told(state, place, detail)

    def take(self, sink: OriginSink) -> None:
        """The bytes go here; an offer that is held is accepted."""
        self.sink, self.told = sink, sink.status
        self.taken.set()

    def untake(self, told: Told) -> None:
        """Wait on without a sink."""
        self.sink, self.told = None, told
        self.taken.clear()

    def finish(self, end: OriginEnd, words: str = "") -> None:
        if not self.end.done():
            self.end.set_result((end, str(SafeText(words))))

    @property
    def waits(self) -> bool:
        return self.state in (OriginState.CONNECTING, OriginState.QUEUED)


class OriginTransferManager(PoliteTransferManager):
    """Downloads go into the sinks of registered fetches; a download without one is refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetches: dict[tuple[str, str], Fetch] = {}
        self._asking: set[str] = set()
        self._gone: set[str] = set()
        self._missed: dict[asyncio.Future[None], frozenset[str]] = {}
        self._event_bus.register(ConnectionStateChangedEvent, self._on_connection)

    # -- a fetch's life

    async def begin(self, fetch: Fetch) -> Transfer:
        """Register and queue. Raises RuntimeError when this file is being fetched from this user already."""
        key = (fetch.file.username, fetch.file.path)
        if key in self._fetches:
            raise RuntimeError("this file is already being fetched from this user")
        self._fetches[key] = fetch
        transfer = Transfer(*key, TransferDirection.DOWNLOAD)
        try:
            await self.add(transfer)
            await transfer.state.queue()
        except BaseException:
            await self.leave(fetch, transfer)
            raise
        return transfer

    async def leave(self, fetch: Fetch, transfer: Transfer) -> None:
        """Out of aioslsk's list, its task and connection ended; an offer nobody took is declined."""
        key = (fetch.file.username, fetch.file.path)
        try:
            if fetch.offer is not None and not fetch.taken.is_set():
                await self._refuse(*fetch.offer)
            if transfer.is_processing() or transfer.state.VALUE in QUEUED_STATES:
                await transfer.state.abort(reason="Requested")
            await asyncio.gather(*transfer.cancel_tasks(), return_exceptions=True)
        finally:
            self._fetches.pop(key, None)
            self._transfers[:] = [each for each in self._transfers if each is not transfer]
        self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

    def fetch_of(self, transfer: Transfer) -> Fetch | None:
        return self._fetches.get((transfer.username, transfer.remote_path)) if transfer.is_download() else None

    def ask_again(self, fetch: Fetch, transfer: Transfer) -> None:
        """A parked file is wanted now."""
        fetch.parked = False
        transfer.remotely_queued = False
        self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)

    async def wait_back(self, usernames: Collection[str]) -> None:
        """Until one of these users, who could not be reached, may be tried (again): the server said so, or their hold is over."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._missed[future] = frozenset(usernames)
        self.request_management_cycle(_RequestFlag.TRANSFER_CHANGE)
        try:
            await future
        finally:
            del self._missed[future]

    def end_all(self, words: str) -> None:
        for fetch in self._fetches.values():
            fetch.finish(OriginEnd.LOST, words)

    # -- what aioslsk tells

    def waited_for(self) -> set[str]:
        """Those who are still to be asked for the first time only when they cannot be asked now: a message spent on watching could be what that lacks."""
        asked = {each.file.username for each in self._fetches.values() if each.state != OriginState.CONNECTING}
        first = {each.file.username for each in self._fetches.values()} - asked
        return asked.union(*self._missed.values()) | {username for username in first if not self.affordable(username)}

    def may_ask(self, transfer: Transfer) -> bool:
        fetch = self.fetch_of(transfer)
        return fetch is not None and not fetch.parked and fetch.offer is None and super().may_ask(transfer)

    def manage_transfers(self) -> None:
        now = self.clock.now()
        for fetch in tuple(self._fetches.values()):
            username = fetch.file.username
            if fetch.waits:
                if self._user_manager.get_user_object(username).status == UserStatus.OFFLINE:
                    fetch.finish(OriginEnd.OFFLINE, f"{username} {NOT_ONLINE}")
                elif fetch.state == OriginState.CONNECTING and (left := self.holds.remaining(username, now)):
                    fetch.finish(OriginEnd.OFFLINE, f"{self.holds.reason(username)}; next try in {left:.0f} s")
        self._gone &= self.waited_for()
        back = {name for name in frozenset[str]().union(*self._missed.values()) if self._is_back(name, now)}
        for future, names in self._missed.items():
            if not future.done() and names & back:
                future.set_result(None)
        super().manage_transfers()

    def _is_back(self, username: str, now: float) -> bool:
        online = self._user_manager.get_user_object(username).status in (UserStatus.ONLINE, UserStatus.AWAY)
        return online and not self.holds.remaining(username, now) and self.affordable(username)

    @on_message(GetUserStatus.Response)
    async def _on_get_user_status(self, message: GetUserStatus.Response, connection: Any) -> None:
        self._seen(message.username, message.status)
        await super()._on_get_user_status(message, connection)

    @on_message(AddUser.Response)
    async def _on_add_user(self, message: AddUser.Response, connection: Any) -> None:
        if message.exists and message.status is not None:
            self._seen(message.username, message.status)
        await super()._on_add_user(message, connection)

    def _seen(self, username: str, status: int) -> None:
        """Whoever was not online and now is, is no longer left alone."""
        if status == UserStatus.OFFLINE.value:
            self._gone.add(username)
        elif username in self._gone or self.holds.reason(username).endswith(NOT_ONLINE):
            self._gone.discard(username)
            self.holds.succeeded(username)

    async def _on_connection(self, event: ConnectionStateChangedEvent) -> None:
        """Without a session of ours nobody is known to keep us queued; with the next one all are asked again."""
        if isinstance(event.connection, ServerConnection) and event.state == ConnectionState.CLOSED:
            for fetch in tuple(self._fetches.values()):
                if fetch.waits:
                    fetch.tell(OriginState.OFFLINE, detail="this program is not logged in")

    async def _on_session_initialized(self, event: SessionInitializedEvent) -> None:
        for fetch in tuple(self._fetches.values()):
            if fetch.state == OriginState.OFFLINE:
                fetch.tell(OriginState.CONNECTING)
        await super()._on_session_initialized(event)

    def unreachable(self, username: str, reason: str) -> None:
        for fetch in tuple(self._fetches.values()):
            if fetch.file.username == username and fetch.waits:
                fetch.finish(OriginEnd.OFFLINE, reason)

    async def _queue_remotely(self, transfer: Transfer) -> None:
        await super()._queue_remotely(transfer)
        queued = False
        for each in self._transfers:
            fetch = self.fetch_of(each)
            if fetch is not None and each.remotely_queued and fetch.state == OriginState.CONNECTING:
                fetch.tell(OriginState.QUEUED)
                queued = True
        if queued and transfer.username not in self._asking:
            self._asking.add(transfer.username)
            self.spawn(f"places at {SafeText(transfer.username, 40)}", self._ask_places(transfer.username))

    async def _ask_places(self, username: str) -> None:
        """While files of ours wait in this user's queue: ask for a few places now and then. No answer at all means a request may be lost."""
        rounds, silent, wait = PlaceRounds(), Counter[str](), self.manners.place_first
        try:
            while True:
                await self.clock.sleep(wait)
                queued = self._queued_at(username)
                if not queued:
                    return
                wait = min(max(wait * 2, self.manners.place_first), self.manners.place_every)
                if not self.affordable(username):
                    continue
                picked = rounds.pick(tuple(queued))
                answers = await asyncio.gather(*(self._place_of(queued[path][1]) for path in picked))
                told = {path: place for path, place in zip(picked, answers, strict=True) if place is not None}
                now_queued = self._queued_at(username)
                for path, place in derived(tuple(now_queued), told).items():
                    now_queued[path][0].tell(OriginState.QUEUED, place)
                for path in picked:
                    silent[path] = 0 if path in told else silent[path] + 1
                    if silent[path] >= SILENCES and path in now_queued:
                        silent[path] = 0
                        self.ask_again(*now_queued[path])
        finally:
            self._asking.discard(username)

    def _queued_at(self, username: str) -> dict[str, tuple[Fetch, Transfer]]:
        """Files of ours in this user's queue, oldest first."""
        found = {}
        for each in self._transfers:
            fetch = self.fetch_of(each)
            if (
                fetch is not None
                and each.username == username
                and each.remotely_queued
                and fetch.state == OriginState.QUEUED
                and not fetch.parked
            ):
                found[each.remote_path] = (fetch, each)
        return found

    async def _place_of(self, transfer: Transfer) -> int | None:
        try:
            return max(1, await self.request_place_in_queue(transfer))
        except RequestPlaceFailedError:
            return None

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
        """The peer offers the file: when a place of ours is free say yes, wait for its connection, send the offset, receive."""
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
        if not await self._held(fetch, peer_connection, request.ticket):
            await transfer.state.queue(remotely=True)
            return
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

    async def _held(self, fetch: Fetch, connection: PeerConnection, ticket: int) -> bool:
        """Keep the offer until somebody takes it. After a while it is answered `Queued`: the peer drops it, and we ask again when a place is free."""
        fetch.parked, fetch.offer = False, (connection, ticket)
        fetch.news.set()
        try:
            async with asyncio.timeout(self.manners.hold):
                await fetch.taken.wait()
            return True
        except TimeoutError:
            fetch.parked = True
            fetch.offer = None
            await self._refuse(connection, ticket, FailReason.QUEUED)
            return False
        finally:
            if fetch.taken.is_set():
                fetch.offer = None

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
        if fetch is None or fetch.sink is None:
            return 0
        offset = fetch.sink.start(fetch.file.size)
        if not 0 <= offset <= fetch.file.size:
            raise ValueError(f"offset {offset} outside a file of {fetch.file.size} bytes")
        return offset

    async def _download_file(self, transfer: Transfer, connection: PeerConnection) -> None:
        """Receive into the sink until the last byte, until it has enough, or until the connection ends."""
        fetch = self.fetch_of(transfer)
        if fetch is None or fetch.sink is None:
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

    async def _refuse(self, connection: PeerConnection, ticket: int, reason: str = FailReason.CANCELLED) -> None:
        try:
            await connection.send_message(PeerTransferReply.Request(ticket=ticket, allowed=False, reason=reason))
        except ConnectionWriteError:
            log.debug("a refused offer could not be answered")
