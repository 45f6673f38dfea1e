"""What the warm cache holds: served to the mesh, counted, pinned, let go. A `ChunkProvider`. Shell over a folder, its index and the tables.

The folder belongs to the cache alone; a mark in it tells it from the bare mount point of a disk that is not there. A file in it is never shared on
Soulseek and never in the library.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal

from slskdn_tui.engine.cache.consensus import Consensus, Sound, judge
from slskdn_tui.engine.cache.policy import Held
from slskdn_tui.engine.jobs.recognise import Recognised
from slskdn_tui.engine.library.offers import LibraryOffers
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.durable import sync_folder
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.store.library.cache_files import CacheFile, CacheFilesTable
from slskdn_tui.engine.store.state.cache import CacheDay, CacheTable
from slskdn_tui.model.aggregates import CanonicalStats
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.music import Release
from slskdn_tui.model.ports import ChunkReader
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

log = logging.getLogger(__name__)
MARK = ".slskdn-cache"
COMING = "coming"
"""The folder in it for copies that are to take the place of others."""
FLUSH_S = 5.0
Exchange = Literal["done", "later", "refused"]
Stats = Callable[[str, str], Awaitable[CanonicalStats]]
Sounds = Callable[[Path, Collection[str]], Awaitable[Recognised]]


class _Counted:
    """A reader that tells what was read through it, and that it is there."""

    def __init__(self, inner: ChunkReader, shelf: Shelf) -> None:
        self._inner = inner
        self._shelf = shelf
        self._recording = inner.variant.recording_mbid
        self._sent = False
        self._open = True
        shelf.reading[self._recording] += 1

    @property
    def variant(self) -> Variant:
        return self._inner.variant

    def digest_page(self, page: int) -> bytes:
        return self._inner.digest_page(page)

    def read(self, offset: int, length: int) -> bytes:
        data = self._inner.read(offset, length)
        self._shelf.sent(self._recording, len(data), first=not self._sent)
        self._sent = True
        return data

    def close(self) -> None:
        if self._open:
            self._open = False
            self._shelf.reading[self._recording] -= 1
            self._shelf.reading += Counter()  # only what is being read stays
        self._inner.close()


class Shelf:
    """`on` says whether anything is offered; `trouble` why the folder cannot be used, or is empty. `apart` are folders it may not overlap."""

    def __init__(
        self,
        folder: Path,
        files: CacheFilesTable,
        table: CacheTable,
        clock: Clock,
        disk: Executor,
        bus: EventBus,
        *,
        apart: Sequence[Path] = (),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder = folder
        self.coming = folder / COMING
        self.on = False
        self.trouble = ""
        self.reading: Counter[str] = Counter()
        self.stats: Stats | None = None
        self.sounds: Sounds | None = None
        """Which recording a file is by its sound, of these names where it is one of them; None without an AcoustID key."""
        self.pins: dict[str, float] = {}
        self._files: dict[str, CacheFile] = {}
        self._table = table
        self._index = files
        self._clock = clock
        self._disk = disk
        self._bus = bus
        self._apart = apart
        self._changed = changed
        self._offers = LibraryOffers([folder], files, downloads_only=True, changed=changed)
        self._used: set[str] = set()
        self._hits = self._bytes = self._requests = self._answered = 0

    # Start and stop ---------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up what is there: what lost its file is forgotten, a file that nobody knows is hashed again, and judged by `settle`."""
        self.pins = await self._table.pins()
        self._files = {one.recording: one for one in await self._index.files()}
        await self.prepare()
        if self.trouble:
            return
        loop = asyncio.get_running_loop()
        there = await loop.run_in_executor(self._disk, _listing, self.folder)
        gone = [one for one in self._files.values() if os.path.basename(one.path) not in there]
        for one in self.unsettled():
            one.used_at = self._clock.wall().timestamp()
        await self._index.drop([one.path for one in gone])
        for one in gone:
            del self._files[one.recording]
        await self._offers.load()
        known = {os.path.basename(one.path) for one in self._files.values()}
        for name in sorted(there - known):
            recording = name.partition(".")[0]
            if not is_mbid(recording) or recording in self._files:
                log.warning("the warm cache knows nothing of %s; it is left alone", SafeText(name, 100))
                continue
            with contextlib.suppress(OSError, UserError):
                await self._take_in(self.folder / name, recording)

    async def prepare(self) -> None:
        """Make the folder, or say in `trouble` why it cannot be used."""
        if self.on or self._files or self.folder.exists():
            known = bool(self._files)
            self.trouble = await asyncio.get_running_loop().run_in_executor(self._disk, _prepare, self.folder, self._apart, known, self.on)

    async def run(self) -> None:
        """Keep what is counted, for ever; supervised."""
        while True:
            await self._clock.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what was counted since the last time; what could not be written is kept for the next. Raises OSError, sqlite3.Error."""
        used, self._used = self._used, set()
        if used:
            try:
                await self._index.used([self._files[name] for name in used if name in self._files])
            except BaseException:
                self._used |= used
                raise
        day = CacheDay(self._day(), self._hits, self._bytes, requests=self._requests, answered=self._answered)
        self._hits = self._bytes = self._requests = self._answered = 0
        if day != CacheDay(day.day):
            try:
                await self._table.count(day)
            except (OSError, sqlite3.Error):  # a cancelled wait is written all the same
                self._hits += day.hits
                self._bytes += day.bytes_served
                self._requests += day.requests
                self._answered += day.answered
                raise

    def close(self) -> None:
        self._offers.close()

    def _day(self) -> str:
        return self._clock.wall().date().isoformat()

    # The overlay's side (ChunkProvider) -------------------------------------------------------------------------

    def find(self, recordings: Sequence[str]) -> Sequence[Variant]:
        return self._offers.find([name for name in recordings if self._offered(name)])

    def recordings(self) -> Sequence[str]:
        return [name for name in self._offers.recordings() if self._offered(name)]

    def open(self, variant_id: str) -> ChunkReader | None:
        reader = self._offers.open(variant_id) if self.on else None
        if reader is not None and not self._offered(reader.variant.recording_mbid):
            reader.close()
            return None
        return _Counted(reader, self) if reader is not None else None

    def _offered(self, recording: str) -> bool:
        file = self._files.get(recording)
        return self.on and file is not None and file.settled

    def sent(self, recording: str, count: int, *, first: bool) -> None:
        """So many bytes go to a peer; `first` for the first ones of a reader."""
        self._bytes += count
        self._hits += first
        if (file := self._files.get(recording)) is not None:
            file.bytes_served += count
            file.hits += first
            file.used_at = self._clock.wall().timestamp()
            self._used.add(recording)

    def asked(self, recordings: Sequence[str]) -> None:
        """A peer asked for these."""
        if self.on:
            self._requests += len(recordings)
            self._answered += sum(name in self._files for name in recordings)

    # What is held -----------------------------------------------------------------------------------------------

    def files(self) -> Sequence[CacheFile]:
        return tuple(self._files.values())

    def file(self, recording: str) -> CacheFile | None:
        return self._files.get(recording)

    @property
    def bytes(self) -> int:
        return sum(one.size for one in self._files.values())

    def held(self, peers: Mapping[str, int]) -> list[Held]:
        """For the policy; `peers` by recording."""
        return [
            Held(name, one.size, one.used_at, peers.get(name, 0), name in self.pins, self.reading[name] > 0)
            for name, one in self._files.items()
        ]

    def unsettled(self) -> Sequence[CacheFile]:
        """Those that are not judged yet, and so not offered: placed a moment ago, or found after a stop."""
        return [one for one in self._files.values() if not one.settled]

    async def arrived(self, path: Path, recording: str) -> bool:
        """True when the file was placed in the cache's folder: it is hashed, and offered once it is settled; one in `coming` waits for `exchange`."""
        if path.parent == self.folder:
            await self._take_in(path, recording)
        return path.parent in (self.folder, self.coming)

    async def _take_in(self, path: Path, recording: str) -> None:
        variant = await self._offers.add_file(path, recording)
        if variant is None:
            raise UserError("disk", f"{path} lies outside the cache", "")
        self._files[recording] = CacheFile(recording, os.fspath(path), variant.length, used_at=self._clock.wall().timestamp())

    async def exchange(self, path: Path, recording: str, variant_id: str, release: Release | None) -> Exchange:
        """Put the copy at `path`, if it is this variant and may be kept (see `settle`), in the place of the one held, which goes with it. OSError.

        `later` while that one is being sent: nothing was done. `refused`: the new one is deleted, since it is another, or the one held is pinned or gone.
        `done` also when a stop came right after it.
        """
        run = asyncio.get_running_loop().run_in_executor
        if self.reading[recording] > 0:
            return "later"
        if not await run(self._disk, path.exists):
            return "done" if variant_id in self.variants(recording) else "refused"
        came = await self._offers.examine(path, recording)
        right = variant_id in [one.variant_id for one in came]
        said = await self._judged(path, came, release) if right else Consensus(False, "what came is not the copy that peers agree on")
        old = self._files.get(recording)
        if self.reading[recording] > 0:
            return "later"
        if old is None or recording in self.pins or not said.kept:
            await run(self._disk, path.unlink)
            words = "it is pinned" if recording in self.pins else said.words if not right else f"what came is not kept: {said.words}"
            if old is not None:
                self._tell("refused", f"{old.title or recording} stays as it was: {words}", warn=True)
            return "refused"
        await self._offers.remove([old.path])
        del self._files[recording]
        target = self.folder / path.name
        await run(self._disk, _swap, path, Path(old.path), target)
        await self._take_in(target, recording)
        new = self._files[recording]
        new.hits, new.bytes_served = old.hits, old.bytes_served
        self._used.add(recording)
        await self._keep(new, said, release)
        self._tell("replaced", f"{old.title or recording}: a better copy took its place")
        return "done"

    def variants(self, recording: str) -> dict[str, str]:
        """Codec profile by variant id, of what is held of it: the file, and its audio region."""
        return {one.variant_id: one.codec_profile for one in self._offers.find((recording,))}

    async def clear_coming(self) -> None:
        """Delete what was to take another's place and has no job any more."""
        await asyncio.get_running_loop().run_in_executor(self._disk, _clear, self.coming)

    async def settle(self, recording: str, release: Release | None) -> None:
        """Hold a file that was not judged against what the mesh says, and against its track, the only one of `release`: offered, or deleted again. OSError."""
        file = self._files.get(recording)
        if file is None or file.settled or not (variants := self._offers.find((recording,))):
            return
        said = await self._judged(Path(file.path), variants, release)
        if self._files.get(recording) is not file:
            return  # let go meanwhile
        if said.kept:
            await self._keep(file, said, release)
        else:
            await self._delete(file)
            title = release.tracks[0].title if release is not None else file.title
            self._tell("refused", f"{title or recording} is not kept: {said.words}", warn=True)

    async def _keep(self, file: CacheFile, said: Consensus, release: Release | None) -> None:
        """From now on it is offered."""
        if release is not None:
            file.title, file.artist = release.tracks[0].title, release.artist
        file.consensus = SafeText(said.words)
        file.added_at = file.used_at = self._clock.wall().timestamp()
        await self._index.tell(file)
        self._changed()
        self._tell("kept", f"{file.title or file.recording} is offered to the mesh ({said.words})")

    async def _judged(self, path: Path, variants: Sequence[Variant], release: Release | None) -> Consensus:
        """Whether the copy at `path`, which could be offered as `variants`, may be kept as the recording of these."""
        whole = variants[0]
        track = release.tracks[0] if release is not None else None
        stats = await self.stats(whole.recording_mbid, whole.codec_profile) if self.stats is not None else None
        sound, names = None, {whole.recording_mbid, *([track.recording_mbid] if track is not None else [])}
        try:
            if self.sounds is not None and (found := await self.sounds(path, names)).recording:
                sound = Sound(found.recording in names, found.words)
        except (UserError, OSError) as error:
            log.info("the sound of %s is not known, the mesh alone decides: %s", SafeText(path.name), SafeText(str(error)))
        return judge(whole, track.length_ms if track is not None else None, stats, variants[-1].variant_id, sound)

    # What is let go ---------------------------------------------------------------------------------------------

    async def let_go(self, recordings: Sequence[str], why: str) -> int:
        """Delete these, but for pins and what is being read; bytes freed. OSError when a file cannot be deleted."""
        freed = 0
        for name in recordings:
            file = self._files.get(name)
            if file is None or name in self.pins or self.reading[name] > 0:
                continue
            await self._delete(file)
            freed += file.size
            await self._table.count(CacheDay(self._day(), evicted=1))
            self._tell("evicted", f"{file.title or name} was let go: {why}")
        return freed

    @contextlib.contextmanager
    def fixed(self, recording: str) -> Iterator[None]:
        """Meanwhile it is not let go."""
        self.reading[recording] += 1
        try:
            yield
        finally:
            self.reading[recording] -= 1
            self.reading += Counter()  # only what is being read stays

    async def moved(self, recording: str) -> None:
        """It stands in the library: no longer held, nor pinned."""
        file = self._files.get(recording)
        if file is not None:
            await self._delete(file)
        await self.unpin(recording)
        self._tell("moved", f"{file.title if file is not None and file.title else recording} is in the library")

    async def _delete(self, file: CacheFile) -> None:
        """No longer offered before it is gone: who asks in between is told that it is not found."""
        await self._offers.remove([file.path])
        self._files.pop(file.recording, None)
        await asyncio.get_running_loop().run_in_executor(self._disk, _unlink, self.folder, file.path)

    async def pin(self, recording: str) -> None:
        self.pins.setdefault(recording, self._clock.wall().timestamp())
        await self._table.pin(recording, self.pins[recording])

    async def unpin(self, recording: str) -> bool:
        self.pins.pop(recording, None)
        return await self._table.unpin(recording)

    def _tell(self, name: str, words: str, *, warn: bool = False) -> None:
        self._bus.publish(f"cache.{name}", "cache", words, level="warning" if warn else "info")


def _swap(new: Path, old: Path, target: Path) -> None:
    """At any moment there is one of them, whole; for one the name of the other, where a stop comes between two renames."""
    os.replace(new, old)
    os.replace(old, target)
    sync_folder(target.parent)


def _clear(folder: Path) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        path.unlink(missing_ok=True)


def _listing(folder: Path) -> set[str]:
    if not folder.is_dir():  # never used: the cache is off
        return set()
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")}


def _unlink(folder: Path, path: str) -> None:
    if os.path.dirname(path) == os.fspath(folder):
        Path(path).unlink(missing_ok=True)


def _prepare(folder: Path, apart: Sequence[Path], known: bool, make: bool) -> str:
    real = os.path.realpath(folder)
    for other in apart:
        there = os.path.realpath(other)
        if os.path.commonpath([real, there]) in (real, there):
            return f"{folder} and {other} lie in each other; the cache wants a folder of its own (warm_cache.folder)"
    try:
        if known and not (folder / MARK).is_file():
            return f"{folder} does not hold what it held; mount its disk, or empty the cache with `slskdn cache evict --all`"
        if make or folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / MARK).touch(mode=0o600)
            for copy in folder.rglob(".*.slskdn"):  # half of one, from a disk that filled up or a stop
                copy.unlink(missing_ok=True)
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return ""
