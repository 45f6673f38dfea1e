"""4 Discover: discographies as trees, and labels as the mesh has them. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.containers import Container, Vertical
from textual.widget import Widget

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.graph import CrateRow, DiscographyView, GroupRow, LabelRow, LabelsView, LabelView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line, sections_rule
from slskdn_tui.ui.present.discover import (
    SECTIONS,
    CratePresenter,
    LabelsPresenter,
    LinkRow,
    TreePresenter,
    crate_empty,
    crate_lines,
    labels_empty,
    labels_lines,
    row_lines,
    row_note,
    split_filter,
    tree_empty,
    tree_lines,
    tree_rows,
)
from slskdn_tui.ui.screens.details import DetailsScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

MOST_ROWS = 5000
"""Groups of one discography: as many as are read of MusicBrainz, so that its parts fold and its words are found here."""
WINDOW = 100
"""Releases of a label at a time: of each window MusicBrainz is asked once what they are called."""
MOST_LABELS = 500


@dataclass(frozen=True, slots=True)
class Page:
    """A discography that was left for another: `visit` when one came from another screen, and goes back there."""

    subject: str
    filter: str
    row: str
    visit: bool = False


class DiscoverScreen(DetailsScreen):
    """Two sections; `tab` changes. In each something may be opened (an album, a label), and `q` goes back."""

    TAB = KEYS = "discover"
    FOOTER: ClassVar[dict[str, dict[str, str]]] = {
        "labels": {"get": "", "edition": "", "complete": "crate", "missing": ""},
        "crate": {"edition": "", "complete": "crate", "missing": ""},
        "nobody": {"get": "", "edition": "", "complete": "", "missing": ""},
        "release": {"complete": "", "missing": ""},
        "producer": {"complete": ""},
    }
    ABOUT = (
        "Core are official albums; extended EPs, live recordings, compilations, remixes, soundtracks; related is what somebody else is credited with first. "
        "The filter: year:1990-1999 label:NAME section:core bootlegs missing, and words of the rows. PEERS are nodes that have delivered to you, + strangers."
    )

    def __init__(self) -> None:
        super().__init__()
        self.section = "discography"
        self.subject = ""
        """`artist/…`, `label/…` or `release/…`, "" for none yet."""
        self.filter_text = ""
        self.label = ""
        """The label whose releases are shown; "" for the list of labels."""
        self.prefix = ""
        self.crate_filter = ""
        self.view: DiscographyView | None = None
        self._labels: LabelsView | None = None
        self.crate: LabelView | None = None
        self._start = 0
        self._wrong = ""
        self._pages: list[Page] = []
        self._reveal = ""
        self._then: Callable[[], None] | None = None
        """What was asked for before the widgets stood."""

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            Lines(self._top, name_id="asked"),
            LiveTable(TreePresenter(self.glyphs), empty=tree_empty(None, "", ""), name_id="tree"),
            LiveTable(LabelsPresenter(self.glyphs), empty=labels_empty(""), name_id="labels"),
            LiveTable(CratePresenter(self.glyphs), empty=crate_empty(""), name_id="crate"),
            id="left",
        )
        yield Container(Lines(self._pane, name_id="details"), id="right")

    def on_mount(self) -> None:
        self.query_one("#tree", LiveTable).set_rows(())
        self._show_table()
        self.call_after_refresh(self._catch_up)

    def _catch_up(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    @property
    def shown(self) -> str:
        return "tree" if self.section == "discography" else "crate" if self.label else "labels"

    @property
    def main(self) -> LiveTable:
        return self.query_one(f"#{self.shown}", LiveTable)

    def part(self) -> str:
        if self.shown != "tree":
            return self.shown
        return "nobody" if not self.subject else self.subject.partition("/")[0]

    # Views -----------------------------------------------------------------------------------------------------------

    def views(self) -> Sequence[ViewKey]:
        if self.shown == "labels":
            return [ViewKey("labels", self.prefix, count=MOST_LABELS)]
        if self.shown == "crate":
            return [ViewKey("label", self.label, self.crate_filter, start=self._start, count=WINDOW)]
        if not self.subject:
            return []
        return [ViewKey("discography", self.subject, split_filter(self.filter_text)[0], count=MOST_ROWS)]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if key not in self.views():  # the answer to what was asked before
            return
        self._wrong = ""
        if isinstance(view, DiscographyView):
            self._take_tree(view)
        elif isinstance(view, LabelsView):
            self._labels = view
            self.main.set_empty(*labels_empty(self.prefix))
            self.main.set_rows(view.rows)
        elif isinstance(view, LabelView):
            self.crate = view
            self.main.set_empty(*crate_empty(self.crate_filter))
            self.main.set_rows(view.rows, view.total, key.start)
        self._changed()

    def _take_tree(self, view: DiscographyView) -> None:
        came = view.state != "asking" and (self.view is None or self.view.state == "asking")
        self.view = view
        table = self.main
        table.set_empty(*tree_empty(view, self.subject, self.filter_text))
        table.set_rows(tree_rows(view))
        if self._reveal and view.rows:
            table.reveal(self._reveal)
            self._reveal = ""
        elif came and (first := next((row for row in table.model.shown() if isinstance(row, GroupRow)), None)):
            table.reveal(first.key)
        if came:
            self.query_one("#footer", Lines).update()

    def trouble(self, key: ViewKey, error: UserError) -> None:
        if key in self.views() and key.filter and error.code == "usage":
            self._wrong = str(error.message)  # the filter cannot be read yet: what it left last stays
        else:
            super().trouble(key, error)
        self._changed()

    # Going somewhere -------------------------------------------------------------------------------------------------

    def show(self, subject: str, filter_: str = "", *, visit: bool = False) -> None:
        """Show that discography or release; `q` comes back to what was shown. `visit`: to the screen one came from."""
        if not self.ready:
            self._then = lambda: self.show(subject, filter_, visit=visit)
            return
        if subject == self.subject and self.section == "discography" and not visit:
            return
        row = self.query_one("#tree", LiveTable).row
        if self.subject or visit:
            self._pages = [*self._pages[-50:], Page(self.subject, self.filter_text, row.key if row is not None else "", visit)]
        self._open(Page(subject, filter_, ""))

    def _open(self, page: Page) -> None:
        self.subject, self.filter_text, self._reveal = page.subject, page.filter, page.row
        self.view = None
        self._wrong = ""
        table = self.query_one("#tree", LiveTable)
        table.model.unfolded.clear()
        table.model.marks.clear()
        table.set_query(split_filter(page.filter)[1])
        if isinstance(table.model.presenter, TreePresenter):
            table.model.presenter.subject = page.subject
        table.set_empty(*tree_empty(None, page.subject, ""))
        table.set_rows(())
        table.repaint()
        self.go("discography")
        self.ui.poller.forget("discography")

    def show_label(self, label: str, filter_: str = "") -> None:
        """The releases of that label as the mesh has them; "" for the list of labels."""
        if not self.ready:
            self._then = lambda: self.show_label(label, filter_)
            return
        if label != self.label:
            self.crate, self._start = None, 0
            table = self.query_one("#crate", LiveTable)
            table.model.marks.clear()
            table.loaded = False
            table.set_rows(())
            table.loaded = False
            table.cursor_index, table.cursor_key = 0, ""
        self.label, self.crate_filter, self._wrong = label, filter_, ""
        self.go("labels")
        self.ui.poller.forget("label")

    def show_prefix(self, prefix: str) -> None:
        """Labels whose name begins so."""
        self.prefix = prefix
        self.show_label("")

    def go(self, section: str) -> None:
        self.section = section
        self.note("")
        self._show_table()
        if self.is_current:
            self.set_focus(self.main)
        self.on_live_table_cursor_moved(LiveTable.CursorMoved(self.main, self.main.row))
        self.query_one("#footer", Lines).update()
        self.ui.poller.kick()

    def step(self) -> None:
        """The other section."""
        self.go("labels" if self.section == "discography" else "discography")

    def _show_table(self) -> None:
        for name in ("tree", "labels", "crate"):
            self.query_one(f"#{name}").display = name == self.shown

    def back(self) -> bool:
        if super().back():
            return True
        if self.section == "labels":
            if self.label:
                self.show_label("")
            else:
                self.go("discography")
            return True
        if not self._pages:
            return False
        page = self._pages.pop()
        self._open(page)
        return not (page.visit and self.ui.places.visiting)

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        """Enter: an album shows its editions and where it leads, a link what came out there, a label its releases."""
        event.prevent_default()
        row = event.row
        if isinstance(row, LinkRow):
            self.show(f"{row.link.kind}/{row.link.mbid}")
        elif isinstance(row, LabelRow):
            self.show_label(str(row.label))
        elif isinstance(row, (GroupRow, CrateRow)):
            if self.part() == "release":
                self.show_details(not self.shows_details)
            else:
                self.show(f"release/{row.release}")

    # What commands ask for -------------------------------------------------------------------------------------------

    def releases(self) -> list[str]:
        """Release MBIDs of the marked rows, or of the one under the cursor."""
        return [row.release for row in self.main.marked if isinstance(row, (GroupRow, CrateRow))]

    def subjects(self) -> list[dict[str, Any]]:
        return [{"release": mbid} for mbid in self.releases()]

    def fact(self) -> str:
        view = self.view
        if self.section != "discography" or view is None or view.state != "asking" or not view.of:
            return ""
        return f"{view.read:,} of {view.of:,}"

    # The filter ------------------------------------------------------------------------------------------------------

    @property
    def filter_words(self) -> str:
        return {"tree": self.filter_text, "crate": self.crate_filter, "labels": self.prefix}[self.shown]

    def filter(self, text: str) -> None:
        """A discography's own words go to the engine, others look in the rows; among labels it is how a name begins."""
        text = text.strip()
        if text == self.filter_words:
            return
        if self.shown == "labels":
            self.prefix = text
        elif self.shown == "crate":
            self.crate_filter, self._start = text, 0
        else:
            self.filter_text = text
            self.main.set_query(split_filter(text)[1])
        self._wrong = ""
        self._changed()
        self.ui.poller.kick()

    def filter_typed(self, text: str) -> None:
        if self.part() != "nobody":
            super().filter_typed(text)

    def line_entered(self, mode: str, text: str) -> None:
        """With nobody shown yet, `/` names an artist."""
        if mode == "/" and self.part() == "nobody" and text.strip():
            self.set_focus(self.main)
            self.show(f"artist/{text.strip()}")
        else:
            super().line_entered(mode, text)

    def clear_filter(self) -> bool:
        had = bool(self.filter_words)
        self.filter("")
        return had

    # Drawing ---------------------------------------------------------------------------------------------------------

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if event.table is not self.main:
            return
        self.note("" if self.has_class("-wide") else row_note(event.row))
        self._changed()

    def on_live_table_window_wanted(self, event: LiveTable.WindowWanted) -> None:
        if event.table is self.main and self.shown == "crate":
            self._start = event.start
            self.ui.poller.kick()

    def _changed(self) -> None:
        for name in ("#asked", "#details"):
            self.query_one(name, Lines).update()
        self.status_changed()

    def _top(self, width: int, height: int) -> list[Line]:
        glyphs = self.glyphs
        if self.shown == "tree":
            lines = tree_lines(self.view, self.subject, self.filter_text, self._wrong, width, glyphs)
        elif self.shown == "crate":
            lines = crate_lines(self.crate, self.label, self.crate_filter, self._wrong, width, glyphs)
        else:
            lines = labels_lines(self._labels, str(SafeText(self.prefix)), width, glyphs)
        return [*lines, sections_rule([(name, title, "") for name, title in SECTIONS], self.section, width, glyphs)]

    def _pane(self, width: int, height: int) -> list[Line]:
        lines = row_lines(self.main.row, width - 2, height, self.glyphs)
        return [((self.glyphs.wall, "colors.dim"), *line) for line in [*lines, *[()] * (height - len(lines))]]
