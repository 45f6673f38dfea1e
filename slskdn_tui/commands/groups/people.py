"""Commands on people of the Soulseek network: users, their files, friends, bans, messages; and on our own session. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.groups.finding import FILTER
from slskdn_tui.commands.types import Arg, CommandSpec, Key

USER = Arg("user", "str", "user name", required=True)
NOTE = Arg("note", "str", "a note for yourself", flag=True)


def _relation(name: str, one: str, summary: str) -> tuple[CommandSpec, ...]:
    """add, remove and list of friends or bans."""
    return (
        CommandSpec(f"{name}.add", summary, "people", "engine", (name, "add"), (USER, NOTE), palette=False),
        CommandSpec(f"{name}.remove", f"Take a {one} back", "people", "engine", (name, "remove"), (USER,), palette=False),
        CommandSpec(f"{name}.list", f"List {name} with their notes", "people", "cli", (name, "list"), (JSON,), palette=False),
    )


PEOPLE: tuple[CommandSpec, ...] = (
    CommandSpec("user.show", "Show a user: status, shares, slots, own history", "people", "cli", ("user",), (USER, JSON), palette=False),
    CommandSpec(
        "user.open",
        "Show a user: status, shares, slots, own history",
        "people",
        "ui",
        (),
        (Arg("user", "str", "user name"),),
        (Key("search", "u", True), Key("browse", "u", True), Key("messages", "u", True), Key("uploads", "u", True)),
        label="user",
    ),
    CommandSpec(
        "user.friend",
        "Make this user a friend, or no longer",
        "people",
        "ui",
        (),
        (),
        (Key("user", "f", True),),
        palette=False,
        label="friend",
    ),
    CommandSpec("user.ban", "Ban this user, or no longer", "people", "ui", (), (), (Key("user", "B", True),), palette=False, label="ban"),
    CommandSpec("user.note", "Write a note on this user", "people", "ui", (), (), (Key("user", "e", True),), palette=False, label="note"),
    CommandSpec(
        "browse.show",
        "List what a user shares",
        "people",
        "cli",
        ("browse",),
        (USER, Arg("folder", "str", "only this folder"), FILTER, Arg("limit", "int", "how many lines", flag=True, default=200), JSON),
        palette=False,
    ),
    CommandSpec(
        "browse.open",
        "Browse a user's files",
        "people",
        "ui",
        (),
        (Arg("user", "str", "user name"),),
        (Key("search", "b"), Key("messages", "b", True), Key("user", "b", True), Key("uploads", "b")),
        label="browse",
    ),
    *_relation("friends", "friend", "Make a user a friend: own upload slots, served first"),
    *_relation("bans", "ban", "Ban a user: no search answers, no uploads, no messages"),
    CommandSpec(
        "message.list",
        "List conversations, or one of them",
        "people",
        "cli",
        ("message", "list"),
        (Arg("user", "str", "only this user"), JSON),
        palette=False,
    ),
    CommandSpec(
        "message.send",
        "Send a private message",
        "people",
        "engine",
        ("message", "send"),
        (USER, Arg("text", "str", "the message", required=True, many=True)),
        (Key("messages", "r", True), Key("user", "r", True), Key("browse", "r")),
        label="write",
    ),
    CommandSpec(
        "message.read",
        "Mark a user's messages as read",
        "people",
        "engine",
        ("message", "read"),
        (Arg("user", "str", "only this user"),),
        palette=False,
    ),
    CommandSpec(
        "message.open",
        "Private messages",
        "people",
        "ui",
        (),
        (Arg("user", "str", "only the conversation with this user"),),
        (Key("all", "M"),),
    ),
    CommandSpec("message.new", "Write to somebody else", "people", "ui", (), (), (Key("messages", "n", True),), palette=False, label="new"),
    # Our own session ------------------------------------------------------------------------------------------------
    CommandSpec(
        "soulseek.reconnect",
        "Log in to Soulseek now, also after being kicked",
        "people",
        "engine",
        ("soulseek", "reconnect"),
        (),
    ),
    CommandSpec(
        "soulseek.port",
        "Test whether others can reach the listen port",
        "people",
        "engine",
        ("soulseek", "port"),
        (JSON,),
    ),
)
