"""A profile without its engine: views made from the databases, opened read-only. Nothing is changed; what would change something is refused."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine import stored_views
from slskdn_tui.engine.jobs.manifests import manifests
from slskdn_tui.engine.jobs.manifests.manifest_files import ManifestFiles
from slskdn_tui.engine.lock import holder
from slskdn_tui.engine.peers.ledger import LedgerTotals
from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.store.records import JobRecord, TraceEvent, TrackRecord
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.stored_library import StoredLibrary
from slskdn_tui.engine.stored_lists import stored_list
from slskdn_tui.engine.trace.summary import TrackFacts, by_plane, summarise
from slskdn_tui.engine.views.job_tree import shown_jobs
from slskdn_tui.engine.views.versions import Versions
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import one_begun
from slskdn_tui.model.jobs import ENDED, JobState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.trace_json import EVERYTHING, trace_document
from slskdn_tui.model.views import (
    EngineEvent,
    LogView,
    PartStatus,
    Screen,
    Snapshot,
    StatusView,
    SwarmsView,
    TraceView,
    Unchanged,
    ViewKey,
)
from slskdn_tui.seam import READ_ONLY, Command, Result

LOG_TAIL = 1024 * 1024
_NONE = "no engine runs for this profile"
STORED = "no engine runs; what is shown was stored"
_HINT = "start `slskdn` or `slskdn serve` with this profile"


class ReadOnlyEngine:
    """`EngineProtocol` over what is stored. A profile that was never used shows empty lists."""

    def __init__(self, paths: Paths, clock: Clock | None = None, settings: Settings | None = None) -> None:
        self._paths = paths
        self._settings = settings or Settings()
        self._clock = clock or SystemClock()
        self._versions = Versions()
        self._store: Store | None = None
        self._library: StoredLibrary | None = None
        self._trace: tuple[tuple[str, int], list[TraceEvent]] = (("", -1), [])

    @property
    def description(self) -> str:
        return READ_ONLY

    async def start(self) -> None:
        """Open the databases. UserError when they are of another schema or unreadable."""
        if self._paths.state_db.exists():
            self._store = await Store.open_read_only(self._paths, self._clock)
            self._library = StoredLibrary(self._store, self._paths, self._settings, self._clock)

    async def stop(self) -> None:
        store, self._store = self._store, None
        if self._library is not None:
            self._library.close()
        if store is not None:
            await store.close()

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        made = self._versions.stamp(view, await self._make(view))
        return Unchanged(made.version) if made.version == since else made

    async def submit(self, command: Command) -> Result:
        """`jobs.export` and `trace.export` are carried out; anything else needs an engine."""
        try:
            if command.name == "jobs.export":
                return await self._export_job(command.args)
            if command.name == "trace.export":
                return await self._export_trace(command.args)
        except UserError as error:
            return Result(error.code, error.message, error.hint)
        return Result("no_engine", SafeText(f"{command.name} needs a running engine"), SafeText(_HINT))

    def events(self) -> AsyncIterator[EngineEvent]:
        """Nothing happens here: the stream is silent until it is cancelled."""
        return _silence()

    # Views ------------------------------------------------------------------------------------------------------

    async def _make(self, view: ViewKey) -> Snapshot:
        match view.screen:
            case "status":
                return await self._status()
            case "jobs":
                parts = await self._parts()
                rows = [stored_views.job_row(job, parts) for job in await self._jobs()]
                records = await self._store.parents.load_all() if self._store is not None else []
                return shown_jobs(rows, records, view)
            case "job":
                job = await self._job(view.subject)
                return stored_views.job_view(job, await self._parts(), str(ManifestFiles(self._paths.jobs).path(job)))
            case "swarms":
                tree = stored_views.swarm_rows(await self._jobs(), await self._parts())
                shown = [row for row in tree if _holds(view.filter, row.title, row.source, row.state)]
                return SwarmsView(0, tuple(shown[view.start : view.start + view.count]), total=len(shown))
            case "track":
                job, entry = await self._track(view.subject)
                made = summarise(
                    job.job_id,
                    "",
                    [TrackFacts(entry.position, SafeText(""), "", entry.size)],
                    await self._events(job.job_id),
                    track=entry.position,
                    count=0,
                )
                return stored_views.track_view(job, entry, await self._parts(), by_plane(made.tracks[0]))
            case "trace":
                return await self._trace_view(view)
            case "log":
                return await asyncio.to_thread(self._log, view)
            case "library" | "trash" if self._library is not None:
                return await self._library.view(view)
            case "candidates":
                raise UserError("no_engine", "asking MusicBrainz needs a running engine", _HINT)
        if (listed := await stored_list(self._store, view, self._settings.fairness)) is not None:
            return listed
        if view.screen in get_args(Screen):
            raise UserError("no_engine", _NONE, _HINT)
        raise UserError("usage", f"no screen {view.screen!r}", "see docs/protocol/control.md")

    async def _status(self) -> StatusView:
        jobs = await self._jobs()
        totals = LedgerTotals() if self._store is None else LedgerTotals(*await _totals(self._store))
        held = holder(self._paths)
        words = f"in use by {held}, which does not answer" if held else f"{_NONE}; start `slskdn` or `slskdn serve`"
        return StatusView(
            version=0,
            account=SafeText(self._settings.soulseek.username),
            soulseek="offline",
            soulseek_words=SafeText(STORED),
            ratio=totals.up / totals.down if totals.down else None,
            slsk_down=totals.slsk_down,
            slsk_up=totals.slsk_up,
            mesh_down=totals.mesh_down,
            mesh_up=totals.mesh_up,
            rescues=await self._store.rescues.totals() if self._store is not None else (0, 0, 0),
            jobs_total=len(jobs),
            jobs_running=sum(job.state not in ENDED and job.state is not JobState.PAUSED for job in jobs),
            profile=SafeText(self._paths.config, 4096),
            engine=SafeText(words),
            parts=(PartStatus("engine", "off", SafeText("does not run; what is shown was stored")),),
        )

    async def _trace_view(self, view: ViewKey) -> TraceView:
        reference, _, position = view.subject.partition("/")
        job = await self._job(reference)
        if position and not position.isdecimal():
            raise UserError("usage", f"{position!r} is not a track number", "e.g. `slskdn debug job ID 7`")
        parts = await self._parts()
        facts = []
        titles = {track.position: track.named() for track in job.release.tracks}
        for entry in job.tracks:
            there = parts.get((job.job_id, entry.position))
            size = entry.size or (there.size if there else 0)
            facts.append(TrackFacts(entry.position, titles.get(entry.position, SafeText("")), str(entry.state), size))
        made = summarise(
            job.job_id,
            job.label,
            facts,
            await self._events(job.job_id),
            track=int(position) if position else None,
            contains=view.filter,
            start=view.start,
            count=view.count,
        )
        return replace(made, version=0)

    def _log(self, view: ViewKey) -> LogView:
        try:
            with self._paths.log_file.open("rb") as handle:
                size = handle.seek(0, os.SEEK_END)
                handle.seek(max(0, size - LOG_TAIL))
                tail = handle.read(LOG_TAIL)
        except FileNotFoundError:
            return LogView(0)
        except OSError as error:
            raise UserError("disk", f"cannot read {self._paths.log_file}: {error.strerror}", "check its owner and rights") from error
        lines = tail.decode("utf-8", "replace").split("\n")[1 if size > LOG_TAIL else 0 :]
        rows = stored_views.filter_log(stored_views.log_rows(lines, max(0, size - LOG_TAIL)), view.filter)
        first = max(0, len(rows) - view.count) if not view.start else view.start
        return LogView(0, tuple(rows[first : first + view.count]), len(rows))

    # What is stored ---------------------------------------------------------------------------------------------

    async def _jobs(self) -> list[JobRecord]:
        return await self._store.jobs.load_all() if self._store is not None else []

    async def _parts(self) -> stored_views.Parts:
        if self._store is None:
            return {}
        return stored_views.by_track(await self._store.parts.load_all())

    async def _job(self, reference: str) -> JobRecord:
        job = one_begun(reference, await self._jobs(), lambda job: job.job_id, "jobs")
        if job is None:
            raise UserError("not_found", f"no job {reference!r}", "`slskdn jobs list` shows them")
        return job

    async def _track(self, subject: str) -> tuple[JobRecord, TrackRecord]:
        reference, _, position = subject.partition("/")
        job = await self._job(reference)
        entry = next((entry for entry in job.tracks if str(entry.position) == position), None)
        if entry is None:
            raise UserError("not_found", f"job {job.job_id[:8]} has no track {position!r}", f"it has tracks 1 to {len(job.tracks)}")
        return job, entry

    async def _events(self, job_id: str) -> list[TraceEvent]:
        """The timeline, read again only when it has grown: the faces ask for it page by page."""
        if self._store is None:
            return []
        key = (job_id, await self._store.traces.last(job_id))
        if self._trace[0] != key:
            self._trace = (key, await self._store.traces.events(job_id))
        return self._trace[1]

    # Exports ----------------------------------------------------------------------------------------------------

    async def _export_job(self, args: dict[str, Any]) -> Result:
        job = await self._job(_text(args, "job"))
        manifest = manifests.write(job)
        if not (out := _text(args, "out", "")):
            return Result("ok", data={"job_id": job.job_id, "manifest": manifest})
        path = await asyncio.to_thread(_write, out, manifest)
        return Result("ok", SafeText(f"manifest of {job.job_id[:8]} written to {path}"), data={"path": str(path)})

    async def _export_trace(self, args: dict[str, Any]) -> Result:
        job = await self._job(_text(args, "job"))
        view = await self._trace_view(ViewKey("trace", job.job_id, count=EVERYTHING))
        text = json.dumps(trace_document(view), indent=1, ensure_ascii=False) + "\n"
        path = await asyncio.to_thread(_write, _text(args, "out", "") or f"{job.job_id}.trace.json", text)
        return Result("ok", SafeText(f"trace of {job.job_id[:8]} written to {path}"), data={"path": str(path)})


async def _totals(store: Store) -> tuple[int, int, int, int]:
    """Soulseek up and down, mesh up and down, of the seven days up to the last that was written."""
    kept = await store.ledger.totals()
    return (
        kept["soulseek_upload_bytes"],
        kept["soulseek_download_bytes"],
        kept["overlay_upload_bytes"],
        kept["overlay_download_bytes"],
    )


async def _silence() -> AsyncIterator[EngineEvent]:
    await asyncio.Event().wait()
    yield EngineEvent("", "", "", "info", SafeText(""))


def _holds(wanted: str, *texts: str) -> bool:
    return not wanted or any(wanted.casefold() in text.casefold() for text in texts)


def _text(args: dict[str, Any], name: str, default: str | None = None) -> str:
    value = args.get(name)
    value = default if value is None else value
    if not isinstance(value, str):
        raise UserError("usage", f"{name} is needed, as a text", "`slskdn --help` lists the arguments")
    return value


def _write(name: str, text: str) -> Path:
    """A new file the user named; never over another one."""
    path = Path(os.path.expanduser(name)).absolute()
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise UserError("disk", f"{path} exists", "give another name, or remove it first") from None
    except OSError as error:
        raise UserError("disk", f"cannot write {path}: {error.strerror}", "give a folder that exists and can be written") from error
    return path
