"""Words shared by every presenter: spans, cells, columns, glyphs, and fitting text to a width in terminal cells. Core.

A span is (text, style name); a style name is dotted as in a theme (`states.rescue`), empty for plain text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from rich.cells import cell_len, set_cell_size

Span = tuple[str, str]
Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The few drawing characters in use. The ASCII set holds on any terminal and any locale."""

    cursor: str = "▌"
    mark: str = "*"
    opened: str = "▾"
    closed: str = "▸"
    branch: str = "├"
    last: str = "└"
    rule: str = "─"
    wall: str = "│"
    down: str = "↓"
    up: str = "↑"
    dash: str = "–"
    on: str = "●"
    off: str = "○"
    crumb: str = "▸"
    mail: str = "✉ {}"
    ellipsis: str = "…"
    bar: tuple[str, str] = ("█", "░")
    eighths: str = "▏▎▍▌▋▊▉"
    spark: str = "▁▂▃▄▅▆▇█"
    chunk: dict[str, str] = field(default_factory=lambda: {"o": "█", "m": "▓", ".": "░", ">": "▸", "x": "x", "#": "█"})


UNICODE = Glyphs()
ASCII = Glyphs(
    cursor=">",
    mark="*",
    opened="v",
    closed=">",
    branch="|",
    last="`",
    rule="-",
    wall="|",
    down="dn",
    up="up",
    dash="-",
    on="*",
    off="-",
    crumb=">",
    mail="{} msgs",
    ellipsis="~",
    bar=("#", "."),
    eighths="",
    spark="",
    chunk={"o": "#", "m": "=", ".": ".", ">": ">", "x": "x", "#": "#"},
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one column. `span` columns are joined; `lead` is drawn before the text and never cut."""

    text: str
    style: str = ""
    span: int = 1
    align: Literal["", "left", "right"] = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `width` cells (0: takes what is left), hidden on narrow terminals highest `drop` first (0: never)."""

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    drop: int = 0
    hidden: bool = False
    least: int = 14
    """What a column of width 0 keeps before others give way."""


class RowLike(Protocol):
    """What a table needs of a row."""

    @property
    def key(self) -> str: ...
    @property
    def version(self) -> int: ...


class Presenter(Protocol):
    """How one kind of row becomes a line of a table. All methods are pure."""

    columns: tuple[Column, ...]
    glyphs: Glyphs

    def cells(self, row: Any) -> dict[str, Cell]:
        """The cells by column key."""
        ...

    def sort_key(self, row: Any, column: str) -> Any:
        """What the column sorts by; all values of a column compare with each other."""
        ...

    def words(self, row: Any) -> str:
        """What the filter looks in."""
        ...

    def level(self, row: Any) -> int:
        """Depth in the tree; 0 in flat lists."""
        ...

    def opens(self, row: Any) -> bool:
        """Whether its children are shown until the user says otherwise."""
        ...


@runtime_checkable
class Fits(Protocol):
    """A presenter whose cells depend on which columns there is room for."""

    shown: frozenset[str]


@runtime_checkable
class Stories(Protocol):
    """A presenter of a tree whose rows open for their state, and close again when that is over and something else moves."""

    def over(self, row: Any) -> bool:
        """Whether the row has ended well: nobody need look at what hangs below it."""
        ...

    def moves(self, row: Any) -> bool:
        """Whether the row is one to watch now."""
        ...


class Flat:
    """A presenter's answers for lists that are no trees."""

    def level(self, row: Any) -> int:
        return 0

    def opens(self, row: Any) -> bool:
        return False


def fit(text: str, width: int, align: str = "left", ellipsis: str = "…") -> str:
    """Text cut (with an ellipsis) or padded to exactly `width` cells."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + ellipsis if width > 1 else ellipsis
    return " " * (width - length) + text if align == "right" else text + " " * (width - length)


def line_width(line: Line) -> int:
    """Cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def crop(line: Line, width: int, ellipsis: str = "…") -> Line:
    """The line cut to `width` cells; never padded."""
    out: list[Span] = []
    left = width
    for text, style in line:
        length = cell_len(text)
        if length > left:
            if left > 0:
                out.append((fit(text, left, "left", ellipsis), style))
            break
        out.append((text, style))
        left -= length
    return tuple(out)


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` at the left edge and `right` at the right one; the left side gives way."""
    room = width - line_width(right)
    if room < 8:
        return crop(left, width)
    cut = crop(left, room - 1)
    return (*cut, (" " * (room - line_width(cut)), ""), *right)


def rule(width: int, glyphs: Glyphs) -> Line:
    """A horizontal line."""
    return ((glyphs.rule * width, "colors.dim"),)


def sections_rule(sections: Sequence[tuple[str, str, str]], current: str, width: int, glyphs: Glyphs) -> Line:
    """A rule that carries sections, (name, title, what is new there) each; the one shown stands in brackets, whatever the colours."""
    out: list[Span] = [(glyphs.rule, "colors.dim")]
    for name, title, new in sections:
        here = name == current
        text = f"{title} {new}" if new else title
        out.append((f"[{text}]" if here else f" {text} ", "colors.title" if here else "states.done" if new else "colors.dim"))
        out.append((glyphs.rule, "colors.dim"))
    hint = " tab "
    room = width - line_width(tuple(out)) - len(hint) - 1
    if room > 0:
        out += [(glyphs.rule * room, "colors.dim"), (hint, "colors.dim"), (glyphs.rule, "colors.dim")]
    return crop(tuple(out), width)


def wrap(text: str, width: int) -> list[str]:
    """Words over lines of at most `width` cells; a longer word is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if cell_len(word) > width:
            word = fit(word, width)
        if line and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def changed_cells(old: Line, new: Line) -> tuple[int, int] | None:
    """The first and one past the last cell in which two lines differ, or None. Lines of different width differ to the longer end."""
    before, after = _letters(old), _letters(new)
    if before == after:
        return None
    shortest = min(len(before), len(after))
    start = next((i for i in range(shortest) if before[i] != after[i]), shortest)
    if len(before) != len(after):
        return start, max(len(before), len(after))
    end = len(after)
    while end > start and before[end - 1] == after[end - 1]:
        end -= 1
    return start, end


def _letters(line: Line) -> Sequence[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for text, style in line:
        if text.isascii():
            out.extend((char, style) for char in text)
            continue
        for char in text:
            width = cell_len(char)
            if width == 0:  # a combining mark belongs to the cell before it
                if out:
                    out[-1] = (out[-1][0] + char, style)
            else:
                out.append((char, style))
                out.extend([("", style)] * (width - 1))
    return out
