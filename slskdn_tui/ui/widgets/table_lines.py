"""A table row as one line of spans: which columns fit, how the tree is drawn. Core."""

from __future__ import annotations

from collections.abc import Sequence

from slskdn_tui.ui.present.base import Cell, Column, Glyphs, Line, fit

GUTTER = 2


def choose_columns(columns: Sequence[Column], hidden: frozenset[str], width: int) -> list[tuple[Column, int]]:
    """The columns that fit with their widths: the user's choice first, then those with the highest `drop` leave until there is room."""
    kept = [column for column in columns if column.key not in hidden]

    def rest(of: Sequence[Column]) -> int:
        return width - GUTTER - sum(column.width for column in of) - max(0, len(of) - 1)

    least = max((column.least for column in kept if not column.width), default=0)
    while len(kept) > 1 and rest(kept) < least and any(column.drop for column in kept):
        kept.remove(max(kept, key=lambda column: column.drop))
    flexible = max(1, rest(kept))
    return [(column, column.width or flexible) for column in kept]


def header_line(chosen: Sequence[tuple[Column, int]], sort: str, descending: bool, glyphs: Glyphs) -> Line:
    """The columns' titles; the sorted one carries an arrow."""
    words = []
    for column, width in chosen:
        arrow = (" " + ("v" if descending else "^")) if column.key == sort else ""
        words.append(fit(column.title + arrow, width, column.align, glyphs.ellipsis))
    return ((" " * GUTTER + " ".join(words), "header"),)


def row_line(
    cells: dict[str, Cell],
    chosen: Sequence[tuple[Column, int]],
    glyphs: Glyphs,
    *,
    level: int = 0,
    folded: bool | None = None,
    last: bool = False,
    tree: bool = False,
    cursor: bool = False,
    marked: bool = False,
) -> Line:
    """One row. `folded` is None for a row without children; `last` draws the closing branch."""
    out: list[tuple[str, str]] = [
        (glyphs.cursor if cursor else " ", "colors.accent"),
        (glyphs.mark if marked else " ", "colors.accent"),
    ]
    index = 0
    while index < len(chosen):
        column, width = chosen[index]
        cell = cells.get(column.key) or Cell("")
        span = max(1, cell.span)
        width += sum(extra + 1 for _, extra in chosen[index + 1 : index + span])
        if index == 0 and tree:
            lead = _lead(level, folded, last, glyphs)[:width]
            out.append((lead, "colors.dim"))
            width -= len(lead)
        if index:
            out.append((" ", ""))
        out.append((fit(cell.text, width, cell.align or column.align, glyphs.ellipsis), cell.style))
        index += span
    return _joined(out)


def _lead(level: int, folded: bool | None, last: bool, glyphs: Glyphs) -> str:
    sign = "" if folded is None else (glyphs.closed if folded else glyphs.opened)
    if level >= 2:
        return "  " * level + (glyphs.last if last else glyphs.branch) + " "
    return "  " * level + (f"{sign} " if sign else "  ")


def _joined(spans: Sequence[tuple[str, str]]) -> Line:
    """Neighbours of one style become one span: fewer bytes on the wire."""
    out: list[tuple[str, str]] = []
    for text, style in spans:
        if not text:
            continue
        if out and (out[-1][1] == style or not text.strip(" ")):  # blanks take their neighbour's style: only their ground shows
            out[-1] = (out[-1][0] + text, out[-1][1])
        else:
            out.append((text, style))
    return tuple(out)


def plain(line: Line) -> str:
    """The text of a line."""
    return "".join(text for text, _ in line)


def row_text(cells: dict[str, Cell], columns: Sequence[Column]) -> str:
    """A row as tab separated text, for copying."""
    return "\t".join(cells[column.key].text for column in columns if column.key in cells)
