"""One user: status, shares, slots, what we had of each other. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Vertical
from textual.widget import Widget

from slskdn_tui.model.people import UserView
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line, rule
from slskdn_tui.ui.present.people import FactsPresenter, user_facts, user_line
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable


class UserScreen(LiveScreen):
    """Lies over the screen it was opened from; `q` goes back."""

    KEYS = "user"
    ABOUT = (
        "What the server and the user's own program say, and what our own transfers showed. A friend is served first and has upload slots of their own; "
        "a banned user gets no answers, no files and cannot write to you."
    )

    def __init__(self, user: str) -> None:
        super().__init__()
        self.user = user
        self.view: UserView | None = None

    def body(self) -> Iterable[Widget]:
        yield Vertical(Lines(self._top, name_id="crumb"), LiveTable(FactsPresenter(self.glyphs), name_id="facts"), id="left")

    @property
    def main(self) -> LiveTable:
        return self.query_one("#facts", LiveTable)

    def views(self) -> Sequence[ViewKey]:
        return [ViewKey("user", subject=self.user)]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if isinstance(view, UserView):
            self.view = view
            self._show()

    def _show(self) -> None:
        if self.view is not None:
            self.main.set_rows(user_facts(self.view, self.size.width))
            self.query_one("#crumb", Lines).update()

    def subjects(self) -> list[dict[str, Any]]:
        return [{"user": self.user}]

    def resized(self) -> None:
        self._show()

    def _top(self, width: int, height: int) -> list[Line]:
        return [user_line(self.view, self.user, width, self.glyphs), rule(width, self.glyphs)]
