"""Shell: `user`, `friends list`, `bans list`, `message list`."""

from __future__ import annotations

import asyncio

from slskdn_tui.cli.context import Context, put_json, to_json
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
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(people.user(view, context.look))
    return 0


def list_people(context: Context) -> int:
    """Friends or bans, by the verb."""
    assert context.invocation.spec is not None
    which = context.invocation.spec.verb[0]

    async def work(engine: EngineProtocol) -> PeopleView:
        view = await engine.snapshot(ViewKey("people", which))
        assert isinstance(view, PeopleView)
        return view

    view = context.with_engine("any", work)
    if context.json:
        put_json(to_json(view)["rows"])
    else:
        context.put_lines(people.relations(view, which, context.look))
    return 0


def list_messages(context: Context) -> int:
    """Conversations, or one of them. Reading here marks nothing: `message read` does."""
    user = context.args.get("user") or ""

    async def work(engine: EngineProtocol) -> MessagesView:
        view = await engine.snapshot(ViewKey("messages", user))
        assert isinstance(view, MessagesView)
        return view

    view = context.with_engine("any", work)
    if context.json:
        put_json(to_json(view)["rows"])
    else:
        context.put_lines(people.messages(view, user, context.look))
    return 0
