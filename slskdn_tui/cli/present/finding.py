"""Searches, browsing, filters and wishes as plain text. Core."""

from __future__ import annotations

from collections.abc import Sequence

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import BrowseView, FiltersView, SearchRow, SearchView, WishesView
from slskdn_tui.model.views import CandidateRow, CandidatesView

_SURE = 3
"""So many candidates are named when none is meant for certain."""


def first_folders(rows: Sequence[SearchRow], count: int) -> list[SearchRow]:
    """The first `count` folders with their files."""
    out: list[SearchRow] = []
    for row in rows:
        count -= row.level == 0
        if count < 0:
            break
        out.append(row)
    return out


def slot(row: SearchRow) -> str:
    return "free" if row.free else f"queue {row.queue}" if row.queue else "busy"


def _owned(row: SearchRow) -> str:
    return "owned" if row.owned >= 1 else units.percent(row.owned) if row.owned > 0 else ""


def _folder_lines(row: SearchRow, look: Look) -> list[str]:
    facts = [
        str(row.format),
        f"q {row.quality:.2f}" if row.quality is not None else "",
        str(row.badge),
        slot(row),
        units.speed(row.speed) if row.speed else "",
        units.plural(row.files, "file"),
        units.size(row.size),
        _owned(row),
        str(row.warning),
    ]
    return [f"{row.title}  [{row.user}]", "  " + ", ".join(fact for fact in facts if fact), f"  {row.ref}"]


def _file_lines(row: SearchRow, look: Look) -> list[str]:
    """Its reference on a line of its own for a script; on a terminal it is its folder's with the name after it, as the last line says."""
    facts = [
        str(row.format),
        units.size(row.size),
        units.clock(row.seconds) if row.seconds is not None else "",
        _owned(row),
        str(row.warning),
    ]
    line = f"    {row.title}  ({', '.join(fact for fact in facts if fact)})"
    return [line] if look.width else [line, f"      {row.ref}"]


def search(view: SearchView, rows: Sequence[SearchRow], look: Look, nothing: str = "") -> list[str]:
    """`slskdn search`, `wishlist show`: folders, each with its reference for `slskdn get`, and their files; `nothing` when there are none at all."""
    lines: list[str] = []
    for row in rows:
        lines += [*([""] if lines and row.level == 0 else []), *(_folder_lines(row, look) if row.level == 0 else _file_lines(row, look))]
    shown = sum(row.level == 0 for row in rows)
    end = f"{units.plural(view.files, 'file')} of {units.plural(view.users, 'user')}"
    if view.shown_files != view.files:
        end += f"; {view.shown_files} of {view.shown_users} pass the filter"
    if view.total > len(rows):
        end += f"; the first {units.plural(shown, 'folder')} shown (--limit)"
    if view.capped:
        end += "; more was answered than is kept"
    if not rows:
        end = f"Nothing found: {end}" if view.files else nothing or "Nobody has it now. `slskdn wishlist add` goes on searching."
    how = ["Get a folder: slskdn get 'REFERENCE'; one of its files: slskdn get 'REFERENCEfile name'"] if rows and look.width else []
    return [*lines, *([""] if lines else []), end, *how]


def following(view: WishesView, wish: str) -> str:
    """When a wish for which nothing was found is searched next."""
    next_s = next((row.next_s for row in view.rows if row.wish == wish), None)
    if not view.enabled:
        return "Nothing was found yet, and the wishlist is off (wishlist.enabled: false)."
    if next_s is None:
        return "Nothing was found yet. It is searched once the engine is online."
    return f"Nothing was found yet. It is searched next in {units.clock(next_s)}."


def candidates(view: CandidatesView, look: Look) -> list[str]:
    """`slskdn search --musicbrainz`."""
    columns = (
        Column("RELEASE"),
        Column("ARTIST", flex=True),
        Column("TITLE", flex=True, least=12),
        Column("DATE"),
        Column("COUNTRY"),
        Column("FORMAT", flex=True),
        Column("TRACKS", "right"),
        Column("OWNED"),
    )
    cells = [
        (
            row.mbid,
            row.artist,
            row.title,
            row.date,
            row.country,
            row.format,
            str(row.tracks),
            "yes" if row.owned >= 1 else units.percent(row.owned) if row.owned else "",
        )
        for row in view.rows
    ]
    return table(columns, cells, look.width, look.mark) if cells else ["MusicBrainz knows nothing like it."]


def _plain(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())


def choose(text: str, rows: Sequence[CandidateRow]) -> str:
    """The release MBID that `artist - album` means: the first hit with just these words. UserError `not_found` names what came near."""
    wanted = _plain(text)
    for row in rows:
        if wanted in (_plain(f"{row.artist} {row.title}"), _plain(f"{row.title}")):
            return row.mbid
    near = "; ".join(f"{row.artist} - {row.title} ({row.date}) {row.mbid}" for row in rows[:_SURE])
    raise UserError(
        "not_found", f"MusicBrainz has no release that is surely {text!r}", f"near: {near}" if near else "paste its MusicBrainz URL"
    )


def browse(view: BrowseView, look: Look) -> list[str]:
    """`slskdn browse`."""
    columns = (
        Column("NAME", flex=True, least=20),
        Column("FORMAT"),
        Column("SIZE", "right"),
        Column("LENGTH", "right"),
        Column("REFERENCE"),
    )
    cells = [(row.title, str(row.format), units.size(row.size), units.clock(row.seconds), row.ref) for row in view.rows]
    end = f"{view.user}: {units.plural(view.files, 'file')}, {units.size(view.bytes)}"
    if view.total > len(view.rows):
        end += f"; {len(view.rows)} of {view.total} lines shown (--limit, --filter)"
    return [*(table(columns, cells, None, look.mark) if cells else []), end]


def filters(view: FiltersView, look: Look) -> list[str]:
    """`slskdn filters list`."""
    if not view.rows:
        return ["No filter is saved. Save one: slskdn filters save loud 'lossless free>0'"]
    return table((Column("NAME"), Column("FILTER", flex=True)), [("@" + row.name, row.filter) for row in view.rows], look.width, look.mark)


def wishes(view: WishesView, look: Look) -> list[str]:
    """`slskdn wishlist list`."""
    if not view.rows:
        return ["No wishes. Add one: slskdn wishlist add artist album --auto"]
    columns = (
        Column("WISH"),
        Column("NEW", "right"),
        Column("FOUND", "right"),
        Column("QUERY", flex=True, least=12),
        Column("FILTER", flex=True),
        Column("AUTO"),
        Column("LAST SEARCHED"),
        Column("NOTE", flex=True),
    )
    cells = [
        (
            row.wish,
            str(row.new),
            str(row.found),
            row.query,
            row.filter,
            "yes" if row.auto else "",
            units.moment(row.last) or "not yet",
            f"job {row.job_id[:8]}" if row.job_id else row.note,
        )
        for row in view.rows
    ]
    every = f"One wish is searched every {units.clock(view.interval_s)}." if view.interval_s else "Not online: nothing is searched now."
    return [*table(columns, cells, look.width, look.mark), every if view.enabled else "The wishlist is off (wishlist.enabled: false)."]
