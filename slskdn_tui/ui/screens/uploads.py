"""Uploads: what goes out, who waits in which group, what is shared, the limits in force. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Vertical
from textual.widget import Widget

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import LimitsView, UploadsView
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line, rule
from slskdn_tui.ui.present.people import UploadsPresenter, uploads_lines
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 500


class UploadsScreen(LiveScreen):
    """Lies over the screen it was opened from; `q` goes back."""

    KEYS = "uploads"
    ABOUT = (
        "Users wait in groups: friends, default, leechers (who share next to nothing); each has its own slots. In a group the one who waits longest is next, "
        "one file a user at a time. Mesh uploads are counted beside them."
    )

    def __init__(self) -> None:
        super().__init__()
        self._view: UploadsView | None = None
        self._limits: LimitsView | None = None
        self._start = 0

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            Lines(self._top, name_id="crumb"),
            LiveTable(
                UploadsPresenter(self.glyphs),
                empty=(
                    "Nobody asks for anything now.",
                    "R looks for changes in the shared folders; `soulseek.share` in the settings names them.",
                ),
                name_id="going",
            ),
            id="left",
        )

    @property
    def main(self) -> LiveTable:
        return self.query_one("#going", LiveTable)

    def views(self) -> Sequence[ViewKey]:
        query = self.main.model.query if self.main.model.remote_filter else ""
        return [ViewKey("uploads", filter=query, start=self._start, count=WINDOW), ViewKey("limits")]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if isinstance(view, UploadsView):
            self._view = view
            self.main.set_rows(view.rows, view.total, key.start)
        elif isinstance(view, LimitsView):
            self._limits = view
        crumb = self.query_one("#crumb", Lines)
        crumb.styles.height = len(self._top(80, 24))
        crumb.update()

    def trouble(self, key: ViewKey, error: UserError) -> None:
        if key.screen == "uploads":
            super().trouble(key, error)

    def subjects(self) -> list[dict[str, Any]]:
        return [{"user": row.username or str(row.user)} for row in self.main.marked]

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        row = event.row
        self.note("   ".join(part for part in (str(row.reason), str(row.path)) if part) if row is not None else "")

    def on_live_table_window_wanted(self, event: LiveTable.WindowWanted) -> None:
        self._start = event.start
        self.ui.poller.kick()

    def _top(self, width: int, height: int) -> list[Line]:
        return [*uploads_lines(self._view, self._limits, width, self.glyphs), rule(width, self.glyphs)]
