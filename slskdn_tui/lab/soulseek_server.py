"""Shell: a small Soulseek server for the lab and the tests: the real protocol over aioslsk's own message classes.

In process: `server = LabServer(); await server.start("127.1.0.1"); server.port`. Alone:
`python -m slskdn_tui.lab.soulseek_server --listen 127.1.0.1:2242 --stats FILE`. Every request is logged (`log`) and counted (`counters`).
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import os
import signal
import struct
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aioslsk.protocol import messages as m
from aioslsk.protocol.primitives import MessageDataclass, UserStats, calc_md5

log = logging.getLogger(__name__)

OFFLINE, AWAY, ONLINE = 0, 1, 2
LONGEST = 1024 * 1024
WRITE_TIMEOUT_S = 10.0
LOG_KEPT = 50_000
STATS_EVERY_S = 0.3


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: who sent it ("" before login), its name (`FileSearch`, or `code 999` for an unknown one), and the message."""

    username: str
    name: str
    message: Any = None


@dataclass(eq=False, slots=True)
class Member:
    """One connected client."""

    writer: asyncio.StreamWriter
    address: str
    username: str = ""
    port: int = 0
    obfuscated_port: int = 0
    status: int = ONLINE
    watching: set[str] = field(default_factory=set)

    def send(self, *messages: MessageDataclass) -> None:
        if not self.writer.is_closing():
            self.writer.write(b"".join(each.serialize() for each in messages))


class LabServer:
    """`accounts` maps names to passwords; a new name makes its account at its first login, as the real server does."""

    def __init__(self, accounts: dict[str, str] | None = None, *, wishlist_interval: int = 720, excluded: Iterable[str] = ()) -> None:
        self.accounts = dict(accounts or {})
        self.wishlist_interval = wishlist_interval
        self.excluded = list(excluded)
        self.log: deque[Entry] = deque(maxlen=LOG_KEPT)
        self.counters: Counter[tuple[str, str]] = Counter()
        self.members: dict[str, Member] = {}
        self.addresses: dict[str, str] = {}
        self.changed = asyncio.Event()
        self.port = 0
        self.mail: dict[str, dict[int, m.PrivateChatMessage.Response]] = {}
        """Private messages by receiver and id that were not acknowledged yet; repeated at each login."""
        self.privileged: set[str] = set()
        self._mailed = 0
        self._stats: dict[str, UserStats] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[Member] = set()
        self._handlers: dict[type, Callable[[Member, Any], None]] = {
            m.SetListenPort.Request: self._set_listen_port,
            m.GetPeerAddress.Request: self._get_peer_address,
            m.AddUser.Request: self._add_user,
            m.RemoveUser.Request: self._remove_user,
            m.GetUserStatus.Request: self._get_user_status,
            m.ConnectToPeer.Request: self._connect_to_peer,
            m.FileSearch.Request: self._file_search,
            m.SetStatus.Request: self._set_status,
            m.SharedFoldersFiles.Request: self._shared_folders_files,
            m.GetUserStats.Request: self._get_user_stats,
            m.UserSearch.Request: self._user_search,
            m.RoomList.Request: self._room_list,
            m.CheckPrivileges.Request: self._check_privileges,
            m.WishlistSearch.Request: self._file_search,
            m.SendUploadSpeed.Request: self._send_upload_speed,
            m.CannotConnect.Request: self._cannot_connect,
            m.PrivateChatMessage.Request: self._private_message,
            m.PrivateChatMessageAck.Request: self._private_message_ack,
        }

    async def start(self, host: str, port: int = 0) -> None:
        """Listen; `port` 0 picks a free one. Raises OSError when it cannot."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for member in tuple(self._connections):
            member.writer.transport.abort()
        await asyncio.sleep(0)

    def drop(self, username: str) -> None:
        """Close this user's connection without a word (the client sees EOF)."""
        member = self.members.get(username)
        if member is not None:
            member.writer.close()

    def count(self, name: str, username: str | None = None) -> int:
        """How many requests of this name came, from one user or from all."""
        return sum(number for (who, what), number in self.counters.items() if what == name and username in (None, who))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; looked at whenever something arrives or someone comes or goes."""
        while not condition():
            await self.changed.wait()

    # -- connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        member = Member(writer, writer.get_extra_info("peername")[0])
        self._connections.add(member)
        try:
            while not writer.is_closing():
                head = await reader.readexactly(4)
                length = struct.unpack("<I", head)[0]
                if not 4 <= length <= LONGEST:
                    break
                self._handle(member, head + await reader.readexactly(length))
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            log.debug("a client left: %r", member.username)
        finally:
            self._connections.discard(member)
            writer.close()
            if self.members.get(member.username) is member:
                del self.members[member.username]
                self._tell_status(member.username, OFFLINE)
            self._note()

    def _handle(self, member: Member, data: bytes) -> None:
        try:
            message = m.ServerMessage.deserialize_request(data)
        except Exception as error:  # an unknown or damaged message is logged and ignored, as the real server does
            code = struct.unpack_from("<I", data, 4)[0]
            log.debug("message %d ignored: %s", code, type(error).__name__)
            self._record(member, f"code {code}", None)
            return
        if isinstance(message, m.Login.Request):
            self._login(member, message)
            return
        self._record(member, type(message).__qualname__.partition(".")[0], message)
        handler = self._handlers.get(type(message))
        if handler is None or not member.username:
            return
        try:
            handler(member, message)
        except Exception:  # a handler's failure must not end the client's connection
            log.exception("a lab server handler failed")

    def _record(self, member: Member, name: str, message: Any) -> None:
        self.log.append(Entry(member.username, name, message))
        self.counters[member.username, name] += 1
        self._note()

    def _note(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    # -- the messages

    def _login(self, member: Member, message: m.Login.Request) -> None:
        name = message.username
        reason = ""
        if not 0 < len(name) <= 30 or not name.isascii() or not name.isprintable() or name != name.strip():
            reason = "INVALIDUSERNAME"
        elif self.accounts.setdefault(name, message.password) != message.password:
            reason = "INVALIDPASS"
        if reason:
            self._record(member, "Login refused", message)
            member.send(m.Login.Response(success=False, reason=reason))
            return
        old = self.members.pop(name, None)
        if old is not None:
            old.send(m.Kicked.Response())
            old.writer.close()
        member.username = name
        self.members[name] = member
        self.addresses[name] = member.address
        self._record(member, "Login", message)
        member.send(
            m.Login.Response(
                success=True, greeting="lab", ip=member.address, md5hash=calc_md5(message.password), privileged=name in self.privileged
            ),
            m.ParentMinSpeed.Response(1),
            m.ParentSpeedRatio.Response(50),
            m.WishlistInterval.Response(self.wishlist_interval),
            m.PrivilegedUsers.Response(sorted(self.privileged)),
            m.ExcludedSearchPhrases.Response(self.excluded),
        )
        member.send(*self.mail.get(name, {}).values())
        self._tell_status(name, ONLINE)

    def _set_listen_port(self, member: Member, message: m.SetListenPort.Request) -> None:
        member.port, member.obfuscated_port = message.port, message.obfuscated_port or 0

    def _get_peer_address(self, member: Member, message: m.GetPeerAddress.Request) -> None:
        peer = self.members.get(message.username)
        if peer is None:
            member.send(m.GetPeerAddress.Response(message.username, "0.0.0.0", 0))
            return
        ports = (int(peer.obfuscated_port > 0), peer.obfuscated_port)
        member.send(m.GetPeerAddress.Response(message.username, peer.address, peer.port, *ports))

    def _stats_of(self, username: str) -> UserStats:
        return self._stats.get(username, UserStats(0, 0, 0, 0))

    def _status_of(self, username: str) -> int:
        peer = self.members.get(username)
        return peer.status if peer is not None else OFFLINE

    def _add_user(self, member: Member, message: m.AddUser.Request) -> None:
        name = message.username
        if name not in self.accounts:
            member.send(m.AddUser.Response(name, exists=False))
            return
        member.watching.add(name)
        member.send(m.AddUser.Response(name, True, self._status_of(name), self._stats_of(name), "NL"))

    def _remove_user(self, member: Member, message: m.RemoveUser.Request) -> None:
        member.watching.discard(message.username)

    def _get_user_status(self, member: Member, message: m.GetUserStatus.Request) -> None:
        member.send(m.GetUserStatus.Response(message.username, self._status_of(message.username), message.username in self.privileged))

    def _tell_status(self, username: str, status: int) -> None:
        for other in self.members.values():
            if username in other.watching:
                other.send(m.GetUserStatus.Response(username, status, username in self.privileged))

    def _set_status(self, member: Member, message: m.SetStatus.Request) -> None:
        member.status = message.status if message.status in (AWAY, ONLINE) else ONLINE
        self._tell_status(member.username, member.status)

    def _connect_to_peer(self, member: Member, message: m.ConnectToPeer.Request) -> None:
        peer = self.members.get(message.username)
        if peer is None:
            member.send(m.CannotConnect.Response(message.ticket))
            return
        ports = (int(member.obfuscated_port > 0), member.obfuscated_port)
        answer = m.ConnectToPeer.Response(member.username, message.typ, member.address, member.port, message.ticket, False, *ports)
        peer.send(answer)

    def _cannot_connect(self, member: Member, message: m.CannotConnect.Request) -> None:
        asker = self.members.get(message.username)
        if asker is not None:
            asker.send(m.CannotConnect.Response(message.ticket))

    def _file_search(self, member: Member, message: m.FileSearch.Request | m.WishlistSearch.Request) -> None:
        relayed = m.FileSearch.Response(member.username, message.ticket, message.query)
        for other in self.members.values():
            if other is not member:
                other.send(relayed)

    def _user_search(self, member: Member, message: m.UserSearch.Request) -> None:
        peer = self.members.get(message.username)
        if peer is not None:
            peer.send(m.FileSearch.Response(member.username, message.ticket, message.query))

    def _shared_folders_files(self, member: Member, message: m.SharedFoldersFiles.Request) -> None:
        self._stats[member.username] = dataclasses.replace(
            self._stats_of(member.username),
            shared_folder_count=message.shared_folder_count,
            shared_file_count=message.shared_file_count,
        )

    def _send_upload_speed(self, member: Member, message: m.SendUploadSpeed.Request) -> None:
        old = self._stats_of(member.username)
        average = (old.avg_speed * old.uploads + message.speed) // (old.uploads + 1)
        self._stats[member.username] = dataclasses.replace(old, avg_speed=average, uploads=old.uploads + 1)

    def _get_user_stats(self, member: Member, message: m.GetUserStats.Request) -> None:
        member.send(m.GetUserStats.Response(message.username, self._stats_of(message.username)))

    def _room_list(self, member: Member, message: m.RoomList.Request) -> None:
        member.send(m.RoomList.Response([], [], [], [], [], [], []))

    def _check_privileges(self, member: Member, message: m.CheckPrivileges.Request) -> None:
        member.send(m.CheckPrivileges.Response(0))

    def _private_message(self, member: Member, message: m.PrivateChatMessage.Request) -> None:
        self.write(member.username, message.username, message.message)

    def write(self, sender: str, receiver: str, text: str) -> None:
        """A private message from anybody; it is kept until the receiver has acknowledged it. One to a name without an account is lost."""
        if receiver not in self.accounts:
            return
        self._mailed += 1
        letter = m.PrivateChatMessage.Response(self._mailed, int(time.time()), sender, text, is_direct=True)
        self.mail.setdefault(receiver, {})[self._mailed] = dataclasses.replace(letter, is_direct=False)
        if receiver in self.members:
            self.members[receiver].send(letter)

    def _private_message_ack(self, member: Member, message: m.PrivateChatMessageAck.Request) -> None:
        self.mail.get(member.username, {}).pop(message.chat_id, None)

    # -- the stats file

    def report(self) -> dict[str, Any]:
        """Plain data for the stats file: who is online from where, and requests by user and name."""
        counted: dict[str, dict[str, int]] = {}
        for (user, name), number in sorted(self.counters.items()):
            counted.setdefault(user, {})[name] = number
        online = {name: {"address": each.address, "port": each.port} for name, each in sorted(self.members.items())}
        return {"port": self.port, "online": online, "addresses": dict(sorted(self.addresses.items())), "requests": counted}


def write_json(path: Path, value: Any) -> None:
    """Replace a small JSON file in one step, so that a reader never sees half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(value, indent=1), "utf-8")
    os.replace(partial, path)


async def run(host: str, port: int, stats: Path | None, accounts: dict[str, str]) -> None:
    """Serve until SIGTERM or SIGINT; the stats file is written once listening, and then whenever something happened."""
    server = LabServer(accounts)
    await server.start(host, port)
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    try:
        while not done.is_set():
            changed = server.changed
            if stats is not None:
                write_json(stats, server.report())
            waits = [asyncio.ensure_future(each.wait()) for each in (changed, done)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), STATS_EVERY_S)
    finally:
        if stats is not None:
            write_json(stats, server.report())
        await server.stop()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m slskdn_tui.lab.soulseek_server", description="a small Soulseek server for the lab")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="where to listen; port 0 picks one, see the stats file")
    parser.add_argument("--stats", type=Path, metavar="FILE", help="JSON kept current: port, who is online, requests by user and name")
    parser.add_argument(
        "--account", action="append", default=[], metavar="NAME:PASSWORD", help="a known account; others are made at first login"
    )
    args = parser.parse_args(argv)
    host, _, port = args.listen.rpartition(":")
    accounts = dict(each.split(":", 1) for each in args.account)
    asyncio.run(run(host, int(port), args.stats, accounts))


if __name__ == "__main__":
    main()
