"""What commands on jobs, swarms and traces do: one function a command."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from slskdn_tui.config.files import read_text
from slskdn_tui.engine.handlers.common import Args, Handler, constraints_of, done, write_new
from slskdn_tui.engine.jobs.create import Target, resolve
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.manifests import parents
from slskdn_tui.engine.jobs.placing.had import Had, had
from slskdn_tui.engine.jobs.placing.placement import base_folder
from slskdn_tui.engine.jobs.refusals import AllHere, UnderWay
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.parents import ParentState
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.model.trace_json import EVERYTHING, trace_document
from slskdn_tui.model.views import TraceView, ViewKey
from slskdn_tui.seam import Result


def _named(job: LiveJob) -> str:
    return f"{job.job_id[:8]} {job.record.release.title}"


def _moving(engine: Parts, args: Args) -> tuple[LiveJob, list[LiveTrack]]:
    """The job, and those of its tracks that are moving or wait in a queue: all, or the one named."""
    job = engine.runner.find(args["job"])
    position = args.get("track")
    if position is not None and job.track(position) is None:
        raise UserError("not_found", f"job {job.job_id[:8]} has no track {position}", f"it has tracks 1 to {len(job.tracks)}")
    moving = [live for live in job.tracks if (live.swarm or live.waiting) and position in (None, live.track.position)]
    if not moving:
        raise UserError("refused", "nothing of that is moving", "this works while a track is queued or active")
    return job, moving


async def create(engine: Parts, args: Args) -> Result:
    destination = args["destination"] or ""
    base_folder(engine.settings.downloads, destination)  # before MusicBrainz is asked
    constraints = constraints_of(args)
    target = await resolve(engine.music, args["reference"])
    if not args["again"] and (found := await _had(engine, target)) is not None:
        what = "track" if target.type is JobType.RECORDING else "album"
        return Result(
            "refused",
            SafeText(f"you have this {what} already: {found.path} (job {found.job_id[:8]})", 4096),
            SafeText(f"`slskdn jobs rerun {found.job_id[:8]}` checks it, `--again` fetches it anew"),
            data={"had_by": found.job_id},
        )
    release, details = target.release, {"destination": destination, "edition": str(target.edition)}
    try:
        kept = {name: value for name, value in details.items() if value}
        job = await engine.runner.create(release, constraints, target.type, kept, {} if args["again"] else None)
    except AllHere as error:
        return Result(error.code, error.message, error.hint, data={"had_by": "library", "folder": SafeText(error.folder, 4096)})
    except UnderWay as error:
        return Result(error.code, error.message, error.hint, data={"job_id": error.job_id} if error.whole else {})
    alone = target.type is JobType.RECORDING
    what = (
        f"{release.tracks[0].artist} – {release.tracks[0].title}"
        if alone
        else f"{release.artist} – {release.title}, {counted(len(release.tracks), 'track')}"
    )
    if here := len(release.tracks) - len(job.wanted):
        what += f"; {here} here already"
    if not target.edition:
        return done(f"job {job.job_id[:8]}: {what}", job_id=job.job_id)
    words = f"{'from the release' if alone else 'edition'} {target.edition}"
    engine.trace.add(job.job_id, kind="job", result="edition", words=words)
    return done(f"job {job.job_id[:8]}: {what}; {words}", job_id=job.job_id, edition=str(target.edition), release=release.mbid)


async def _had(engine: Parts, target: Target) -> Had | None:
    records = [job.record for job in engine.runner.jobs()]
    positions = {track.position for track in target.release.tracks}

    def work() -> Had | None:
        return had(records, target.release.mbid, positions, os.path.isfile)

    return await asyncio.get_running_loop().run_in_executor(engine.disk, work)


def _act(verb: str, words: str) -> Handler:
    async def handler(engine: Parts, args: Args) -> Result:
        if (parent := engine.parents.find(args["job"])) is not None and verb != "rerun":
            await getattr(engine.parents, verb)(parent)
            return done(f"{words}: parent job {parent.parent_id[:8]} {parent.title}", parent_id=parent.parent_id)
        if parent is not None:
            raise UserError(
                "refused", f"{parent.title} is a parent job", "run its releases again, or get it again: what is here is left out"
            )
        job = engine.runner.find(args["job"])
        await getattr(engine.runner, verb)(job)
        return done(f"{words}: {_named(job)}", job_id=job.job_id)

    return handler


async def toggle(engine: Parts, args: Args) -> Result:
    if (parent := engine.parents.find(args["job"])) is not None:
        paused = parent.state is ParentState.PAUSED
        return await _act("resume" if paused else "pause", "resumed" if paused else "paused")(engine, args)
    job = engine.runner.find(args["job"])
    if job.runs:
        await engine.runner.pause(job)
        return done(f"paused: {_named(job)}")
    await engine.runner.resume(job)
    return done(f"resumed: {_named(job)}")


async def export(engine: Parts, args: Args) -> Result:
    if (parent := engine.parents.find(args["job"])) is not None:
        name, text, data = f"{parent.parent_id[:8]} {parent.title}", parents.write(parent), {"parent_id": parent.parent_id}
    else:
        job = engine.runner.find(args["job"])
        name, text, data = _named(job), engine.runner.manifest(job), {"job_id": job.job_id}
    path = await asyncio.get_running_loop().run_in_executor(None, write_new, args["out"], text) if args["out"] is not None else None
    await engine.store.usage.count("manifest_exported", *data.values())
    if path is None:
        return Result("ok", data={**data, "manifest": text})
    return done(f"manifest of {name} written to {path}", path=str(path))


async def import_(engine: Parts, args: Args) -> Result:
    path = Path(os.path.expanduser(args["file"]))
    text = await asyncio.get_running_loop().run_in_executor(None, read_text, path)
    if parents.is_parent(text):
        parent = await engine.parents.import_manifest(text, str(path))
        await engine.store.usage.count("manifest_imported")
        return done(
            f"parent job {parent.parent_id[:8]}: {parent.title}, {counted(len(parent.members), 'release')}", parent_id=parent.parent_id
        )
    job = await engine.runner.import_manifest(text, str(path))
    await engine.store.usage.count("manifest_imported")
    there = sum(live.record.state == "done" for live in job.tracks)
    return done(
        f"job {job.job_id[:8]}: {job.record.release.title}, {there} of {len(job.tracks)} tracks are here already", job_id=job.job_id
    )


async def rescue(engine: Parts, args: Args) -> Result:
    job, moving = _moving(engine, args)
    for live in moving:
        live.rescue_asked.set()
    return done(f"asking the mesh for {counted(len(moving), 'track')} of {_named(job)}")


async def next_source(engine: Parts, args: Args) -> Result:
    job, moving = _moving(engine, args)
    for live in moving:
        live.next_asked.set()
    return done(f"trying the next holder for {counted(len(moving), 'track')} of {_named(job)}")


async def _move(engine: Parts, args: Args, step: int) -> Result:
    job = engine.runner.find(args["job"])
    await engine.runner.move(job, step)
    return done(f"{_named(job)} is now number {job.record.queue_position}")


async def trace_export(engine: Parts, args: Args) -> Result:
    job = engine.runner.find(args["job"])
    view = await engine.look(ViewKey("trace", job.job_id, count=EVERYTHING))
    assert isinstance(view, TraceView)
    text = json.dumps(trace_document(view), indent=1, ensure_ascii=False) + "\n"
    path = await asyncio.get_running_loop().run_in_executor(None, write_new, args["out"] or f"{job.job_id}.trace.json", text)
    return done(f"trace of {_named(job)} written to {path}", path=str(path))


async def stop(engine: Parts, args: Args) -> Result:
    engine.ask_to_stop()
    return done("the engine stops; jobs go on when it is started again")


JOBS: dict[str, Handler] = {
    "jobs.create": create,
    "jobs.pause": _act("pause", "paused"),
    "jobs.resume": _act("resume", "resumed"),
    "jobs.toggle": toggle,
    "jobs.cancel": _act("cancel", "cancelled"),
    "jobs.rerun": _act("rerun", "started again"),
    "jobs.export": export,
    "jobs.import": import_,
    "swarms.pause": _act("pause", "paused"),
    "swarms.resume": _act("resume", "resumed"),
    "swarms.cancel": _act("cancel", "cancelled"),
    "swarms.rescue": rescue,
    "swarms.next": next_source,
    "swarms.up": lambda engine, args: _move(engine, args, -1),
    "swarms.down": lambda engine, args: _move(engine, args, 1),
    "trace.export": trace_export,
    "stop": stop,
}
