"""Manifests on disk: `jobs/active/<job_id>.yaml` while a job lives, `jobs/completed/` when it is complete, `jobs/cancelled/` when it was cancelled.

Shell over the file system; runs in a thread.
"""

from __future__ import annotations

import os
from pathlib import Path

from slskdn_tui.config.settings import Downloads
from slskdn_tui.engine.jobs import manifests
from slskdn_tui.engine.jobs.place import find_placed
from slskdn_tui.engine.jobs.placement import destination
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.codec import CODECS
from slskdn_tui.model.jobs import JobState, TrackState

_MOVING = frozenset({TrackState.ACTIVE, TrackState.QUEUED, TrackState.STALLED, TrackState.RESCUE, TrackState.VERIFYING})


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

    @staticmethod
    def text(record: JobRecord) -> str:
        finished = {t.position: manifests.Finished(t.size, t.blake3) for t in record.tracks if t.state is TrackState.DONE and t.blake3}
        moving = frozenset(t.position for t in record.tracks if t.state in _MOVING)
        return manifests.write(record.job_id, record.release, record.constraints, record.created_at, finished, moving)

    def keep(self, record: JobRecord) -> None:
        """Write the manifest if it changed, and leave it in one folder only."""
        path, text = self.path(record), self.text(record)
        if self._last.get(record.job_id) == (mark := f"{path}\n{text}"):
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".yaml.new")
        with fresh.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
        for folder in ("active", *_FOLDERS.values()):
            if folder != path.parent.name:
                (self._folder / folder / path.name).unlink(missing_ok=True)
        self._last[record.job_id] = mark

    @staticmethod
    def already_placed(wanted: manifests.Imported, settings: Downloads) -> dict[int, TrackRecord]:
        """Tracks that the manifest calls finished and whose file, with that digest, is where the template puts it."""
        folder = Path(settings.folder).expanduser()
        there: dict[int, TrackRecord] = {}
        for track in wanted.release.tracks:
            done = wanted.finished.get(track.position)
            if done is None:
                continue
            for extension in (f".{name}" for name in CODECS):
                relative = destination(settings.template, wanted.release, track, extension)
                if path := find_placed(folder, relative, done.size, done.blake3):
                    there[track.position] = TrackRecord(
                        track.position, TrackState.DONE, size=done.size, placed=str(path), blake3=done.blake3
                    )
        return there
