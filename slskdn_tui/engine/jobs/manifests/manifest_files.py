"""Manifests on disk: `jobs/active/<job_id>.yaml` while a job lives, `jobs/completed/` when it is complete, `jobs/cancelled/` when it was cancelled.

A job of the doctor's has `jobs/active/<job_id>.fix` beside it: which files of this disk it replaces, which a manifest, made to be shared, never says.
Shell over the file system; runs in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slskdn_tui.config.files import read_text
from slskdn_tui.config.settings import Downloads
from slskdn_tui.engine.jobs.manifests import manifests
from slskdn_tui.engine.jobs.placing.place import find_placed
from slskdn_tui.engine.jobs.placing.placement import clean_extension, relative_path
from slskdn_tui.engine.jobs.wanted.fixes import KEY as FIX
from slskdn_tui.engine.runtime.durable import replace_durably
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.codec import CODECS
from slskdn_tui.model.jobs import JobState, JobType, TrackState

_FOLDERS = {JobState.COMPLETED: "completed", JobState.CANCELLED: "cancelled"}


class ManifestFiles:
    """Keeps one file a job below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: dict[str, str] = {}

    def path(self, record: JobRecord) -> Path:
        return self._folder / _FOLDERS.get(record.state, "active") / f"{record.job_id}.yaml"

    def unfinished(self) -> list[Path]:
        """Manifests of jobs that were not ended."""
        return sorted((self._folder / "active").glob("*.yaml"))

    def find(self, job_id: str) -> Path | None:
        """A job's manifest, wherever it is."""
        paths = (self._folder / folder / f"{job_id}.yaml" for folder in ("active", *_FOLDERS.values()))
        return next((path for path in paths if path.is_file()), None)

    def fix_of(self, job_id: str) -> str:
        """What a job of the doctor's replaces, as its record has it; "" for any other job. UserError when it cannot be read."""
        path = self._fix(job_id)
        return read_text(path) if path.exists() else ""

    def _fix(self, job_id: str) -> Path:
        return self._folder / "active" / f"{job_id}.fix"

    def keep(self, record: JobRecord) -> None:
        """Write the manifest if it changed, and leave it in one folder only."""
        path, text = self.path(record), manifests.write(record)
        if self._last.get(record.job_id) == (mark := f"{path}\n{text}"):
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.parent.name != "active":
            self._fix(record.job_id).unlink(missing_ok=True)
        elif record.details.get(FIX):
            replace_durably(self._fix(record.job_id), record.details[FIX].encode())
        replace_durably(path, text.encode())
        for folder in ("active", *_FOLDERS.values()):
            if folder != path.parent.name:
                (self._folder / folder / path.name).unlink(missing_ok=True)
        self._last[record.job_id] = mark

    @staticmethod
    def already_placed(record: JobRecord, finished: Mapping[int, manifests.Finished], settings: Downloads) -> None:
        """Mark the tracks of a record that its manifest calls finished and whose file, with that digest, is where the templates put it."""
        for track, entry in zip(record.release.tracks, record.tracks, strict=True):
            done = finished.get(track.position)
            if done is None or entry.state is TrackState.DONE:
                continue
            own = clean_extension(track.title) if track.optional or record.type == JobType.FILES else ""
            for extension in (own,) if own else (f".{name}" for name in CODECS):
                relative = relative_path(record, settings, track.position, extension)
                if path := find_placed(Path(record.folder), relative, done.size, done.blake3):
                    entry.state, entry.size, entry.placed, entry.blake3 = TrackState.DONE, done.size, str(path), done.blake3
