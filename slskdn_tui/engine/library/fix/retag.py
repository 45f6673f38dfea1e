"""Writes a few tags of a file anew, and takes it back. Shell over the file system; blocking, call it in a thread.

A copy beside the file is changed, compared (all other tags and the audio must be what they were), synced, and put in the file's place, so that a
reader or a kill meets the old file or the new one. What the fields held before is in the journal, durably, before that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3
from mutagen import MutagenError

from slskdn_tui.engine.content.region import NoRegion, find
from slskdn_tui.engine.library.fix.tagfields import FIELDS, TagFile, Unwritable, Values, open_tags
from slskdn_tui.engine.library.safe_open import below, open_beneath, open_folder
from slskdn_tui.engine.library.tags import read_tags
from slskdn_tui.engine.runtime.durable import replace_durably
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.text import SafeText

KEPT = 2000
"""Retags that can be undone; the oldest go."""
LONGEST = 1000
_NAME = ".slskdn-retag"
_ID = re.compile(r"[0-9a-z][0-9a-z-]{3,40}")
_MUTAGEN = (MutagenError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, OverflowError)
"""mutagen's parsers let such errors through on damaged files."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field: what it held, and what it is to hold."""

    field: str
    old: Values
    new: Values

    @property
    def words(self) -> str:
        return f"{self.field}: {_said(self.old)} -> {_said(self.new)}"


@dataclass(frozen=True, slots=True)
class Retagged:
    """One retag of the journal. `at` ISO UTC."""

    entry: str
    path: str
    at: str
    changes: tuple[Change, ...]


def _said(values: Values) -> str:
    return " / ".join(str(SafeText(value)) for value in values) or "nothing"


class Retagger:
    """Changes tags of files in these folders only; `journal` is a folder of its own."""

    def __init__(self, roots: Iterable[Path], journal: Path) -> None:
        self._roots = tuple(roots)
        self._journal = journal

    def preview(self, path: str, wanted: Mapping[str, str]) -> tuple[Change, ...]:
        """What writing these fields would change; empty when they are so already. UserError `refused`, `usage`, `disk`."""
        _check(wanted)
        root, relative = self._place(path)
        try:
            with os.fdopen(open_beneath(root, relative), "rb") as file:
                read_tags(file.fileno(), os.path.basename(path))  # bounded: refuses what is no audio or has endless tags
                return _changes(open_tags(file, path), wanted)
        except (OSError, *_MUTAGEN) as error:
            raise _trouble(path, error) from error

    def apply(self, path: str, wanted: Mapping[str, str], entry: str, at: str) -> Retagged | None:
        """Write these fields; None when they are so already."""
        changes = self.preview(path, wanted)
        if not changes:
            return None
        made = Retagged(entry, path, at, changes)
        self._keep(made)
        self._write(path, {change.field: change.new for change in changes})
        self._trim()
        return made

    def undo(self, entry: str) -> tuple[Retagged, tuple[str, ...]]:
        """Write what the fields held before; also the fields that were left, as they hold something else by now. UserError `not_found` and as above."""
        made = self.find(entry)
        root, relative = self._place(made.path)
        try:
            with os.fdopen(open_beneath(root, relative), "rb") as file:
                read_tags(file.fileno(), os.path.basename(made.path))
                tags = open_tags(file, made.path)
                now = {change.field: tags.get(change.field) for change in made.changes}
        except (OSError, *_MUTAGEN) as error:
            raise _trouble(made.path, error) from error
        back = {change.field: change.old for change in made.changes if now[change.field] == change.new}
        left = tuple(change.field for change in made.changes if now[change.field] not in (change.new, change.old))
        if back:
            self._write(made.path, back)
        with suppress(FileNotFoundError):
            os.unlink(self._journal / f"{made.entry}.json")
        return made, left

    # The journal ----------------------------------------------------------------------------------------------------

    def entries(self) -> list[Retagged]:
        """What can be undone, newest first."""
        names = os.listdir(self._journal) if self._journal.is_dir() else []
        found = [self._read(name.removesuffix(".json")) for name in names if name.endswith(".json")]
        return sorted((each for each in found if each is not None), key=lambda each: (each.at, each.entry), reverse=True)

    def find(self, entry: str) -> Retagged:
        """The retag whose id begins so; `last` is the newest."""
        known = self.entries()
        fits = known[:1] if entry == "last" else [each for each in known if entry and each.entry.startswith(entry)]
        if len(fits) == 1:
            return fits[0]
        if not fits:
            raise UserError("not_found", f"no retag {entry[:40]!r} can be undone", "`slskdn library retag` without files lists them")
        raise UserError("usage", f"{len(fits)} retags begin with {entry[:40]!r}", "give more of the id")

    def _keep(self, made: Retagged) -> None:
        self._journal.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = {"path": made.path, "at": made.at, "changes": [[each.field, each.old, each.new] for each in made.changes]}
        replace_durably(self._journal / f"{made.entry}.json", json.dumps(facts, indent=1).encode("ascii"))

    def _read(self, entry: str) -> Retagged | None:
        if not _ID.fullmatch(entry):
            return None
        try:
            facts = json.loads((self._journal / f"{entry}.json").read_bytes())
            changes = tuple(Change(field, tuple(old), tuple(new)) for field, old, new in facts["changes"] if field in FIELDS)
            return Retagged(entry, facts["path"], facts["at"], changes)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _trim(self) -> None:
        for old in self.entries()[KEPT:]:
            with suppress(FileNotFoundError):
                os.unlink(self._journal / f"{old.entry}.json")

    # The file -------------------------------------------------------------------------------------------------------

    def _place(self, path: str) -> tuple[str, str]:
        place = below(self._roots, path)
        if place is None:
            raise UserError(
                "refused", f"{path} is not in a library or download folder", "`library.folders` and `downloads.folder` name them"
            )
        return place

    def _write(self, path: str, fields: Mapping[str, Values]) -> None:
        root, relative = self._place(path)
        inner, _, name = relative.rpartition("/")
        copy = f"{_NAME}-{blake3(os.fsencode(name)).hexdigest(8)}"
        try:
            folder = open_folder(root, inner)
            try:
                with os.fdopen(open_beneath(root, relative), "rb") as old:
                    before = os.fstat(old.fileno())
                    with suppress(FileNotFoundError):
                        os.unlink(copy, dir_fd=folder)  # of a run that was killed
                    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                    fd = os.open(copy, flags, stat.S_IMODE(before.st_mode), dir_fd=folder)
                    try:
                        with os.fdopen(fd, "r+b") as new:
                            _rewrite(old, new, path, fields)
                            os.fchmod(fd, stat.S_IMODE(before.st_mode))
                            with suppress(PermissionError):
                                os.fchown(fd, before.st_uid, before.st_gid)
                            os.fsync(fd)
                        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
                        if (now.st_ino, now.st_mtime_ns, now.st_size) != (before.st_ino, before.st_mtime_ns, before.st_size):
                            raise UserError("refused", f"{path} was changed by somebody else meanwhile", "try again")
                        os.replace(copy, name, src_dir_fd=folder, dst_dir_fd=folder)
                        os.fsync(folder)
                    finally:
                        with suppress(FileNotFoundError):
                            os.unlink(copy, dir_fd=folder)
            finally:
                os.close(folder)
        except (OSError, *_MUTAGEN) as error:
            raise _trouble(path, error) from error


def _check(wanted: Mapping[str, str]) -> None:
    for field, value in wanted.items():
        if field not in FIELDS:
            raise UserError("usage", f"no tag field {field[:40]!r}", f"there are {', '.join(FIELDS)}")
        number = field in ("tracknumber", "discnumber")
        if (number and not re.fullmatch(r"[0-9]{1,4}", value)) or (field.startswith("musicbrainz") and not is_mbid(value)):
            raise UserError("usage", f"{field} cannot be {value[:40]!r}", "a number, or an MBID in lower case, is wanted")
        if not value or len(value) > LONGEST or not value.isprintable():
            raise UserError("usage", f"{field} cannot be {value[:40]!r}", f"1 to {LONGEST} printable characters are wanted")


def _changes(tags: TagFile, wanted: Mapping[str, str]) -> tuple[Change, ...]:
    changes = []
    for field in FIELDS:
        if field not in wanted:
            continue
        old = tags.get(field)
        new = wanted[field]
        if field in ("tracknumber", "discnumber") and old:
            number, slash, total = old[0].partition("/")
            digits = number.strip()
            same = bool(digits) and digits.lstrip("0") == new.lstrip("0")
            new = old[0] if same else f"{new}{slash}{total}"
        if old != (new,):
            changes.append(Change(field, old, (new,)))
    return tuple(changes)


def _rewrite(old: BinaryIO, new: BinaryIO, path: str, fields: Mapping[str, Values]) -> None:
    """Copy, change the copy, and hold it against the original. ValueError when more than the fields is another."""
    shutil.copyfileobj(old, new, 1 << 20)
    tags = open_tags(new, path)
    for field, values in fields.items():
        tags.put(field, values)
    tags.save(new)
    new.flush()
    before, after = open_tags(old, path), open_tags(new, path)
    wrong = [field for field in FIELDS if after.get(field) != fields.get(field, before.get(field))]
    if wrong or after.others() != before.others():
        raise ValueError(f"writing it would have changed other tags, too ({', '.join(wrong) or 'others'})")
    if _audio(old) != _audio(new):
        raise ValueError("writing it would have changed its audio")


def _audio(file: BinaryIO) -> str:
    """A digest of the audio without tags; "" where the format has no such region (Ogg pages are numbered anew)."""
    size = os.fstat(file.fileno()).st_size
    try:
        region = find(lambda offset, length: os.pread(file.fileno(), length, offset), size)
    except NoRegion:
        return ""
    hasher, offset, stop = blake3(), region.start, region.start + region.length
    while offset < stop and (data := os.pread(file.fileno(), min(1 << 20, stop - offset), offset)):
        hasher.update(data)
        offset += len(data)
    return hasher.hexdigest()


def _trouble(path: str, error: Exception) -> UserError:
    if isinstance(error, UserError):
        return error
    if isinstance(error, Unwritable):
        return UserError("refused", f"{path}: {error}", "tag it with a program of your choice, then re-scan")
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UserError("disk", f"the tags of {path} cannot be changed: {words}", "the file is as it was")
