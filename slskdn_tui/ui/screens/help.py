"""The `?` overlay: every key of this screen, generated from the registry, with find. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.widget import Widget

from slskdn_tui.ui.present.base import Line
from slskdn_tui.ui.present.help import Group, help_lines
from slskdn_tui.ui.screens.dialogs import Dialog
from slskdn_tui.ui.widgets.bar import LineInput
from slskdn_tui.ui.widgets.lines import Lines


class Help(Dialog[None]):
    """Arrows scroll, `/` finds a key, anything else that closes a dialog closes it."""

    def __init__(self, name: str, groups: Sequence[Group], about: str) -> None:
        super().__init__(classes="-wide-dialog -full")
        self.title_text = f"Help: {name}"
        self._groups = groups
        self._about = about
        self._find = ""

    def parts(self) -> Sequence[Widget]:
        field = self.line(placeholder="find a key or a word")
        field.display = False
        return [field, VerticalScroll(Lines(self._lines, name_id="keys"), id="scroll"), Lines(self._hint, name_id="hint")]

    def _lines(self, width: int, height: int) -> list[Line]:
        return help_lines(self._groups, self._about, width, self._find)

    def _hint(self, width: int, height: int) -> list[Line]:
        return [(("/ find   up down scroll   q close   keys can be changed: ui.keymap"[:width], "colors.dim"),)]

    @property
    def scroll(self) -> VerticalScroll:
        return self.query_one("#scroll", VerticalScroll)

    def on_mount(self) -> None:
        self.set_focus(self.scroll)
        self._fit()

    def _fit(self) -> None:
        lines = self.query_one("#keys", Lines)
        lines.styles.height = max(1, len(self._lines(lines.size.width or 70, 0)))
        lines.update()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def on_input_changed(self, event: LineInput.Changed) -> None:
        event.stop()
        self._find = event.value
        self._fit()
        self.scroll.scroll_home(animate=False)

    def entered(self, text: str) -> None:
        self.set_focus(self.scroll)

    def pressed(self, key: str) -> None:
        field = self.query_one("#answer", LineInput)
        if key in ("q", "question_mark", "enter") and not field.has_focus:
            self.dismiss(None)
        elif key == "slash":
            field.display = True
            self.set_focus(field)
        elif key in ("down", "j"):
            self.scroll.scroll_relative(y=1, animate=False)
        elif key in ("up", "k"):
            self.scroll.scroll_relative(y=-1, animate=False)
        elif key in ("pagedown", "space", "ctrl+d"):
            self.scroll.scroll_page_down(animate=False)
        elif key in ("pageup", "ctrl+u"):
            self.scroll.scroll_page_up(animate=False)
