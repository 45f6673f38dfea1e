"""The library as a view: how the scan stands, what is wrong by kind, and the rows of one kind with what is known of each file. Shell over the store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Protocol, get_args

from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.wanted.fixes import fix_issues
from slskdn_tui.engine.library.fix.trash import Trash, Trashed
from slskdn_tui.engine.library.health.doctor import Doctor
from slskdn_tui.engine.library.scan.scanner import Scanner
from slskdn_tui.engine.runtime.clock import Clock, iso
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.views.unsure import unsure_kind, unsure_rows
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.health import ISSUE_WORDS, Issue, IssueKind
from slskdn_tui.model.jobs import JobState
from slskdn_tui.model.library import LibraryFile
from slskdn_tui.model.library_view import DISMISSED, TRASH, UNSURE, KindRow, LibraryRow, LibraryView, ScanLine
from slskdn_tui.model.text import LONGEST, SafeText
from slskdn_tui.model.views import ViewKey

TRASH_S = 30.0
"""The trash is read again after so long, whoever changed it."""
_KINDS: tuple[IssueKind, ...] = get_args(IssueKind)


class Jobs(Protocol):
    def jobs(self) -> list[LiveJob]: ...


class Variants(Protocol):
    async def of(self, recordings: Sequence[str]) -> Sequence[VariantChoice]: ...


class LibraryParts(Protocol):
    """What the library is shown from: an engine has it, and so has one that does not run (`engine/stored_library.py`)."""

    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def disk(self) -> Executor: ...
    @property
    def trash(self) -> Trash: ...
    @property
    def scanner(self) -> Scanner: ...
    @property
    def doctor(self) -> Doctor: ...
    @property
    def runner(self) -> Jobs: ...
    @property
    def variants(self) -> Variants: ...


class LibraryViews:
    """Makes the view `library`; remembers what is in the trash."""

    def __init__(self, engine: LibraryParts) -> None:
        self._engine = engine
        self._trash: tuple[int, float, list[Trashed]] | None = None

    async def library(self, key: ViewKey) -> LibraryView:
        """UserError `usage` for a subject that is no kind, `trash`, `dismissed` or absolute path; `not_found` for a file that is not known."""
        engine, subject = self._engine, key.subject
        if subject and not subject.startswith("/") and subject not in (*_KINDS, UNSURE, TRASH, DISMISSED):
            raise UserError(
                "usage", f"no kind of issue {subject[:40]!r}", f"there are {', '.join(_KINDS)}, {UNSURE}, {DISMISSED} and {TRASH}"
            )
        last = await engine.store.health.last()
        index = await engine.store.health.index(last.run)
        hidden = await engine.store.dismissals.keys()
        trash = await self._in_trash()
        kinds = await self._kinds(index, hidden, trash)
        rows, total = await self._rows(key, index, hidden, trash)
        scan, counts = engine.scanner.status(), engine.scanner.counts
        return LibraryView(
            0,
            kinds,
            rows,
            total,
            ScanLine(scan.state, scan.done, scan.total, scan.eta, scan.words, scan.next_at, engine.scanner.schedule),
            counts.files,
            counts.missing,
            iso(datetime.fromtimestamp(last.checked_at, UTC)) if last.run else "",
            engine.doctor.checking,
        )

    async def _in_trash(self) -> Sequence[Trashed]:
        """Read again when something was done to it: a screen asks every second."""
        trash, now = self._engine.trash, self._engine.clock.now()
        known = self._trash
        if known is None or known[0] != trash.version or known[1] < now - TRASH_S:
            version = trash.version
            known = self._trash = version, now, await asyncio.get_running_loop().run_in_executor(self._engine.disk, trash.entries)
        return known[2]

    async def _kinds(
        self, index: Sequence[tuple[int, str, IssueKind]], hidden: frozenset[str], trash: Sequence[Trashed]
    ) -> tuple[KindRow, ...]:
        counts = Counter(kind for _, name, kind in index if name not in hidden)
        first: dict[str, int] = {}
        for row, name, kind in index:
            first.setdefault(DISMISSED if name in hidden else kind, row)
        worst = dict(zip(first, await self._engine.store.health.issues(list(first.values())), strict=False))
        files = await self._files(worst.values())
        found = [
            KindRow(
                kind,
                0,
                SafeText(words[1]),
                counts[kind],
                SafeText(worst[kind].path, LONGEST),
                score.quality_score if (score := files.get(worst[kind].path)) is not None else None,
                worst[kind].severity,
            )
            for kind, words in ISSUE_WORDS.items()
            if counts[kind] and kind in worst
        ]
        if (unsure := await unsure_kind(self._engine.store)) is not None:
            found.append(unsure)
        if DISMISSED in worst:
            count = sum(name in hidden for _, name, _ in index)
            found.append(KindRow(DISMISSED, 0, SafeText(DISMISSED), count, SafeText(worst[DISMISSED].path, LONGEST)))
        if trash:
            found.append(KindRow(TRASH, 0, SafeText("in the trash"), len(trash), SafeText(trash[0].path, LONGEST)))
        return tuple(found)

    async def _rows(
        self, key: ViewKey, index: Sequence[tuple[int, str, IssueKind]], hidden: frozenset[str], trash: Sequence[Trashed]
    ) -> tuple[tuple[LibraryRow, ...], int]:
        subject, words = key.subject, key.filter.casefold().split()
        if not subject:
            return (), 0
        if subject == UNSURE:
            return await unsure_rows(self._engine.store, words, key.start, key.count)
        if subject == TRASH:
            fits = [each for each in trash if all(word in f"{each.path} {each.reason}".casefold() for word in words)]
            return tuple(_trash_row(each) for each in fits[key.start : key.start + key.count]), len(fits)
        store = self._engine.store
        if subject.startswith("/"):
            issues = await store.health.named(subject)
            if not issues:
                return (await self._well(subject),), 1
        elif words:
            issues = await store.health.issues([row for row, name, kind in index if _of(subject, kind, name in hidden)])
            issues = [each for each in issues if all(word in f"{each.path} {each.words} {each.key}".casefold() for word in words)]
        else:
            wanted = [row for row, name, kind in index if _of(subject, kind, name in hidden)]
            issues = await store.health.issues(wanted[key.start : key.start + key.count])
            return await self._shown(issues, hidden), len(wanted)
        return await self._shown(issues[key.start : key.start + key.count], hidden), len(issues)

    async def _well(self, path: str) -> LibraryRow:
        """A file with which nothing is wrong."""
        file = await self._engine.store.files.file(path)
        if file is None:
            raise UserError("not_found", f"no file {path} is known", "`slskdn library scan` looks for files; give an absolute path")
        seen = SafeText("nothing wrong was found with it")
        return _row(
            Issue("damaged", "low", path, seen, path), file, SafeText(""), await self._badge(file), severity="", fix="none", name=path
        )

    async def _shown(self, issues: Sequence[Issue], hidden: frozenset[str]) -> tuple[LibraryRow, ...]:
        files, doing = await self._files(issues), _doing(self._engine.runner.jobs())
        rows = []
        for each in issues:
            file = files.get(each.path)
            badge = await self._badge(file) if file is not None else SafeText("")
            rows.append(_row(each, file, doing.get(each.key, SafeText("")), badge))
        return tuple(rows)

    async def _files(self, issues: Iterable[Issue]) -> Mapping[str, LibraryFile]:
        return {file.path: file for file in await self._engine.store.files.of_paths([each.path for each in issues])}

    async def _badge(self, file: LibraryFile) -> SafeText:
        """By the same choice as in searches and for the doctor: what was measured here counts beside what peers say."""
        known = await self._engine.variants.of((file.recording,)) if file.variant_id else ()
        return next((each.badge for each in known if each.variant_id == file.variant_id), SafeText(""))


def _of(subject: str, kind: str, dismissed: bool) -> bool:
    return dismissed if subject == DISMISSED else kind == subject and not dismissed


def _doing(jobs: Iterable[LiveJob]) -> dict[str, SafeText]:
    """By an issue's key, which job is at it. A completed one stands there until the next check."""
    found: dict[str, SafeText] = {}
    for job in jobs:
        state = job.record.state
        if state is JobState.CANCELLED:
            continue
        done = [live.done for live in job.wanted]
        share = f"{100 * sum(done) / len(done):.0f}%" if done else ""
        words = f"job {job.job_id[:8]} {share if job.runs else 'done' if state is JobState.COMPLETED else state}"
        found |= dict.fromkeys(fix_issues(job.record), SafeText(words))
    return found


def _row(
    issue: Issue, file: LibraryFile | None, doing: SafeText, badge: SafeText, *, severity: str | None = None, fix: str = "", name: str = ""
) -> LibraryRow:
    facts = file.facts if file is not None else None
    return LibraryRow(
        f"{issue.key} {SafeText(issue.path, LONGEST)}",
        0,
        name or issue.key,
        SafeText(issue.path, LONGEST),
        issue.words,
        issue.severity if severity is None else severity,
        tuple(SafeText(each.words, 1000) for each in issue.evidence),
        fix or issue.fix.kind,
        issue.fix.words if not fix else SafeText(""),
        doing,
        SafeText(_codec(file)),
        facts.dynamic_range if facts else None,
        facts.cutoff_hz if facts else None,
        file.quality_score if file else None,
        tuple(_facts(file)) if file else (),
        badge,
    )


def _codec(file: LibraryFile | None) -> str:
    """`FLAC 16/44`, `MP3 320`."""
    if file is None:
        return ""
    facts = file.facts
    if facts.lossless and facts.bits and facts.sample_rate:
        return f"{facts.codec} {facts.bits}/{facts.sample_rate // 1000}"
    return f"{facts.codec} {facts.bitrate}" if facts.bitrate else facts.codec


def _facts(file: LibraryFile) -> Iterable[tuple[str, SafeText]]:
    facts = file.facts
    if facts.duration_ms:
        yield "length", SafeText(f"{facts.duration_ms // 60_000}:{facts.duration_ms // 1000 % 60:02}")
    if facts.loudness_lufs is not None:
        span = f", range {facts.loudness_range:.1f} LU" if facts.loudness_range is not None else ""
        yield "loudness", SafeText(f"{facts.loudness_lufs:.1f} LUFS{span}")
    if facts.has_clipping:
        yield "clipping", SafeText(f"{facts.clipping_runs or 'some'} runs")
    if facts.encoder_signature:
        yield "encoder", facts.encoder_signature
    if file.recording:
        yield "recording", SafeText(file.recording)
        yield "known by", SafeText(file.identified)
    for reason in file.quality_reasons[:6]:
        yield "score", reason


def _trash_row(each: Trashed) -> LibraryRow:
    seen = [SafeText(f"since {each.at[:16].replace('T', ' ')}")]
    if each.replaced_by:
        seen.insert(0, SafeText(f"replaced by {each.replaced_by}", 1000))
    return LibraryRow(
        f"trash {each.entry}",
        0,
        each.entry,
        SafeText(each.path, LONGEST),
        SafeText(each.reason or "replaced"),
        "",
        tuple(seen),
        "restore",
        SafeText("f puts it back; what replaced it goes into the trash"),
    )
