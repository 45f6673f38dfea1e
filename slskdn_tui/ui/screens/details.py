"""A screen with a details pane: beside the list where there is room, in its place where there is none. Shell (Textual)."""

from __future__ import annotations

from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.live_table import LiveTable


class DetailsScreen(LiveScreen):
    """`#left` is the list, `#right` the pane; the style sheet does the rest."""

    def __init__(self) -> None:
        super().__init__()
        self._details = True
        self._in_place = False

    @property
    def shows_details(self) -> bool:
        return self._in_place or (self._details and self.has_class("-wide"))

    def toggle_details(self) -> None:
        """Show or hide the pane; where there is no room beside the list it takes its place."""
        self.show_details(not self.shows_details)

    def show_details(self, on: bool) -> None:
        if self.has_class("-wide"):
            self._details, self._in_place = on, False
        else:
            self._in_place = on
        self.set_class(not self._details, "-no-details")
        self.set_class(self._in_place, "-details-only")
        self.ui.poller.kick()

    def resized(self) -> None:
        """A pane in the list's place moves beside it as soon as there is room."""
        if self._in_place and self.has_class("-wide"):
            self.show_details(True)

    def back(self) -> bool:
        if self._in_place:
            self.show_details(False)
            return True
        return False

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self.show_details(True)
