"""What each engine command does: one function a command, found by its registry name. Arguments arrive checked against `commands.SPECS`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slskdn_tui.commands import Arg, CommandSpec, by_name
from slskdn_tui.config.files import read_text
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.trace.export import export_json
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command, Result

Args = dict[str, Any]
Handler = Callable[[Parts, Args], Awaitable[Result]]


def checked(command: Command) -> tuple[CommandSpec, Args]:
    """The command's spec and its arguments with defaults; UserError `usage` for what does not fit. Faces check too; the socket is open to scripts."""
    spec = by_name(command.name)
    if spec is None or spec.where != "engine":
        raise UserError("usage", f"no command {command.name!r} for the engine", "`slskdn --help` lists them")
    known = {arg.name: arg for arg in spec.args}
    unknown = set(command.args) - set(known)
    if unknown:
        raise UserError("usage", f"{command.name} takes no {', '.join(sorted(unknown))}", f"it takes {', '.join(known) or 'nothing'}")
    args: Args = {}
    for arg in spec.args:
        value = command.args.get(arg.name, arg.default)
        if value is None:
            if arg.required:
                raise UserError("usage", f"{command.name} needs {arg.name}", arg.help)
        elif not _fits(arg, value):
            raise UserError("usage", f"{command.name}: {arg.name} is {value!r}, which is not a {arg.type}", arg.help)
        args[arg.name] = value
    return spec, args


def _fits(arg: Arg, value: Any) -> bool:
    match arg.type:
        case "bool":
            return isinstance(value, bool)
        case "int" | "track":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "choice":
            return value in arg.choices
    return isinstance(value, str) and len(value) <= 4096


def _done(message: str, **data: Any) -> Result:
    return Result("ok", SafeText(message), data=data)


def _named(job: LiveJob) -> str:
    return f"{job.job_id[:8]} {job.record.release.title}"


def _moving(engine: Parts, args: Args) -> tuple[LiveJob, list[LiveTrack]]:
    """The job, and those of its tracks that are moving: all, or the one named."""
    job = engine.runner.find(args["job"])
    position = args.get("track")
    if position is not None and job.track(position) is None:
        raise UserError("not_found", f"job {job.job_id[:8]} has no track {position}", f"it has tracks 1 to {len(job.tracks)}")
    moving = [live for live in job.tracks if live.swarm is not None and position in (None, live.track.position)]
    if not moving:
        raise UserError("refused", "nothing of that is moving", "this works while a track is queued or active")
    return job, moving


async def create(engine: Parts, args: Args) -> Result:
    reference = parse_mb_reference(args["reference"])
    if reference is None:
        raise UserError(
            "usage",
            f"{args['reference']!r} is neither a MusicBrainz URL nor an MBID",
            "paste a release's URL or MBID; `n` on the screens searches by name",
        )
    kind, mbid = reference
    if kind not in (None, "release"):
        raise UserError(
            "usage",
            f"that is a MusicBrainz {kind}, not a release",
            "choose one edition: open it on musicbrainz.org and paste its URL; `n` on the screens lists editions",
        )
    constraints = Constraints(
        preferred_codecs=tuple(part.strip().upper() for part in (args["codecs"] or "FLAC").split(",") if part.strip()),
        max_lossy_tracks_per_album=args["max_lossy"] or 0,
        prefer_canonical_variants=args["canonical"],
        use_overlay=args["overlay"],
        overlay_bandwidth_kbps=args["overlay_kbps"] or 0,
    )
    release = await engine.music.release(mbid)
    job = await engine.runner.create(release, constraints)
    return _done(f"job {job.job_id[:8]}: {release.artist} – {release.title}, {len(release.tracks)} tracks", job_id=job.job_id)


def _act(verb: str, words: str) -> Handler:
    async def handler(engine: Parts, args: Args) -> Result:
        job = engine.runner.find(args["job"])
        await getattr(engine.runner, verb)(job)
        return _done(f"{words}: {_named(job)}", job_id=job.job_id)

    return handler


async def toggle(engine: Parts, args: Args) -> Result:
    job = engine.runner.find(args["job"])
    if job.runs:
        await engine.runner.pause(job)
        return _done(f"paused: {_named(job)}")
    await engine.runner.resume(job)
    return _done(f"resumed: {_named(job)}")


async def export(engine: Parts, args: Args) -> Result:
    job = engine.runner.find(args["job"])
    text = engine.runner.manifest(job)
    if args["out"] is None:
        return Result("ok", data={"job_id": job.job_id, "manifest": text})
    path = await asyncio.get_running_loop().run_in_executor(None, _write, args["out"], text)
    return _done(f"manifest of {_named(job)} written to {path}", path=str(path))


async def import_(engine: Parts, args: Args) -> Result:
    path = Path(args["file"]).expanduser()
    text = await asyncio.get_running_loop().run_in_executor(None, read_text, path)
    job = await engine.runner.import_manifest(text, str(path))
    there = sum(live.record.state == "done" for live in job.tracks)
    return _done(
        f"job {job.job_id[:8]}: {job.record.release.title}, {there} of {len(job.tracks)} tracks are here already", job_id=job.job_id
    )


async def rescue(engine: Parts, args: Args) -> Result:
    job, moving = _moving(engine, args)
    for live in moving:
        live.rescue_asked.set()
    return _done(f"asking the mesh for {len(moving)} tracks of {_named(job)}")


async def next_source(engine: Parts, args: Args) -> Result:
    job, moving = _moving(engine, args)
    for live in moving:
        live.next_asked.set()
    return _done(f"trying the next holder for {len(moving)} tracks of {_named(job)}")


async def _move(engine: Parts, args: Args, step: int) -> Result:
    job = engine.runner.find(args["job"])
    await engine.runner.move(job, step)
    return _done(f"{_named(job)} is now number {job.record.queue_position}")


async def trace_export(engine: Parts, args: Args) -> Result:
    job = engine.runner.find(args["job"])
    events = await engine.trace.events(job.job_id)
    text = json.dumps(export_json(job.job_id, events), indent=1, ensure_ascii=False) + "\n"
    path = await asyncio.get_running_loop().run_in_executor(None, _write, args["out"] or f"{job.job_id}.trace.json", text)
    return _done(f"trace of {_named(job)} written to {path}", path=str(path))


async def stop(engine: Parts, args: Args) -> Result:
    engine.ask_to_stop()
    return _done("the engine stops; jobs go on when it is started again")


def _write(name: str, text: str) -> Path:
    """Write a file the user named; never over another one."""
    path = Path(name).expanduser().absolute()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        raise UserError("disk", f"{path} exists", "give another name, or remove it first") from None
    except OSError as error:
        raise UserError("disk", f"cannot write {path}: {error.strerror}", "give a folder that exists and can be written") from error
    with open(handle, "w", encoding="utf-8") as out:
        out.write(text)
    return path


HANDLERS: dict[str, Handler] = {
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
