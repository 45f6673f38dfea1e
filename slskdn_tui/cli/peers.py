"""Shell: `peers list`, `peers show`, `contribution`. What changes a peer goes through `acting`."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.cli.context import Context, put_json, to_json
from slskdn_tui.cli.present import peers
from slskdn_tui.model.peers import ContributionView, PeersView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import EngineProtocol

PAGE = 500


async def _all(engine: EngineProtocol) -> PeersView:
    view = await engine.snapshot(ViewKey("peers", count=PAGE))
    assert isinstance(view, PeersView)
    rows = list(view.rows)
    while len(rows) < view.total:
        more = await engine.snapshot(ViewKey("peers", start=len(rows), count=PAGE))
        if not isinstance(more, PeersView) or not more.rows:
            break
        rows += more.rows
    return replace(view, rows=tuple(rows))


def list_peers(context: Context) -> int:
    view = context.with_engine("any", _all)
    if context.json:
        put_json(to_json(view)["rows"])
    else:
        context.put_lines(peers.listed(view, context.look))
    return 0


def show_peer(context: Context) -> int:
    async def work(engine: EngineProtocol) -> PeersView:
        view = await engine.snapshot(ViewKey("peers", context.args["peer"]))
        assert isinstance(view, PeersView)
        return view

    view = context.with_engine("any", work)
    if context.json:
        put_json(to_json(view)["rows"][0])
    else:
        context.put_lines(peers.shown(view.rows[0], context.look))
    return 0


def show_contribution(context: Context) -> int:
    async def work(engine: EngineProtocol) -> ContributionView:
        view = await engine.snapshot(ViewKey("contribution", str(context.args["days"])))
        assert isinstance(view, ContributionView)
        return view

    view = context.with_engine("any", work)
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(peers.report(view, context.look))
    return 0
