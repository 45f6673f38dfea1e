"""Parent jobs as views. Shell over the running engine."""

from __future__ import annotations

import math

from slskdn_tui.engine.jobs.parents.pace import waiting
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.parents import Member, MemberRow, ParentRecord, ParentRow, ParentState, ParentsView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey


async def parents_view(engine: Parts, key: ViewKey) -> ParentsView:
    """UserError `not_found` for a parent that is none."""
    if not key.subject:
        rows = [_row(engine, record) for record in engine.parents.all()]
        return ParentsView(0, tuple(rows[key.start : key.start + key.count]))
    record = engine.parents.find(key.subject)
    if record is None:
        raise UserError("not_found", f"no parent job {key.subject!r}", "`slskdn jobs parents` lists them")
    members = [_member(engine, member) for member in record.members]
    return ParentsView(0, (_row(engine, record),), tuple(members[key.start : key.start + key.count]))


def _row(engine: Parts, record: ParentRecord) -> ParentRow:
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
        float(math.ceil(engine.soulseek.search_forecast(len(left)))) if active and left else None,
        SafeText(engine.parents.notes.get(record.parent_id, "")),
    )


def _member(engine: Parts, member: Member) -> MemberRow:
    job = engine.parents.job(member)
    state = member.outcome or (str(job.record.state) if job is not None else "waiting")
    reason = member.reason or (job.record.error if job is not None else "")
    return MemberRow(member.release_mbid, 0, member.title, member.artist, member.date, state, member.job_id, SafeText(reason))
