"""Shell: `user`, `friends list`, `bans list`, `message list`."""

from __future__ import annotations

import asyncio

from slskdn_tui.cli.context import Context
from slskdn_tui.cli.present import people
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.people import MessagesView, PeopleView, UserView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import EngineProtocol

POLL_S = 0.3
WAIT_S = 30.0


def show_user(context: Context) -> int:
    """What the server and the user say, and what we remember."""

    async def work(engine: EngineProtocol) -> UserView:
        waited = 0.0
        while True:
            view = await engine.snapshot(ViewKey("user", context.args["user"]))
            assert isinstance(view, UserView)
            if view.state != "asking" or waited >= WAIT_S:
                return view
            await asyncio.sleep(POLL_S)
            waited += POLL_S

    view = context.with_engine("live", work)
    if view.state == "failed":
        raise UserError(view.code or "network", view.error or f"{view.user} cannot be asked; try again later", "")
    return context.show(view, people.user)


def list_people(context: Context) -> int:
    """Friends or bans, by the verb."""
    assert context.invocation.spec is not None
    which = context.invocation.spec.verb[0]

    view = context.view("any", ViewKey("people", which), PeopleView)
    return context.show(view, lambda view, look: people.relations(view, which, look), rows=True)


def list_messages(context: Context) -> int:
    """Conversations, or one of them. Reading here marks nothing: `message read` does."""
    user = context.args.get("user") or ""

    view = context.view("any", ViewKey("messages", user), MessagesView)
    return context.show(view, lambda view, look: people.messages(view, user, look), rows=True)
