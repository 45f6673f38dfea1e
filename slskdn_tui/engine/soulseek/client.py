"""Shell: aioslsk's client with our parts in it, and the settings it is given."""

from __future__ import annotations

import asyncio
import random
from time import monotonic
from typing import Any

from aioslsk.client import SoulSeekClient
from aioslsk.network.network import PeerConnectMode
from aioslsk.peer import PeerManager
from aioslsk.search.manager import SearchManager
from aioslsk.settings import Settings
from aioslsk.shares.manager import SharesManager
from aioslsk.transfer.manager import TransferManager
from aioslsk.utils import ticket_generator

from slskdn_tui.config.settings import Secret
from slskdn_tui.config.settings import Soulseek as SoulseekSettings
from slskdn_tui.engine.soulseek.downloads.origin import OriginTransferManager
from slskdn_tui.engine.soulseek.people.people import CarefulUserManager
from slskdn_tui.engine.soulseek.shares.distributed import ServedTree
from slskdn_tui.engine.soulseek.shares.index import ShareReader
from slskdn_tui.engine.soulseek.shares.shares import IndexedPeerManager, IndexedSearchManager, IndexedSharesManager
from slskdn_tui.engine.soulseek.wire.network import BoundNetwork

MINOR_VERSION = 2600
"""Ours under aioslsk's major version 175, so that the network can tell this program from bare aioslsk (minor 1). Never 157."""

UPLOADS_DESCRIPTION = "slskdn-tui"


class PlainSettings(Settings):
    """aioslsk's settings from arguments only: it would read environment variables as common as DEBUG and USERS."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, *others: Any, **more: Any) -> tuple[Any, ...]:
        return (init_settings,)


def split_server(server: str) -> tuple[str, int]:
    """HOST:PORT apart. Raises ValueError with words for the settings' check."""
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"soulseek.server must be HOST:PORT, not {server!r}")
    return host.strip("[]"), int(port)


def kib_per_s(kilobits: int) -> int:
    """A cap in kilobits a second as aioslsk counts (KiB a second, 0 for none, never rounded down to none)."""
    return max(1, kilobits * 1000 // 8 // 1024) if kilobits else 0


def library_settings(settings: SoulseekSettings, password: str) -> PlainSettings:
    """aioslsk's settings for ours. UPnP, its reconnect, its scan, wishlist and stored results are off: those are ours to do."""
    host, port = split_server(settings.server)
    return PlainSettings(
        credentials={
            "username": settings.username,
            "password": password.reveal() if isinstance(password, Secret) else password,
            "info": {"description": UPLOADS_DESCRIPTION},
        },
        network={
            "server": {"hostname": host, "port": port, "reconnect": {"auto": False}},
            "listening": {"port": settings.listen_port, "obfuscated_port": 0},
            "peer": {"connect_mode": PeerConnectMode.FALLBACK},
            "upnp": {"enabled": False},
        },
        searches={"send": {"store_results": False, "request_timeout": 600}, "receive": {"max_results": 250, "store_amount": 50}},
        shares={"scan_on_start": False, "directories": []},
        rooms={"auto_join": False, "private_room_invites": False},
        transfers={"limits": {"upload_slots": settings.upload_slots}, "report_interval": 1.0},
    )


class Client(SoulSeekClient):
    """Bound to one address, polite, answering shares from an index; without aioslsk's loop exception handler."""

    network: BoundNetwork
    transfers: OriginTransferManager
    shares: IndexedSharesManager

    def __init__(self, settings: Settings, address: str, shares: ShareReader, rng: random.Random) -> None:
        self._address = address
        self._share_reader = shares
        super().__init__(settings)
        self.searches.is_parent = self.distributed_network.is_parent
        self.searches.in_use = lambda username: username in self.network.asked_for_replies or self.transfers.deals_with(username)
        self.network.wants_search_replies = lambda: bool(self.searches.requests)
        # tickets from anywhere: an answer to an earlier run's search must not look like one to ours
        start = rng.randrange(1, 0x7FFF0000)
        self.searches._ticket_generator = ticket_generator(start)
        self.transfers._ticket_generator = ticket_generator(start)
        self.network._ticket_generator = ticket_generator(start)

    async def start(self, connect: bool = False) -> None:
        """Services only; the session connects. The loop keeps the exception handler it had."""
        loop = asyncio.get_running_loop()
        handler = loop.get_exception_handler()
        await super().start(connect=False)
        loop.set_exception_handler(handler)

    async def login(self, minor_version: int = MINOR_VERSION) -> None:
        await super().login(minor_version=minor_version)

    def create_network(self) -> BoundNetwork:
        return BoundNetwork(self.settings, self.events, self._address)

    def create_user_manager(self) -> CarefulUserManager:
        return CarefulUserManager(self.settings, self.events, self.network)

    def create_transfer_manager(self, cache: Any) -> TransferManager:
        return OriginTransferManager(self.settings, self.events, self.users, self.shares, self.network, cache=cache)

    def create_shares_manager(self, cache: Any, executor_factory: Any = None) -> SharesManager:
        return IndexedSharesManager(self.settings, self.events, self.network, reader=self._share_reader)

    def create_search_manager(self) -> SearchManager:
        return IndexedSearchManager(self.settings, self.events, self.shares, self.transfers, self.network)

    def create_distributed_network(self) -> ServedTree:
        return ServedTree(self.settings, self.events, self.network, now=monotonic)

    def create_peer_manager(self) -> PeerManager:
        return IndexedPeerManager(self.settings, self.events, self.users, self.shares, self.transfers, self.network)
