"""Users, friends, bans and messages as plain text. Core."""

from __future__ import annotations

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look, facts
from slskdn_tui.model.people import MessagesView, PeopleView, UserView


def _count(number: int | None, word: str) -> str:
    return "" if number is None else units.plural(number, word)


def user(view: UserView, look: Look) -> list[str]:
    """`slskdn user NAME`."""
    slots = _count(view.slots, "slot")
    if view.free is not None:
        slots = f"{slots}, {'free' if view.free else f'busy, {view.queue or 0} queued'}".lstrip(", ")
    tried = view.done + view.failed
    rows = [
        ("User", str(view.user)),
        ("Status", view.status or view.state),
        ("Relation", {"friend": "a friend", "banned": "banned by you"}.get(view.relation, "")),
        ("Note", str(view.note)),
        ("Shares", ", ".join(part for part in (_count(view.files, "file"), _count(view.folders, "folder")) if part)),
        ("Upload", slots),
        ("Speed", f"{units.speed(view.speed)} as the server says" if view.speed else ""),
        ("Own history", f"{view.done} of {units.plural(tried, 'transfer')} done, {units.size(view.bytes)}" if tried else "none"),
        ("Own speed", units.speed(view.own_speed) if view.own_speed else ""),
        ("Privileged", "yes" if view.privileged else ""),
        ("Says", str(view.description)),
        ("Why", str(view.error)),
    ]
    return facts(rows, look)


def relations(view: PeopleView, which: str, look: Look) -> list[str]:
    """`slskdn friends list`, `bans list`."""
    if not view.rows:
        return [f"No {which}. Add one: slskdn {which} add NAME --note '...'"]
    if which == "bans":
        bans = [(row.user, units.moment(row.since), row.note) for row in view.rows]
        return table((Column("USER"), Column("SINCE"), Column("NOTE", flex=True)), bans, look.width, look.mark)
    cells = [(row.user, row.status, units.moment(row.since), row.note) for row in view.rows]
    return table((Column("USER"), Column("STATUS"), Column("SINCE"), Column("NOTE", flex=True)), cells, look.width, look.mark)


def messages(view: MessagesView, user: str, look: Look) -> list[str]:
    """`slskdn message list`: conversations, newest first, or one of them, oldest first."""
    if not view.rows:
        return [f"No messages with {user}." if user else "No messages."]
    if user:
        return [f"{units.moment(row.time)}  {'you' if row.direction == 'out' else row.user}: {row.text}" for row in view.rows]
    columns = (Column("USER"), Column("UNREAD", "right"), Column("TIME"), Column("LAST", flex=True, least=16))
    cells = [
        (row.user, str(row.unread or ""), units.moment(row.time), f"{'you: ' if row.direction == 'out' else ''}{row.text}")
        for row in view.rows
    ]
    return table(columns, cells, look.width, look.mark)
