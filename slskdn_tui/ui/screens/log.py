"""7 Log: what happened, newest last, followed until the cursor leaves the end. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.widget import Widget

from slskdn_tui.model.views import LogView, Snapshot, ViewKey
from slskdn_tui.ui.present.log import LogPresenter
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 500


class LogScreen(LiveScreen):
    """The log. Its filter takes parts and levels as words: `/ error rescue`."""

    TAB = KEYS = "log"
    ABOUT = "The log says what happened, by part and level. Filter with words of any column: / error, / rescue, / dj_kode. f follows the newest line."

    def __init__(self) -> None:
        super().__init__()
        self._start = 0
        self._dropped = 0
        self.following = True

    def body(self) -> Iterable[Widget]:
        yield LiveTable(LogPresenter(self.glyphs), empty=("Nothing has happened yet.",), name_id="log")

    @property
    def main(self) -> LiveTable:
        return self.query_one("#log", LiveTable)

    def views(self) -> Sequence[ViewKey]:
        query = self.main.model.query if self.main.model.remote_filter else ""
        return [ViewKey("log", filter=query, start=self._start, count=WINDOW)]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if not isinstance(view, LogView):
            return
        self.main.set_rows(view.rows, view.total, key.start)
        self._dropped = view.dropped
        if self.following:
            self.main.move_to(len(self.main.model) - 1)
            newest = max(0, view.total - WINDOW)
            if view.total > len(view.rows) and self._start < newest:
                self._start = newest
                self.ui.poller.kick()
        self.status_changed()

    def subjects(self) -> list[dict[str, Any]]:
        return [{"job": row.job_id} for row in self.main.marked if row.job_id]

    def fact(self) -> str:
        lost = f"{self._dropped} dropped  " if self._dropped else ""
        return lost + ("following" if self.following else "f follows")

    def follow(self) -> None:
        """Go to the newest line and stay there, or stop."""
        self.following = not self.following
        if self.following:
            self.main.move_to(len(self.main.model) - 1)
            self.ui.poller.kick()
        self.status_changed()

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        at_end = self.main.cursor_index >= len(self.main.model) - 1
        if self.following and not at_end:
            self.following = False
            self.status_changed()
        if event.row is not None:
            self.note(str(event.row.text))

    def on_live_table_window_wanted(self, event: LiveTable.WindowWanted) -> None:
        self._start = event.start
        self.ui.poller.kick()
