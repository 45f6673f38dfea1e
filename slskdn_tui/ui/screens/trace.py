"""The trace of one job: lanes, sources and the timeline of each track. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Vertical
from textual.widget import Widget

from slskdn_tui.model.views import Snapshot, TraceTrack, TraceView, ViewKey
from slskdn_tui.ui.present.base import Line, rule
from slskdn_tui.ui.present.trace import TimelinePresenter, crumb_line, decision_words, lane_lines, source_lines, telling, track_line
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 5000


class TraceScreen(LiveScreen):
    """Opened over Swarms or Jobs; `q` goes back."""

    TAB = "jobs"
    KEYS = "trace"
    ABOUT = (
        "The lanes show who brought which part of the file; the timeline what was decided, when and why. "
        "Each chunk that went as it should is left out until d. Of a decision the last line says what it rested on. "
        "[ and ] go through the tracks, the first place shows all of them. e writes everything as JSON."
    )

    def __init__(self, job: str, track: int = 0) -> None:
        super().__init__()
        self.job = job
        self._wanted = track
        self._chosen = 0
        self.whole = False
        """Whether routine entries are shown, too."""
        self._view: TraceView | None = None

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            Lines(self._top, name_id="lanes"),
            LiveTable(
                TimelinePresenter(self.glyphs),
                empty=("Nothing was recorded for this track.", "] goes to the next one."),
                name_id="timeline",
            ),
            id="left",
        )

    @property
    def main(self) -> LiveTable:
        return self.query_one("#timeline", LiveTable)

    def views(self) -> Sequence[ViewKey]:
        return [ViewKey("trace", subject=self.job, count=WINDOW)]

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if not isinstance(view, TraceView):
            return
        first = self._view is None
        self._view = view
        if first:
            self._chosen = self._place(self._wanted)
        self._show()

    def _place(self, track: int) -> int:
        """0 for all tracks, else the place of a track; unasked, the track with the most sources: there the story is."""
        tracks = self._view.tracks if self._view is not None else ()
        for index, one in enumerate(tracks, 1):
            if one.track == track:
                return index
        return 1 + max(range(len(tracks)), key=lambda index: len(tracks[index].sources)) if tracks else 0

    @property
    def track(self) -> TraceTrack | None:
        if self._view is None or not 1 <= self._chosen <= len(self._view.tracks):
            return None
        return self._view.tracks[self._chosen - 1]

    @property
    def shown_track(self) -> int:
        """The position of the track on screen; 0 before there is one, and for all of them."""
        return self.track.track if self.track is not None else self._wanted if self._view is None else 0

    def choose(self, track: int) -> None:
        """Show that track (0: the one with the most to tell)."""
        self._wanted = track
        self._chosen = self._place(track)
        self._show()

    def _show(self) -> None:
        view, track = self._view, self.track
        if view is None:
            return
        rows = [row for row in view.rows if (track is None or row.track in (0, track.track)) and (self.whole or telling(row))]
        lanes = self.query_one("#lanes", Lines)
        lanes.styles.height = min(len(self._top(self.size.width, self.size.height)), max(5, self.size.height // 2 + 1))
        lanes.update()
        self.main.set_rows(rows)
        self.status_changed()

    def step(self, by: int) -> None:
        """Another track of the job; place 0 shows the timeline of all."""
        if self._view is not None:
            self._chosen = (self._chosen + by) % (len(self._view.tracks) + 1)
            self._show()

    def toggle(self) -> None:
        """Every entry, or only the story."""
        self.whole = not self.whole
        self._show()
        self.say("every entry is shown; d leaves out what went as it should" if self.whole else "", "colors.dim")

    def subjects(self) -> list[dict[str, Any]]:
        track = self.track
        return [{"job": self.job, "track": track.track}] if track is not None else [{"job": self.job}]

    def fact(self) -> str:
        if self._view is None:
            return ""
        got, total = len(self._view.rows), self._view.total
        if got < total:
            return f"first {got} of {total} events"
        left = 0 if self.whole else sum(not telling(row) for row in self._view.rows)
        return f"{total} events" + (f", {left} routine (d)" if left else "")

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if event.row is not None:
            why = decision_words(event.row, self.glyphs.dash)
            self.note("; ".join(part for part in (str(event.row.words or event.row.result), why) if part))

    def resized(self) -> None:
        self._show()

    def _top(self, width: int, height: int) -> list[Line]:
        """Where we are, the lanes, on tall terminals the sources."""
        view, track, glyphs = self._view, self.track, self.glyphs
        lines = [crumb_line(view, track, width, glyphs), rule(width, glyphs)]
        if view is not None and track is None:
            lines += [track_line(one, width) for one in view.tracks[:12]]
        elif track is not None:
            roomy = self.has_class("-tall")
            lines += lane_lines(track, width, glyphs, 8 if roomy else 4)
            if roomy:
                lines += [(), *source_lines(track, width, glyphs)]
        return [*lines, rule(width, glyphs)]
