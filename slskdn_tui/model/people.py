"""Views of people on the Soulseek network. Core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.text import SafeText

_EMPTY = SafeText("")


@dataclass(frozen=True, slots=True)
class UserView:
    """One user (`ViewKey.subject`). What is not known yet is None; `state` is `asking` until the server has answered.

    `status` offline | away | online; `speed` bytes/s as the server averages it; `description` is the user's own text;
    `done`, `failed`, `bytes` and `own_speed` (bytes/s) come from our own transfers.
    """

    version: int
    user: SafeText = _EMPTY
    state: Literal["asking", "done", "failed"] = "asking"
    status: str = ""
    relation: Literal["", "friend", "banned"] = ""
    note: SafeText = _EMPTY
    speed: int | None = None
    uploads: int | None = None
    files: int | None = None
    folders: int | None = None
    slots: int | None = None
    free: bool | None = None
    queue: int | None = None
    description: SafeText = _EMPTY
    privileged: bool = False
    done: int = 0
    failed: int = 0
    bytes: int = 0
    own_speed: float | None = None
    reputation: float = 1.0
    error: SafeText = _EMPTY
    code: str = ""
    """of a failure: a name of `model.errors.EXIT`"""
    username: str = ""
    kind: Literal["user"] = "user"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A friend or a banned user."""

    key: str
    version: int
    user: SafeText
    relation: Literal["friend", "banned"]
    note: SafeText
    since: str
    status: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True)
class PeopleView:
    """`ViewKey.subject`: `friends`, `bans`, or empty for both."""

    version: int
    rows: tuple[PersonRow, ...] = ()
    kind: Literal["people"] = "people"


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One private message. In the list of conversations (no subject) the last one of each, with `unread` of that user."""

    key: str
    version: int
    user: SafeText
    direction: Literal["in", "out"]
    time: str
    text: SafeText
    read: bool
    unread: int = 0
    username: str = ""


@dataclass(frozen=True, slots=True)
class MessagesView:
    """`ViewKey.subject`: a user name for that conversation, oldest first; empty for the conversations, newest first."""

    version: int
    rows: tuple[MessageRow, ...] = ()
    unread: int = 0
    kind: Literal["messages"] = "messages"
