"""What commands do that get a user's files and set speed limits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.jobs.placing.placement import base_folder
from slskdn_tui.engine.jobs.sources.files_job import contents, files_record
from slskdn_tui.engine.jobs.wanted.copies import all_held, held_tracks
from slskdn_tui.engine.jobs.wanted.held import LEAST_SIZE, here
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.peers.limits import InForce, words
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import REF, read_ref
from slskdn_tui.model.jobs import ENDED, Constraints, JobType
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.seam import Result


async def add(engine: Parts, args: Args) -> Result:
    """One job a user. All references are looked up before any job is made."""
    refs = args["refs"] if isinstance(args["refs"], list) else [args["refs"]]
    destination = args["destination"] or ""
    base_folder(engine.settings.downloads, destination)
    wanted: dict[str, dict[tuple[str, bool], None]] = {}
    for text in refs:
        ref = read_ref(text)
        if ref is None:
            what = "names no file or folder" if text.startswith(REF) else "is no reference"
            raise UserError("usage", f"{text[:200]!r} {what}", "it is slsk://USER/PATH as `slskdn search` prints it; a folder ends with /")
        wanted.setdefault(ref[0], {})[ref[1], ref[2]] = None
    busy = {
        (live.record.username, live.record.path): job.job_id
        for job in engine.runner.jobs()
        if job.record.type == JobType.FILES and job.record.state not in ENDED
        for live in job.tracks
    }
    records, left_out, under_way, owned, copies = [], 0, dict[str, None](), dict[str, str](), dict[str, str]()
    for username, items in wanted.items():
        root, found = await contents(engine.soulseek, username, list(items))
        files = [file for file in found if (file.username, file.path) not in busy]
        left_out += len(found) - len(files)
        under_way |= {busy[file.username, file.path]: None for file in found if (file.username, file.path) in busy}
        if not args["again"] and engine.settings.downloads.skip_owned != "off":
            library = await engine.store.files.of_sizes(sorted({file.size for file in files if file.size >= LEAST_SIZE}))
            there = await asyncio.get_running_loop().run_in_executor(engine.disk, here, files, library)
            files, owned = [file for file in files if file.path not in there], owned | there
            placed = [job.record for job in engine.runner.jobs()]
            if others := await asyncio.get_running_loop().run_in_executor(engine.disk, _other_copies, files, placed):
                files, owned, copies = [], owned | others, copies | others
        if files:
            records.append(files_record(username, root, files, Constraints(use_overlay=bool(engine.settings.acoustid.key)), destination))
    if not records and owned:
        one = SafeText(next(iter(owned.values())), 1000)
        how = "" if not copies else ", in another copy" if len(owned) == 1 else ", in other copies"
        words = f"you have it already{how}: {one}" if len(owned) == 1 else f"you have all {len(owned)} files already{how}: {one} and others"
        return Result("refused", SafeText(words, 4096), SafeText("`--again` gets it anew"), data={"had_by": "library"})
    if not records:
        words = ", ".join(f"job {job_id[:8]}" for job_id in under_way)
        return done(f"being got already: {words}", job_id=next(iter(under_way)), job_ids=list(under_way))
    jobs = [await engine.runner.add(record) for record in records]
    texts = [
        f"job {job.job_id[:8]}: {job.record.release.title} of {job.record.release.artist}, {counted(len(job.tracks), 'file')}"
        for job in jobs
    ]
    note = f"; {counted(left_out, 'file')} left out, being got already" if left_out else ""
    note += f"; {counted(len(owned), 'file')} left out, here already (`--again` gets all)" if owned else ""
    return done("; ".join(texts) + note, job_id=jobs[0].job_id, job_ids=[job.job_id for job in jobs])


def _other_copies(files: Sequence[FoundFile], placed: Sequence[JobRecord]) -> dict[str, str]:
    return all_held(files, held_tracks(placed))


async def set_limits(engine: Parts, args: Args) -> Result:
    if args["down"] is None and args["up"] is None:
        raise UserError(
            "usage", "neither --down nor --up was given", "e.g. `slskdn limits set --down 8000 --up 2000`, in kilobits a second"
        )
    try:
        caps = await engine.limits.set(args["down"], args["up"])
    except ValueError as error:
        raise UserError("usage", str(error), "0 stands for no limit") from None
    return _limited(caps)


async def clear_limits(engine: Parts, args: Args) -> Result:
    return _limited(await engine.limits.clear())


def _limited(caps: InForce) -> Result:
    return done(f"{words(caps.down_kbps, caps.up_kbps)} ({caps.because})", down_kbps=caps.down_kbps, up_kbps=caps.up_kbps)


GETTING: dict[str, Handler] = {
    "get.add": add,
    "limits.set": set_limits,
    "limits.clear": clear_limits,
}
