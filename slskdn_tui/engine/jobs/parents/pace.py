"""When a parent job starts its next release. Core.

The search gate is everybody's: a discography of 300 must not stand before the user's own searches, nor before other jobs'. So a few releases look for
their sources at a time, a few more are being fetched, and whoever searched in vain holds nobody up: his job goes on by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slskdn_tui.model.jobs import JobState
from slskdn_tui.model.parents import Member

SEARCHING = 2
SEARCH_S = 120.0
"""A job that found nothing within this long counts as one that waits for users to come."""


@dataclass(frozen=True, slots=True)
class Child:
    """A release's job: its state, and how long ago (s) it was started here."""

    state: JobState
    age_s: float


def may_start(children: Iterable[Child], searches_waiting: int, most_active: int) -> bool:
    """Whether another release may begin. `searches_waiting`: at the gate, of whomever."""
    found = list(children)
    searching = sum(child.state in (JobState.NEW, JobState.SEARCHING) and child.age_s < SEARCH_S for child in found)
    active = sum(child.state is JobState.ACTIVE for child in found)
    return searches_waiting == 0 and searching < SEARCHING and active < most_active


def waiting(members: Sequence[Member]) -> list[Member]:
    """Those without a job, in order."""
    return [member for member in members if not member.outcome and not member.job_id]
