"""What the disk knows of jobs and a lost or old database does not: manifests, placed files, partial files with their sidecars. Shell; runs in a thread."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slskdn_tui.config.files import read_text
from slskdn_tui.config.settings import Downloads
from slskdn_tui.engine.jobs.folders import part_keyed, part_path
from slskdn_tui.engine.jobs.manifests import manifests
from slskdn_tui.engine.jobs.manifests.manifest_files import ManifestFiles
from slskdn_tui.engine.jobs.wanted.fixes import fix_details
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.engine.swarm.disk.sidecar import read_sidecar
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import ENDED, JobState, TrackState
from slskdn_tui.model.text import SafeText, counted

log = logging.getLogger(__name__)
_STATE_OF = {"completed": JobState.COMPLETED, "cancelled": JobState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Begun:
    """A partial file with a sidecar: who its bytes were asked of, the remote path, and the file's size."""

    username: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many tracks were found placed, and how many go on from a partial file."""

    placed: int = 0
    begun: int = 0

    @property
    def words(self) -> str:
        """`: 3 tracks are placed, 1 goes on from its partial file`; empty when nothing was found."""
        said = [f"{counted(self.placed, 'track')} placed already"] if self.placed else []
        said += [f"{counted(self.begun, 'track')} going on from partial files"] if self.begun else []
        return f": {', '.join(said)}" if said else ""


def begun(folder: Path) -> dict[int, Begun]:
    """By track position the partial file written last, of those in a job's folder below `incomplete` that have a sidecar."""
    found: dict[int, tuple[int, Begun]] = {}
    for part in folder.glob("*.part"):
        if (named := part_keyed(part)) is None:
            continue
        position, size = named
        try:
            stands = part.lstat()
            noted = read_sidecar(part) if stands.st_size == size else None
        except OSError as error:
            log.warning("%s cannot be read: %s", part, error)
            continue
        if noted is None or noted.record.size != size or not (username := noted.about.get("username")):
            continue
        entry = stands.st_mtime_ns, Begun(username, noted.about.get("path", ""), size)
        found[position] = max(found.get(position, entry), entry, key=lambda each: each[0])
    return {position: each for position, (_, each) in found.items()}


class Recovery:
    """Looks below `incomplete` and at the manifests. Every method blocks."""

    def __init__(self, files: ManifestFiles, incomplete: Path, settings: Downloads) -> None:
        self._files = files
        self._incomplete = incomplete
        self._settings = settings

    def take_up(self, record: JobRecord, wanted: manifests.Imported, *, prefer_parts: bool = True) -> Recovered:
        """Mark the tracks that are placed, and give those that are begun the holder of their partial file."""
        before = sum(entry.state is TrackState.DONE for entry in record.tracks)
        self._files.already_placed(record, wanted.finished, self._settings)
        placed = sum(entry.state is TrackState.DONE for entry in record.tracks) - before
        return Recovered(placed, self.go_on(record, prefer_parts=prefer_parts))

    def go_on(self, record: JobRecord, *, prefer_parts: bool) -> int:
        """How many tracks go on from a partial file that the record did not know; without `prefer_parts` a holder it names stays."""
        folder, count = self._incomplete / record.job_id, 0
        missing = [entry for entry in record.tracks if entry.state is not TrackState.DONE and (prefer_parts or not entry.username)]
        found = begun(folder) if missing and folder.is_dir() else {}
        for entry in missing:
            mine = found.get(entry.position)
            if mine is not None and not part_path(self._incomplete, record.job_id, entry.position, entry.size).exists():
                entry.username, entry.path, entry.size = mine.username, mine.path, mine.size
                count += 1
        return count

    def mend(self, record: JobRecord, *, restored: bool) -> Recovered:
        """Bring a stored record up to what its manifest and partial files say. `restored`: the database is a copy from before, so they know better."""
        if record.state in ENDED and not restored:
            return Recovered()
        path = self._files.find(record.job_id)
        wanted, differs = None, False
        if path is not None:
            try:
                text = read_text(path)
                differs = text != manifests.write(record)
                wanted = manifests.read(text, str(path)) if differs else None
            except UserError as error:
                log.warning("%s", error)
        if path is not None and restored:
            state = _STATE_OF.get(path.parent.name)
            if state is None and record.state in ENDED:
                record.state, record.finished_at = JobState.NEW, ""
            elif state is not None:
                record.state = state
        if wanted is not None:
            return self.take_up(record, wanted, prefer_parts=restored or differs)
        return Recovered(0, self.go_on(record, prefer_parts=restored))

    def unknown(self, known: Iterable[str]) -> tuple[Sequence[manifests.Imported], Sequence[UserError]]:
        """Manifests of unfinished jobs that the database does not know, oldest first, and why others could not be read."""
        there, wanted, errors = set(known), [], []
        for path in self._files.unfinished():
            if path.stem in there:
                continue
            try:
                imported = manifests.read(read_text(path), str(path))
                if imported.job_id in there:
                    raise UserError("config", SafeText(f"{path} has the id of another job"), SafeText("name it after its job_id"))
                imported.record.details |= fix_details(self._files.fix_of(imported.job_id))
                there.add(imported.job_id)
                wanted.append(imported)
            except UserError as error:
                errors.append(error)
        return sorted(wanted, key=lambda each: each.record.created_at), errors

    def left_behind(self, ended: Iterable[str]) -> list[str]:
        """Ended jobs whose partial files a kill kept from being deleted."""
        return [job_id for job_id in ended if (self._incomplete / job_id).is_dir()]
