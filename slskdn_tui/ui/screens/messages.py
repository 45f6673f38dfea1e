"""Private messages: the conversations, and the one that is open. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Vertical
from textual.widget import Widget

from slskdn_tui.model.people import MessageRow, MessagesView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line, rule
from slskdn_tui.ui.present.people import ConversationsPresenter, SaidPresenter, messages_line, said_lines
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 500


class MessagesScreen(LiveScreen):
    """Lies over the screen it was opened from; `q` goes back, first from a conversation to all of them."""

    KEYS = "messages"
    ABOUT = "Private messages, also those that came while you were away. enter opens a conversation and marks it as read; r writes, n writes to somebody else."

    def __init__(self, user: str = "") -> None:
        super().__init__()
        self.person = user
        """Whose conversation is open; empty for the list of them."""
        self._all: MessagesView | None = None
        self._one: MessagesView | None = None
        self._read = ""

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            Lines(self._top, name_id="crumb"),
            LiveTable(
                ConversationsPresenter(self.glyphs),
                empty=("No messages yet.", "Press n to write to somebody; r on a search result's user page does the same."),
                name_id="conversations",
            ),
            LiveTable(SaidPresenter(self.glyphs), name_id="said"),
            id="left",
        )

    def on_mount(self) -> None:
        self._toggle()

    @property
    def main(self) -> LiveTable:
        return self.query_one("#said" if self.person else "#conversations", LiveTable)

    def open(self, user: str) -> None:
        """Show that user's conversation; all of them for an empty name."""
        self.person = user
        self._one = None
        self.note("")
        self.query_one("#said", LiveTable).set_rows(())
        self._toggle()
        if self.is_current:
            self.set_focus(self.main)
        self.query_one("#crumb", Lines).update()
        self.ui.poller.forget("messages")

    def _toggle(self) -> None:
        self.query_one("#conversations").display = not self.person
        self.query_one("#said").display = bool(self.person)
        self.query_one("#said", LiveTable).set_empty(f"Nothing written with {SafeText(self.person)} yet.", "Press r to write.")

    def views(self) -> Sequence[ViewKey]:
        return [ViewKey("messages", subject=self.person, count=WINDOW)]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if not isinstance(view, MessagesView) or key.subject != self.person:
            return
        if self.person:
            self._one = view
            self._show_one()
            self._mark_read(view)
        else:
            self._all = view
            self.main.set_rows(view.rows)
        self.query_one("#crumb", Lines).update()

    def _show_one(self) -> None:
        if self._one is not None and self.person:
            table = self.main
            at_end = table.cursor_index >= len(table.model) - 1
            table.set_rows(said_lines(self._one.rows, self.size.width))
            if at_end:
                table.move_to(len(table.model) - 1)

    def _mark_read(self, view: MessagesView) -> None:
        """What is on the screen has been read; said once for each new message."""
        new = next((row.key for row in reversed(view.rows) if row.direction == "in" and not row.read), "")
        if new and new != self._read:
            self._read = new
            self.ui.actions.quietly("message.read", {"user": self.person})

    def subjects(self) -> list[dict[str, Any]]:
        row = self.main.row
        if self.person:
            return [{"user": self.person}]
        return [{"user": row.username or str(row.user)}] if isinstance(row, MessageRow) else []

    def back(self) -> bool:
        if not self.person:
            return False
        self.open("")
        return True

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        if isinstance(event.row, MessageRow):
            self.open(event.row.username or str(event.row.user))

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if isinstance(event.row, MessageRow):
            self.note(str(event.row.text))

    def resized(self) -> None:
        if self.ready:
            self._show_one()

    def _top(self, width: int, height: int) -> list[Line]:
        unread = self._all.unread if self._all is not None else 0
        return [messages_line(self.person, unread, width, self.glyphs), rule(width, self.glyphs)]
