"""Uploads and limits as plain text. Core."""

from __future__ import annotations

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look, facts
from slskdn_tui.model.finding import LimitsView, UploadsView


def uploads(view: UploadsView, look: Look) -> list[str]:
    """`slskdn uploads`: groups, then files with their places."""
    groups = [
        (row.name, f"{row.used}/{row.slots}", str(row.queued), units.speed(row.speed), units.speed(row.cap) if row.cap else "none")
        for row in view.groups
    ]
    lines = table((Column("GROUP"), Column("SLOTS"), Column("WAITING", "right"), Column("SPEED", "right"), Column("CAP", "right")), groups)
    if view.rows:
        columns = (
            Column("FILE", flex=True, least=16),
            Column("TO", flex=True),
            Column("GROUP"),
            Column("STATE"),
            Column("PLACE", "right"),
            Column("DONE", "right"),
            Column("SPEED", "right"),
            Column("WHY", flex=True),
        )
        cells = [
            (
                row.title,
                row.user,
                row.group,
                row.state,
                str(row.place or ""),
                units.percent(row.sent / row.size if row.size else 0.0),
                units.speed(row.speed),
                row.reason,
            )
            for row in view.rows
        ]
        lines += ["", *table(columns, cells, look.width, look.mark)]
    scanned = f", looked at {units.moment(view.scanned_at)}" if view.scanned_at else ""
    return [*lines, "", f"Shared: {units.plural(view.shared_files, 'file')} in {units.plural(view.shared_folders, 'folder')}{scanned}"]


def limits(view: LimitsView, look: Look) -> list[str]:
    """`slskdn limits`."""

    def cap(kbps: int) -> str:
        return f"{kbps} kbit/s" if kbps else "none"

    rows = [
        ("Down", f"{cap(view.down_kbps)}, now {units.speed(view.down)}"),
        ("Up", f"{cap(view.up_kbps)}, now {units.speed(view.up)}"),
        ("Because", str(view.because)),
        ("Next", str(view.next_change)),
    ]
    return [*facts(rows, look), *(f"Schedule  {row}" for row in view.schedule)]
