"""2 Search: Soulseek results, MusicBrainz releases, the wishlist. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import SearchRow, SearchView, WishesView, WishRow
from slskdn_tui.model.views import CandidatesView, Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line
from slskdn_tui.ui.present.finding import (
    SECTIONS,
    OwnedCandidatesPresenter,
    SearchPresenter,
    WishesPresenter,
    candidate_lines,
    search_empty,
    search_fact,
    search_lines,
    section_rule,
    wish_note,
    wishes_lines,
)
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

MOST_ROWS = 5000
"""Lines of one search that are held here, so that its folders fold; a filter brings the rest."""
WISH = "wish/"
SORTS = {"slot": "queue"}
"""The engine's names for orders that a column calls otherwise: what is not held here has its place in the order too."""
TABLES = {"soulseek": "results", "musicbrainz": "releases", "wishlist": "wishes"}


class SearchScreen(LiveScreen):
    """Three lists under one query; `tab` goes through them."""

    TAB = KEYS = "search"
    FOOTER: ClassVar[dict[str, dict[str, str]]] = {
        "musicbrainz": {"get file": "look and make job", "get album": "", "job": "", "user": ""},
        "wishlist": {"get file": "results", "get album": "", "job": "", "user": "", "new": "new wish"},
    }
    FOOTER_ALSO: ClassVar[dict[str, dict[str, str]]] = {"wishlist": {"search.drop": "take back"}}
    ABOUT = (
        "Every search passes one gate, for Soulseek bans who searches too often; the wait is shown. The filter: "
        "lossless lossy bitrate>=256 free>0 queue<10 q>0.8 size>20M length>3:00 speed>500K user:name -user:name ext:flac path:words words -word, "
        "or a saved one as @name (F). "
        "QUAL is what codec and attributes promise; OWN is what the library has already."
    )

    def __init__(self) -> None:
        super().__init__()
        self.section = "soulseek"
        self.view: SearchView | None = None
        self.subject = ""
        """Which search is shown: a number, `wish/ID`, or the newest."""
        self.filter_text = ""
        self.query_text = ""
        """What MusicBrainz is asked for."""
        self._wishes: WishesView | None = None
        self._looked_up = ""

    def body(self) -> Iterable[Widget]:
        glyphs = self.glyphs
        yield Vertical(
            Lines(self._top, name_id="asked"),
            LiveTable(SearchPresenter(glyphs), empty=search_empty(None, ""), name_id="results"),
            LiveTable(OwnedCandidatesPresenter(glyphs), name_id="releases"),
            LiveTable(
                WishesPresenter(glyphs),
                empty=("Nothing is wished for.", "Press n to wish for an album: it is searched again and again until somebody has it."),
                name_id="wishes",
            ),
            id="left",
        )

    def on_mount(self) -> None:
        for section, name in TABLES.items():
            self.query_one(f"#{name}").display = section == self.section

    @property
    def main(self) -> LiveTable:
        return self.query_one(f"#{TABLES[self.section]}", LiveTable)

    def part(self) -> str:
        return self.section

    # Views -----------------------------------------------------------------------------------------------------------

    def views(self) -> Sequence[ViewKey]:
        if self.section == "soulseek":
            model = self.query_one("#results", LiveTable).model
            sort = SORTS.get(model.sort, model.sort)
            return [ViewKey("search", self.subject, self.filter_text, sort, model.descending, count=MOST_ROWS)]
        return [ViewKey("wishes")] if self.section == "wishlist" else []

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if key not in self.views():  # the answer to what was asked before
            return
        if isinstance(view, SearchView):
            self._take_search(view)
        elif isinstance(view, WishesView):
            self._wishes = view
            self.main.set_rows(view.rows)
        self._top_changed()

    def _take_search(self, view: SearchView) -> None:
        table = self.main
        other = self.view is None or view.search != self.view.search
        self.view = view
        if other:
            table.model.unfolded.clear()
            table.model.marks.clear()
        if view.error and view.search and view.state != "failed" and not other:
            self._say_wrong()
            return  # the filter cannot be read yet: what it left last stays
        at_top = other or (table.cursor_index == 0 and not table.model.unfolded)
        table.set_empty(*search_empty(view, self.filter_text, self.ui.status))
        table.set_rows(view.rows)
        if at_top:  # whoever has not moved yet sees the best ones as they come
            table.move_to(0)

    def trouble(self, key: ViewKey, error: UserError) -> None:
        if key.screen == "search" and self.subject:  # this search is kept no longer
            self.subject = ""
            self.ui.poller.kick()
        super().trouble(key, error)

    # Sections --------------------------------------------------------------------------------------------------------

    def go(self, section: str) -> None:
        """Show another section."""
        if section != self.section:
            self.main.display = False
            self.section = section
            self.main.display = True
            self.note("")
        if self.is_current:
            self.set_focus(self.main)
        if section == "musicbrainz":
            self.look_up(self.query_text or (str(self.view.query) if self.view is not None else ""))
        self._top_changed()
        self.query_one("#footer", Lines).update()
        self.on_live_table_cursor_moved(LiveTable.CursorMoved(self.main, self.main.row))
        self.ui.poller.kick()

    def step(self, by: int) -> None:
        """The next section, round."""
        names = [name for name, _ in SECTIONS]
        self.go(names[(names.index(self.section) + by) % len(names)])

    def step_search(self, by: int) -> None:
        """Another of the searches that are kept."""
        tabs = self.view.tabs if self.view is not None else ()
        if self.section != "soulseek" or not tabs:
            self.say("no other search is kept; n asks for one", "colors.dim")
            return
        here = next((index for index, tab in enumerate(tabs) if self.view is not None and tab.search == self.view.search), 0)
        self.show(tabs[(here + by) % len(tabs)].search)

    def show(self, subject: str) -> None:
        """Show that search (empty: the newest one)."""
        self.subject = subject
        self.go("soulseek")
        self.ui.poller.forget("search")

    def look_up(self, query: str) -> None:
        """Ask MusicBrainz, once for the same words."""
        table = self.query_one("#releases", LiveTable)
        self.query_text = query
        if not query:
            table.set_rows(())
            table.set_empty("Nothing asked yet.", "Press n to search MusicBrainz: artist and album, a URL or an MBID.")
        elif query != self._looked_up:
            self._looked_up = query
            table.set_rows(())
            table.set_empty(f"Asking MusicBrainz for {query} ...")
            self.run_worker(self._candidates(query), exclusive=True, group="candidates", exit_on_error=False)
        self._top_changed()

    async def _candidates(self, query: str) -> None:
        table = self.query_one("#releases", LiveTable)
        try:
            view = await self.ui.engine.snapshot(ViewKey("candidates", subject=query))
        except (UserError, OSError, EOFError) as error:
            self._looked_up = ""
            table.set_empty(str(getattr(error, "message", error)), str(getattr(error, "hint", "")))
            return
        if isinstance(view, CandidatesView):
            if view.error:
                self._looked_up = ""  # asked again on return
            table.set_empty(
                *([str(view.error)] if view.error else [f"MusicBrainz found nothing for {query!r}.", "Fewer words may help: n asks again."])
            )
            table.set_rows(view.rows)
            self._top_changed()

    # What commands ask for -------------------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """The words of the search that is shown."""
        if self.section == "musicbrainz":
            return self.query_text
        return str(self.view.query) if self.view is not None else ""

    @property
    def wish(self) -> str:
        """The wish whose results are shown."""
        return self.subject.removeprefix(WISH) if self.subject.startswith(WISH) else ""

    def subjects(self) -> list[dict[str, Any]]:
        row = self.main.row
        if isinstance(row, SearchRow):
            return [{"user": row.username or str(row.user)}]
        return [{"wish": row.wish}] if isinstance(row, WishRow) else []

    def fact(self) -> str:
        return search_fact(self.view, self.ui.status) if self.section == "soulseek" else ""

    def back(self) -> bool:
        if self.section == "soulseek" and self.wish:
            self.subject = ""
            self.go("wishlist")
            return True
        if self.section != "soulseek":
            self.go("soulseek")
            return True
        return False

    # The filter ------------------------------------------------------------------------------------------------------

    @property
    def filter_words(self) -> str:
        return self.filter_text if self.section == "soulseek" else super().filter_words

    def filter(self, text: str) -> None:
        """On Soulseek the engine's own language, in force while it is typed; elsewhere words of the rows."""
        if self.section != "soulseek":
            super().filter(text)
        elif text.strip() != self.filter_text:
            self.filter_text = text.strip()
            self._top_changed()
            self.ui.poller.kick()

    def line_entered(self, mode: str, text: str) -> None:
        super().line_entered(mode, text)
        if mode == "/":
            self._say_wrong()

    def _say_wrong(self) -> None:
        """What a filter may say, whole: while it is typed there is one line for it."""
        if self.view is not None and self.view.error and self.view.state != "failed" and self.filter_text and not self.bar.mode:
            self.say(str(self.view.error), "colors.error")

    def clear_filter(self) -> bool:
        if self.section != "soulseek":
            return super().clear_filter()
        had = bool(self.filter_text)
        self.filter("")
        return had

    # Drawing ---------------------------------------------------------------------------------------------------------

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if event.table is not self.main:
            return
        row = event.row
        if isinstance(row, WishRow):
            self.note(wish_note(row))
        else:
            self.note_row(row if isinstance(row, SearchRow) else None)

    def status_changed(self) -> None:
        super().status_changed()
        if self.section == "soulseek":
            self.main.set_empty(*search_empty(self.view, self.filter_text, self.ui.status))
        self.query_one("#asked", Lines).update()

    def _top_changed(self) -> None:
        self.query_one("#asked", Lines).update()
        self.query_one("#head", Lines).update()

    def _top(self, width: int, height: int) -> list[Line]:
        glyphs, status = self.glyphs, self.ui.status
        if self.section == "soulseek":
            lines = search_lines(self.view, bool(self.wish), self.filter_text, width, glyphs)
        elif self.section == "musicbrainz":
            lines = candidate_lines(self.query_text, len(self.main.model.rows), width, glyphs)
        else:
            lines = wishes_lines(self._wishes, width, glyphs)
        return [*lines, section_rule(self.section, status.wishes_new if status is not None else 0, width, glyphs)]
