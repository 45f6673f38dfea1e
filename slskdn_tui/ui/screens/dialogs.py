"""Dialogs: a question, a prompt, a list to pick from. They cover part of a screen, which goes on behind them. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, wrap
from slskdn_tui.ui.widgets.bar import LineInput
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from slskdn_tui.ui.app import SlskdnApp

T = TypeVar("T")
MOVES: dict[str, Callable[[LiveTable], None]] = {
    "down": lambda table: table.move(1),
    "up": lambda table: table.move(-1),
    "ctrl+n": lambda table: table.move(1),
    "pagedown": lambda table: table.move(table.page),
    "pageup": lambda table: table.move(-table.page),
    "ctrl+d": lambda table: table.move(table.page),
    "ctrl+u": lambda table: table.move(-table.page),
}
LETTERS: dict[str, Callable[[LiveTable], None]] = {
    "j": lambda table: table.move(1),
    "k": lambda table: table.move(-1),
    "g": lambda table: table.move_to(0),
    "G": lambda table: table.move_to(len(table.model) - 1),
}
"""Letters that move where nothing is typed."""
_THROUGH = frozenset({"up", "down", "pageup", "pagedown", "ctrl+n"})
"""Keys that act on the list while the input has the focus."""


class Dialog(ModalScreen[T]):
    """A frame with a title; esc leaves without an answer."""

    title_text = ""
    ready = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as frame:
            frame.border_title = self.title_text
            yield from self.parts()

    def parts(self) -> Sequence[Widget]:
        raise NotImplementedError

    @property
    def ui(self) -> SlskdnApp:
        return cast("SlskdnApp", self.app)

    def cancelled(self) -> Any:
        """What esc answers."""
        return None

    def line(self, value: str = "", placeholder: str = "") -> LineInput:
        """The dialog's input."""
        return LineInput(value, on_enter=self.entered, on_leave=self.escaped, placeholder=placeholder, name_id="answer")

    def entered(self, text: str) -> None:
        """Enter in the input."""

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        """It stands and has its focus: keys typed for it may come."""
        self.ready = True
        self.ui.release_keys()

    def take_key(self, event: events.Key) -> None:
        """A key that no input takes."""
        if event.key in ("escape", "ctrl+c"):
            self.escaped()
        else:
            self.pressed(event.key)

    def on_key(self, event: events.Key) -> None:
        """What comes out of an input: keys of a dialog stay in it; those an input has bindings for go on to find them."""
        if event.key in ("escape", "ctrl+c"):
            event.prevent_default()
            event.stop()
            self.escaped()
        elif event.key in _THROUGH:
            event.stop()
            self.pressed(event.key)

    def escaped(self) -> None:
        """Esc was pressed."""
        self.dismiss(self.cancelled())

    def pressed(self, key: str) -> None:
        """A key no input has taken."""


class Ask(Dialog[bool]):
    """A yes or no question about something that cannot be taken back. Only `y` is yes."""

    def __init__(self, question: str, about: str = "") -> None:
        super().__init__()
        self.title_text = "Sure?"
        self._question = question
        self._about = about

    def parts(self) -> Sequence[Widget]:
        return [Lines(self._lines, name_id="question")]

    def _lines(self, width: int, height: int) -> list[Line]:
        text = [((part, ""),) for part in wrap(self._question, width)]
        about: list[Line] = [((part, "colors.title"),) for part in wrap(self._about, width)[:3]]
        return [*about, *text, (), (("y", "colors.primary"), (" yes     ", ""), ("n", "colors.primary"), (" no", ""))]

    def cancelled(self) -> bool:
        return False

    def take_key(self, event: events.Key) -> None:
        if event.key in ("y", "n"):
            self.ui.gate.answered(event.time)
        super().take_key(event)

    def pressed(self, key: str) -> None:
        if key in ("y", "n", "q"):
            self.dismiss(key == "y")


class Facts(Dialog[None]):
    """Something to read; esc, enter and q close it. `build` makes the lines for a width."""

    def __init__(self, title: str, build: Callable[[int], Sequence[Line]]) -> None:
        super().__init__(classes="-wide-dialog")
        self.title_text = title
        self._build_lines = build

    def parts(self) -> Sequence[Widget]:
        words = Lines(lambda width, height: (*self._build_lines(width), (), (("q close", "colors.dim"),)), name_id="question")
        return [words]

    def pressed(self, key: str) -> None:
        if key in ("q", "enter"):
            self.dismiss(None)


class Prompt(Dialog[str | None]):
    """One line of text."""

    def __init__(self, title: str, hint: str = "", value: str = "") -> None:
        super().__init__()
        self.title_text = title
        self._hint = hint
        self._value = value

    def parts(self) -> Sequence[Widget]:
        return [self.line(self._value), Lines(self._lines, name_id="hint")]

    def _lines(self, width: int, height: int) -> list[Line]:
        return [((part, "colors.dim"),) for part in wrap(self._hint + "   enter: go on   esc: leave it", width)]

    def on_mount(self) -> None:
        field = self.query_one("#answer", LineInput)
        field.fresh(self._value, offered=True)
        self.set_focus(field)

    def entered(self, text: str) -> None:
        self.dismiss(text.strip() or None)


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to pick: `key` is the answer, `words` and `more` what stands there."""

    key: str
    words: str
    more: str = ""
    version: int = 1


class ChoicePresenter(Flat):
    """Choices in two columns."""

    columns: tuple[Column, ...] = (Column("words", "", 0), Column("more", "", 20, drop=1))

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: Choice) -> dict[str, Cell]:
        return {"words": Cell(row.words), "more": Cell(row.more, "colors.dim")}

    def sort_key(self, row: Choice, column: str) -> str:
        return row.words

    def words(self, row: Choice) -> str:
        return f"{row.words} {row.more} {row.key}"


class Pick(Dialog[str | None]):
    """A list; enter picks. `/` opens a line that narrows it, `typing` has it open from the start.

    `seen` hears of every row the cursor reaches (the theme picker shows each theme).
    """

    def __init__(
        self, title: str, choices: Sequence[Choice], *, start: str = "", seen: Callable[[str], None] | None = None, typing: bool = False
    ) -> None:
        super().__init__()
        self.title_text = title
        self.choices = tuple(choices)
        self._start = start
        self._seen = seen
        self._typing = typing

    def parts(self) -> Sequence[Widget]:
        table = LiveTable(ChoicePresenter(self.ui.glyphs), name_id="choices")
        return [self.line(placeholder="type to narrow"), table, Lines(self._hint, name_id="hint")]

    @property
    def table(self) -> LiveTable:
        return self.query_one("#choices", LiveTable)

    def _hint(self, width: int, height: int) -> list[Line]:
        words = "up down move   enter pick   esc leave" if self._typing else "j k move   / narrow   enter pick   esc leave"
        return [((words, "colors.dim"),)]

    def on_mount(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Fill the list. (Textual calls the `on_mount` of every class in the line; this only once.)"""
        field = self.query_one("#answer", LineInput)
        field.display = self._typing
        self.set_focus(field if self._typing else self.table)
        self.table.set_rows(self.choices)
        if (place := self.table.model.place(self._start)) is not None:
            self.table.move_to(place)

    def on_input_changed(self, event: LineInput.Changed) -> None:
        event.stop()
        self.table.set_query(event.value)

    def entered(self, text: str) -> None:
        self.table.set_query(text)  # the last letters' own message may not have come yet
        row = self.table.row
        self.dismiss(row.key if row is not None else None)

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if self._seen is not None and event.row is not None:
            self._seen(event.row.key)

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self.dismiss(event.row.key)

    def pressed(self, key: str) -> None:
        if key in MOVES:
            MOVES[key](self.table)
        elif key in LETTERS and not self._typing:
            LETTERS[key](self.table)
        elif key == "enter":
            self.entered(self.table.model.query)
        elif key == "q":
            self.escaped()
        elif key == "slash":
            self._typing = True
            field = self.query_one("#answer", LineInput)
            field.display = True
            self.set_focus(field)
            self.query_one("#hint", Lines).update()


class Choose(Pick):
    """Several of a list: space or enter turns one on or off, esc is done. Answers the keys that are on, comma separated."""

    def __init__(self, title: str, choices: Sequence[Choice], chosen: frozenset[str]) -> None:
        super().__init__(title, choices)
        self._chosen = chosen

    def parts(self) -> Sequence[Widget]:
        return [LiveTable(ChoicePresenter(self.ui.glyphs), name_id="choices"), Lines(self._hint, name_id="hint")]

    def begin(self) -> None:
        self.set_focus(self.table)
        self.table.set_rows(self.choices)
        self.table.model.marks = set(self._chosen)
        self.table.repaint()

    def _hint(self, width: int, height: int) -> list[Line]:
        return [(("* shown   space on or off   esc done", "colors.dim"),)]

    def cancelled(self) -> str:
        return ",".join(choice.key for choice in self.choices if choice.key in self.table.model.marks)

    def pressed(self, key: str) -> None:
        if key == "space":
            self.table.mark()
        elif key in ("enter", "q"):
            self.dismiss(self.cancelled())
        elif key != "slash":
            super().pressed(key)
