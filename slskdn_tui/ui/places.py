"""Places: which tab is shown, where one was before, and the way back from a look somewhere else. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from slskdn_tui.commands import SPECS
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.screens.discover import DiscoverScreen
from slskdn_tui.ui.screens.jobs import JobsScreen
from slskdn_tui.ui.screens.library import LibraryScreen
from slskdn_tui.ui.screens.log import LogScreen
from slskdn_tui.ui.screens.peers import PeersScreen
from slskdn_tui.ui.screens.search import SearchScreen
from slskdn_tui.ui.screens.swarms import SwarmsScreen
from slskdn_tui.ui.screens.trace import TraceScreen

MODES: dict[str, str | Callable[[], Screen[Any]]] = {
    "swarms": SwarmsScreen,
    "search": SearchScreen,
    "library": LibraryScreen,
    "discover": DiscoverScreen,
    "jobs": JobsScreen,
    "peers": PeersScreen,
    "log": LogScreen,
}
"""The tabs, as Textual wants them."""

if TYPE_CHECKING:
    from slskdn_tui.ui.app import SlskdnApp


class Places:
    """Moves the app between its modes."""

    def __init__(self, app: SlskdnApp) -> None:
        self.app = app
        self._previous = "jobs"
        self._visited_from: tuple[str, tuple[str, int] | None] | None = None
        """A mode, and the trace (job, track) that lay over it when going to the tab closed it."""
        self.wanted: tuple[str, int] | None = None
        """A job and track (0: none) the next screen with rows puts its cursor on."""

        self.made = ""
        """A job just made: the first list that has it puts its cursor there, so that the next key is meant for it."""

    def take_made(self, rows: Iterable[Any]) -> str:
        """Key of the row of the job just made, once; "" while the list does not have it."""
        key = next((str(row.key) for row in rows if self.made and row.job_id == self.made), "")
        if key:
            self.made = ""
        return key

    def take_wanted(self) -> tuple[str, int] | None:
        """What is wanted, once."""
        wanted, self.wanted = self.wanted, None
        return wanted

    def show(self, mode: str) -> None:
        """Go to a tab; what lay over it is closed."""
        self._visited_from = None
        self._go(mode)

    def _go(self, mode: str) -> None:
        if mode != self.app.current_mode:
            self._previous = self.app.current_mode
            self.app.switch_mode(mode)
        while len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def previous(self) -> None:
        """To the screen before this one."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            self.show(self._previous)

    def push(self, screen: LiveScreen) -> None:
        """Lay a screen over what is shown; one of the same thing that lies just below comes up again instead."""
        stack = self.app.screen_stack
        same = [(type(one), getattr(one, "user", "")) == (type(screen), getattr(screen, "user", "")) for one in stack[-2:]]
        if same and same[-1]:
            return
        if len(same) > 1 and same[0]:
            self.app.pop_screen()
        else:
            self.app.push_screen(screen)

    def visit(self, mode: str) -> None:
        """Go to a tab for a look, as `:jobs show` does: `leave_visit` goes back to where one was."""
        top = self.app.screen_stack[-1]
        over = (top.job, top.shown_track) if mode == self.app.current_mode and isinstance(top, TraceScreen) else None
        if mode != self.app.current_mode or over is not None:
            self._visited_from = (self.app.current_mode, over)
        self._go(mode)

    @property
    def visiting(self) -> bool:
        """Whether one came here for a look, and there is a place to go back to."""
        return self._visited_from is not None

    def leave_visit(self) -> bool:
        """Back to where the visit began; False when this is none."""
        if self._visited_from is None:
            return False
        mode, over = self._visited_from
        self._visited_from = None
        if mode != self.app.current_mode:
            self.app.switch_mode(mode)
        if over is not None:
            self.app.push_screen(TraceScreen(*over))
        return True

    def tabs(self) -> list[tuple[str, str, str]]:
        """(mode, key, title) of the screens that exist, as the registry names them."""
        return [
            (mode, keys[0], spec.summary.split(":")[0])
            for spec in SPECS
            if spec.category == "screens"
            and (mode := spec.name.split(".")[1]) in self.app.MODES
            and (keys := self.app.keys.keys_of(spec, mode))
        ]
