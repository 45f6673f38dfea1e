"""Shell: `uploads list`, `limits show`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context, put_json, to_json
from slskdn_tui.cli.present import sharing
from slskdn_tui.model.finding import LimitsView, UploadsView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import EngineProtocol


def list_uploads(context: Context) -> int:
    async def work(engine: EngineProtocol) -> UploadsView:
        view = await engine.snapshot(ViewKey("uploads", count=5000))
        assert isinstance(view, UploadsView)
        return view

    view = context.with_engine("live", work)
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(sharing.uploads(view, context.look))
    return 0


def show_limits(context: Context) -> int:
    async def work(engine: EngineProtocol) -> LimitsView:
        view = await engine.snapshot(ViewKey("limits"))
        assert isinstance(view, LimitsView)
        return view

    view = context.with_engine("live", work)
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(sharing.limits(view, context.look))
    return 0
