"""`LiveTable`: the list every screen is made of, redrawing only cells that changed. Shell (Textual); order and lines are worked out in pure modules.

A snapshot's rows are told apart by (key, version); lines of rows that kept both come from a cache and are the same object, so a tick over
an unchanged list touches nothing. Lists longer than their window ask for rows with `WindowWanted`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from slskdn_tui.ui.present.base import Fits, Flat, Line, Presenter, changed_cells, wrap
from slskdn_tui.ui.widgets.lines import paint, palette_of
from slskdn_tui.ui.widgets.table_lines import choose_columns, header_line, row_line, row_text
from slskdn_tui.ui.widgets.table_model import TableModel

CACHE = 2000


class LiveTable(ScrollView, can_focus=True):
    """A table with cursor, marks, sort, columns, tree, filter and a virtual window. Keys come from the screen as method calls."""

    DEFAULT_CSS = "LiveTable { height: 1fr; width: 1fr; scrollbar-size: 0 0; overflow-x: hidden; }"

    class CursorMoved(Message):
        """The cursor stands on another row; `row` is None on an empty list."""

        def __init__(self, table: LiveTable, row: Any | None) -> None:
            super().__init__()
            self.table, self.row = table, row

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveTable.CursorMoved) and message.table is self.table

    class Toggled(Message):
        """A row was folded or unfolded."""

        def __init__(self, table: LiveTable) -> None:
            super().__init__()
            self.table = table

    class Opened(Message):
        """Enter (or a second click) on a row that has nothing to unfold."""

        def __init__(self, table: LiveTable, row: Any) -> None:
            super().__init__()
            self.table, self.row = table, row

    class WindowWanted(Message):
        """Rows from `start` on are needed."""

        def __init__(self, table: LiveTable, start: int) -> None:
            super().__init__()
            self.table, self.start = table, start

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveTable.WindowWanted) and message.table is self.table

    def __init__(self, presenter: Presenter, *, empty: Sequence[str] = (), name_id: str | None = None) -> None:
        super().__init__(id=name_id)
        self.model = TableModel(presenter)
        self.empty = tuple(empty)
        self.loading_text = "Waiting for the engine"
        self.loaded = False
        self.hidden: frozenset[str] = frozenset(column.key for column in presenter.columns if column.hidden)
        self.cursor_key = ""
        self.cursor_index = 0
        self._anchor = ""
        self._asked = -1
        self._drawn: list[Line] = []
        self._drawn_cursor = -1
        self._cache: OrderedDict[tuple[Any, ...], Line] = OrderedDict()
        self._chosen = choose_columns(presenter.columns, self.hidden, 80)

    # What it holds ---------------------------------------------------------------------------------------------------

    @property
    def row(self) -> Any | None:
        """The row under the cursor."""
        return self.model.at(self.cursor_index)

    @property
    def marked(self) -> list[Any]:
        """Marked rows in the order of the list; the row under the cursor when none is marked."""
        rows = [row for row in self.model.rows if row.key in self.model.marks]
        return rows or ([self.row] if self.row is not None else [])

    def set_rows(self, rows: Sequence[Any], total: int = 0, start: int = 0) -> None:
        """A new snapshot: the cursor stays on its row, and only what looks different is drawn."""
        self.loaded = True
        before = self.row
        self.model.set_rows(rows, total, start, self.cursor_key)
        self._asked = -1
        self._settle()
        if self.row is not before:
            self.post_message(self.CursorMoved(self, self.row))

    def set_presenter(self, presenter: Presenter) -> None:
        self.model.presenter = presenter
        self._cache.clear()
        self._settle()

    def set_empty(self, *lines: str) -> None:
        """What an empty list says; it names the key to press."""
        self.empty = lines
        self._redraw()

    def set_query(self, query: str) -> None:
        self.model.set_query(query)
        self._settle()
        self.post_message(self.CursorMoved(self, self.row))

    def set_sort(self, column: str, descending: bool) -> None:
        self.model.set_sort(column, descending)
        self._settle()

    def set_hidden(self, hidden: frozenset[str]) -> None:
        self.hidden = hidden
        self._columns()
        self._settle()

    # Moving ----------------------------------------------------------------------------------------------------------

    @property
    def page(self) -> int:
        return max(1, self.size.height - 1)

    def move(self, by: int) -> None:
        self.move_to(self.cursor_index + by)

    def move_to(self, index: int) -> None:
        """The cursor to a place in the list, which scrolls there when need be."""
        count = len(self.model)
        index = max(0, min(count - 1, index))
        if count == 0 or (index == self.cursor_index and self.cursor_key):
            return
        self.cursor_index = index
        row = self.row
        self.cursor_key = row.key if row is not None else ""
        self._follow()
        self._redraw()
        self.post_message(self.CursorMoved(self, row))

    def reveal(self, key: str) -> bool:
        """The cursor to that row, out of the folds it is in; False when the list does not have it."""
        row = next((row for row in self.model.rows if row.key == key), None)
        if row is None:
            return False
        above = self.model.rows[: self.model.rows.index(row)]
        level = self.model.presenter.level(row)
        for other in reversed(above):
            if self.model.presenter.level(other) < level:
                level = self.model.presenter.level(other)
                self.model.toggle(other.key, True)
        self._settle()
        if (place := self.model.place(key)) is not None:
            self.move_to(place)
        return place is not None

    def next_match(self, query: str) -> bool:
        """The cursor to the next row with these words, from the top again at the end; False when there is none."""
        count = len(self.model)
        for step in range(1, count + 1):
            index = (self.cursor_index + step) % count
            row = self.model.at(index)
            if row is not None and self.model.matches(row, query):
                self.move_to(index)
                return True
        return False

    def unfold(self) -> None:
        """Show the children of this row, or announce `Opened` for a row without any."""
        row = self.row
        if row is None:
            return
        if self.model.has_children(row):
            self.model.toggle(row.key, not self.model.is_unfolded(row))
            self._settle()
            self.post_message(self.Toggled(self))
        else:
            self.post_message(self.Opened(self, row))

    def fold(self) -> None:
        """Hide the children of this row, or go to its parent."""
        row = self.row
        if row is None:
            return
        if self.model.toggle(row.key, False):
            self._settle()
            self.post_message(self.Toggled(self))
            return
        level = self.model.presenter.level(row)
        for index in range(self.cursor_index - 1, -1, -1):
            above = self.model.at(index)
            if above is not None and self.model.presenter.level(above) < level:
                self.move_to(index)
                return

    def mark(self) -> None:
        """Mark or unmark this row and go on."""
        if (row := self.row) is not None:
            self._anchor = row.key
            self.model.marks ^= {row.key}
            self._redraw()
            self.move(1)

    def mark_range(self) -> None:
        """Mark from the last marked row to this one."""
        anchor = self.model.place(self._anchor)
        first, last = sorted((self.cursor_index if anchor is None else anchor, self.cursor_index))
        self.model.marks |= {row.key for index in range(first, last + 1) if (row := self.model.at(index)) is not None}
        self._redraw()

    def mark_all(self) -> None:
        """Mark every row that is shown, or none when all are."""
        keys = {row.key for row in self.model.shown()}
        self.model.marks = set() if keys <= self.model.marks else keys
        self._redraw()

    def clear_marks(self) -> bool:
        had = bool(self.model.marks)
        self.model.marks.clear()
        self._redraw()
        return had

    def copy_text(self) -> str:
        """Marked rows, or this one, as tab separated text."""
        presenter = self.model.presenter
        return "\n".join(row_text(presenter.cells(row), presenter.columns) for row in self.marked)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """After the list has changed: the cursor back to its row, sizes, and the difference on screen."""
        count = len(self.model)
        place = self.model.place(self.cursor_key) if self.cursor_key else None
        self.cursor_index = place if place is not None else max(0, min(self.cursor_index, count - 1))
        if (row := self.row) is not None:
            self.cursor_key = row.key
        self.virtual_size = Size(max(1, self.size.width), count + 1)
        self._follow()
        self._redraw()

    def _follow(self) -> None:
        top = self.scroll_offset.y
        if self.cursor_index < top:
            self.scroll_to(y=self.cursor_index, animate=False, force=True)
        elif self.cursor_index >= top + self.page:
            self.scroll_to(y=self.cursor_index - self.page + 1, animate=False, force=True)

    def _redraw(self) -> None:
        """Draw the cells that differ from what stands there."""
        if not self.size.width:
            return
        old, was = self._drawn, self._drawn_cursor
        new, cursor = self._picture()
        self._drawn, self._drawn_cursor = new, cursor
        regions = []
        for y in range(max(len(old), len(new))):
            before = old[y] if y < len(old) else ()
            after = new[y] if y < len(new) else ()
            if (y == was) != (y == cursor):
                regions.append(Region(0, y, self.size.width, 1))
            elif before is not after and (changed := changed_cells(before, after)) is not None:
                regions.append(Region(changed[0], y, changed[1] - changed[0], 1))
        if regions:
            self.refresh(*regions)

    def _picture(self) -> tuple[list[Line], int]:
        """The lines as they should stand now, and in which one the cursor is (-1: none)."""
        glyphs = self.model.presenter.glyphs
        lines = [header_line(self._chosen, self.model.sort, self.model.descending, glyphs)]
        count, top = len(self.model), self.scroll_offset.y
        if count == 0:
            words = self.empty if self.loaded else (self.loading_text,)
            if self.loaded and self.model.query:
                words = (f"Nothing matches {self.model.query!r}. Esc clears the filter.",)
            parts = [part for text in words for part in wrap(text, max(1, self.size.width - 4))]
            lines += [(("   " + part, "colors.dim"),) for part in ("", *parts)]
            return lines[: self.size.height], -1
        for index in range(top, min(count, top + self.page)):
            row = self.model.at(index)
            lines.append(self._line(row, index) if row is not None else (("   " + glyphs.ellipsis, "colors.dim"),))
        start = self.model.wanted(top, self.page, self.cursor_index)
        if start is not None and self._asked != start:
            self._asked = start
            self.post_message(self.WindowWanted(self, start))
        cursor = self.cursor_index - top + 1
        return lines, cursor if 1 <= cursor <= self.page else -1

    def _line(self, row: Any, index: int) -> Line:
        model = self.model
        here = index == self.cursor_index
        folded = not model.is_unfolded(row) if model.has_children(row) else None
        level = model.presenter.level(row)
        below = model.at(index + 1) if level >= 2 else None
        last = level >= 2 and (below is None or model.presenter.level(below) < level)
        key = (row.key, row.version, here, row.key in model.marks, folded, last)
        line = self._cache.get(key)
        if line is None:
            line = row_line(
                model.presenter.cells(row),
                self._chosen,
                model.presenter.glyphs,
                level=level,
                folded=folded,
                last=last,
                tree=not isinstance(model.presenter, Flat),
                cursor=here,
                marked=row.key in model.marks,
            )
            self._cache[key] = line
            if len(self._cache) > CACHE:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(key)
        return line

    def _columns(self) -> None:
        self._cache.clear()
        self._chosen = choose_columns(self.model.presenter.columns, self.hidden, self.size.width)
        if isinstance(self.model.presenter, Fits):
            self.model.presenter.shown = frozenset(column.key for column, _ in self._chosen)

    @property
    def text(self) -> list[str]:
        """The lines on screen, for tests."""
        return ["".join(text for text, _ in line) for line in self._drawn]

    def render_line(self, y: int) -> Strip:
        line = self._drawn[y] if y < len(self._drawn) else ()
        return paint(line, self.size.width, palette_of(self), cursor=y == self._drawn_cursor)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._redraw()

    def repaint(self) -> None:
        """Draw everything again (another theme, another glyph set)."""
        self._cache.clear()
        self._redraw()
        self.refresh()

    def on_resize(self) -> None:
        self._columns()
        self._settle()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y - 1
        if event.y == 0 or index >= len(self.model):
            return
        if index == self.cursor_index and self.has_focus:
            self.unfold()
        else:
            self.move_to(index)
