"""Shell: what aioslsk 1.7.1 must be given before its first connection: caps on messages, and quiet loggers.

A 99 KiB message from any stranger costs stock aioslsk 1.6 GiB and a loop dead for 7.7 s: no cap on lengths, unbounded inflation, and the unparsed
rest printed with %r. `install` replaces some functions of the library once per process; tests/contract/test_aioslsk_overrides.py holds their names.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from aioslsk.exceptions import ConnectionFailedError, ConnectionReadError, MessageDeserializationError, NetworkError
from aioslsk.network.connection import (
    HEADER_SIZE_OBFUSCATED,
    HEADER_SIZE_UNOBFUSCATED,
    CloseReason,
    ConnectionState,
    DataConnection,
    PeerConnection,
    PeerConnectionState,
    PeerConnectionType,
    ServerConnection,
)
from aioslsk.protocol import obfuscation
from aioslsk.protocol.messages import PeerDirectoryContentsReply, PeerSearchReply, PeerSharesReply, PeerUserInfoReply
from aioslsk.protocol.primitives import Attribute, MessageDataclass, ProtocolDataclass, array, string, uint32

from slskdn_tui.engine.peers.bandwidth import TokenBucket
from slskdn_tui.engine.soulseek.wire.share_list import FolderReply, ShareList, read_folder, read_shares
from slskdn_tui.model.text import SafeText

KIB, MIB = 1024, 1024 * 1024

SERVER_CAP = 8 * MIB
INIT_CAP = 4 * KIB
DISTRIBUTED_CAP = 64 * KIB
PEER_CAP = 256 * KIB
"""wire bytes of a peer message that has no line of its own below"""
OBFUSCATED_CAP = 512 * KIB
"""de-obfuscation is a Python loop over each byte"""

SEARCH_REPLY = PeerSearchReply.Request.MESSAGE_ID
WIRE_CAPS: dict[int, int] = {
    SEARCH_REPLY: 1 * MIB,
    PeerSharesReply.Request.MESSAGE_ID: 32 * MIB,
    PeerDirectoryContentsReply.Request.MESSAGE_ID: 2 * MIB,
    PeerUserInfoReply.Request.MESSAGE_ID: 4 * MIB,
}
ASKED_ONLY = frozenset(
    (PeerSharesReply.Request.MESSAGE_ID, PeerDirectoryContentsReply.Request.MESSAGE_ID, PeerUserInfoReply.Request.MESSAGE_ID)
)
"""kinds that are taken only from users in `network.asked_for_replies`: nobody else has a reason to send them"""
INFLATED_CAPS: dict[type, int] = {
    PeerSearchReply.Request: 2 * MIB,
}
ELEMENTS_CAPS: dict[type, int] = {
    PeerSearchReply.Request: 20_000,
}
ELEMENTS_CAP = 500_000
"""things in lists of one message: each becomes objects of many times its bytes"""
ATTRIBUTES_CAP = 32
"""attributes of one file"""
INFLATED_CAP = 2 * MIB
LISTINGS: dict[int, tuple[Callable[[bytes], ShareList | FolderReply], int]] = {
    PeerSharesReply.Request.MESSAGE_ID: (read_shares, 64 * MIB),
    PeerDirectoryContentsReply.Request.MESSAGE_ID: (read_folder, 8 * MIB),
}
"""long replies that are read by our own parser in a thread, so that the loop goes on, with their inflated cap"""
SLOWEST_BYTES_S = 16 * KIB
"""such a reply may take a second for so many bytes, beside the usual deadline"""

INIT_S = 10.0
"""A stranger's first message is waited for so long."""
BIG = 64 * KIB
BIG_AT_ONCE = 32 * MIB
"""Unasked messages over 64 KiB that are on their way count against this in all: each is in memory until it is whole."""
MESSAGES_S, MESSAGES_BURST = 200.0, 1000.0
"""A peer's messages are read no faster than this, after a burst."""
DAMAGED_MESSAGES = 20
"""So many that cannot be read, and the connection is closed; other programs' own messages are such, too."""

_LENGTH = struct.Struct("<I")
_installed = False


class MessageRefused(Exception):
    """A message over its cap; the connection it came on is closed."""


def inflate(data: bytes, cap: int) -> bytes:
    """zlib data inflated to at most `cap` bytes. Raises MessageRefused when there is more, zlib.error when it is damaged or cut."""
    inflater = zlib.decompressobj()
    out = inflater.decompress(data, cap)
    if inflater.unconsumed_tail or (len(out) == cap and not inflater.eof):
        raise MessageRefused(f"inflates to more than {cap} bytes")
    if not inflater.eof:
        raise zlib.error("incomplete compressed message")
    return out


def wire_cap(connection: DataConnection, code: int) -> int:
    """How long (bytes after the length field) a message with this code may be on this connection; 0: not wanted at all."""
    if isinstance(connection, ServerConnection):
        return SERVER_CAP
    if not isinstance(connection, PeerConnection) or connection.connection_state == PeerConnectionState.AWAITING_INIT:
        return INIT_CAP
    if connection.connection_type != PeerConnectionType.PEER:
        return DISTRIBUTED_CAP
    cap = WIRE_CAPS.get(code, PEER_CAP)
    network = connection.network
    if code in ASKED_ONLY and connection.username not in getattr(network, "asked_for_replies", ()):
        return 0
    if code == SEARCH_REPLY and not getattr(network, "wants_search_replies", bool)():
        return 0
    return min(cap, OBFUSCATED_CAP) if connection.obfuscated else cap


def _most(connection: DataConnection) -> int:
    return SERVER_CAP if isinstance(connection, ServerConnection) else max(WIRE_CAPS.values())


async def _read_message(self: DataConnection) -> bytes:
    """`DataConnection._read_message` with the length held against a cap by kind before anything is read or allocated."""
    reader = self._reader
    if not reader:
        raise ConnectionReadError(f"{self.hostname}:{self.port} : cannot read message, connection is not open")
    if isinstance(self, PeerConnection) and self.connection_state == PeerConnectionState.AWAITING_INIT:
        async with asyncio.timeout(INIT_S):
            return await _read_capped(self, reader)
    return await _read_capped(self, reader)


async def _read_capped(self: DataConnection, reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(HEADER_SIZE_OBFUSCATED if self.obfuscated else HEADER_SIZE_UNOBFUSCATED)
    length = _LENGTH.unpack_from(obfuscation.decode(header) if self.obfuscated else header)[0]
    if length > _most(self):
        raise MessageRefused(f"message of {length} bytes")
    first = await _exactly(reader, min(4, length))
    plain = obfuscation.decode(header + first)[4:] if self.obfuscated else first
    code = _LENGTH.unpack(plain)[0] if len(plain) == 4 else plain[0] if plain else 0
    cap = wire_cap(self, code)
    if length > cap:
        raise MessageRefused(f"message {code} of {length} bytes, at most {cap} allowed")
    if code in LISTINGS and isinstance(self, PeerConnection) and self._read_timeout_object is not None:
        self._read_timeout_object.reschedule(asyncio.get_running_loop().time() + self.read_timeout + length / SLOWEST_BYTES_S)
    with _held.room(0 if length <= BIG or code in ASKED_ONLY or isinstance(self, ServerConnection) else length):
        return header + first + await _exactly(reader, length - len(first))


async def _exactly(reader: asyncio.StreamReader, count: int) -> bytes:
    """`readexactly` whose error does not carry what did come: stock prints it with %r."""
    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as error:
        raise asyncio.IncompleteReadError(b"?", error.expected) from None


class _Held:
    """Bytes of long messages that are being read."""

    def __init__(self) -> None:
        self.bytes = 0

    @contextmanager
    def room(self, count: int) -> Iterator[None]:
        """Raises MessageRefused when there is none."""
        if self.bytes + count > BIG_AT_ONCE:
            raise MessageRefused("too many long messages at once")
        self.bytes += count
        try:
            yield
        finally:
            self.bytes -= count


_held = _Held()


def _listing(data: bytes) -> ShareList | FolderReply:
    read, cap = LISTINGS[_LENGTH.unpack_from(data, 4)[0]]
    return read(inflate(data[8:], cap))


async def _receive_message_object(self: DataConnection) -> Any:
    """`DataConnection.receive_message_object`, but a share list is read in a thread, by our own parser, a flood is read slowly and rubbish not for long."""
    peer = self if isinstance(self, PeerConnection) else None
    if peer is not None:
        await _paced(peer)
    data = await self.receive_message()
    if not data:
        return None
    try:
        return await _parsed(self, data)
    except MessageDeserializationError:
        if peer is not None:
            peer.damaged = getattr(peer, "damaged", 0) + 1
            if peer.damaged >= DAMAGED_MESSAGES:
                await peer.disconnect(CloseReason.READ_ERROR)
        raise


async def _paced(connection: PeerConnection) -> None:
    now = asyncio.get_running_loop().time()
    bucket: TokenBucket | None = getattr(connection, "bucket", None)
    if bucket is None:
        bucket = connection.bucket = TokenBucket(MESSAGES_S, MESSAGES_BURST, now)
    bucket.debit(1.0, now)
    wait = bucket.wait(0.0, now)
    if wait:
        await asyncio.sleep(wait)


async def _parsed(self: DataConnection, data: bytes) -> Any:
    if isinstance(self, PeerConnection) and self.connection_state == PeerConnectionState.ESTABLISHED and self.connection_type == "P":
        plain = obfuscation.decode(data) if self.obfuscated else data
        if len(plain) >= 8 and _LENGTH.unpack_from(plain, 4)[0] in LISTINGS:
            try:
                return await asyncio.to_thread(_listing, plain)
            except (ValueError, struct.error, zlib.error, MessageRefused) as error:
                raise MessageDeserializationError(b"", f"damaged share list: {error}") from error
    return self.decode_message_data(data)


def _deserialize(cls: Any, pos: int, message: bytes, decompress: bool = False) -> Any:
    """`MessageDataclass.deserialize` with inflation capped by kind, and without printing what was not parsed."""
    pos, _ = uint32.deserialize(pos, message)
    pos, message_id = type(cls.MESSAGE_ID).deserialize(pos, message)
    if message_id != cls.MESSAGE_ID:
        raise ValueError(f"message id mismatch {message_id} != {cls.MESSAGE_ID}")
    if decompress:
        pos, message = 0, inflate(message[pos:], INFLATED_CAPS.get(cls, INFLATED_CAP))
    _elements.left = ELEMENTS_CAPS.get(cls, ELEMENTS_CAP)
    _, found = ProtocolDataclass.deserialize.__func__(cls, pos, message)
    return found


class _Elements:
    """What the message being parsed may still hold; parsing is one step of the loop."""

    left = 0


_elements = _Elements()


def _deserialize_array(cls: Any, pos: int, data: bytes, element_type: Any) -> Any:
    """`array.deserialize` with the count held against a cap, and against the bytes there are, before anything is made."""
    pos, count = uint32.deserialize(pos, data)
    if element_type is Attribute:
        most = ATTRIBUTES_CAP
    else:
        most = _elements.left
        _elements.left -= count
    if count > most or count > len(data) - pos:
        raise ValueError(f"a list of {count} elements")
    items = []
    for _ in range(count):
        pos, item = element_type.deserialize(pos, data)
        items.append(item)
    return pos, items


def _deserialize_string(cls: Any, pos: int, data: bytes) -> tuple[int, str]:
    """`string.deserialize`, but a byte that is in neither encoding does not make the whole message unreadable."""
    pos, length = uint32.deserialize(pos, data)
    value = data[pos : pos + length]
    if len(value) != length:
        raise ValueError(f"a text of {length} bytes where {len(value)} are left")
    try:
        return pos + length, value.decode("utf-8")
    except UnicodeDecodeError:
        return pos + length, value.decode("cp1252", "replace")


async def _connect(self: DataConnection, timeout: float = 30) -> None:
    """`DataConnection.connect` from the network's own address (`network.local_address`), so a VPN's address keeps all traffic on it."""
    await self.set_state(ConnectionState.CONNECTING)
    local = getattr(self.network, "local_address", None)
    try:
        async with asyncio.timeout(timeout):
            self._reader, self._writer = await asyncio.open_connection(self.hostname, self.port, local_addr=(local, 0) if local else None)
    except (OSError, ValueError, OverflowError, TimeoutError) as error:
        await self.disconnect(CloseReason.CONNECT_FAILED)
        raise ConnectionFailedError(f"{self.hostname}:{self.port} : failed to connect: {error}") from error
    await self.set_state(ConnectionState.CONNECTED)


class Relay(logging.Handler):
    """Hands aioslsk's records to our own logger, a step lower, in one line, short: its warnings are the network's daily life."""

    def __init__(self, target: logging.Logger) -> None:
        super().__init__(logging.WARNING)
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        left = isinstance(error, NetworkError | OSError | asyncio.TimeoutError)  # somebody hung up: that is daily life, too
        level = logging.WARNING if record.levelno >= logging.ERROR and not left else logging.DEBUG
        if not self._target.isEnabledFor(level):
            return
        try:
            args = record.args if isinstance(record.args, tuple) else ()
            text = str(record.msg) % tuple(shorten(arg) for arg in args) if args else str(record.msg)
        except (TypeError, ValueError):
            text = str(record.msg)
        if error is not None:
            text += f" ({type(error).__name__}: {shorten(error)})"
        self._target.log(level, "%s: %s", record.name, SafeText(text))


def shorten(value: Any) -> Any:
    """What a log line may carry of an argument: numbers as they are, bytes by length, words cut at 200 characters, anything else by its kind.

    Messages, events and connections would print all that a stranger sent."""
    if isinstance(value, int | float | Enum):
        return value
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if isinstance(value, str | BaseException):
        return str(value)[:200]
    return f"<{type(value).__qualname__}>"


def install() -> None:
    """Put the caps, the bound connect and the quiet loggers in place. Safe to call again."""
    global _installed
    if _installed:
        return
    _installed = True
    DataConnection._read_message = _read_message
    DataConnection.receive_message_object = _receive_message_object
    DataConnection.connect = _connect
    MessageDataclass.deserialize = classmethod(_deserialize)
    array.deserialize = classmethod(_deserialize_array)
    string.deserialize = classmethod(_deserialize_string)
    root = logging.getLogger("aioslsk")
    root.handlers[:] = [Relay(logging.getLogger("slskdn_tui.engine.soulseek.library"))]
    root.propagate = False
    root.setLevel(logging.WARNING)
    for name in ("protocol.primitives", "network.connection", "transfer.state"):
        logging.getLogger(f"aioslsk.{name}").setLevel(logging.ERROR)
