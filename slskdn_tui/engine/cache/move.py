"""A file of the cache becomes one of the library, placed as a job of the user's would have placed it. Shell.

It is moved, so that whoever reads it reads on; what stands in its way is never overwritten, and until it stands in the library the cache has it.
Where it goes is noted before it goes, so that a stop half way leaves neither two of it nor one that nobody knows: the next start does the rest.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from slskdn_tui.engine.cache.shelf import Shelf
from slskdn_tui.engine.jobs.create import resolve
from slskdn_tui.engine.jobs.placing.place import file_blake3, find_placed, place
from slskdn_tui.engine.jobs.placing.placement import clean_extension, fill_in, relative_path
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.store.library.cache_files import CacheFile
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)
MOVING = "cache.moving."
"""What is on its way, in `Choices`; the recording follows."""
Rest = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Move:
    """Which bytes go where; `digest` is their whole-file BLAKE3."""

    folder: str
    relative: str
    size: int
    digest: str


async def move_to_library(services: Services, shelf: Shelf, file: CacheFile, rest: Rest) -> Path:
    """Where it stands now; its recording rests. UserError: `refused` for another file in its place, `disk`, and MusicBrainz' own; then the cache holds
    it as before."""
    target = await resolve(services.music, file.recording)
    settings = services.settings.downloads
    record = JobRecord(str(uuid.uuid4()), target.type.value, target.release, Constraints())
    fill_in(record, settings)
    folder = Path(record.folder)
    relative = relative_path(record, settings, target.release.tracks[0].position, clean_extension(file.path))
    loop = asyncio.get_running_loop()
    try:
        digest = await loop.run_in_executor(services.disk, file_blake3, Path(file.path))
    except OSError as error:
        raise _trouble(error) from error
    move = _Move(str(folder), relative, file.size, digest)
    await services.store.choices.put(MOVING + file.recording, asdict(move))
    placed = await _carry_out(services, shelf, file.recording, move, rest)
    if placed is None:
        raise UserError("disk", f"{SafeText(file.path, 1000)} is gone", "")
    return placed


async def finish_moves(services: Services, shelf: Shelf, rest: Rest) -> None:
    """What a stop interrupted is moved now; before anything is fetched, or it might be fetched again."""
    for recording, value in (await services.store.choices.under(MOVING)).items() if not shelf.trouble else ():
        try:
            await _carry_out(services, shelf, recording, _Move(**value), rest)
        except UserError as error:
            log.warning("%s was on its way into the library: %s", recording, error.message)
        except OSError as error:  # the next start tries again; what else is to be moved or fetched need not wait for that
            log.warning("%s was on its way into the library: %s", recording, error)


async def _carry_out(services: Services, shelf: Shelf, recording: str, move: _Move, rest: Rest) -> Path | None:
    """None where it is neither in the cache nor there. UserError as `move_to_library`; noted no longer, but where the cache has nothing to try again with."""
    loop, floor, file = asyncio.get_running_loop(), services.settings.downloads.free_space_mib << 20, shelf.file(recording)
    try:
        if why := await loop.run_in_executor(services.disk, services.folders.gone, Path(move.folder)):
            raise UserError("disk", why, "")
        with shelf.fixed(recording):
            placed = await loop.run_in_executor(services.disk, _move, Path(file.path) if file is not None else None, move, floor)
            if placed is not None:
                try:
                    await services.finished(placed, recording, "")
                finally:
                    await shelf.moved(recording)
                await rest([recording])
    except UserError:
        if file is not None:
            await services.store.choices.drop(MOVING + recording)
        raise
    await services.store.choices.drop(MOVING + recording)
    return placed


def _trouble(error: OSError) -> UserError:
    return UserError("disk", f"{SafeText(str(error.filename), 1000)}: {error.strerror}", "check the folder's rights")


def _move(source: Path | None, move: _Move, floor: int) -> Path | None:
    """In a thread. `floor`: bytes that stay free on the library's disk."""
    folder, size = Path(move.folder), move.size
    target = folder / move.relative
    try:
        there = find_placed(folder, move.relative, size, move.digest)
        if there is not None or source is None:
            return there
        if os.path.lexists(target):
            raise UserError("refused", f"another file is there already: {SafeText(str(target), 1000)}", "move or rename it first")
        if folder.stat().st_dev != source.stat().st_dev and shutil.disk_usage(folder).free - size < floor:
            raise UserError(
                "disk", f"no room for {size / 1e6:.1f} MB on the disk of {folder}", "make room there (downloads.free_space_mib stays free)"
            )
    except OSError as error:
        raise _trouble(error) from error
    return place(source, folder, move.relative, "rename", move.digest).path
