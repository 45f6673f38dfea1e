"""Parent jobs: a discography or a label's crate, with a job a release. Core."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText

_EMPTY = SafeText("")


class ParentType(StrEnum):
    """What a parent job is of, as its manifest says it."""

    DISCOGRAPHY = "discography"
    CRATE = "label_crate"


class ParentState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


PARENT_ENDED = frozenset({ParentState.COMPLETED, ParentState.CANCELLED})
Outcome = Literal["", "completed", "failed", "cancelled", "here"]
"""How a release ended: "" while it waits or is fetched, `here` when it was in the library already."""


@dataclass(slots=True)
class Member:
    """One release: its job once there is one, and how it ended, with the reason where it is no success."""

    release_mbid: str
    title: SafeText = _EMPTY
    artist: SafeText = _EMPTY
    date: str = ""
    tracks: int = 0
    job_id: str = ""
    outcome: Outcome = ""
    reason: str = ""


@dataclass(slots=True)
class ParentRecord:
    """A parent job as it is stored. `subject` is the artist's MBID or the label's name; `scope` `core`, `extended`, or `10`, `25`, `50`, `all`; dates ISO UTC."""

    parent_id: str
    type: ParentType
    subject: str
    title: SafeText
    scope: str
    constraints: Constraints = field(default_factory=Constraints)
    destination: str = ""
    again: bool = False
    state: ParentState = ParentState.ACTIVE
    created_at: str = ""
    finished_at: str = ""
    members: list[Member] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ParentRow:
    """`done` releases are complete, `here` were so before, `running` are fetched, `waiting` have no job yet; `forecast_s`: until the last has been searched for, at least."""

    key: str
    version: int
    parent_id: str
    type: str
    title: SafeText
    scope: str
    state: str
    total: int
    done: int
    here: int
    running: int
    waiting: int
    failed: int
    created_at: str = ""
    finished_at: str = ""
    forecast_s: float | None = None
    note: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class MemberRow:
    key: str
    version: int
    title: SafeText
    artist: SafeText
    date: str
    state: str
    job_id: str
    reason: SafeText


@dataclass(frozen=True, slots=True)
class ParentsView:
    """All parent jobs; of the one that `ViewKey.subject` names also its releases, in `members`."""

    version: int
    rows: tuple[ParentRow, ...] = ()
    members: tuple[MemberRow, ...] = ()
    kind: Literal["parents"] = "parents"
