"""How wide text is in a terminal, and tables that fit. Core."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


def width(text: str) -> int:
    """Cells that `text` (without control characters) takes: wide characters two, marks and joiners none."""
    if text.isascii():
        return len(text)
    cells = 0
    for char in text:
        if unicodedata.category(char) in ("Mn", "Me", "Cf"):
            continue
        cells += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return cells


def cut(text: str, cells: int, mark: str = "…") -> str:
    """`text` in at most `cells` cells, ending in `mark` when something was left out."""
    if width(text) <= cells:
        return text
    room = cells - width(mark)
    if room < 0:
        return ""
    out: list[str] = []
    for char in text:
        room -= width(char)
        if room < 0:
            break
        out.append(char)
    return "".join(out) + mark


def pad(text: str, cells: int, align: Literal["left", "right"] = "left") -> str:
    """`text` filled with spaces to `cells`."""
    gap = " " * max(0, cells - width(text))
    return gap + text if align == "right" else text + gap


@dataclass(frozen=True, slots=True)
class Column:
    """A column: a `flex` one gives way first, down to `least` cells, when the line is too long."""

    title: str
    align: Literal["left", "right"] = "left"
    flex: bool = False
    least: int = 8


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], total: int | None = None, mark: str = "…") -> list[str]:
    """Lines of an aligned table, two spaces between columns, at most `total` cells wide: flexible columns give way, then the line is cut."""
    wide = [max([width(column.title), *(width(row[i]) for row in rows)]) for i, column in enumerate(columns)]
    if total is not None:
        over = sum(wide) + 2 * (len(wide) - 1) - total
        while over > 0:
            able = [i for i, column in enumerate(columns) if column.flex and wide[i] > column.least]
            if not able:
                break
            widest = max(able, key=lambda i: wide[i])
            wide[widest] -= 1
            over -= 1
    lines = []
    for row in ([column.title for column in columns], *rows):
        parts = [pad(cut(cell, wide[i], mark), wide[i], columns[i].align) for i, cell in enumerate(row)]
        line = "  ".join(parts).rstrip()
        lines.append(cut(line, total, mark) if total is not None else line)
    return lines
