"""What would put issues of the library right: values that library rules return and `submit` carries out. Core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.text import SafeText


@dataclass(frozen=True, slots=True)
class FixTrack:
    """One track to fetch. `place` is the path below the request's folder, without ending; `replaces` the absolute path of the file that goes into
    the trash once the new one stands ("": the track is missing), and `stamp` its (mtime_ns, size, inode) when it was judged.
    """

    position: int
    place: str
    replaces: str = ""
    stamp: tuple[int, int, int] = (0, 0, 0)
    why: SafeText = SafeText("")  # noqa: RUF009  immutable


@dataclass(frozen=True, slots=True)
class FixRequest:
    """A wish for one job: exactly these tracks of the release `mbid`, placed in the existing album's `folder`. `issues` are the keys it answers."""

    mbid: str
    folder: str
    tracks: tuple[FixTrack, ...]
    issues: tuple[str, ...] = ()
    here: tuple[tuple[int, str], ...] = ()
    """(position, absolute path) of the album's tracks that are fine as they are."""


@dataclass(frozen=True, slots=True)
class TrashRow:
    """A file that waits in the trash: `entry` is its id, `path` where it was, `replaced_by` what stands for it now ("" for nothing); `at` ISO UTC."""

    key: str
    version: int
    entry: str
    path: SafeText
    size: int
    reason: SafeText
    at: str
    replaced_by: SafeText = SafeText("")  # noqa: RUF009
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class TrashView:
    """What can be put back, newest first; `bytes` of all of it."""

    version: int
    rows: tuple[TrashRow, ...] = ()
    total: int = 0
    bytes: int = 0
    kind: Literal["trash"] = "trash"
