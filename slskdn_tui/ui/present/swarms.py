"""Swarms: the album, track, source tree, the uploads and the last events. Core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slskdn_tui.model.views import LogRow, StatusView, SwarmRow, SwarmsView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Glyphs, Line, Span, crop, fit
from slskdn_tui.ui.present.status import away

_LIVE = frozenset({"active", "rescue", "stalled", "verify", "searching"})


def swarms_empty(status: StatusView | None) -> tuple[str, ...]:
    """What stands where the rows would: first what keeps anything from moving."""
    if status is not None and away(status) and not status.account:
        return (
            "No Soulseek account is set: nothing can be found yet.",
            "Leave with q and run `slskdn init`; it asks for account and folders. A name nobody has makes a new account.",
        )
    ask = "Press n to fetch an album: a MusicBrainz URL, an MBID, or words to search for."
    if status is not None and away(status) and status.soulseek != "connecting":
        return ("Nothing is moving: Soulseek is offline.", str(status.soulseek_words), ask)
    return ("Nothing is moving.", ask)


class SwarmsPresenter:
    """The tree. An album in motion is open, so is a track that needs looking at (RESCUE, stalled)."""

    columns: tuple[Column, ...] = (
        Column("title", "TRACK", 0),
        Column("source", "SOURCE", 10, drop=2),
        Column("state", "STATE", 9),
        Column("done", "DONE", 4, "right"),
        Column("speed", "SPEED", 9, "right", drop=1),
        Column("eta", "ETA", 9, "right", drop=3),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: SwarmRow) -> dict[str, Cell]:
        state = Cell(row.state, fmt.state_style(row.state))
        speed = Cell(fmt.speed(row.speed, self.glyphs.dash), "" if row.speed >= 1 else "colors.dim")
        if row.level >= 2:
            plane = "" if not row.plane or row.title.startswith(row.plane) else f"{row.plane}  "
            note, _, more = row.note.partition("  ")  # `2 retries  rtt 41 ms`: the column holds the first part, the name the rest
            more = more or (row.source if row.source not in (row.title, row.plane) else "")
            return {
                "title": Cell(f"{plane}{row.title}{'  ' + more if more else ''}", fmt.PLANES.get(row.plane, ""), span=2),
                "state": state,
                "done": Cell(fmt.percent(row.share), "" if row.share else "colors.dim"),
                "speed": speed,
                "eta": Cell(note, "colors.dim"),
            }
        return {
            "title": Cell(row.title, "colors.title" if row.level == 0 else ""),
            "source": Cell(row.source or self.glyphs.dash, "" if row.source else "colors.dim"),
            "state": state,
            "done": Cell(fmt.percent(row.done), "colors.dim" if row.done in (0, 1) else ""),
            "speed": speed,
            "eta": Cell(fmt.duration(row.eta, row.note or self.glyphs.dash), "" if row.eta is not None else "colors.dim"),
        }

    def sort_key(self, row: SwarmRow, column: str) -> Any:
        return {
            "title": row.title.casefold(),
            "source": row.source.casefold(),
            "state": row.state.casefold(),
            "done": row.share if row.level >= 2 else row.done,
            "speed": row.speed,
            "eta": float("inf") if row.eta is None else row.eta,
        }[column]

    def words(self, row: SwarmRow) -> str:
        return f"{row.title} {row.source} {row.state} {row.note}"

    def level(self, row: SwarmRow) -> int:
        return row.level

    def opens(self, row: SwarmRow) -> bool:
        state = row.state.casefold().split(" ")[0]
        return state in _LIVE if row.level == 0 else state in ("rescue", "stalled")

    def over(self, row: SwarmRow) -> bool:
        return row.level == 1 and row.state == "done"

    def moves(self, row: SwarmRow) -> bool:
        return row.level == 1 and row.state.casefold() in ("active", "rescue", "stalled", "verify")


def uploads_line(view: SwarmsView | None, history: Sequence[float], up: float, width: int, glyphs: Glyphs, limits: str = "") -> Line:
    """What goes out, in one line, and the speed limits in force."""
    if view is None or (not view.uploads and not view.uploads_queued):
        return crop(
            ((" Nothing is being uploaded", "colors.dim"), (f"   {limits}" if limits else "", "colors.dim")), width, glyphs.ellipsis
        )
    queued = f", {view.uploads_queued} queued" if view.uploads_queued else ""
    out: list[Span] = [(f" Uploads {len(view.uploads)} active{queued}", "")]
    if (not limits or width >= 100) and (graph := fmt.spark(history, 24, glyphs)):
        out.append((f"   {graph}", "colors.accent"))
    out.append((f"  {fmt.speed(up, '')}", ""))
    if limits:
        out.append((f"   {limits}", "colors.dim"))
    return crop(tuple(out), width, glyphs.ellipsis)


def upload_lines(view: SwarmsView | None, width: int, room: int, glyphs: Glyphs) -> list[Line]:
    """What goes out, a line each, when there is room; the last line counts the rest."""
    if view is None or room <= 0:
        return []
    out: list[Line] = []
    for row in view.uploads[:room]:
        state = f"#{row.place}" if row.place else row.state
        group = f"{row.group:<8.8} " if width >= 72 else ""
        tail = f" {fit(row.peer, 11)} {group}{state:<8.8} {fmt.percent(row.done):>4} {fmt.speed(row.speed, glyphs.dash):>9}"
        title = max(8, width - len(tail) - 4)
        out.append(
            (
                ("   ", ""),
                (fit(row.title, title), ""),
                (tail[:12], fmt.PLANES[row.plane]),
                (tail[12:], "colors.dim"),
            )
        )
    return out


def event_lines(rows: Sequence[LogRow], width: int, room: int, glyphs: Glyphs) -> list[Line]:
    """The last `room` events, oldest first."""
    return [
        crop(
            (
                (f" {fmt.clock(row.time)} ", "colors.dim"),
                (f"{row.part:<8.8} ", part_style(row.part)),
                (str(row.text), fmt.LEVELS[row.level]),
            ),
            width,
            glyphs.ellipsis,
        )
        for row in rows[-room:]
    ]


def part_style(part: str) -> str:
    """The style of an engine part's name."""
    return {
        "rescue": "states.rescue",
        "soulseek": "sources.slsk",
        "slsk": "sources.slsk",
        "overlay": "sources.mesh",
        "mesh": "sources.mesh",
    }.get(part, "colors.accent")
