"""3 Library: what is wrong with the collection by kind, and below it the files, the worst first, with why. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.containers import Container, Vertical
from textual.widget import Widget

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.library_view import DISMISSED, TRASH, UNSURE, KindRow, LibraryRow, LibraryView
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line
from slskdn_tui.ui.present.library import IssuesPresenter, KindsPresenter, empty_words, heading, top_lines, why_lines
from slskdn_tui.ui.screens.details import DetailsScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 200


class LibraryScreen(DetailsScreen):
    """Kinds of issues over the issues of the kind under the cursor; `tab` goes to these."""

    TAB = KEYS = "library"
    FOOTER: ClassVar[dict[str, dict[str, str]]] = {
        TRASH: {"fix": "put back", "dismiss": ""},
        DISMISSED: {"fix": "", "dismiss": "show again"},
        UNSURE: {"fix": "confirm", "dismiss": ""},
    }
    ABOUT = (
        "What the last check found, with what was seen and what was expected; enter says why. A fix fetches exactly what is bad or missing, and the old "
        "file waits in the trash until you agree. What you dismiss stays so while it is about the same audio."
    )

    def __init__(self) -> None:
        super().__init__()
        self._view: LibraryView | None = None
        self._start = 0
        self._kind = ""
        self._left: LiveTable | None = None

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            Lines(self._top, name_id="crumb"),
            LiveTable(KindsPresenter(self.glyphs), empty=empty_words(None), name_id="kinds"),
            Lines(self._heading, name_id="heading"),
            LiveTable(IssuesPresenter(self.glyphs), empty=("The issues of the kind under the cursor stand here.",), name_id="issues"),
            id="left",
        )
        yield Container(Lines(self._pane, name_id="details"), id="right")

    @property
    def main(self) -> LiveTable:
        return self.query_one("#kinds", LiveTable)

    @property
    def issues(self) -> LiveTable:
        return self.query_one("#issues", LiveTable)

    @property
    def row(self) -> LibraryRow | None:
        row = self.issues.row
        return row if isinstance(row, LibraryRow) else None

    def part(self) -> str:
        return self._kind if self._kind in (TRASH, DISMISSED, UNSURE) else ""

    # Views -----------------------------------------------------------------------------------------------------------

    def views(self) -> Sequence[ViewKey]:
        model = self.issues.model
        return [ViewKey("library", self._kind, model.query if model.remote_filter else "", start=self._start, count=WINDOW)]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if not isinstance(view, LibraryView):
            return
        self._view = view
        self.main.set_empty(*empty_words(view))
        self.main.set_rows(view.kinds)
        if key.subject == self._kind and self._kind:
            self.issues.set_rows(view.rows, view.total, key.start)
        elif not view.kinds:
            self.issues.set_rows(())
        self._changed()

    def trouble(self, key: ViewKey, error: UserError) -> None:
        super().trouble(key, error)
        self.issues.set_rows(())

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if event.table is self.main:
            self._follow()
        else:
            self._note_row()
        self._changed()

    def _note_row(self) -> None:
        """Why, in a line, where no pane says it."""
        row = None if self.shows_details else self.row
        self.note("" if row is None else f"{row.words}: {row.evidence[0]}" if row.evidence else str(row.words))

    def _follow(self) -> None:
        """The issues are those of the kind under the cursor, and none until they have come."""
        kind = self.main.row.key if isinstance(self.main.row, KindRow) else ""
        if kind != self._kind:
            self._kind, self._start = kind, 0
            self.issues.model.marks.clear()
            self.issues.set_rows(())
            self.ui.poller.kick()
            self.query_one("#footer", Lines).update()

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        event.prevent_default()
        if event.table is self.main:
            self.issues.focus()
        else:
            self.show_details(True)

    def on_live_table_window_wanted(self, event: LiveTable.WindowWanted) -> None:
        if event.table is self.issues:
            self._start = event.start
            self.ui.poller.kick()

    def filter(self, text: str) -> None:
        """The issues are filtered."""
        self.issues.set_query(text)
        self._start = 0
        if text:
            self.ui.last_query = text
        self._changed()
        self.ui.poller.kick()

    @property
    def filter_words(self) -> str:
        return self.issues.model.query

    def clear_filter(self) -> bool:
        if not self.issues.model.query:
            return False
        self.filter("")
        return True

    # What commands ask for -------------------------------------------------------------------------------------------

    def subjects(self) -> list[dict[str, Any]]:
        """`issue`, `entry` or `folder` of the marked rows; with the cursor on a kind, of the one under the cursor below."""
        self._follow()  # a key may come before the word that the cursor has moved
        name = {TRASH: "entry", UNSURE: "folder"}.get(self._kind, "issue")
        return [{name: row.name} for row in self.issues.marked if isinstance(row, LibraryRow)]

    def show_details(self, on: bool) -> None:
        """A hidden table loses the focus: it has it again when the pane goes."""
        if on:
            self._left = self.table
        super().show_details(on)
        self._note_row()
        if not on and (left := self._left) is not None:
            self.call_after_refresh(left.focus)

    @property
    def scanning(self) -> str:
        """The state of the scan."""
        return self._view.scan.state if self._view is not None else "idle"

    @property
    def schedule(self) -> str:
        return self._view.scan.schedule if self._view is not None else ""

    def back(self) -> bool:
        if super().back():
            return True
        if self.table is self.issues:
            self.main.focus()
            return True
        return False

    def fact(self) -> str:
        if self._view is None:
            return ""
        state = self._view.scan.state
        return "" if state == "idle" else "scan paused" if state == "paused" else "scanning"

    # Drawing ---------------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        for name in ("#crumb", "#heading", "#details"):
            self.query_one(name, Lines).update()
        self.status_changed()

    def _top(self, width: int, height: int) -> list[Line]:
        return top_lines(self._view, width, self.glyphs)

    def _heading(self, width: int, height: int) -> list[Line]:
        kind = self.main.row
        return heading(kind if isinstance(kind, KindRow) else None, self._view, self.filter_words, width, self.glyphs)

    def _pane(self, width: int, height: int) -> list[Line]:
        lines = why_lines(self.row, width - 2, height, self.glyphs)
        return [((self.glyphs.wall, "colors.dim"), *line) for line in [*lines, *[()] * (height - len(lines))]]
