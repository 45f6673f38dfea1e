"""Shell: `library trash list`. What changes files goes through `acting`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context
from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.fix import TrashView
from slskdn_tui.model.views import ViewKey

PAGE = 500


def list_trash(context: Context) -> int:
    return context.show(context.view("live", ViewKey("trash", count=PAGE), TrashView, whole=True), trash_lines, rows=True)


def trash_lines(view: TrashView, look: Look) -> list[str]:
    """`slskdn library trash list`."""
    if not view.rows:
        return ["The trash is empty."]
    columns = (Column("ID"), Column("SINCE"), Column("SIZE", "right"), Column("FILE", flex=True, least=20), Column("WHY", flex=True))
    rows = [(row.entry, units.moment(row.at), units.size(row.size), str(row.path), str(row.reason)) for row in view.rows]
    words = f"{units.plural(view.total, 'file')}, {units.size(view.bytes)}; `slskdn library trash restore ID` puts one back"
    return [*table(columns, rows, look.width, look.mark), "", words]
