"""A file of the cache becomes one of the library, placed as a job of the user's would have placed it. Shell.

It is moved, so that whoever reads it reads on; what stands in its way is never overwritten, and until it stands in the library the cache has it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from pathlib import Path

from slskdn_tui.engine.cache.shelf import Shelf
from slskdn_tui.engine.jobs.create import resolve
from slskdn_tui.engine.jobs.placing.place import file_blake3, place
from slskdn_tui.engine.jobs.placing.placement import clean_extension, fill_in, relative_path
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.store.library.cache_files import CacheFile
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText


async def move_to_library(services: Services, shelf: Shelf, file: CacheFile) -> Path:
    """Where it stands now. UserError: `refused` for another file in its place, `disk`, and MusicBrainz' own; then the cache holds it as before."""
    target = await resolve(services.music, file.recording)
    settings = services.settings.downloads
    record = JobRecord(str(uuid.uuid4()), target.type.value, target.release, Constraints())
    fill_in(record, settings)
    folder = Path(record.folder)
    relative = relative_path(record, settings, target.release.tracks[0].position, clean_extension(file.path))
    loop = asyncio.get_running_loop()
    if why := await loop.run_in_executor(services.disk, services.folders.gone, folder):
        raise UserError("disk", why, "")
    with shelf.fixed(file.recording):
        placed = await loop.run_in_executor(services.disk, _move, Path(file.path), folder, relative, settings.free_space_mib << 20)
        try:
            await services.finished(placed, file.recording, "")
        finally:
            await shelf.moved(file)
    return placed


def _move(source: Path, folder: Path, relative: str, floor: int) -> Path:
    """In a thread. `floor`: bytes that stay free on the library's disk."""
    target = folder / relative
    try:
        digest, size = file_blake3(source), source.stat().st_size
        if os.path.lexists(target):
            if target.is_file() and not target.is_symlink() and target.stat().st_size == size and file_blake3(target) == digest:
                return target
            raise UserError("refused", f"another file is there already: {SafeText(str(target), 1000)}", "move or rename it first")
        if folder.stat().st_dev != source.stat().st_dev and shutil.disk_usage(folder).free - size < floor:
            raise UserError(
                "disk", f"no room for {size / 1e6:.1f} MB on the disk of {folder}", "make room there (downloads.free_space_mib stays free)"
            )
    except OSError as error:
        raise UserError("disk", f"{SafeText(str(error.filename), 1000)}: {error.strerror}", "check the folder's rights") from error
    return place(source, folder, relative, "rename", digest).path
