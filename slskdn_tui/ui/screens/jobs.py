"""5 Jobs: every job with its progress, and below it the tracks of the one under the cursor. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Vertical
from textual.widget import Widget

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.views import JobsView, JobView, Snapshot, ViewKey
from slskdn_tui.ui.present.base import Line, rule
from slskdn_tui.ui.present.jobs import JobsPresenter, TracksPresenter, job_line, releases_words
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable

WINDOW = 2000
"""Jobs, with the releases of discographies, that are held at once; when there are more, only opened discographies have theirs."""
MOST_OPEN = 50


TRACKS = "The tracks of the job under the cursor stand here."


class JobsScreen(LiveScreen):
    """The list of jobs over the tracks of one."""

    TAB = KEYS = "jobs"
    ABOUT = (
        "A job is a release to fetch; a discography or a crate is a parent over its releases, enter shows them. "
        "Its manifest is a file you may keep, edit and import elsewhere (e, I). "
        "t opens the trace: what the scheduler did and why. A failed job goes on from what is on disk when it is run again."
    )

    def __init__(self) -> None:
        super().__init__()
        self._job: JobView | None = None
        self._start = 0

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            LiveTable(
                JobsPresenter(self.glyphs),
                empty=("No jobs yet.", "Press n to make one from a MusicBrainz URL, an MBID or words; I imports a manifest."),
                name_id="jobs",
            ),
            Lines(self._heading, name_id="heading"),
            LiveTable(TracksPresenter(self.glyphs), empty=(TRACKS,), name_id="tracks"),
            id="left",
        )

    @property
    def main(self) -> LiveTable:
        return self.query_one("#jobs", LiveTable)

    @property
    def tracks(self) -> LiveTable:
        return self.query_one("#tracks", LiveTable)

    def views(self) -> Sequence[ViewKey]:
        query = self.main.model.query if self.main.model.remote_filter else ""
        opened = [key for key, unfolded in self.main.model.unfolded.items() if unfolded][-MOST_OPEN:]
        keys = [ViewKey("jobs", f"tree/{','.join(opened)}" if opened else "tree", query, start=self._start, count=WINDOW)]
        row = self.main.row
        if row is not None and row.job_id and not row.children and not self.has_class("-short"):
            keys.append(ViewKey("job", subject=row.job_id))
        return keys

    def take(self, key: ViewKey, view: Snapshot) -> None:
        if isinstance(view, JobsView):
            first = self.main.row is None
            after = [*view.rows[1:], None]
            self.main.model.partial = any(
                row.children and (below is None or not below.level) for row, below in zip(view.rows, after, strict=False)
            )
            self.main.set_rows(view.rows, view.total, key.start)
            self._without_tracks()
            self._heading_changed()
            if view.rows and (wanted := self.ui.places.take_wanted()) is not None:
                self._show_job(wanted[0])
            elif made := self.ui.places.take_made(view.rows):
                self.main.reveal(made)
            if first and view.rows:
                self.ui.poller.kick()
            elif not view.rows:
                self._job = None
                self.tracks.set_rows(())
        elif isinstance(view, JobView):
            self._job = view
            self.tracks.set_rows(view.tracks)
            self._heading_changed()

    def _without_tracks(self) -> None:
        """What stands in the place of tracks of what has none of its own."""
        row = self.main.row
        if row is not None and row.children:
            self.tracks.set_empty(*releases_words(row, self.main.model.rows))
        elif row is not None and not row.job_id:
            self.tracks.set_empty(str(row.error) or ("It is here already." if row.done else "Its turn has not come yet."))
        else:
            self.tracks.set_empty(TRACKS)

    def _show_job(self, job: str) -> None:
        self.clear_filter()
        key = next((row.key for row in self.main.model.rows if row.job_id == job), "")
        if not self.main.reveal(key):
            self.say(f"job {job[:8]} is further down; / finds it", "colors.warning")
        self.set_focus(self.main)

    def trouble(self, key: ViewKey, error: UserError) -> None:
        if key.screen != "job":
            super().trouble(key, error)
            return
        self._job = None
        self.tracks.set_rows(())
        self.tracks.set_empty(str(error.message), str(error.hint))
        self._heading_changed()

    def subjects(self) -> list[dict[str, Any]]:
        if self.table is self.tracks and self._job is not None and self.tracks.row is not None:
            return [{"job": self._job.job.job_id, "track": row.position} for row in self.tracks.marked]
        rows = [row for row in self.main.marked if row.job_id]
        return [{"job": row.job_id, **({"parent": row.job_id} if row.children else {})} for row in rows]

    def fact(self) -> str:
        status = self.ui.status
        return f"{status.jobs_running} running of {status.jobs_total}" if status is not None else ""

    def on_live_table_toggled(self, event: LiveTable.Toggled) -> None:
        if event.table is self.main and self.main.model.partial:
            self.ui.poller.kick()

    def on_live_table_cursor_moved(self, event: LiveTable.CursorMoved) -> None:
        if event.table is self.main:
            row = event.row
            if row is None or self._job is None or self._job.job.job_id != row.job_id:
                self._job = None
                self.tracks.model.marks.clear()
                self.tracks.loaded = True
                self.tracks.set_rows(())
                self._without_tracks()
                self._heading_changed()
                self.ui.poller.forget("job")
        elif event.row is not None and event.table.has_focus:
            if (words := str(event.row.reason or event.row.path)) or event.row.state == "failed":
                self.note(words)
            else:
                self.note_track()

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        if event.table is self.main and not self.has_class("-short"):
            self.tracks.focus()

    def on_live_table_window_wanted(self, event: LiveTable.WindowWanted) -> None:
        self._start = event.start
        self.ui.poller.kick()

    def back(self) -> bool:
        if self.table is self.tracks:
            self.main.focus()
            return True
        return False

    def _heading_changed(self) -> None:
        self.query_one("#heading", Lines).update()

    def _heading(self, width: int, height: int) -> list[Line]:
        row = self.main.row
        view = self._job if self._job is not None and row is not None and self._job.job.job_id == row.job_id else None
        return [rule(width, self.glyphs), job_line(view, row, width, self.glyphs)]
