"""What keys do with people: their page, friends and bans, notes, messages. Shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.finding import whose
from slskdn_tui.ui.screens.dialogs import Ask, Prompt
from slskdn_tui.ui.screens.messages import MessagesScreen
from slskdn_tui.ui.screens.user import UserScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]


def user(actions: Actions, args: Args) -> None:
    actions.start(whose(actions, args, lambda name: actions.app.places.push(UserScreen(name)), "Show a user"))


def friend(actions: Actions, args: Args) -> None:
    actions.start(_friend(actions))


async def _friend(actions: Actions) -> None:
    screen = actions.app.live
    if isinstance(screen, UserScreen) and screen.view is not None:
        is_one = screen.view.relation == "friend"
        await actions.do("friends.remove" if is_one else "friends.add", {"user": screen.user})


def ban(actions: Actions, args: Args) -> None:
    actions.start(_ban(actions))


async def _ban(actions: Actions) -> None:
    screen = actions.app.live
    if not isinstance(screen, UserScreen) or screen.view is None:
        return
    if screen.view.relation == "banned":
        await actions.do("bans.remove", {"user": screen.user})
    elif await actions.ask(
        Ask("Ban this user? They get no search answers and no files any more, and cannot write to you.", str(SafeText(screen.user)))
    ):
        await actions.do("bans.add", {"user": screen.user})


def note(actions: Actions, args: Args) -> None:
    actions.start(_note(actions))


async def _note(actions: Actions) -> None:
    """A note goes with a friend or a ban; the list keeps it."""
    screen = actions.app.live
    if not isinstance(screen, UserScreen) or screen.view is None:
        return
    if not screen.view.relation:
        actions.say("a note is kept with a friend or a ban: f befriends, B bans", "colors.warning")
        return
    text = await actions.ask(Prompt("Note", f"What to remember of {SafeText(screen.user)}; only you see it.", str(screen.view.note)))
    if text is not None:
        await actions.do("friends.add" if screen.view.relation == "friend" else "bans.add", {"user": screen.user, "note": text})


def messages(actions: Actions, args: Args) -> None:
    name = str(args.get("user") or "")
    screen = actions.app.live
    if isinstance(screen, MessagesScreen):
        screen.open(name)
    else:
        actions.app.places.push(MessagesScreen(name))


def message_new(actions: Actions, args: Args) -> None:
    actions.start(_message_new(actions))


async def _message_new(actions: Actions) -> None:
    name = await actions.ask(Prompt("Write to somebody", "User name."))
    if not name:
        return
    text = await actions.ask(Prompt(f"To {SafeText(name)}", "The message."))
    if text:
        await actions.do("message.send", {"user": name, "text": [text]})
        messages(actions, {"user": name})


UI: dict[str, Callable[[Actions, Args], None]] = {
    "user.open": user,
    "user.friend": friend,
    "user.ban": ban,
    "user.note": note,
    "message.open": messages,
    "message.new": message_new,
}
