"""The row above the footer: the last message, or the line being typed (`:` command, `/` filter). Shell (Textual)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.css.scalar import Scalar
from textual.message import Message
from textual.widgets import Input

from slskdn_tui.ui.present.base import Line
from slskdn_tui.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from slskdn_tui.ui.app import SlskdnApp
    from slskdn_tui.ui.screens.base import LiveScreen

Mode = Literal["", ":", "/"]


class LineInput(Input):
    """A one-row input without a blinking cursor. Up and down walk the history, tab completes, esc leaves.

    Enter and esc call `on_enter` and `on_leave` at once and not by message: what is typed after them belongs to what they open.
    """

    DEFAULT_CSS = "LineInput { border: none; height: 1; padding: 0; background: transparent; width: 1fr; }"

    def __init__(
        self,
        value: str = "",
        *,
        on_enter: Callable[[str], None],
        on_leave: Callable[[], None],
        placeholder: str = "",
        name_id: str | None = None,
    ) -> None:
        super().__init__(value, placeholder=placeholder, select_on_focus=False, compact=True, id=name_id)
        self.cursor_blink = False
        self.left_by_backspace = False
        """Whether backspace in an empty line leaves it, as esc does."""
        self.history: list[str] = []
        self.completer: Callable[[str], list[str]] | None = None
        self._enter, self._leave = on_enter, on_leave
        self.cycling = False
        """Whether what stands there is an offer that tab took, and tab takes the next."""
        self._place = 0
        self._offers: list[str] = []

    def fresh(self, text: str = "", *, offered: bool = False) -> None:
        """Start a new line. A text that is only `offered` is selected: what is typed first takes its place, arrows keep it."""
        self.value = text
        self.cursor_position = len(text)
        if offered:
            self.select_all()
        self._place = len(self.history)
        self._offers, self.cycling = [], False

    def remember(self, text: str) -> None:
        if text and (not self.history or self.history[-1] != text):
            self.history.append(text)
            del self.history[:-200]
        self._place = len(self.history)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape" or (event.key == "backspace" and not self.value and self.left_by_backspace):
            self._leave()
            cast("SlskdnApp", self.app).line_done()
        elif event.key == "enter":
            self._enter(self.value)
            cast("SlskdnApp", self.app).line_done()
        elif event.key in ("up", "down") and self.history:
            self._place = max(0, min(len(self.history), self._place + (1 if event.key == "down" else -1)))
            self.value = self.history[self._place] if self._place < len(self.history) else ""
            self.cursor_position = len(self.value)
        elif event.key == "tab" and self.completer is not None:
            self._complete()
        else:
            if event.key != "tab":
                self._offers, self.cycling = [], False
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()

    def _complete(self) -> None:
        """The next offer; a second tab goes on to the one after it."""
        if not self._offers and self.completer is not None:
            self._offers = self.completer(self.value)
        if self._offers:
            self.cycling = True
            self.value = self._offers.pop(0)
            self.cursor_position = len(self.value)


class BottomBar(Horizontal):
    """Shows a message until a line is asked for."""

    DEFAULT_CSS = """
    BottomBar { height: 1; }
    BottomBar #message { height: 100%; }
    BottomBar #prefix { width: 2; display: none; }
    BottomBar LineInput { display: none; }
    BottomBar.-typing #message { display: none; }
    BottomBar.-typing #prefix { display: block; }
    BottomBar.-typing LineInput { display: block; }
    """

    class Edited(Message):
        """The text changed."""

        def __init__(self, mode: Mode, text: str) -> None:
            super().__init__()
            self.mode, self.text = mode, text

    def __init__(self) -> None:
        super().__init__(id="bar")
        self.mode: Mode = ""
        self._message: Sequence[Line] = ()

    def compose(self) -> ComposeResult:
        yield Lines(lambda width, height: self._message, name_id="message")
        yield Lines(lambda width, height: (((f" {self.mode}", "colors.primary"),),), name_id="prefix")
        line = LineInput(on_enter=self._entered, on_leave=self._left, name_id="line")
        line.left_by_backspace = True
        yield line

    @property
    def line(self) -> LineInput:
        return self.query_one("#line", LineInput)

    def say(self, lines: Sequence[Line]) -> None:
        """Show a message; the bar is as tall as it."""
        self._message = lines
        height = max(1, len(lines))
        if not self.mode and self.styles.height != Scalar.from_number(height):
            self.styles.height = height
        self.query_one("#message", Lines).update()

    def ask(
        self, mode: Mode, text: str = "", history: list[str] | None = None, completer: Callable[[str], list[str]] | None = None
    ) -> None:
        """Open the line."""
        self.mode = mode
        self.styles.height = 1
        self.line.history = history if history is not None else []
        self.line.completer = completer
        self.add_class("-typing")
        self.query_one("#prefix", Lines).update()
        self.line.fresh(text)
        self.line.display = True
        self._owner.offering(mode == ":")
        self.screen.set_focus(self.line)  # at once: the next key belongs to the line

    def close(self) -> None:
        """Back to the message."""
        self.mode = ""
        self.line.display = False
        self._owner.offering(False)
        self.remove_class("-typing")

    def _entered(self, text: str) -> None:
        mode = self.mode
        self.line.remember(text)
        self.close()
        self._owner.line_entered(mode, text)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.mode:
            self.post_message(self.Edited(self.mode, event.value))

    def _left(self) -> None:
        mode = self.mode
        self.close()
        self._owner.line_left(mode)

    @property
    def _owner(self) -> LiveScreen:
        return cast("LiveScreen", self.screen)
