"""A file being fetched, and its durable record. Shells one file descriptor and an executor of its own.

A leaf counts only when it is on disk: `pwritev`, `fdatasync`, then `PartStore.commit`. One flush is in flight, the next batch gathers meanwhile,
and a flush sets bits only for what was written before its `fdatasync` began. A sidecar beside the part stands in for a record that is lost or
older than the part: every leaf is hashed then. Everything that goes wrong with the disk is a `DiskTrouble`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from blake3 import blake3

from slskdn_tui.engine.content.digests import DIGEST, leaf_digest
from slskdn_tui.engine.runtime.clock import Clock, until
from slskdn_tui.engine.runtime.durable import sync_folder
from slskdn_tui.engine.swarm.disk.reserve import Space
from slskdn_tui.engine.swarm.disk.sidecar import Noted, Sidecar, read_sidecar, remove_sidecar
from slskdn_tui.engine.swarm.piecemap import DONE, MESH, SLSK, PieceMap, bitmap, bits, page_of, runs
from slskdn_tui.model.part import BITMAP_PAGE, Extent, Layout, PartRecord, PartStore
from slskdn_tui.model.variant import Variant

log = logging.getLogger(__name__)

FLUSH_BYTES = 2 * 1024 * 1024
FLUSH_S = 1.0
FLUSH_GAP_S = 0.05
"""At the least between two flushes: above 40 MB/s the batches grow, for each costs two changes of thread (a fifth of the time at 400 MB/s)."""
PAGE_BYTES = BITMAP_PAGE // 8
_REHASH_ALL = 1024
_EDGE = 32
_T = TypeVar("_T")
_MEANING = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EIO: "the disk reports an input/output error",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "the file is larger than allowed here",
    errno.ENOENT: "its folder or disk is gone",
    errno.ENODEV: "its disk is gone",
    errno.ELOOP: "a symbolic link stands where the partial file should be",
}


class DiskTrouble(Exception):
    """The partial file cannot be kept; `words` say why, `number` is the errno or 0. What was committed before stays."""

    def __init__(self, words: str, number: int = 0) -> None:
        super().__init__(words)
        self.words = words
        self.number = number

    @classmethod
    def of(cls, error: OSError, path: str) -> DiskTrouble:
        why = _MEANING.get(error.errno or 0, error.strerror or str(error))
        return cls(f"{why}: {path}", error.errno or 0)


class PartFile:
    """Use `PartFile.open`. `pieces` is the map of what is there; `variant` and `digests` are set once chosen."""

    def __init__(
        self, path: str, size: int, key: str, store: PartStore, clock: Clock, free_space: int, about: Mapping[str, str] | None
    ) -> None:
        self.path = path
        self.size = size
        self.key = key
        self.pieces = PieceMap(size)
        self.variant: Variant | None = None
        self.digests: tuple[bytes, ...] = ()
        self.head = ""  # BLAKE3 of what stands before the variant's leaves, as it came
        self._store = store
        self._clock = clock
        self._floor = free_space
        self._side = None if about is None else Sidecar(path, about)
        self._fd = -1
        self._space: Space | None = None
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="part")
        self._lock = asyncio.Lock()
        self._leaves: set[int] = set()  # written, not yet on disk for certain
        self._stored = bytearray(-(-self.pieces.leaves // 8))  # the bitmap in the record
        self._stored_prefix = 0
        self._dirty = 0
        self._dirty_since: float | None = None
        self._flushed = clock.now() - FLUSH_GAP_S
        self._trouble: DiskTrouble | None = None
        self._soiled = asyncio.Event()
        self._full = asyncio.Event()

    @classmethod
    async def open(
        cls,
        path: str | Path,
        size: int,
        key: str,
        store: PartStore,
        clock: Clock,
        *,
        free_space: int = 0,
        about: Mapping[str, str] | None = None,
    ) -> PartFile:
        """Open or create `path`, `size` bytes long, and take up its record: what the last batches wrote is hashed again.

        `free_space` bytes of the file system stay free. `about` (`username`, `path`) goes into the sidecar; None: there is none. Raises DiskTrouble.
        """
        part = cls(str(path), size, key, store, clock, free_space, about)
        try:
            await part._begin()
        except OSError as error:
            part._release()
            raise DiskTrouble.of(error, part.path) from error
        except sqlite3.Error as error:
            part._release()
            raise DiskTrouble(f"the record of {path} cannot be kept: {error}") from error
        except BaseException:
            part._release()
            raise
        return part

    async def _begin(self) -> None:
        usable, record, noted = await self._run(self._open), await self._store.load(self.key), None
        if usable and self._side is not None:
            noted = await self._run(partial(read_sidecar, self.path))
        elif not usable:  # what is known of it is of bytes that are gone: forgotten before other bytes can be taken for them
            await self._run(partial(remove_sidecar, self.path))
            if record is not None:
                await self._store.drop(self.key)
                record = None
        await self._run(self._reserve)
        record, thorough = reconcile(record, noted, self.key, self.size, self._side is not None)
        if record is None:
            await self._store.put(PartRecord(self.key, self.path, self.size))
        else:
            await self._resume(record, thorough)
        if self._side is not None:
            await self._run(partial(self._side.write, self._record()))
        if (space := self._space) is not None and not space.whole:
            asyncio.get_running_loop().run_in_executor(self._pool, space.rest).add_done_callback(partial(self._reserved, space))

    def _reserved(self, space: Space, done: asyncio.Future[None]) -> None:
        """All the space is there, or the next flush, due at once, says that it is not."""
        space.close()
        if not done.cancelled() and isinstance(error := done.exception(), OSError):
            self._fail(DiskTrouble.of(error, self.path))
            self._soil(FLUSH_BYTES)

    def _open(self) -> bool:
        """Blocking: open without following links; False when there was no usable file."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        self._fd = os.open(self.path, flags, 0o600)
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return found.st_size == self.size

    def _reserve(self) -> None:
        """Blocking: the file gets its size and, where that is quick, all its space."""
        found = os.fstat(self._fd)
        fresh = found.st_size != self.size
        if fresh:
            os.ftruncate(self._fd, 0)
            found = os.fstat(self._fd)
        self._check_space(max(0, self.size - found.st_blocks * 512))
        os.ftruncate(self._fd, self.size)  # at once, whatever is reserved: the size tells a part that was begun from another file
        self._space = Space(self._fd, self.size)  # a disk too small is found now and not at 99 %
        if fresh:
            sync_folder(Path(self.path).parent)

    def _check_space(self, needed: int) -> None:
        if self._floor or needed:
            space = os.fstatvfs(self._fd)
            free = space.f_bavail * space.f_frsize
            if free - needed < self._floor:
                raise OSError(errno.ENOSPC, "no space left above the free-space floor")

    async def _resume(self, record: PartRecord, thorough: bool) -> None:
        """Take up `record`; `thorough`: it may know less than the part holds, so that every leaf is hashed."""
        if record.variant is not None and len(record.digests) == DIGEST * record.layout.leaves and record.start <= record.prefix:
            self.variant, self.head = record.variant, record.head
            self.digests = tuple(record.digests[i : i + DIGEST] for i in range(0, len(record.digests), DIGEST))
            self.pieces.forget_verified(record.layout)
        stored = set(bits(record.bitmap, self.pieces.leaves)) if self.variant else set()
        self._stored = bytearray(bitmap(stored, self.pieces.leaves))
        self._stored_prefix = record.prefix
        self.pieces.restore(record.bitmap if self.variant else b"", record.extents, record.prefix)
        if record.path != self.path or thorough:
            await self._put()
        if self.variant is not None:
            doubtful = sorted(stored) if thorough else _last_written(stored, self.pieces.leaves)
            inside = [leaf for leaf in self.pieces.layout.within(0, self.pieces.prefix) if leaf not in stored]
            beyond = sorted(set(range(self.pieces.leaves)) - stored - set(inside)) if thorough else []
            wrong = await self.check([*doubtful, *inside, *beyond])
            if lost := [leaf for leaf in doubtful if leaf in wrong]:
                log.warning("%s: %d leaves differ from their digests and are fetched again", self.path, len(lost))
                self.forget(lost)
            for leaf in dict.fromkeys(inside):
                if leaf in wrong:
                    self.pieces.failed.add(leaf)
                else:
                    self.mark(leaf, from_origin=True)
            if found := [leaf for leaf in beyond if leaf not in wrong]:
                log.info("%s: %d leaves that the record did not know are there", self.path, len(found))
                for leaf in found:
                    self.mark(leaf)

    # bytes

    def write(self, offset: int, *pieces: bytes | memoryview) -> None:
        """`pwritev` of what follows each other, at once, into the page cache. Raises DiskTrouble."""
        if self._trouble is not None:
            raise self._trouble
        try:
            written = os.pwritev(self._fd, pieces, offset)
            if written == sum(map(len, pieces)):
                return
            data = memoryview(b"".join(pieces))  # a disk that takes less says why when it is asked again
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], offset + written)
        except OSError as error:
            raise self._fail(DiskTrouble.of(error, self.path)) from error

    def write_leaves(self, leaves: Sequence[tuple[int, bytes | memoryview]]) -> None:
        """(leaf, data) in any order: those that follow each other go out in one call, for a file's lock and ours are taken anew each time. Raises DiskTrouble."""
        run: list[bytes | memoryview] = []
        for place, (leaf, data) in enumerate(leaves):
            run.append(data)
            if place + 1 == len(leaves) or leaves[place + 1][0] != leaf + 1:
                self.write(self.pieces.span(leaf + 1 - len(run))[0], *run)
                run = []

    def mark(self, leaf: int, from_origin: bool = False) -> None:
        """The bytes of `leaf`, just written, match its digest: commit it with the next flush. The scheduler may have told `pieces` already."""
        if self.pieces.status[leaf] != DONE:
            self.pieces.deliver(leaf, SLSK if from_origin else MESH)
        self._leaves.add(leaf)
        self._soil(self.pieces.length(leaf))

    def extend(self, start: int, data: bytes | memoryview, source: str) -> None:
        """Origin bytes: written, and the prefix grows. Raises DiskTrouble."""
        self.write(start, data)
        self.pieces.extend(start, start + len(data), source)
        self._soil(len(data))

    def _soil(self, size: int) -> None:
        self._dirty += size
        if self._dirty_since is None:
            self._dirty_since = self._clock.now()
            self._soiled.set()
        if self._dirty >= FLUSH_BYTES:
            self._full.set()

    def read(self, offset: int, length: int) -> bytes:
        """Blocking; from the page cache as a rule. Raises DiskTrouble."""
        try:
            return os.pread(self._fd, length, offset)
        except OSError as error:
            raise self._fail(DiskTrouble.of(error, self.path)) from error

    async def check(self, leaves: Iterable[int]) -> set[int]:
        """Which of `leaves`, read from disk, do not match their digests."""
        wanted = list(dict.fromkeys(leaves))

        def work() -> set[int]:
            return {leaf for leaf in wanted if leaf_digest(self._pread(*self.pieces.span(leaf))) != self.digests[leaf]}

        return await self._run(work) if wanted else set()

    def _pread(self, start: int, stop: int) -> bytes:
        return os.pread(self._fd, stop - start, start)

    async def hash_leaves(self, leaves: Sequence[int], layout: Layout | None = None) -> dict[int, bytes]:
        """Digests of `leaves` as they are on disk, where `layout` (by default the one of now) puts them. Raises DiskTrouble."""
        where = layout or self.pieces.layout

        def work() -> dict[int, bytes]:
            return {leaf: leaf_digest(self._pread(*where.span(leaf))) for leaf in leaves}

        try:
            return await self._run(work) if leaves else {}
        except OSError as error:
            raise self._fail(DiskTrouble.of(error, self.path)) from error

    def forget(self, leaves: Iterable[int]) -> None:
        """These leaves turned out wrong: missing again, in the record too with the next flush."""
        for leaf in leaves:
            self.pieces.fail(leaf)
            self._leaves.discard(leaf)
        self._soil(1)

    # durability

    async def until_due(self) -> None:
        """Return when a flush should start: 2 MiB have gathered (and the last one is 50 ms ago), or 1 s has passed since the first byte of the batch."""
        await self._soiled.wait()
        if (early := self._flushed + FLUSH_GAP_S - self._clock.now()) > 0:
            await self._clock.sleep(early)
        if self._full.is_set():
            return
        await until(self._full, self._clock, FLUSH_S)

    @property
    def dirty(self) -> bool:
        return self._dirty_since is not None

    async def flush(self) -> int:
        """Make everything written so far durable and commit it; bytes committed. Raises DiskTrouble."""
        async with self._lock:
            if self._trouble is not None:
                raise self._trouble
            if self._dirty_since is None:
                return 0
            size, leaves = self._dirty, self._leaves
            prefix, extents = self.pieces.prefix, tuple(self.pieces.extents)
            self._leaves, self._dirty, self._dirty_since = set(), 0, None
            self._flushed = self._clock.now()
            self._soiled.clear()
            self._full.clear()
            changed = leaves | self.pieces.failed
            try:
                trouble = await self._run(partial(self._sync, prefix, extents))
                stored = bytearray(self._stored)
                for leaf in changed:
                    if leaf in leaves and self.pieces.status[leaf] == DONE:
                        stored[leaf >> 3] |= 1 << (leaf & 7)
                    elif self.pieces.status[leaf] != DONE:
                        stored[leaf >> 3] &= ~(1 << (leaf & 7)) & 255
                pages = {page: bytes(stored[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]) for page in {page_of(leaf) for leaf in changed}}
                await self._store.commit(self.key, prefix, extents, pages)
            except asyncio.CancelledError:
                self._leaves |= leaves  # not committed: the next flush has them
                self._soil(size)
                raise
            except OSError as error:
                raise self._fail(DiskTrouble.of(error, self.path)) from error
            except (sqlite3.Error, LookupError) as error:
                raise self._fail(DiskTrouble(f"the record of {self.path} cannot be kept: {error}")) from error
            self._stored, self._stored_prefix = stored, prefix
            if trouble is not None:  # what is synced is kept first
                raise self._fail(DiskTrouble.of(trouble, self.path)) from trouble
            return size

    def _sync(self, prefix: int, extents: tuple[Extent, ...]) -> OSError | None:
        """Blocking: what is written is on disk; returns what forbids to write more: no space to spare, or the file's name is gone."""
        os.fdatasync(self._fd)
        try:
            if self._side is not None:
                self._side.note(prefix, extents, self._clock.now())
            self._check_space(0)
            here, named = os.fstat(self._fd), os.stat(self.path, follow_symlinks=False)
            if (here.st_dev, here.st_ino) != (named.st_dev, named.st_ino):
                raise OSError(errno.ENOENT, "another file has its name")
        except OSError as error:
            return error
        return None

    def _fail(self, trouble: DiskTrouble) -> DiskTrouble:
        """After a failed sync the kernel may have dropped the pages: nothing uncommitted may be trusted, so this handle is finished."""
        self._trouble = self._trouble or trouble
        return trouble

    # the variant

    async def set_variant(self, variant: Variant | None, digests: Sequence[bytes], start: int = 0) -> None:
        """Bind to a variant whose leaves begin at `start` (or to none): nothing is verified then, the prefix stays. Raises DiskTrouble."""
        async with self._lock:
            self.variant, self.digests = variant, tuple(digests)
            self.pieces.forget_verified(None if variant is None else Layout(self.size, start, variant.length))
            self.head = blake3(self.read(0, start)).hexdigest() if start else ""
            self._leaves.clear()
            self._stored = bytearray(-(-self.pieces.leaves // 8))
            self._stored_prefix = min(self._stored_prefix, self.pieces.prefix)
            try:
                await self._put()
                if self._side is not None:
                    await self._run(partial(self._side.write, self._record()))
            except (OSError, sqlite3.Error) as error:
                raise self._fail(DiskTrouble(f"the record of {self.path} cannot be kept: {error}")) from error

    async def _put(self) -> None:
        await self._store.put(self._record())

    def _record(self) -> PartRecord:
        # Only the prefix of the last flush is known to be on disk.
        prefix = self._stored_prefix
        extents = tuple(extent for extent in self.pieces.extents if extent.start < prefix)
        bits_kept = bytes(self._stored) if self.variant else b""
        start, digests = self.pieces.layout.start, b"".join(self.digests)
        return PartRecord(self.key, self.path, self.size, prefix, extents, self.variant, digests, bits_kept, start, self.head)

    async def _run(self, work: Callable[[], _T]) -> _T:
        """In a thread. Cancelled, it ends when the thread is done: the file must not be closed under it, and its number be another file's."""
        done = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait({done})
            if not done.cancelled():
                done.exception()  # looked at: nobody else will
            raise

    async def close(self) -> None:
        """Flush what can be flushed and let go; harmless when done twice."""
        if self._fd >= 0:
            with contextlib.suppress(DiskTrouble):
                await self.flush()
                await self._part_with_sidecar()
        self._release()

    async def _part_with_sidecar(self) -> None:
        """Say in the sidecar that the record knows all there is, so that nothing has to be hashed that is known."""
        if self._side is not None and self._trouble is None:
            done = sum(byte.bit_count() for byte in self._stored)
            note = partial(self._side.note, self._stored_prefix, self._record().extents, self._clock.now(), done=done)
            with contextlib.suppress(OSError):
                await self._run(note)

    def _release(self) -> None:
        fd, self._fd = self._fd, -1
        if self._space is not None:
            self._space.stop()
        if fd >= 0:
            os.close(fd)
        if self._side is not None:
            self._side.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


def reconcile(record: PartRecord | None, noted: Noted | None, key: str, size: int, kept: bool = True) -> tuple[PartRecord | None, bool]:
    """What to go on from, and whether every leaf has to be hashed: a record that is lost, or that an old database has brought back, is made good.

    Both say only what was synced before they said it, so the longer prefix holds. `kept`: a sidecar is kept at all.
    """
    record = record if record is not None and record.size == size else None
    noted = noted if noted is not None and (noted.record.key, noted.record.size) == (key, size) else None
    if record is None:
        return (None, False) if noted is None else (noted.record, True)
    if noted is None:
        return record, kept and record.variant is not None
    beside = noted.record
    thorough = noted.done != sum(byte.bit_count() for byte in record.bitmap)
    if beside.prefix > record.prefix:
        record = replace(record, prefix=beside.prefix, extents=beside.extents)
        thorough = True
    if record.variant is None and beside.variant is not None:
        record = replace(record, variant=beside.variant, digests=beside.digests, bitmap=b"", start=beside.start, head=beside.head)
        thorough = True
    return record, thorough


def _last_written(stored: set[int], leaves: int) -> list[int]:
    """Leaves that the last batches before a stop may have written: all of a small file, the ends of each run of a large one."""
    if leaves <= _REHASH_ALL:
        return sorted(stored)
    edges: set[int] = set()
    for first, count in runs(stored):
        edges.update(range(first, first + min(count, _EDGE)))
        edges.update(range(max(first, first + count - _EDGE), first + count))
    return sorted(edges)
