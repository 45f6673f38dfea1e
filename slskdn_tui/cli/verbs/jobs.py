"""Shell: `jobs list`, `jobs show`, `debug job`. What changes a job goes through `acting`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context, put_json
from slskdn_tui.cli.present import render, trace
from slskdn_tui.model.trace_json import trace_document
from slskdn_tui.model.views import JobsView, JobView, TraceView, ViewKey

PAGE = 500
TRACE_PAGE = 5000


def list_jobs(context: Context) -> int:
    return context.show(context.view("any", ViewKey("jobs", count=PAGE), JobsView, whole=True), render.jobs, rows=True)


def show_job(context: Context) -> int:
    return context.show(context.view("any", ViewKey("job", context.args["job"]), JobView), render.job)


def show_trace(context: Context) -> int:
    subject = context.args["job"] + (f"/{context.args['track']}" if context.args.get("track") is not None else "")
    view = context.view("any", ViewKey("trace", subject, count=TRACE_PAGE), TraceView, whole=True)
    if context.json:
        put_json(trace_document(view))
    else:
        context.put_lines(trace.summary(view, context.look))
    return 0
