"""1 Swarms: what is moving, from where, and the track under the cursor in detail. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Container, Vertical
from textual.widget import Widget

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import LimitsView
from slskdn_tui.model.views import Snapshot, SwarmRow, SwarmsView, TrackView, ViewKey
from slskdn_tui.ui.present.base import Line, rule
from slskdn_tui.ui.present.people import limits_short
from slskdn_tui.ui.present.swarms import SwarmsPresenter, event_lines, swarms_empty, upload_lines, uploads_line
from slskdn_tui.ui.present.track import track_lines
from slskdn_tui.ui.screens.details import DetailsScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 500
_NEEDS_A_LOOK = ("rescue", "stalled", "active", "verify", "queued")


class SwarmsScreen(DetailsScreen):
    """The tree, uploads, events; beside it (or, on narrow terminals, in its place) the details pane."""

    TAB = KEYS = "swarms"
    ABOUT = (
        "Swarms shows what is moving. RESCUE means Soulseek stopped sending and mesh nodes deliver the missing ranges; "
        "the Soulseek source stays. DONE of a source is its share of the file's bytes."
    )

    def __init__(self) -> None:
        super().__init__()
        self._view: SwarmsView | None = None
        self._track: TrackView | None = None
        self._limits = ""
        self._start = 0

    def body(self) -> Iterable[Widget]:
        tree = LiveTable(
            SwarmsPresenter(self.glyphs),
            empty=swarms_empty(None),
            name_id="tree",
        )
        yield Vertical(
            tree,
            Lines(self._uploads, name_id="uploads"),
            Lines(self._events, name_id="events"),
            id="left",
        )
        yield Container(Lines(self._pane, name_id="details"), id="right")

    @property
    def main(self) -> LiveTable:
        return self.query_one("#tree", LiveTable)

    def views(self) -> Sequence[ViewKey]:
        query = self.main.model.query if self.main.model.remote_filter else ""
        keys = [ViewKey("swarms", filter=query, start=self._start, count=WINDOW), ViewKey("limits")]
        if self.shows_details and (subject := self._subject()):
            keys.append(ViewKey("track", subject=subject))
        return keys

    def _subject(self) -> str:
        """`JOB/TRACK` of the row under the cursor; on an album its track that most needs a look."""
        row = self.main.row
        if row is None or not row.job_id:
            return ""
        if row.level > 0 or row.track:
            return f"{row.job_id}/{row.track}"
        tracks = [other for other in self.main.model.rows if other.job_id == row.job_id and other.level == 1]
        for state in _NEEDS_A_LOOK:
            for track in tracks:
                if track.state.casefold().startswith(state):
                    return f"{track.job_id}/{track.track}"
        told = max(tracks, key=lambda track: track.children, default=None)  # all done: the one with the most to tell
        return f"{told.job_id}/{told.track}" if told is not None else ""

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if isinstance(view, SwarmsView):
            self._view = view
            self.main.set_rows(view.rows, view.total, key.start)
            if (wanted := self.ui.places.take_wanted()) is not None:
                self._show_job(*wanted)
            elif made := self.ui.places.take_made(view.rows):
                self.main.reveal(made)
            self.query_one("#uploads", Lines).update()
            self.query_one("#events", Lines).update()
            self.status_changed()
            if self.shows_details and self._track is None:
                self.ui.poller.kick()
        elif isinstance(view, LimitsView):
            self._limits = limits_short(view, self.glyphs)
            self.query_one("#uploads", Lines).update()
        elif isinstance(view, TrackView):
            self._track = view
            self.query_one("#details", Lines).update()

    def status_changed(self) -> None:
        super().status_changed()
        self.main.set_empty(*swarms_empty(self.ui.status))

    def _show_job(self, job: str, track: int) -> None:
        self.clear_filter()
        rows = [row for row in self.main.model.rows if row.job_id == job and row.level <= 1]
        wanted = next((row for row in rows if row.track == track), rows[0] if rows else None)
        if wanted is None or not self.main.reveal(wanted.key):
            self.say(f"job {job[:8]} does not move any more; `:debug job {job[:8]}` opens its trace", "colors.warning")
        else:
            self.show_details(True)

    def trouble(self, key: ViewKey, error: UserError) -> None:
        if key.screen == "swarms":
            super().trouble(key, error)
        elif key.screen == "track" and self._track is not None:  # the track ended between two polls
            self._track = None
            self.query_one("#details", Lines).update()

    def subjects(self) -> list[dict[str, Any]]:
        return [_arguments(row) for row in self.main.marked if row.job_id]

    def fact(self) -> str:
        status = self.ui.status
        return f"jobs {status.jobs_running}/{status.jobs_total}  ul {status.uploads}" if status is not None else ""

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        row = event.row
        if row is not None and not row.reason and row.level == 0 and row.state in ("done", "completed"):
            self.note(f"{row.title} is complete; t opens its trace", "states.done")
        elif row is not None and row.level >= 2 and row.note:  # whole here: its column holds the beginning
            self.note(f"{row.title}: {str(row.note).replace('  ', ', ')}", "colors.dim")
        elif row is not None and not row.reason and row.job_id and row.state != "failed":
            self.note_track()
        else:
            self.note(str(row.reason) if row is not None else "", "states.rescue")
        if self.shows_details:
            self.ui.poller.kick()

    def on_live_table_window_wanted(self, event: LiveTable.WindowWanted) -> None:
        self._start = event.start
        self.ui.poller.kick()

    # Panes -----------------------------------------------------------------------------------------------------------

    def _uploads(self, width: int, height: int) -> list[Line]:
        up = self.ui.status.up if self.ui.status is not None else 0.0
        first = uploads_line(self._view, self.ui.up_history, up, width, self.glyphs, self._limits)
        return [first, *upload_lines(self._view, width, height - 2, self.glyphs), rule(width, self.glyphs)][:height]

    def _events(self, width: int, height: int) -> list[Line]:
        return event_lines(self._view.events, width, height, self.glyphs) if self._view is not None else []

    def _pane(self, width: int, height: int) -> list[Line]:
        wall = self.glyphs.wall
        lines = track_lines(self._track, width - 2, height, self.glyphs)
        lines += [()] * (height - len(lines))
        return [((wall, "colors.dim"), *line) for line in lines]


def _arguments(row: SwarmRow) -> dict[str, Any]:
    return {"job": row.job_id, "track": row.track} if row.track else {"job": row.job_id}
