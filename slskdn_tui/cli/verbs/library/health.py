"""Shell: `library health`. What dismisses or checks goes through `acting`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context, put_json
from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import cut
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.health import ISSUE_WORDS, HealthView, Issue, issue_json
from slskdn_tui.model.text import counted
from slskdn_tui.model.views import ViewKey

PAGE = 500


def health(context: Context) -> int:
    key = ViewKey("health", context.args.get("kind") or "", context.args.get("filter") or "", count=PAGE)
    view = context.view("any", key, HealthView, whole=True)
    if context.json:
        put_json([issue_json(row.issue) for row in view.rows])
    else:
        context.put_lines(health_lines(view, context.look))
    return 0


def health_lines(view: HealthView, look: Look) -> list[str]:
    """One line for all, then each issue: how bad, what, its key; the path; what was seen; what would mend it."""
    if not view.checked_at:
        return ["The library was not checked yet: `slskdn library scan` reads it, `slskdn library check` applies the rules."]
    dismissed = f"; {counted(view.dismissed, 'issue')} dismissed" if view.dismissed else ""
    lines = [f"{counted(view.files, 'file')} checked {units.moment(view.checked_at)}: {view.words}{dismissed}"]
    if view.checking:
        lines.append("Another check runs.")
    for row in view.rows:
        lines += ["", *issue_lines(row.issue)]
    return [cut(line, look.width, look.mark) for line in lines] if look.width else lines


def issue_lines(issue: Issue) -> list[str]:
    lines = [f"{issue.severity:<6}  {ISSUE_WORDS[issue.kind][0]}: {issue.words}", f"  {issue.path}"]
    lines += [f"  {each.words}" for each in issue.evidence]
    return [*lines, f"  fix: {issue.fix.words}", f"  key: {issue.key}"]
