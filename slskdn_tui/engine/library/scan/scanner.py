"""The library scanner: when to scan, each stage in order, how it stands, pause and cancel. Shell over the scan's process, the workers and the table.

Stages: walk and compare; headers and tags; fingerprint and measures; the transcode test. Each file's stage is in the table, so a scan that was
cancelled, paused or killed goes on where it was: its walk is made again, which takes a second, and what was read or decoded stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from slskdn_tui.engine.audio.transcode.method import METHOD
from slskdn_tui.engine.library.scan.measuring import Measuring
from slskdn_tui.engine.library.scan.process import scan_folders
from slskdn_tui.engine.library.scan.progress import Progress
from slskdn_tui.engine.library.scan.worker import read_file
from slskdn_tui.engine.runtime.clock import Clock, iso, until
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.library.files import FilesTable
from slskdn_tui.engine.store.state.choices import ChoicesTable
from slskdn_tui.model.library import LibraryCounts, LibraryFile, ScanState, ScanStatus, Stage
from slskdn_tui.model.schedule import parse_start
from slskdn_tui.model.text import SafeText, counted, lasting

KEY, LAST, SCHEDULE = "library.scan", "library.scanned", "library.schedule"
JUDGED = "library.judged"
"""By which version of the transcode test all files were judged; those of an older one are judged anew."""
LONGEST_WAIT = 3600.0
"""Wall time is looked at again so often: a clock that is set must not put a scan off by more."""
QUIET_S = 60.0
"""New files are decoded once none has come for so long: an album together, and not beside its download."""
SHUT = -1
"""In place of the mtime of a folder that could not be listed."""
DOING: dict[ScanState, str] = {
    "walking": "looking through the folders",
    "reading": "reading headers and tags",
    "measuring": "decoding for fingerprint and loudness",
    "testing": "testing for transcodes",
}
NOT_SCANNED = "not scanned yet: `slskdn library scan`"
FORGET = "mount the folder and scan again, or `slskdn library scan --forget`"


@dataclass(slots=True)
class Summary:
    """What the walk of a scan found; `left` went away while it was read."""

    files: int = 0
    folders: int = 0
    unchanged: int = 0
    read: int = 0
    moved: int = 0
    gone: int = 0
    left: int = 0

    @property
    def words(self) -> str:
        parts = [counted(self.files, "file"), f"{self.read} new or changed"]
        parts += [f"{count} {word}" for count, word in ((self.moved, "renamed"), (self.gone, "gone")) if count]
        return ", ".join(parts)


class Scanner:
    """`await load()` once; `run` is supervised. `start`, `pause`, `cancel` are commands; `status` is for screens.

    `roots()` names the folders, real paths. `scanned()` is called whenever a scan, or the decoding after a new file, has come to its end,
    `looked()` as soon as headers and tags are read.
    """

    def __init__(
        self,
        files: FilesTable,
        choices: ChoicesTable,
        db: Path,
        roots: Callable[[], Sequence[str]],
        clock: Clock,
        bus: EventBus,
        supervisor: Supervisor,
        *,
        schedule: str = "",
        workers: int = 0,
        watch_s: float = 0.0,
        zone: tzinfo | None = None,
    ) -> None:
        self._files = files
        self._choices = choices
        self._db = db
        self._roots = roots
        self._clock = clock
        self._bus = bus
        self._supervisor = supervisor
        self._settled = schedule
        self.schedule = schedule
        """As `library.schedule` has it, or as it was said since; "" for by hand."""
        self._start = parse_start(schedule) if schedule else None
        self._zone = zone
        self._thread = ThreadPoolExecutor(2, thread_name_prefix="scan")
        self._measuring = Measuring(files, self._thread, clock, workers or max(1, (os.cpu_count() or 2) - 1))
        self._wake = asyncio.Event()
        self._asked = False  # a whole scan
        self._watch_s = watch_s
        self._watch_at = clock.now() + watch_s
        self._watched = False  # the scan under way is one that nobody asked for
        self._looking = False  # folders are walked or headers read; what is asked for now may have been passed already
        self._folders: dict[str, int] = {}  # mtimes as of the last walk
        self._unfinished = False  # that walk saw files that may still be written
        self._decode_at: float | None = None  # monotonic; there are files to decode
        self._paused = False
        self._task: asyncio.Task[Any] | None = None
        self._state: ScanState = "idle"
        self._progress: Progress | None = None
        self._last: float = 0.0
        self._since = clock.wall()
        self._failed = ""
        self._summary = Summary()
        self._counts = LibraryCounts()
        self.scanned: Callable[[], None] = lambda: None
        self.looked: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """What an earlier run left: a scan that was under way goes on, one that was paused stays so."""
        kept = await self._choices.get(KEY)
        self._asked, self._paused = kept == "running", kept == "paused"
        self._last = float(await self._choices.get(LAST) or 0.0)
        if (said := await self._choices.get(SCHEDULE)) is not None:
            self._plan(str(said))
        self._counts = await self._files.counts()
        self._since = self._clock.wall()
        outdated = await self._choices.get(JUDGED) != METHOD and self._counts.tested
        if (self._counts.tags or outdated) and kept != "cancelled":
            self._decode_at = self._clock.now() + QUIET_S

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    # What a user asks for

    async def start(self) -> str:
        """A scan now, or on with a paused one; in words what happens."""
        words = "the scan goes on" if self._paused else "the scan begins"
        await self._choices.put(KEY, "running")
        self._paused, self._asked, self._watched = False, True, False
        self._wake.set()
        if self._looking:
            return "the scan is under way; then the folders are looked through once more"
        if self._task is not None:  # new files first, then on with decoding
            await self._stop_task()
            return "the folders are looked through again, then decoding goes on"
        return words

    async def pause(self) -> str:
        await self._choices.put(KEY, "paused")
        self._paused = True
        await self._stop_task()
        return "the scan is paused; `slskdn library scan` goes on with it"

    async def cancel(self) -> str:
        """Ends the scan; what was read and decoded until now stays."""
        was = self._task is not None or self._paused
        await self._choices.put(KEY, "cancelled")
        self._paused = self._asked = False
        self._decode_at = None
        await self._stop_task()
        return "the scan is cancelled; what it found until now stays" if was else "no scan was under way"

    async def plan(self, when: str | None) -> None:
        """Scan by this schedule from now on, "" for by hand; None: as the settings say. ValueError names what is wrong."""
        self._plan(self._settled if when is None else when)
        if when is None:
            await self._choices.drop(SCHEDULE)
        else:
            await self._choices.put(SCHEDULE, when)
        self._since = self._clock.wall()
        self._wake.set()

    def _plan(self, when: str) -> None:
        self._start = parse_start(when) if when else None
        self.schedule = when

    async def forget(self) -> int:
        """Forget the files that are gone from disk; how many that were."""
        count = await self._files.forget_missing()
        self._counts = await self._files.counts()
        return count

    # What the engine tells

    async def arrived(self, path: str | os.PathLike[str], recording: str = "", release: str = "") -> None:
        """A file was placed, as this recording (of this release), or changed by ourselves: into the table at once; decoded when its turn comes.
        Nothing when it lies in no library folder."""
        real = os.path.realpath(os.fspath(path))
        root = max((root for root in self._roots() if real.startswith(root.rstrip("/") + "/")), key=len, default=None)
        if root is None:
            return
        file = await asyncio.get_running_loop().run_in_executor(self._thread, _read, root, real)
        if file is None:
            await self._files.forget([real])
            return
        await self._files.put_scanned([file])
        if recording:
            await self._files.placed(real, recording, release)
        self._counts = await self._files.counts()
        self._decode_at = self._clock.now() + QUIET_S
        self._wake.set()

    # Running

    async def run(self) -> None:
        """For ever: wait for a command, a new file or the schedule, and scan."""
        while True:
            await self._until_due()
            whole, self._asked, self._decode_at = self._asked, False, None
            self._task = self._supervisor.spawn("library scan", self._scan(whole))
            try:
                await asyncio.wait([self._task])
            finally:
                self._task.cancel()
                self._task, self._progress, self._state = None, None, "idle"

    async def _until_due(self) -> None:
        """Until there is something to do: asked for, on the schedule, or files that came and lay still for a while."""
        while True:
            self._wake.clear()
            due, now = self._next(), self._clock.wall()
            if due is not None and due <= now and not self._paused:
                self._asked, self._watched = True, False
                await self._choices.put(KEY, "running")
            if self._watch_s and self._watch_at <= self._clock.now() and not self._paused:
                self._watch_at = self._clock.now() + self._watch_s
                changed = not self._asked and await self._changed()
                self._watched = changed and not self._asked  # it may have been asked for meanwhile
                self._asked = self._asked or changed
            if not self._paused and (self._asked or (self._decode_at is not None and self._decode_at <= self._clock.now())):
                return
            waits = [LONGEST_WAIT]
            if not self._paused:
                waits += [(due - now).total_seconds()] if due is not None else []
                waits += [self._watch_at - self._clock.now()] if self._watch_s else []
                waits += [self._decode_at - self._clock.now()] if self._decode_at is not None else []
            await until(self._wake, self._clock, min(waits))

    async def _changed(self) -> bool:
        """Whether a folder was changed since the last walk; folders that were never walked are left alone."""
        if not self._last:
            return False
        seen = self._folders
        return not seen or self._unfinished or await asyncio.get_running_loop().run_in_executor(self._thread, _changed, seen)

    def _next(self) -> datetime | None:
        """When the schedule wants the next scan: one that was missed while nothing ran is due at once."""
        if self._start is None:
            return None
        return self._start.after(datetime.fromtimestamp(self._last, UTC) if self._last else self._since, self._zone)

    async def _stop_task(self) -> None:
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _scan(self, whole: bool) -> None:
        self._failed = ""
        try:
            while whole:
                self._looking = True
                await self._look()
                self._looking, whole, self._asked = False, self._asked, False
                self._last = self._clock.wall().timestamp()
                await self._choices.put(LAST, self._last)
                found = self._summary
                if not self._watched or found.read or found.moved or found.gone:
                    self._bus.publish("library.scanned", "library", f"library looked through: {found.words}")
                self.looked()
            await self._decode()
        except Exception as error:
            self._failed = str(error)
            raise
        finally:
            self._looking = False
            self._counts = await self._files.counts()
        await self._choices.put(KEY, "")
        self.scanned()

    async def _decode(self) -> None:
        if await self._choices.get(JUDGED) != METHOD:
            await self._files.rejudge(METHOD)
            await self._choices.put(JUDGED, METHOD)
        self._counts = await self._files.counts()
        if self._counts.tags:
            self._begin("measuring", self._counts.tags)
            await self._measuring.run(Stage.MEASURED, self._done)
        self._counts = await self._files.counts()
        if self._counts.measured:
            self._begin("testing", self._counts.measured)
            await self._measuring.run(Stage.TESTED, self._done)

    def _begin(self, state: ScanState, total: int) -> None:
        self._state, self._progress = state, Progress(self._clock.now(), total)

    def _done(self, file: LibraryFile) -> None:
        if self._progress is not None:
            self._progress.done += 1

    async def _look(self) -> None:
        """Walk, compare, read headers and tags."""
        self._begin("walking", 0)
        self._summary = Summary()
        asked: dict[str, int] = {}
        self._folders = {}
        async with contextlib.aclosing(scan_folders(self._db, list(self._roots()), self._thread)) as messages:
            async for message in messages:
                await self._take(message, asked)
        for root, count in asked.items():
            where = f"below {SafeText(root)}" if root else "in folders that are no library folder any more"
            self._bus.publish("library.asks", "library", f"{counted(count, 'file')} {where} are gone: {FORGET}", level="warning")

    async def _take(self, message: dict[str, Any], asked: dict[str, int]) -> None:
        match message["say"]:
            case "walk":
                if self._progress is not None:
                    self._progress.done = message["files"]
            case "walked":
                names = ("files", "folders", "unchanged", "read")
                self._summary = Summary(**{name: message[name] for name in names})
                self._unfinished = message["young"] > 0
                self._folders |= dict.fromkeys(message["unlisted"], SHUT)
                self._begin("reading", message["read"])
                for folder, why in list(message["unlisted"].items())[:20]:
                    self._bus.publish("library.unlisted", "library", f"{SafeText(folder)} cannot be listed: {why}", level="warning")
            case "folders":
                self._folders |= message["mtimes"]
            case "settled":
                self._summary.moved, self._summary.gone = message["moved"], message["gone"]
                asked |= message["asks"]
            case "moved":
                await self._files.move([(old, new) for old, new in message["pairs"]])
            case "back":
                await self._files.put_missing(message["paths"], None)
            case "gone":
                await self._files.forget(message["paths"])
            case "asks":
                await self._files.put_missing(message["paths"], self._clock.wall().timestamp())
            case "read":
                await self._files.put_rows(message["rows"])
                self._summary.left = message["left"]
                if self._progress is not None:
                    self._progress.done = message["done"]

    # How it stands

    @property
    def counts(self) -> LibraryCounts:
        """As of the last stage's begin or end."""
        return self._counts

    def status(self) -> ScanStatus:
        progress, state = self._progress, self._state
        eta = progress.eta(self._clock.now()) if progress is not None and progress.total else None
        due = self._next()
        status = ScanStatus(
            "paused" if self._paused and state == "idle" else state,
            progress.done if progress is not None else 0,
            progress.total if progress is not None else 0,
            eta,
            missing=self._counts.missing,
            finished_at=iso(datetime.fromtimestamp(self._last, UTC)) if self._last else "",
            next_at=iso(due) if due is not None else "",
        )
        return replace(status, words=SafeText(self._words(status)))

    def _words(self, status: ScanStatus) -> str:
        counts = self._counts
        match status.state:
            case "idle" | "paused":
                words = counted(counts.files, "file") if counts.files or status.finished_at else NOT_SCANNED
                words += f", {counts.tags} not decoded yet" if counts.tags else ""
                words = f"paused: {words}" if status.state == "paused" else words
            case "walking":
                words = f"{DOING['walking']}: {counted(status.done, 'file')}"
            case _:
                left = f", {lasting(status.eta)} left" if status.eta is not None else ""
                words = f"{DOING[status.state]}: {status.done} of {counted(status.total, 'file')}{left}"
        if counts.missing:
            words += f"; {counted(counts.missing, 'file')} are gone from disk: {FORGET}"
        return f"{words}; the last scan failed: {self._failed}" if self._failed else words


def _changed(folders: Mapping[str, int]) -> bool:
    """Whether one of these has another mtime by now, is gone, or can be listed again."""
    for path, mtime_ns in folders.items():
        if mtime_ns == SHUT:
            if os.access(path, os.R_OK | os.X_OK):
                return True
            continue
        try:
            if os.stat(path).st_mtime_ns != mtime_ns:
                return True
        except OSError:
            return True
    return False


def _read(root: str, path: str) -> LibraryFile | None:
    """None when it is gone."""
    try:
        return read_file(root, path, time.time())
    except OSError:
        return None
