"""Shell: aioslsk's network on one address: listening there, connecting from there, with caps and deadlines it does not have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aioslsk.events import EventBus, MessageReceivedEvent
from aioslsk.exceptions import PeerConnectionError
from aioslsk.network.connection import ConnectionState, ListeningConnection, PeerConnection
from aioslsk.network.network import ListeningConnections, Network
from aioslsk.protocol.messages import GetPeerAddress, MessageDataclass
from aioslsk.settings import Settings

log = logging.getLogger(__name__)

ANY_ADDRESS = ("", "0.0.0.0")
MAX_INCOMING = 512
MAX_INCOMING_PER_HOST = 32
ADDRESS_TIMEOUT_S = 15.0


class UserOffline(PeerConnectionError):
    """The server has no address for this user: not online. No indirect attempt is worth making."""


class CappedListening(ListeningConnection):
    """A listening port that turns strangers away when too many are connected: a broad search brings thousands of answers."""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        incoming = [each for each in self.network.peer_connections if each.incoming]
        if peer is None or len(incoming) >= MAX_INCOMING or sum(each.hostname == peer[0] for each in incoming) >= MAX_INCOMING_PER_HOST:
            writer.transport.abort()
            return
        await super().accept(reader, writer)


class BoundNetwork(Network):
    """`address` is listened on and connected from (`0.0.0.0`: any).

    `asked_for_replies` names users whose browse, folder or info replies were asked for; `wants_search_replies` says whether any search is open.
    Such messages are refused unread otherwise (hardening).
    """

    def __init__(self, settings: Settings, event_bus: EventBus, address: str) -> None:
        self._address = address or "0.0.0.0"
        self.local_address: str | None = None if address in ANY_ADDRESS else address
        self.asked_for_replies: set[str] = set()
        self.wants_search_replies: Callable[[], bool] = lambda: True
        super().__init__(settings, event_bus)

    def create_listening_connections(self) -> ListeningConnections:
        listening = self._settings.network.listening
        return (
            CappedListening(self._address, listening.port, self, obfuscated=False) if listening.port else None,
            CappedListening(self._address, listening.obfuscated_port, self, obfuscated=True) if listening.obfuscated_port else None,
        )

    async def _get_peer_address(self, username: str) -> tuple[str, int, int]:
        """As stock, with a deadline (stock waits for ever when the server goes away), and `UserOffline` told apart."""
        if self.server_connection.state != ConnectionState.CONNECTED:
            raise PeerConnectionError("not connected to the server")
        answer = self.create_server_response_future(GetPeerAddress.Response, fields={"username": username})
        try:
            async with asyncio.timeout(ADDRESS_TIMEOUT_S):
                await self.server_connection.send_message(GetPeerAddress.Request(username))
                _, response = await answer
        except TimeoutError as error:
            raise PeerConnectionError(f"the server did not answer where {username} is") from error
        finally:
            answer.cancel()
        if response.ip == "0.0.0.0":
            raise UserOffline(f"{username} is not online")
        return response.ip, response.port, response.obfuscated_port or 0

    async def _create_peer_connection_fallback(
        self, ticket: int, username: str, typ: str, ip: str | None = None, port: int | None = None, obfuscate: bool = False
    ) -> PeerConnection:
        """Direct first, through the server when that fails; a user who is not online costs one question and no more."""
        if ip is None or port is None:
            ip, clear, obfuscated = await self._get_peer_address(username)
            if not clear and not obfuscated:
                return await self._make_indirect_connection(ticket, username, typ)
            port, obfuscate = self.select_port(clear, obfuscated)
        return await super()._create_peer_connection_fallback(ticket, username, typ, ip, port, obfuscate)

    async def on_message_received(self, message: MessageDataclass, connection: Any) -> None:
        """As stock, but an answer nobody waits for any more does not keep the others from theirs."""
        handler = self._MESSAGE_MAP.get(type(message))
        if handler is not None:
            await handler(message, connection)
        await self._event_bus.emit(MessageReceivedEvent(message, connection))
        for expected in tuple(self._expected_response_futures):
            if not expected.done() and expected.matches(connection, message):
                expected.set_result((connection, message))
