"""Shell: aioslsk's share hooks answered from the index: searches, browsing, "not shared"; nothing is held in memory but the last browse reply."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any

from aioslsk.events import EventBus, ScanCompleteEvent, SearchRequestReceivedEvent, SearchResultEvent, on_message
from aioslsk.exceptions import ConnectionWriteError, NetworkError
from aioslsk.exceptions import FileNotFoundError as NotShared
from aioslsk.network.connection import CloseReason, PeerConnection, ServerConnection
from aioslsk.network.network import Network
from aioslsk.peer import PeerManager
from aioslsk.protocol.messages import (
    DistributedSearchRequest,
    DistributedServerSearchRequest,
    PeerSearchReply,
    PeerSharesRequest,
    PeerUserInfoReply,
    PeerUserInfoRequest,
    WishlistInterval,
)
from aioslsk.protocol.primitives import Attribute, DirectoryData, FileData
from aioslsk.search.manager import SearchManager
from aioslsk.search.model import SearchResult
from aioslsk.settings import Settings
from aioslsk.shares.manager import SharesManager
from aioslsk.shares.model import SharedDirectory, SharedItem
from aioslsk.user.model import BlockingFlag
from aioslsk.utils import task_counter

from slskdn_tui.engine.peers.bandwidth import TokenBucket
from slskdn_tui.engine.soulseek.shares.distributed import SEARCHES_BURST, SEARCHES_S
from slskdn_tui.engine.soulseek.shares.index import Shared, ShareReader
from slskdn_tui.engine.soulseek.shares.packed import browse_message
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

MAX_REPLIES_UNDER_WAY = 50
BROWSES_AT_ONCE = 16
BROWSES_A_HOST = 4
BROWSE_WRITE_S = 120.0


def file_data(found: Shared, full_path: bool = True) -> FileData:
    return FileData(
        unknown=1,
        filename=found.remote if full_path else found.name,
        filesize=found.size,
        extension=found.extension,
        attributes=[Attribute(key, value) for key, value in found.attributes],
    )


class IndexedItem(SharedItem):
    """A `SharedItem` that knows both of its paths instead of joining them from a folder object."""

    def __init__(self, found: Shared) -> None:
        super().__init__(_NOWHERE, "", found.name, 0.0)
        self.found = found
        self.attributes = list(found.attributes)

    def get_absolute_path(self) -> str:
        return self.found.local

    def get_remote_path(self) -> str:
        return self.found.remote


_NOWHERE = SharedDirectory("", "", "")


class IndexedSharesManager(SharesManager):
    """The hooks that aioslsk calls without await, each a few statements on the reader."""

    def __init__(self, settings: Settings, event_bus: EventBus, network: Network, reader: ShareReader) -> None:
        super().__init__(settings, event_bus, network)
        self.reader = reader
        self._browse: bytes | None = None
        self._browse_lock = asyncio.Lock()

    async def load_data(self) -> None:
        """Nothing to load: the index is on disk."""

    async def store_data(self) -> None:
        """Nothing to store."""

    async def scan(self) -> None:
        """The index changed: tell the server, and let queued uploads be looked at again."""
        self._browse = None
        folders, files = self.get_stats()
        await self._event_bus.emit(ScanCompleteEvent(folders, files))
        await self.report_shares()

    def get_stats(self) -> tuple[int, int]:
        return self.reader.totals()

    def query(
        self, query: Any, username: str | None = None, excluded_search_phrases: list[str] | None = None
    ) -> tuple[list[SharedItem], list[SharedItem]]:
        text = query if isinstance(query, str) else query.query
        return [IndexedItem(each) for each in self.reader.query(text, excluded_search_phrases or ())], []

    def get_shared_item_cache(self, remote_path: str, username: str | None = None) -> SharedItem:
        found = self.reader.find(remote_path)
        if found is None:
            raise NotShared(f"{remote_path} is not shared")
        return IndexedItem(found)

    async def get_shared_item(self, remote_path: str, username: str | None = None) -> SharedItem:
        item = self.get_shared_item_cache(remote_path, username=username)
        if not await asyncio.to_thread(os.path.isfile, item.get_absolute_path()):
            raise NotShared(f"{remote_path} is shared but gone from the disk")
        return item

    def is_item_locked(self, item: SharedItem, username: str) -> bool:
        return False

    def create_directory_reply(self, remote_directory: str) -> list[DirectoryData]:
        files = self.reader.folder(remote_directory)
        return [] if files is None else [DirectoryData(remote_directory, [file_data(each, False) for each in files])]

    async def browse_reply(self) -> bytes:
        """The whole browse message as it goes on the wire, made in a thread and kept until the next scan."""
        async with self._browse_lock:
            made = self._browse
            if made is None:
                made = self._browse = await asyncio.to_thread(self._make_browse_reply)
            return made

    def _make_browse_reply(self) -> bytes:
        count, folders = self.reader.all_folders()
        return browse_message(folders, count)


class IndexedPeerManager(PeerManager):
    """Browse replies come from the cache, with a deadline that fits their size, and not too many at once: each is in memory until it is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._browsing: list[str] = []

    @on_message(PeerSharesRequest.Request)
    async def _on_peer_shares_request(self, message: PeerSharesRequest.Request, connection: PeerConnection) -> None:
        if not connection.username or self._settings.users.is_blocked(connection.username, BlockingFlag.SHARES):
            return
        host = connection.hostname
        if len(self._browsing) >= BROWSES_AT_ONCE or self._browsing.count(host) >= BROWSES_A_HOST:
            log.debug("too many browse: %s is not answered", SafeText(connection.username, 40))
            return
        self._browsing.append(host)
        try:
            reply = await self._shares_manager.browse_reply()
            await connection._send(connection.encode_message_data(reply), timeout=BROWSE_WRITE_S)
        except ConnectionWriteError as error:
            log.debug("a browse reply did not reach %s: %s", SafeText(connection.username, 40), type(error).__name__)
        finally:
            self._browsing.remove(host)

    @on_message(PeerUserInfoRequest.Request)
    async def _on_peer_user_info_request(self, message: PeerUserInfoRequest.Request, connection: PeerConnection) -> None:
        """Slots and queue as they are for the one who asks."""
        username = connection.username
        if not username or self._settings.users.is_blocked(username, BlockingFlag.INFO):
            return
        uploads, info = self._upload_info_provider, self._settings.credentials.info
        reply = PeerUserInfoReply.Request(
            description=info.description or "",
            has_picture=bool(info.picture),
            picture=info.picture,
            upload_slots=uploads.rules.slots_of(uploads.group(username)),
            queue_size=uploads.queue_size_for(username),
            has_slots_free=uploads.slots_free_for(username),
        )
        await connection.send_message(reply)


class IndexedSearchManager(SearchManager):
    """Search replies made from the index alone (stock asks the disk for each file's size), and not more than 50 under way.

    `is_parent(connection)` says whose distributed searches are answered, `in_use(username)` whether something else goes on with a user."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_parent: Callable[[PeerConnection], bool] = lambda connection: True
        self.in_use: Callable[[str], bool] = lambda username: False
        self._asked = TokenBucket(SEARCHES_S, SEARCHES_BURST, monotonic())

    @on_message(DistributedSearchRequest.Request)
    async def _on_distributed_search_request(self, message: DistributedSearchRequest.Request, connection: PeerConnection) -> None:
        if self.is_parent(connection):
            await super()._on_distributed_search_request(message, connection)

    @on_message(DistributedServerSearchRequest.Request)
    async def _on_distributed_server_search_request(
        self, message: DistributedServerSearchRequest.Request, connection: PeerConnection
    ) -> None:
        if self.is_parent(connection):
            await super()._on_distributed_server_search_request(message, connection)

    async def _query_shares_and_reply(self, ticket: int, username: str, query: str) -> None:
        if not self._session or username == self._session.user.name or self._settings.users.is_blocked(username, BlockingFlag.SEARCHES):
            return
        if len(self._search_reply_tasks) >= MAX_REPLIES_UNDER_WAY or not self._asked.take(1.0, monotonic()):
            return
        items, _ = self._shares_manager.query(query, username, self.excluded_search_phrases)
        await self._event_bus.emit(SearchRequestReceivedEvent(username=username, query=query, result_count=len(items)))
        if items:
            task = asyncio.create_task(self._reply(ticket, username, items), name=f"search-reply-{task_counter()}")
            task.add_done_callback(partial(self._search_reply_task_callback, ticket, username, query))
            self._search_reply_tasks.append(task)

    async def _reply(self, ticket: int, username: str, items: Sequence[IndexedItem]) -> None:
        session = self._session
        if session is None:
            return
        uploads = self._upload_info_provider
        reply = PeerSearchReply.Request(
            username=session.user.name,
            ticket=ticket,
            results=[file_data(each.found) for each in items],
            has_slots_free=uploads.slots_free_for(username),
            avg_speed=int(uploads.get_average_upload_speed()),
            queue_size=uploads.queue_size_for(username),
        )
        try:
            await self._network.send_peer_messages(username, reply)
        except NetworkError as error:
            log.debug("a search answer did not reach %s: %s", SafeText(username, 40), type(error).__name__)

    @on_message(PeerSearchReply.Request)
    async def _on_peer_search_reply(self, message: PeerSearchReply.Request, connection: PeerConnection) -> None:
        """Stock closes the connection each answer came by. A user has one for all that is said, so that would cut off whatever is asked of him just
        then: a file that is queued or offered, a folder. Such a one stays; idle, it ends by itself within a minute."""
        request = self.requests.get(message.ticket)
        if request is not None:
            result = SearchResult(
                ticket=message.ticket,
                username=message.username,
                has_free_slots=message.has_slots_free,
                avg_speed=message.avg_speed,
                queue_size=message.queue_size,
                shared_items=message.results,
                locked_results=message.locked_results or [],
            )
            await self._event_bus.emit(SearchResultEvent(request, result))
        if not self.in_use(connection.username or ""):
            await connection.disconnect(CloseReason.REQUESTED)

    async def _wishlist_job(self) -> None:
        """Stock sends all wishes in a burst at each interval; ours go through the gate, one an interval."""

    @on_message(WishlistInterval.Response)
    async def _on_wish_list_interval(self, message: WishlistInterval.Response, connection: ServerConnection) -> None:
        """Stock starts its own timer, and a second such message of a session would cancel whoever reads the server's messages."""
        self.wishlist_interval = message.interval
