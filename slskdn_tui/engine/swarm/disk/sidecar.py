"""The sidecar of a partial file: what rebuilds its record when the database is gone or old. Shells one small file beside the part.

`NAME.part.sidecar` holds lines, each a CRC-32 in hex, a space, JSON. The first says which file it is (key, size, holder, variant, digests) and is
only ever replaced as a whole; the others, appended after a sync of the part, say how far the origin's bytes were synced then. A line that is
torn or false ends the reading. There is no bitmap: which leaves are there is found by hashing the part, so none is believed and none is lost.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slskdn_tui.engine.content.digests import DIGEST, variant_id
from slskdn_tui.engine.runtime.durable import replace_durably
from slskdn_tui.model.part import Extent, PartRecord

if TYPE_CHECKING:
    from pydantic import TypeAdapter

log = logging.getLogger(__name__)

ENDING = ".sidecar"
SYNC_S = 10.0
"""An appended line is made durable at the latest so many seconds after the one before: the part itself and the database are, at each flush."""
_MOST = 64 * 1024 * 1024
_COMPACT = 256 * 1024


@cache
def _record_type() -> TypeAdapter[PartRecord]:
    from pydantic import TypeAdapter  # here and not above: the bench keeps no sidecar and starts without pydantic

    return TypeAdapter(PartRecord)


@cache
def _extents_type() -> TypeAdapter[tuple[Extent, ...]]:
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Extent, ...])


@dataclass(frozen=True, slots=True)
class Noted:
    """A sidecar as read. `record` has no bitmap; `about` says who the bytes were asked of (`username`, `path`).

    `done` is how many leaves were verified when the part was closed in good order, None when it was not.
    """

    record: PartRecord
    about: Mapping[str, str]
    done: int | None


def sidecar_path(part: str | Path) -> Path:
    return Path(f"{part}{ENDING}")


def remove_sidecar(part: str | Path) -> None:
    """Blocking; nothing when there is none."""
    sidecar_path(part).unlink(missing_ok=True)


def read_sidecar(part: str | Path) -> Noted | None:
    """Blocking. What lies beside `part`; None when nothing, or nothing usable, does. Raises OSError only for a failing disk."""
    path = sidecar_path(part)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        log.warning("%s is a symbolic link and is not followed", path)
        return None
    try:
        found = os.fstat(fd)
        usable = stat.S_ISREG(found.st_mode) and found.st_size <= _MOST
        lines = _sound(_all(fd, found.st_size)) if usable else []
    finally:
        os.close(fd)
    try:
        return _noted(lines, str(part))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s cannot be used: %s", path, error)
        return None


def _noted(lines: Sequence[dict[str, Any]], part: str) -> Noted:
    """Digests that are not of the variant they are kept with are an error, as is anything of another shape."""
    if not lines:
        raise ValueError("it has no sound first line")
    head, last = lines[0], lines[-1]
    kept = head["record"]
    record = _record_type().validate_python({**kept, "path": part, "digests": bytes.fromhex(kept["digests"])})
    if record.variant is not None:
        leaves = tuple(record.digests[at : at + DIGEST] for at in range(0, len(record.digests), DIGEST))
        if variant_id(record.variant.kind, record.variant.length, leaves) != record.variant.variant_id:
            raise ValueError("its digests are not of the variant it names")
    done = None
    if len(lines) > 1:
        record = replace(record, prefix=int(last["prefix"]), extents=_extents_type().validate_python(last["extents"]))
        done = None if last.get("done") is None else int(last["done"])
    if not 0 <= record.prefix <= record.size:
        raise ValueError(f"a prefix of {record.prefix} bytes is not of this file")
    return Noted(record, {str(key): str(value) for key, value in head["about"].items()}, done)


def _all(fd: int, size: int) -> bytes:
    out = bytearray()
    while len(out) < size and (more := os.pread(fd, size - len(out), len(out))):
        out += more
    return bytes(out)


def _sound(data: bytes) -> list[dict[str, Any]]:
    """The lines up to the first that is torn or false."""
    out: list[dict[str, Any]] = []
    for line in data.split(b"\n"):
        crc, _, text = line.partition(b" ")
        try:
            if int(crc, 16) != zlib.crc32(text):
                break
            loaded = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not isinstance(loaded, dict):
            break
        out.append(loaded)
    return out


def _line(data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


class Sidecar:
    """Writes one part's sidecar. Every method blocks, is called from one thread at a time, and raises OSError."""

    def __init__(self, part: str, about: Mapping[str, str]) -> None:
        self._path = sidecar_path(part)
        self._about = dict(about)
        self._head: PartRecord | None = None
        self._fd = -1
        self._appended = 0
        self._last: tuple[int, tuple[Extent, ...]] | None = None
        self._synced = 0.0

    def write(self, record: PartRecord) -> None:
        """The whole sidecar anew, durable when this returns."""
        kept = {**_record_type().dump_python(record, exclude={"path", "bitmap"}), "digests": record.digests.hex()}
        replace_durably(self._path, _line({"about": self._about, "record": kept}))
        self.close()
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._head, self._last, self._appended = record, (record.prefix, record.extents), 0

    def note(self, prefix: int, extents: tuple[Extent, ...], now: float, *, done: int | None = None) -> None:
        """How far the origin's bytes are synced; `now` in monotonic seconds. With `done` (verified leaves) the part is closed in good order."""
        if self._fd < 0 or self._head is None or (done is None and self._last == (prefix, extents)):
            return
        if self._appended > _COMPACT:
            self.write(replace(self._head, prefix=prefix, extents=extents))
        facts: dict[str, Any] = {"prefix": prefix, "extents": _extents_type().dump_python(extents)}
        line = _line(facts if done is None else {**facts, "done": done})
        if os.write(self._fd, line) != len(line):  # a torn line would end the reading before what comes after it
            self.write(replace(self._head, prefix=prefix, extents=extents))
            return
        self._appended += len(line)
        self._last = prefix, extents
        if now - self._synced >= SYNC_S:
            os.fdatasync(self._fd)
            self._synced = now

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
