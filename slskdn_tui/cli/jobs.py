"""Shell: `jobs list`, `jobs show`, `debug job`. What changes a job goes through `acting`."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.cli.context import Context, put_json, to_json
from slskdn_tui.cli.present import render, trace
from slskdn_tui.model.views import JobsView, JobView, TraceView, ViewKey
from slskdn_tui.seam import EngineProtocol

PAGE = 500


async def _all_jobs(engine: EngineProtocol) -> JobsView:
    view = await engine.snapshot(ViewKey("jobs", count=PAGE))
    assert isinstance(view, JobsView)
    rows = list(view.rows)
    while len(rows) < view.total:
        more = await engine.snapshot(ViewKey("jobs", start=len(rows), count=PAGE))
        if not isinstance(more, JobsView) or not more.rows:
            break
        rows += more.rows
    return replace(view, rows=tuple(rows))


def list_jobs(context: Context) -> int:
    view = context.with_engine("any", _all_jobs)
    if context.json:
        put_json(to_json(view)["rows"])
    else:
        context.put_lines(render.jobs(view, context.look))
    return 0


def show_job(context: Context) -> int:
    async def work(engine: EngineProtocol) -> JobView:
        view = await engine.snapshot(ViewKey("job", context.args["job"]))
        assert isinstance(view, JobView)
        return view

    view = context.with_engine("any", work)
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(render.job(view, context.look))
    return 0


def show_trace(context: Context) -> int:
    subject = context.args["job"] + (f"/{context.args['track']}" if context.args.get("track") is not None else "")

    async def work(engine: EngineProtocol) -> TraceView:
        view = await engine.snapshot(ViewKey("trace", subject, count=PAGE))
        assert isinstance(view, TraceView)
        rows = list(view.rows)
        while len(rows) < view.total:
            more = await engine.snapshot(ViewKey("trace", subject, start=len(rows), count=PAGE))
            if not isinstance(more, TraceView) or not more.rows:
                break
            rows += more.rows
        return replace(view, rows=tuple(rows))

    view = context.with_engine("any", work)
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(trace.summary(view, context.look))
    return 0
