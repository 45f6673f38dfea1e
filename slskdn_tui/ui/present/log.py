"""The log: what happened, by part and level. Core."""

from __future__ import annotations

from typing import Any

from slskdn_tui.model.views import LogRow
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs
from slskdn_tui.ui.present.swarms import part_style

_RANK = {"info": 0, "warning": 1, "error": 2}


class LogPresenter(Flat):
    """One line each; the level is a word too, so that colour is not the only carrier."""

    columns: tuple[Column, ...] = (
        Column("time", "TIME", 8),
        Column("level", "LEVEL", 7, drop=1),
        Column("part", "PART", 9),
        Column("text", "WHAT HAPPENED", 0),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: LogRow) -> dict[str, Cell]:
        style = fmt.LEVELS[row.level]
        return {
            "time": Cell(fmt.clock(row.time), "colors.dim"),
            "level": Cell(row.level, style or "colors.dim"),
            "part": Cell(row.part, part_style(row.part)),
            "text": Cell(row.text, style),
        }

    def sort_key(self, row: LogRow, column: str) -> Any:
        return {"time": row.time, "level": _RANK[row.level], "part": row.part, "text": row.text.casefold()}[column]

    def words(self, row: LogRow) -> str:
        return f"{row.level} {row.part} {row.text} {row.job_id}"
