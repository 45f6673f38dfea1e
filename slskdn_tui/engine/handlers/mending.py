"""What commands do that put the library right: the trash, tags written anew, jobs that fix."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.wanted.fixes import details_of
from slskdn_tui.engine.library.fix.retag import Change, Retagged
from slskdn_tui.engine.library.fix.tagfields import FIELDS
from slskdn_tui.engine.library.fix.trash import Trashed
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.model.errors import UserError
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


def _fields(text: str) -> dict[str, str]:
    """`title=a,tracknumber=3`; a comma belongs to the value unless a field follows it."""
    parts = re.split(rf",(?=(?:{'|'.join(FIELDS)})=)", text)
    pairs = [part.partition("=") for part in parts]
    if not text or not all(sign for _, sign, _ in pairs):
        raise UserError("usage", f"{text[:80]!r} sets no tag", "e.g. `--set title=On My Bus,tracknumber=1`")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _shown(path: str, changes: Sequence[Change]) -> list[str]:
    return [str(SafeText(path, 4096)), *(f"  {SafeText(change.words, 4096)}" for change in changes)]


def _plain(changes: Sequence[Change]) -> list[dict[str, object]]:
    return [{"field": each.field, "old": [*map(SafeText, each.old)], "new": [*map(SafeText, each.new)]} for each in changes]


async def retag(engine: Parts, args: Args) -> Result:
    given = args["path"]
    paths = given if isinstance(given, list) else [given] if given else []
    if args["undo"]:
        made, left = await in_thread(engine, lambda: engine.retagger.undo(args["undo"]))
        await engine.library_changed(made.path)
        but = f"; left as it is by now: {', '.join(left)}" if left else ""
        return done(f"{SafeText(made.path, 4096)}: its tags are as they were{but}", path=str(SafeText(made.path, 4096)), left=list(left))
    if not paths:
        known = await in_thread(engine, engine.retagger.entries)
        lines = [line for each in known for line in (f"{each.entry}  {each.at}", *_shown(each.path, each.changes))]
        rows = [{"id": each.entry, "at": each.at, "path": SafeText(each.path, 4096), "changes": _plain(each.changes)} for each in known]
        return Result("ok", data={"text": "\n".join(lines or ["Nothing was retagged."]), "retags": rows})
    return await retag_each(engine, [(path, _fields(args["set"] or "")) for path in paths], apply=bool(args["apply"]))


async def retag_each(engine: Parts, wanted: Sequence[tuple[str, Mapping[str, str]]], *, apply: bool) -> Result:
    """Show, or with `apply` do, what writing these fields changes. The first file that cannot be written ends it."""
    at, lines, made, changed = iso(engine.clock.wall()), list[str](), list[Retagged](), list[dict[str, object]]()
    for path, fields in wanted:
        changes = await in_thread(engine, lambda path=path, fields=fields: engine.retagger.preview(path, fields))  # type: ignore[misc]
        if apply and changes:
            entry = secrets.token_hex(4)
            one = await in_thread(engine, lambda path=path, fields=fields, entry=entry: engine.retagger.apply(path, fields, entry, at))  # type: ignore[misc]
            if one is not None:
                made.append(one)
                await engine.library_changed(path)
        lines += _shown(path, changes) if changes else [f"{SafeText(path, 4096)}: nothing to change"]
        changed.append({"path": SafeText(path, 4096), "changes": _plain(changes)})
    ids = [each.entry for each in made]
    words = (
        f"{counted(len(made), 'file')} retagged; `slskdn library retag --undo ID` takes one back: {', '.join(ids)}"
        if made
        else ""
        if apply
        else "nothing was written yet: --apply does it"
    )
    return Result("ok", SafeText(words, 4096), data={"text": "\n".join(lines), "files": changed, "retags": ids})


async def start_fix(engine: Parts, request: FixRequest, constraints: Constraints) -> LiveJob:
    """The job a request asks for. UserError when MusicBrainz does not know the release, or a job fetches these tracks already."""
    release = await engine.music.release(request.mbid)
    asked, here = {track.position for track in request.tracks}, dict(request.here)
    left = {track.position: here.get(track.position, "") for track in release.tracks if track.position not in asked}
    return await engine.runner.create(release, constraints, details=details_of(request), left=left)


MENDING: dict[str, Handler] = {
    "library.retag": retag,
    "trash.restore": restore,
    "trash.empty": empty,
}
