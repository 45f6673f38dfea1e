"""Shell: `peers list`, `peers show`, `contribution`. What changes a peer goes through `acting`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context, put_json, to_json
from slskdn_tui.cli.present import peers
from slskdn_tui.model.peers import ContributionView, PeersView
from slskdn_tui.model.views import ViewKey

PAGE = 500


def list_peers(context: Context) -> int:
    return context.show(context.view("any", ViewKey("peers", count=PAGE), PeersView, whole=True), peers.listed, rows=True)


def show_peer(context: Context) -> int:
    view = context.view("any", ViewKey("peers", context.args["peer"]), PeersView)
    if context.json:
        put_json(to_json(view)["rows"][0])
    else:
        context.put_lines(peers.shown(view.rows[0], context.look))
    return 0


def show_contribution(context: Context) -> int:
    view = context.view("any", ViewKey("contribution", str(context.args["days"])), ContributionView)
    return context.show(view, peers.report)
