"""One user in facts, conversations, and what is uploaded to whom. Core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slskdn_tui.model.finding import LimitsView, UploadLine, UploadsView
from slskdn_tui.model.people import MessageRow, UserView
from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, Span, crop, spread, wrap
from slskdn_tui.ui.present.format import plural

_STATUS = {"online": "states.done", "away": "colors.warning", "offline": "colors.dim"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of what is known of a user."""

    key: str
    version: int
    name: str
    text: str
    style: str = ""


def user_facts(view: UserView, width: int) -> list[Fact]:
    """Only what is known; the user's own text over as many lines as it takes (at most 20)."""
    rows: list[tuple[str, str, str]] = []

    def add(name: str, text: str, style: str = "") -> None:
        if text:
            rows.append((name, text, style))

    asking = "" if view.state == "done" else " (asking ...)" if view.state == "asking" else ""
    add("status", f"{view.status or 'not known'}{', privileged' if view.privileged else ''}{asking}", _STATUS.get(view.status, ""))
    add("trouble", str(view.error), "colors.error")
    if view.files is not None:
        add("shares", plural(view.files, "file") + (f" in {plural(view.folders, 'folder')}" if view.folders is not None else ""))
    if view.slots is not None or view.free is not None:
        free = "" if view.free is None else "a slot is free" if view.free else "no slot is free"
        slots = "" if view.slots is None else f"{view.slots} upload slots"
        queue = "" if view.queue is None else f"{view.queue} waiting"
        add("slots", ", ".join(part for part in (free, slots, queue) if part))
    if view.speed:
        add(
            "speed", f"{fmt.speed(view.speed)} on average" + (f" over {plural(view.uploads, 'upload')}" if view.uploads is not None else "")
        )
    elif view.speed is not None:
        add("speed", "the server knows no upload of theirs yet", "colors.dim")
    if view.done or view.failed:
        own = f"{view.done} done, {view.failed} failed, {fmt.size(view.bytes)}"
        add("with us", own + (f", {fmt.speed(view.own_speed, '0 B/s')}" if view.own_speed else ""))
    else:
        add("with us", "nothing was ever got from this user", "colors.dim")
    relations = {"friend": "friend: own upload slots, served first", "banned": "banned: no answers, no uploads, no messages"}
    add(
        "relation",
        relations.get(view.relation, "none (f befriends, B bans)"),
        {"friend": "states.done", "banned": "states.failed"}.get(view.relation, "colors.dim"),
    )
    add("note", str(view.note))
    if view.reputation < 1:
        add("reputation", f"{view.reputation:.2f} of 1: sources that failed are tried later", "colors.warning")
    lines = wrap(str(view.description), max(20, width - 16))[:20] if view.description else []
    rows += [("about" if index == 0 else "", line, "") for index, line in enumerate(lines)]
    return [Fact(f"{name}{index}", hash((name, text, style)), name, text, style) for index, (name, text, style) in enumerate(rows)]


class FactsPresenter(Flat):
    """Facts as a list: they can be moved over, searched and copied like everything else."""

    columns: tuple[Column, ...] = (Column("name", "", 11), Column("text", "", 0))

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: Fact) -> dict[str, Cell]:
        return {"name": Cell(row.name, "colors.dim"), "text": Cell(row.text, row.style)}

    def sort_key(self, row: Fact, column: str) -> str:
        return row.name if column == "name" else row.text

    def words(self, row: Fact) -> str:
        return f"{row.name} {row.text}"


def user_line(view: UserView | None, user: str, width: int, glyphs: Glyphs) -> Line:
    """Whose page this is."""
    crumb: Line = ((" User", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (str(SafeText(user)), "sources.slsk"))
    right: list[Span] = []
    if view is not None and view.status:
        right.append((f"{view.status} ", _STATUS.get(view.status, "")))
    if view is not None and view.relation:
        right.append((f"{view.relation} ", "states.done" if view.relation == "friend" else "states.failed"))
    return spread(crumb, tuple(right), width)


class ConversationsPresenter(Flat):
    """Whom we have written with, the newest first."""

    columns: tuple[Column, ...] = (
        Column("user", "USER", 16),
        Column("unread", "NEW", 4, "right"),
        Column("time", "LAST", 16, drop=1),
        Column("text", "MESSAGE", 0, least=20),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: MessageRow) -> dict[str, Cell]:
        mine = "you: " if row.direction == "out" else ""
        return {
            "user": Cell(row.user, "sources.slsk"),
            "unread": Cell(str(row.unread) if row.unread else "", "states.done"),
            "time": Cell(fmt.day(row.time), "colors.dim"),
            "text": Cell(f"{mine}{row.text}", "colors.title" if row.unread else "colors.dim" if mine else ""),
        }

    def sort_key(self, row: MessageRow, column: str) -> Any:
        return {"user": row.user.casefold(), "unread": row.unread, "time": row.time, "text": row.text.casefold()}[column]

    def words(self, row: MessageRow) -> str:
        return f"{row.user} {row.text}"


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a conversation; `time` and `who` only on a message's first."""

    key: str
    version: int
    time: str
    who: str
    text: str
    out: bool
    user: SafeText
    username: str


def said_lines(rows: Sequence[MessageRow], width: int) -> list[Said]:
    """Messages over as many lines as they take."""
    out: list[Said] = []
    for row in rows:
        mine = row.direction == "out"
        for index, text in enumerate(wrap(str(row.text), max(16, width - 36)) or [""]):
            first = index == 0
            who = ("you" if mine else str(row.user)) if first else ""
            out.append(
                Said(f"{row.key}/{index}", hash((row.version, text)), row.time if first else "", who, text, mine, row.user, row.username)
            )
    return out


class SaidPresenter(Flat):
    """One conversation, the oldest first."""

    columns: tuple[Column, ...] = (Column("time", "TIME", 16, drop=1), Column("who", "WHO", 14), Column("text", "MESSAGE", 0))

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: Said) -> dict[str, Cell]:
        return {
            "time": Cell(fmt.day(row.time), "colors.dim"),
            "who": Cell(row.who, "colors.dim" if row.out else "sources.slsk"),
            "text": Cell(row.text, "colors.dim" if row.out else ""),
        }

    def sort_key(self, row: Said, column: str) -> str:
        return str(getattr(row, column))

    def words(self, row: Said) -> str:
        return f"{row.who} {row.text}"


def messages_line(user: str, unread: int, width: int, glyphs: Glyphs) -> Line:
    """All conversations, or the one that is open."""
    out: list[Span] = [(" Messages", "colors.title")]
    if user:
        out += [(f" {glyphs.crumb} ", "colors.dim"), (str(SafeText(user)), "sources.slsk")]
    right: Line = ((f"{unread} not read ", "states.done"),) if unread and not user else ()
    return spread(tuple(out), right, width)


class UploadsPresenter(Flat):
    """What goes out, and who waits in which group at which place."""

    columns: tuple[Column, ...] = (
        Column("title", "FILE", 0, least=24),
        Column("user", "USER", 12),
        Column("group", "GROUP", 8, drop=2),
        Column("state", "STATE", 8),
        Column("place", "PLACE", 5, "right"),
        Column("done", "DONE", 4, "right"),
        Column("speed", "SPEED", 9, "right", drop=1),
        Column("size", "SIZE", 7, "right", drop=3),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: UploadLine) -> dict[str, Cell]:
        return {
            "title": Cell(row.title),
            "user": Cell(row.user, fmt.PLANES[row.plane]),
            "group": Cell(row.group, "colors.dim"),
            "state": Cell(row.state, fmt.state_style(row.state)),
            "place": Cell(f"#{row.place}" if row.place else "", "states.queued"),
            "done": Cell(fmt.percent(row.sent / row.size if row.size else 0.0), "" if row.sent else "colors.dim"),
            "speed": Cell(fmt.speed(row.speed, self.glyphs.dash), "" if row.speed >= 1 else "colors.dim"),
            "size": Cell(fmt.size(row.size), "colors.dim"),
        }

    def sort_key(self, row: UploadLine, column: str) -> Any:
        return {
            "title": row.title.casefold(),
            "user": row.user.casefold(),
            "group": row.group,
            "state": row.state,
            "place": row.place or 1 << 30,
            "done": row.sent / row.size if row.size else 0.0,
            "speed": row.speed,
            "size": row.size,
        }[column]

    def words(self, row: UploadLine) -> str:
        return f"{row.title} {row.user} {row.group} {row.state} {row.path}"


def uploads_lines(view: UploadsView | None, limits: LimitsView | None, width: int, glyphs: Glyphs) -> list[Line]:
    """What is shared and the limits; then a line for each group."""
    shared = ""
    if view is not None:
        scanned = f", scanned {fmt.day(view.scanned_at)}" if view.scanned_at else ""
        shared = f"{view.shared_files:,} files in {view.shared_folders:,} folders shared{scanned}"
    out: list[Line] = [crop(((" Uploads", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (shared, "")), width, glyphs.ellipsis)]
    out.append(crop(((f" {limits_words(limits) or 'no speed limit'}", "colors.dim"),), width, glyphs.ellipsis))
    for group in view.groups if view is not None else ():
        cap = f"   at most {fmt.size(group.cap)}/s" if group.cap else ""
        out.append(
            crop(
                (
                    (f" {group.name:<10.10}", ""),
                    (
                        f"{group.used} of {group.slots} slots   {group.queued} waiting   {fmt.speed(group.speed, '0 B/s')}{cap}",
                        "colors.dim",
                    ),
                ),
                width,
            )
        )
    return out


def limits_short(view: LimitsView, glyphs: Glyphs) -> str:
    """The limits in force in a few letters."""
    parts = [f"{glyph} {kbps:,}" for kbps, glyph in ((view.down_kbps, glyphs.down), (view.up_kbps, glyphs.up)) if kbps]
    return f"limit {'  '.join(parts)} kbit/s" if parts else ""


def limits_words(view: LimitsView | None) -> str:
    """`limits: 2,000 down, 500 up kbit/s (schedule: mon-fri ...)`; empty when there is none."""
    if view is None or not (view.down_kbps or view.up_kbps):
        return ""
    parts = [f"{kbps:,} {way}" for kbps, way in ((view.down_kbps, "down"), (view.up_kbps, "up")) if kbps]
    return f"limit {', '.join(parts)} kbit/s ({view.because})"
