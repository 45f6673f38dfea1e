"""Shell: `library show`, `library trash list`. What changes files goes through `acting`."""

from __future__ import annotations

import os

from slskdn_tui.cli.context import Context
from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.fix import TrashView
from slskdn_tui.model.library_view import LibraryRow, LibraryView
from slskdn_tui.model.views import ViewKey

PAGE = 500


def list_trash(context: Context) -> int:
    return context.show(context.view("any", ViewKey("trash", count=PAGE), TrashView, whole=True), trash_lines, rows=True)


def trash_lines(view: TrashView, look: Look) -> list[str]:
    """`slskdn library trash list`."""
    if not view.rows:
        return ["The trash is empty."]
    columns = (Column("ID"), Column("SINCE"), Column("SIZE", "right"), Column("FILE", flex=True, least=20), Column("WHY", flex=True))
    rows = [(row.entry, units.moment(row.at), units.size(row.size), str(row.path), str(row.reason)) for row in view.rows]
    words = f"{units.plural(view.total, 'file')}, {units.size(view.bytes)}; `slskdn library trash restore ID` puts one back"
    return [*table(columns, rows, look.width, look.mark), "", words]


def show(context: Context) -> int:
    which = context.args.get("which") or ""
    if "/" in which or os.path.exists(which):
        which = os.path.realpath(os.path.expanduser(which))
    view = context.view("any", ViewKey("library", which, context.args.get("filter") or "", count=PAGE), LibraryView, whole=True)
    return context.show(view, lambda view, look: library_lines(view, which, look))


def library_lines(view: LibraryView, which: str, look: Look) -> list[str]:
    """`slskdn library show`: counts, kinds, then the rows of one."""
    if which.startswith("/"):
        return [line for row in view.rows for line in row_lines(row)]
    lines = [str(view.scan.words)]
    if view.scan.next_at:
        lines.append(f"Next scan {units.moment(view.scan.next_at)} ({view.scan.schedule})")
    if not view.checked_at:
        return [*lines, "Not checked yet: `slskdn library check` does it, and so does a scan."]
    lines.append(f"Checked {units.moment(view.checked_at)}" + ("; another check runs" if view.checking else ""))
    if not view.kinds:
        return [*lines, "Nothing wrong was found."]
    heads = (Column("ISSUE"), Column("COUNT", "right"), Column("WORST ITEM", flex=True, least=20), Column("SCORE", "right"))
    kinds = [(str(row.title), str(row.count), str(row.worst), "" if row.score is None else f"{row.score:.2f}") for row in view.kinds]
    lines += ["", *table(heads, kinds, look.width, look.mark)]
    if view.rows:
        columns = (
            Column("FILE", flex=True, least=20),
            Column("CODEC"),
            Column("SCORE", "right"),
            Column("WHAT", flex=True),
            Column("FIX", flex=True),
        )
        rows = [
            (
                str(row.path),
                str(row.codec),
                "" if row.score is None else f"{row.score:.2f}",
                str(row.words),
                str(row.doing or row.fix),
            )
            for row in view.rows
        ]
        lines += ["", *table(columns, rows, look.width, look.mark)]
    return lines


def row_lines(row: LibraryRow) -> list[str]:
    """One file or folder, and why."""
    lines = [str(row.path), f"  {row.words}", *(f"  {each}" for each in row.evidence)]
    if row.codec:
        lines.append(f"  codec: {row.codec}" + ("" if row.score is None else f", score {row.score:.2f}"))
    lines += [f"  {name}: {value}" for name, value in row.facts]
    if row.canonical:
        lines.append(f"  {row.canonical}")
    if row.doing or row.fix_words:
        lines.append(f"  fix: {row.doing or row.fix_words}")
    return [*lines, f"  key: {row.name}"] if row.severity else lines
