"""Shell: aioslsk's part in the distributed search tree, served and guarded.

Stock 1.7.1 takes searches from any distributed connection and hands them on, makes a stranger who tells a branch our parent, and sends the server a
message for each child depth anybody tells: here the parent is one we were told of and went to, and only it is listened to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aioslsk.distributed import DistributedNetwork, DistributedPeer
from aioslsk.events import PeerInitializedEvent, on_message
from aioslsk.network.connection import CloseReason, PeerConnection, PeerConnectionType
from aioslsk.protocol.messages import (
    DistributedBranchLevel,
    DistributedBranchRoot,
    DistributedChildDepth,
    DistributedSearchRequest,
    DistributedServerSearchRequest,
)

from slskdn_tui.engine.peers.bandwidth import TokenBucket

SEARCHES_S = 100.0
SEARCHES_BURST = 1000.0
"""The network relays some twenty a second; more than this is somebody's mischief."""
BRANCHES_S = 1 / 60
BRANCHES_BURST = 5.0
"""What the parent tells of its branch goes on to the server and the children; a parent that flickers is left."""
MOST_CHILDREN = 50


class ServedTree(DistributedNetwork):
    """`now` gives monotonic seconds."""

    def __init__(self, *args: Any, now: Callable[[], float], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._now = now
        self._asked: set[int] = set()
        self._searches = TokenBucket(SEARCHES_S, SEARCHES_BURST, now())
        self._branches = TokenBucket(BRANCHES_S, BRANCHES_BURST, now())

    def is_parent(self, connection: PeerConnection) -> bool:
        """Whether this is the connection that searches come from."""
        return self.parent is not None and self.parent.connection is connection

    async def _on_peer_connection_initialized(self, event: PeerInitializedEvent) -> None:
        if event.connection.connection_type == PeerConnectionType.DISTRIBUTED:
            live = {id(each.connection) for each in self.distributed_peers}
            self._asked = (self._asked & live) | ({id(event.connection)} if event.requested else set())
        await super()._on_peer_connection_initialized(event)

    async def _check_if_new_parent(self, peer: DistributedPeer) -> None:
        if id(peer.connection) in self._asked:
            await super()._check_if_new_parent(peer)

    def _calculate_max_children(self, upload_speed: int, parent_speed_ratio: int) -> int:
        return min(MOST_CHILDREN, super()._calculate_max_children(upload_speed, max(1, parent_speed_ratio)))

    async def _told_of_branch(self, connection: PeerConnection) -> bool:
        """False for who may not tell; a parent that tells too often is left."""
        if id(connection) not in self._asked:
            return False
        if self.is_parent(connection) and not self._branches.take(1.0, self._now()):
            await connection.disconnect(CloseReason.REQUESTED)
            return False
        return True

    @on_message(DistributedBranchLevel.Request)
    async def _on_distributed_branch_level(self, message: DistributedBranchLevel.Request, connection: PeerConnection) -> None:
        before = self._branch()
        if await self._told_of_branch(connection):
            await super()._on_distributed_branch_level(message, connection)
            await self._tell_server(before)

    @on_message(DistributedBranchRoot.Request)
    async def _on_distributed_branch_root(self, message: DistributedBranchRoot.Request, connection: PeerConnection) -> None:
        before = self._branch()
        if await self._told_of_branch(connection):
            await super()._on_distributed_branch_root(message, connection)
            await self._tell_server(before)

    def _branch(self) -> tuple[Any, tuple[str, int] | None]:
        return self.parent, self._get_advertised_branch_values() if self._session is not None else None

    async def _tell_server(self, before: tuple[Any, tuple[str, int] | None]) -> None:
        """Our place changed under the same parent: stock tells only the children."""
        after = self._branch()
        if after[0] is not None and after[0] is before[0] and after[1] != before[1]:
            await self._notify_server_of_parent()

    @on_message(DistributedChildDepth.Request)
    async def _on_distributed_child_depth(self, message: DistributedChildDepth.Request, connection: PeerConnection) -> None:
        """Deprecated, and asked of nobody: not handed on."""

    @on_message(DistributedSearchRequest.Request)
    async def _on_distributed_search_request(self, message: DistributedSearchRequest.Request, connection: PeerConnection) -> None:
        if self.is_parent(connection) and self._searches.take(1.0, self._now()):
            await super()._on_distributed_search_request(message, connection)

    @on_message(DistributedServerSearchRequest.Request)
    async def _on_distributed_server_search_request(
        self, message: DistributedServerSearchRequest.Request, connection: PeerConnection
    ) -> None:
        if self.is_parent(connection) and self._searches.take(1.0, self._now()):
            await super()._on_distributed_server_search_request(message, connection)
