"""Parent jobs as a view. Shell over the running engine."""

from __future__ import annotations

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.engine.views.parent_rows import shown_parents
from slskdn_tui.model.parents import Member, ParentsView
from slskdn_tui.model.views import ViewKey


async def parents_view(engine: Parts, key: ViewKey) -> ParentsView:
    """UserError `not_found` for a parent that is none."""

    def job(member: Member) -> JobRecord | None:
        live = engine.parents.job(member)
        return live.record if live is not None else None

    found = engine.parents.all()
    return shown_parents(found, key, job, engine.soulseek.search_forecast, lambda record: engine.parents.notes.get(record.parent_id, ""))
