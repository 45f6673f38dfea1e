"""What every live screen has: status, tabs, a body, the bar and the footer; keys through the registry; small terminals. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget

from slskdn_tui.commands import by_name
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import SearchRow
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Glyphs, Line, crop, fit, rule, wrap
from slskdn_tui.ui.present.finding import row_note
from slskdn_tui.ui.present.status import footer_line, offers_line, status_line, tab_line, too_small
from slskdn_tui.ui.widgets.bar import BottomBar
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from slskdn_tui.ui.app import SlskdnApp

LEAST = (60, 15)
MOST_SAID = 3
"""Rows the message above the footer may take."""


class LiveScreen(Screen[None]):
    """A screen over one or more views of the engine. Subclasses give `body`, `views`, `take` and `main`."""

    TAB: ClassVar[str] = ""
    """The tab it belongs to (`swarms`, `jobs`, `log`); empty for a screen that lies over any of them."""
    KEYS: ClassVar[str] = ""
    """Its name in the registry's keys."""
    FOOTER: ClassVar[dict[str, dict[str, str]]] = {}
    """What a key's word is on a part of the screen (`part()`), where it differs; an empty one leaves the key out."""
    FOOTER_ALSO: ClassVar[dict[str, dict[str, str]]] = {}
    """By part, commands whose key stands in the footer only there, with the key's word."""
    ABOUT: ClassVar[str] = ""
    """Two sentences for the help overlay."""

    _message = ("", "")
    _note = ("", "")
    _offered: tuple[list[str], str] = ([], "")
    """What may be typed next on the `:` line, and what its verb does."""
    _played = SafeText("")
    """What the bar says of the player."""
    ready = False
    """Its widgets stand; nothing is asked of it before."""

    # What subclasses say ---------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def views(self) -> Sequence[ViewKey]:
        raise NotImplementedError

    def take(self, key: ViewKey, view: Snapshot) -> None:
        raise NotImplementedError

    @property
    def main(self) -> LiveTable:
        """The table that keys act on when no other has the focus."""
        raise NotImplementedError

    def subjects(self) -> list[dict[str, Any]]:
        """`job` and `track` of the marked rows, or of the row under the cursor; commands take them as arguments."""
        return []

    def part(self) -> str:
        """Which part of the screen is shown, for screens that have several."""
        return ""

    @property
    def filter_words(self) -> str:
        """The filter in force, for going on with it."""
        return self.main.model.query

    def back(self) -> bool:
        """Leave something inside the screen (a pane, a filter); False when there is nothing to leave."""
        return False

    def fact(self) -> str:
        """A short fact at the right edge of the tabs."""
        return ""

    # Common ----------------------------------------------------------------------------------------------------------

    @property
    def ui(self) -> SlskdnApp:
        return cast("SlskdnApp", self.app)

    @property
    def glyphs(self) -> Glyphs:
        return self.ui.glyphs

    @property
    def table(self) -> LiveTable:
        """The table that has the focus, else the main one."""
        return self.focused if isinstance(self.focused, LiveTable) else self.main

    @property
    def bar(self) -> BottomBar:
        return self.query_one(BottomBar)

    def compose(self) -> ComposeResult:
        yield Lines(self._too_small, name_id="small")
        with Container(id="frame"):
            yield Lines(self._head, name_id="head")
            with Container(id="body"):
                yield from self.body()
            yield Lines(self._offers, name_id="offers")
            yield BottomBar()
            yield Lines(self._footer, name_id="footer")

    def on_mount(self) -> None:
        if not self.query(LiveTable):  # the app is closing already
            return
        self.set_focus(self.main)
        self.ready = True
        if (gone := self.ui.failure) is not None:
            self.trouble(next(iter(self.views()), ViewKey("status")), gone)
            self._show_bar()
        self.ui.poller.kick()
        self.ui.release_keys()

    def on_screen_resume(self) -> None:
        """Another theme or new facts may have come while this screen was not seen."""
        if self.ready:
            self.repaint()
            self._show_bar()
            self.ui.poller.kick()

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        self.set_class(width < LEAST[0] or height < LEAST[1], "-small")
        self.set_class(width >= 100, "-wide")
        self.set_class(height >= 30, "-tall")
        self.set_class(height < 20, "-short")
        self.resized()

    def resized(self) -> None:
        """The size has changed, and the classes with it. What is laid out has its old size until after the next refresh."""

    def status_changed(self) -> None:
        """The status line or a tab's fact has changed."""
        self.query_one("#head", Lines).update()
        if self.ready and self.ui.status is not None and self.ui.status.playing != self._played:
            self._played = self.ui.status.playing
            self._show_bar()

    def repaint(self) -> None:
        """Draw all of it again."""
        for widget in self.query(Lines):
            widget.update()
            widget.refresh()
        for table in self.query(LiveTable):
            table.repaint()

    def trouble(self, key: ViewKey, error: UserError) -> None:
        """A view could not be had; the screen says why where its rows would stand."""
        self.main.loaded = True
        self.main.set_rows(())
        self.main.set_empty(str(error.message), str(error.hint))

    def say(self, text: str, style: str = "") -> None:
        """A message above the footer; it stays until the next key."""
        self._message = (text, style)
        self._show_bar()

    @property
    def said(self) -> str:
        """The message above the footer, whole; "" when there is none."""
        return self._message[0]

    def has_room(self, text: str) -> bool:
        """It can be read whole above the footer, and this screen is the one that is seen."""
        return self.is_current and len(wrap(text, max(8, self.size.width) - 1)) <= MOST_SAID

    def note(self, text: str, style: str = "colors.dim") -> None:
        """What there is to say of the row under the cursor; shown while there is no message and no filter."""
        self._note = (text, style)
        self._show_bar()

    def key_to(self, command: str) -> str:
        """The label of the first key that reaches `command` here; "" where none does."""
        spec = by_name(command)
        return next(iter(self.ui.keys.keys_of(spec, self.KEYS)), "") if spec is not None else ""

    def note_track(self) -> None:
        """What a newcomer must be told on a track: that it can be heard before it is complete."""
        play, url = self.key_to("playback.here"), self.key_to("playback.copy")
        words = (f"{play} plays it while it arrives" if play else "", f"{url} gives its URL for a player elsewhere" if url else "")
        self.note(", ".join(part for part in words if part))

    def note_row(self, row: SearchRow | None) -> None:
        """A note on a remote file or folder: a warning whole, all else in one row, so that the list stays where it is."""
        text, style = row_note(row)
        if row is None or not row.warning:
            text = fit(text, max(8, self.size.width - 2), "left", self.glyphs.ellipsis).rstrip()
        self.note(text, style)

    def _show_bar(self) -> None:
        query, playing = self.main.model.query, str(self.ui.status.playing) if self.ui.status is not None else ""
        said = (
            self._message,
            (self.ui.gone_words, "colors.error"),
            (f"Filter: {query}   esc clears" if query else "", "colors.dim"),
            self._note if not playing else ("", ""),
            (playing, "states.active"),
        )
        text, style = next((one for one in said if one[0]), ("", ""))
        width = max(8, self.size.width)
        lines = [text] if cell_len(text) < width else wrap(text, width - 1)
        if len(lines) > MOST_SAID:
            lines[MOST_SAID - 1 :] = [" ".join(lines[MOST_SAID - 1 :])]
        self.bar.say([crop(((f" {part}", style),), width, self.glyphs.ellipsis) if part else () for part in lines])

    def _head(self, width: int, height: int) -> list[Line]:
        ui = self.ui
        if ui.gone_words:
            first: Line = ((" slskdn", "colors.title"), ("  the engine has stopped", "colors.error"))
        else:
            first = status_line(ui.status, ui.down_history, width, ui.glyphs, ui.poller.frozen)
        return [
            first,
            tab_line(ui.tabs, self.TAB or ui.current_mode, self.fact(), width),
            rule(width, ui.glyphs),
        ]

    def _footer(self, width: int, height: int) -> list[Line]:
        words = self.FOOTER.get(self.part(), {})
        keys = [(key, words.get(word, word)) for key, word in self.ui.keys.footer(self.KEYS)]
        for name, word in self.FOOTER_ALSO.get(self.part(), {}).items():
            if (spec := by_name(name)) is not None:
                keys[-2:-2] = [(key, word) for key in self.ui.keys.keys_of(spec, self.KEYS)[:1]]
        return [footer_line([(key, word) for key, word in keys if word], width)]

    def _too_small(self, width: int, height: int) -> list[Line]:
        return [too_small(*self.app.size, LEAST)]

    # Keys ------------------------------------------------------------------------------------------------------------

    def take_key(self, event: events.Key) -> None:
        """A key that no input takes, through the registry."""
        spec = self.ui.keys.command(self.KEYS, event.key)
        if self._message[0]:
            self.say("")
        if spec is None:
            return
        if spec.name == "app.back":
            self.ui.actions.go_back(quits=event.key != "escape")
        else:
            self.ui.actions.run(spec)

    def line_entered(self, mode: str, text: str) -> None:
        """Enter in the `:` or `/` line."""
        self.set_focus(self.main)
        if mode == ":":
            self.ui.actions.run_line(text)
        else:
            self.filter(text)

    def on_bottom_bar_edited(self, event: BottomBar.Edited) -> None:
        if event.mode == "/":
            self.filter_typed(event.text)
        else:
            self._offer(event.text)

    def offering(self, on: bool) -> None:
        """The row of what may be typed comes with the `:` line, and goes with it."""
        self.set_class(on, "-offering")
        if on:
            self._offer(self.bar.line.value)

    def _offer(self, text: str) -> None:
        offers, what = self.ui.actions.hints(text)
        if self.bar.line.cycling and text in self._offered[0]:
            offers = self._offered[0]  # tab walks through the row, which stays
        self._offered = offers, what
        self.query_one("#offers", Lines).update()

    def _offers(self, width: int, height: int) -> list[Line]:
        return [offers_line(self._offered[0], self.bar.line.value, self._offered[1], width, self.glyphs)]

    def filter_typed(self, text: str) -> None:
        """A filter as far as it is typed."""
        self.filter(text)

    def line_left(self, mode: str) -> None:
        """Esc in the line."""
        self.set_focus(self.main)
        if mode == "/":
            self.filter("")

    def filter(self, text: str) -> None:
        """Show only rows with these words; the bar says so while it holds."""
        self.main.set_query(text)
        if text:
            self.ui.last_query = text
        self._show_bar()
        self.ui.poller.kick()

    def clear_filter(self) -> bool:
        """True when there was one."""
        if not self.main.model.query:
            return False
        self.filter("")
        return True
