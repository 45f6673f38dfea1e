"""6 Peers: what this node gives and takes, who its peers are, and what it keeps for them. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.containers import Container, Vertical
from textual.widget import Widget

from slskdn_tui.model.cache import CacheRow, CacheView
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.peers import ContributionView, KnownPeer, PeersView
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line, sections_rule
from slskdn_tui.ui.present.cache import CachePresenter, cache_empty, cache_lines, cached_lines
from slskdn_tui.ui.present.peers import PeersPresenter, mesh_lines, peer_lines, peer_note, peers_line, report_lines, report_short
from slskdn_tui.ui.screens.details import DetailsScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 500
FRAME_ROWS, LEAST_PEERS, MOST_PEERS = 7, 5, 10
"""What the report leaves of the screen: head, rules and footer, and of the peers there are so many."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the screen: its views beside the peers, the lines over its table, and which table that is."""

    name: str
    title: str
    views: Callable[[PeersScreen], Sequence[ViewKey]]
    lines: Callable[[PeersScreen, int], list[Line]]
    table: str = "peers"


def _report(screen: PeersScreen, width: int) -> list[Line]:
    if screen.has_class("-short"):
        return report_short(screen.report, width, screen.glyphs)
    peers = max(LEAST_PEERS, min(MOST_PEERS, screen.known.total if screen.known is not None else 0))
    return report_lines(screen.report, width, screen.glyphs, screen.size.height - FRAME_ROWS - peers)


SECTIONS: tuple[Section, ...] = (
    Section("contribution", "Contribution", lambda screen: [ViewKey("contribution", screen.subject)], _report),
    Section("peers", "Peers", lambda screen: (), lambda screen, width: [peers_line(screen.known, width, screen.glyphs)]),
    Section("mesh", "Mesh", lambda screen: (), lambda screen, width: mesh_lines(screen.known, width, screen.glyphs)),
    Section(
        "cache",
        "Cache",
        lambda screen: (),
        lambda screen, width: cache_lines(screen.cache, width, screen.glyphs, short=screen.has_class("-short")),
        table="held",
    ),
)


class PeersScreen(DetailsScreen):
    """Sections over a table, of peers or of what is cached; `tab` goes through them. Another section is another entry of `SECTIONS`."""

    TAB = KEYS = "peers"
    FOOTER: ClassVar[dict[str, dict[str, str]]] = {"cache": {"block": "", "unblock": "", "reset": "", "window": ""}}
    ABOUT = (
        "UP is what you gave, DOWN what you got, of seven days. REP is how far a peer is trusted, by your own experience alone: at or below 0.30 it is "
        "asked only when nobody else has a piece, and it heals by half a week. Nothing of this is ever sent to anybody."
    )

    def __init__(self) -> None:
        super().__init__()
        self.section = SECTIONS[0]
        self.days = 7
        self.report: ContributionView | None = None
        self.known: PeersView | None = None
        self.cache: CacheView | None = None
        self._start = 0
        self._wanted = ""

    def body(self) -> Iterable[Widget]:
        peers = LiveTable(
            PeersPresenter(self.glyphs),
            empty=("No peer is known yet.", "They come with the first rescue: r on Swarms (1) asks the mesh for a track that is slow."),
            name_id="peers",
        )
        held = LiveTable(CachePresenter(self.glyphs), empty=cache_empty(None), name_id="held")
        yield Vertical(Lines(self._top, name_id="report"), peers, held, id="left")
        yield Container(Lines(self._pane, name_id="details"), id="right")

    def on_mount(self) -> None:
        self._show_table()

    def _show_table(self) -> None:
        for name in dict.fromkeys(section.table for section in SECTIONS):
            self.query_one(f"#{name}").display = name == self.section.table

    @property
    def main(self) -> LiveTable:
        return self.query_one(f"#{self.section.table}", LiveTable)

    def part(self) -> str:
        return self.section.name

    @property
    def subject(self) -> str:
        return "" if self.days == 7 else str(self.days)

    # Views -----------------------------------------------------------------------------------------------------------

    def views(self) -> Sequence[ViewKey]:
        query = self.main.model.query if self.main.model.remote_filter else ""
        if self.section.table == "held":
            return [ViewKey("cache", filter=query, start=self._start, count=WINDOW)]
        return [ViewKey("peers", filter=query, start=self._start, count=WINDOW), *self.section.views(self)]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if isinstance(view, PeersView):
            self.known = view
            self.query_one("#peers", LiveTable).set_rows(view.rows, view.total, key.start)
            if self._wanted:
                self._reveal()
            self.query_one("#details", Lines).update()
            self.status_changed()
        elif isinstance(view, CacheView):
            self.cache = view
            held = self.query_one("#held", LiveTable)
            held.set_empty(*cache_empty(view))
            held.set_rows(view.rows, view.total, key.start)
            self.query_one("#details", Lines).update()
        elif isinstance(view, ContributionView) and key.subject == self.subject:
            self.report = view
        self._top_changed()

    def trouble(self, key: ViewKey, error: UserError) -> None:
        if key.screen in ("peers", "cache"):
            super().trouble(key, error)

    # Sections --------------------------------------------------------------------------------------------------------

    def go(self, name: str, days: int = 0) -> None:
        """Show that section; the report of so many days."""
        before, self.section = self.section, next(section for section in SECTIONS if section.name == name)
        if days and days != self.days:
            self.days = max(1, min(7, days))
            self.report = None
        if self.shows_details and not self.has_class("-wide"):
            self.show_details(False)
        if self.ready:
            if before.table != self.section.table:
                self._start = 0
                self._show_table()
                self.set_focus(self.main)
                self.note("")
                self.query_one("#footer", Lines).update()
                self.query_one("#details", Lines).update()
            self._top_changed()
            self.ui.poller.forget("contribution")
            self.ui.poller.kick()

    def step(self, by: int) -> None:
        """The next section, round."""
        self.go(SECTIONS[(SECTIONS.index(self.section) + by) % len(SECTIONS)].name)

    def show(self, peer: str) -> None:
        """Put the cursor on a peer and show its details."""
        self._wanted = peer.removeprefix("slsk:")
        if self.section.table != "peers":
            self.go("peers")
        if self.known is not None:
            self._reveal()

    def _reveal(self) -> None:
        wanted, self._wanted = self._wanted.casefold(), ""
        row = next((row for row in self.main.model.rows if wanted in row.peer.casefold() or row.name.casefold().startswith(wanted)), None)
        if row is None:
            self.say(f"no peer {wanted} is known", "colors.warning")
        elif self.main.reveal(row.key):
            self.show_details(True)

    # What commands ask for -------------------------------------------------------------------------------------------

    @property
    def peer(self) -> KnownPeer | None:
        row = self.main.row
        return row if isinstance(row, KnownPeer) else None

    def subjects(self) -> list[dict[str, Any]]:
        marked = self.main.marked
        return [
            *({"peer": row.peer} for row in marked if isinstance(row, KnownPeer)),
            *({"recording": row.recording} for row in marked if isinstance(row, CacheRow)),
        ]

    def fact(self) -> str:
        return f"{self.known.connected} connected" if self.known is not None else ""

    # Drawing ---------------------------------------------------------------------------------------------------------

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if event.table is not self.main:
            return
        peer = self.peer
        self.note(peer_note(peer) if peer is not None and peer.note else "")
        self.query_one("#details", Lines).update()

    def on_live_table_window_wanted(self, event: LiveTable.WindowWanted) -> None:
        self._start = event.start
        self.ui.poller.kick()

    def resized(self) -> None:
        super().resized()
        self.call_after_refresh(self._top_changed)

    def show_details(self, on: bool) -> None:
        super().show_details(on)
        self.call_after_refresh(self._top_changed)

    def _top_changed(self) -> None:
        top = self.query_one("#report", Lines)
        top.styles.height = len(self._top(top.size.width or self.size.width, 0))
        top.update()

    def _top(self, width: int, height: int) -> list[Line]:
        sections = [(section.name, section.title, "") for section in SECTIONS]
        return [*self.section.lines(self, width), sections_rule(sections, self.section.name, width, self.glyphs)]

    def _pane(self, width: int, height: int) -> list[Line]:
        if self.section.table == "held":
            row = self.main.row
            lines = cached_lines(row if isinstance(row, CacheRow) else None, width - 2, height, self.glyphs)
        else:
            lines = peer_lines(self.peer, width - 2, height, self.glyphs)
        return [((self.glyphs.wall, "colors.dim"), *line) for line in [*lines, *[()] * (height - len(lines))]]
