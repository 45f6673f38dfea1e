"""A verified file takes the place of the one it replaces, which goes into the trash. Shell over the file system; runs in a thread.

The old file stays until its successor can stand there; killed between two steps, what is left to do is done by the next run (`retire`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from slskdn_tui.engine.jobs.placing.place import Placed, file_blake3, place
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.wanted.fixes import fix_tracks
from slskdn_tui.engine.library.fix.trash import Trash, Trashed, stamp_of
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.fix import FixTrack

IN_TRASH = "the old file is in the trash"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one track of a job replaces. `at` is ISO UTC, for the trash."""

    trash: Trash
    fix: FixTrack
    job_id: str
    at: str

    def place(self, source: Path, folder: Path, relative: str, digest: str) -> Placed:
        """As `place`. A file that is not the one that was judged is the user's, and stays. UserError `disk`."""
        fix, target = self.fix, folder / relative
        if not self.due:
            placed = place(source, folder, relative, "rename", digest)
            odd = f"nothing was replaced: {fix.replaces} is not the file that was judged" if fix.replaces else ""
            return replace(placed, note=placed.note or odd)
        if str(target) != fix.replaces:
            placed = place(source, folder, relative, "rename", digest)
            self.retire(placed.path)
        else:
            held = self._hold(target)
            placed = place(source, folder, relative, "overwrite", digest)
            self.trash.settle(held, str(placed.path))
        return replace(placed, note=IN_TRASH)

    @property
    def due(self) -> bool:
        """Whether the file that is to be replaced stands there still, as it was judged."""
        return bool(self.fix.replaces) and stamp_of(self.fix.replaces) == self.fix.stamp

    def same(self, digest: str) -> bool:
        """Whether a file of this whole-file BLAKE3 is the very one that is to be replaced. OSError."""
        return self.due and file_blake3(Path(self.fix.replaces)) == digest

    def retire(self, successor: Path) -> None:
        """Put the old file into the trash; its successor stands elsewhere."""
        self.trash.settle(self._hold(successor), str(successor))

    def _hold(self, successor: Path) -> Trashed:
        # The id is the track's, so that what is done again after a kill is the same entry.
        entry = f"{self.job_id[:8]}-{self.fix.position:03}"
        return self.trash.hold(
            self.fix.replaces, entry, reason=str(self.fix.why), at=self.at, job_id=self.job_id, replaced_by=str(successor)
        )


def exchange_of(services: Services, record: JobRecord, position: int) -> Exchange | None:
    """What that track of a job replaces; None for a job that fixes nothing."""
    fix = fix_tracks(record).get(position)
    return None if fix is None else Exchange(services.trash, fix, record.job_id, iso(services.clock.wall()))
