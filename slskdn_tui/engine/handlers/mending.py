"""What commands do that put the library right: the trash."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.wanted.fixes import details_of
from slskdn_tui.engine.library.fix.trash import Trashed
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.model.fix import FixRequest
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.seam import Result

Answer = TypeVar("Answer")


async def in_thread(engine: Parts, work: Callable[[], Answer]) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(engine.disk, work)


def _entries(args: Args) -> Sequence[str]:
    given = args["entry"]
    return given if isinstance(given, list) else [given] if given else []


async def restore(engine: Parts, args: Args) -> Result:
    at, back = iso(engine.clock.wall()), []
    for entry in _entries(args):
        old, swapped = await in_thread(engine, lambda entry=entry: engine.trash.restore(entry, secrets.token_hex(4), at))  # type: ignore[misc]
        await engine.library_changed(old.path, *((swapped.path,) if swapped is not None else ()))
        back.append((old, swapped))
    words = [
        f"{SafeText(old.path, 4096)} is back" + (f"; what replaced it is in the trash as {swapped.entry}" if swapped is not None else "")
        for old, swapped in back
    ]
    return done(
        "; ".join(words), restored=[str(SafeText(old.path, 4096)) for old, _ in back], swapped=[new.entry for _, new in back if new]
    )


async def empty(engine: Parts, args: Args) -> Result:
    before = iso(engine.clock.wall() - timedelta(days=args["older"])) if args["older"] else ""

    def work() -> tuple[list[Trashed], int]:
        wanted = [engine.trash.find(entry) for entry in _entries(args)] or engine.trash.entries()
        chosen = [each for each in wanted if not before or each.at <= before]
        return chosen, engine.trash.empty(chosen)

    chosen, freed = await in_thread(engine, work)
    return done(f"{counted(len(chosen), 'file')} deleted for good", files=len(chosen), bytes=freed)


async def start_fix(engine: Parts, request: FixRequest, constraints: Constraints) -> LiveJob:
    """The job a request asks for. UserError when MusicBrainz does not know the release, or a job fetches these tracks already."""
    release = await engine.music.release(request.mbid)
    asked, here = {track.position for track in request.tracks}, dict(request.here)
    left = {track.position: here.get(track.position, "") for track in release.tracks if track.position not in asked}
    return await engine.runner.create(release, constraints, details=details_of(request), left=left)


MENDING: dict[str, Handler] = {
    "trash.restore": restore,
    "trash.empty": empty,
}
