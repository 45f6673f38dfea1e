"""The help overlay's text, from the registry. Core."""

from __future__ import annotations

from collections.abc import Sequence

from slskdn_tui.ui.present.base import Line, fit, line_width, wrap

Group = tuple[str, list[tuple[str, str]]]


def help_lines(groups: Sequence[Group], about: str, width: int, find: str = "") -> list[Line]:
    """Two columns from 60 cells on, else one; with `find` only keys and words that contain it."""
    wanted = find.casefold()
    kept = [(title, [(key, words) for key, words in rows if not wanted or wanted in f"{key} {words}".casefold()]) for title, rows in groups]
    out: list[Line] = []
    if width >= 60:
        widths = (width * 54 // 100, width - width * 54 // 100 - 2)
        columns = [_column(group, wide) for group, wide in zip(kept, widths, strict=False)]
        for index in range(max((len(column) for column in columns), default=0)):
            line: list[tuple[str, str]] = []
            for column, wide in zip(columns, widths, strict=False):
                cell = column[index] if index < len(column) else ()
                line += (*cell, (" " * (wide + 2 - line_width(cell)), "")) if wide == widths[0] else cell
            out.append(tuple(line))
    else:
        for group in kept:
            out += [*_column(group, width), ()]
    if not wanted and about:
        out += [(), *(((text, "colors.dim"),) for text in wrap(about, width))]
    if wanted and not any(rows for _, rows in kept):
        out.append(((f"No key or command contains {find!r}.", "colors.dim"),))
    return out


def _column(group: Group, width: int) -> list[Line]:
    """Keys at the left, words beside them, long ones on more lines."""
    title, rows = group
    room = max((len(key) for key, _ in rows), default=0) + 2
    out: list[Line] = [((title, "colors.title"),)]
    for key, words in rows:
        for index, part in enumerate(wrap(words, width - room)):
            out.append(((fit(key if index == 0 else "", room), "colors.primary"), (part, "")))
    return out
