"""The trash: files that were replaced wait here until the user agrees to lose them. Shell over the file system; blocking, call it in a thread.

Each library folder has a `.slskdn-trash` of its own, so that a file goes there by a link and not by a copy. An entry is a folder `ID/` with
`entry.json` and the file. `entry.json` is durable before the file is linked, and the file stays in its place until its successor stands
there (`hold`, then the successor, then `settle`): killed between any two steps, the next `mend` finds the old state or the new one.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from slskdn_tui.engine.library.safe_open import below, open_beneath, open_folder
from slskdn_tui.engine.runtime.durable import replace_durably, sync_folder
from slskdn_tui.model.errors import UserError

FOLDER = ".slskdn-trash"
_ENTRY = "entry.json"
_MOST_JSON = 64 * 1024
_ID = re.compile(r"[0-9a-z][0-9a-z-]{3,40}")
Stamp = tuple[int, int, int]
"""(mtime_ns, size, inode): tells whether a file is the one that was looked at."""
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK)


@dataclass(frozen=True, slots=True)
class Trashed:
    """A file in the trash. `path` is where it was, `kept` where it lies now, `replaced_by` what stands for it ("" for nothing); `at` ISO UTC.

    `stamp` is the file's as it was held.
    """

    entry: str
    path: str
    kept: str
    reason: str
    at: str
    job_id: str = ""
    replaced_by: str = ""
    stamp: Stamp = (0, 0, 0)

    @property
    def size(self) -> int:
        return self.stamp[1]


class Trash:
    """The trash of these library folders."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = tuple(dict.fromkeys(os.fspath(root).rstrip("/") for root in roots))
        self.version = 0
        """Rises with whatever this program does to the trash."""

    # In -------------------------------------------------------------------------------------------------------------

    def hold(self, path: str, entry: str, *, reason: str, at: str, job_id: str = "", replaced_by: str = "") -> Trashed:
        """Bring a second name of the file at `path` into the trash; its first one stays (where the file system has no links it goes).

        `entry` names it for good: holding the same again after a kill is the same entry. UserError `refused` outside the library folders and for
        what is no plain file, `disk`.
        """
        root, relative = self._place(path)
        if (there := self._read(root, entry)) is not None and stamp_of(there.kept) is not None and stamp_of(path) is None:
            return there  # held and gone from its place by an earlier run
        try:
            fd = open_beneath(root, relative)
            try:
                facts = os.fstat(fd)
                stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
                folder = Path(root, FOLDER, entry)
                if folder.parent.is_symlink() or folder.is_symlink():
                    raise UserError("refused", f"{folder.parent} is a link", "the trash must be a real folder; remove the link")
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                kept = folder / ("file" + os.path.splitext(path)[1][:12])
                held = Trashed(entry, path, str(kept), reason, at, job_id, replaced_by, stamp)
                self._write(held)
                with suppress(FileNotFoundError):
                    kept.unlink()
                self._bring(fd, root, relative, kept)
            finally:
                os.close(fd)
            sync_folder(folder)
            sync_folder(folder.parent)
        except OSError as error:
            raise UserError(
                "disk", f"{path} cannot be put into the trash: {error.strerror or error}", "check the folder's rights"
            ) from error
        return held

    def _bring(self, fd: int, root: str, relative: str, kept: Path) -> None:
        inner, _, name = relative.rpartition("/")
        folder = open_folder(root, inner)
        try:
            os.link(name, kept, src_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.EXDEV:  # a mount inside the library folder
                with open(kept, "xb") as out, os.fdopen(os.dup(fd), "rb") as data:
                    shutil.copyfileobj(data, out, 1 << 20)
                    out.flush()
                    os.fsync(out.fileno())
            elif error.errno in _NO_LINKS:
                os.rename(name, kept, src_dir_fd=folder)
            else:
                raise
        finally:
            os.close(folder)

    def settle(self, held: Trashed, successor: str) -> Trashed:
        """The successor stands at `successor` ("" for none): the old file's own name goes, unless that is the successor's now."""
        if successor != held.path and stamp_of(held.path) == held.stamp:
            os.unlink(held.path)
            sync_folder(Path(held.path).parent)
        if successor != held.replaced_by:
            held = replace(held, replaced_by=successor)
            self._write(held)
        self.version += 1
        return held

    # Out ------------------------------------------------------------------------------------------------------------

    def restore(self, entry: str, swap: str, at: str) -> tuple[Trashed, Trashed | None]:
        """Put a file back; what replaced it, and what stands at its place, goes into the trash as entry `swap`. UserError `not_found`, `disk`."""
        old = self.find(entry)
        successor = old.replaced_by if stamp_of(old.replaced_by) is not None else old.path if stamp_of(old.path) is not None else ""
        swapped = None
        if successor:
            swapped = self.hold(successor, swap, reason=f"replaced by what came back from the trash ({entry})", at=at, replaced_by=old.path)
        elif os.path.lexists(old.path):
            raise UserError("refused", f"{old.path} is no plain file now", "move it away first")
        try:
            folder = Path(old.path).parent
            folder.mkdir(parents=True, exist_ok=True)
            root, relative = self._place(old.path)
            os.close(open_folder(root, relative.rpartition("/")[0]))  # no link on the way
            if successor and successor != old.path and os.path.lexists(old.path):
                raise UserError("refused", f"{old.path} is taken by another file", "move it away first")
            self._put_back(old)
            sync_folder(folder)
            if swapped is not None:
                swapped = self.settle(swapped, old.path)
        except OSError as error:
            raise UserError("disk", f"{old.path} cannot be put back: {error.strerror or error}", "check the folder's rights") from error
        self._forget(old)
        self.version += 1
        return old, swapped

    def _put_back(self, old: Trashed) -> None:
        try:
            os.replace(old.kept, old.path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copy = Path(old.path).with_name(f".{old.entry}.slskdn")
            with open(copy, "wb") as out, open(old.kept, "rb") as data:
                shutil.copyfileobj(data, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
            shutil.copystat(old.kept, copy)
            os.replace(copy, old.path)
            os.unlink(old.kept)

    def empty(self, entries: Iterable[Trashed]) -> int:
        """Delete these for good; how many bytes they took. OSError."""
        freed = 0
        for each in entries:
            with suppress(FileNotFoundError):
                os.unlink(each.kept)
                freed += each.size
            self._forget(each)
        self.version += 1
        return freed

    # Looking --------------------------------------------------------------------------------------------------------

    def entries(self) -> list[Trashed]:
        """All that is in the trash, newest first. What was held and never replaced is not in it."""
        found = [each for each in self._all() if stamp_of(each.kept) is not None and not self._stands(each)]
        return sorted(found, key=lambda each: (each.at, each.entry), reverse=True)

    def find(self, entry: str) -> Trashed:
        """The entry whose id begins so. UserError `not_found`, or `usage` when several do."""
        fits = [each for each in self.entries() if entry and each.entry.startswith(entry)]
        exact = [each for each in fits if each.entry == entry]
        if len(exact or fits) == 1:
            return (exact or fits)[0]
        if not fits:
            raise UserError("not_found", f"nothing in the trash is called {entry[:40]!r}", "`slskdn library trash list` shows it")
        raise UserError("usage", f"{len(fits)} files in the trash begin with {entry[:40]!r}", "give more of the id")

    def mend(self) -> int:
        """After a kill: entries whose file never came, or whose original stands where it was, go; how many there were."""
        gone = 0
        for each in list(self._all()):
            if stamp_of(each.kept) is None or self._stands(each):
                with suppress(FileNotFoundError):
                    os.unlink(each.kept)
                self._forget(each)
                gone += 1
        return gone

    @staticmethod
    def _stands(each: Trashed) -> bool:
        return stamp_of(each.path) == each.stamp

    # On disk --------------------------------------------------------------------------------------------------------

    def _place(self, path: str) -> tuple[str, str]:
        place = below(self._roots, path)
        if place is None or place[1].split("/")[0] == FOLDER:
            raise UserError(
                "refused", f"{path} is not in a library or download folder", "`library.folders` and `downloads.folder` name them"
            )
        return place

    def _all(self) -> Iterator[Trashed]:
        for root in self._roots:
            folder = Path(root, FOLDER)
            if folder.is_symlink():
                continue
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                for name in sorted(os.listdir(folder)):
                    if (each := self._read(root, name)) is not None:
                        yield each

    def _read(self, root: str, entry: str) -> Trashed | None:
        """An entry, None for what is none. The folder may be written by others: only a path below the same root is believed."""
        if not _ID.fullmatch(entry):
            return None
        folder = Path(root, FOLDER, entry)
        try:
            fd = open_beneath(root, f"{FOLDER}/{entry}/{_ENTRY}")
            with os.fdopen(fd, "rb") as file:
                raw = json.loads(file.read(_MOST_JSON).decode("utf-8"))
            made = Trashed(
                entry,
                str(raw["path"]),
                str(folder / os.path.basename(str(raw["kept"]))),
                str(raw["reason"]),
                str(raw["at"]),
                str(raw["job_id"]),
                str(raw["replaced_by"]),
                (int(raw["stamp"][0]), int(raw["stamp"][1]), int(raw["stamp"][2])),
            )
        except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
            return None
        inside = all(not path or below([root], path) for path in (made.path, made.replaced_by))
        return made if inside and os.path.basename(made.kept) != _ENTRY else None

    def _write(self, entry: Trashed) -> None:
        """Names that are not UTF-8 are escaped by JSON as the surrogates they are."""
        replace_durably(Path(entry.kept).with_name(_ENTRY), json.dumps(asdict(entry), indent=1).encode("ascii"))

    @staticmethod
    def _forget(entry: Trashed) -> None:
        folder = Path(entry.kept).parent
        with suppress(FileNotFoundError):
            os.unlink(folder / _ENTRY)
        with suppress(OSError):
            folder.rmdir()
        with suppress(OSError):
            folder.parent.rmdir()


def stamp_of(path: str) -> Stamp | None:
    """Of a plain file; None when there is none."""
    if not path:
        return None
    try:
        facts = os.lstat(path)
    except OSError:
        return None
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino) if stat.S_ISREG(facts.st_mode) else None
