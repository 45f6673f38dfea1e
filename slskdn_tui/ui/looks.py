"""Looks: what a `:` line that names a job, or asks for the status, shows. Shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.stats import StatsView
from slskdn_tui.model.views import JobView, ViewKey
from slskdn_tui.ui.poller import NEVER
from slskdn_tui.ui.present.status import part_lines, stats_lines
from slskdn_tui.ui.screens.dialogs import Facts
from slskdn_tui.ui.screens.trace import TraceScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions
    from slskdn_tui.ui.app import SlskdnApp


def status(app: SlskdnApp) -> Facts:
    """The engine's parts in words."""
    return Facts("Status", lambda width: part_lines(app.status, app.engine.description, width))


def open_stats(actions: Actions, args: dict[str, Any]) -> None:
    actions.start(_stats(actions))


async def _stats(actions: Actions) -> None:
    """The success metrics as they are now."""
    try:
        view = await actions.app.engine.snapshot(ViewKey("stats"), NEVER)
    except (UserError, OSError, EOFError) as error:
        actions.say(f"the engine does not answer: {error}", "colors.error")
        return
    assert isinstance(view, StatsView)
    await actions.ask(Facts("Stats of this node", lambda width: stats_lines(view, width)))


async def look(app: SlskdnApp, name: str, args: dict[str, Any]) -> None:
    """Show the job that `args` names: in its trace (`trace.open`), on Swarms (`view.details`) or on Jobs. UserError when there is none."""
    reference, track = str(args["job"]), int(args.get("track") or 0)
    try:
        view = await app.engine.snapshot(ViewKey("job", subject=reference), NEVER)
    except (OSError, EOFError) as error:
        raise UserError("no_engine", f"the engine does not answer: {error}") from error
    if not isinstance(view, JobView):
        raise UserError("not_found", f"no job {reference!r}")
    job = view.job.job_id
    if track and track not in {row.position for row in view.tracks}:
        raise UserError("not_found", f"job {job[:8]} has no track {track}")
    if name == "trace.open":
        open_trace(app, job, track)
        return
    mode = "swarms" if name == "view.details" else "jobs"
    app.places.wanted = (job, track)
    app.places.visit(mode)
    app.poller.forget(mode)


def open_trace(app: SlskdnApp, job: str, track: int) -> None:
    """The trace over what is shown; one of this job that is open already goes to the track."""
    top = app.screen_stack[-1]
    if isinstance(top, TraceScreen) and top.job == job:
        top.choose(track)
    else:
        app.push_screen(TraceScreen(job, track))
