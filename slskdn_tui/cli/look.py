"""Shell: `status` and `log`."""

from __future__ import annotations

import asyncio

from slskdn_tui.cli.context import Context, put, put_json, say, to_json
from slskdn_tui.cli.present import render
from slskdn_tui.model.views import LogRow, LogView, StatusView, ViewKey
from slskdn_tui.seam import EngineProtocol

POLL_S = 0.5
_LEVELS = ("info", "warning", "error")
_MOST = 100_000


def status(context: Context) -> int:
    async def work(engine: EngineProtocol) -> StatusView:
        view = await engine.snapshot(ViewKey("status"))
        assert isinstance(view, StatusView)
        return view

    view = context.with_engine("any", work)
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(render.status(view, context.look))
    return 0


def wanted(rows: tuple[LogRow, ...], part: str | None, level: str | None) -> list[LogRow]:
    """Rows of a part and of a level or above, oldest first. Pure."""
    least = _LEVELS.index(level) if level else 0
    return sorted((row for row in rows if (not part or row.part == part) and _LEVELS.index(row.level) >= least), key=lambda row: row.time)


def log(context: Context) -> int:
    """The last lines, then with --follow whatever comes, until ctrl+c."""
    args = context.args
    part, level, follow = args.get("part"), args.get("level"), bool(args.get("follow"))

    def show(rows: list[LogRow], view: LogView) -> None:
        for row in rows:
            if context.json:
                put_json(_of(view, row), one_line=True)
            else:
                put(render.log_line(row, context.look))

    async def work(engine: EngineProtocol) -> None:
        key = ViewKey("log", count=_MOST)
        view = await engine.snapshot(key)
        assert isinstance(view, LogView)
        lines = max(0, int(args["lines"]))
        rows = wanted(view.rows, part, level)
        show(rows[len(rows) - lines :] if lines < len(rows) else rows, view)
        seen, version = {row.key for row in view.rows}, view.version
        while follow:
            await asyncio.sleep(POLL_S)
            fresh = await engine.snapshot(key, version)
            if not isinstance(fresh, LogView):
                continue
            keys = {row.key for row in fresh.rows}
            if seen and not seen & keys:
                say("(lines were lost: more came than could be kept)")
            show([row for row in wanted(fresh.rows, part, level) if row.key not in seen], fresh)
            seen, version = keys, fresh.version

    context.with_engine("live" if follow else "any", work)
    return 0


def _of(view: LogView, row: LogRow) -> object:
    """One row as JSON, through the view's own schema."""
    return to_json(LogView(view.version, (row,)))["rows"][0]
