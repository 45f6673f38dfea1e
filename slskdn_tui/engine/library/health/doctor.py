"""Checks the whole library by its table, keeps what was found, and what the user dismissed of it. Shell over the store and a thread.

A check walks the files page by page, looks at the ends of those that changed, applies the rules, and shows its issues when it has ended.
It asks no network: releases are those that identification has brought.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field

from slskdn_tui.engine.audio.ends.damage import Damage
from slskdn_tui.engine.audio.ends.look import VERSION
from slskdn_tui.engine.library.health.file_rules import file_issues
from slskdn_tui.engine.library.health.group_rules import Held, canonical_issue, duplicates, exchanged, missing_tracks, untold_tracks
from slskdn_tui.engine.library.health.probe import probe_all
from slskdn_tui.engine.runtime.clock import Clock, iso
from slskdn_tui.engine.store.library.health import HealthRun
from slskdn_tui.engine.store.state.dismissals import Dismissal
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.health import Issue, counts_words
from slskdn_tui.model.library import Cursor, LibraryFile
from slskdn_tui.model.music import Release

log = logging.getLogger(__name__)
PAGE = 50
"""Files looked at between two turns of the loop."""
RELEASES_KEPT = 200
SOON_S = 2.0
"""What changes within so many seconds is checked at once."""
REST = 20
"""A check that took a second is followed by another one of its own accord after so many: an album's tracks come one by one."""
Variants = Callable[[Sequence[str]], Awaitable[Sequence[VariantChoice]]]


@dataclass
class _Run:
    """What one check gathers."""

    number: int
    files: int = 0
    held: list[Held] = field(default_factory=list)
    lengths: dict[str, Issue] = field(default_factory=dict)
    """Issues of a wrong length by path: dropped where tags were exchanged, which is the cause."""


class Doctor:
    """`variants`, set later, tells which variants of recordings are known, the canonical ones marked. `disk` runs what blocks."""

    def __init__(self, store: Store, clock: Clock, disk: Executor) -> None:
        self._store = store
        self._clock = clock
        self._disk = disk
        self.variants: Variants | None = None
        self._one_at_a_time = asyncio.Lock()
        self._due = asyncio.Event()
        self._releases: OrderedDict[str, Release | None] = OrderedDict()
        self.checking = False
        self.version = 0
        """Rises whenever what is to be shown changes."""
        self.words = ""
        """What is open, in a few words; empty before the first check."""

    def due(self) -> None:
        """Something changed in the library: check it soon."""
        self._due.set()

    async def run(self) -> None:
        """Check when due, for ever; supervised by the engine."""
        await self._count()
        rest = 0.0
        while True:
            await self._due.wait()
            await self._clock.sleep(max(SOON_S, rest))
            self._due.clear()
            began = self._clock.now()
            try:
                await self.check()
            except Exception:  # whatever it was: the supervisor logs it, and after its back-off the check is still due
                self._due.set()
                raise
            rest = REST * (self._clock.now() - began)

    async def check(self) -> HealthRun:
        """Check all files now; a check that runs already is waited for first."""
        async with self._one_at_a_time:
            self.checking, self.version = True, self.version + 1
            try:
                return await self._check()
            finally:
                self._releases.clear()
                await self._count()
                self.checking, self.version = False, self.version + 1

    async def _count(self) -> None:
        last = await self._store.health.last()
        dismissed = await self._store.dismissals.keys()
        kinds = Counter(kind for _, name, kind in await self._store.health.index(last.run) if name not in dismissed)
        self.words = counts_words(kinds) if last.run else ""

    async def _check(self) -> HealthRun:
        store = self._store
        run = _Run(await store.health.begin())
        cursor: Cursor | None = None
        while True:
            files, cursor = await store.files.page("path", after=cursor, limit=PAGE)
            await self._page(run, [file for file in files if file.missing_at is None])
            if cursor is None:
                break
        await self._groups(run)
        ended = HealthRun(run.number, self._clock.wall().timestamp(), run.files)
        await store.health.end(ended)
        return ended

    async def _page(self, run: _Run, files: Sequence[LibraryFile]) -> None:
        run.files += len(files)
        damage = await self._probed(files)
        found: list[Issue] = []
        for file in files:
            await self._load(file.release)
            await self._load(file.tags.release)
            issues = file_issues(file, damage.get(file.path), self._releases.get)
            run.lengths |= {each.path: each for each in issues if each.kind == "wrong_duration"}
            found += [each for each in issues if each.kind != "wrong_duration"]
            run.held.append(Held.of(file, any(each.kind == "damaged" for each in issues)))
        if self.variants is not None:
            found += await self._better(files, self.variants)
        await self._store.health.put(run.number, found)

    async def _probed(self, files: Sequence[LibraryFile]) -> dict[str, Damage]:
        """Damage by path, of files as their rows have them; the ends of those that changed are looked at."""
        known = await self._store.health.probes([file.path for file in files], VERSION)
        found = {file.path: Damage(**known[file.path][1]) for file in files if file.path in known and known[file.path][1]}
        new = [file.path for file in files if file.path not in known or known[file.path][0] != file.stamp]
        if new:
            seen = await asyncio.get_running_loop().run_in_executor(self._disk, probe_all, new)
            await self._store.health.put_probes(((path, stamp, asdict(damage) if damage else {}) for path, stamp, damage in seen), VERSION)
            for path in new:
                found.pop(path, None)
            found |= {path: damage for path, _, damage in seen if damage is not None}
        return found

    async def _better(self, files: Sequence[LibraryFile], variants: Variants) -> list[Issue]:
        scored = [file for file in files if file.recording and file.variant_id and file.quality_score is not None]
        spoken = await self._store.voices.spoken_of([file.recording for file in scored]) if scored else set()
        issues = []
        for file in scored:
            if (file.recording, file.facts.codec_profile) in spoken:
                known = await variants([file.recording])
                issues.append(canonical_issue(file, known, (file.variant_id, await self._store.health.region(file.path))))
        return [each for each in issues if each is not None]

    async def _groups(self, run: _Run) -> None:
        put = self._store.health.put
        by_release: dict[str, list[Held]] = defaultdict(list)
        told: set[str] = set()
        for each in run.held:
            if each.release:
                by_release[each.release].append(each)
        for mbid, held in by_release.items():
            release = await self._load(mbid)
            if release is None:
                continue
            told.update(os.path.dirname(each.path) for each in held)
            issues = list(exchanged(release, held))
            for issue in issues:
                run.lengths.pop(issue.path, None)
            editions = [await self._load(other) for other in await self._store.releases.of_group(release.group_mbid)]
            lacking = missing_tracks(release, held, [edition for edition in editions if edition is not None])
            await put(run.number, [*issues, *((lacking,) if lacking else ())])
        loop = asyncio.get_running_loop()
        untold = (each for each in run.held if os.path.dirname(each.path) not in told)
        await put(run.number, await loop.run_in_executor(self._disk, lambda: list(untold_tracks(untold))))
        await put(run.number, run.lengths.values())
        await put(run.number, await loop.run_in_executor(self._disk, lambda: list(duplicates(run.held))))

    async def _load(self, mbid: str) -> Release | None:
        """A release as the store has it; those asked for last are kept."""
        if not mbid:
            return None
        if mbid not in self._releases:
            self._releases[mbid] = await self._store.releases.get(mbid)
            if len(self._releases) > RELEASES_KEPT:
                self._releases.popitem(last=False)
        self._releases.move_to_end(mbid)
        return self._releases[mbid]

    # What the user says of it -----------------------------------------------------------------------------------

    async def dismiss(self, issues: Iterable[Issue]) -> None:
        """These are none: they are not shown again, until what they are about changes."""
        at = iso(self._clock.wall())
        await self._store.dismissals.put(Dismissal(each.key, each.path, each.words, at) for each in issues)
        await self._count()
        self.version += 1

    async def recall(self, keys: Iterable[str]) -> None:
        """Take dismissals back."""
        await self._store.dismissals.drop(keys)
        await self._count()
        self.version += 1
