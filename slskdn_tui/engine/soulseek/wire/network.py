"""Shell: aioslsk's network on one address: listening there, connecting from there, with caps and deadlines it does not have."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aioslsk.events import EventBus, MessageReceivedEvent
from aioslsk.exceptions import PeerConnectionError
from aioslsk.network.connection import CloseReason, ConnectionState, ListeningConnection, PeerConnection
from aioslsk.network.network import ListeningConnections, Network
from aioslsk.protocol.messages import GetPeerAddress, MessageDataclass, SetListenPort
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

    _server: asyncio.Server | None

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        incoming = [each for each in self.network.peer_connections if each.incoming]
        if peer is None or len(incoming) >= MAX_INCOMING or sum(each.hostname == peer[0] for each in incoming) >= MAX_INCOMING_PER_HOST:
            writer.transport.abort()
            return
        await super().accept(reader, writer)

    async def disconnect(self, reason: CloseReason = CloseReason.UNKNOWN) -> None:
        """Stop listening; what came in by this port goes on. Stock waits for all of it to end, and complains when it does not."""
        await self.set_state(ConnectionState.CLOSING, close_reason=reason)
        server: asyncio.Server | None = self._server
        if server is not None:
            server.close()
        self._server = None
        await self.set_state(ConnectionState.CLOSED, close_reason=reason)


class BoundNetwork(Network):
    """`address` is listened on and connected from (`0.0.0.0`: any).

    `asked_for_replies` names users whose browse, folder or info replies were asked for; `wants_search_replies` says whether any search is open.
    Such messages are refused unread otherwise (hardening). `about_user` is told of each message to the server about where a user is.
    """

    def __init__(self, settings: Settings, event_bus: EventBus, address: str) -> None:
        self._address = address or "0.0.0.0"
        self.local_address: str | None = None if address in ANY_ADDRESS else address
        self.asked_for_replies: set[str] = set()
        self.wants_search_replies: Callable[[], bool] = lambda: True
        self.public_port = 0
        self.incoming = 0
        self.met_self = asyncio.Event()
        self._asking: Counter[str] = Counter()
        self.about_user: Callable[[str], None] = lambda username: None
        self.listening_connections: ListeningConnections
        super().__init__(settings, event_bus)

    def create_listening_connections(self) -> ListeningConnections:
        listening = self._settings.network.listening
        return (
            CappedListening(self._address, listening.port, self, obfuscated=False) if listening.port else None,
            CappedListening(self._address, listening.obfuscated_port, self, obfuscated=True) if listening.obfuscated_port else None,
        )

    @contextmanager
    def asking(self, username: str) -> Iterator[None]:
        """While a long reply of this user is waited for."""
        self._asking[username] += 1
        self.asked_for_replies.add(username)
        try:
            yield
        finally:
            self._asking[username] -= 1
            if not self._asking[username]:
                del self._asking[username]
                self.asked_for_replies.discard(username)

    @property
    def listen_port(self) -> int:
        """The port that is listened on, or is to be."""
        return int(self._settings.network.listening.port)

    async def move_port(self, port: int) -> None:
        """Listen on another port from now on; connections and transfers stay. Raises ConnectionFailedError, and the old port stays."""
        fresh = CappedListening(self._address, port, self, obfuscated=False)
        await fresh.connect()
        old = self.listening_connections[0]
        self.listening_connections = (fresh, self.listening_connections[1])
        self._settings.network.listening.port = port
        self.public_port, self.incoming = 0, 0
        if old is not None:
            await old.disconnect(CloseReason.REQUESTED)

    async def advertise_listening_ports(self) -> None:
        """As stock, with the port the router forwards when that is another one."""
        port, obfuscated = self.get_listening_ports()
        if self.public_port:
            port = self.public_port
        request = SetListenPort.Request(port, obfuscated_port_amount=1 if obfuscated else 0, obfuscated_port=obfuscated)
        await self.send_server_messages(request)

    async def on_peer_accepted(self, connection: PeerConnection) -> None:
        await super().on_peer_accepted(connection)
        if not connection.username:
            return
        if connection.username == self._settings.credentials.username:
            self.met_self.set()
        else:
            self.incoming += 1

    async def _get_peer_address(self, username: str) -> tuple[str, int, int]:
        """As stock, with a deadline (stock waits for ever when the server goes away), and `UserOffline` told apart."""
        if self.server_connection.state != ConnectionState.CONNECTED:
            raise PeerConnectionError("not connected to the server")
        self.about_user(username)
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

    async def _make_indirect_connection(self, ticket: int, username: str, typ: str) -> PeerConnection:
        self.about_user(username)
        return await super()._make_indirect_connection(ticket, username, typ)

    async def on_message_received(self, message: MessageDataclass, connection: Any) -> None:
        """As stock, but an answer nobody waits for any more does not keep the others from theirs."""
        handler = self._MESSAGE_MAP.get(type(message))
        if handler is not None:
            await handler(message, connection)
        await self._event_bus.emit(MessageReceivedEvent(message, connection))
        for expected in tuple(self._expected_response_futures):
            if not expected.done() and expected.matches(connection, message):
                expected.set_result((connection, message))
