"""What this node offers on the overlay: files whose MusicBrainz recording is known, by tags or else. Shell over folders; a `ChunkProvider`.

A scan walks the folders, reads tags of new or changed files and hashes those that name a recording, one file at a time in a thread of its own.
Each is offered as a file and, where its audio can be told from its tags, as a region: both come of one read.
Unchanged files (mtime, size, inode) cost one stat. Nothing is served that is not byte for byte what was hashed: a reader looks at the open
file's mtime and size again with every read.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from slskdn_tui.engine.content.digests import DIGEST, LeafDigests, join_digests
from slskdn_tui.engine.content.region import NoRegion, Region, find
from slskdn_tui.engine.library.safe_open import open_beneath
from slskdn_tui.engine.library.scan.diff import Stamp
from slskdn_tui.engine.library.scan.walk import Walk
from slskdn_tui.engine.library.tags import Tags, read_tags
from slskdn_tui.model.files import FileEntry, FileIndex
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import PAGE_LEAVES, Variant

log = logging.getLogger(__name__)
_BLOCK = 1 << 20
_BATCH = 100
_WALK_BATCH = 500


class _Stopped(Exception):
    """The scan was cancelled while a file was being hashed."""


@dataclass(slots=True)
class ScanSummary:
    """What a scan did: audio files seen, unchanged, read anew, hashed; `bytes_hashed`; entries dropped; `failed` as (path, why)."""

    seen: int = 0
    unchanged: int = 0
    read: int = 0
    hashed: int = 0
    bytes_hashed: int = 0
    dropped: int = 0
    failed: list[tuple[SafeText, SafeText]] = field(default_factory=list)


class FileReader:
    """An open file, or the audio region of one, as a `ChunkReader`. LookupError once the file is not what was hashed."""

    def __init__(self, fd: int, variant: Variant, entry: FileEntry, digests: bytes) -> None:
        self._fd = fd
        self._variant = variant
        self._entry = entry
        self._digests = digests

    @property
    def variant(self) -> Variant:
        return self._variant

    def digest_page(self, page: int) -> bytes:
        return self._digests[page * PAGE_LEAVES * DIGEST : (page + 1) * PAGE_LEAVES * DIGEST] if page >= 0 else b""

    def read(self, offset: int, length: int) -> bytes:
        if self._fd < 0:
            raise LookupError("the reader is closed")
        if offset < 0 or length < 0 or offset + length > self._variant.length:
            raise LookupError(f"no bytes {offset} to {offset + length} in {self._variant.length}")
        facts = os.fstat(self._fd)
        if not self._entry.unchanged(facts.st_mtime_ns, facts.st_size, facts.st_ino):
            raise LookupError("the file has changed since it was hashed")
        start = self._entry.region_start if self._variant.kind == "region" else 0
        data = os.pread(self._fd, length, start + offset)
        if len(data) != length:
            raise OSError(f"{len(data)} of {length} bytes at {offset}")
        return data

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class LibraryOffers:
    """`await load()` once, `await scan()` when wanted; `find` and `open` serve the overlay meanwhile.

    `folders` are the folders offered from. With `downloads_only` a scan discovers nothing: only files given to `add_file` are offered.
    `changed()` is called whenever the set of offered recordings may have changed.
    """

    def __init__(
        self,
        folders: Sequence[str | os.PathLike[str]],
        index: FileIndex,
        *,
        downloads_only: bool = False,
        changed: Callable[[], None] | None = None,
    ) -> None:
        # The folder itself may be a link, by the user's own choice; below it none is followed.
        self._roots = tuple(dict.fromkeys(os.path.realpath(os.path.expanduser(os.fspath(folder))) for folder in folders))
        self._index = index
        self._downloads_only = downloads_only
        self._changed = changed or (lambda: None)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="library")
        self._turn = asyncio.Lock()
        self._added: set[str] = set()  # finished downloads since the scan under way began: it may have passed their folder
        self._entries: dict[str, FileEntry] = {}
        self._by_variant: dict[str, dict[str, None]] = {}
        self._by_recording: dict[str, dict[str, None]] = {}

    # The overlay's side: synchronous and quick.

    def find(self, recordings: Sequence[str]) -> tuple[Variant, ...]:
        """Variants of these recordings, each once; those of whole files first."""
        files: dict[str, Variant] = {}
        regions: dict[str, Variant] = {}
        for recording in recordings:
            for path in self._by_recording.get(recording, ()):
                file, *region = _variants(self._entries[path])
                files.setdefault(file.variant_id, file)
                for variant in region:
                    regions.setdefault(variant.variant_id, variant)
        return (*files.values(), *regions.values())

    def open(self, variant_id: str) -> FileReader | None:
        """A reader of any file that is this variant, or None: not offered, gone, or changed since it was hashed."""
        for path in self._by_variant.get(variant_id, ()):
            entry = self._entries[path]
            root = self._root(path)
            if root is None:
                continue
            try:
                fd = open_beneath(root, path[len(root) :].lstrip("/"))
            except OSError as error:
                log.info("offered file cannot be opened: %s: %s", SafeText(path), SafeText(str(error)))
                continue
            facts = os.fstat(fd)
            variant = next(each for each in _variants(entry) if each.variant_id == variant_id)
            digests = self._index.digests(path, variant.kind) if entry.unchanged(facts.st_mtime_ns, facts.st_size, facts.st_ino) else b""
            if len(digests) == variant.leaves * DIGEST:
                return FileReader(fd, variant, entry, digests)
            os.close(fd)
        return None

    def recordings(self) -> tuple[str, ...]:
        """All recordings offered, sorted: what may be announced."""
        return tuple(sorted(self._by_recording))

    def variants(self) -> tuple[Variant, ...]:
        return self.find(self.recordings())

    # The library's side.

    async def load(self) -> int:
        """Offer what the index knows below the folders, unscanned; how many files that is. A file that changed meanwhile is not served."""
        for entry in await self._index.entries():
            if self._root(entry.path) is not None and (entry.download or not self._downloads_only):
                self._keep(entry.brief())
        self._changed()
        return len(self._entries)

    async def scan(self) -> ScanSummary:
        """Bring the offers up to date. Cancelling stops within a MiB of hashing; what was hashed until then is kept."""
        async with self._turn:
            summary = ScanSummary()
            stop = threading.Event()
            batch: list[FileEntry] = []
            seen: set[str] = set()
            listed: list[str] = []
            self._added.clear()
            try:
                for root in self._roots:
                    if await self._scan_root(root, summary, stop, batch, seen):
                        listed.append(root)
            finally:
                stop.set()
                if batch:
                    await asyncio.shield(self._index.put(tuple(batch)))
            gone = [path for path in self._entries if path not in seen and path not in self._added and self._root(path) in listed]
            for start in range(0, len(gone), _WALK_BATCH):
                await self._index.drop(gone[start : start + _WALK_BATCH])
            for path in gone:
                self._forget(path)
            summary.dropped = len(gone)
            self._changed()
            return summary

    async def examine(self, path: str | os.PathLike[str], recording: str) -> tuple[Variant, ...]:
        """What a file below the folders would be offered as, its whole first; it is not. OSError when it cannot be read."""
        real = os.path.realpath(os.fspath(path))
        if (root := self._root(real)) is None:
            return ()
        return _variants(await self._in_thread(lambda stop: _examine(root, real[len(root) :].lstrip("/"), recording, stop)))

    async def add_file(self, path: str | os.PathLike[str], recording: str) -> Variant | None:
        """Offer a finished download of `recording`, whatever its tags say. None when it lies in no offered folder; OSError when it cannot be read."""
        if not is_mbid(recording):
            raise ValueError(f"{recording!r} is no recording MBID")
        real = os.path.realpath(os.fspath(path))
        root = self._root(real)
        if root is None:
            return None
        entry = await self._in_thread(lambda stop: _examine(root, real[len(root) :].lstrip("/"), recording, stop))
        entry = replace(entry, download=True)
        self._added.add(real)
        await self._index.put((entry,))
        self._keep(entry.brief())
        self._changed()
        return _variants(entry)[0]

    async def remove(self, paths: Sequence[str]) -> None:
        """No longer offered; what is being read goes on."""
        for path in paths:
            self._forget(path)
        await self._index.drop(paths)
        self._changed()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _scan_root(self, root: str, summary: ScanSummary, stop: threading.Event, batch: list[FileEntry], seen: set[str]) -> bool:
        """Walk one folder; False when it cannot be listed (a disk that is not mounted must not empty the index)."""
        loop, walk = asyncio.get_running_loop(), Walk()
        steps = walk.files(root)
        while True:
            found = await loop.run_in_executor(self._thread, _take, steps, _WALK_BATCH)
            if why := walk.unlisted.get(root):
                summary.failed.append((SafeText(root), SafeText(f"folder cannot be listed: {why}")))
                return False
            if not found:
                return True
            for path, stamp in found:
                if path in seen:
                    continue
                before = self._entries.get(path)
                if self._downloads_only and (before is None or not before.download):
                    continue
                seen.add(path)
                summary.seen += 1
                looked = before is not None and (
                    before.region_id is not None if before.variant_id else not (before.recording and before.size)
                )
                same = before is not None and before.unchanged(*stamp)
                if looked and same:
                    summary.unchanged += 1
                    continue
                await self._take_in(root, path, before, same, summary, stop, batch)

    async def _take_in(
        self,
        root: str,
        path: str,
        before: FileEntry | None,
        same: bool,
        summary: ScanSummary,
        stop: threading.Event,
        batch: list[FileEntry],
    ) -> None:
        # What it was found to be by sound or place outlives tags that say nothing, while its bytes are the same.
        known = before.recording if before is not None and (before.download or same) else ""
        try:
            entry = await self._in_thread(lambda halt: _examine(root, path[len(root) :].lstrip("/"), known, halt), stop)
        except OSError as error:
            summary.failed.append((SafeText(path), SafeText(str(error))))
            self._forget(path)
            return
        entry = replace(entry, download=before is not None and before.download)
        summary.read += 1
        if entry.variant_id:
            summary.hashed += 1
            summary.bytes_hashed += entry.size
        batch.append(entry)
        if len(batch) >= _BATCH:
            await self._index.put(tuple(batch))
            batch.clear()
            self._changed()
        self._keep(entry.brief())

    async def _in_thread(self, work: Callable[[threading.Event], FileEntry], stop: threading.Event | None = None) -> FileEntry:
        halt = stop or threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, halt)
        except asyncio.CancelledError:
            halt.set()
            raise

    def _root(self, path: str) -> str | None:
        """The deepest offered folder that holds `path`."""
        holding = [root for root in self._roots if path.startswith(root.rstrip("/") + "/")]
        return max(holding, key=len, default=None)

    def _keep(self, entry: FileEntry) -> None:
        self._forget(entry.path)
        self._entries[entry.path] = entry
        if entry.variant_id and entry.recording:
            for variant in _variants(entry):
                self._by_variant.setdefault(variant.variant_id, {})[entry.path] = None
            self._by_recording.setdefault(entry.recording, {})[entry.path] = None

    def _forget(self, path: str) -> None:
        entry = self._entries.pop(path, None)
        if entry is None:
            return
        named = [entry.variant_id, *([entry.region_id] if entry.region_id else [])]
        for table, key in (*((self._by_variant, name) for name in named), (self._by_recording, entry.recording)):
            paths = table.get(key)
            if paths is not None:
                paths.pop(path, None)
                if not paths:
                    del table[key]


def _take(steps: Iterable[tuple[str, Stamp]], count: int) -> list[tuple[str, Stamp]]:
    out: list[tuple[str, Stamp]] = []
    for found in steps:
        out.append(found)
        if len(out) >= count:
            break
    return out


def _variants(entry: FileEntry) -> tuple[Variant, ...]:
    """What a hashed file can be offered as: itself, and its audio region where it has one."""
    file = Variant(
        variant_id=entry.variant_id,
        kind="file",
        length=entry.size,
        recording_mbid=entry.recording,
        codec=entry.codec,
        codec_profile=entry.codec_profile,
        duration_ms=entry.duration_ms,
        streaminfo=entry.streaminfo,
    )
    if not entry.region_id:
        return (file,)
    return file, replace(file, variant_id=entry.region_id, kind="region", length=entry.region_length)


def _region(fd: int, size: int, relative: str) -> Region:
    """Where the audio region is; one of no bytes where none is known."""
    try:
        return find(lambda offset, length: os.pread(fd, length, offset), size)
    except NoRegion as error:
        log.debug("%s: no audio region: %s", SafeText(relative), error)
        return Region(0, 0)


def _examine(root: str, relative: str, recording: str, stop: threading.Event) -> FileEntry:
    """Tags and, when a recording is known, digests of one file. Runs in the library's thread. OSError when it cannot be read or changes meanwhile."""
    fd = open_beneath(root, relative)
    try:
        before = os.fstat(fd)
        try:
            tags = read_tags(fd, relative)
        except ValueError as error:
            log.info("%s: %s", SafeText(relative), SafeText(str(error)))
            tags = Tags()
        entry = FileEntry(
            path=f"{root}/{relative}",
            mtime_ns=before.st_mtime_ns,
            size=before.st_size,
            inode=before.st_ino,
            recording=recording or tags.said.recording,
            codec=tags.facts.codec,
            codec_profile=tags.facts.codec_profile,
            duration_ms=tags.facts.duration_ms,
            streaminfo=tags.streaminfo,
        )
        if not entry.recording or not entry.size:
            return entry
        digests, inner, region = LeafDigests(), LeafDigests(), _region(fd, entry.size, relative)
        while (at := digests.length) < entry.size and (block := memoryview(os.pread(fd, _BLOCK, at))):
            if stop.is_set():
                raise _Stopped
            digests.update(block)
            inner.update(block[max(0, region.start - at) : max(0, region.start + region.length - at)])
        after = os.fstat(fd)
        if digests.length != entry.size or not entry.unchanged(after.st_mtime_ns, after.st_size, after.st_ino):
            raise OSError("the file changed while it was read; the next scan takes it")
        entry = replace(entry, variant_id=digests.finish(), digests=join_digests(digests.leaves), region_id="")
        if not region.length:
            return entry
        name = inner.finish("region")
        return replace(
            entry, region_id=name, region_start=region.start, region_length=region.length, region_digests=join_digests(inner.leaves)
        )
    finally:
        os.close(fd)
