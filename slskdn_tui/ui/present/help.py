"""The help overlay's text, from the registry. Core."""

from __future__ import annotations

from collections.abc import Sequence

from slskdn_tui.ui.present.base import Line, fit, wrap

Group = tuple[str, list[tuple[str, str]]]


def help_lines(groups: Sequence[Group], about: str, width: int, find: str = "") -> list[Line]:
    """Two columns from 60 cells on, else one; with `find` only keys and words that contain it."""
    wanted = find.casefold()
    kept = [(title, [(key, words) for key, words in rows if not wanted or wanted in f"{key} {words}".casefold()]) for title, rows in groups]
    out: list[Line] = []
    if width >= 60:
        half = width // 2
        columns = [_column(group, half - 1) for group in kept]
        for index in range(max((len(column) for column in columns), default=0)):
            line: list[tuple[str, str]] = []
            for column in columns:
                line += column[index] if index < len(column) else ((" " * (half - 1), ""),)
                line.append((" ", ""))
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
    title, rows = group
    out: list[Line] = [((fit(title, width), "colors.title"),)]
    for key, words in rows:
        out.append(((fit(key, 11), "colors.primary"), (fit(words, width - 11), "")))
    return out
