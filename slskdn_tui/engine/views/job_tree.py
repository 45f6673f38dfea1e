"""Jobs as a tree: discographies and crates over their releases, with a job or without one yet. Core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from slskdn_tui.engine.views.parent_rows import parent_row
from slskdn_tui.model.jobs import ENDED
from slskdn_tui.model.parents import Member, ParentRecord, ParentType
from slskdn_tui.model.text import SafeText, lasting
from slskdn_tui.model.views import JobRow, JobsView, ViewKey

TREE = "tree"
"""Subject of the view `jobs` that asks for it; `tree/ID,ID` with the parents whose releases are wanted even when not all rows fit into the window."""
_ENDED = frozenset(str(state.value) for state in ENDED)
Forecast = Callable[[int], float]


def shown_jobs(
    rows: Sequence[JobRow],
    parents: Iterable[ParentRecord],
    key: ViewKey,
    forecast: Forecast | None = None,
    note: Callable[[ParentRecord], str] = lambda record: "",
) -> JobsView:
    """Filtered by `key.filter`, a parent of what passes included; the window of it.

    The tree has what is not ended first, in the queue's order, then the newest; one of more rows than the window has the releases of opened parents only.
    """
    whole, _, opened = key.subject.partition("/")
    if whole == TREE:
        ended = sorted((row for row in rows if row.state in _ENDED), key=lambda row: row.finished_at or row.created_at, reverse=True)
        rows = [*(row for row in rows if row.state not in _ENDED), *ended]
    found = job_tree(rows, parents, forecast, note) if whole == TREE else list(rows)
    wanted = key.filter.casefold()
    if wanted:
        kept: list[JobRow] = []
        over: JobRow | None = None
        for row in found:
            over = row if row.level == 0 else over
            if wanted in f"{row.title} {row.artist} {row.state} {row.job_id}".casefold():
                if row.level and over is not None:
                    kept.append(over)
                over = None if row.level else over  # told once
                kept.append(row)
        found = kept
    elif whole == TREE and len(found) > key.count:
        found = _without_folded(found, frozenset(opened.split(",")))
    return JobsView(0, tuple(found[key.start : key.start + key.count]), len(found))


def _without_folded(rows: Iterable[JobRow], opened: frozenset[str]) -> list[JobRow]:
    kept: list[JobRow] = []
    shown = True
    for row in rows:
        shown = row.key in opened if row.level == 0 else shown
        if row.level == 0 or shown:
            kept.append(row)
    return kept


def job_tree(
    rows: Sequence[JobRow],
    parents: Iterable[ParentRecord],
    forecast: Forecast | None = None,
    note: Callable[[ParentRecord], str] = lambda record: "",
) -> list[JobRow]:
    """A parent stands where the first of its jobs does, else at the end; a job that two want stands under the first."""
    by_id = {row.job_id: row for row in rows}
    trees: list[tuple[JobRow, ...]] = []
    first: dict[str, int] = {}
    for record in parents:
        children = []
        for member in record.members:
            child = by_id.get(member.job_id)
            if child is not None and child.job_id not in first:
                first[child.job_id] = len(trees)
                children.append(replace(child, level=1))
            else:
                children.append(_waiting(record, member, child))
        trees.append((_parent(record, children, forecast, note(record)), *children))
    out: list[JobRow] = []
    told: set[int] = set()
    for row in rows:
        place = first.get(row.job_id)
        if place is None:
            out.append(row)
        elif place not in told:
            told.add(place)
            out += trees[place]
    return out + [row for place, tree in enumerate(trees) if place not in told for row in tree]


def _parent(record: ParentRecord, children: Sequence[JobRow], forecast: Forecast | None, note: str) -> JobRow:
    row = parent_row(record, forecast, note)
    there = row.done + row.here
    when = f"the last is searched for in {lasting(row.forecast_s)} or more" if row.forecast_s and row.forecast_s >= 90 else ""
    kind = "crate" if record.type is ParentType.CRATE else "discography"
    scope = {"extended": "core and extended", "all": "everything"}.get(record.scope, record.scope)
    return JobRow(
        key=record.parent_id,
        version=0,
        job_id=record.parent_id,
        type=str(record.type),
        title=SafeText(f"{record.title}: {scope} {kind}" if kind == "discography" else f"{record.title}: crate, {scope}"),
        artist=SafeText(""),
        state=row.state,
        tracks_done=there,
        tracks_total=row.total,
        done=round(there / row.total, 4) if row.total else 0.0,
        speed=sum(child.speed for child in children),
        created_at=record.created_at,
        finished_at=record.finished_at,
        error=SafeText(note or when),
        children=len(children),
    )


def _waiting(record: ParentRecord, member: Member, job: JobRow | None) -> JobRow:
    """A release without a job of its own: it waits, is here, or came to nothing."""
    state = member.outcome or (job.state if job is not None else "waiting")
    there = state in ("here", "completed")
    return JobRow(
        key=f"{record.parent_id}/{member.release_mbid}",
        version=0,
        job_id="",
        type="mb_release",
        title=member.title or SafeText(member.release_mbid),
        artist=member.artist,
        state=state,
        tracks_done=member.tracks if there else 0,
        tracks_total=member.tracks,
        done=1.0 if there else 0.0,
        speed=0.0,
        created_at="",
        error=SafeText(member.reason),
        release=member.release_mbid,
        level=1,
    )
