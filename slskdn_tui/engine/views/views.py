"""Snapshots: which room makes which view, and the versions that keep an unchanged one silent. Shell over the running engine."""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.trace.summary import by_plane, summarise
from slskdn_tui.engine.views.cache import cache_view
from slskdn_tui.engine.views.discover import discography_view, label_view, labels_view
from slskdn_tui.engine.views.disk import DiskUse
from slskdn_tui.engine.views.finding import FindingViews
from slskdn_tui.engine.views.health import health_view
from slskdn_tui.engine.views.job_tree import shown_jobs
from slskdn_tui.engine.views.jobs import job_row, job_view, track_facts, tracklist
from slskdn_tui.engine.views.library import LibraryViews
from slskdn_tui.engine.views.limits import limits_view
from slskdn_tui.engine.views.owned_releases import with_owned
from slskdn_tui.engine.views.parents import parents_view
from slskdn_tui.engine.views.peers import PeerViews
from slskdn_tui.engine.views.people import PeopleViews
from slskdn_tui.engine.views.playing import playback_view
from slskdn_tui.engine.views.stats import stats_view
from slskdn_tui.engine.views.swarms import job_rows, listed, track_view
from slskdn_tui.engine.views.trash import trash_view
from slskdn_tui.engine.views.uploads import uploads_view
from slskdn_tui.engine.views.versions import Versions
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import parse_mb_reference, short_node_id
from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.stats import StatsView
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.model.views import (
    CandidateRow,
    CandidatesView,
    EngineEvent,
    JobsView,
    LogRow,
    LogView,
    PartStatus,
    Snapshot,
    StatusView,
    SwarmsView,
    TraceView,
    UploadRow,
    ViewKey,
)

RECENT = 6
ROUTINE = frozenset({"dht.lookup"})
"""Events that come by themselves for ever and would leave no room for others: for the log alone."""
LEVELS = ("info", "warning", "error")


def _log_row(number: int, event: EngineEvent) -> LogRow:
    return LogRow(str(number), 0, event.time, event.part, event.level, event.text, event.job_id)


class Views:
    """`make` gives any view, stamped with versions."""

    def __init__(self, engine: Parts) -> None:
        self._engine = engine
        self._versions = Versions()
        self._disk = DiskUse(Path(engine.settings.downloads.folder).expanduser(), engine.disk, engine.clock)
        self._traces: dict[str, tuple[tuple[object, ...], TraceView]] = {}
        people = PeopleViews(engine)
        peers = PeerViews(engine)
        finding = FindingViews(engine)
        self._makers: dict[str, Callable[[ViewKey], Awaitable[Snapshot]]] = {
            "status": self._status,
            "swarms": self._swarms,
            "track": self._track,
            "jobs": self._jobs,
            "job": self._job,
            "trace": self._trace_view,
            "log": self._log,
            "candidates": self._candidates,
            "search": finding.search,
            "filters": finding.filters,
            "wishes": finding.wishes,
            "uploads": self._uploads_view,
            "limits": partial(limits_view, engine),
            "user": people.user,
            "browse": people.browse,
            "people": people.people,
            "messages": people.messages,
            "peers": peers.peers,
            "contribution": peers.contribution,
            "cache": partial(cache_view, engine),
            "trash": partial(trash_view, engine),
            "playback": partial(playback_view, engine),
            "library": LibraryViews(engine).library,
            "health": self._health,
            "parents": partial(parents_view, engine),
            "discography": partial(discography_view, engine),
            "labels": partial(labels_view, engine),
            "label": partial(label_view, engine),
            "stats": self._stats,
        }

    async def make(self, key: ViewKey) -> Snapshot:
        return self._versions.stamp(key, await self.fresh(key))

    async def fresh(self, key: ViewKey) -> Snapshot:
        """With all versions 0."""
        maker = self._makers.get(key.screen)
        if maker is None:
            raise UserError("usage", f"no view {key.screen!r}", f"there are {', '.join(self._makers)}")
        return await maker(key)

    # One maker a view -------------------------------------------------------------------------------------------

    async def _status(self, key: ViewKey) -> StatusView:
        engine = self._engine
        totals = engine.ledger.totals()
        jobs = engine.runner.jobs()
        uploads = engine.soulseek.uploads()
        return StatusView(
            version=0,
            account=SafeText(engine.settings.soulseek.username),
            soulseek=engine.soulseek.state,
            mesh_peers=len(engine.mesh.peers) if engine.mesh else 0,
            dht_nodes=engine.dht.table_size if engine.dht else 0,
            down=engine.rates.rate("down"),
            up=engine.rates.rate("up"),
            ratio=engine.ledger.ratio(),
            disk_used=await self._disk.share(),
            jobs_running=sum(job.runs for job in jobs),
            jobs_total=len(jobs),
            uploads=len(uploads) + (len(engine.mesh.uploads()) if engine.mesh else 0),
            node_id=engine.identity.node_id if engine.identity else "",
            slsk_down=totals.slsk_down,
            slsk_up=totals.slsk_up,
            mesh_down=totals.mesh_down,
            mesh_up=totals.mesh_up,
            rescues=await engine.store.rescues.totals(),
            profile=SafeText(engine.paths.config, 4096),
            engine=SafeText(f"{engine.description}, pid {os.getpid()}"),
            started_at=engine.started_at,
            parts=self._parts(),
            search_wait=float(math.ceil(engine.soulseek.search_hold())),
            searches_waiting=engine.soulseek.searches_waiting,
            wishes_new=engine.wishlist.new,
            unread=engine.soulseek.people.unread,
            playing=(await playback_view(engine, ViewKey("playback"))).line,
            soulseek_words=SafeText("" if engine.soulseek.state == "online" else engine.soulseek.state_words),
        )

    def _parts(self) -> tuple[PartStatus, ...]:
        """Each part of the engine in words a person understands."""
        engine = self._engine
        parts = [_soulseek_part(engine.soulseek.state, engine.soulseek.state_words, engine.soulseek.ports.waits)]
        if changed := engine.settings_file.changed:
            parts.append(PartStatus("settings", "waiting", SafeText(changed)))
        parts += [PartStatus("database", "ok" if damage.mended else "failing", SafeText(str(damage))) for damage in engine.store.damage]
        parts += [
            PartStatus("disk", "failing", SafeText(why))
            for why in sorted({job.record.error for job in engine.runner.jobs() if job.in_trouble})
        ]
        if engine.mesh is None:
            parts.append(PartStatus("mesh", "off", SafeText("the overlay is off (overlay.enabled: false)")))
        else:
            count = len(engine.mesh.peers)
            parts.append(
                PartStatus(
                    "mesh",
                    "ok" if count else "waiting",
                    SafeText(f"{counted(count, 'peer')} connected" if count else "no peer connected yet"),
                )
            )
        if engine.dht is None:
            parts.append(PartStatus("dht", "off", SafeText("the DHT is off (dht.enabled, overlay.enabled)")))
        elif engine.dht.waiting:
            parts.append(PartStatus("dht", "waiting", SafeText("waits for a first node: set dht.bootstrap, or overlay.peers")))
        else:
            announced = len(engine.finder.announced)
            words = f"{engine.dht.table_size} nodes known, {announced} recordings announced"
            parts.append(PartStatus("dht", "ok", SafeText(words)))
        if engine.mesh is not None:
            offered = len(engine.offers.recordings())
            ready = offered and (engine.dht is None or len(engine.finder.announced) >= min(offered, 100))
            words = f"{offered} recordings offered" if offered else "nothing is offered (soulseek.share, overlay.offer)"
            parts.append(PartStatus("offers", "ok" if ready else "waiting", SafeText(words)))
        scan = engine.scanner.status()
        if scan.state != "idle" or engine.scanner.counts.files:
            waits = scan.state == "paused" or scan.missing > 0
            health = f"; {engine.doctor.words}" if engine.doctor.words else ""
            parts.append(PartStatus("library", "waiting" if waits else "ok", SafeText(f"{scan.words}{health}")))
        verdict = engine.governor.verdict()
        if not verdict.healthy:
            parts.append(PartStatus("fairness", "waiting", SafeText("; ".join((verdict.words, *verdict.enforced)))))
        for part in engine.supervisor.parts:
            if part.error and part.state != "running":
                parts.append(PartStatus(part.name, "failing", SafeText(part.error)))
        return tuple(parts)

    async def _swarms(self, key: ViewKey) -> SwarmsView:
        engine = self._engine
        rows = [row for job in listed(engine.runner.jobs(), engine.started_at) for row in job_rows(job)]
        wanted = key.filter.casefold()
        if wanted:
            rows = [row for row in rows if wanted in f"{row.title} {row.source} {row.state}".casefold()]
        told = (_log_row(number, event) for number, event in reversed(engine.bus.history) if event.name not in ROUTINE)
        recent = [*islice(told, RECENT)][::-1]
        return SwarmsView(
            version=0,
            rows=tuple(rows[key.start : key.start + key.count]),
            uploads=self._uploads(),
            events=tuple(recent),
            total=len(rows),
            uploads_queued=engine.soulseek.uploads_queued,
        )

    def _uploads(self) -> tuple[UploadRow, ...]:
        engine = self._engine
        rows = [
            UploadRow(
                up.key,
                0,
                SafeText(up.path.replace("\\", "/").rsplit("/", 1)[-1]),
                SafeText(up.username),
                "slsk",
                up.state,
                _share(up.sent, up.size),
                up.speed,
                up.group,
                up.place,
            )
            for up in engine.soulseek.uploads()
        ]
        for up in engine.mesh.uploads() if engine.mesh else ():
            title = SafeText(self._variant_title(up.variant))
            rows.append(
                UploadRow(
                    f"{up.peer}/{up.variant}",
                    0,
                    title,
                    SafeText(short_node_id(up.peer)),
                    "mesh",
                    up.state,
                    _share(up.bytes, up.total),
                    up.rate,
                )
            )
        return tuple(rows)

    async def _uploads_view(self, key: ViewKey) -> Snapshot:
        return uploads_view(self._engine, key, self._variant_title)

    def _variant_title(self, variant_id: str) -> str:
        """What a mesh upload is of: the track of one of our jobs, else the variant's beginning."""
        recordings = {variant.recording_mbid for variant in self._engine.offers.variants() if variant.variant_id == variant_id}
        for job in self._engine.runner.jobs():
            for live in job.tracks:
                if live.track.recording_mbid in recordings:
                    return live.track.title
        return f"variant {variant_id[:12]}"

    async def _track(self, key: ViewKey) -> Snapshot:
        job_ref, _, position = key.subject.partition("/")
        job = self._engine.runner.find(job_ref)
        live = job.track(int(position)) if position.isdigit() else None
        if live is None:
            raise UserError("not_found", f"no track {key.subject!r}", f"job {job.job_id[:8]} has tracks 1 to {len(job.tracks)}")
        history = [
            _log_row(number, event)
            for number, event in self._engine.bus.history
            if event.job_id == job.job_id and event.track == live.track.position
        ]
        view = track_view(job, live, tuple(history[-12:]))
        if live.status is None and view.done:  # it was finished before this engine started: its trace knows who brought it
            traced = await self._trace(ViewKey("trace", f"{job.job_id}/{position}", count=0))
            slsk, mesh = by_plane(traced.tracks[0])
            view = replace(view, by_slsk=slsk, by_mesh=mesh)
        if not view.canonical and view.size:  # no mesh peer helps: the size says which variant it is
            known = (await self._engine.variants.of((view.recording,))) if view.recording else ()
            view = replace(view, canonical=next((each.badge for each in known if each.length == view.size and each.badge), view.canonical))
        return view

    async def _health(self, key: ViewKey) -> Snapshot:
        return await health_view(self._engine.store, key, checking=self._engine.doctor.checking)

    async def _stats(self, key: ViewKey) -> StatsView:
        """What waits in memory is written first."""
        for part in (self._engine.trace, self._engine.ledger, self._engine.book, self._engine.warm.shelf):
            await part.flush()
        return await stats_view(self._engine.store, self._engine.settings.fairness)

    async def _jobs(self, key: ViewKey) -> JobsView:
        engine, notes = self._engine, self._engine.parents.notes
        rows = [job_row(job) for job in engine.runner.jobs()]
        forecast = engine.soulseek.search_forecast
        return shown_jobs(rows, engine.parents.all(), key, forecast, lambda record: notes.get(record.parent_id, ""))

    async def _job(self, key: ViewKey) -> Snapshot:
        job = self._engine.runner.find(key.subject)
        return job_view(job, str(self._engine.runner.manifest_path(job)))

    async def _trace_view(self, key: ViewKey) -> TraceView:
        """What somebody looks at."""
        view = await self._trace(key)
        await self._engine.store.usage.viewed(view.job_id)
        return view

    async def _trace(self, key: ViewKey) -> TraceView:
        job_ref, _, position = key.subject.partition("/")
        job = self._engine.runner.find(job_ref)
        facts = track_facts(job)
        mark = (await self._engine.trace.last(job.job_id), facts, key)
        cached = self._traces.get(key.subject)
        if cached is not None and cached[0] == mark:
            return cached[1]
        events = await self._engine.trace.events(job.job_id)
        view = summarise(
            job.job_id,
            job.record.label,
            facts,
            events,
            track=int(position) if position.isdigit() else None,
            contains=key.filter,
            start=key.start,
            count=key.count,
        )
        view = replace(view, version=0)
        self._traces = {key.subject: (mark, view)}
        return view

    async def _log(self, key: ViewKey) -> LogView:
        """`filter` holds words; `part:NAME` and `level:NAME` (that and above) among them narrow it. The newest rows are the last."""
        words = key.filter.split()
        part = next((word[5:] for word in words if word.startswith("part:")), "")
        level = next((word[6:] for word in words if word.startswith("level:")), "info")
        rest = [word.casefold() for word in words if not word.startswith(("part:", "level:"))]
        least = LEVELS.index(level) if level in LEVELS else 0
        rows = [
            _log_row(number, event)
            for number, event in self._engine.bus.history
            if (not part or event.part == part)
            and LEVELS.index(event.level) >= least
            and (not key.subject or event.job_id.startswith(key.subject))
        ]
        rows = [row for row in rows if all(word in row.text.casefold() for word in rest)]
        dropped = self._engine.bus.count - len(self._engine.bus.history)
        window = rows[key.start : key.start + key.count] if key.start else rows[-key.count :]
        return LogView(0, tuple(window), len(rows), dropped)

    async def _candidates(self, key: ViewKey) -> CandidatesView:
        """Answers a MusicBrainz query; an error is part of the view, since the prompt shows it in place."""
        music = self._engine.music
        try:
            reference = parse_mb_reference(key.subject)
            if reference is None:
                return CandidatesView(0, await with_owned(self._engine, _candidates(await music.search(key.subject))))
            kind, mbid = reference
            if kind == "recording":
                return CandidatesView(0, await with_owned(self._engine, _candidates(await music.recording_releases(mbid))))
            if kind == "release-group":
                return CandidatesView(0, await with_owned(self._engine, _candidates(await music.release_group(mbid))))
            if kind in ("artist", "label"):
                return CandidatesView(0, error=SafeText(f"that is a MusicBrainz {kind}; paste a release, or search for its title"))
            release = await music.release(mbid)
            row = CandidateRow(
                release.mbid, 0, release.mbid, release.title, release.artist, release.date, release.country, "+".join(release.formats),
                len(release.tracks), release.status,
            )  # fmt: skip
            return CandidatesView(0, await with_owned(self._engine, (row,)), tracklist(release))
        except UserError as error:
            return CandidatesView(0, error=SafeText(f"{error.message}; {error.hint}" if error.hint else error.message))


def _candidates(hits: tuple[ReleaseHit, ...]) -> tuple[CandidateRow, ...]:
    return tuple(
        CandidateRow(hit.mbid, 0, hit.mbid, hit.title, hit.artist, hit.date, hit.country, hit.format, hit.track_count, hit.status)
        for hit in hits
    )


def _soulseek_part(state: str, words: str, port_waits: bool) -> PartStatus:
    kinds = {"online": "waiting" if port_waits else "ok", "off": "off", "connecting": "waiting", "offline": "waiting"}
    return PartStatus("soulseek", kinds.get(state, "failing"), SafeText(words or state))  # type: ignore[arg-type]


def _share(sent: int, total: int) -> float:
    return min(1.0, sent / total) if total else 0.0
