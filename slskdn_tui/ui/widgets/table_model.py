"""What a table shows, in which order: tree, filter, sort, marks, and the window of a long list. Core.

Two ways of holding rows: *whole*, where every row is here and filter, sort and tree are worked out here; and *windowed*, where the engine
keeps a long list (total larger than what came), answers filter and sort itself, and rows are found by their absolute place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from slskdn_tui.ui.present.base import Presenter, Stories


class TableModel:
    """Rows of one table. `shown()` and `at()` are what a widget draws; everything else changes what they say."""

    def __init__(self, presenter: Presenter) -> None:
        self.presenter = presenter
        self.rows: tuple[Any, ...] = ()
        self.start = 0
        self.total = 0
        self._most = 1  # rows in the largest window that came: one at the end of the list is shorter
        self.query = ""
        self.sort = ""
        self.descending = False
        self.remote_filter = False
        self.partial = False
        """Whether rows below folded ones are left to the engine, so that it has to do the filtering."""
        self.unfolded: dict[str, bool] = {}
        self._by_state: set[str] = set()
        """Rows that opened by themselves; what somebody opened or closed is his to close or open."""
        self.marks: set[str] = set()
        self._order: list[Any] | None = None
        self._places: dict[str, int] | None = None

    @property
    def windowed(self) -> bool:
        return self.total > len(self.rows)

    def set_rows(self, rows: Sequence[Any], total: int = 0, start: int = 0, cursor: str = "") -> None:
        """A new snapshot. Marks of rows that are gone are dropped, but for windows, where a row may only be out of sight.

        `cursor` is the key of the row under it: what stands around it does not fold by itself.
        """
        self.rows = tuple(rows)
        self.total = max(total, len(self.rows))
        self.start = start if self.total > len(self.rows) else 0
        self._most = max(self._most, len(self.rows)) if self.windowed else 1
        for row in self.rows:  # what was open for its state stays open when that state is over: the story is still being read
            if row.key not in self.unfolded and self.has_children(row) and self.presenter.opens(row):
                self.unfolded[row.key] = True
                self._by_state.add(row.key)
        self._fold_told(cursor)
        if not self.windowed and self.marks:
            self.marks &= {row.key for row in self.rows}
        self._forget()

    def set_query(self, query: str) -> None:
        """The filter's words, all of which must occur. A windowed list hands them to the engine instead."""
        if query and not self.query:
            self.remote_filter = self.windowed or self.partial
        self.query = query
        if not query:
            self.remote_filter = False
        self._forget()

    def set_sort(self, column: str, descending: bool) -> None:
        self.sort, self.descending = column, descending
        self._forget()

    def toggle(self, key: str, unfold: bool) -> bool:
        """Show or hide a row's children; says whether that changed anything."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is None or not self.has_children(row) or self.is_unfolded(row) == unfold:
            return False
        self.unfolded[key] = unfold
        self._by_state.discard(key)
        self._forget()
        return True

    def _fold_told(self, cursor: str) -> None:
        """Close what opened by itself and is over, once something else moves: its rows would push what moves out of sight."""
        presenter = self.presenter
        if not self._by_state or not isinstance(presenter, Stories) or not any(presenter.moves(row) for row in self.rows):
            return
        around = self._around(cursor)
        for row in self.rows:
            if row.key in self._by_state and row.key not in around and presenter.over(row):
                self._by_state.discard(row.key)
                self.unfolded.pop(row.key, None)

    def _around(self, key: str) -> set[str]:
        """That row and the rows it hangs below."""
        path: list[str] = []
        for row in self.rows:
            del path[self.presenter.level(row) :]
            path.append(row.key)
            if row.key == key:
                return set(path)
        return set()

    def has_children(self, row: Any) -> bool:
        return bool(getattr(row, "children", 0))

    def is_unfolded(self, row: Any) -> bool:
        return self.unfolded.get(row.key, self.presenter.opens(row))

    def __len__(self) -> int:
        return self.total if self.windowed else len(self.shown())

    def at(self, index: int) -> Any | None:
        """The row in that place; None for one outside the window or the list."""
        if self.windowed:
            place = index - self.start
            return self.rows[place] if 0 <= place < len(self.rows) else None
        shown = self.shown()
        return shown[index] if 0 <= index < len(shown) else None

    def wanted(self, top: int, page: int, cursor: int) -> int | None:
        """From which row on a window is to be asked for, so that the rows from `top` on can be drawn; None when there is nothing to ask for.

        A page with more lines than a window has rows cannot be filled: it gets the window with the cursor in it, once.
        """
        if all(self.at(index) is not None for index in range(top, min(len(self), top + page))):
            return None
        if page <= self._most:
            return max(0, top - min(page * 2, (self._most - page) // 2))  # rows above it, as far as the window has room
        start = max(top, cursor - self._most + 1)
        return start if start != self.start else None

    def place(self, key: str) -> int | None:
        """Where a row stands, or None when it is not shown."""
        if self._places is None:
            rows, first = (self.rows, self.start) if self.windowed else (self.shown(), 0)
            self._places = {row.key: first + index for index, row in enumerate(rows)}
        return self._places.get(key)

    def shown(self) -> Sequence[Any]:
        """The rows that are visible when nothing is windowed, in order."""
        if self.windowed:
            return self.rows
        if self._order is None:
            self._order = list(self._walk(self._forest()))
        return self._order

    def matches(self, row: Any, query: str) -> bool:
        """Whether all words of the query occur in the row."""
        text = self.presenter.words(row).casefold()
        return all(word in text for word in query.casefold().split())

    def _forget(self) -> None:
        self._order = None
        self._places = None

    def _forest(self) -> list[_Node]:
        roots: list[_Node] = []
        path: list[_Node] = []
        for row in self.rows:
            node = _Node(row)
            level = self.presenter.level(row)
            del path[level:]
            (path[-1].children if path else roots).append(node)
            path.append(node)
        return roots

    def _walk(self, nodes: list[_Node], found: bool = False) -> Iterator[Any]:
        """Rows in order. `found`: an ancestor has matched, so what hangs below it is shown as usual."""
        searching = "" if self.remote_filter or found else self.query
        if self.sort:
            nodes = sorted(nodes, key=lambda node: self.presenter.sort_key(node.row, self.sort), reverse=self.descending)
        for node in nodes:
            if not searching or self.matches(node.row, searching):
                yield node.row
                if self.is_unfolded(node.row) or (self.remote_filter and self.query):  # what the engine found is shown
                    yield from self._walk(node.children, True)
            elif below := list(self._walk(node.children)):  # an ancestor of a match stays, to say where the match is
                yield node.row
                yield from below


class _Node:
    __slots__ = ("children", "row")

    def __init__(self, row: Any) -> None:
        self.row = row
        self.children: list[_Node] = []
