"""What we override or call in aioslsk by private name still exists with the shape we know: a new version must fail here, loudly."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect

import aioslsk.client
import aioslsk.distributed
import aioslsk.network.connection as connection
import aioslsk.network.network as network
import aioslsk.peer
import aioslsk.protocol.messages as messages
import aioslsk.protocol.primitives as primitives
import aioslsk.search.manager
import aioslsk.shares.manager
import aioslsk.transfer.manager
import aioslsk.transfer.model
import aioslsk.user.manager
import pytest

import slskdn_tui.engine.soulseek.client as ours_client
import slskdn_tui.engine.soulseek.downloads.origin as ours_origin
import slskdn_tui.engine.soulseek.downloads.polite as ours_polite
import slskdn_tui.engine.soulseek.people.people as ours_people
import slskdn_tui.engine.soulseek.shares.distributed as ours_distributed
import slskdn_tui.engine.soulseek.shares.shares as ours_shares
import slskdn_tui.engine.soulseek.uploads.uploads as ours_uploads
import slskdn_tui.engine.soulseek.wire.network as ours_network

Transfers = aioslsk.transfer.manager.TransferManager
Shares = aioslsk.shares.manager.SharesManager
Searches = aioslsk.search.manager.SearchManager
Net = network.Network
Tree = aioslsk.distributed.DistributedNetwork
Data = connection.DataConnection

SIGNATURES = {
    (Transfers, "_get_queued_transfers"): ["self"],
    (Transfers, "_prioritize_uploads"): ["self", "uploads"],
    (Transfers, "_queue_remotely"): ["self", "transfer"],
    (Transfers, "get_place_in_queue"): ["self", "transfer"],
    (Transfers, "get_queue_size"): ["self"],
    (Transfers, "request_place_in_queue"): ["self", "transfer"],
    (Transfers, "manage_transfers"): ["self"],
    (Transfers, "manage_user_tracking"): ["self"],
    (Transfers, "_on_get_user_status"): ["self", "message", "connection"],
    (Transfers, "request_management_cycle"): ["self", "flag"],
    (Transfers, "_initialize_download"): ["self", "transfer", "peer_connection", "request"],
    (Transfers, "_add_upload"): ["self", "username", "remote_path"],
    (Transfers, "find_transfer"): ["self", "username", "remote_path", "direction"],
    (Transfers, "_initialize_upload"): ["self", "transfer"],
    (Transfers, "_upload_file"): ["self", "transfer", "connection"],
    (Transfers, "_download_file"): ["self", "transfer", "connection"],
    (Transfers, "_calculate_offset"): ["self", "transfer"],
    (Transfers, "_on_peer_initialized"): ["self", "event"],
    (Transfers, "_on_session_initialized"): ["self", "event"],
    (Transfers, "_on_peer_transfer_queue"): ["self", "message", "connection"],
    (Transfers, "_on_peer_upload_failed"): ["self", "message", "connection"],
    (Transfers, "_on_add_user"): ["self", "message", "connection"],
    (Transfers, "_on_peer_transfer_request"): ["self", "message", "connection"],
    (Transfers, "_on_peer_place_in_queue_request"): ["self", "message", "connection"],
    (Transfers, "_request_shares_cycle"): ["self", "event"],
    (Transfers, "get_upload_slots"): ["self"],
    (Searches, "_on_distributed_search_request"): ["self", "message", "connection"],
    (Searches, "_on_distributed_server_search_request"): ["self", "message", "connection"],
    (Tree, "_on_peer_connection_initialized"): ["self", "event"],
    (Tree, "_check_if_new_parent"): ["self", "peer"],
    (Tree, "_calculate_max_children"): ["self", "upload_speed", "parent_speed_ratio"],
    (Tree, "_get_advertised_branch_values"): ["self"],
    (Tree, "_notify_server_of_parent"): ["self"],
    (Tree, "_on_distributed_branch_level"): ["self", "message", "connection"],
    (Tree, "_on_distributed_branch_root"): ["self", "message", "connection"],
    (Tree, "_on_distributed_child_depth"): ["self", "message", "connection"],
    (Tree, "_on_distributed_search_request"): ["self", "message", "connection"],
    (Tree, "_on_distributed_server_search_request"): ["self", "message", "connection"],
    (Transfers, "on_transfer_state_changed"): ["self", "transfer", "old", "new"],
    (aioslsk.transfer.model.Transfer, "_transfer_progress_callback"): ["self", "data"],
    (Shares, "query"): ["self", "query", "username", "excluded_search_phrases"],
    (Shares, "get_shared_item_cache"): ["self", "remote_path", "username"],
    (Shares, "get_shared_item"): ["self", "remote_path", "username"],
    (Shares, "create_directory_reply"): ["self", "remote_directory"],
    (Shares, "get_stats"): ["self"],
    (Shares, "is_item_locked"): ["self", "item", "username"],
    (Shares, "report_shares"): ["self"],
    (Shares, "load_data"): ["self"],
    (Shares, "store_data"): ["self"],
    (Shares, "scan"): ["self"],
    (Searches, "_query_shares_and_reply"): ["self", "ticket", "username", "query"],
    (Searches, "_search_reply_task_callback"): ["self", "ticket", "username", "query", "task"],
    (Searches, "_wishlist_job"): ["self"],
    (Searches, "_on_wish_list_interval"): ["self", "message", "connection"],
    (Searches, "_attach_request_timer_and_emit"): ["self", "request"],
    (Searches, "_on_peer_search_reply"): ["self", "message", "connection"],
    (Searches, "search"): ["self", "query"],
    (Searches, "search_user"): ["self", "username", "query"],
    (aioslsk.peer.PeerManager, "_on_peer_shares_request"): ["self", "message", "connection"],
    (Net, "create_listening_connections"): ["self"],
    (Net, "_get_peer_address"): ["self", "username"],
    (Net, "_create_peer_connection_fallback"): ["self", "ticket", "username", "typ", "ip", "port", "obfuscate"],
    (Net, "_make_indirect_connection"): ["self", "ticket", "username", "typ"],
    (Net, "on_message_received"): ["self", "message", "connection"],
    (Net, "get_active_peer_connections"): ["self", "username", "typ"],
    (Net, "get_peer_connection"): ["self", "username", "typ"],
    (Net, "send_peer_messages"): ["self", "username", "messages", "raise_on_error"],
    (Net, "create_peer_response_future"): ["self", "peer", "message_class", "fields"],
    (Net, "select_port"): ["self", "port", "obfuscated_port"],
    (Net, "on_peer_accepted"): ["self", "connection"],
    (Net, "advertise_listening_ports"): ["self"],
    (Net, "get_listening_ports"): ["self"],
    (Net, "create_server_response_future"): ["self", "message_class", "fields"],
    (connection.ListeningConnection, "accept"): ["self", "reader", "writer"],
    (connection.ListeningConnection, "disconnect"): ["self", "reason"],
    (connection.PeerConnection, "send_file"): ["self", "file_handle", "callback"],
    (connection.PeerConnection, "receive_data"): ["self", "n_bytes"],
    (Data, "_send"): ["self", "data", "timeout"],
    (Data, "encode_message_data"): ["self", "message"],
    (aioslsk.user.manager.UserManager, "track_user"): ["self", "username", "flag"],
    (aioslsk.user.manager.UserManager, "untrack_user"): ["self", "username", "flag"],
    (aioslsk.user.manager.UserManager, "get_user_object"): ["self", "username"],
    (aioslsk.user.manager.UserManager, "get_tracking_flags"): ["self", "username"],
    (aioslsk.user.manager.UserManager, "_on_private_message"): ["self", "message", "connection"],
    (aioslsk.user.manager.UserManager, "_on_peer_user_info_reply"): ["self", "message", "connection"],
    (aioslsk.client.SoulSeekClient, "create_user_manager"): ["self"],
    (aioslsk.client.SoulSeekClient, "login"): ["self", "minor_version"],
    (aioslsk.client.SoulSeekClient, "start"): ["self", "connect"],
    (aioslsk.client.SoulSeekClient, "create_network"): ["self"],
    (aioslsk.client.SoulSeekClient, "create_transfer_manager"): ["self", "cache"],
    (aioslsk.client.SoulSeekClient, "create_shares_manager"): ["self", "cache", "executor_factory"],
    (aioslsk.client.SoulSeekClient, "create_search_manager"): ["self"],
    (aioslsk.client.SoulSeekClient, "create_peer_manager"): ["self"],
}


def test_the_version_is_the_pinned_one() -> None:
    assert importlib.metadata.version("aioslsk") == "1.7.1"


@pytest.mark.parametrize(("owner", "name"), SIGNATURES, ids=lambda each: getattr(each, "__name__", each))
def test_an_overridden_method_has_the_parameters_we_know(owner: type, name: str) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == SIGNATURES[owner, name]


def test_the_functions_that_are_replaced_read_as_when_they_were_replaced() -> None:
    # by source file, because an earlier test may have installed the replacements already
    for module, name, wanted in (
        (connection, "async def _read_message(self)", "message = await self._reader.readexactly(message_len)"),
        (connection, "async def connect(self, timeout: float = 30)", "await asyncio.open_connection("),
        (connection, "async def receive_message_object(self)", "message = self.decode_message_data(message_data)"),
        (connection, "async def _read(", "async with asyncio.timeout(timeout) as self._read_timeout_object:"),
        (primitives, "def deserialize(cls, pos: int, message: bytes, decompress: bool = False)", "zlib.decompress(message[pos:])"),
        (primitives, "def deserialize(cls, pos: int, data: bytes, element_type: type[T])", "for _ in range(array_len):"),
        (primitives, "def deserialize(cls, pos: int, data: bytes) -> tuple[int, str]", "return end_pos, value.decode('cp1252')"),
    ):
        source = inspect.getsource(module)
        assert name in source and wanted in source
    assert (connection.HEADER_SIZE_UNOBFUSCATED, connection.HEADER_SIZE_OBFUSCATED) == (4, 8)
    assert hashlib.md5(b"ab").hexdigest() == primitives.calc_md5("ab")


def test_every_override_of_ours_overrides_something() -> None:
    for cls in (
        ours_network.BoundNetwork,
        ours_network.CappedListening,
        ours_distributed.ServedTree,
        ours_uploads.UploadManager,
        ours_polite.PoliteTransferManager,
        ours_origin.OriginTransferManager,
        ours_shares.IndexedSharesManager,
        ours_shares.IndexedPeerManager,
        ours_shares.IndexedSearchManager,
        ours_people.CarefulUserManager,
        ours_client.Client,
    ):
        for name, member in vars(cls).items():
            known = [base for base in cls.__mro__[1:] if (base, name) in SIGNATURES]
            if inspect.isfunction(member) and known:
                theirs = SIGNATURES[known[0], name]
                mine = list(inspect.signature(member).parameters)
                assert mine[: len(theirs)] == theirs, f"{cls.__name__}.{name}"


def test_message_handlers_that_are_overridden_stay_registered() -> None:
    for cls, name, message in (
        (ours_uploads.UploadManager, "_on_peer_transfer_queue", messages.PeerTransferQueue.Request),
        (ours_uploads.UploadManager, "_on_peer_place_in_queue_request", messages.PeerPlaceInQueueRequest.Request),
        (ours_uploads.UploadManager, "_on_add_user", messages.AddUser.Response),
        (ours_uploads.UploadManager, "_on_peer_transfer_request", messages.PeerTransferRequest.Request),
        (ours_shares.IndexedPeerManager, "_on_peer_user_info_request", messages.PeerUserInfoRequest.Request),
        (ours_shares.IndexedSearchManager, "_on_distributed_search_request", messages.DistributedSearchRequest.Request),
        (ours_distributed.ServedTree, "_on_distributed_search_request", messages.DistributedSearchRequest.Request),
        (ours_distributed.ServedTree, "_on_distributed_child_depth", messages.DistributedChildDepth.Request),
        (ours_origin.OriginTransferManager, "_on_peer_upload_failed", messages.PeerUploadFailed.Request),
        (ours_shares.IndexedPeerManager, "_on_peer_shares_request", messages.PeerSharesRequest.Request),
        (ours_shares.IndexedSearchManager, "_on_wish_list_interval", messages.WishlistInterval.Response),
        (ours_shares.IndexedSearchManager, "_on_peer_search_reply", messages.PeerSearchReply.Request),
        (ours_people.CarefulUserManager, "_on_private_message", messages.PrivateChatMessage.Response),
        (ours_people.CarefulUserManager, "_on_peer_user_info_reply", messages.PeerUserInfoReply.Request),
    ):
        assert getattr(cls, name)._registered_message is message


def test_the_flag_and_states_we_use_exist() -> None:
    from aioslsk.transfer.manager import _RequestFlag
    from aioslsk.transfer.model import Transfer, TransferDirection

    assert _RequestFlag.TRANSFER_CHANGE
    transfer = Transfer("u", "p", TransferDirection.DOWNLOAD)
    for name in ("_remotely_queue_task", "_transfer_task", "remotely_queued", "bytes_transfered", "local_path", "fail_reason"):
        assert hasattr(transfer, name)
