"""A user's files: folders, and the files of those that are opened. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Vertical
from textual.widget import Widget

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import BrowseView, SearchRow, read_ref
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line, rule
from slskdn_tui.ui.present.finding import BrowsePresenter, browse_line
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

MOST_FOLDERS = 20_000


class BrowseScreen(LiveScreen):
    """Lies over the screen it was opened from; `q` goes back."""

    KEYS = "browse"
    ABOUT = (
        "What a user shares, as the user's own program tells it. enter opens a folder and gets a file, A gets a folder whole; space marks several. "
        "The filter is that of Search: lossless bitrate>=256 q>0.8 path:words words -word."
    )

    def __init__(self, user: str) -> None:
        super().__init__()
        self.user = user
        self._view: BrowseView | None = None
        self._files: dict[str, tuple[SearchRow, ...]] = {}
        self._filter = ""
        self._wrong = ""

    def body(self) -> Iterable[Widget]:
        yield Vertical(Lines(self._top, name_id="crumb"), LiveTable(BrowsePresenter(self.glyphs), name_id="browse"), id="left")

    @property
    def main(self) -> LiveTable:
        return self.query_one("#browse", LiveTable)

    def views(self) -> Sequence[ViewKey]:
        """The folders, and the files of every opened folder that has not come yet."""
        keys = [ViewKey("browse", self.user, self._filter, count=MOST_FOLDERS)]
        opened = {key for key, on in self.main.model.unfolded.items() if on}
        for row in self._view.rows if self._view is not None and opened else ():
            if row.level == 0 and row.key in opened and (path := _path(row)) not in self._files:
                keys.append(ViewKey("browse", f"{self.user}\n{path}", self._filter, count=MOST_FOLDERS))
        return keys

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if not isinstance(view, BrowseView) or key.filter != self._filter:
            return
        _, newline, path = key.subject.partition("\n")
        if newline:
            if view.state == "asking":
                return
            self._files[path] = view.rows
            if view.error:
                self.say(str(view.error), "colors.error")
        elif self._filter and view.error and self._view is not None and self._view.state == "done" and view.state == "failed":
            self._wrong = str(view.error)  # what was shown before the filter stays
            self.query_one("#crumb", Lines).update()
            return
        else:
            self._view, self._wrong = view, ""
        self._show()

    def _show(self) -> None:
        view = self._view
        if view is None:
            return
        rows: list[SearchRow] = []
        for row in view.rows:
            rows.append(row)
            if row.level == 0:
                rows += self._files.get(_path(row), ())
        name = SafeText(self.user)
        if view.state == "asking":
            self.main.set_empty(f"Asking {name} for the list of files ...", "Large shares take a while; q goes back, the answer is kept.")
        elif self._filter and not view.error:
            self.main.set_empty("Nothing passes the filter.", "Press esc to clear it, / to change it.")
        else:
            self.main.set_empty(
                str(view.error) or f"{name} shares nothing.", "Press u to see whether they are online." if view.error else ""
            )
        first = not self.main.loaded or not len(self.main.model)
        self.main.set_rows(rows)
        if first:  # above it are folders of folders, which hold nothing to open
            self.main.move_to(next((at for at, row in enumerate(rows) if row.files), 0))
        self.query_one("#crumb", Lines).update()

    def trouble(self, key: ViewKey, error: UserError) -> None:
        _, newline, path = key.subject.partition("\n")
        if newline:
            self._files[path] = ()
            self.say(f"{error.message} {error.hint}".strip(), "colors.error")
        else:
            super().trouble(key, error)

    # The filter is the engine's, and reads the whole list: it is in force from enter on ---------------------------------

    @property
    def filter_words(self) -> str:
        return self._filter

    def filter_typed(self, text: str) -> None:
        """Not yet."""

    def filter(self, text: str) -> None:
        if text.strip() != self._filter:
            self._filter, self._wrong = text.strip(), ""
            self._files.clear()
            self.query_one("#crumb", Lines).update()
            self.ui.poller.kick()

    def clear_filter(self) -> bool:
        had = bool(self._filter)
        self.filter("")
        return had

    def subjects(self) -> list[dict[str, Any]]:
        return [{"user": self.user}]

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        self.note_row(event.row)

    def _top(self, width: int, height: int) -> list[Line]:
        return [browse_line(self._view, self.user, self._filter, self._wrong, width, self.glyphs), rule(width, self.glyphs)]


def _path(row: SearchRow) -> str:
    found = read_ref(row.ref)
    return found[1] if found is not None else str(row.title)
