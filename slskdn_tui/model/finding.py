"""Views of what can be found and of what goes out: searches, wishes, a user's files, uploads, limits. Core.

Rows carry `ref`, the reference `get.add` takes: `slsk://USER/PATH`, percent-encoded, a folder ending with `/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from slskdn_tui.model.text import SafeText

_EMPTY = SafeText("")
REF = "slsk://"


def make_ref(username: str, path: str, folder: bool = False) -> str:
    """A reference of a remote file or folder, safe to print and to paste. `path` is raw (backslashes)."""
    tail = quote(path.encode("utf-8", "surrogateescape"), safe="")
    return f"{REF}{quote(username, safe='', errors='surrogateescape')}/{tail}{'/' if folder else ''}"


def read_ref(ref: str) -> tuple[str, str, bool] | None:
    """(user name, raw remote path, whether it is a folder) of a reference; None when it is none."""
    if not ref.startswith(REF):
        return None
    user, slash, path = ref.removeprefix(REF).partition("/")
    folder = path.endswith("/")
    name, remote = (unquote(part, errors="surrogateescape") for part in (user, path.removesuffix("/")))
    return (name, remote, folder) if name and slash and remote else None


@dataclass(frozen=True, slots=True)
class SearchRow:
    """A line of results: `level` 0 a user's folder, 1 a file in it. `size` bytes, `speed` bytes/s, `seconds` of music or None.

    `quality` 0-1 is what is expected from codec and attributes as the user claims them; `owned` how much of it is in the library already
    (0 none, 1 all); `badge` the canonical badge (filled once statistics exist); `warning` what is odd (`size does not fit its length`).
    """

    key: str
    version: int
    level: int
    title: SafeText
    user: SafeText
    ref: str
    format: SafeText = _EMPTY
    quality: float | None = None
    free: bool = False
    queue: int = 0
    speed: int = 0
    size: int = 0
    seconds: int | None = None
    files: int = 0
    owned: float = 0.0
    badge: SafeText = _EMPTY
    warning: SafeText = _EMPTY
    username: str = ""
    """The raw name, for commands; show `user`."""

    @property
    def children(self) -> int:
        """Rows that belong below it: a folder's files."""
        return self.files if self.level == 0 else 0


@dataclass(frozen=True, slots=True)
class SearchTab:
    """One search that is kept: its number, its words, `waiting` (for the gate) | `searching` | `done` | `failed`, and how many folders it has."""

    search: str
    query: SafeText
    state: Literal["waiting", "searching", "done", "failed"]
    folders: int
    new: int = 0


@dataclass(frozen=True, slots=True)
class SearchView:
    """Results of one search (`ViewKey.subject`: its number; empty for the newest; `wish/ID` for a wish), filtered by `ViewKey.filter`, sorted by its `sort`.

    `wait_s` says how long the gate still holds it and `left_s` how long answers are still collected; `users`, `files` count what was answered,
    `shown_users`, `shown_files` what passes the filter. `error` is a filter that cannot be read, or why the search failed.
    """

    version: int
    search: str = ""
    query: SafeText = _EMPTY
    state: Literal["none", "waiting", "searching", "done", "failed"] = "none"
    wait_s: float = 0.0
    left_s: float = 0.0
    users: int = 0
    files: int = 0
    shown_users: int = 0
    shown_files: int = 0
    rows: tuple[SearchRow, ...] = ()
    total: int = 0
    tabs: tuple[SearchTab, ...] = ()
    error: SafeText = _EMPTY
    capped: bool = False
    kind: Literal["search"] = "search"


@dataclass(frozen=True, slots=True)
class FilterRow:
    """A saved filter; used as `@name`."""

    key: str
    version: int
    name: SafeText
    filter: SafeText


@dataclass(frozen=True, slots=True)
class FiltersView:
    version: int
    rows: tuple[FilterRow, ...] = ()
    kind: Literal["filters"] = "filters"


@dataclass(frozen=True, slots=True)
class WishRow:
    """A wish: `new` folders not yet seen of `found` kept; `last` and `next_s` when it was and will be searched; `job_id` what it became."""

    key: str
    version: int
    wish: str
    query: SafeText
    filter: SafeText = _EMPTY
    auto: bool = False
    new: int = 0
    found: int = 0
    created_at: str = ""
    last: str = ""
    next_s: float | None = None
    job_id: str = ""
    note: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class WishesView:
    """`interval_s` is what the server gave, None while offline."""

    version: int
    rows: tuple[WishRow, ...] = ()
    interval_s: float | None = None
    enabled: bool = True
    kind: Literal["wishes"] = "wishes"


@dataclass(frozen=True, slots=True)
class BrowseView:
    """What a user shares. `ViewKey.subject`: NAME for the folders, NAME, newline, raw folder path for the files in it. State `asking` until it came."""

    version: int
    user: SafeText = _EMPTY
    state: Literal["asking", "done", "failed"] = "asking"
    folder: SafeText = _EMPTY
    rows: tuple[SearchRow, ...] = ()
    total: int = 0
    files: int = 0
    bytes: int = 0
    error: SafeText = _EMPTY
    code: str = ""
    """of a failure: a name of `model.errors.EXIT`"""
    kind: Literal["browse"] = "browse"


@dataclass(frozen=True, slots=True)
class UploadLine:
    """A file going out or waiting to: `place` in the queue from 1 (0: not waiting), `group` friends | default | leechers | mesh."""

    key: str
    version: int
    title: SafeText
    path: SafeText
    user: SafeText
    group: str
    plane: Literal["slsk", "mesh"]
    state: str
    place: int
    sent: int
    size: int
    speed: float
    reason: SafeText = _EMPTY
    username: str = ""
    """The raw name, for commands; show `user`."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """An upload group: slots it may use, uses, users waiting in it, its cap (bytes/s, 0 none) and rate now."""

    key: str
    version: int
    name: str
    slots: int
    used: int
    queued: int
    cap: float
    speed: float


@dataclass(frozen=True, slots=True)
class UploadsView:
    version: int
    rows: tuple[UploadLine, ...] = ()
    groups: tuple[GroupRow, ...] = ()
    shared_files: int = 0
    shared_folders: int = 0
    scanned_at: str = ""
    total: int = 0
    kind: Literal["uploads"] = "uploads"


@dataclass(frozen=True, slots=True)
class LimitsView:
    """Speed limits in kilobits a second, 0 for none. `because`: `settings`, `schedule: mon-fri 08:00-18:00 2000/500`, `set by hand`.

    `down`, `up` are bytes/s now; `next_change` says when the schedule changes what.
    """

    version: int
    down_kbps: int = 0
    up_kbps: int = 0
    because: SafeText = _EMPTY
    next_change: SafeText = _EMPTY
    down: float = 0.0
    up: float = 0.0
    schedule: tuple[SafeText, ...] = ()
    kind: Literal["limits"] = "limits"
