"""Parent jobs as views, of a running engine and of what is stored. Core."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from slskdn_tui.engine.jobs.parents.pace import waiting
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.parents import Member, MemberRow, ParentRecord, ParentRow, ParentState, ParentsView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey


def shown_parents(
    records: Sequence[ParentRecord],
    key: ViewKey,
    job: Callable[[Member], JobRecord | None],
    forecast: Callable[[int], float] | None = None,
    note: Callable[[ParentRecord], str] = lambda record: "",
) -> ParentsView:
    """All of them, or the one whose id begins with `key.subject` with its releases. UserError `not_found`, `usage`."""
    if not key.subject:
        rows = [parent_row(record, forecast, note(record)) for record in records]
        return ParentsView(0, tuple(rows[key.start : key.start + key.count]))
    fits = [record for record in records if record.parent_id.startswith(key.subject.lower())]
    if len(fits) != 1:
        code, words = ("usage", f"{len(fits)} parent jobs begin with") if fits else ("not_found", "no parent job")
        raise UserError(code, f"{words} {key.subject[:100]!r}", "`slskdn jobs parents` lists them")
    members = [_member(member, job(member)) for member in fits[0].members]
    return ParentsView(0, (parent_row(fits[0], forecast, note(fits[0])),), tuple(members[key.start : key.start + key.count]))


def parent_row(record: ParentRecord, forecast: Callable[[int], float] | None, note: str) -> ParentRow:
    """One as it stands; `forecast` tells the seconds until so many more are searched for, None without an engine."""
    left = waiting(record.members)
    counts = {name: sum(member.outcome == name for member in record.members) for name in ("completed", "here", "failed", "cancelled")}
    active = record.state is ParentState.ACTIVE
    return ParentRow(
        record.parent_id,
        0,
        record.parent_id,
        str(record.type),
        record.title,
        record.scope,
        str(record.state),
        len(record.members),
        counts["completed"],
        counts["here"],
        sum(bool(member.job_id) and not member.outcome for member in record.members),
        len(left),
        counts["failed"] + counts["cancelled"],
        record.created_at,
        record.finished_at,
        float(math.ceil(forecast(len(left)))) if forecast is not None and active and left else None,
        SafeText(note),
    )


def _member(member: Member, job: JobRecord | None) -> MemberRow:
    state = member.outcome or (str(job.state) if job is not None else "waiting")
    reason = member.reason or (job.error if job is not None else "")
    return MemberRow(member.release_mbid, 0, member.title, member.artist, member.date, state, member.job_id, SafeText(reason))
