"""Shell: `status` and `log`."""

from __future__ import annotations

import asyncio

from slskdn_tui.cli.context import Context, put, put_json, say, to_json
from slskdn_tui.cli.present import render
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.stats import StatsView, figures
from slskdn_tui.model.views import LogRow, LogView, StatusView, ViewKey
from slskdn_tui.seam import EngineProtocol

POLL_S = 0.5
WAIT_S = 1.0
"""How often it is looked for an engine."""
_LEVELS = ("info", "warning", "error")
_KEY = ViewKey("log", count=100_000)


def status(context: Context) -> int:
    return context.show(context.view("any", ViewKey("status"), StatusView), render.status)


def stats(context: Context) -> int:
    return context.show(context.view("any", ViewKey("stats"), StatsView), _stats_lines)


def _stats_lines(view: StatsView, look: Look) -> list[str]:
    lines = table(
        (Column("FIGURE"), Column("NOW", "right"), Column("OF", flex=True, least=12)),
        [(each.name, each.value, each.words) for each in figures(view)],
        look.width,
        look.mark,
    )
    return [*lines, "", "Counted on this node and never sent; docs/stats.md says from what."]


def wanted(rows: tuple[LogRow, ...], part: str | None, level: str | None) -> list[LogRow]:
    """Rows of a part and of a level or above, oldest first. Pure."""
    least = _LEVELS.index(level) if level else 0
    return sorted((row for row in rows if (not part or row.part == part) and _LEVELS.index(row.level) >= least), key=lambda row: row.time)


def log(context: Context) -> int:
    """The last lines, then with --follow whatever comes, until ctrl+c; without an engine it waits for one, and again when that has gone."""
    if context.args.get("follow"):
        asyncio.run(_follow(context))
        return 0

    async def work(engine: EngineProtocol) -> None:
        _show_last(context, await _log_view(engine))

    context.with_engine("any", work)
    return 0


async def _follow(context: Context) -> None:
    engine = await _engine(context)
    if engine is None:
        stored = await context.hooks.connect(context.paths, context.settings, "any")
        try:
            _show_last(context, await _log_view(stored))
        finally:
            await stored.stop()
    first = engine is not None
    while True:
        if engine is None:
            say("(no engine runs for this profile; waiting for one, ctrl+c ends)")
            while (engine := await _engine(context)) is None:
                await asyncio.sleep(WAIT_S)
        try:
            await _follow_one(context, engine, old_too=not first)
        except UserError as error:
            if error.code != "no_engine":
                raise
        finally:
            await engine.stop()
        engine, first = None, False


async def _engine(context: Context) -> EngineProtocol | None:
    """The running engine, None when there is none."""
    try:
        return await context.hooks.connect(context.paths, context.settings, "live")
    except UserError as error:
        if error.code != "no_engine":
            raise
        return None


async def _follow_one(context: Context, engine: EngineProtocol, *, old_too: bool) -> None:
    """Print this engine's lines for as long as it runs: its last ones, or with `old_too` (it was waited for) all."""
    view = await _log_view(engine)
    if old_too:
        _show(context, view, _wanted(context, view))
    else:
        _show_last(context, view)
    seen, version = {row.key for row in view.rows}, view.version
    while True:
        await asyncio.sleep(POLL_S)
        fresh = await engine.snapshot(_KEY, version)
        if not isinstance(fresh, LogView):
            continue
        keys = {row.key for row in fresh.rows}
        if seen and not seen & keys:
            say("(lines were lost: more came than could be kept)")
        _show(context, fresh, [row for row in _wanted(context, fresh) if row.key not in seen])
        seen, version = keys, fresh.version


async def _log_view(engine: EngineProtocol) -> LogView:
    view = await engine.snapshot(_KEY)
    assert isinstance(view, LogView)
    return view


def _wanted(context: Context, view: LogView) -> list[LogRow]:
    return wanted(view.rows, context.args.get("part"), context.args.get("level"))


def _show_last(context: Context, view: LogView) -> None:
    if not view.rows:
        say("(nothing was logged in this profile yet)")
    rows, lines = _wanted(context, view), max(0, int(context.args["lines"]))
    _show(context, view, rows[len(rows) - lines :] if lines < len(rows) else rows)


def _show(context: Context, view: LogView, rows: list[LogRow]) -> None:
    for row in rows:
        if context.json:
            put_json(_of(view, row), one_line=True)
        else:
            put(render.log_line(row, context.look))


def _of(view: LogView, row: LogRow) -> object:
    """One row as JSON, through the view's own schema."""
    return to_json(LogView(view.version, (row,)))["rows"][0]
