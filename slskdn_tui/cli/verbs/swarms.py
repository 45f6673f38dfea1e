"""Shell: `swarms list`, `swarms show`. What changes a swarm goes through `acting`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context, put_json, to_json
from slskdn_tui.cli.present import render
from slskdn_tui.model.views import JobView, SwarmsView, TrackView, ViewKey
from slskdn_tui.seam import EngineProtocol

MOST = 5000


def list_swarms(context: Context) -> int:
    return context.show(context.view("any", ViewKey("swarms", count=MOST), SwarmsView), render.swarms)


def show_swarm(context: Context) -> int:
    """One track, or with no --track every track of the job."""
    wanted = context.args.get("track")

    async def work(engine: EngineProtocol) -> list[TrackView]:
        positions = [wanted]
        job = context.args["job"]
        if wanted is None:
            whole = await engine.snapshot(ViewKey("job", job))
            assert isinstance(whole, JobView)
            positions = [row.position for row in whole.tracks]
        views = [await engine.snapshot(ViewKey("track", f"{job}/{position}")) for position in positions]
        return [view for view in views if isinstance(view, TrackView)]

    views = context.with_engine("any", work)
    if context.json:
        put_json(to_json(views[0]) if wanted is not None and views else [to_json(view) for view in views])
        return 0
    for at, view in enumerate(views):
        context.put_lines(([""] if at else []) + render.track(view, context.look))
    return 0
