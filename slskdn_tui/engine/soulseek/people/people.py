"""Shell: other users: who they are, what they share, friends and bans, private messages. Questions have deadlines, answers have caps."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal

from aioslsk.events import ConnectionStateChangedEvent, on_message
from aioslsk.exceptions import NetworkError
from aioslsk.network.connection import ConnectionState, PeerConnection, ServerConnection
from aioslsk.protocol.messages import (
    AddUser,
    PeerDirectoryContentsRequest,
    PeerSharesRequest,
    PeerUserInfoReply,
    PeerUserInfoRequest,
    PrivateChatMessage,
    PrivateChatMessageAck,
    RemoveUser,
)
from aioslsk.user.manager import UserManager
from aioslsk.user.model import BlockingFlag, TrackingFlag

from slskdn_tui.engine.runtime.clock import Clock, iso
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.people.answers import Answers, Budget
from slskdn_tui.engine.soulseek.wire.network import UserOffline
from slskdn_tui.engine.soulseek.wire.share_list import FolderReply, ShareList, folded
from slskdn_tui.engine.store.state.messages import LONGEST, MessagesTable
from slskdn_tui.engine.store.state.people import PeopleTable, Person, Relation
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

SERVER_S = 15.0
CONNECT_S = 75.0
"""direct, then through the server, which aioslsk gives 60 s"""
INFO_S = 30.0
FOLDER_S = 60.0
BROWSE_S = 1800.0
"""for a whole share list, however slow; a connection that brings nothing ends after its own 60 s"""
OTHER_WAY_S = 5.0
"""after the connection closed: some clients answer over one of their own"""
AT_ONCE_S = OTHER_WAY_S + 5.0
"""a connection that closed so soon after we asked was about to close anyway; after longer the user did not want to answer"""
KEEP_INFO_S = 300.0
KEEP_SHARES_S = 600.0
KEPT_LISTS = 3
KEEP_STATUS_S = 60.0
STATUS_S = 3.0
"""so long a list of friends waits for what the server says of new ones"""
BROWSES = (5, 60.0)
TOLD = (10, 60.0)
"""events about one user's messages"""
LONGEST_NAME = 60
LONGEST_DESCRIPTION = 4000
STATUSES = {0: "offline", 1: "away", 2: "online"}


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A user: `status` offline | away | online; `speed` bytes/s as the server averages it. What only the user tells is None when it did not; `error` says why."""

    username: str
    status: str
    privileged: bool
    speed: int
    uploads: int
    files: int
    folders: int
    slots: int | None = None
    free: bool | None = None
    queue: int | None = None
    description: str = ""
    error: str = ""


class CarefulUserManager(UserManager):
    """A message is acknowledged to the server only when it is stored; a picture is not kept."""

    keep_message: Callable[[PrivateChatMessage.Response], Coroutine[Any, Any, bool]]

    @on_message(PrivateChatMessage.Response)
    async def _on_private_message(self, message: PrivateChatMessage.Response, connection: ServerConnection) -> None:
        if await self.keep_message(message):
            await self._network.send_server_messages(PrivateChatMessageAck.Request(message.chat_id))

    @on_message(PeerUserInfoReply.Request)
    async def _on_peer_user_info_reply(self, message: PeerUserInfoReply.Request, connection: PeerConnection) -> None:
        message.picture = None
        await super()._on_peer_user_info_reply(message, connection)


class People:
    """`load`, then `attach` to a client before it starts; friends and bans take effect at once and are kept. Without tables nothing is kept.

    `complaint()` says why nobody can be asked now, None while logged in; `on_event(name, text, data)` tells `message.received`.
    """

    def __init__(
        self,
        clock: Clock,
        supervisor: Supervisor,
        on_event: Callable[[str, str, dict[str, Any]], None],
        complaint: Callable[[], UserError | None],
        table: PeopleTable | None = None,
        messages: MessagesTable | None = None,
    ) -> None:
        self._clock = clock
        self._on_event = on_event
        self._table = table
        self.messages = messages
        self.unread = 0
        self._people: dict[str, Person] = {}
        self._client: Any = None
        self._complaint = complaint
        self._watched: set[tuple[PeerConnection, asyncio.Future[None]]] = set()
        self._browses = Budget(*BROWSES)
        self._told: OrderedDict[str, Budget] = OrderedDict()
        self._tickets = 0
        self.users: Answers[str, UserInfo] = Answers("user", supervisor, clock, self._ask_user, keep_s=KEEP_INFO_S)
        self.shares: Answers[str, ShareList] = Answers("browse", supervisor, clock, self._ask_shares, keep_s=KEEP_SHARES_S, most=KEPT_LISTS)
        self.folders: Answers[tuple[str, str], tuple[FoundFile, ...]] = Answers(
            "folder", supervisor, clock, self._ask_folder, keep_s=KEEP_SHARES_S
        )
        self._facts: Answers[str, UserInfo] = Answers("status", supervisor, clock, self._ask_facts, keep_s=KEEP_STATUS_S, most=1000)

    async def load(self) -> None:
        if self._table is not None:
            self._people = {each.username: each for each in await self._table.all()}
        if self.messages is not None:
            self.unread = await self.messages.unread()

    def attach(self, client: Any) -> None:
        self._client = client
        client.users.keep_message = self._keep
        client.events.register(ConnectionStateChangedEvent, self._on_connection)
        self._apply()

    def detach(self) -> None:
        for answers in (self.users, self.shares, self.folders, self._facts):
            answers.clear()
        self._client = None

    # -- friends and bans

    def relation(self, username: str) -> Literal["", "friend", "banned"]:
        person = self._people.get(username)
        return person.relation if person is not None else ""

    def note(self, username: str) -> str:
        person = self._people.get(username)
        return person.note if person is not None else ""

    def listed(self, relation: Relation | None = None) -> tuple[Person, ...]:
        """Friends, then bans, by name; or one kind of them."""
        found = [each for each in self._people.values() if relation in (None, each.relation)]
        return tuple(sorted(found, key=lambda each: (each.relation != "friend", each.username.casefold())))

    async def relate(self, username: str, relation: Relation, note: str | None = None) -> Person:
        """Make a user a friend or ban him: one of both at most. `note` None keeps the one there is. UserError `usage` for a name that cannot be one."""
        check_name(username)
        old = self._people.get(username)
        since = old.since if old is not None and old.relation == relation else iso(self._clock.wall())
        kept = note if note is not None else old.note if old is not None else ""
        person = Person(username, relation, str(SafeText(kept)), since)
        if self._table is not None:
            await self._table.put(person)
        self._people[username] = person
        self._apply()
        return person

    async def unrelate(self, username: str, relation: Relation) -> None:
        """Take it back. UserError `not_found` when the user is none."""
        if self.relation(username) != relation:
            what = "a friend" if relation == "friend" else "banned"
            raise UserError("not_found", f"{username} is not {what}", "`slskdn friends list` and `slskdn bans list` show who is")
        if self._table is not None:
            await self._table.drop(username)
        del self._people[username]
        self._apply()

    def _apply(self) -> None:
        """What aioslsk looks at for every request; it drops a banned user's uploads within a second."""
        if self._client is not None:
            users = self._client.settings.users
            users.friends = {each.username for each in self.listed("friend")}
            users.blocked = {each.username: BlockingFlag.ALL for each in self.listed("banned")}

    def status(self, username: str) -> str:
        """Of a friend, as the server told; '' when it did not."""
        client = self._client
        if client is None or client.session is None:
            return ""
        asked = self._facts.known(username)
        return STATUSES.get(client.users.get_user_object(username).status.value, asked.status if asked is not None else "")

    async def learn_statuses(self) -> None:
        """A friend is watched from a second after he became one: until then the server is asked, once."""
        if self._complaint() is None:
            new = [each.username for each in self.listed("friend") if not self.status(each.username)]
            tasks = [task for each in new if (task := self._facts.look(each).task) is not None and not task.done()]
            if tasks:
                await asyncio.wait(tasks, timeout=STATUS_S)

    # -- who is it, what does it share

    async def user(self, username: str) -> UserInfo:
        """From the server and, when online, from the user. Raises UserError: `network`, `not_found`."""
        return await self.users.get(username)

    async def browse(self, username: str) -> ShareList:
        """Everything a user shares; waits for its turn when five were browsed in a minute. Raises UserError."""
        return await self.shares.get(username)

    async def folder(self, username: str, path: str) -> tuple[FoundFile, ...]:
        """The files in a remote folder (path raw, or as shown) and, where the user tells them too, below it. Raises UserError: `network`, `not_found`."""
        listed = self.shares.known(username)
        known = listed.folder(path) if listed is not None else None
        return known.found(username) if known is not None else await self.folders.get((username, path))

    async def reachable(self, username: str) -> None:
        """Raises UserError: `not_found` when there is no such user, `network` when the user is not online, or nobody can be asked."""
        if (await self._server_facts(username)).status == "offline":
            raise UserError("network", f"{username} is not online", "try again later")

    async def _ask_facts(self, username: str, publish: Callable[[UserInfo], None]) -> UserInfo:
        return await self._server_facts(username)

    async def _ask_user(self, username: str, publish: Callable[[UserInfo], None]) -> UserInfo:
        info = await self._server_facts(username)
        if info.status == "offline" or username == self._client.settings.credentials.username:
            return info
        publish(info)
        try:
            reply = await self._request(username, PeerUserInfoRequest.Request(), PeerUserInfoReply.Request, INFO_S)
        except UserError as error:
            return replace(info, error=str(error.message))
        return replace(
            info,
            slots=reply.upload_slots,
            free=bool(reply.has_slots_free),
            queue=reply.queue_size,
            description=reply.description[:LONGEST_DESCRIPTION],
        )

    async def _server_facts(self, username: str) -> UserInfo:
        client = self._online()
        check_name(username)
        answer = client.network.create_server_response_future(AddUser.Response, fields={"username": username})
        try:
            async with asyncio.timeout(SERVER_S):
                await client.network.send_server_messages(AddUser.Request(username))
                _, response = await answer
            if client.users.get_tracking_flags(username) == TrackingFlag(0):
                await client.network.send_server_messages(RemoveUser.Request(username))
        except (NetworkError, TimeoutError) as error:
            raise UserError("network", f"the server did not say who {username} is", "try again") from error
        finally:
            answer.cancel()
        if not response.exists:
            raise UserError("not_found", f"there is no Soulseek user {username}", "check the spelling (upper and lower case count)")
        stats = response.user_stats
        return UserInfo(
            username,
            STATUSES.get(response.status, "offline"),
            username in client.users.privileged_users,
            stats.avg_speed,
            stats.uploads,
            stats.shared_file_count,
            stats.shared_folder_count,
        )

    async def _ask_shares(self, username: str, publish: Callable[[ShareList], None]) -> ShareList:
        self._online()
        while wait := self._browses.wait(self._clock.now()):
            await self._clock.sleep(wait)
        self._browses.take(self._clock.now())
        return await self._request(username, PeerSharesRequest.Request(), ShareList, BROWSE_S)

    async def _ask_folder(self, key: tuple[str, str], publish: Callable[[Any], None]) -> tuple[FoundFile, ...]:
        username, given = key
        try:
            given.encode("utf-8")
        except UnicodeEncodeError:
            raise UserError("usage", f"{SafeText(given, 100)} is no path the network knows", "take it from `slskdn browse`") from None
        for path in dict.fromkeys((given, folded(given))):
            self._tickets += 1
            request = PeerDirectoryContentsRequest.Request(self._tickets, path)
            reply: FolderReply = await self._request(username, request, FolderReply, FOLDER_S, {"ticket": self._tickets})
            folders = [each for each in reply.folders if each.path == path or each.path.startswith(path + "\\")]
            if found := tuple(file for each in folders for file in each.found(username)):
                return found
        raise UserError("not_found", f"{username} shares no files in {SafeText(given, 200)}", "`slskdn browse` lists the folders")

    async def _request(self, username: str, question: Any, reply: type[Any], patience: float, fields: dict[str, Any] | None = None) -> Any:
        """Ask a user and wait for the answer. A connection that was about to close when we asked gets one more try. Raises UserError."""
        client = self._online()
        network = client.network
        with network.asking(username):
            for _ in range(2):
                answer = network.create_peer_response_future(username, reply, fields)
                asked = self._clock.now()
                try:
                    async with asyncio.timeout(CONNECT_S):
                        connection = await network.get_peer_connection(username)
                        await connection.send_message(question)
                    if await self._settled(answer, connection, patience):
                        return answer.result()[1]
                    if not connection._is_closing or self._clock.now() - asked > AT_ONCE_S:
                        break
                except UserOffline as error:
                    await self.reachable(username)
                    raise UserError("network", f"{username} cannot be reached", "try again later") from error
                except (NetworkError, TimeoutError) as error:
                    raise UserError("network", f"{username} cannot be reached", "try again later") from error
                finally:
                    answer.cancel()
        raise UserError("network", f"{username} did not answer", "the user may have banned you, or is busy; try again later")

    async def _settled(self, answer: asyncio.Future[Any], connection: PeerConnection, patience: float) -> bool:
        """Whether the answer came before the connection closed, or a little later over another one."""
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched.add((connection, closed))
        try:
            if not connection._is_closing:
                await asyncio.wait((answer, closed), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and connection._is_closing:
                await asyncio.wait((answer,), timeout=OTHER_WAY_S)
        finally:
            self._watched.discard((connection, closed))
        return answer.done()

    async def _on_connection(self, event: ConnectionStateChangedEvent) -> None:
        if event.state == ConnectionState.CLOSED:
            for connection, closed in self._watched:
                if connection is event.connection and not closed.done():
                    closed.set_result(None)

    def _online(self) -> Any:
        complaint = self._complaint()
        if complaint is not None or self._client is None:
            raise complaint or UserError("network", "Soulseek is not started", "")
        return self._client

    # -- private messages

    async def send(self, username: str, text: str) -> str:
        """Send and keep; the server holds it for who is offline. Returns the user's status. Raises UserError: `usage`, `network`, `not_found`."""
        words = " ".join(text.split())
        if not 0 < len(words) <= LONGEST:
            raise UserError("usage", f"a message has 1 to {LONGEST} characters, not {len(words)}", "send it in parts")
        client = self._online()
        status = (self.relation(username) == "friend" and self.status(username)) or (await self._server_facts(username)).status
        try:
            await client.network.send_server_messages(PrivateChatMessage.Request(username, words))
        except NetworkError as error:
            raise UserError("network", "the server went away; the message was not sent", "send it again once logged in") from error
        if self.messages is not None:
            await self.messages.sent(username, self._clock.wall().timestamp(), words)
        return status

    async def mark_read(self, username: str = "") -> int:
        """One user's messages, or everybody's; how many were unread."""
        if self.messages is None:
            return 0
        count = await self.messages.mark_read(username)
        self.unread = await self.messages.unread()
        return count

    async def _keep(self, message: PrivateChatMessage.Response) -> bool:
        """Whether the server may forget this message: it is on our disk, or nobody wants it."""
        username = message.username
        if self.messages is None:
            return False
        if self.relation(username) == "banned" or not 0 < len(username) <= LONGEST_NAME:
            return True
        known = self.relation(username) == "friend"
        try:
            fresh = await self.messages.received(username, float(message.timestamp), message.chat_id, message.message, known)
        except (OSError, sqlite3.Error) as error:
            log.error("a private message could not be stored; the server will bring it again: %s", error)
            return False
        if fresh:
            self.unread = await self.messages.unread()
            self._tell(username, message.message)
        return True

    def _tell(self, username: str, text: str) -> None:
        """An event a message; of a user who floods, ten a minute. The rest is only counted as unread."""
        budget = self._told.setdefault(username, Budget(*TOLD))
        self._told.move_to_end(username)
        if len(self._told) > 200:
            self._told.popitem(last=False)
        now = self._clock.now()
        if not budget.wait(now):
            budget.take(now)
            words = f"message from {SafeText(username, 40)}: {SafeText(text, 300)}"
            self._on_event("message.received", words, {"username": str(SafeText(username)), "unread": self.unread})


def check_name(username: str) -> None:
    """UserError `usage` for what cannot be a user's name."""
    if not 0 < len(username) <= LONGEST_NAME or not username.isprintable() or username != username.strip():
        raise UserError("usage", f"{SafeText(username, 60)!s} cannot be a user name", "1 to 30 printable characters, no spaces around them")
