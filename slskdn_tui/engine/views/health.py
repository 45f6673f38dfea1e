"""The health view: issues of the last check, without those the user dismissed. Shell over the store; with an engine and without one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.health import ISSUE_WORDS, HealthView, Issue, IssueKind, IssueRow, shown
from slskdn_tui.model.views import ViewKey

DISMISSED = "dismissed"


async def health_view(store: Store, key: ViewKey, *, checking: bool = False) -> HealthView:
    """UserError `usage` for a subject that is none."""
    if key.subject not in ("", DISMISSED, *get_args(IssueKind)):
        raise UserError("usage", f"no kind of issue {key.subject!r}", f"there are {', '.join(get_args(IssueKind))}, and {DISMISSED}")
    last = await store.health.last()
    index = await store.health.index(last.run)
    dismissed = await store.dismissals.keys()
    counts: Counter[IssueKind] = Counter(kind for _, name, kind in index if name not in dismissed)
    if key.subject == DISMISSED:
        rows = [row for row, name, _ in index if name in dismissed]
    else:
        rows = [row for row, name, kind in index if name not in dismissed and key.subject in ("", kind)]
    wanted = key.filter.casefold()
    if wanted:
        issues = [each for each in await store.health.issues(rows) if wanted in f"{each.path} {each.words} {each.key}".casefold()]
        total, window = len(issues), issues[key.start : key.start + key.count]
    else:
        total, window = len(rows), await store.health.issues(rows[key.start : key.start + key.count])
    return HealthView(
        0,
        tuple(_row(each, key.subject == DISMISSED) for each in window),
        total,
        tuple((kind, counts[kind]) for kind in ISSUE_WORDS if counts[kind]),
        sum(1 for _, name, _ in index if name in dismissed),
        last.files,
        iso(datetime.fromtimestamp(last.checked_at, UTC)) if last.run else "",
        checking,
    )


def _row(issue: Issue, dismissed: bool) -> IssueRow:
    safe = replace(shown(issue), dismissed=dismissed)
    return IssueRow(f"{issue.key} {safe.path}", 0, safe)
