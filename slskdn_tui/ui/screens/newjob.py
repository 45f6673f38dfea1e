"""`n`: from a MusicBrainz URL, an MBID or words to a job: search, pick a release, look at its tracks and wishes, start. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textual.widget import Widget
from textual.worker import Worker, WorkerState

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import CandidateRow, CandidatesView, ViewKey
from slskdn_tui.ui.present.base import Line, wrap
from slskdn_tui.ui.present.jobs import CandidatesPresenter, TracksPresenter, wish_lines
from slskdn_tui.ui.screens.dialogs import MOVES, Dialog
from slskdn_tui.ui.widgets.bar import LineInput
from slskdn_tui.ui.widgets.lines import Lines
from slskdn_tui.ui.widgets.live_table import LiveTable


class NewJob(Dialog[dict[str, Any] | None]):
    """Answers the arguments of `jobs.create`, or None. Steps: ask, releases, tracks; esc goes one back."""

    title_text = "New job"

    def __init__(self, text: str = "") -> None:
        super().__init__(classes="-wide-dialog")
        self.step = "ask"
        self._text = text
        self._asked = ""
        self._message: tuple[str, str] = ("A MusicBrainz URL, a release's MBID, or words: artist and album.", "colors.dim")
        self._release: CandidateRow | None = None
        self._came_from = "ask"
        self._editing = ""
        self._wanted = Constraints()

    def parts(self) -> Sequence[Widget]:
        glyphs = self.ui.glyphs
        return [
            self.line(self._text, "https://musicbrainz.org/release/..."),
            Lines(self._words, name_id="words"),
            LiveTable(CandidatesPresenter(glyphs), empty=("MusicBrainz knows no such release.",), name_id="releases"),
            LiveTable(TracksPresenter(glyphs, plan=True), empty=("MusicBrainz lists no tracks for it.",), name_id="plan"),
            Lines(self._wishes, name_id="wishes"),
            Lines(self._hint, name_id="hint"),
        ]

    @property
    def field(self) -> LineInput:
        return self.query_one("#answer", LineInput)

    @property
    def releases(self) -> LiveTable:
        return self.query_one("#releases", LiveTable)

    @property
    def plan(self) -> LiveTable:
        return self.query_one("#plan", LiveTable)

    def on_mount(self) -> None:
        self._go("ask")
        if self._text:
            self._look_up(self._text)

    # Steps -----------------------------------------------------------------------------------------------------------

    def _go(self, step: str) -> None:
        self.step = step
        self.set_class(step != "ask", "-full")
        self._editing = ""
        self.releases.display = step == "releases"
        self.plan.display = step == "tracks"
        self.query_one("#wishes").display = step == "tracks"
        self.field.display = step == "ask"
        if step == "ask":
            self.field.fresh(self._asked or self._text, offered=True)
            self.set_focus(self.field)
        else:
            self.set_focus(self.releases if step == "releases" else self.plan)
        self._refresh()

    def _refresh(self) -> None:
        for lines in self.query(Lines):
            lines.update()
        for name in ("#words", "#wishes"):  # as tall as what they say
            self.query_one(name).refresh(layout=True)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            self._say(f"{type(event.worker.error).__name__}: {event.worker.error}", "colors.error")

    def _say(self, text: str, style: str = "") -> None:
        self._message = (str(SafeText(text)), style)
        self._refresh()

    def _look_up(self, text: str) -> None:
        self._asked = text
        self._say(f"Asking MusicBrainz for {text} ...", "colors.dim")
        self.run_worker(self._candidates(text), exclusive=True, group="candidates", exit_on_error=False)

    async def _candidates(self, text: str) -> None:
        try:
            view = await self.ui.engine.snapshot(ViewKey("candidates", subject=text))
        except UserError as error:
            self._say(f"{error.message} {error.hint}", "colors.error")
            return
        except (OSError, EOFError) as error:
            self._say(f"The engine does not answer: {error}", "colors.error")
            return
        if isinstance(view, CandidatesView):
            self._found(view)

    def _found(self, view: CandidatesView) -> None:
        if view.error:
            self._say(str(view.error), "colors.error")
        elif view.tracklist and view.rows:
            self._release = view.rows[0]
            self._came_from = self.step
            self.plan.set_rows(view.tracklist)
            row = view.rows[0]
            facts = "  ".join(part for part in (row.date, row.country, row.format, row.status) if part)
            self._message = (f"{row.artist} {self.ui.glyphs.dash} {row.title}   {facts}", "colors.title")
            self._go("tracks")
        elif view.rows:
            self.releases.set_rows(view.rows)
            self._message = (f"{len(view.rows)} releases for {self._asked!r}", "")
            self._go("releases")
        else:
            self._say(f"MusicBrainz found nothing for {self._asked!r}. Fewer words may help.", "colors.warning")

    # Input -----------------------------------------------------------------------------------------------------------

    def entered(self, text: str) -> None:
        text = text.strip()
        if self._editing == "codecs":
            codecs = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
            self._wanted = replace(self._wanted, preferred_codecs=codecs or self._wanted.preferred_codecs)
            self._go("tracks")
        elif text:
            self._look_up(text)

    def on_input_changed(self, event: LineInput.Changed) -> None:
        event.stop()

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        event.stop()
        self.pressed("enter")

    def escaped(self) -> None:
        self._back()

    def _back(self) -> None:
        if self._editing:
            self._go("tracks")
        elif self.step == "tracks" and self._came_from == "releases":
            self._message = (f"{len(self.releases.model.rows)} releases", "")
            self._go("releases")
        elif self.step != "ask":
            self._message = ("A MusicBrainz URL, a release's MBID, or words: artist and album.", "colors.dim")
            self._go("ask")
        else:
            self.dismiss(None)

    def pressed(self, key: str) -> None:
        if self.field.has_focus:
            return
        table = self.releases if self.step == "releases" else self.plan
        if key in MOVES:
            MOVES[key](table)
        elif key in ("j", "k"):
            table.move(1 if key == "j" else -1)
        elif key == "q":
            self._back()
        elif key == "enter" and self.step == "releases" and table.row is not None:
            self._look_up(table.row.mbid)
        elif key == "enter" and self.step == "tracks" and self._release is not None:
            self.dismiss(self._arguments(self._release.mbid))
        elif self.step == "tracks":
            self._wish(key)

    def _wish(self, key: str) -> None:
        wanted = self._wanted
        if key == "o":
            self._wanted = replace(wanted, use_overlay=not wanted.use_overlay)
        elif key == "b":
            self._wanted = replace(wanted, prefer_canonical_variants=not wanted.prefer_canonical_variants)
        elif key == "m":
            self._wanted = replace(wanted, allow_mixed_sources=not wanted.allow_mixed_sources)
        elif key in ("plus", "equals_sign", "minus"):
            lossy = wanted.max_lossy_tracks_per_album + (-1 if key == "minus" else 1)
            self._wanted = replace(wanted, max_lossy_tracks_per_album=max(0, lossy))
        elif key == "c":
            self._editing = "codecs"
            self.field.display = True
            self.field.fresh(",".join(wanted.preferred_codecs), offered=True)
            self.set_focus(self.field)
        self._refresh()

    def _arguments(self, mbid: str) -> dict[str, Any]:
        return {
            "reference": mbid,
            "codecs": ",".join(self._wanted.preferred_codecs),
            "max_lossy": self._wanted.max_lossy_tracks_per_album,
            "canonical": self._wanted.prefer_canonical_variants,
            "overlay": self._wanted.use_overlay,
            "mix": self._wanted.allow_mixed_sources,
        }

    # Drawing ---------------------------------------------------------------------------------------------------------

    def _words(self, width: int, height: int) -> list[Line]:
        text, style = self._message
        lines: list[Line] = [((part, style),) for part in wrap(text, width)]
        return lines[:5] or [()]

    def _wishes(self, width: int, height: int) -> list[Line]:
        return wish_lines(self._wanted, width)

    def _hint(self, width: int, height: int) -> list[Line]:
        words = {
            "ask": "enter search   esc leave",
            "releases": "enter look at its tracks   esc back",
            "tracks": "enter START THE JOB   esc back",
        }
        return [((words[self.step] if not self._editing else "codecs in order of preference, e.g. FLAC,MP3   enter keep", "colors.dim"),)]
