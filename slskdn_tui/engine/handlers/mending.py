"""What commands do that put the library right: the trash, tags written anew, jobs that fix."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, get_args

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.jobs.create import resolve
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.placing.placement import stem
from slskdn_tui.engine.jobs.refusals import UnderWay
from slskdn_tui.engine.jobs.wanted.fixes import details_of
from slskdn_tui.engine.library.fix.plan import plan
from slskdn_tui.engine.library.fix.retag import Change, Retagged
from slskdn_tui.engine.library.fix.tagfields import FIELDS
from slskdn_tui.engine.library.fix.trash import Trashed
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.fix import FixRequest, FixTrack
from slskdn_tui.model.health import Issue, IssueKind
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.library import LibraryFile
from slskdn_tui.model.music import Release
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


async def _issues(engine: Parts, names: Sequence[str]) -> list[Issue]:
    """Those that are not dismissed, of these keys, beginnings of keys, kinds and paths."""
    hidden, found = await engine.store.dismissals.keys(), dict[tuple[str, str], Issue]()
    for name in names:
        some = await engine.store.health.named(f"{name}:" if name in get_args(IssueKind) else name)
        if not some:
            raise UserError("not_found", f"no issue {name[:80]!r}", "`slskdn library health` lists them with their keys")
        found |= {(each.key, each.path): each for each in some if each.key not in hidden}
    return list(found.values())


async def fix(engine: Parts, args: Args) -> Result:
    """Jobs are begun and copies put into the trash at once; tags are shown first."""
    names = args["issue"] if isinstance(args["issue"], list) else [args["issue"]]
    issues = await _issues(engine, names)
    if args["job"]:
        issues = [replace(each, fix=replace(each.fix, kind="replace")) if each.fix.kind == "retag" else each for each in issues]
    releases, files = dict[str, Release](), dict[str, list[LibraryFile]]()
    for mbid in dict.fromkeys(each.fix.release for each in issues if each.fix.release and each.fix.kind in ("get", "replace")):
        releases[mbid] = await engine.music.release(mbid)
        files[mbid] = await engine.store.files.of_release(mbid)
    made = plan(issues, releases, files, lambda release, track: stem(engine.settings.downloads, release, track))
    said, jobs = list[str](), list[str]()
    for request in made.requests:
        try:
            job = await start_fix(engine, request, _constraints(args, files.get(request.mbid, ())))
        except UnderWay as error:
            said.append(str(error.message))
            continue
        jobs.append(job.job_id)
        said.append(f"job {job.job_id[:8]} gets {counted(len(request.tracks), 'track')} of {job.record.release.title}")
    for each in made.alone:
        job = await _alone(engine, each, args)
        jobs.append(job.job_id)
        said.append(f"job {job.job_id[:8]} gets {job.record.release.tracks[0].title}")
    said += await _put_away(engine, made.trash)
    data: dict[str, object] = {"jobs": jobs}
    if made.retags:
        shown = await retag_each(engine, [(each.fix.paths[0], dict(each.fix.tags)) for each in made.retags], apply=bool(args["retag"]))
        said.append(f"{counted(len(shown.data['retags']), 'file')} retagged" if args["retag"] else str(shown.data["text"]))
        data |= {"retags": shown.data["retags"], **({} if args["retag"] else {"to_write": shown.data["files"]})}
        if not args["retag"]:
            said.append("--retag writes these tags; --job gets another copy instead")
    said += [f"{SafeText(each.issue.path, 4096)}: {each.why}" for each in made.unfixed]
    if made.unfixed and not (jobs or made.retags or made.trash):
        raise UserError("refused", "; ".join(said), "")
    engine.doctor.due()
    return done("; ".join(said), **data)


def _constraints(args: Args, files: Sequence[LibraryFile]) -> Constraints:
    """FLAC first; where the album is lossy, what most of it is in will do."""
    if args["codecs"]:
        return Constraints(
            tuple(part.strip().upper() for part in args["codecs"].split(",") if part.strip()), max_lossy_tracks_per_album=1000
        )
    lossy = Counter(file.facts.codec.upper() for file in files if file.facts.lossless is False)
    if 2 * lossy.total() <= len(files):
        return Constraints()
    return Constraints(("FLAC", lossy.most_common(1)[0][0]), max_lossy_tracks_per_album=1000)


async def _alone(engine: Parts, issue: Issue, args: Args) -> LiveJob:
    """Another copy of one recording, whose release is not known, in the place of the file."""
    target, path = await resolve(engine.music, issue.fix.recordings[0]), issue.fix.paths[0]
    file = await engine.store.files.file(path)
    if file is None:
        raise UserError("not_found", f"{SafeText(path, 4096)} is not in the library any more", "check the library again")
    track = FixTrack(target.release.tracks[0].position, os.path.splitext(file.name)[0], path, file.stamp, issue.words)
    request = FixRequest(target.release.mbid, file.folder, (track,), (issue.key,))
    return await engine.runner.create(target.release, _constraints(args, [file]), target.type, details_of(request), {})


async def _put_away(engine: Parts, issues: Sequence[Issue]) -> list[str]:
    at, said = iso(engine.clock.wall()), list[str]()
    for issue in issues:
        for path in issue.fix.paths:
            entry = secrets.token_hex(4)

            def work(path: str = path, entry: str = entry, issue: Issue = issue) -> None:
                engine.trash.settle(engine.trash.hold(path, entry, reason=str(issue.words), at=at), "")

            await in_thread(engine, work)
            await engine.library_changed(path)
            said.append(f"{SafeText(path, 4096)} is in the trash as {entry}")
    return said


async def schedule(engine: Parts, args: Args) -> Result:
    when = " ".join(args["when"].split())
    try:
        await engine.scanner.plan(None if when == "settings" else "" if when == "off" else when)
    except ValueError as error:
        raise UserError("usage", str(error), "e.g. `daily 04:00`; `off` for by hand") from None
    due = engine.scanner.status().next_at
    words = f"the library is scanned {engine.scanner.schedule}" if engine.scanner.schedule else "the library is scanned by hand"
    return done(words, schedule=engine.scanner.schedule, next_at=due)


MENDING: dict[str, Handler] = {
    "library.fix": fix,
    "library.retag": retag,
    "library.schedule": schedule,
    "trash.restore": restore,
    "trash.empty": empty,
}
