"""Why no job is made, and what to say of a failure that is no defect. Core."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping

from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText


class UnderWay(UserError):
    """`refused`: an unfinished job fetches tracks of this release; `whole` says that it fetches all that are wanted."""

    def __init__(self, job: LiveJob, release: Release, *, whole: bool) -> None:
        super().__init__("refused", f"job {job.job_id[:8]} already fetches {release.title}", "resume it, or cancel it first")
        self.job_id, self.whole = job.job_id, whole


class AllHere(UserError):
    """`refused`: every track is owned; `folder` holds them."""

    def __init__(self, release: Release, here: Mapping[int, str]) -> None:
        paths = list(here.values())
        self.folder = paths[0] if len(paths) == 1 else os.path.commonpath([os.path.dirname(path) for path in paths])
        super().__init__("refused", f"you have all of {release.title} already: {SafeText(self.folder, 1000)}", "`--again` fetches it anew")


def mendable(error: Exception) -> str:
    """What to say of a failure that is the disk's or the user's to mend, not a defect; empty for a defect."""
    match error:
        case UserError():
            return f"{error.message}; {error.hint}" if error.hint else str(error.message)
        case DiskTrouble():
            return error.words
        case sqlite3.OperationalError() if any(word in str(error) for word in ("full", "disk", "readonly", "unable to open")):
            return f"the database cannot be written: {error}"
        case OSError():
            return DiskTrouble.of(error, str(error.filename)).words if error.filename else str(error)
    return ""
